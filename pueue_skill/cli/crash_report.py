"""Reports of unexpected errors: a command's arguments and its exception in, a file to attach to an issue out.

The report contains no values of variables. Secrets are masked, and only the user can read the file.
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


def write(arguments: list[str], error: BaseException) -> str:
    """Write the report; return the message that names its file, or that contains the report if the file cannot be written."""
    text = compose(arguments, error)
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    file = Path(paths.data()) / "reports" / f"{timestamp}-{os.getpid()}.txt"
    summary = masked(f"internal error: {type(error).__name__}: {error}").partition("\n")[0]
    try:
        write_atomic(file, text.encode("utf-8", "backslashreplace"))
    except OSError as why:
        return f"{summary}. The report cannot be written ({why}):\n{text}"
    return f"{summary}. Attach this file to a report: {file}"


def compose(arguments: list[str], error: BaseException) -> str:
    """Return the versions, the call and the traceback, with secrets masked."""
    # Each argument may be shell text with a secret; in the whole line an option may name the next argument as a secret.
    call = masked(quote.line(["pueue-skill", *map(masked, arguments)]))
    lines = "".join(traceback.format_exception(error))
    return (
        f"pueue-skill {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"call: {call}\n"
        f"stdout: {'terminal' if sys.stdout.isatty() else 'no terminal'}\n\n{masked(lines)}"
    )
