"""Actions on hosts: which jobs are selected, the result for each, and jobs that change between selection and action."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from memory_host import Fault, Memory, cut, late, refused

from pueue_skill.hosts.client import RETRIES, Unreachable
from pueue_skill.hosts.transport import Done
from pueue_skill.jobs import actions
from pueue_skill.jobs.actions import HostResult, Selector
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import JobState
from pueue_skill.startup.errors import UsageError
from pueue_skill.views import actions as actions_view


def chosen(memory: Memory, **choice: object) -> list[str]:
    found, _, _ = actions.select_jobs(Selector(**choice), memory.hosts)  # type: ignore[arg-type]
    return [f"{one.host.name}:{state.id}" for one in found for state in one.states]


def acted(memory: Memory, verb: str, meanwhile: Callable[[], object] | None = None, **choice: object) -> dict[str, HostResult | Unreachable]:  # fmt: skip
    """Carries out a verb; `meanwhile` runs between the selection and the action."""
    wanted = Selector(**choice)  # type: ignore[arg-type]
    planned = actions.plan_actions(verb, wanted, actions.select_jobs(wanted, memory.hosts)[0])
    if meanwhile:
        meanwhile()
    return actions.act(verb, wanted, planned)


def results(found: dict[str, HostResult | Unreachable]) -> dict[str, tuple[str, str]]:
    """The status and reason of each result, by the name of the job."""
    return {
        f"{name}:{one.action.state.id}": (one.status, one.why)
        for name, result in found.items()
        if isinstance(result, HostResult)
        for one in result.results
    }


@pytest.fixture
def jobs(memory: Memory) -> Memory:
    """Two jobs on each host; those of far are newer."""
    memory.far.ticks = 100
    for on in (memory.near, memory.far):
        on.add(label="a", key=f"{on.host.name}-a")
        on.add(label="b", key=f"{on.host.name}-b", group="p1")
    return memory


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"jobs": ("far:m1",)}, ["far:m1"]),
        ({"jobs": ("far:m1", "far:m1", "far-a", "near:b")}, ["near:m2", "far:m1"]),
        ({"jobs": ("a",)}, ["far:m1"]),  # the newest
        ({"jobs": ("a~1",)}, ["near:m1"]),
        ({"label": "a"}, ["near:m1", "far:m1"]),
        ({"label": "*", "hosts": ("far",)}, ["far:m1", "far:m2"]),
        ({"group": "p1"}, ["near:m2", "far:m2"]),
    ],
)
def test_jobs_are_selected(jobs: Memory, choice: dict[str, object], names: list[str]) -> None:
    assert chosen(jobs, **choice) == names


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (
            {"group": "p1", "label": "a*"},
            "no job has a label like 'a\\*' and the group p1. There is:\n  near: group default",
        ),
        ({"jobs": ("c",)}, "no job is called c. There is:"),
        ({"jobs": ("near-aa",)}, "no job is called near-aa; similar names: near-a"),
        ({"jobs": ("a~2",)}, "no job is called a~2: 2 jobs are called a, and the oldest is a~1"),
        ({"jobs": ("near-a~1",)}, "no job is called near-a~1: there is only one job called near-a"),
        ({"jobs": ("far:m9",)}, "no job is called far:m9"),
        ({"jobs": ("m1",), "hosts": ("near",)}, "a bare id is a job of this machine, write near:m1"),
        ({}, "no job is selected: give HOST:ID"),
        ({"label": "a", "hosts": ("elsewhere",)}, "no host is called elsewhere"),
    ],
)
def test_an_empty_selection_lists_the_existing_jobs(jobs: Memory, choice: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        chosen(jobs, **choice)


def test_a_host_without_answer_is_reported_if_it_may_have_the_job(jobs: Memory) -> None:
    jobs.far.faults.append(refused)
    found, down, _ = actions.select_jobs(Selector(label="a"), jobs.hosts)
    assert [one.host.name for one in found] == ["near"]
    assert "cannot be reached" in str(down["far"])
    jobs.far.faults.append(refused)
    with pytest.raises(Unreachable, match="cannot be reached"):
        actions.select_jobs(Selector(jobs=("c",)), jobs.hosts)


def test_running_jobs_are_killed_and_the_next_start(memory: Memory) -> None:
    memory.far.groups["default"][1] = 1
    for label in "abc":
        memory.far.add(label=label)
    found = acted(memory, "kill", label="*")
    assert results(found) == {"far:m1": ("done", "")}
    assert memory.far.statuses() == {"a": "killed", "b": "running", "c": "queued"}
    named = results(acted(memory, "kill", jobs=("a", "c")))
    assert named == {"far:m1": ("left", "it has already ended"), "far:m3": ("done", "")}


def test_a_job_that_changed_since_its_selection_is_left_as_is(jobs: Memory) -> None:
    def meanwhile() -> None:
        jobs.far.end("a")
        jobs.far.lose("b")

    found = results(acted(jobs, "kill", meanwhile, jobs=("far:a", "far:b")))
    assert found == {
        "far:m1": ("changed", "it is now done; nothing was done"),
        "far:m2": ("changed", "it is no longer in the queue; nothing was done"),
    }
    assert jobs.far.statuses() == {"a": "success"}


def test_a_waiting_job_that_is_held_meanwhile_is_cancelled() -> None:
    """Slurm cancels it, so the result must not be that nothing was done."""
    queued = JobState("1", "k", "queued", None, None, "", "default", None, "/", "x", (), "at-1", None, None)
    held, killed = queued._replace(status="stashed"), queued._replace(status="done", result="killed")
    result = actions.action_result(Action(queued, "cancel"), held, killed, None, "")
    assert (result.status, result.why) == ("done", "")
    result = actions.action_result(Action(queued, "stash"), held, held, None, "")
    assert (result.status, result.why) == ("changed", "it is now stashed; nothing was done")


def test_a_reused_id_is_another_job(jobs: Memory) -> None:
    def meanwhile() -> None:
        jobs.far.lose("b")
        jobs.far.ids = 1
        jobs.far.add(label="other")

    found = results(acted(jobs, "kill", meanwhile, jobs=("far:b",)))
    assert found["far:m2"][0] == "changed"
    assert jobs.far.statuses()["other"] == "running"


def test_a_chain_is_restarted_in_place_and_in_order(memory: Memory) -> None:
    far = memory.far
    far.add(label="a")
    far.add(label="b", after=["m1"])
    far.add(label="c", after=["m2"])
    far.end("a", 3)
    assert far.statuses() == {"a": "failed", "b": "dependency", "c": "dependency"}
    refused_one = results(acted(memory, "restart", jobs=("far:c",)))["far:m3"]
    assert refused_one[0] == "refused"
    assert "pueue-skill restart far:m1 far:m2 far:m3" in refused_one[1]
    assert set(results(acted(memory, "restart", label="*")).values()) == {("done", "")}
    assert far.statuses() == {"a": "running", "b": "queued", "c": "queued"}
    for label in "abc":
        far.end(label)
    assert set(far.statuses().values()) == {"success"}


def test_a_job_whose_process_still_runs_is_not_restarted(memory: Memory) -> None:
    memory.far.add(key="k")
    memory.far.kill("k")
    memory.far.survivors["k"] = "4711"
    found = results(acted(memory, "restart", jobs=("far:m1",)))
    assert found == {"far:m1": ("refused", "its process 4711 is still running on the host; kill it first")}


def test_a_job_is_not_restarted_if_its_dependency_was_removed_meanwhile(memory: Memory) -> None:
    far = memory.far
    far.add(label="a")
    far.add(label="b", after=["m1"])
    far.end("a", 1)
    found = results(acted(memory, "restart", lambda: far.lose("a"), label="*"))
    assert found["far:m1"][0] == "changed"
    assert found["far:m2"] == ("failed", "its dependency was not restarted")
    assert far.statuses() == {"b": "dependency"}


def test_jobs_and_groups_are_paused_and_resumed(jobs: Memory) -> None:
    far = jobs.far
    far.groups["default"][1] = 1
    far.add(label="c")
    assert set(results(acted(jobs, "pause", jobs=("far:a", "far:c"))).values()) == {("done", "")}
    assert far.statuses() == {"a": "paused", "b": "running", "c": "stashed"}
    assert set(results(acted(jobs, "start", jobs=("far:a", "far:c"))).values()) == {("done", "")}
    assert far.statuses() == {"a": "running", "b": "running", "c": "queued"}
    (result,) = acted(jobs, "pause", group="default", hosts=("far",)).values()
    assert isinstance(result, HostResult)
    assert (result.group, result.paused_groups) == ("default", (("default", 1),))
    assert far.groups["default"][2] == "paused"
    (result,) = acted(jobs, "start", group="default", hosts=("far",)).values()
    assert isinstance(result, HostResult)
    assert (result.paused_groups, far.groups["default"][2]) == ((), "running")


def test_jobs_of_a_group_that_start_meanwhile_are_affected_as_well(memory: Memory) -> None:
    memory.far.add(label="a")
    found = acted(memory, "kill", lambda: memory.far.add(label="b"), group="default", hosts=("far",))
    assert results(found) == {"far:m1": ("done", ""), "far:m2": ("done", "")}


def test_ended_jobs_are_cleaned_unless_others_need_them(memory: Memory) -> None:
    far = memory.far
    far.add(label="a")
    far.add(label="b", after=["m1"])
    far.end("a")
    found = results(acted(memory, "clean", jobs=("far:a", "far:b")))
    assert found["far:m1"] == ("refused", "far:m2 depends on it, and has not run")
    assert found["far:m2"][0] == "refused"
    far.end("b")
    assert set(results(acted(memory, "clean", label="*")).values()) == {("done", "")}
    assert far.statuses() == {}


def test_an_incomplete_answer_of_a_host_does_not_affect_others(jobs: Memory) -> None:
    whole = len(jobs.far.answer('{"ask": "status"}'))
    for fault in (refused, cut(0), cut(whole), late(b"")):
        jobs.near.tasks.clear()
        jobs.near.add(label="a")
        found = acted(jobs, "kill", lambda fault=fault: jobs.far.faults.append(fault), label="a")  # type: ignore[misc]
        assert set(results(found).values()) == {("done", "")}
        assert "The result of the action is unknown. See: pueue-skill status far" in str(found["far"])
        jobs.far.tasks["m1"].reset()
        jobs.far.settle()


def test_nothing_to_do_is_reported(jobs: Memory) -> None:
    with pytest.raises(UsageError, match="there is nothing to restart among the selected jobs"):
        acted(jobs, "restart", label="*")


def test_a_job_is_withdrawn_only_while_it_waits(memory: Memory) -> None:
    far = memory.far
    far.groups["default"][1] = 1
    far.add(label="a")
    far.add(label="b")
    running, queued = actions.select_jobs(Selector(label="*", hosts=("far",)), memory.hosts)[0][0].states
    assert not actions.withdraw(far.host, running)
    assert actions.withdraw(far.host, queued)
    assert far.statuses() == {"a": "running", "b": "killed"}
    assert not actions.withdraw(far.host, queued)
    far.faults.append(cut(20))
    with pytest.raises(Unreachable):
        actions.withdraw(far.host, queued)


class Waiter:
    """Waits for the jobs of all hosts; each pause runs the next step."""

    def __init__(self, memory: Memory, *steps: Callable[[], object]) -> None:
        self.pauses: list[float] = []
        self.ended: dict[str, str] = {}
        left = list(steps)

        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            assert left, f"still waiting after {self.ended}"
            left.pop(0)()

        found = actions.select_jobs(Selector(label="*"), memory.hosts)[0]
        pairs = [(one.host, state) for one in found for state in one.states]
        for host, state in actions.wait(pairs, sleep):
            name = f"{host.name}:{state.id}" if isinstance(state, JobState) else str(state).partition("\n")[0]
            self.ended[name] = (state.result or state.status) if isinstance(state, JobState) else host.name


def nothing() -> None:
    pass


def test_jobs_are_reported_as_they_end(jobs: Memory) -> None:
    for name in ("a", "b"):
        jobs.near.end(name)
    found = Waiter(jobs, nothing, lambda: jobs.far.end("b", 3), lambda: jobs.far.kill("a"))
    assert found.ended == {"near:m1": "success", "near:m2": "success", "far:m2": "failed", "far:m1": "killed"}
    assert list(found.ended)[-1] == "far:m1"
    assert found.pauses == pytest.approx([0.2, 0.3, 0.45])


def test_waiting_ends_for_a_removed_job(jobs: Memory) -> None:
    jobs.near.tasks.clear()
    found = Waiter(jobs, lambda: jobs.far.lose("a"), lambda: jobs.far.end("b"))
    assert found.ended == {"far:m1 is no longer in the queue": "far", "far:m2": "success"}


def test_waiting_ends_for_a_host_that_fails_to_answer_too_often(jobs: Memory) -> None:
    def away(times: int) -> Callable[[], None]:
        return lambda: jobs.far.faults.extend([refused] * times)

    for name in ("a", "b"):
        jobs.near.end(name)
    steps: list[Callable[[], object]] = [away(RETRIES), *[nothing] * RETRIES, lambda: (jobs.far.end("a"), away(RETRIES + 1)())]  # fmt: skip
    found = Waiter(jobs, *steps, *[nothing] * RETRIES)
    assert "far:m1" not in found.ended  # the host became unreachable before its end was seen
    assert set(found.ended.values()) == {"success", "far"}


def answers_late(carry_out: Callable[[], bytes]) -> Done:
    return Done(0, b"motd\n" + carry_out(), b"")


FAULTS: dict[str, Fault] = {"a login that prints": answers_late}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_output_of_start_up_files_is_ignored(jobs: Memory, fault: Fault) -> None:
    jobs.far.faults += [fault, fault]
    assert results(acted(jobs, "kill", jobs=("far:a",))) == {"far:m1": ("done", "")}


@pytest.mark.parametrize(("queued", "words"), [(1, "1 queued job waits"), (2, "2 queued jobs wait")])
def test_queued_jobs_of_a_paused_group_are_counted(queued: int, words: str) -> None:
    result = HostResult((), paused_groups=(("p1", queued),))
    assert [line for _, line in actions_view.lines("kill", "far", result)] == [
        f"group p1 of far is paused: {words}; start it with: pueue-skill start --host far --group p1"
    ]
