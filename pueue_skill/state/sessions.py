"""TODO."""

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

    from pueue_skill.queues.model import State

    Identity: TypeAlias = tuple[str, str, str]
    """The key, id and creation time of a job in its queue: ids are used again, and the same text submitted twice has one key."""


CLAIM_S = 60.0
"""Seconds that a session's reader has for telling what it has claimed; then another may."""


class Submitted(NamedTuple):
    """A job that was submitted here. `state` is `open`, `lost` (its queue no longer knows it) or a Result of a State.

    Until it is seen in its queue it has no `id`: then it stands for all that was submitted under its key, or, where a loop submits, under
    keys that begin with its key. `number` is its own in the store, 0 before it is there. `tail` is the end of its output, secrets
    masked; `seconds` is how long it ran; `looked` whether its end was seen by run, wait or log, and not by a notice only. `submitted`
    and `checked` are seconds of the epoch.
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


def submitting(job: Submitted) -> Submitted:
    """Remembers a job that is about to be submitted, or was just now, so that it is found again whatever happens; the job with its number.

    Raises sqlite3.Error, OSError.
    """
    with opened() as connection:
        number = inserted(connection, job)
    mark(job.session)
    return job._replace(number=number)


def inserted(connection: sqlite3.Connection, job: Submitted) -> int:
    """The number of a new row for `job`; 0 when there is one already for the job in its queue."""
    marks = ", ".join("?" * (len(job) - 1))
    made = connection.execute(f"insert or ignore into jobs ({NEW}) values ({marks})", job[:-1])  # noqa: S608
    return (made.lastrowid or 0) if made.rowcount == 1 else 0


def submitted(job: Submitted) -> None:
    """Remembers by which id the queue knows a job; one that had the key before, and was meant again, is known already."""
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


def not_submitted(number: int) -> None:
    """Forgets a job that did not get into its queue."""
    with opened() as connection:
        connection.execute("delete from jobs where number = ? and id = ''", (number,))


def withdrawn(host: str, state: State) -> None:
    """Forgets a job that was taken out of its queue before it began."""
    with opened() as connection:
        connection.execute(
            "delete from jobs where host = ? and key = ? and id = ? and created = ?",
            (host, state.key, state.id, state.created),
        )


def known(host: str) -> set[Identity]:
    """The jobs of `host` that were seen in its queue, whatever has become of them."""
    with opened() as connection:
        return set(connection.execute("select key, id, created from jobs where host = ? and id != ''", (host,)))


def seen(jobs: Sequence[Submitted], served: Iterable[int] = ()) -> None:
    """Remembers what a queue said of jobs: that they go on (`checked`), or how they have ended. Those without a number are new, and
    `served` are the numbers of the submissions that all of them came from."""
    with opened() as connection:
        for job in jobs:
            if job.number:
                connection.execute(
                    "update or ignore jobs set id = ?, created = ?, state = ?, exit_code = ?, seconds = ?, tail = ?, ended = ?, "
                    "checked = ? where number = ? and state in ('open', 'lost')",
                    (job.id, job.created, job.state, job.exit_code, job.seconds, job.tail, job.ended, job.checked, job.number),
                )  # fmt: skip
            else:
                inserted(connection, job)
        connection.executemany("delete from jobs where number = ? and id = ''", [(number,) for number in served])


def open_again(host: str, again: Sequence[tuple[State, State]]) -> None:
    """Remembers that jobs that had ended were started again, by their states before and after that: their next end is news."""
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
        mark(session)


def looked(host: str, state: State, session: str) -> None:
    """Remembers that `session` has seen the end of a job for itself."""
    identity = (host, state.key or "", state.id, state.created)
    with opened() as connection:
        number = number_of(connection, identity)
        if number is None:  # a submission whose jobs nobody has looked for yet
            rows = connection.execute(
                f"select {COLUMNS} from jobs where host = ? and id = '' and (key = ? or ? like key || '-%') order by submitted",  # noqa: S608
                (host, state.key, state.key),
            ).fetchall()
            if not rows:
                return
            job = Submitted(*rows[0])._replace(key=state.key or "", id=state.id, created=state.created)
            number = inserted(connection, job._replace(label=state.label or "", group=state.group))
        connection.execute("update jobs set looked = 1 where number = ?", (number,))
        if session:
            connection.execute(
                "insert or replace into told values (?, ?, 'end', null, ?)", (session, number, time.time())
            )


def number_of(connection: sqlite3.Connection, identity: tuple[str, str, str, str]) -> int | None:
    found = connection.execute(
        "select number from jobs where host = ? and key = ? and id = ? and created = ?", identity
    ).fetchone()
    return found and int(found[0])


def key_given(key: str, host: Host) -> None:
    """Remembers to which host a job was submitted under a key that somebody chose."""
    with opened() as connection:
        connection.execute(
            "insert or replace into keys values (?, ?, ?, ?, ?)", (key, host.name, host.ssh, host.pueue, host.backend)
        )


def host_of_key(key: str) -> Host | None:
    """The host of the last job that was submitted from here under a key that somebody chose."""
    if not path().exists():
        return None
    with opened() as connection:
        found = connection.execute("select host, ssh, pueue, backend from keys where key = ?", (key,)).fetchone()
    return Host(*found) if found else None


# Whose job it is to a session: its own, or one of its project that nobody else has been told about.
CONCERNS = """(jobs.session = :session or (:project != '' and jobs.project = :project and not exists (
  select 1 from told where told.job = jobs.number and told.what = 'end'
  and told.session != :session and told.pid is null)))"""


UNTOLD = """not exists (select 1 from told where told.job = jobs.number and told.session = :session
  and told.what = :what and (told.pid is null or told.at between :now - :lease and :now + 1))"""


def submission(host: str, key: str) -> Submitted | None:
    """The job that was last submitted to `host` under `key`, or None."""
    query = f"select {COLUMNS} from jobs where host = ? and key = ? order by number desc"  # noqa: S608
    with opened() as connection:
        row = connection.execute(query, (host, key)).fetchone()
    return Submitted(*row) if row else None


def open_jobs(session: str = "", project: str = "") -> list[Submitted]:
    """The jobs whose end is not known: those that concern a session, or all."""
    where = f"state = 'open' and {CONCERNS if session or project else ':session = :project'}"
    with opened() as connection:
        rows = connection.execute(
            f"select {COLUMNS} from jobs where {where} order by submitted",  # noqa: S608
            {"session": session, "project": project},
        )
        return [Submitted(*row) for row in rows]


def claim(session: str, project: str = "", what: str = "end", own_failures: bool = False) -> list[Submitted]:
    """The jobs that have ended and that `session` has not been told about, claimed for this process: confirm what was told.

    What is claimed and never confirmed, because its process died, is given out again after CLAIM_S, at once when the process is
    no more. With `own_failures` only the session's own that failed and were not looked at.
    """
    now, pid = time.time(), os.getpid()
    named = {"session": session, "project": project, "what": what, "now": now, "lease": CLAIM_S}
    which = "jobs.session = :session and state != 'success' and looked = 0" if own_failures else CONCERNS
    with opened() as connection:
        connection.execute("begin immediate")
        held = connection.execute("select distinct pid from told where pid is not null and session = ?", (session,))
        for (other,) in held.fetchall():
            if not alive(other):
                connection.execute("delete from told where pid = ?", (other,))
        rows = connection.execute(
            f"select {COLUMNS} from jobs where state not in ('open', 'turns') and {which} and {UNTOLD} order by ended, submitted",  # noqa: S608
            named,
        ).fetchall()
        found = [Submitted(*row) for row in rows]
        connection.executemany(
            "insert or replace into told values (?, ?, ?, ?, ?)",
            [(session, job.number, what, pid, now) for job in found],
        )
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def confirm(session: str, jobs: list[Submitted], what: str = "end") -> None:
    """Remembers that `session` has been told."""
    with opened() as connection:
        connection.executemany(
            "update told set pid = null, at = ? where session = ? and job = ? and what = ?",
            [(time.time(), session, job.number, what) for job in jobs],
        )


def deny_once(session: str, command: str) -> bool:
    """Whether `session` proposes `command` for the first time; its digest is remembered, for the text may hold secrets."""
    mark = digest(command.encode("utf-8", "surrogateescape"), 32)
    with opened() as connection:
        made = connection.execute("insert or ignore into denied values (?, ?)", (session, mark))
        return made.rowcount == 1


PLAIN = regex(r"[A-Za-z0-9_-]{1,128}")


def marker(session: str) -> str | None:
    """The file that stands there while a session has jobs to hear of, so that the launcher can tell without Python."""
    return os.path.join(paths.data(), "sessions", session) if PLAIN.fullmatch(session) else None


def mark(session: str) -> None:
    file = marker(session)
    if file:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        with open(file, "a"):
            os.utime(file)


def unmark(session: str) -> None:
    file = marker(session)
    if file and os.path.exists(file):
        os.unlink(file)
