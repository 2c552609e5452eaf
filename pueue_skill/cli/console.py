"""What every command shares: exit codes, messages on stderr, and the one place where errors become a message and an exit code.

Expected errors are types of our own, OSError and sqlite3's: what failed, where and why is their message. Anything else is a mistake in
this program: exit code 3, one line, and a report to attach.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum

from pueue_skill.startup.errors import UsageError


class ExitCode(IntEnum):
    """What a command ends with, where it does not end with a job's own code."""

    DONE = 0
    FINDINGS = 1
    """Findings, or a job failed."""
    USAGE = 2
    """Arguments or the configuration cannot be used."""
    INTERNAL = 3
    """Something failed that neither the arguments nor a host explains."""
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
    """Print a line on stderr."""
    print(f"pueue-skill: {message}", file=sys.stderr)


def failed(code: int, message: str) -> int:
    """Print why a command fails, and return `code`."""
    say(message)
    return code


def guarded(arguments: list[str], command: Callable[[], int]) -> int:
    """Return the exit code of `command`, which `arguments` called; print what it raised.

    The types of errors are imported where one was raised: sqlite3 alone takes as long as a short command.
    """
    try:
        return command()
    except KeyboardInterrupt:
        return failed(ExitCode.INTERRUPTED, "interrupted")
    except UsageError as error:
        return failed(ExitCode.USAGE, str(error))
    except Exception as error:
        expected = explained(arguments, error)
        if expected is not None:
            return expected
        from pueue_skill.cli import crash_report

        return failed(ExitCode.INTERNAL, crash_report.write(arguments, error))


def explained(arguments: list[str], error: Exception) -> int | None:
    """Print an expected error and return its exit code; return None for one that is not expected."""
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
            # These give the job's own code, which may be any number below 125.
            of_job = arguments[:1] in (["run"], ["ssh"], ["wait"])
            return failed(ExitCode.NOT_RUN if of_job else ExitCode.UNREACHABLE, str(error))
        case OSError():
            if streams.failure():
                return ExitCode.DONE  # main says it
            return failed(ExitCode.USAGE, GONE) if paths.working() is None else failed(ExitCode.INTERNAL, str(error))
        case sqlite3.Error():
            return failed(ExitCode.INTERNAL, f"{database.path()}: {error}")
    return None
