"""What every command shares: exit codes, talk to stderr, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with, where it does not end with a job's own code."""

    DONE = 0
    FINDINGS = 1
    """Findings, or a job failed."""
    USAGE = 2
    INTERNAL = 3
    UNREACHABLE = 4
    """A host or its daemon cannot be reached."""
    GOES_ON = 75
    """`run` stopped waiting, and the job goes on."""
    NOT_RUN = 125
    """A job could not be submitted, or its state cannot be known."""
    INTERRUPTED = 130
    NOT_READ = 141
    """What a shell says of a program that SIGPIPE has ended."""
    TERMINATED = 143
    SSH_FAILED = 255
    """What ssh itself says when it cannot connect."""


GONE = "the working directory no longer exists. Try: cd to one that does"


def say(message: str) -> None:
    print(f"pueue-skill: {message}", file=sys.stderr)


def failed(code: int, message: str) -> int:
    """Says why a command fails, and returns `code`."""
    say(message)
    return code


def guarded(name: str, command: Callable[[], int]) -> int:
    """The exit code of the command called `name`; what it raised is said.

    The types of errors are imported where one was raised: sqlite3 alone takes as long as a short command.
    """
    try:
        return command()
    except KeyboardInterrupt:
        return failed(ExitCode.INTERRUPTED, "interrupted")
    except Exception as error:
        code = told(name, error)
        if code is None:
            raise
        return code


def told(name: str, error: Exception) -> int | None:
    """Says an error that the command called `name` has raised, and returns its exit code; None for one that nobody expects."""
    import sqlite3

    from pueue_skill.cli import streams
    from pueue_skill.configuration.errors import ConfigError
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.jobs.submission import NotSubmitted
    from pueue_skill.state import database, paths

    match error:
        case ConfigError():
            return failed(ExitCode.USAGE, str(error))
        case NotSubmitted():
            return failed(ExitCode.NOT_RUN, f"not queued: {error}")
        case Unreachable():
            return failed(ExitCode.NOT_RUN if name in ("run", "ssh", "wait") else ExitCode.UNREACHABLE, str(error))
        case LookupError():
            return failed(ExitCode.USAGE, str(error.args[0]))
        case OSError():
            if streams.failure():
                return ExitCode.DONE  # main says it
            return failed(ExitCode.USAGE, GONE) if paths.working() is None else failed(ExitCode.INTERNAL, str(error))
        case sqlite3.Error():
            return failed(ExitCode.INTERNAL, f"{database.path()}: {error}")
    return None
