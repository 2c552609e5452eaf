"""Facts: the commands that a text would run, and their positions. The table is cases/facts.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Command
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/facts.toml").read_text("utf-8"))["case"]
QUIET = {"for", "while", "until", "substitution", "if", "function", "group", "subshell"}


def written(command: Command) -> str:
    """Return a command in the form of the table."""
    place = list(command.wrappers)
    loops = [loop.kind for loop in command.loops]
    place += [kind for kind in loops if kind not in place]
    if command.pipe[1] > 1:
        place.append(f"|{command.pipe[0]}/{command.pipe[1]}")
    holds = [kind.split()[0] for kind in command.inside if kind not in loops]
    if loops:
        place += [kind for kind in holds if kind == "subshell"]
    else:
        outer = [kind for kind in holds if kind != "group"]
        place += [f"in:{outer[0]}"] if outer else []
    place += [via for via in command.via if via not in place or via == "ssh"]
    if command.cwd:
        place.append(f"after:{command.cwd}")
    if command.background:
        place.append("&")
    host = " ".join(command.hosts) + ":" if command.hosts else ""
    words = " ".join([word.value for word in command.words])
    return f"{host}{words}" + (f" {{{' '.join(place)}}}" if place else "")


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:40] for case in CASES])
def test_commands_that_a_text_would_run(case: dict[str, object]) -> None:
    script = parse(str(case["text"]))
    assert isinstance(script, Script), script
    assert [written(command) for command in commands(script)] == case["commands"]


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:40] for case in CASES])
def test_spans_cover_the_words(case: dict[str, object]) -> None:
    """Each command's span in the text contains its program, through every layer of quotes."""
    text = str(case["text"])
    script = parse(text)
    assert isinstance(script, Script)
    for command in commands(script):
        assert 0 <= command.start < command.end <= len(text)
        assert command.words[0].value.strip("'\"") in text[command.start : command.end]


PARALLEL = [
    "parallel --halt now,fail=1 python train.py {} ::: 0 3",
    "parallel --halt soon,fail=1 -j2 python train.py {} ::: 0 3",
    "parallel --timeout 5 --nice 4 python train.py {} ::: 0 3",
    "parallel --header : python train.py {} ::: a 0 3",
    "parallel --wd data --env A --shuf python train.py {} ::: 0 3",
    "parallel --sshdelay 1 --tmpl a=b --bar -k python train.py {} ::: 0 3",
    "parallel --halt=now,fail=1 ::: 'python train.py --x 1' 'python train.py --x 2'",
    "sem -j2 --id x python train.py",
]


@pytest.mark.parametrize("text", PARALLEL)
def test_the_command_after_options_of_parallel_is_found(text: str) -> None:
    script = parse(text)
    assert isinstance(script, Script)
    assert [command.words[1].value for command in commands(script) if command.name == "python"][:1] == ["train.py"]
