"""What is remembered between calls, in one sqlite database of the user's: how long each shape of command took, which jobs were
submitted by whom, what became of them, and which session has been told.

Values in and out; nothing here asks a host. The file is closed to others, all who write wait their turn, and a file that is no
database is put aside for a new one. Whoever calls decides what an error means: to a hook, that there is nothing to say.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from pueue_skill import durations, folders
from pueue_skill.digest import digest
from pueue_skill.record import NamedTuple
from pueue_skill.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.kinds import NoticeKind

KEPT = 10
"""Runs that are remembered of each shape."""

LEASE = 60.0
"""Seconds that a session's reader has for telling what it has claimed; then another may."""

PATIENCE = 20.0
"""Seconds that a notice waits for others who write: many jobs may end at once, and none of their ends may be lost."""

RESTS = (5.0, 10.0, 20.0, 40.0, 80.0, 120.0)
"""Seconds for which a host that was waited for in vain is left alone by whoever asks all of them: more each time."""

WAITED = 1.0
"""Seconds from which on a host was waited for; one that says at once that it is down costs nobody anything."""

SENT = 60 * 86_400.0
"""Seconds for which it is remembered that a notice was sent, so that it is not sent again."""

SCHEMA = """
create table if not exists durations (shape text not null, seconds real not null, at integer primary key autoincrement);
create index if not exists durations_by_shape on durations (shape);
create table if not exists jobs (
  host text not null, key text not null, ssh text not null, pueue text not null, backend text not null,
  session text not null, project text not null, command text not null, submitted real not null,
  id text not null default '', label text not null default '', "group" text not null default '',
  created text not null default '', state text not null default 'open', exit_code integer, seconds real,
  tail text not null default '', ended text not null default '', checked real not null default 0,
  looked integer not null default 0,
  primary key (host, key)
) without rowid;
create index if not exists jobs_by_state on jobs (state);
create table if not exists told (
  session text not null, host text not null, key text not null, what text not null, pid integer, at real not null,
  primary key (session, host, key, what)
) without rowid;
drop table if exists down;
create table if not exists down (
  host text primary key, reason text not null, since real not null, tries integer not null default 0, rests real not null default 0
) without rowid;
drop table if exists denied;
create table denied (session text not null, command text not null, primary key (session, command)) without rowid;
create table if not exists notices (
  number integer primary key autoincrement, target text not null, event text not null, kind text not null, title text not null,
  text text not null, bad integer not null, at real not null, sent real, unique (target, event)
);
pragma user_version = 5;
"""


class Submitted(NamedTuple):
    """A job that was submitted here. `state` is `open`, `lost` (its queue no longer knows it), `turns` (a loop, whose turns are
    jobs of their own) or a Result of a State.

    `tail` is the end of its output, secrets masked; `seconds` is how long it ran; `looked` whether its end was seen by run,
    wait or log, and not by a notice only. `submitted` and `checked` are seconds of the epoch.
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

    @property
    def name(self) -> str:
        return f"{self.host}:{self.id or self.key}"


class Notice(NamedTuple):
    """Something that people are to be told, once: `event` is the same whoever notices it. `bad`: something failed."""

    kind: NoticeKind
    event: str
    title: str
    text: str
    bad: bool


class Kept(NamedTuple):
    """A notice that was kept at `at`, in seconds of the epoch."""

    number: int
    at: float
    notice: Notice


COLUMNS = ", ".join([f'"{name}"' for name in Submitted._fields])


def path() -> Path:
    return Path(folders.data()) / "store.db"


@contextmanager
def opened(patience: float = 0.3) -> Iterator[sqlite3.Connection]:
    """The database, made when it is not there; others are waited for, for `patience` seconds. Raises sqlite3.Error, OSError."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        connection = connected(file, patience)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, full, not writable: it may be whole
            raise
        file.rename(file.with_name(f"{file.name}.broken-{int(time.time())}"))
        connection = connected(file, patience)
    with closing(connection), connection:
        yield connection


def connected(file: Path, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=patience)
    try:
        if connection.execute("pragma user_version").fetchone()[0] < 5:
            file.chmod(0o600)
            connection.executescript(SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def record(shape: str, seconds: float) -> None:
    """Remembers that a command of `shape` took `seconds`. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        connection.execute("insert into durations (shape, seconds) values (?, ?)", (shape, seconds))
        connection.execute(
            "delete from durations where shape = ? and at not in "
            "(select at from durations where shape = ? order by at desc limit ?)",
            (shape, shape, KEPT),
        )
        durations.write(recorded(connection))


def recorded(connection: sqlite3.Connection) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for shape, seconds in connection.execute("select shape, seconds from durations order by at"):
        found[shape] = (*found.get(shape, ()), seconds)
    return found


def history() -> Mapping[str, tuple[float, ...]]:
    """The seconds of the last runs of each shape, the latest last; empty when nothing can be read."""
    if not path().exists():
        return {}
    try:
        with opened() as connection:
            return recorded(connection)
    except (sqlite3.Error, OSError):
        return {}


def forget(shape: str | None) -> int:
    """Forgets one shape, or all when it is None; how many runs that were. Raises sqlite3.Error, OSError."""
    where, values = ("", ()) if shape is None else (" where shape = ?", (shape,))
    with opened() as connection:
        count = connection.execute(f"delete from durations{where}", values).rowcount  # noqa: S608
        durations.write(recorded(connection))
    return count


def host_answered(host: str, reason: str, seconds: float = 0) -> None:
    """Remembers whether a host has answered: with "" it has, else why not, after how many seconds."""
    now = time.time()
    with opened() as connection:
        if reason:
            connection.execute("insert or ignore into down (host, reason, since) values (?, ?, ?)", (host, reason, now))
            tries, waited = (
                connection.execute("select tries from down where host = ?", (host,)).fetchone()[0],
                seconds >= WAITED,
            )
            rests = now + RESTS[min(tries, len(RESTS) - 1)] if waited else 0
            connection.execute(
                "update down set reason = ?, tries = ?, rests = ? where host = ?",
                (reason, tries + 1 if waited else 0, rests, host),
            )
        else:
            connection.execute("delete from down where host = ?", (host,))


def down() -> dict[str, str]:
    """The hosts that did not answer when they were asked last, and why."""
    with opened() as connection:
        return dict(connection.execute("select host, reason from down"))


def resting() -> dict[str, tuple[str, float]]:
    """The hosts that are left alone for a while, since they were waited for in vain: why, and for how many seconds more."""
    if not path().exists():
        return {}
    now = time.time()
    with opened() as connection:
        # A clock that was set back must not have a host left alone for longer.
        rows = connection.execute(
            "select host, reason, rests from down where rests between ? and ?", (now, now + RESTS[-1])
        )
        return {host: (reason, rests - now) for host, reason, rests in rows}


def submitting(job: Submitted) -> None:
    """Remembers a job that is about to be submitted, so that it is found again whatever happens. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        marks = ", ".join("?" * len(job))
        connection.execute(f"insert or ignore into jobs ({COLUMNS}) values ({marks})", job)  # noqa: S608
        connection.execute(
            "update jobs set session = ?, project = ? where host = ? and key = ? and session = ''",
            (job.session, job.project, job.host, job.key),
        )
    mark(job.session)


def submitted(job: Submitted) -> None:
    """Remembers by which id the queue knows the job. A job of a key that had ended is another one now."""
    with opened() as connection:
        old = connection.execute("select created from jobs where host = ? and key = ?", (job.host, job.key)).fetchone()
        if old and old[0] and old[0] != job.created:
            connection.execute("delete from told where host = ? and key = ?", (job.host, job.key))
            connection.execute("delete from jobs where host = ? and key = ?", (job.host, job.key))
            marks = ", ".join("?" * len(job))
            connection.execute(f"insert into jobs ({COLUMNS}) values ({marks})", job)  # noqa: S608
        connection.execute(
            'update jobs set id = ?, created = ?, label = ?, "group" = ? where host = ? and key = ?',
            (job.id, job.created, job.label, job.group, job.host, job.key),
        )


def not_submitted(host: str, key: str, id: str = "") -> None:
    """Forgets a job that did not get into its queue, or that was taken out again, where it was `id`."""
    with opened() as connection:
        connection.execute("delete from jobs where host = ? and key = ? and id = ?", (host, key, id))


def seen(job: Submitted) -> None:
    """Remembers what the queue said of a job: that it goes on (`checked`), or how it has ended."""
    with opened() as connection:
        connection.execute(
            "update jobs set id = ?, created = ?, state = ?, exit_code = ?, seconds = ?, tail = ?, ended = ?, checked = ? "
            "where host = ? and key = ? and state in ('open', 'lost')",
            (job.id, job.created, job.state, job.exit_code, job.seconds, job.tail, job.ended, job.checked, job.host, job.key),
        )  # fmt: skip


def open_again(host: str, keys: Sequence[str]) -> None:
    """Remembers that jobs that had ended were started again: their next end is news."""
    sessions: set[str] = set()
    with opened() as connection:
        for key in keys:
            found = connection.execute(
                "update jobs set state = 'open', exit_code = null, seconds = null, tail = '', ended = '', looked = 0 "
                "where host = ? and key = ? and state != 'turns' returning session",
                (host, key),
            )
            sessions |= {session for (session,) in found.fetchall()}
            connection.execute("delete from told where host = ? and key = ?", (host, key))
    for session in sessions:
        mark(session)


def looked(host: str, key: str, session: str) -> None:
    """Remembers that `session` has seen the end of a job for itself."""
    with opened() as connection:
        known = connection.execute("update jobs set looked = 1 where host = ? and key = ?", (host, key)).rowcount
        if session and known:
            connection.execute(
                "insert or replace into told values (?, ?, ?, 'end', null, ?)", (session, host, key, time.time())
            )


# Whose job it is to a session: its own, or one of its project that nobody else has been told about.
CONCERNS = """(jobs.session = :session or (:project != '' and jobs.project = :project and not exists (
  select 1 from told where told.host = jobs.host and told.key = jobs.key and told.what = 'end'
  and told.session != :session and told.pid is null)))"""
UNTOLD = """not exists (select 1 from told where told.host = jobs.host and told.key = jobs.key and told.session = :session
  and told.what = :what and (told.pid is null or told.at between :now - :lease and :now + 1))"""


def submission(host: str, key: str) -> Submitted | None:
    """The job that was submitted to `host` under `key`, or None."""
    with opened() as connection:
        found = connection.execute(f"select {COLUMNS} from jobs where host = ? and key = ?", (host, key))  # noqa: S608
        row = found.fetchone()
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

    What is claimed and never confirmed, because its process died, is given out again after LEASE, at once when the process is
    no more. With `own_failures` only the session's own that failed and were not looked at.
    """
    now, pid = time.time(), os.getpid()
    named = {"session": session, "project": project, "what": what, "now": now, "lease": LEASE}
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
            "insert or replace into told values (?, ?, ?, ?, ?, ?)",
            [(session, job.host, job.key, what, pid, now) for job in found],
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
            "update told set pid = null, at = ? where session = ? and host = ? and key = ? and what = ?",
            [(time.time(), session, job.host, job.key, what) for job in jobs],
        )


def deny_once(session: str, command: str) -> bool:
    """Whether `session` proposes `command` for the first time; its digest is remembered, for the text may hold secrets."""
    mark = digest(command.encode("utf-8", "surrogateescape"), 32)
    with opened() as connection:
        made = connection.execute("insert or ignore into denied values (?, ?)", (session, mark))
        return made.rowcount == 1


def keep(target: str, notices: Sequence[Notice], now: float) -> None:
    """Keeps what a target is to be told, unless it has been kept before. Raises sqlite3.Error, OSError."""
    with opened(PATIENCE) as connection:
        connection.executemany(
            "insert or ignore into notices (target, at, kind, event, title, text, bad) values (?, ?, ?, ?, ?, ?, ?)",
            [(target, now, *notice) for notice in notices],
        )


def kept(target: str) -> list[Kept]:
    """What a target has not been told yet, the oldest first."""
    with opened(PATIENCE) as connection:
        rows = connection.execute(
            "select number, at, kind, event, title, text, bad from notices where target = ? and sent is null order by number",
            (target,),
        )
        return [
            Kept(number, at, Notice(kind, event, title, text, bool(bad)))
            for number, at, kind, event, title, text, bad in rows
        ]


def told_of(numbers: Sequence[int], now: float) -> None:
    """Remembers that notices were sent, and forgets those of long ago."""
    with opened(PATIENCE) as connection:
        connection.executemany("update notices set sent = ? where number = ?", [(now, number) for number in numbers])
        connection.execute("delete from notices where sent < ?", (now - SENT,))


PLAIN = regex(r"[A-Za-z0-9_-]{1,128}")


def marker(session: str) -> str | None:
    """The file that stands there while a session has jobs to hear of, so that the launcher can tell without Python."""
    return os.path.join(folders.data(), "sessions", session) if PLAIN.fullmatch(session) else None


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
