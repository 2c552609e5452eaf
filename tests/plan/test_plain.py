"""The short way to the plan of a plain line: the same plan as the planner's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pueue_skill.plan.plain import NOT_PLAIN, plain_plan
from pueue_skill.plan.planner import plan_for_run
from pueue_skill.rules import gate
from pueue_skill.shell.detaching import BEHAVIORS
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.shell.nested import SESSION_PROGRAMS
from pueue_skill.shell.parse import parse

CORPUS = Path(__file__).parent.parent / "cases/corpus"
HOSTS = {LOCAL: Host(LOCAL), "h": Host("h", "h", "~/bin/pueue", group="g"), "s": Host("s", "s", "", "slurm")}


def commands() -> set[str]:
    """Return the commands of the corpus, and each word that a rule knows, with and without arguments and wrappers."""
    found = {
        json.loads(line)["command"] for file in CORPUS.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()
    }
    for word in [*gate.ANCHORS, *gate.WITH, *BEHAVIORS, *SESSION_PROGRAMS]:
        found |= {
            word,
            f"{word} -x a.py",
            f"sudo {word} run",
            f"env A=b time {word} -c ls -d",
            f"/usr/bin/{word} -d new",
        }
    return found


def test_the_short_way_gives_the_planners_plan() -> None:
    plain = [text for text in commands() if plain_plan(text, HOSTS)]
    assert len(plain) > 1000
    for text in plain:
        for target, cwd in ((LOCAL, "/x"), ("h", None), ("s", "/y")):
            assert plain_plan(text, HOSTS, target, cwd) == plan_for_run(text, parse(text), HOSTS, target, cwd), text


@pytest.mark.parametrize(
    "text", ["", " a", "a  b", "a b ", "a\n", "a;b", "a &", "a 'b'", "a $x", "a # b", "é", "a*", "~/a", *NOT_PLAIN]
)
def test_other_texts_go_to_the_planner(text: str) -> None:
    assert plain_plan(text, HOSTS) is None
    assert plain_plan("true", HOSTS, "unknown") is None
