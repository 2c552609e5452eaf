"""The output of jobs of pueue 4: job states in, sh scripts that print their output out, from an offset on or only the last bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pueue_skill.queues.model import JobState
from pueue_skill.queues.pueue.state import read_task
from pueue_skill.queues.pueue.task import stderr_below_home
from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host


def follow_script(state: JobState, host: Host, offset: int, errors_offset: int) -> str:
    """Return a sh script that prints frames of a job's stdout and stderr from these byte offsets on, and its states for read_state."""
    return script(
        "queues/pueue/follow",
        PQ_PUEUE=host.pueue or "",
        PQ_ID=str(int(state.id)),
        PQ_OFFSET=str(offset),
        PQ_ERRORS=stderr_below_home(state),
        PQ_ERRORS_OFFSET=str(errors_offset),
    )


def read_state(answer: str) -> JobState | None:
    states = [read_task(entry["task"]) for entry in json.loads(answer).values()]
    return states[0] if states else None


def tails_script(states: Sequence[JobState], host: Host, count: int) -> str:
    """Return a sh script that prints the last `count` bytes of the stdout and of the stderr of jobs; scripts.read_tails parses its answer."""
    jobs = "\n".join([f"{int(state.id)} {stderr_below_home(state)}" for state in states])
    return script("queues/pueue/tails", PQ_PUEUE=host.pueue or "", PQ_JOBS=jobs, PQ_COUNT=str(count))


def failures_script(host: Host, jobs: int, count: int) -> str:
    """As tails_script, for the last `jobs` failed jobs."""
    return script("queues/pueue/failures", PQ_PUEUE=host.pueue or "", PQ_LAST=str(jobs), PQ_COUNT=str(count))
