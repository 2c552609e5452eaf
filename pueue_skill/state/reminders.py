"""Reminders that sessions were given: a session and what a reminder is about in; out, whether to give it.

A session is reminded of the same thing once, and of at most five things an hour. On the hook's path: a file of lines for each session.
"""

from __future__ import annotations

import os
import time

from pueue_skill.startup.digest import digest
from pueue_skill.state import paths

MAX_PER_HOUR = 5
MAX_AGE_S = 7 * 24 * 3600
"""The files of sessions without a reminder for longer than this are deleted."""


def may_remind(session: str, subject: str) -> bool:
    """Return whether a session may be reminded of `subject` now, and remember that it is. Raises OSError."""
    folder = os.path.join(paths.data(), "reminders")
    file = os.path.join(folder, digest(session.encode(errors="surrogatepass"), 16))
    line = f"{time.time():.0f} {digest(subject.encode(errors='surrogatepass'), 16)}"
    try:
        with open(file, encoding="ascii") as known:
            given = [words for words in map(str.split, known) if len(words) == 2 and words[0].isdecimal()]
    except FileNotFoundError:
        given = []
        os.makedirs(folder, mode=0o700, exist_ok=True)
        delete_old(folder)
    lately = [at for at, _ in given if float(at) > time.time() - 3600]
    if len(lately) >= MAX_PER_HOUR or line.split()[1] in {key for _, key in given}:
        return False
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
    return True


def delete_old(folder: str) -> None:
    """Delete the files of sessions that ended long ago."""
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < time.time() - MAX_AGE_S:
            os.unlink(entry.path)
