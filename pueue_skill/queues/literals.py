"""The states of jobs, as literal types.

A separate module, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a
command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Status = Literal["queued", "stashed", "running", "paused", "done"]
Result = Literal["success", "failed", "killed", "dependency", "spawn", "unknown"]
StuckKind = Literal["group", "limit", "dependency", "stashed", "paused", "cycle"]
"""Why a job does not start: its group is paused, all slots are taken, a dependency failed, it is stashed, it is paused itself, or it
depends on jobs that cannot start before it has ended."""
