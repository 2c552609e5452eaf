"""Submitted jobs and the sessions that hear of them: jobs and their states in; out, which jobs a session has not been notified of.

A reader claims jobs, passes them on and confirms; what a dead process claimed is given to the next reader. Nothing here asks a queue.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence

from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths
from pueue_skill.state.database import opened, path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.queues.model import JobState

    Identity: TypeAlias = tuple[str, str, str]
    """The key, id and creation time of a job: a queue reuses ids, and a text that is submitted twice has one key."""


CLAIM_S = 60.0
"""How long a claim of a living process holds; then another reader may claim the same jobs."""


class Submitted(NamedTuple):
    """A submitted job. `state` is `open`, `lost` (no longer in its queue) or the result of a JobState.

    Until it is found in its queue, it has no `id` and stands for every job with its key or, if a loop submits, with a key that begins
    with its key. `number` is its row, 0 before it is stored. `tail` is the end of its output with secrets masked, `seconds` its run
    time. `looked` is 1 if `run`, `wait` or `log` showed its end. `submitted` and `checked` are seconds since the epoch.
    """

    host: str
    key: str
    ssh: str
    pueue: str
    backend: str
    session: str
    project: str
    command: str
    submitted: float
    id: str = ""
    label: str = ""
    group: str = ""
    created: str = ""
    state: str = "open"
    exit_code: int | None = None
    seconds: float | None = None
    tail: str = ""
    ended: str = ""
    checked: float = 0.0
    looked: int = 0
    number: int = 0

    @property
    def identity(self) -> Identity:
        return self.key, self.id, self.created

    @property
    def name(self) -> str:
        return f"{self.host}:{self.id or self.key}"


COLUMNS = ", ".join([f'"{name}"' for name in Submitted._fields])


NEW = ", ".join([f'"{name}"' for name in Submitted._fields if name != "number"])


def record_submission(job: Submitted) -> Submitted:
    """Store a job that is about to be submitted, so that it is found whatever happens, and return it with its number.

    Raises sqlite3.Error, OSError.
    """
    with opened() as connection:
        number = insert_job(connection, job)
    set_marker(job.session)
    return job._replace(number=number)


def insert_job(connection: sqlite3.Connection, job: Submitted) -> int:
    """Insert a row for `job` and return its number; 0 if a row of that job exists."""
    marks = ", ".join("?" * (len(job) - 1))
    made = connection.execute(f"insert or ignore into jobs ({NEW}) values ({marks})", job[:-1])  # noqa: S608
    return (made.lastrowid or 0) if made.rowcount == 1 else 0


def record_queued(job: Submitted) -> None:
    """Record the id of a submitted job; a job that already had the key keeps its row."""
    with opened() as connection:
        known = connection.execute(
            "update jobs set session = ?, project = ? where host = ? and key = ? and id = ? and created = ? and session = '' returning number",
            (job.session, job.project, job.host, *job.identity),
        ).fetchall()
        placed = connection.execute(
            'update or ignore jobs set id = ?, created = ?, label = ?, "group" = ? where number = ?',
            (job.id, job.created, job.label, job.group, job.number),
        )
        if known or placed.rowcount == 0:
            connection.execute("delete from jobs where number = ? and id = ''", (job.number,))


def forget_submission(number: int) -> None:
    """Delete a job whose submission failed."""
    with opened() as connection:
        connection.execute("delete from jobs where number = ? and id = ''", (number,))


def forget_withdrawn(host: str, state: JobState) -> None:
    """Delete a job that was removed from its queue before it started."""
    with opened() as connection:
        connection.execute(
            "delete from jobs where host = ? and key = ? and id = ? and created = ?",
            (host, state.key, state.id, state.created),
        )


def known_jobs(host: str) -> set[Identity]:
    """Return the identities of all jobs that were found in the queue of `host`."""
    with opened() as connection:
        return set(connection.execute("select key, id, created from jobs where host = ? and id != ''", (host,)))


def record_states(jobs: Sequence[Submitted], served: Iterable[int] = ()) -> None:
    """Record the states of jobs. Jobs without a number are new; `served` are the numbers of the submissions that produced them, whose rows
    are deleted."""
    with opened() as connection:
        for job in jobs:
            if job.number:
                connection.execute(
                    "update or ignore jobs set id = ?, created = ?, state = ?, exit_code = ?, seconds = ?, tail = ?, ended = ?, "
                    "checked = ? where number = ? and state in ('open', 'lost')",
                    (job.id, job.created, job.state, job.exit_code, job.seconds, job.tail, job.ended, job.checked, job.number),
                )  # fmt: skip
            else:
                insert_job(connection, job)
        connection.executemany("delete from jobs where number = ? and id = ''", [(number,) for number in served])


def reopen(host: str, again: Sequence[tuple[JobState, JobState]]) -> None:
    """Record that ended jobs were restarted, given their states before and after: their next outcome is reported."""
    sessions: set[str] = set()
    with opened() as connection:
        for before, after in again:
            found = connection.execute(
                "update or ignore jobs set id = ?, created = ?, state = 'open', exit_code = null, seconds = null, tail = '', ended = '', "
                "looked = 0 where host = ? and key = ? and id = ? and created = ? returning number, session",
                (after.id, after.created, host, before.key, before.id, before.created),
            ).fetchall()
            sessions |= {session for _, session in found}
            connection.executemany("delete from told where job = ?", [(number,) for number, _ in found])
    for session in sessions:
        set_marker(session)


def record_viewed(host: str, state: JobState, session: str) -> None:
    """Record that `session` saw the outcome of a job itself, so that it is not notified of it."""
    identity = (host, state.key or "", state.id, state.created)
    with opened() as connection:
        number = number_of_job(connection, identity)
        if number is None:  # a submission whose jobs are not looked up yet
            rows = connection.execute(
                f"select {COLUMNS} from jobs where host = ? and id = '' and (key = ? or ? like key || '-%') order by submitted",  # noqa: S608
                (host, state.key, state.key),
            ).fetchall()
            if not rows:
                return
            job = Submitted(*rows[0])._replace(key=state.key or "", id=state.id, created=state.created)
            number = insert_job(connection, job._replace(label=state.label or "", group=state.group))
        connection.execute("update jobs set looked = 1 where number = ?", (number,))
        if session:
            connection.execute(
                "insert or replace into told values (?, ?, 'end', null, ?)", (session, number, time.time())
            )


def number_of_job(connection: sqlite3.Connection, identity: tuple[str, str, str, str]) -> int | None:
    found = connection.execute(
        "select number from jobs where host = ? and key = ? and id = ? and created = ?", identity
    ).fetchone()
    return found and int(found[0])


def record_key(key: str, host: Host) -> None:
    """Record the host to which a job was submitted with a key chosen by the user."""
    with opened() as connection:
        connection.execute(
            "insert or replace into keys values (?, ?, ?, ?, ?)", (key, host.name, host.ssh, host.pueue, host.backend)
        )


def host_of_key(key: str) -> Host | None:
    """Return the host of the last job submitted with a key chosen by the user, or None."""
    if not path().exists():
        return None
    with opened() as connection:
        found = connection.execute("select host, ssh, pueue, backend from keys where key = ?", (key,)).fetchone()
    return Host(*found) if found else None


# The jobs of which a session is notified: its own, and those of its project of which no other session was.
CONCERNS = """(jobs.session = :session or (:project != '' and jobs.project = :project and not exists (
  select 1 from told where told.job = jobs.number and told.what = 'end'
  and told.session != :session and told.pid is null)))"""


NOT_NOTIFIED = """not exists (select 1 from told where told.job = jobs.number and told.session = :session
  and told.what = :what and (told.pid is null or told.at between :now - :lease and :now + 1))"""


def last_submission(host: str, key: str) -> Submitted | None:
    """Return the job last submitted to `host` with `key`, or None."""
    query = f"select {COLUMNS} from jobs where host = ? and key = ? order by number desc"  # noqa: S608
    with opened() as connection:
        row = connection.execute(query, (host, key)).fetchone()
    return Submitted(*row) if row else None


def open_jobs(session: str = "", project: str = "") -> list[Submitted]:
    """Return the jobs without an outcome: those of which a session is notified, or all."""
    where = f"state = 'open' and {CONCERNS if session or project else ':session = :project'}"
    with opened() as connection:
        rows = connection.execute(
            f"select {COLUMNS} from jobs where {where} order by submitted",  # noqa: S608
            {"session": session, "project": project},
        )
        return [Submitted(*row) for row in rows]


def claim(session: str, project: str = "", what: str = "end", own_failures: bool = False) -> list[Submitted]:
    """Claim the ended jobs of which `session` has not been notified, and return them; `confirm` those that were passed on.

    A claim that is never confirmed expires after CLAIM_S seconds, or with its process. With `own_failures` only the session's own failed
    jobs whose outcome nobody viewed.
    """
    now, pid = time.time(), os.getpid()
    named = {"session": session, "project": project, "what": what, "now": now, "lease": CLAIM_S}
    which = "jobs.session = :session and state != 'success' and looked = 0" if own_failures else CONCERNS
    with opened() as connection:
        connection.execute("begin immediate")
        held = connection.execute("select distinct pid from told where pid is not null and session = ?", (session,))
        for (other,) in held.fetchall():
            if not process_exists(other):
                connection.execute("delete from told where pid = ?", (other,))
        rows = connection.execute(
            f"select {COLUMNS} from jobs where state not in ('open', 'turns') and {which} and {NOT_NOTIFIED} order by ended, submitted",  # noqa: S608
            named,
        ).fetchall()
        found = [Submitted(*row) for row in rows]
        connection.executemany(
            "insert or replace into told values (?, ?, ?, ?, ?)",
            [(session, job.number, what, pid, now) for job in found],
        )
    return found


def process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def confirm(session: str, jobs: list[Submitted], what: str = "end") -> None:
    """Record that `session` was notified of `jobs`."""
    with opened() as connection:
        connection.executemany(
            "update told set pid = null, at = ? where session = ? and job = ? and what = ?",
            [(time.time(), session, job.number, what) for job in jobs],
        )


def is_first_denial(session: str, command: str) -> bool:
    """Return whether `session` proposes `command` for the first time. A digest is stored, since the text may hold secrets."""
    command_digest = digest(command.encode("utf-8", "surrogateescape"), 32)
    with opened() as connection:
        made = connection.execute("insert or ignore into denied values (?, ?)", (session, command_digest))
        return made.rowcount == 1


SESSION_ID = regex(r"[A-Za-z0-9_-]{1,128}")


def marker_path(session: str) -> str | None:
    """Return the file that exists while a session has open jobs: the hooks' launcher checks it without Python."""
    return os.path.join(paths.data(), "sessions", session) if SESSION_ID.fullmatch(session) else None


def set_marker(session: str) -> None:
    file = marker_path(session)
    if file:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        with open(file, "a"):
            os.utime(file)


def remove_marker(session: str) -> None:
    file = marker_path(session)
    if file and os.path.exists(file):
        os.unlink(file)
