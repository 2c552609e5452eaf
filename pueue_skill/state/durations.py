"""How long each shape of command took, as the hook reads it: a copy of what the store holds, without sqlite's import.

The store writes the copy whenever something is recorded; nobody else does. A copy that cannot be read is an empty one.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping

from pueue_skill.startup.files import write_atomic
from pueue_skill.state import paths


def file() -> str:
    return os.path.join(paths.data(), "durations.marshal")


def read() -> Mapping[str, tuple[float, ...]]:
    """The seconds of the last runs of each shape, the latest last."""
    try:
        with open(file(), "rb") as copy:
            if os.fstat(copy.fileno()).st_uid != os.getuid():
                return {}
            found = marshal.loads(copy.read())
    except (OSError, ValueError, EOFError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def write(found: Mapping[str, tuple[float, ...]]) -> None:
    """Replaces the copy. Raises OSError."""
    write_atomic(file(), marshal.dumps(dict(found)))
