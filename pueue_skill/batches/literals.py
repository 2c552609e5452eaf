"""The results of actions on items, as literal types; imported for types and by the published schemas only."""

from __future__ import annotations

from typing import Literal

ItemDid = Literal[
    "added", "present", "ended", "changed", "blocked", "restarted", "planned", "left", "cancelled", "failed"
]
"""The result of an action for a job of a batch, as in batches.model.ItemResult."""
