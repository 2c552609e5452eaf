"""The standard streams of a command: call prepare() before the command, failure() after it.

A closed stream becomes /dev/null, so that no file opened later gets its number. The first failed write to stdout raises; later writes are
dropped, so that the exit of the process does not fail again. stderr carries only messages: writes to it never fail.

All text is made safe for a terminal when it is written (printable.safe), whatever its source. Output of jobs goes through the streams'
buffers instead, byte for byte, and rich's output through terminal().
"""

from __future__ import annotations

import io
import os
import sys

from pueue_skill.shell import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from _typeshed import ReadableBuffer


class Stdout(io.FileIO):
    """stdout; `failure` is the error of its first failed write."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
                raise
        return memoryview(data).nbytes


class Stderr(io.FileIO):
    """stderr, whose failed writes are ignored."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class SafeText(io.TextIOWrapper):
    """A text stream that spells out control characters."""

    def write(self, text: str) -> int:
        return super().write(printable.safe(text))


class Terminal:
    """A SafeText without its check, for rich, which writes escape sequences and gets safe text."""

    def __init__(self, stream: SafeText) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self.stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def terminal() -> Any:
    """Return stdout as a file for rich."""
    return Terminal(sys.stdout) if isinstance(sys.stdout, SafeText) else sys.stdout


stdout: Stdout | None = None

failure_reported = False
"""Whether a message said that stdout cannot be written."""

closed = False
"""Whether stdout was closed when the command began."""


def prepare() -> None:
    """Open closed streams and wrap stdout and stderr. Streams that a caller in this process replaced are left as is."""
    global stdout, failure_reported, closed
    failure_reported = False
    closed = sys.stdout is None
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)
    if sys.stdout is sys.__stdout__:
        stdout = Stdout(1, "w", closefd=False)
        sys.stdout = text_stream(stdout, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = text_stream(Stderr(2, "w", closefd=False), sys.stderr)


def text_stream(raw: io.FileIO, replaced: TextIO | None) -> SafeText:
    """Return a text stream to `raw` with the properties of `replaced`; characters that it cannot encode become escapes.

    With PYTHONUNBUFFERED, Python's own stream has no buffer, only `write_through`; this one has, so lines are flushed.
    """
    errors = (replaced.errors if replaced else None) or "strict"
    write_through = replaced is not None and getattr(replaced, "write_through", False)
    return SafeText(
        io.BufferedWriter(raw),
        encoding=replaced.encoding if replaced else "utf-8",
        errors="backslashreplace" if errors in ("strict", "surrogateescape") else errors,  # the latter in the C locale
        line_buffering=write_through or bool(replaced and replaced.line_buffering),
        write_through=write_through,
    )


def failure() -> OSError | None:
    """Flush stdout; return the error of its first failed write, if any."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return stdout.failure if stdout else None
