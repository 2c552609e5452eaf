"""Packs: the jobs of a large phase, run by a few units (queue tasks) instead of one queue task each."""

from __future__ import annotations

from collections.abc import Collection

from pueue_skill.batches.model import Item, hosts_of, with_key
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest, Phase

MIN_PACKED_ITEMS = 2000
"""Jobs of a phase on one host from which they are packed."""

MAX_UNIT_ITEMS = 1000
"""Limit on the number of jobs of a unit."""

MAX_PACKS = 64
"""Limit on the number of packs of a phase on one host; above it, the jobs are not divided by the values that other phases depend on."""


def pack(manifest: Manifest, name: str, items: list[Item], hosts_without_packs: Collection[str] = ()) -> list[Item]:
    """Return the items of a phase, in packs on each host where they are too many.

    A pack has one group and priority, and one value of each variable in `same` of a dependency, unless that makes too many packs.
    """
    variables = shared_variables(manifest, name)
    packed: list[Item] = []
    for host in hosts_of(items):
        host_items = [item for item in items if item.host == host]
        if len(host_items) < MIN_PACKED_ITEMS or host in hosts_without_packs:
            packed += host_items
            continue
        packs = divided(host_items, variables)
        if len(packs) > MAX_PACKS:
            packs = divided(host_items, [])
        for key, members in packs.items():
            packed.append(pack_of(manifest, name, manifest.phases[name], host, key, members))
    return packed


def shared_variables(manifest: Manifest, name: str) -> list[str]:
    """Return the variables in `same` of the dependencies from and to the phase `name`."""
    return [
        variable
        for other, phase in manifest.phases.items()
        for after in phase.after
        if not isinstance(after, str) and name in (other, after.phase)
        for variable in after.same
    ]


def divided(items: list[Item], variables: list[str]) -> dict[tuple[Any, ...], list[Item]]:
    """Return `items` by group, priority and their values of `variables`."""
    parts: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        values = dict(item.values)
        key = (item.group, item.priority, *[values.get(variable) for variable in dict.fromkeys(variables)])
        parts.setdefault(key, []).append(item)
    return parts


def pack_of(manifest: Manifest, name: str, phase: Phase, host: str, key: tuple[Any, ...], members: list[Item]) -> Item:
    group, priority, *values = key
    pack = Item(
        "", name, "pack", host, ":".join([name, *map(str, [group, *values])]), group, "", priority=priority,
        memory=max([item.memory for item in members]), gpus=max([item.gpus for item in members]), slots=phase.slots,
        members=tuple(members),
    )  # fmt: skip
    return with_key(manifest, pack, digest(f"pack {key!r}".encode("utf-8", "surrogateescape"), 16))


def unit_size(count: int, limit: int) -> int:
    """Return how many of `count` jobs a unit gets, so that all `limit` slots of the group (0: unlimited) have work until the end."""
    return max(1, min(MAX_UNIT_ITEMS, -(-count // (8 * limit)))) if limit else MAX_UNIT_ITEMS
