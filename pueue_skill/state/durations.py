"""A copy of the runs of commands, which the hook reads without importing sqlite. `runs` writes it; an unreadable copy counts as empty."""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping

from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths


class Durations(NamedTuple):
    """The seconds of the last runs of each shape, the latest last; the mark of each script file when it last ran."""

    runs: Mapping[str, tuple[float, ...]]
    files: Mapping[str, str]


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
    changed = [name for name, mark in found.files.items() if os.path.basename(name) in text and mark_of(name) != mark]
    if not changed:
        return found.runs
    return {shape: runs for shape, runs in found.runs.items() if not any(name in shape.split() for name in changed)}


def mark_of(path: str) -> str:
    """Return the time and size of a file as text, empty if it cannot be looked at."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def write(runs: Mapping[str, tuple[float, ...]], files: Mapping[str, str]) -> None:
    """Replace the copy. Raises OSError."""
    from pueue_skill.startup.files import write_atomic

    write_atomic(file(), marshal.dumps((dict(runs), dict(files))))
