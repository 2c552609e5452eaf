"""The rewrites of commands, row by row. The table is cases/plans.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pueue_skill.plan.analysis import analyse
from pueue_skill.plan.model import Job, Plan
from pueue_skill.queues.pueue.task import inline_task, parse_task
from pueue_skill.queues.registry import invocation
from pueue_skill.shell.model import LOCAL, Host

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/plans.toml").read_text("utf-8"))
HOSTS = {LOCAL: Host(LOCAL), "bigblack": Host("bigblack", "bigblack", "~/.local/bin/pueue")}


def plan(text: str) -> Plan:
    return analyse(text, HOSTS).plan


@pytest.mark.parametrize("case", CASES["queue"], ids=[case["row"] for case in CASES["queue"]])
def test_rows_of_one_job(case: dict[str, str]) -> None:
    made = plan(case["text"])
    assert made.verdict == "queue"
    (job,) = made.jobs
    assert job.command == case["job"]
    assert (job.host, job.group, job.label) == (case.get("host", LOCAL), case.get("group"), case.get("label"))
    assert case.get("reason", "") in made.reason


@pytest.mark.parametrize("case", CASES["spread"], ids=[case["text"] for case in CASES["spread"]])
def test_rows_of_several_jobs(case: dict[str, Any]) -> None:
    made = plan(case["text"])
    place = {job.key: str(i) for i, job in enumerate(made.jobs, 1)}
    assert [told(job, place) for job in made.jobs] == case["jobs"]


def told(job: Job, place: dict[str, str]) -> str:
    """`LABEL after PLACES in GROUP, each of LOOP | COMMAND`."""
    after = " ".join([place[key] for key in job.after])
    after = f"{after} however" if job.if_failed else f"after {after}" if after else ""
    words = " ".join([word for word in (job.label, after, job.group and f"in {job.group}") if word])
    words += f", each of {(job.each.before + job.each.xargs).strip()}" if job.each else ""
    return f"{words} | {job.command}" if words else job.command


@pytest.mark.parametrize("case", CASES["in_place"], ids=[case["text"] for case in CASES["in_place"]])
def test_rows_of_rewrites_in_place(case: dict[str, str]) -> None:
    made = plan(case["text"])
    assert (made.verdict, made.jobs, made.in_place) == ("queue", (), case["becomes"])


@pytest.mark.parametrize("case", CASES["advice"], ids=[case["text"] for case in CASES["advice"]])
def test_rows_with_advice_only(case: dict[str, str]) -> None:
    made = plan(case["text"])
    assert (made.verdict, made.jobs, invocation(made)) == ("queue", (), None)
    assert case["reason"] in made.reason


@pytest.mark.parametrize("case", CASES["leave"], ids=[case["text"] for case in CASES["leave"]])
def test_rows_left_as_is(case: dict[str, str]) -> None:
    made = plan(case["text"])
    assert (made.verdict, made.jobs) == ("leave", ())
    assert case["reason"] in made.reason


REWRITTEN = [*CASES["queue"], *CASES["spread"], *CASES["in_place"]]


@pytest.mark.parametrize("case", REWRITTEN, ids=[case["text"] for case in REWRITTEN])
def test_an_invocation_is_not_flagged(case: dict[str, str]) -> None:
    text = invocation(plan(case["text"]))
    assert text
    assert analyse(text, HOSTS).findings == ()


@pytest.mark.parametrize(
    "command",
    [
        "a",
        "it's",
        "a\nb",
        "x </dev/null; exit",
        "\udcff'",
        "eval $'x'",
        "env PUEUE_SKILL_KEY=1 bash -c a </dev/null; exit",
    ],
)
def test_the_form_around_a_job_can_be_removed(command: str) -> None:
    assert parse_task(inline_task(Job("k", LOCAL, "pueue", None, None, None, command))) == ("k", command)


@pytest.mark.parametrize(
    "text",
    [
        "sleep 1",
        "env PUEUE_SKILL_KEY=k bash -c a b </dev/null; exit",
        "env PUEUE_SKILL_KEY=k bash -c 'a </dev/null; exit",
    ],
)
def test_tasks_of_other_tools_are_shown_unchanged(text: str) -> None:
    assert parse_task(text) == (None, text)


def test_the_same_work_has_the_same_key() -> None:
    keys = [
        plan(text).jobs[0].key
        for text in ("python train.py", "python train.py  ", "python train.py #", "ssh h 'python train.py'")
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
