"""The standard streams of a command, whatever they are: prepare() before it, failure() after it.

A stream that is closed becomes /dev/null, so that no file that is opened later takes its place. The first write to stdout that fails
raises; what comes after it is dropped, so that nothing fails once more at the end. stderr is only talk: a write to it never fails.

All text is made fit for a terminal on its way out (terminal.safe), whoever it came from. The bytes of a job's output go through the
streams' buffers instead, and what draws with escape sequences of its own through drawing().
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


class Results(io.FileIO):
    """stdout; `failure` is the first error of a write."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
                raise
        return memoryview(data).nbytes


class Talk(io.FileIO):
    """stderr."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class Shown(io.TextIOWrapper):
    """A text stream for people and terminals."""

    def write(self, text: str) -> int:
        return super().write(printable.safe(text))


class Drawing:
    """A Shown for what makes its own text fit, and moves the cursor or colours it."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self.shown, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shown, name)


def drawing() -> Any:
    """stdout as a file for rich."""
    return Drawing(sys.stdout) if isinstance(sys.stdout, Shown) else sys.stdout


results: Results | None = None
told = False
"""Whether it was said that stdout cannot be written."""

closed = False
"""Whether stdout was closed when the command began."""


def prepare() -> None:
    """Puts the three streams in order. Those that a caller in the same process has replaced stay as they are."""
    global results, told, closed
    told = False
    closed = sys.stdout is None
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)
    if sys.stdout is sys.__stdout__:
        results = Results(1, "w", closefd=False)
        sys.stdout = text(results, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = text(Talk(2, "w", closefd=False), sys.stderr)


def text(raw: io.FileIO, was: TextIO | None) -> Shown:
    """A text stream onto `raw` with the properties of the one that it replaces; what cannot be encoded is spelled."""
    errors = (was.errors if was else None) or "strict"
    return Shown(
        io.BufferedWriter(raw),
        encoding=was.encoding if was else "utf-8",
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=bool(was and was.line_buffering),
        write_through=was is not None and getattr(was, "write_through", False),
    )


def failure() -> OSError | None:
    """Why stdout could not be written, after all that was printed has been written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return results.failure if results else None
