"""The user's sqlite database: opened, created and migrated. A path in, a connection out.

Only the user may read the file, writers wait for each other, and a file that is no database is renamed and replaced. It knows no table's
meaning: runs, sessions, reachability and outbox do. Callers decide what an error means; a hook stays silent.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pueue_skill.startup.files import unused
from pueue_skill.state import paths

VERSION = 7

SCHEMA = """
drop table if exists durations;
create table if not exists runs (
  number integer primary key autoincrement, shape text not null, seconds real not null, cut integer not null, at real not null,
  file text not null, mark text not null, flagged integer not null
);
create index if not exists runs_by_shape on runs (shape);
create index if not exists notable_runs on runs (shape) where flagged or seconds >= 10;
create index if not exists runs_by_file on runs (file) where file != '';
create table if not exists journals (key text primary key, position integer not null) without rowid;
create table if not exists jobs (
  number integer primary key autoincrement,
  host text not null, key text not null, ssh text not null, pueue text not null, backend text not null,
  session text not null, project text not null, command text not null, submitted real not null,
  id text not null default '', label text not null default '', "group" text not null default '',
  created text not null default '', state text not null default 'open', exit_code integer, seconds real,
  tail text not null default '', ended text not null default '', checked real not null default 0,
  looked integer not null default 0
);
create index if not exists jobs_by_state on jobs (state);
create unique index if not exists jobs_by_identity on jobs (host, key, id, created) where id != '';
create table if not exists told (
  session text not null, job integer not null, what text not null, pid integer, at real not null,
  primary key (session, job, what)
) without rowid;
create table if not exists keys (
  key text primary key, host text not null, ssh text not null, pueue text not null, backend text not null
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
"""

OLDER = """
alter table jobs rename to jobs_5;
alter table told rename to told_5;
drop index if exists jobs_by_state;
"""
"""Runs before SCHEMA where the primary key of jobs was their key; KEPT_OLDER runs after it."""
KEPT_OLDER = """
insert into jobs (host, key, ssh, pueue, backend, session, project, command, submitted, id, label, "group", created, state, exit_code,
  seconds, tail, ended, checked, looked)
select host, key, ssh, pueue, backend, session, project, command, submitted, id, label, "group", created, state, exit_code, seconds,
  tail, ended, checked, looked from jobs_5;
insert into told select told_5.session, jobs.number, what, pid, at from told_5 join jobs using (host, key);
drop table jobs_5;
drop table told_5;
"""


def path() -> Path:
    return Path(paths.store())


@contextmanager
def opened(timeout_s: float = 0.3) -> Iterator[sqlite3.Connection]:
    """Open the database, creating it if needed; wait up to `timeout_s` for other writers. Raises sqlite3.Error, OSError."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        connection = connected(file, timeout_s)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, full, not writable: it may be whole
            raise
        file.rename(unused(f"{file}.broken-{int(time.time())}"))
        connection = connected(file, timeout_s)
    with closing(connection), connection:
        yield connection


def connected(file: Path, timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=timeout_s)
    try:
        if version(connection) < VERSION:
            file.chmod(0o600)
            with connection:
                connection.execute("begin immediate")
                make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def make(connection: sqlite3.Connection) -> None:
    """Create the tables and migrate those of an older version, unless another process just did."""
    if version(connection) == VERSION:
        return
    found = connection.execute("select count(*) from sqlite_master where type = 'table' and name in ('jobs', 'told')")
    older = version(connection) < 6 and found.fetchone()[0] == 2
    for statement in "".join([OLDER if older else "", SCHEMA, KEPT_OLDER if older else ""]).split(";\n"):
        connection.execute(statement)
    connection.execute(f"pragma user_version = {VERSION}")
