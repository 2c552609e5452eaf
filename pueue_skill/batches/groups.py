"""Groups of a batch: how many jobs of each run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pueue_skill.batches.model import BatchError, Item
from pueue_skill.batches.packs import unit_size
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.manifest import Manifest
    from pueue_skill.shell.model import Host


def limit_of(manifest: Manifest, group: str, configured: Mapping[str, int]) -> int | None:
    """Return how many jobs of a group run at once: from the manifest, whose names may be patterns, or the host's configuration."""
    for pattern, limit in manifest.groups.items():
        if fnmatchcase(group, pattern):
            return limit
    return configured.get(group)


def require_limits(manifest: Manifest, items: Sequence[Item], hosts: Mapping[str, Host]) -> None:
    """Raise BatchError for a group other than `default` without a limit."""
    for host, group in dict.fromkeys([(item.host, item.group) for item in items]):
        if group != "default" and limit_of(manifest, group, dict(hosts[host].groups)) is None:
            raise BatchError(
                f"groups: no limit for the group {group}; groups: {', '.join(manifest.groups) or 'none'}. "
                f"Write, for example, {group} = 4 below [groups]"
            )


class Demand(NamedTuple):
    """The most jobs that run at once on a host, and the bytes of memory that they need together."""

    jobs: int
    memory: int


def peak_demand(manifest: Manifest, items: Sequence[Item], host: Host) -> Demand:
    """Return the demand of `items` on a host while each group runs the jobs that need most memory."""
    by_group: dict[str, list[Item]] = {}
    for item in items:
        by_group.setdefault(item.group, []).append(item)
    jobs = memory = 0
    for group, group_items in by_group.items():
        limit = limit_of(manifest, group, dict(host.groups))
        tasks: list[tuple[int, int]] = []  # memory of a job, jobs at once
        for item in group_items:
            units = -(-len(item.members) // unit_size(len(item.members), limit or 0)) if item.members else 1
            tasks += [(item.memory, item.slots)] * units
        tasks.sort(key=lambda task: task[0] * task[1], reverse=True)
        slots = 1 if limit is None else limit or len(tasks)  # 0: unlimited
        jobs += sum([count for _, count in tasks[:slots]])
        memory += sum([size * count for size, count in tasks[:slots]])
    return Demand(jobs, memory)
