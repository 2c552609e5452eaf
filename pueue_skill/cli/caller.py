"""The process that calls `run` and `ssh`: its stdin, umask, environment and working directory, and SIGTERM.

timeout(1) and others end a command with SIGTERM. It raises Terminated, but not during a submission: the command would not know
whether the job is queued.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

from pueue_skill.jobs.submission import NotSubmitted

CHUNK_BYTES = 1 << 20
"""How much of stdin is read at once."""


class Terminated(BaseException):
    """The process received SIGTERM."""


class Sigterm:
    """Handles SIGTERM: raises Terminated, at once or, while it is `held`, when it is released."""

    def __init__(self) -> None:
        self.held = True
        self.received = False
        signal.signal(signal.SIGTERM, self)

    def __call__(self, *_: object) -> None:
        self.received = True
        if not self.held:
            raise Terminated

    def release(self) -> None:
        self.held = False
        if self.received:
            raise Terminated


def read_stdin(limit: int, sigterm: Sigterm) -> Iterator[bytes]:
    """Yield stdin as it arrives; nothing if it is closed. Until its end nothing is queued, so SIGTERM is not held meanwhile.

    Raises NotSubmitted if stdin is longer than `limit` bytes, Terminated.
    """
    if sys.stdin is None:
        return
    sigterm.release()
    count = 0
    while chunk := os.read(sys.stdin.fileno(), CHUNK_BYTES):
        count += len(chunk)
        if count > limit:
            raise NotSubmitted(f"stdin is longer than {limit:,} bytes. Try: a larger limit, such as --stdin-limit 100G")
        yield chunk
    sigterm.held = True


def storable(env: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that are UTF-8, and the names of the others, on which pueue 4.0.4 panics."""
    stored, left_out = {}, []
    for name, value in env.items():
        try:
            (name + value).encode("utf-8")
            stored[name] = value
        except UnicodeEncodeError:
            left_out.append(name.encode("utf-8", "replace").decode())
    return stored, left_out


def working_directory(relative: str = "") -> str:
    """Return the working directory as `pwd -L` does, by the name that the shell has for it; or a folder `relative` to it."""
    name = os.environ.get("PWD", "")
    try:
        logical = name.startswith("/") and os.path.samefile(name, ".")
    except OSError:
        logical = False
    folder = name if logical else os.getcwd()
    if not relative:
        return folder
    from pathlib import Path

    return str(Path(folder, relative))
