"""The commands that programs run on other hosts and in other systems. The table is cases/remote.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from shell_commands import written

from pueue_skill.shell.commands import commands
from pueue_skill.shell.detaching import ALWAYS, OPERAND
from pueue_skill.shell.model import Command
from pueue_skill.shell.parse import parse
from pueue_skill.shell.remote import CARRIERS
from pueue_skill.shell.syntax import Script

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/remote.toml").read_text("utf-8"))["case"]


def commands_of(text: str) -> tuple[Command, ...]:
    script = parse(text)
    assert isinstance(script, Script), script
    return commands(script)


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:60] for case in CASES])
def test_the_command_that_a_carrier_runs(case: dict[str, str]) -> None:
    found = commands_of(case["text"])
    assert written(found[-1]) == case["last"]
    assert len(found[-1].hosts) == len(found[-1].carriers)
    inner = [command for command in found if command.via and command.via[0] != "watch"]
    terminal = next((command.terminal for command in found if command.terminal and command not in inner), "")
    assert terminal == case.get("terminal", "watch" if case["text"].startswith("watch") else "")


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:60] for case in CASES])
def test_the_span_of_the_command_covers_its_words(case: dict[str, str]) -> None:
    last = commands_of(case["text"])[-1]
    part = case["text"][last.start : last.end]
    assert all(word.value in part for word in last.words)
    assert last.wrappers or last.via[:1] == () or part.startswith(last.words[0].value)


@pytest.mark.parametrize("name", CARRIERS)
def test_options_with_the_command_or_the_host_take_a_value(name: str) -> None:
    carrier = CARRIERS[name]
    valued = {f"--{option}" for option in carrier.spec.long.split()} | {f"-{letter}" for letter in carrier.spec.short}
    named = {*carrier.text.split(), *carrier.host.split(), *" ".join(carrier.modules[:1]).split()} - {OPERAND}
    assert named <= valued
    assert not {*carrier.terminal.split(), *carrier.without.split()} - {ALWAYS} & valued
    assert carrier.words or carrier.text or carrier.terminal == ALWAYS


def test_every_carrier_is_in_the_table_of_cases() -> None:
    """Each program of CARRIERS has a case, except for other names of the same grammar."""
    texts = " ".join([case["last"] + " " + case["text"] for case in CASES])
    names = {name.split()[0] for name in CARRIERS}
    assert {name for name in names if name not in texts} <= {"kitten", "clusterssh", "fly"}


@pytest.mark.parametrize("name", sorted(CARRIERS))
def test_help_is_no_command(name: str) -> None:
    assert not any(command.hosts for command in commands_of(f"{name} --help"))
