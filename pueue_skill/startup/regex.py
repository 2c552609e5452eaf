"""Regular expressions that are compiled on first use.

Compiling all patterns at import would take a fifth of the hook's time for a command that a rule may flag, and one command needs few of
them.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    regex = re.compile
else:

    class regex:
        """A pattern that compiles itself when an attribute is first read."""

        def __init__(self, pattern: str, flags: int = 0) -> None:
            self.source, self.flags_given = pattern, flags

        def __getattr__(self, name: str) -> Any:
            found = getattr(re.compile(self.source, self.flags_given), name)
            setattr(self, name, found)
            return found
