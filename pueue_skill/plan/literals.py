"""The values of a Plan and its jobs, as literal types.

A separate module, imported only for types and by the published schemas: importing typing takes a twentieth of the
hook's time for a command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Verdict = Literal["queue", "leave"]
Shell = Literal["bash", "login", "nested"]
"""The shell that runs a job's text: bash; login, the login shell of the host, as ssh runs it; nested, bash running a
text that starts the login shell itself."""
