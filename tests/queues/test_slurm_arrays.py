"""The job arrays of a batch: which jobs share one, and what each array depends on."""

from __future__ import annotations

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import Queue
from pueue_skill.queues.slurm.arrays import Site, plan_arrays, ranges
from pueue_skill.queues.slurm.state import Snapshot


def job(key: str, *after: str, group: str = "default") -> Job:
    return Job(f"b:{key}:d", "h", "slurm", group, key, None, "work", tuple([f"b:{one}:d" for one in after]))


def made(*jobs: Job, largest: int = 1001, **limits: int) -> list[tuple[str, tuple[str, ...], int, int | None]]:
    """The arrays: labels by index, dependencies, limit, previous array."""
    site = Site(Snapshot(Queue((), ()), {}, {}, set(), 0), largest)
    arrays, results, replaced = plan_arrays(jobs, site, limits, {}, False)
    assert (results, replaced) == ([], [])
    return [
        (
            " ".join([f"{index}={task.label}" for index, task in array.tasks.items()]),
            array.dependencies,
            array.limit,
            array.previous,
        )
        for array in arrays
    ]


def test_jobs_of_a_phase_are_one_array() -> None:
    assert made(job("a:1"), job("a:2"), job("b:1"), default=4) == [
        ("0=a:1 1=a:2", (), 4, None),
        ("0=b:1", (), 4, None),
    ]


def test_a_phase_depends_on_a_whole_array() -> None:
    found = made(job("a:1"), job("a:2"), job("b:1", "a:1", "a:2"), job("b:2", "a:1", "a:2"))
    assert found[1] == ("0=b:1 1=b:2", ("afterok:${pq_id_0:-none}",), 0, None)


def test_tasks_depend_on_tasks_of_the_same_index() -> None:
    found = made(job("a:1"), job("a:2"), job("a:3"), job("b:2", "a:2"), job("b:3", "a:3"))
    assert found[1] == ("1=b:2 2=b:3", ("aftercorr:${pq_id_0:-none}",), 0, None)


def test_jobs_with_the_same_parent_need_several_arrays() -> None:
    found = made(job("a:1"), job("a:2"), job("b:x", "a:1"), job("b:y", "a:1"), job("b:z", "a:2"), group=0)
    assert [labels for labels, *_ in found[1:]] == ["0=b:x 1=b:z", "0=b:y"]


def test_a_job_depends_on_some_tasks_of_an_array() -> None:
    found = made(*[job(f"a:{n}") for n in range(4)], job("b:1", "a:1", "a:3"))
    assert found[1][1] == ("afterok:${pq_id_0:-none}_1", "afterok:${pq_id_0:-none}_3")


def test_an_array_above_the_maximum_is_split_and_its_parts_share_the_limit() -> None:
    jobs = [job(f"a:{n}") for n in range(5)]
    assert [(labels, before) for labels, _, _, before in made(*jobs, largest=3, default=2)] == [
        ("0=a:0 1=a:1", None), ("0=a:2 1=a:3", 0), ("0=a:4", 1),
    ]  # fmt: skip
    assert [before for *_, before in made(*jobs, largest=3)] == [None] * 3


def test_ranges() -> None:
    assert ranges([3, 0, 1, 2, 7, 9, 10]) == "0-3,7,9-10"
