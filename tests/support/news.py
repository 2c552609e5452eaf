"""Jobs in the store, as sessions are told of them."""

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
    """The job that `finished` makes, as its queue has it."""
    return JobState("7", key, "done", "failed", 3, "", "default", "btc", "/", "x", (), created, None, None)


def finished(key: str = "k", **changes: Any) -> Submitted:
    """A job in the store that has ended."""
    made = job(
        key, id="7", created="c", label="btc", state="failed", exit_code=3, seconds=95.0, tail="lost it", ended="e"
    )
    made = made._replace(**changes)
    made = made._replace(number=sessions.record_submission(made._replace(state="open")).number)
    sessions.record_states([made])
    return made
