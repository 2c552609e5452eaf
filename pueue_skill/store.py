"""What is remembered between calls: how long each shape of command took. Shapes and seconds in and out, kept in sqlite.

One small database in the user's data folder, closed to others; all who write wait their turn. A database that cannot be
read or written is as good as an empty one: remembering is a help, and never in the way.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

KEPT = 10
"""Runs that are remembered of each shape."""

SCHEMA = """
create table if not exists durations (shape text not null, seconds real not null, at integer primary key autoincrement);
create index if not exists durations_by_shape on durations (shape);
pragma user_version = 1;
"""


def path() -> Path:
    """The database: in $XDG_DATA_HOME/pueue-skill, or where the system keeps such data.

    platformdirs would say the same on Linux; it is not asked because the hook reads this on every interesting command.
    """
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local/share") / "pueue-skill/store.db"


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The database, made when it is not there. Raises sqlite3.Error, OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=0.3)) as connection:
        file.chmod(0o600)
        if connection.execute("pragma user_version").fetchone()[0] == 0:
            connection.executescript(SCHEMA)
        with connection:
            yield connection


def record(shape: str, seconds: float, file: Path | None = None) -> None:
    """Remembers that a command of `shape` took `seconds`. Raises sqlite3.Error, OSError."""
    with opened(file or path()) as connection:
        connection.execute("insert into durations (shape, seconds) values (?, ?)", (shape, seconds))
        connection.execute(
            "delete from durations where shape = ? and at not in "
            "(select at from durations where shape = ? order by at desc limit ?)",
            (shape, shape, KEPT),
        )


def durations(file: Path | None = None) -> Mapping[str, tuple[float, ...]]:
    """The seconds of the last runs of each shape, the latest last; empty when nothing can be read."""
    file = file or path()
    if not file.exists():
        return {}
    found: dict[str, tuple[float, ...]] = {}
    try:
        with opened(file) as connection:
            for shape, seconds in connection.execute("select shape, seconds from durations order by at"):
                found[shape] = (*found.get(shape, ()), seconds)
    except (sqlite3.Error, OSError):
        return {}
    return found


def forget(shape: str | None, file: Path | None = None) -> int:
    """Forgets one shape, or all when it is None; how many runs that were. Raises sqlite3.Error, OSError."""
    with opened(file or path()) as connection:
        if shape is None:
            return connection.execute("delete from durations").rowcount
        return connection.execute("delete from durations where shape = ?", (shape,)).rowcount
