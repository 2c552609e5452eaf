"""States of jobs from Slurm's records and their exit records, and the options of sbatch for resources."""

from __future__ import annotations

import pytest

from pueue_skill.plan.model import Job, Needs
from pueue_skill.queues.slurm.state import ExitRecord, SlurmJob, expanded, outcome_of, parse_snapshot
from pueue_skill.queues.slurm.submit import metadata_of, resources


@pytest.mark.parametrize(
    ("state", "reason", "raw", "own", "expected"),
    [
        ("COMPLETED", "None", 0, "", ("done", "success", 0, "")),
        ("FAILED", "NonZeroExitCode", 7 * 256, "", ("done", "failed", 7, "")),
        ("FAILED", "JobLaunchFailure", 9, "", ("done", "failed", 137, "")),
        ("FAILED", "NonZeroExitCode", 7 * 256, "7", ("done", "failed", 7, "")),
        ("COMPLETING", "None", 0, "7", ("done", "failed", 7, "")),
        ("COMPLETING", "None", 0, "143", ("running", None, None, "")),
        ("OUT_OF_MEMORY", "OutOfMemory", 125 * 256, "", ("done", "killed", None, "out of memory")),
        ("OUT_OF_MEMORY", "OutOfMemory", 125 * 256, "137", ("done", "killed", None, "out of memory")),
        ("TIMEOUT", "TimeLimit", 0, "143", ("done", "killed", None, "its time limit was reached")),
        ("NODE_FAIL", "NodeDown", 1, "", ("done", "killed", None, "its node failed (n1)")),
        ("PREEMPTED", "None", 15, "", ("done", "killed", None, "preempted by other work")),
        ("CANCELLED", "None", 15, "", ("done", "killed", None, "cancelled")),
        ("CANCELLED", "None", 15, "0", ("done", "success", 0, "")),
        ("CANCELLED", "DependencyNeverSatisfied", 0, "", ("done", "dependency", None, "")),
        ("RUNNING", "None", 0, "spawn", ("done", "spawn", None, "No such file or directory")),
        ("PENDING", "Dependency", 0, "", ("queued", None, None, "")),
        ("PENDING", "QOSMaxJobsPerUserLimit", 0, "", ("queued", None, None, "QOSMaxJobsPerUserLimit")),
        ("PENDING", "JobHeldUser", 0, "", ("stashed", None, None, "")),
        ("SUSPENDED", "None", 0, "", ("paused", None, None, "")),
    ],
)
def test_slurm_and_the_exit_record_determine_the_outcome(
    state: str, reason: str, raw: int, own: str, expected: tuple[object, ...]
) -> None:
    """OUT_OF_MEMORY is only tested here, because Slurm reports it only with cgroups."""
    job = SlurmJob(state, reason, raw, "1", "2", "3", "n1", "", "")
    assert outcome_of(job, ExitRecord("k", own, "1", "2", "t") if own else None) == expected


def test_a_forgotten_outcome_is_derived_or_unknown() -> None:
    metadata = metadata_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    lines = [
        "job|cut",
        "try|a#1|100|1|-||L3g=|" + metadata,
        "id|a#1|5",
        "try|b#1|101|1|-|afterok:5|L3g=|" + metadata,
        "id|b#1|6",
    ]
    lines += ["ended|5|a|3|100|101|a#1", "try|c#1|102|1|-||L3g=|" + metadata, "id|c#1|7"]
    states = parse_snapshot("\n".join(lines)).queue.states
    assert [(state.id, state.key, state.result, state.exit_code) for state in states] == [
        ("5", "a", "failed", 3), ("6", "b", "dependency", None), ("7", "c", "unknown", None),
    ]  # fmt: skip
    assert states[0].cwd == "/x"


def test_jobs_of_an_invocation_are_never_hidden() -> None:
    """A restart hides the earlier job, but only for jobs that `run` submitted."""
    metadata = metadata_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    typed = ["ended|5|k|3|100|101|k", "ended|8|k|4|102|103|k"]
    again = [
        f"{what}|k#{turn}|{rest}"
        for turn in (1, 2)
        for what, rest in (("try", f"10{turn}|1|-||L3g=|{metadata}"), ("id", f"{5 + turn}"))
    ]
    for lines, ids in ((typed, ["5", "8"]), (again, ["7"]), ([*again, *typed], ["5", "7", "8"])):
        states = parse_snapshot("\n".join(lines)).queue.states
        assert [state.id for state in states] == ids
        assert all(state.created > "1970-01-01T00:01" for state in states), "which of them is the newest is known"


def test_needs_are_options_of_sbatch() -> None:
    assert resources(Needs(5 * 2**30 + 1, 4, 2, 90)) == [
        "--cpus-per-task=4",
        "--mem=5121M",
        "--gpus=2",
        "--time=3",
    ]
    assert resources(Needs()) == []


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        ("7", ["7"]),
        ("7_2", ["7_2"]),
        ("7_[0-2,5%2]", ["7_0", "7_1", "7_2", "7_5"]),
        ("7_[1-5:2]", ["7_1", "7_3", "7_5"]),
    ],
)
def test_ids_of_arrays(listed: str, ids: list[str]) -> None:
    assert list(expanded(listed)) == ids


ACCOUNTED = """seen|9|TIMEOUT||0|100|101|161|n1|||
seen|8_1|FAILED||512|100|101|161|n1|||
"""
"""Records made from the output of `sacct`; test_slurm_accounts.py uses a real sacct."""


def test_outcomes_from_the_accounts() -> None:
    metadata = metadata_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    lines = ["try|a#1|100|1|-||L3g=|" + metadata, "id|a#1|9", "try|=i#1|100|2|=i||L3g=|" + metadata, "id|=i#1|8"]
    lines += ["items|=i#1", "item|0|k0|bGI=", "item|1|k1|bGI=", *ACCOUNTED.split()]
    found = {state.id: (state.result, state.exit_code) for state in parse_snapshot("\n".join(lines)).queue.states}
    assert found == {"9": ("killed", None), "8_0": ("unknown", None), "8_1": ("failed", 2)}
