"""The store's entries for the jobs that an agent submits: made before, filled in after. A store that cannot be written stops no job."""

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


def noted(job: Job, host: Host, cwd: str | None) -> Submitted | None:
    """The store's entry for a job that an agent is about to submit, made; None for people.

    Where the client does not say of which session a command is, the job is its project's.
    """
    from pueue_skill.agents import event as agents

    session = agents.session_of(os.environ)
    if not agents.runs_in_agent(os.environ):
        return None
    from pueue_skill.jobs import news
    from pueue_skill.shell.secrets import masked
    from pueue_skill.state import paths, sessions

    project = news.project_of(cwd or paths.working() or "/")
    entry = sessions.Submitted(
        host.name, job.key, host.ssh, host.pueue, host.backend, session, project, masked(job.command), time.time()
    )
    made: list[Submitted] = []
    return made[0] if remembered(lambda: made.append(sessions.record_submission(entry))) else None


def forget_about(entry: Submitted | None) -> None:
    from pueue_skill.state import sessions

    if entry:
        remembered(lambda: sessions.forget_submission(entry.number))


def remembered(write: Callable[[], None]) -> bool:
    """Writes to the store. A store that cannot be written keeps no job from being queued, but its end may go unreported."""
    import sqlite3

    from pueue_skill.state import database

    try:
        write()
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; the session will not be told of the job's end")
        return False
    return True
