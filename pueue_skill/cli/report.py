"""Reports of unexpected errors: the arguments of a command and what it raised in, a file to attach to an issue out.

The report holds no values of variables, and what looks like a secret is masked in it; it is readable by its owner alone.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from pathlib import Path

from pueue_skill import __version__
from pueue_skill.shell import quote
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.files import write_atomic
from pueue_skill.state import paths


def written(arguments: list[str], error: BaseException) -> str:
    """Write the report, and return the line that says where it is; without a place for it, the line is the whole report."""
    text = report(arguments, error)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    file = Path(paths.data()) / "reports" / f"{at}-{os.getpid()}.txt"
    what = masked(f"internal error: {type(error).__name__}: {error}").partition("\n")[0]
    try:
        write_atomic(file, text.encode("utf-8", "backslashreplace"))
    except OSError as why:
        return f"{what}. The report cannot be written ({why}):\n{text}"
    return f"{what}. Attach this file to a report: {file}"


def report(arguments: list[str], error: BaseException) -> str:
    """Return the version, the call and the traceback, without secrets."""
    # Each argument is read as shell text, which a command is, and then the line as a whole, in which an option may name a secret.
    call = masked(quote.line(["pueue-skill", *map(masked, arguments)]))
    lines = "".join(traceback.format_exception(error))
    return (
        f"pueue-skill {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"call: {call}\n"
        f"stdout: {'terminal' if sys.stdout.isatty() else 'no terminal'}\n\n{masked(lines)}"
    )
