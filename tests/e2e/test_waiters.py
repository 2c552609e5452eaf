"""Jobs that depend on a loop wait without a slot of its group, and `status` names jobs that wait forever, on a real queue."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, until

from pueue_skill.plan.model import Job
from pueue_skill.queues.pueue.invocation import WAITER, WAITERS, invocation
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("queues_as_before")]


@pytest.fixture
def narrow(pueued: Daemon) -> Iterator[Daemon]:
    """The queue with a paused group `narrow` of one slot."""
    pueued.pueue("group", "add", "--parallel", "1", "narrow")
    pueued.pueue("pause", "--group", "narrow")
    yield pueued
    pueued.remove_group("narrow")
    if WAITERS in pueued.groups():
        pueued.remove_group(WAITERS)


def job(name: str, folder: Path, **more: object) -> Job:
    return Job(name, "local", "pueue", "narrow", name, str(folder), f"echo {name} >> ran; exit {len(name) - 1}", **more)  # type: ignore[arg-type]


def state(daemon: Daemon, id: str) -> str:
    return next(iter(daemon.tasks()[int(id)]["status"]))


def test_waiting_jobs_take_no_slot_from_their_dependencies(narrow: Daemon, tmp_path: Path) -> None:
    """A stashed job that is enqueued after all other jobs have begun to wait gets its slot."""
    jobs = (job("a", tmp_path), job("bad", tmp_path), job("c", tmp_path, after=("a", "bad"), if_failed=True),
            job("d", tmp_path, after=("a", "bad"), if_failed=True))  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", invocation(jobs, Host("local"))], env=narrow.env, capture_output=True, text=True, check=True
    )
    a, bad, c, d = done.stdout.split()
    assert narrow.groups()[WAITERS] == {"status": "Running", "parallel_tasks": 0}
    waiters = [str(id) for id, task in narrow.tasks().items() if task["group"] == WAITERS]
    assert len(waiters) == 1
    narrow.pueue("stash", a)
    narrow.pueue("start", "--group", "narrow")
    assert narrow.result(bad) == {"Failed": 2}
    until(lambda: state(narrow, waiters[0]) == "Running", "the waiter")
    assert {state(narrow, id) for id in (c, d)} == {"Queued"}
    narrow.pueue("enqueue", a)
    assert [narrow.result(id) for id in (a, c, d)] == ["Success"] * 3
    assert (tmp_path / "ran").read_text().split() == ["bad", "a", "c", "d"]
    assert {narrow.tasks()[int(id)]["group"] for id in (a, bad, c, d)} == {"narrow"}


def test_status_names_jobs_that_wait_forever_and_the_command_that_ends_that(
    narrow: Daemon, home: Path, tmp_path: Path
) -> None:
    """A job of version 0.1 waits in the slot that the other job needs; the command that status prints ends that."""
    add = ("add", "--print-task-id", "--group", "narrow", "--working-directory", str(tmp_path), "--")
    first = narrow.pueue(*add, "echo first >> ran")
    narrow.pueue("stash", first)
    waits = WAITER.format(pueue=quote.path("pueue"), ids=first)
    waiter = narrow.pueue(*add, f"{waits}; env PUEUE_SKILL_KEY=w bash -c 'echo then >> ran' </dev/null; exit")
    narrow.pueue("start", "--group", "narrow")
    until(lambda: state(narrow, waiter) == "Running", "the waiter")

    def shown() -> str:
        env = narrow.env | {"COLUMNS": "300", "XDG_CONFIG_HOME": str(home / "config")}
        return subprocess.run(
            ["pueue-skill", "status", "local"], env=env, capture_output=True, text=True, check=False
        ).stdout

    assert f"local:{waiter}: waits for local:{first}, which is stashed" in shown()
    narrow.pueue("enqueue", first)
    fix = f"pueue-skill kill local:{waiter} && pueue-skill restart local:{waiter}"
    assert (
        f"local:{waiter}: waits for local:{first}, which waits for a slot of narrow, of which local:{waiter} holds one. Try: {fix}\n"
        in shown()
    )
    subprocess.run(
        ["bash", "-c", fix], env=narrow.env | {"XDG_CONFIG_HOME": str(home / "config")}, capture_output=True, check=True
    )
    assert narrow.result(first) == "Success"
    until(lambda: (tmp_path / "ran").read_text().split() == ["first", "then"], "the work of the waiter")
    assert "waits for" not in shown()
