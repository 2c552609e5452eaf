"""How long commands took: seconds by shape of command in, the last runs of each shape out."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pueue_skill.state import durations
from pueue_skill.state.database import opened, path

RUNS_PER_SHAPE = 10
"""Runs kept of each shape."""


def record(shape: str, seconds: float) -> None:
    """Record that a command of `shape` took `seconds`. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        connection.execute("insert into durations (shape, seconds) values (?, ?)", (shape, seconds))
        connection.execute(
            "delete from durations where shape = ? and at not in "
            "(select at from durations where shape = ? order by at desc limit ?)",
            (shape, shape, RUNS_PER_SHAPE),
        )
        durations.write(by_shape(connection))


def by_shape(connection: sqlite3.Connection) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for shape, seconds in connection.execute("select shape, seconds from durations order by at"):
        found[shape] = (*found.get(shape, ()), seconds)
    return found


def load() -> Mapping[str, tuple[float, ...]]:
    """Return the seconds of the last runs of each shape, the latest last; empty when nothing can be read."""
    if not path().exists():
        return {}
    try:
        with opened() as connection:
            return by_shape(connection)
    except (sqlite3.Error, OSError):
        return {}


def forget(shape: str | None) -> int:
    """Delete the runs of one shape, or of all when it is None, and return their number. Raises sqlite3.Error, OSError."""
    where, values = ("", ()) if shape is None else (" where shape = ?", (shape,))
    with opened() as connection:
        count = connection.execute(f"delete from durations{where}", values).rowcount  # noqa: S608
        durations.write(by_shape(connection))
    return count
