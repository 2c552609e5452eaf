"""Exit codes, messages on stderr, and the one place where exceptions become a message and an exit code.

Expected exceptions are our own types, OSError and sqlite3.Error; their message says what failed, where and why. Any other exception is
a bug: it exits 3 with one line, and a report to attach to an issue.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum

from pueue_skill.startup.errors import UsageError


class ExitCode(IntEnum):
    """The exit codes of commands. `run`, `ssh`, `wait` and `log --follow` otherwise return the job's own."""

    DONE = 0
    FINDINGS = 1
    """Findings, or a job failed."""
    USAGE = 2
    """Wrong arguments, or an error in the configuration."""
    INTERNAL = 3
    """An internal error."""
    UNREACHABLE = 4
    """A host or its daemon cannot be reached."""
    STILL_RUNS = 75
    """`run` stopped waiting, and the job has not ended."""
    NOT_RUN = 125
    """The job could not be submitted or started, or its state is unknown."""
    INTERRUPTED = 130
    NOT_READ = 141
    """The reader of stdout is gone: 128 + SIGPIPE."""
    TERMINATED = 143
    """128 + SIGTERM."""
    SSH_FAILED = 255
    """ssh's own exit code if it cannot connect."""


NO_WORKING_DIRECTORY = "the working directory no longer exists. Try: cd to an existing one"

quiet = False
"""Whether the command was called with --quiet: then `note` prints nothing."""


follows = False
"""Whether the exit code of the command is that of a job, which may be 4."""


def unreachable_code() -> ExitCode:
    """Return the exit code of the command if a host does not answer."""
    return ExitCode.NOT_RUN if follows else ExitCode.UNREACHABLE


def say(message: str) -> None:
    """Print a line on stderr."""
    print(f"pueue-skill: {message}", file=sys.stderr)


def note(message: str) -> None:
    """Print a line on stderr, unless --quiet was given: for what a user may ignore."""
    if not quiet:
        say(message)


def failed(code: int, message: str) -> int:
    """Print why a command fails, and return `code`."""
    say(message)
    return code


def guarded(arguments: list[str], command: Callable[[], int]) -> int:
    """Return the exit code of `command`, which was called with `arguments`; print its exception, if any.

    Exception types are imported after an exception: importing sqlite3 alone takes as long as a short command.
    """
    try:
        return command()
    except KeyboardInterrupt:
        return failed(ExitCode.INTERRUPTED, "interrupted")
    except UsageError as error:
        return failed(ExitCode.USAGE, str(error))
    except Exception as error:
        code = report_expected(error)
        if code is not None:
            return code
        from pueue_skill.cli import crash_report

        return failed(ExitCode.INTERNAL, crash_report.write(arguments, error))


def report_expected(error: Exception) -> int | None:
    """Print an expected exception and return its exit code; return None for any other."""
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
            for message in error.args:
                say(message)
            return unreachable_code()
        case OSError():
            if streams.failure():
                return ExitCode.DONE  # main reports it
            if paths.working() is None:
                return failed(ExitCode.USAGE, NO_WORKING_DIRECTORY)
            return failed(ExitCode.INTERNAL, str(error))
        case sqlite3.Error():
            return failed(ExitCode.INTERNAL, f"{database.path()}: {error}")
    return None
