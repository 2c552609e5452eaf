"""A copy of the runs of commands, which the hook reads without importing sqlite. `runs` writes it; an unreadable copy counts as empty."""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping

from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

NOTABLE_S = 10.0
"""The duration from which a run is remembered for the hook, whatever the command is."""


class Durations(NamedTuple):
    """The seconds of the last runs of each shape, as in rules.history, and the script file of a shape, with its mark when it last ran."""

    runs: Mapping[str, tuple[float, ...]]
    files: Mapping[str, tuple[str, str]]


def file() -> str:
    return os.path.join(paths.data(), "durations.marshal")


def read() -> Durations:
    """Return the copy."""
    try:
        with open(file(), "rb") as copy:
            if os.fstat(copy.fileno()).st_uid != os.getuid():
                return Durations({}, {})
            runs, files = marshal.loads(copy.read())
            return Durations(dict(runs), dict(files))
    except (OSError, ValueError, EOFError, TypeError):
        return Durations({}, {})


def of_text(text: str) -> Mapping[str, tuple[float, ...]]:
    """Return the runs of each shape, without those of scripts named in `text` that have changed since."""
    found = read()
    named = {known for known in found.files.values() if os.path.basename(known[0]) in text}
    changed = {(name, mark) for name, mark in named if mark_of(name) != mark}
    if not changed:
        return found.runs
    return {shape: runs for shape, runs in found.runs.items() if found.files.get(shape) not in changed}


def mark_of(path: str) -> str:
    """Return the time and size of a file as text, empty if it cannot be looked at."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def changed_at(mark: str) -> float:
    """Return the time in a mark, in seconds since the epoch."""
    return int(mark.split()[0]) / 1e9


def write(runs: Mapping[str, tuple[float, ...]], files: Mapping[str, tuple[str, str]]) -> None:
    """Replace the copy. Raises OSError."""
    from pueue_skill.startup.files import write_atomic

    write_atomic(file(), marshal.dumps((dict(runs), dict(files))))
