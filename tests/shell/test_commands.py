"""Facts: the commands that a text would run, and their positions. The table is cases/facts.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from shell_commands import written

from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/facts.toml").read_text("utf-8"))["case"]


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
