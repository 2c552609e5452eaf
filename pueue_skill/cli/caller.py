"""What `run` and `ssh` have of the process that calls them: its standard input as it comes, its umask, and SIGTERM.

SIGTERM is how timeout(1) and whoever else gives up on a command ends it. It raises Terminated, but not while a submission is on its
way: what became of the job would not be known.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

from pueue_skill.jobs.submission import NotSubmitted

CHUNK = 1 << 20
"""Bytes of standard input that are held at once."""


class Terminated(BaseException):
    """SIGTERM has come."""


class OnTerm:
    """The handler of SIGTERM: it raises Terminated, while it is `held` only once it is released."""

    def __init__(self) -> None:
        self.held = True
        self.came = False
        signal.signal(signal.SIGTERM, self)

    def __call__(self, *_: object) -> None:
        self.came = True
        if not self.held:
            raise Terminated

    def release(self) -> None:
        self.held = False
        if self.came:
            raise Terminated


def standard_input(limit: int, term: OnTerm) -> Iterator[bytes]:
    """All of standard input, as it comes; nothing where it is closed. While it comes nothing is queued yet, and SIGTERM ends it at once.

    Raises NotSubmitted when there are more than `limit` bytes.
    """
    if sys.stdin is None:
        return
    term.release()
    count = 0
    while chunk := os.read(sys.stdin.fileno(), CHUNK):
        count += len(chunk)
        if count > limit:
            raise NotSubmitted(
                f"standard input is longer than {limit:,} bytes; for more give --stdin-limit, as --stdin-limit 100G"
            )
        yield chunk
    term.held = True


def umask() -> int:
    """The file mode creation mask of this process, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def storable(env: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """`env` without what is not UTF-8 (pueue 4.0.4 panics on it), and the names of that."""
    kept, left_out = {}, []
    for name, value in env.items():
        try:
            (name + value).encode("utf-8")
            kept[name] = value
        except UnicodeEncodeError:
            left_out.append(name.encode("utf-8", "replace").decode())
    return kept, left_out


def here(below: str = "") -> str:
    """The folder of this process, by the name that the shell has for it: what POSIX says of `pwd -L`; or a folder `below` it."""
    name = os.environ.get("PWD", "")
    try:
        logical = name.startswith("/") and os.path.samefile(name, ".")
    except OSError:
        logical = False
    folder = name if logical else os.getcwd()
    if not below:
        return folder
    from pathlib import Path

    return str(Path(folder, below))
