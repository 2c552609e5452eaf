"""Follows Slurm jobs: a JobState and offsets in, sh scripts that print its output and states out; their answers in, states out."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.queues.model import JobState
from pueue_skill.queues.script import script
from pueue_skill.queues.slurm.site import path_of
from pueue_skill.queues.slurm.state import id_of, parse_snapshot
from pueue_skill.shell.model import Host


def follow_script(state: JobState, host: Host, offset: int, errors_offset: int) -> str:
    return script(
        "queues/slurm/follow",
        PQ_PATH=path_of(host),
        PQ_ID=id_of(state.id),
        PQ_OFFSET=str(offset),
        PQ_APART="1" if state.errors else "",
        PQ_ERRORS_OFFSET=str(errors_offset),
    )


def read_state(answer: str) -> JobState | None:
    """Return the state in one frame of a follow script, in which the character 036 ends each line; None if the job is gone."""
    states = parse_snapshot(answer.replace("\036", "\n")).queue.states
    return states[-1] if states else None


def tails_script(states: Sequence[JobState], host: Host, count: int) -> str:
    jobs = "\n".join([f"{id_of(state.id)} apart" if state.errors else id_of(state.id) for state in states])
    return script("queues/slurm/tails", PQ_PATH=path_of(host), PQ_COUNT=str(count), PQ_JOBS=jobs)


def failures_script(host: Host, jobs: int, count: int) -> str:
    return script("queues/slurm/failures", PQ_PATH=path_of(host), PQ_COUNT=str(count), PQ_LAST=str(jobs))
