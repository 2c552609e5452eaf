"""Batches on hosts in memory: submission, states, restart and cancellation, with faults and interrupted connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from memory_host import Fault, Memory, cut, late, queue_down, refused

from pueue_skill.batches import actions, manifest, resume, states, submission
from pueue_skill.batches import items as batch_items
from pueue_skill.batches.model import Item, LocalFiles
from pueue_skill.batches.states import ItemState, fetch_states
from pueue_skill.batches.submission import ATTEMPTS
from pueue_skill.hosts.client import Unreachable
from pueue_skill.hosts.transport import Done
from pueue_skill.queues.protocol import SubmittedItem

TEXT = """
name = "b"
hosts = ["far"]
refresh = "--from-scratch"
groups.p1 = 2
vars.s = ["x", "y"]
[phases.load]
command = "load {s}"
label = "load-{s}"
group = "p1"
[phases.each]
command = "each {s}"
label = "each-{s}"
after = [{ phase = "load", same = ["s"] }]
[phases.last]
command = "last"
label = "last"
after = ["each"]
"""
LABELS = ["load-x", "load-y", "each-x", "each-y", "last"]


class OnMemory:
    """A batch on hosts in memory; `pauses` are the seconds between the attempts of its submissions."""

    def __init__(self, memory: Memory, folder: Path) -> None:
        self.memory, self.file = memory, folder / "b.toml"
        self.pauses: list[float] = []
        self.write(TEXT)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.made = manifest.load(self.file)
        sources = LocalFiles(lambda pattern: [], lambda rows: [])
        self.items: tuple[Item, ...] = batch_items.items_of(self.made, sources, self.made.hosts)

    def submit(self, *faults: Fault | None, replace: bool = False) -> dict[str, list[SubmittedItem] | Unreachable]:
        self.memory.far.faults += faults
        return submission.submit(self.made, self.items, self.memory.hosts, replace, self.pauses.append)

    def submitted(self, *faults: Fault | None, replace: bool = False) -> dict[str, str]:
        """Submit, and return the result for each job, by label."""
        labels = {item.key: item.label for item in self.items}
        found: dict[str, str] = {}
        for answer in self.submit(*faults, replace=replace).values():
            assert not isinstance(answer, Unreachable), answer
            found |= {labels[one.key]: one.what for one in answer}
        return found

    def states(self) -> list[ItemState]:
        return states.reachable(fetch_states(self.made, self.items, self.memory.hosts))

    def stand(self) -> dict[str, str]:
        return {one.item.label: one.status for one in self.states()}

    def restart(self, *labels: str, refresh: bool = False) -> dict[str, dict[str, str] | Unreachable]:
        found = self.states()
        chosen = [one for one in found if one.item.label in labels]
        return actions.restart(self.made, chosen, found, self.memory.hosts, refresh)


@pytest.fixture
def batch(memory: Memory, tmp_path: Path) -> OnMemory:
    return OnMemory(memory, tmp_path)


def test_a_batch_is_submitted_once(batch: OnMemory) -> None:
    assert batch.submitted() == dict.fromkeys(LABELS, "new")
    assert batch.submitted() == dict.fromkeys(LABELS, "old")
    far = batch.memory.far
    assert far.statuses() == {"load-x": "running", "load-y": "running"} | dict.fromkeys(LABELS[2:], "queued")
    assert far.groups["p1"][1] == 2
    assert batch.pauses == []


def test_no_job_is_added_twice_after_a_truncated_answer(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    answer = sum(len(item.key) + 20 for item in batch.items) + 30
    for count in range(0, answer, 13):
        far.tasks.clear()
        assert set(batch.submitted(None, cut(count))) == set(LABELS)
        assert Counter(one.job["label"] for one in far.tasks.values()) == Counter(LABELS), count


@pytest.mark.parametrize("room", range(6))
def test_a_submission_stopped_between_two_jobs_is_resumed(batch: OnMemory, room: int) -> None:
    """The jobs of the first attempt are reported as new too."""
    batch.memory.far.room = room
    assert batch.submitted() == dict.fromkeys(LABELS, "new")
    assert len(batch.memory.far.tasks) == len(LABELS)
    assert batch.pauses == [0.5]


@pytest.mark.parametrize("fault", [refused, queue_down, late(b""), cut(0)], ids=["away", "down", "late", "cut"])
def test_attempts_at_a_silent_host_have_growing_pauses(batch: OnMemory, fault: Fault) -> None:
    assert set(batch.submitted(*[None, fault] * (ATTEMPTS - 1)).values()) <= {"new", "old"}
    assert batch.pauses == [0.5, 2.0, 5.0]
    assert len(batch.memory.far.tasks) == len(LABELS)
    answer = batch.submit(*[None, fault] * ATTEMPTS)["far"]
    assert isinstance(answer, Unreachable)


def test_nothing_is_submitted_without_an_answer_to_the_preflight(batch: OnMemory) -> None:
    assert isinstance(batch.submit(cut(10))["far"], Unreachable)
    assert batch.memory.far.calls == ["known"]


def test_a_concurrent_submission_is_detected(batch: OnMemory) -> None:
    far = batch.memory.far

    def concurrent(carry_out: Callable[[], bytes]) -> Done:
        known = carry_out()
        far.submissions += 1
        return Done(0, known, b"")

    assert batch.submitted(concurrent) == dict.fromkeys(LABELS, "new")
    assert batch.pauses == [0.5]


def test_changed_definitions(batch: OnMemory) -> None:
    batch.submit()
    batch.write(TEXT.replace('"each {s}"', '"each {s} --more"').replace('"load {s}"', '"load {s} --more"'))
    changed = {"load-x": "changed", "load-y": "changed", "each-x": "changed", "each-y": "changed"}
    found = batch.submitted()
    assert {label: found[label] for label in changed} == changed
    assert batch.stand()["each-x"] == "changed"
    replaced = batch.submitted(replace=True)
    assert (replaced["load-x"], replaced["each-x"]) == ("changed", "new")  # running jobs are left as is


def test_a_job_whose_dependency_failed_and_was_cleaned_is_held(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    far.end("load-x", 3)
    far.end("load-y")
    far.tasks.clear()
    assert batch.submitted() == {
        "load-x": "ended", "load-y": "ended", "each-x": "held", "each-y": "new", "last": "held"
    }  # fmt: skip


def test_states(batch: OnMemory) -> None:
    far = batch.memory.far
    assert set(batch.stand().values()) == {"missing"}
    batch.submit()
    assert batch.stand() == {"load-x": "running", "load-y": "running"} | dict.fromkeys(LABELS[2:], "queued")
    far.end("load-x")
    far.end("load-y", 3)
    assert batch.stand() == {"load-x": "success", "load-y": "failed", "each-x": "running", "each-y": "dependency", "last": "dependency"}  # fmt: skip
    far.kill("each-x")
    found = {one.item.label: (one.status, one.exit_code, one.tries) for one in batch.states()}
    assert found["load-y"] == ("failed", 3, 1)
    assert found["each-x"] == ("killed", None, 1)
    far.tasks.clear()  # cleaned: the recorded exit codes remain
    cleaned = {one.item.label: (one.status, one.exit_code) for one in batch.states()}
    assert cleaned["load-x"] == ("success", 0)
    assert cleaned["load-y"] == ("failed", 3)
    assert cleaned["last"] == ("missing", None)


def test_a_truncated_status_is_an_error(batch: OnMemory) -> None:
    batch.submit()
    whole = len(batch.memory.far.answer('{"ask": "standings", "name": "b"}'))
    for count in range(0, whole, 23):
        batch.memory.far.faults.append(cut(count))
        assert isinstance(fetch_states(batch.made, batch.items, batch.memory.hosts)["far"], Unreachable)


def test_an_unreachable_host_does_not_affect_the_others(batch: OnMemory) -> None:
    batch.write(TEXT.replace('hosts = ["far"]', 'hosts = ["near", "far"]\nspread = "s"'))
    found = batch.submit(refused)
    assert isinstance(found["far"], Unreachable)
    assert len(batch.memory.near.tasks) + sum(item.host == "far" for item in batch.items) == len(batch.items)
    batch.memory.far.faults.append(refused)
    assert {one.item.host for one in batch.states()} == {"near"}
    assert "new" in batch.submitted().values()
    assert set(batch.submitted().values()) == {"old"}


def test_failed_jobs_are_restarted_with_the_jobs_that_depend_on_them(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    far.end("load-x", 3)
    far.kill("load-y")
    advice = {one.state.item.label: one.verdict for one in resume.decide(batch.made, batch.states())}
    assert advice == {
        "load-x": "leave",
        "load-y": "restart",
        "each-x": "leave",
        "each-y": "restart_after",
        "last": "leave",
    }
    assert batch.restart("load-y", "each-y") == {"far": {}}
    assert (batch.stand()["load-y"], batch.stand()["each-y"]) == ("running", "queued")
    advice = {one.state.item.label: one.verdict for one in resume.decide(batch.made, batch.states(), True)}
    assert advice["last"] == "restart_after"
    assert batch.restart("load-x", "each-x", "last") == {"far": {}}
    for label in LABELS:
        far.end(label)
    assert set(batch.stand().values()) == {"success"}
    assert [one.tries for one in batch.states()][:2] == [2, 1]


def test_tries_limits_restarts(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    for _ in range(batch.made.tries - 1):
        far.end("load-x", 137)
        assert "restart" in {one.verdict for one in resume.decide(batch.made, batch.states())}
        batch.restart("load-x")
    far.end("load-x", 137)
    advice = {one.state.item.label: (one.verdict, one.reason) for one in resume.decide(batch.made, batch.states())}
    assert advice["load-x"] == ("leave", "it was started 3 times (tries)")


def test_jobs_that_still_run_are_not_restarted(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    far.kill("load-x")
    key = far.task("load-x").job["key"]
    far.survivors[key] = "4711"
    assert batch.restart("load-x", "each-x") == {"far": {key: "4711"}}
    assert batch.stand()["load-x"] == "killed"


def test_a_truncated_restart_is_an_error(batch: OnMemory) -> None:
    batch.submit()
    batch.memory.far.kill("load-x")
    whole = len(batch.memory.far.answer('{"ask": "restart", "ids": [], "from_scratch": []}'))
    for count in range(whole):
        batch.memory.far.faults += [None, cut(count)]
        assert isinstance(batch.restart("load-x")["far"], Unreachable)


def cancelled(batch: OnMemory) -> dict[str, list[str] | Unreachable]:
    answers = actions.cancel(batch.states(), batch.memory.hosts)
    return {
        host: answer if isinstance(answer, Unreachable) else [one.item.label for one in answer]
        for host, answer in answers.items()
    }


def test_jobs_that_have_not_ended_are_cancelled(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    far.end("load-x")
    assert cancelled(batch) == {"far": LABELS[1:]}
    assert far.statuses() == {"load-x": "success"}
    assert cancelled(batch) == {"far": []}


def test_an_interrupted_cancellation_is_an_error(batch: OnMemory) -> None:
    batch.submit()
    found = batch.states()
    for fault in (refused, cut(0), late(b"")):
        batch.memory.far.faults.append(fault)
        assert isinstance(actions.cancel(found, batch.memory.hosts)["far"], Unreachable)
        batch.memory.far.tasks.clear()
        batch.submit()
        found = batch.states()


def test_output_tails(batch: OnMemory) -> None:
    far = batch.memory.far
    batch.submit()
    far.write("load-x", b"loaded 1\n")
    found = [one for one in batch.states() if one.item.phase == "load"]
    assert states.output_tails(batch.made, found, far.host, 2) == {found[0].item.key: b"1\n", found[1].item.key: b""}
    far.faults.append(cut(40))
    with pytest.raises(Unreachable):
        states.output_tails(batch.made, found, far.host, 2)


def test_capacity(batch: OnMemory) -> None:
    assert states.fetch_capacity(batch.memory.far.host).memory == 8 << 30
    batch.memory.far.faults.append(cut(30))
    with pytest.raises(Unreachable):
        states.fetch_capacity(batch.memory.far.host)
