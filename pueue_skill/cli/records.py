"""Records of the jobs that agents submit, in the database: created before the submission, completed after it.

A database that cannot be written does not keep a job from being queued.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from pueue_skill.cli.console import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.model import Job
    from pueue_skill.shell.model import Host
    from pueue_skill.state.sessions import Submitted


def create(job: Job, host: Host, cwd: str | None) -> Submitted | None:
    """Record that an agent is about to submit `job` from the folder `cwd`; return the record, or None if a person submits it.

    If the agent's client does not tell the session of a command, the record has only a project.
    """
    from pueue_skill.agents import event as agents

    session = agents.session_of(os.environ)
    if not agents.runs_in_agent(os.environ):
        return None
    from pueue_skill.shell.secrets import masked
    from pueue_skill.state import paths, sessions

    project = paths.project(cwd or paths.working() or "/")
    record = sessions.Submitted(
        host.name, job.key, host.ssh, host.pueue, host.backend, session, project, masked(job.command), time.time()
    )
    created: list[Submitted] = []
    return created[0] if try_write(lambda: created.append(sessions.record_submission(record))) else None


def discard(record: Submitted | None) -> None:
    """Remove the record of a job that was not queued."""
    from pueue_skill.state import sessions

    if record:
        try_write(lambda: sessions.forget_submission(record.number))


def try_write(write: Callable[[], None]) -> bool:
    """Call `write`, which writes to the database; print an error, and return whether there was none."""
    import sqlite3

    from pueue_skill.state import database

    try:
        write()
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; the session will not be notified of the job's outcome")
        return False
    return True
