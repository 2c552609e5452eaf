"""Whether the turns of a loop become jobs of their own. The table is cases/independence.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pueue_skill.analysis import analyse
from pueue_skill.model import LOCAL, Host, Plan

CASES = tomllib.loads((Path(__file__).parent / "cases/independence.toml").read_text("utf-8"))
HOSTS = {LOCAL: Host(LOCAL), "bigblack": Host("bigblack", "bigblack", "~/.local/bin/pueue")}


def plan(text: str) -> Plan:
    return analyse(text, HOSTS).plan


@pytest.mark.parametrize(("text", "reason"), CASES["dependent"].items())
def test_turns_that_depend_on_each_other_are_one_job(text: str, reason: str) -> None:
    made = plan(text)
    (job,) = made.jobs
    assert (job.command, job.each) == (text, None)
    assert reason in made.reason.partition("it stays one job: ")[2]


@pytest.mark.parametrize(("text", "count"), CASES["independent"].items())
def test_turns_that_are_independent_are_several_jobs(text: str, count: int) -> None:
    made = plan(text)
    assert "it stays one job" not in made.reason
    if count:
        assert len(made.jobs) == count
    else:
        assert [job.each is not None for job in made.jobs] == [True]


@pytest.mark.parametrize(("text", "detached"), CASES["in_place"].items())
def test_only_independent_turns_are_left_to_themselves_over_ssh(text: str, detached: bool) -> None:
    made = plan(text)
    assert made.in_place is not None
    assert (" --detach " in made.in_place) == detached
