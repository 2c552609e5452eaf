"""The kinds of notifications, as a literal type.

A separate module, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a
command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

NoticeKind = Literal["failures", "groups", "batches"]
"""The subject of a notification: failed jobs, groups that became empty, batches that ended."""
