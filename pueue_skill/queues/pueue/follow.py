"""The output of jobs of pueue 4: States to sh scripts that write what their files hold, from an offset on or from their ends."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pueue_skill.queues.model import JobState
from pueue_skill.queues.pueue.state import read_task
from pueue_skill.queues.pueue.task import errors_below_home
from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host


def follow_script(state: JobState, host: Host, offset: int, errors_offset: int) -> str:
    """A sh script that writes frames of the job's output and states, from these bytes on, for read_state."""
    return script(
        "queues/pueue/follow",
        PQ_PUEUE=host.pueue or "",
        PQ_ID=str(int(state.id)),
        PQ_OFFSET=str(offset),
        PQ_ERRORS=errors_below_home(state),
        PQ_ERRORS_OFFSET=str(errors_offset),
    )


def read_state(answer: str) -> JobState | None:
    found = [read_task(entry["task"]) for entry in json.loads(answer).values()]
    return found[0] if found else None


def tails_script(states: Sequence[JobState], host: Host, count: int) -> str:
    """A sh script that writes the last `count` bytes of the outputs of jobs, for read_tails."""
    jobs = "\n".join([f"{int(state.id)} {errors_below_home(state)}" for state in states])
    return script("queues/pueue/tails", PQ_PUEUE=host.pueue or "", PQ_JOBS=jobs, PQ_COUNT=str(count))


def failures_script(host: Host, jobs: int, count: int) -> str:
    """As tails_script, for the last `jobs` that did not succeed."""
    return script("queues/pueue/failures", PQ_PUEUE=host.pueue or "", PQ_LAST=str(jobs), PQ_COUNT=str(count))
