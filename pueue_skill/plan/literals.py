"""The words of a Plan and its jobs, as literal types.

A module of its own, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a
command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Verdict = Literal["queue", "leave"]
Shell = Literal["bash", "login", "nested"]
"""The shell that runs a job's text: bash; the login shell of the job's host, as ssh runs it; bash, where the text itself starts the login shell."""
