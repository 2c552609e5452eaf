"""Packs of items: a phase of very many items in few queue tasks, which work through them."""

from __future__ import annotations

from collections.abc import Collection

from pueue_skill.batches.model import Item, hosts_of, keyed
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest, Phase

MIN_PACKED_ITEMS = 2000
"""Items of a phase on a host from which on they are no queue tasks of their own: units work through them."""

MAX_UNIT_ITEMS = 1000
"""Items of a unit at most."""

MAX_PACKS = 64
"""Packs of a phase on a host at most, where others wait for those of the same values only."""


def packed(manifest: Manifest, name: str, phase: Phase, made: list[Item], unpacked: Collection[str] = ()) -> list[Item]:
    """The items of a phase, in packs on hosts where they are too many for tasks of their own.

    A pack is of one group; and of one value of each variable that others wait for, where that does not make too many packs.
    """
    same = [
        variable
        for other, later in manifest.phases.items()
        for after in later.after
        if not isinstance(after, str) and name in (other, after.phase)
        for variable in after.same
    ]
    found: list[Item] = []
    for host in hosts_of(made):
        here = [item for item in made if item.host == host]
        if len(here) < MIN_PACKED_ITEMS or host in unpacked:
            found += here
            continue
        for variables in (dict.fromkeys(same), {}):
            packs: dict[tuple[Any, ...], list[Item]] = {}
            for item in here:
                values = dict(item.values)
                key = (item.group, item.priority, *[values.get(variable) for variable in variables])
                packs.setdefault(key, []).append(item)
            if len(packs) <= MAX_PACKS:
                break
        for key, members in packs.items():
            label = ":".join([name, *[str(value) for value in (key[0], *key[2:])]])
            pack = Item(
                "", name, "pack", host, label, members[0].group, "", priority=members[0].priority,
                memory=max([item.memory for item in members]), gpus=max([item.gpus for item in members]),
                slots=phase.slots, members=tuple(members),
            )  # fmt: skip
            found.append(keyed(manifest, pack, digest(f"pack {key!r}".encode("utf-8", "surrogateescape"), 16)))
    return found


def share_of(count: int, limit: int) -> int:
    """How many items a unit gets: few enough that all slots of the group have work to the end."""
    return max(1, min(MAX_UNIT_ITEMS, -(-count // (8 * limit)))) if limit else MAX_UNIT_ITEMS
