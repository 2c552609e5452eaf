"""The journal of calls that ended: lines in; out, those that were not read yet, with positions for the database.

The launcher and the hooks append to it without a lock, so that concurrent sessions lose no call. One process at a time reads it
(agents.learning). A journal that is read to its end is replaced by an empty one, so that the text of calls does not stay on the disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

MAX_READ_BYTES = 10_000
"""A journal with more than this is replaced once it is read."""

MAX_UNREAD_BYTES = 2_000_000
"""Lines before the last ones of this length are dropped unread."""

OPEN_S = 10.0
"""How long a process may keep a replaced journal open to append to it."""


class Unread(NamedTuple):
    """The unread whole lines of a journal from `position` on. `key` stands for the journal, of which `ended` has no more lines."""

    key: str
    position: int
    lines: Sequence[bytes]
    ended: bool


def append(line: bytes) -> None:
    """Append a line without its end. Raises OSError."""
    create()
    descriptor = os.open(paths.journal(), os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line + b"\n")
    finally:
        os.close(descriptor)


def create() -> None:
    """Create the journal, if it is missing, with a first line that no other one has. Raises OSError."""
    if os.path.exists(paths.journal()):
        return
    os.makedirs(paths.data(), mode=0o700, exist_ok=True)
    new = f"{paths.journal()}.{os.getpid()}"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(b'{"journal": "%s"}\n' % os.urandom(8).hex().encode())
    try:
        os.link(new, paths.journal())
    except FileExistsError:
        pass  # another process was faster
    finally:
        os.unlink(new)


def delete() -> None:
    """Delete the journal with its replaced one. Raises OSError."""
    for name in (paths.journal(), replaced()):
        if os.path.exists(name):
            os.unlink(name)


def replaced() -> str:
    """Return the path of the journal before the present one, to which a process may still append."""
    return paths.journal() + ".old"


def unread(positions: Mapping[str, int], limit: int) -> list[Unread]:
    """Return what was not read of each journal, up to `limit` lines in all. `positions` has how far they were read. Raises OSError."""
    found = []
    for name in (replaced(), paths.journal()):
        try:
            with open(name, "rb") as file:
                key = digest(file.readline(), 16)
                position = max(positions.get(key, 0), os.fstat(file.fileno()).st_size - MAX_UNREAD_BYTES)
                file.seek(position)
                read = [line for _, line in zip(range(limit), file, strict=False)]
        except FileNotFoundError:
            continue
        found.append(Unread(key, position, [line for line in read if line.endswith(b"\n")], len(read) < limit))
        limit -= len(read)
    return found


def forget_read() -> None:
    """Leave an empty journal, if there is one. The caller has read it. Raises OSError."""
    if os.path.exists(paths.journal()):
        delete()
        create()


def replace_read() -> None:
    """Replace a large journal, and delete the replaced one. The caller holds the lock and has read both to their ends. Raises OSError."""
    old = replaced()
    if os.path.exists(old):
        if time.time() - os.stat(old).st_ctime < OPEN_S:
            return
        os.unlink(old)
    if os.path.getsize(paths.journal()) > MAX_READ_BYTES:
        os.rename(paths.journal(), old)
        create()
