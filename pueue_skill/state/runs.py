"""How long commands took: Runs in; out, the last runs of each shape, for the rules, for `history` and for the launcher of the hooks.

Calls are first appended to a journal, which needs no lock, so that concurrent sessions lose none; the process that holds the lock of the
journal analyses the new lines (agents.learning) and stores their runs together with the position up to which it has read.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence

from pueue_skill.rules.history import ENOUGH_RUNS, summary
from pueue_skill.startup.files import write_atomic
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import durations, paths
from pueue_skill.state.database import opened, path

RUNS_PER_SHAPE = 20
"""Runs kept of each shape."""

MAX_AGE_S = 180 * 24 * 3600
"""Older runs are deleted."""

MAX_JOURNAL_BYTES = 200_000
"""A larger journal is renamed to runs.journal.old once it is read, and a new one begun."""

NOTABLE_S = 10.0
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


def append(line: bytes) -> None:
    """Append a line without its end to the journal. Raises OSError."""
    descriptor = open_journal()
    try:
        os.write(descriptor, line + b"\n")
    finally:
        os.close(descriptor)


def open_journal() -> int:
    """Return a descriptor of the journal, which is created if it is missing. Raises OSError."""
    os.makedirs(paths.data(), mode=0o700, exist_ok=True)
    return os.open(paths.journal(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def unread_lines(limit: int) -> list[tuple[int, int, list[bytes]]]:
    """Return up to `limit` whole lines of the journals that were not read: (inode, position after them, lines) of each journal.

    Raises sqlite3.Error, OSError.
    """
    found = []
    with opened() as connection:
        known = dict(connection.execute("select inode, position from journals").fetchall())
    for name in (paths.journal() + ".old", paths.journal()):
        try:
            with open(name, "rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                file.seek(known.get(inode, 0))
                lines = [line for _, line in zip(range(limit), file, strict=False) if line.endswith(b"\n")]
        except FileNotFoundError:
            continue
        if lines:
            found.append((inode, known.get(inode, 0) + sum(map(len, lines)), lines))
            limit -= len(lines)
    return found


def record(runs: Sequence[Run], positions: Iterable[tuple[int, int]] = ()) -> None:
    """Store runs and the positions up to which journals were read, in one transaction. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.execute("begin immediate")
        before = notable(connection, [run.shape for run in runs])
        for run in runs:
            if run.file:
                connection.execute("delete from runs where file = ? and mark != ?", (run.file, run.mark))
            connection.execute(
                "insert into runs (shape, seconds, cut, at, file, mark, flagged) values (?, ?, ?, ?, ?, ?, ?)",
                (run.shape, run.seconds, run.cut, time.time(), run.file, run.mark, run.flagged),
            )
            connection.execute(
                "delete from runs where shape = ?1 and number not in (select number from runs where shape = ?1 order by number desc limit ?2)",
                (run.shape, RUNS_PER_SHAPE),
            )
        connection.execute("delete from runs where at < ?", (time.time() - MAX_AGE_S,))
        for inode, position in positions:
            connection.execute("insert or replace into journals values (?, ?)", (inode, position))
        if before or notable(connection, [run.shape for run in runs]):
            publish(connection)


def notable(connection: sqlite3.Connection, shapes: Sequence[str]) -> bool:
    """Return whether the hook needs to know about any of `shapes`: it ran long, or a rule may flag it."""
    marks = ", ".join("?" * len(shapes))
    found = connection.execute(f"select 1 from runs where {NOTABLE} and shape in ({marks}) limit 1", list(shapes))  # noqa: S608
    return found.fetchone() is not None


def rotate_journal() -> None:
    """Begin a new journal if the journal is large. The caller holds its lock and has read it. Raises OSError."""
    if os.path.getsize(paths.journal()) > MAX_JOURNAL_BYTES:
        os.replace(paths.journal(), paths.journal() + ".old")
        os.close(open_journal())


def by_shape(connection: sqlite3.Connection, where: str = "true") -> dict[str, tuple[float, ...]]:
    """Return the seconds of the runs of each shape that meets a condition, the latest last."""
    found: dict[str, list[float]] = {}
    for shape, seconds in connection.execute(f"select shape, seconds from runs where {where} order by number"):  # noqa: S608
        found.setdefault(shape, []).append(seconds)
    return {shape: tuple(runs) for shape, runs in found.items()}


def publish(connection: sqlite3.Connection) -> None:
    """Write the copy for the hook and the list for its launcher. Raises sqlite3.Error, OSError."""
    known = by_shape(connection, f"shape in (select shape from runs where {NOTABLE})")  # noqa: S608
    files = dict(connection.execute(f"select distinct file, mark from runs where {NOTABLE} and file != ''").fetchall())  # noqa: S608
    durations.write(known, files)
    slow = [shape for shape, runs in known.items() if summary(runs).p50 >= NOTABLE_S and not masks(shape, known)]
    lines = list(dict.fromkeys([anchor_words(shape) for shape in reversed(slow)]))
    write_atomic(paths.slow_programs(), "".join([f"{line}\n" for line in lines[:MAX_LISTED]]).encode())


DIGEST = regex(r" [#~][0-9a-f]+")


def anchor_words(shape: str) -> str:
    """Return the program and the script or subcommand of a shape: words that every command of the shape contains."""
    commands = [command.rpartition(": ")[2] for command in shape.split(" && ")]
    words = [word for word in " ".join(commands).split() if word[0] not in "-#~"]
    return " ".join([word.rpartition("/")[2] for word in words])


def without_digest(shape: str) -> str:
    """Return the shape of the commands that differ from those of `shape` only in their values."""
    return DIGEST.sub("", shape)


def masks(shape: str, known: Mapping[str, tuple[float, ...]]) -> bool:
    """Return whether `shape` stands for exact words of commands that are mostly quick: listing it would start Python for all of them."""
    general = known.get(without_digest(shape), ())
    return general != known[shape] and len(general) > ENOUGH_RUNS and summary(general).p50 < NOTABLE_S


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
    where, values = (
        ("", ())
        if shape is None
        else (" where shape = ?1 or shape like ?1 || ' #%' or shape like ?1 || ' ~%'", (shape,))
    )
    with opened() as connection:
        count = connection.execute(f"delete from runs{where}", values).rowcount  # noqa: S608
        publish(connection)
    return count
