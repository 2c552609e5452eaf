"""Dependencies: the order of the phases, and the items that each item depends on."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.batches.model import BatchError, Item, hosts_of, with_key
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pueue_skill.batches.manifest import Manifest

    Place: TypeAlias = "tuple[Any, ...]"
    """A host, and the values of the variables in `same`."""

MAX_DEPENDENCIES_BETWEEN_PHASES = 64
"""Dependencies between two phases above which one job, the barrier, connects them."""


def phases_in_order(manifest: Manifest) -> list[str]:
    """Return the names of all phases, each after its dependencies. Raises BatchError for a cycle."""
    ordered: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in path:
            cycle = " → ".join([*path[path.index(name) :], name])
            raise BatchError(f"phases.{name}.after: the phase depends on itself: {cycle}")
        path.append(name)
        for after in manifest.phases[name].after:
            visit(after if isinstance(after, str) else after.phase)
        path.pop()
        ordered.append(name)

    for name in manifest.phases:
        visit(name)
    return ordered


class Dependencies:
    """Finds the dependencies of each phase among the phases added before it.

    `items` are the items of each phase, `last` the items that a later phase depends on: the checks of the phase, its barriers, or
    else all of its items.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.items: dict[str, list[Item]] = {}
        self.last: dict[str, list[Item]] = {}

    def add(self, name: str, items: list[Item]) -> tuple[list[Item], list[Item]]:
        """Return the items of the phase `name` with their dependencies, and the barriers before them. Raises BatchError."""
        barriers: list[Item] = []
        for after in self.manifest.phases[name].after:
            parent, same = (after, []) if isinstance(after, str) else (after.phase, after.same)
            self.require_variables(name, items, parent, same)
            keys = self.keys_by_place(parent, same)
            if not same:
                for host in hosts_of(items):
                    host_items = [item for item in items if item.host == host]
                    count = len(keys.get((host,), []))
                    if count * len(host_items) > MAX_DEPENDENCIES_BETWEEN_PHASES and count > 1 and len(host_items) > 1:
                        keys[(host,)] = [self.barrier(parent, host, keys[(host,)], host_items[0].group, barriers)]
            items = [self.with_dependencies(name, item, parent, same, keys, barriers) for item in items]
        return items, barriers

    def finish(self, name: str, items: list[Item], checks: list[Item]) -> None:
        """Record the items and checks of a phase, for the phases that depend on it."""
        self.items[name] = items
        self.last[name] = checks or items

    def require_variables(self, name: str, items: list[Item], parent: str, same: Sequence[str]) -> None:
        for variable in same:
            for phase, phase_items in ((name, items), (parent, self.items[parent])):
                if phase_items and variable not in dict(phase_items[0].unpacked[0].values):
                    raise BatchError(f"phases.{name}.after: the jobs of phase {phase} have no variable {variable}")

    def keys_by_place(self, parent: str, same: Sequence[str]) -> dict[Place, list[str]]:
        """Return the keys of the items that a job depends on, by host and values; with `same`, all checks of the phase too."""
        keys: dict[Place, list[str]] = {}
        for item in self.items[parent] if same else self.last[parent]:
            for place in places_of(item, same):
                keys.setdefault(place, []).append(item.key)
        for check in self.last[parent] if same else []:
            if check.kind == "check":
                for place, place_keys in keys.items():
                    if place[0] == check.host:
                        place_keys.append(check.key)
        return keys

    def with_dependencies(
        self,
        name: str,
        item: Item,
        parent: str,
        same: Sequence[str],
        keys: dict[Place, list[str]],
        barriers: list[Item],
    ) -> Item:
        """Return `item` with its dependencies in the phase `parent`."""
        after: dict[str, None] = {}
        for place in places_of(item, same):
            if same and place not in keys:
                label = next(single.label for single in item.unpacked if place_of(single, same) == place)
                raise BatchError(
                    f"phases.{name}.after: no job of phase {parent} has the same {', '.join(same)} as {label}"
                )
            after |= dict.fromkeys(keys.get(place, []))
        if (
            item.members and len(after) > MAX_DEPENDENCIES_BETWEEN_PHASES
        ):  # each unit of the pack would have all of them
            parent_keys = [other.key for other in self.last[parent] if other.host == item.host]
            after = {self.barrier(parent, item.host, parent_keys, item.group, barriers): None}
        return item._replace(after=tuple(dict.fromkeys((*item.after, *after))))

    def barrier(self, parent: str, host: str, keys: Sequence[str], group: str, barriers: list[Item]) -> str:
        """Return the key of the barrier after the phase `parent` on a host, added to `barriers` if it is new."""
        end = Item("", parent, "end", host, f"{parent}:end", group, ":", after=tuple(keys))
        end = with_key(self.manifest, end, digest(b"end", 16))
        if end.key not in [item.key for item in (*barriers, *self.last[parent])]:
            barriers.append(end)
        # Later phases depend on the barrier too.
        self.last[parent] = [item for item in self.last[parent] if item.host != host] + [end]
        return end.key


def places_of(item: Item, same: Sequence[str]) -> list[Place]:
    """Return the places of an item, which are several for a pack."""
    return list(dict.fromkeys([place_of(single, same) for single in item.unpacked])) if same else [(item.host,)]


def place_of(item: Item, same: Sequence[str]) -> Place:
    values = dict(item.values)
    return (item.host, *[values.get(variable) for variable in same])


def with_parents(items: Sequence[Item], phase: str) -> tuple[Item, ...]:
    """Return the items of a phase, its checks, and all items that they depend on."""
    by_key = {item.key: item for item in items}
    selected: set[str] = set()
    pending = [item.key for item in items if item.phase == phase]
    while pending:
        key = pending.pop()
        if key not in selected:
            selected.add(key)
            pending += by_key[key].after
    return tuple([item for item in items if item.key in selected])
