"""What a verb does with jobs of a queue: each case that is safe, and chains of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_type_hints

import pytest

from pueue_skill.cli.main import COMMANDS
from pueue_skill.queues.actions import UNSUPPORTED, VERBS, applicable, plan_actions, start_command, stuck_jobs
from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell.model import Host
from pueue_skill.views.actions import PARTICIPLES
from pueue_skill.views.reports import ActsReport


def job(
    number: int,
    status: str,
    result: str | None = None,
    after: Sequence[int] = (),
    group: str = "default",
    **more: object,
) -> JobState:
    code = {"success": 0, "failed": 3}.get(result or "")
    fields: dict[str, object] = {
        "id": str(number), "key": None, "status": status, "result": result, "exit_code": code, "detail": "", "group": group,
        "label": None, "cwd": "/", "command": "work", "after": tuple(map(str, after)), "created": f"at-{number}", "started": None,
        "ended": None,
    }  # fmt: skip
    return JobState(**(fields | more))  # type: ignore[arg-type]


def queue(*states: JobState, **groups: tuple[int, str]) -> Queue:
    named = {"default": (2, "running")} | groups
    return Queue(tuple([Group(name, *about) for name, about in named.items()]), states)


def test_the_command_that_removes_a_queued_job_runs_on_its_host() -> None:
    states = [job(1, "queued")]
    (action,) = plan_actions("kill", "h", states, queue(*states), at=Host("h", "-p 22 h", "~/.local/bin/pueue"))
    assert action.why.endswith("To remove it from the queue: ssh -p 22 h '~/.local/bin/pueue remove 1'")


def done_with(verb: str, states: Sequence[JobState], chosen: Sequence[int]) -> dict[str, tuple[str, str]]:
    there = queue(*states)
    picked = [state for state in states if int(state.id) in chosen]
    return {act.state.id: (act.call, act.why) for act in plan_actions(verb, "h", picked, there)}


@pytest.mark.parametrize(
    ("verb", "status", "result", "call", "why"),
    [
        ("kill", "running", None, "kill", ""),
        ("kill", "paused", None, "kill", ""),
        ("kill", "queued", None, "", "To stash it: pueue-skill pause h:1. To remove it from the queue: pueue remove 1"),
        (
            "kill",
            "stashed",
            None,
            "",
            "it has not started, and is stashed. To remove it from the queue: pueue remove 1",
        ),
        ("kill", "done", "failed", "", "it has already ended"),
        ("restart", "done", "failed", "restart", ""),
        ("restart", "done", "success", "restart", ""),
        ("restart", "done", "killed", "restart", ""),
        ("restart", "running", None, "", "it is still running; kill it first with: pueue-skill kill h:1"),
        ("restart", "paused", None, "", "it is still running"),
        ("restart", "queued", None, "", "it has not run yet"),
        ("clean", "done", "failed", "remove", ""),
        ("clean", "running", None, "", "it is running; clean removes only ended jobs"),
        ("clean", "queued", None, "", "it is queued"),
        ("clean", "stashed", None, "", "it is stashed"),
        ("pause", "running", None, "pause", ""),
        ("pause", "queued", None, "stash", ""),
        ("pause", "paused", None, "", "already paused"),
        ("pause", "stashed", None, "", "already stashed"),
        ("pause", "done", "success", "", "it has already ended"),
        ("start", "paused", None, "start", ""),
        ("start", "stashed", None, "enqueue", ""),
        ("start", "running", None, "", "it is already running"),
        ("start", "queued", None, "", "it starts when its turn comes"),
        ("start", "done", "failed", "", "pueue-skill restart h:1"),
    ],
)
def test_what_a_verb_does_with_a_job(verb: str, status: str, result: str | None, call: str, why: str) -> None:
    found = done_with(verb, [job(1, status, result)], [1])["1"]
    assert found[0] == call
    assert why in found[1]
    assert bool(found[0]) != bool(found[1])


def test_every_verb_has_cases() -> None:
    """In the table above, for all statuses, and in the words of views, the schema and the command line."""
    parameters = next(mark for mark in test_what_a_verb_does_with_a_job.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    rows = parameters.args[1]
    assert {row[0] for row in rows} == set(VERBS)
    kinds = [kind.UNSUPPORTED for kind in KINDS.values()]
    unsupported = {call for calls in [UNSUPPORTED, *kinds] for call in calls}
    assert {row[3] for row in rows if row[3]} | unsupported == PARTICIPLES.keys()
    assert set(get_args(get_type_hints(ActsReport)["verb"])) == set(VERBS)
    assert {name for name, command in COMMANDS.items() if command.group == "Jobs"} >= set(VERBS)
    with pytest.raises(ValueError, match="interrupt"):
        plan_actions("interrupt", "h", [], queue())
    with pytest.raises(ValueError, match="interrupt"):
        applicable("interrupt", [])


CHAIN = [job(1, "done", "failed", label="load"), job(2, "done", "dependency", [1]), job(3, "done", "dependency", [2])]


def test_a_child_is_not_restarted_without_its_failed_parents() -> None:
    found = done_with("restart", CHAIN, [3])
    assert found["3"] == (
        "",
        "it depends on h:2, which was skipped: a dependency failed; restart both: pueue-skill restart h:1 h:2 h:3",
    )
    found = done_with("restart", CHAIN, [2, 3])
    assert (
        "it depends on h:1 (load), which failed with exit code 3; restart both: pueue-skill restart h:1 h:2"
        in found["2"][1]
    )
    assert found["3"][0] == ""  # its parent is refused, so it is


@pytest.mark.parametrize("ids", [("9_10", "10_2", "11"), ("m9", "m10", "m11")], ids=["Slurm's", "other"])
def test_failed_parents_are_named_in_the_order_of_the_queue(ids: tuple[str, str, str]) -> None:
    """Not all kinds of queue have ids that are numbers."""
    first, second, third = ids
    failed = [job(0, "done", "failed", id=id) for id in (first, second)]
    child = job(0, "done", "dependency", id=third, after=(second, first))
    (act,) = plan_actions("restart", "h", [child], queue(*failed, child))
    assert act.why.endswith(f"restart both: pueue-skill restart h:{first} h:{second} h:{third}")


def test_a_chain_is_restarted_whole() -> None:
    assert [call for call, _ in done_with("restart", CHAIN, [1, 2, 3]).values()] == ["restart"] * 3


@pytest.mark.parametrize("parent", [job(1, "done", "success"), job(1, "running"), job(1, "queued")])
def test_a_child_whose_parent_has_not_failed_is_restarted(parent: JobState) -> None:
    assert done_with("restart", [parent, job(2, "done", "dependency", [1])], [2])["2"][0] == "restart"


def test_a_child_whose_failed_parent_is_gone_is_not_restarted() -> None:
    call, why = done_with("restart", [job(2, "done", "dependency", [1])], [2])["2"]
    assert call == ""
    assert "h:1, which failed and is no longer in the queue" in why


def test_a_dependency_of_waiting_jobs_is_not_cleaned() -> None:
    states = [
        job(1, "done", "success"),
        job(2, "stashed", None, [1]),
        job(3, "done", "failed"),
        job(4, "done", "dependency", [3]),
    ]
    found = done_with("clean", states, [1, 3])
    assert found["1"] == ("", "h:2 depends on it, and has not run")
    assert found["3"] == ("", "h:4 depends on it, and has not run")
    assert {call for call, _ in done_with("clean", states, [3, 4]).values()} == {"remove"}


def test_a_chain_of_ten_thousand_jobs_is_fast() -> None:
    states = [job(1, "done", "failed")] + [job(id, "done", "dependency", [id - 1]) for id in range(2, 10_001)]
    found = done_with("restart", states, range(2, 10_001))
    assert {call for call, _ in found.values()} == {""}
    assert "--host h --group default" in found["10000"][1]
    assert len(done_with("clean", states, range(1, 10_001))) == 10_000
    (all_,) = stuck_jobs("h", queue(*states))
    assert len(all_.ids) == 9_999


def test_a_pattern_selects_jobs_that_the_verb_concerns() -> None:
    states = [
        job(1, "running"),
        job(2, "queued"),
        job(3, "stashed"),
        job(4, "paused"),
        job(5, "done", "success"),
        job(6, "done", "failed"),
    ]
    ids = {
        verb: [int(state.id) for state in applicable(verb, states)]
        for verb in ("kill", "pause", "start", "restart", "clean")
    }
    assert ids == {"kill": [1, 4], "pause": [1, 2], "start": [3, 4], "restart": [6], "clean": [5, 6]}


def test_why_jobs_do_not_run() -> None:
    states = [
        job(1, "running"), job(2, "running"), job(3, "queued"), job(4, "queued", None, [1]),  # default: 2 slots
        job(5, "queued", group="p1"), job(6, "queued", None, [7], group="p1"), job(7, "done", "failed", label="load"),
        job(8, "stashed"), job(9, "stashed", due="2026-11-24T17:31:15.954651813Z"), job(10, "paused", group="p2"),
        job(11, "done", "dependency", [7]), job(12, "done", "dependency", [11]),
    ]  # fmt: skip
    found = stuck_jobs("h", queue(*states, p1=(4, "paused"), p2=(1, "running")))
    assert {(one.kind, one.why, one.fix): one.ids for one in found} == {
        ("limit", "2 of 2 slots of default are taken", ""): ("3",),
        ("group", "group p1 is paused", "pueue-skill start --host h --group p1"): ("5",),
        ("dependency", "h:7 (load) failed with exit code 3", "pueue-skill restart h:7 h:11 h:12"): ("6", "11", "12"),
        ("stashed", "stashed", "pueue-skill start h:8"): ("8",),
        ("stashed", "stashed until 2026-11-24 17:31", ""): ("9",),
        ("paused", "paused", "pueue-skill start h:10"): ("10",),
    }


@pytest.mark.parametrize(
    ("states", "groups", "found"),
    [
        # one job waits in the slot that the other needs
        ([job(1, "queued"), job(2, "running", waits=("1",))], {"default": (1, "running")},
         {"h:1, which waits for a slot of default, of which h:2 holds one": "pueue-skill kill h:2 && pueue-skill restart h:2"}),
        # a cycle over two groups
        ([job(1, "queued"), job(2, "running", waits=("3",)), job(3, "queued", group="b"), job(4, "running", waits=("1",), group="b")],
         {"default": (1, "running"), "b": (1, "running")},
         {"h:3, which cannot continue either": "", "h:1, which cannot continue either": ""}),
        ([job(1, "paused"), job(2, "running", waits=("1",), group="w")], {"w": (0, "running")}, {"h:1, which is paused": ""}),
        ([job(1, "queued", group="p"), job(2, "running", waits=("1",), group="w")], {"w": (0, "running"), "p": (1, "paused")},
         {"h:1, which is in group p, which is paused": ""}),
        # these continue
        ([job(1, "running"), job(2, "queued"), job(3, "running", waits=("1", "2"))], {"default": (2, "running")}, {}),
        ([job(1, "queued"), job(2, "running", waits=("1",), group="w")], {"w": (0, "running")}, {}),
        ([job(1, "stashed", due="2026-11-24T17:31:15Z"), job(2, "running", waits=("1",), group="w")], {"w": (0, "running")}, {}),
        ([job(1, "done", "failed"), job(2, "running", waits=("1",))], {"default": (1, "running")}, {}),
    ],
)  # fmt: skip
def test_deadlocks_are_reported(
    states: list[JobState], groups: dict[str, tuple[int, str]], found: dict[str, str]
) -> None:
    cycles = [one for one in stuck_jobs("h", queue(*states, **groups)) if one.kind == "cycle"]
    assert {one.why.removeprefix("waits for "): one.fix for one in cycles} == found


def test_the_name_of_a_group_is_quoted() -> None:
    assert start_command("bigblack", "p1") == "start --host bigblack --group p1"
    assert start_command("bigblack", "two words; rm x") == "start --host bigblack --group 'two words; rm x'"
