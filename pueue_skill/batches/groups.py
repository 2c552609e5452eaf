"""Groups of a batch: how many jobs each runs at once."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.manifest import Manifest


def limit_of(manifest: Manifest, group: str, configured: Mapping[str, int]) -> int | None:
    """How many jobs a group runs at once, by the manifest (whose names may be patterns) or the host's configuration."""
    for pattern, limit in manifest.groups.items():
        if fnmatchcase(group, pattern):
            return limit
    return configured.get(group)
