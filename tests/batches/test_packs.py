"""Packs: the states of jobs that run in units, what resume decides about them, and the results of their submission."""

from __future__ import annotations

import pytest

from pueue_skill.batches import resume, submission
from pueue_skill.batches.actions import tasks_of
from pueue_skill.batches.model import Item, ItemResult
from pueue_skill.batches.states import ItemState, item_states
from pueue_skill.cli.commands.batch.resume import print_survivors
from pueue_skill.cli.commands.batch.submit import print_results
from pueue_skill.queues.literals import Result, Status
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.protocol import BatchStatus, SubmittedItem, Units

MEMBERS = tuple([Item(f"b:work:{n}:d", "work", "item", "here", f"work-{n}", "default", ":") for n in range(3)])
PACK = Item("b:work:pack:d", "work", "pack", "here", "work:default", "default", "", members=MEMBERS)
LAST = Item("b:last:0:d", "last", "item", "here", "last", "default", ":", after=(PACK.key,))


def job(id: str, key: str, status: Status, result: Result | None = None) -> JobState:
    return JobState(
        id, key, status, result, None, "", "default", None, "/", ":", (), "2026-11-24T10:00:00Z", None, None
    )


def states(
    unit: JobState | None,
    exit_codes: dict[str, list[int]],
    running: set[str] | None = None,
    reruns: set[str] | None = None,
    owned: tuple[str, ...] = tuple([member.key for member in MEMBERS]),
) -> list[ItemState]:
    """Return the states of the members and of LAST, where the members in `owned` are in the unit."""
    jobs = [unit] if unit else []
    jobs.append(job("9", LAST.key, "queued"))
    units = Units({key: "unit-1" for key in owned}, running or set())
    return list(item_states([PACK, LAST], BatchStatus(Queue((), tuple(jobs)), exit_codes, reruns or set(), units)))


UNIT = "b:work:unit-1:0"


@pytest.mark.parametrize(
    ("unit", "options", "statuses"),
    [
        (None, {"owned": ()}, ["missing", "missing", "missing"]),
        (job("1", UNIT, "queued"), {}, ["queued", "queued", "queued"]),
        (job("1", UNIT, "running"), {"running": {MEMBERS[1].key}}, ["queued", "running", "queued"]),
        (job("1", UNIT, "done", "killed"), {}, ["killed", "killed", "killed"]),
        (job("1", UNIT, "done", "failed"), {}, ["killed", "killed", "killed"]),
        (job("1", UNIT, "done", "dependency"), {}, ["dependency", "dependency", "dependency"]),
        (job("1", UNIT, "queued"), {"owned": (MEMBERS[0].key, "b:work:1:x")}, ["queued", "changed", "missing"]),
    ],
)
def test_states_of_jobs_in_a_unit(unit: JobState | None, options: dict[str, object], statuses: list[str]) -> None:
    found = states(unit, {}, **options)  # type: ignore[arg-type]
    assert [state.status for state in found] == [*statuses, "queued"]
    assert [state.pack for state in found] == [*[PACK.key] * 3, ""]


def test_recorded_exit_codes_count_unless_the_job_runs_again() -> None:
    codes = {MEMBERS[0].key: [0], MEMBERS[1].key: [1, 3], MEMBERS[2].key: [1]}
    found = states(job("1", UNIT, "running"), codes, reruns={MEMBERS[2].key})
    assert [(state.status, state.exit_code, state.tries) for state in found[:3]] == [
        ("success", 0, 1),
        ("failed", 3, 2),
        ("queued", None, 1),
    ]


def test_a_unit_that_was_killed_after_its_last_job_is_restarted_with_the_dependent_jobs() -> None:
    found = states(job("1", UNIT, "done", "killed"), {member.key: [0] for member in MEMBERS})
    skipped = found[3]._replace(status="dependency", job=job("9", LAST.key, "done", "dependency"))
    assert tasks_of([skipped], [*found[:3], skipped]) == {"1": UNIT, "9": LAST.key}


def test_a_job_without_a_unit_is_not_restarted(capsys: pytest.CaptureFixture[str]) -> None:
    """Its unit has been removed from the queue: `submit` adds it to another."""
    lost = ItemState(MEMBERS[0], "failed", None, 3, 1, PACK.key)
    decisions = [resume.Decision(lost, "restart", "its cause is fixed")]
    for dry_run in (False, True):
        (result,) = resume.results_of(decisions, {}, dry_run)
        assert (result.did, result.why) == ("left", "it no longer belongs to a unit. Submit the batch")
    survivors: dict[str, dict[str, str]] = {"here": {}, "there": {}}
    print_survivors("b.toml", [lost], survivors)
    assert capsys.readouterr().err == (
        "pueue-skill: some jobs no longer belong to a unit. Try: pueue-skill batch submit b.toml\n"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 job of work:default has changed. --replace resubmits it, unless its unit runs"),
        (2, "2 jobs of work:default has changed. --replace resubmits them, unless their units run"),
    ],
)
def test_changed_jobs_of_a_pack_are_counted(count: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_results("here", [ItemResult(PACK, "changed", count, "1", "")])
    assert capsys.readouterr().err == f"pueue-skill: here: the definition of {words}\n"


def test_results_of_a_submission() -> None:
    outcomes = [
        SubmittedItem(PACK.key, "pack", "2 0 1 0"),
        SubmittedItem(PACK.key, "new", "7"),
        SubmittedItem(LAST.key, "new", "8"),
    ]
    results = submission.results_of([PACK, LAST], outcomes)
    assert [(one.item.label, one.did, one.jobs, one.id) for one in results] == [
        ("work:default", "added", 2, ""),
        ("work:default", "ended", 1, ""),
        ("last", "added", 1, "8"),
    ]
