"""How long commands took: Runs in; out, the last runs of each shape, for the rules, for `history` and for the launcher of the hooks.

Calls are first appended to the journal; agents.learning analyses its new lines and stores their runs together with the positions up to which
it has read.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence

from pueue_skill.rules.history import ENOUGH_RUNS, summary
from pueue_skill.startup.files import write_atomic
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import durations, paths
from pueue_skill.state.database import opened, path
from pueue_skill.state.durations import NOTABLE_S

RUNS_PER_SHAPE = 20
"""Runs kept of each shape."""

MAX_AGE_S = 180 * 24 * 3600
"""Older runs are deleted."""

MAX_RUNS = 50_000
"""Older ones are deleted."""

NOTABLE = "(flagged or seconds >= 10)"
"""Shapes without such a run are left out of the copy for the hook: they are quick, and no rule flags them."""

LOCK_TIMEOUT_S = 0.3
"""How long a hook waits for another process that writes to the database; the journal keeps what it could not store."""

MAX_LISTED = 300
"""Lines in the list of slow programs, which the launcher of the hooks compares with every command."""


class Run(NamedTuple):
    """A run of a command: `seconds` is a lower bound if it was `cut`. `file` is its script, `mark` that file's time and size."""

    shape: str
    seconds: float
    cut: bool = False
    file: str = ""
    mark: str = ""
    flagged: bool = False


def positions() -> dict[str, int]:
    """Return how far each journal was read. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        return dict(connection.execute("select key, position from journals").fetchall())


def record(runs: Sequence[Run], positions: Mapping[str, int] | None = None) -> None:
    """Store runs, and the positions up to which the journals were read, in one transaction. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.execute("begin immediate")
        notable = False
        for run in runs:
            notable = notable or is_notable(connection, run.shape)
            if run.file:
                connection.execute("delete from runs where file = ? and file != '' and mark != ?", (run.file, run.mark))
            connection.execute(
                "insert into runs (shape, seconds, cut, at, file, mark, flagged) values (?, ?, ?, ?, ?, ?, ?)",
                (run.shape, run.seconds, run.cut, time.time(), run.file, run.mark, run.flagged),
            )
            connection.execute(
                "delete from runs where shape = ?1 and number not in (select number from runs where shape = ?1 order by number desc limit ?2)",
                (run.shape, RUNS_PER_SHAPE),
            )
            notable = notable or is_notable(connection, run.shape)
        connection.execute("delete from runs where number <= (select max(number) from runs) - ?", (MAX_RUNS,))
        connection.execute(
            "delete from runs where number in (select number from runs order by number limit 1000) and at < ?",
            (time.time() - MAX_AGE_S,),
        )
        if positions is not None:
            connection.execute("delete from journals")
            connection.executemany("insert into journals values (?, ?)", positions.items())
        if notable:
            publish(connection)


def is_notable(connection: sqlite3.Connection, shape: str) -> bool:
    """Return whether the hook needs to know about a shape: it ran long, or a rule may flag it."""
    found = connection.execute(f"select 1 from runs where {NOTABLE} and shape = ? limit 1", (shape,))  # noqa: S608
    return found.fetchone() is not None


def by_shape(connection: sqlite3.Connection, where: str = "true") -> dict[str, tuple[float, ...]]:
    """Return the seconds of the runs of each shape that meets a condition, the latest last; negative for those that were cut."""
    found: dict[str, list[float]] = {}
    seconds_of = "case when cut then -seconds else seconds end"
    for shape, seconds in connection.execute(f"select shape, {seconds_of} from runs where {where} order by number"):  # noqa: S608
        found.setdefault(shape, []).append(seconds)
    return {shape: tuple(runs) for shape, runs in found.items()}


def publish(connection: sqlite3.Connection) -> None:
    """Write the copy for the hook and the list for its launcher. Raises sqlite3.Error, OSError."""
    known = by_shape(connection, f"shape in (select shape from runs where {NOTABLE})")  # noqa: S608
    scripts = connection.execute(f"select distinct shape, file, mark from runs where {NOTABLE} and file != ''")  # noqa: S608
    durations.write(known, {shape: (file, mark) for shape, file, mark in scripts})
    slow = [shape for shape, runs in known.items() if summary(runs).p50 >= NOTABLE_S and not masks(shape, known)]
    lines = [line for line in dict.fromkeys([anchor_words(shape) for shape in reversed(slow)]) if line]
    write_atomic(paths.slow_programs(), "".join([f"{line}\n" for line in lines[:MAX_LISTED]]).encode())


DIGEST = regex(r" [#~][0-9a-f]{12}(?= |$)")


def anchor_words(shape: str) -> str:
    """Return the program and the script or subcommand of a shape: words that every command of the shape contains."""
    commands = [command.rpartition(": ")[2] for command in without_digest(shape).split(" && ")]
    words = [word for word in " ".join(commands).split() if word[0] != "-" and word[-1] != "="]
    return " ".join([word.rpartition("/")[2] for word in words])


def without_digest(shape: str) -> str:
    """Return the shape of the commands that differ from those of `shape` only in their values."""
    return DIGEST.sub("", shape)


def masks(shape: str, known: Mapping[str, tuple[float, ...]]) -> bool:
    """Return whether `shape` stands for exact words of commands that are mostly quick: listing it would start Python for all of them."""
    general = known.get(without_digest(shape), ())
    return general != known[shape] and len(general) > ENOUGH_RUNS and summary(general).p50 < NOTABLE_S


def load() -> Mapping[str, tuple[float, ...]]:
    """Return the seconds of the last runs of each shape, as by_shape; empty when nothing can be read."""
    if not path().exists():
        return {}
    try:
        with opened() as connection:
            return by_shape(connection)
    except (sqlite3.Error, OSError):
        return {}


def forget(shape: str | None) -> int:
    """Delete the runs of one shape, or of all when it is None, and return their number. Raises sqlite3.Error, OSError."""
    where: str = ""
    values: tuple[str, ...] = ()
    if shape is not None:
        where = " where shape = ?1 or (substr(shape, 1, length(?1) + 2) in (?1 || ' #', ?1 || ' ~') and length(shape) = length(?1) + 14)"
        values = (shape,)
    with opened() as connection:
        count = connection.execute(f"delete from runs{where}", values).rowcount  # noqa: S608
        publish(connection)
    return count
