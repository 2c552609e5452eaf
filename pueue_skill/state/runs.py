"""TODO."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pueue_skill.state import durations
from pueue_skill.state.database import opened, path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Identity: TypeAlias = tuple[str, str, str]
    """The key, id and creation time of a job in its queue: ids are used again, and the same text submitted twice has one key."""


RUNS_PER_SHAPE = 10
"""Runs that are remembered of each shape."""


def record(shape: str, seconds: float) -> None:
    """Remembers that a command of `shape` took `seconds`. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        connection.execute("insert into durations (shape, seconds) values (?, ?)", (shape, seconds))
        connection.execute(
            "delete from durations where shape = ? and at not in "
            "(select at from durations where shape = ? order by at desc limit ?)",
            (shape, shape, RUNS_PER_SHAPE),
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
