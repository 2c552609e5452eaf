"""The log of what fails in silence, for `pueue-skill doctor`: a place and a reason in, a line of JSON appended.

On the hook's path: it imports nothing but the standard library until there is something to write, and never raises.
"""

from __future__ import annotations

import json
import os
import time

from pueue_skill.state import paths

MAX_BYTES = 200_000
"""A larger log is renamed to hook.log.old, and a new one begun."""


def write(where: str, what: str) -> None:
    """Append a line, with secrets masked. Never raises."""
    try:
        from pueue_skill.shell.secrets import masked

        append(where, masked(what[:1000]))
    except Exception:
        return


def append(where: str, what: str) -> None:
    """Append a line without secrets, as it is. It imports nothing, so that it works in the middle of any import. Never raises."""
    try:
        file = path()
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        if os.path.exists(file) and os.path.getsize(file) > MAX_BYTES:
            os.replace(file, file + ".old")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"at": at, "where": where[:40], "what": what}) + "\n"
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except Exception:
        return


def path() -> str:
    return os.path.join(paths.data(), "hook.log")
