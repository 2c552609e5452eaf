"""Jobs in the store, for tests of notifications."""

from __future__ import annotations

import time
from typing import Any

from pueue_skill.queues.model import JobState
from pueue_skill.state import sessions
from pueue_skill.state.sessions import Submitted


def job(key: str = "k", **changes: Any) -> Submitted:
    made = Submitted("local", key, "", "", "pueue", "s", "/p", "python train.py --token hunter2", time.time())
    return made._replace(**changes)


def ended_state(key: str, created: str = "c") -> JobState:
    """Return the job of `finished` as its queue reports it."""
    return JobState("7", key, "done", "failed", 3, "", "default", "btc", "/", "x", (), created, None, None)


def finished(key: str = "k", **changes: Any) -> Submitted:
    """Store an ended job."""
    made = job(
        key, id="7", created="c", label="btc", state="failed", exit_code=3, seconds=95.0, tail="lost it", ended="e"
    )
    made = made._replace(**changes)
    made = made._replace(number=sessions.record_submission(made._replace(state="open")).number)
    sessions.record_states([made])
    return made
