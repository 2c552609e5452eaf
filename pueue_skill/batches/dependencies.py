"""Dependencies between phases: their order, and which items each item depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.batches.model import BatchError, Item, hosts_of, keyed
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest, Phase

MAX_DEPENDENCIES_BETWEEN_PHASES = 64
"""Dependencies between two phases from which on a job of its own stands between them."""


def order(manifest: Manifest) -> list[str]:
    """The phases, each after those that it comes after."""
    done: list[str] = []
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in open_:
            raise BatchError(
                f"phases.{name}.after: it comes after itself: {' → '.join([*open_[open_.index(name) :], name])}"
            )
        open_.append(name)
        for after in manifest.phases[name].after:
            visit(after if isinstance(after, str) else after.phase)
        open_.pop()
        done.append(name)

    for name in manifest.phases:
        visit(name)
    return done


def waiting(
    manifest: Manifest,
    name: str,
    phase: Phase,
    made: list[Item],
    by_phase: Mapping[str, list[Item]],
    last: dict[str, list[Item]],
) -> tuple[list[Item], list[Item]]:
    """The items of a phase with what they come after, and the jobs that stand between it and the phases before."""
    between: list[Item] = []

    def barrier(before: str, host: str, keys: Sequence[str], group: str) -> str:
        """The key of the job that stands between all of a phase on a host and those that come after it."""
        end = keyed(
            manifest, Item("", before, "end", host, f"{before}:end", group, ":", after=tuple(keys)), digest(b"end", 16)
        )
        if end.key not in [item.key for item in (*between, *last[before])]:
            between.append(end)
        last[before] = [item for item in last[before] if item.host != host] + [end]  # for the phases to come
        return end.key

    for after in phase.after:
        before, same = (after, []) if isinstance(after, str) else (after.phase, after.same)
        for variable in same:
            for items_of, what in ((made, name), (by_phase[before], before)):
                if items_of and variable not in dict(items_of[0].each[0].values):
                    raise BatchError(f"phases.{name}.after: phase {what} does not go over {variable}")
        pool: dict[tuple[Any, ...], list[str]] = {}
        for item in by_phase[before] if same else last[before]:
            for where in places(item, same):
                pool.setdefault(where, []).append(item.key)
        if same:  # the checks of the phase hold them too
            for item in last[before]:
                if item.kind == "check":
                    for where, keys in pool.items():
                        if where[0] == item.host:
                            keys.append(item.key)
        for host in hosts_of(made):
            mine = [item for item in made if item.host == host]
            keys = pool.get((host,), [])
            if not same and len(keys) * len(mine) > MAX_DEPENDENCIES_BETWEEN_PHASES and len(keys) > 1 and len(mine) > 1:
                pool[(host,)] = [barrier(before, host, keys, mine[0].group)]
        waited = []
        for item in made:
            wanted: dict[str, None] = {}
            for where in places(item, same):
                if same and where not in pool:
                    label = next(one.label for one in item.each if place(one, same) == where)
                    raise BatchError(
                        f"phases.{name}.after: {label} finds nothing in {before} with the same {', '.join(same)}"
                    )
                wanted |= dict.fromkeys(pool.get(where, []))
            if (
                item.members and len(wanted) > MAX_DEPENDENCIES_BETWEEN_PHASES
            ):  # each of its units waits for all of them
                here = [one.key for one in last[before] if one.host == item.host]
                wanted = {barrier(before, item.host, here, item.group): None}
            waited.append(item._replace(after=tuple(dict.fromkeys((*item.after, *wanted)))))
        made = waited
    return made, between


def places(item: Item, same: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys([place(one, same) for one in item.each])) if same else [(item.host,)]


def place(item: Item, same: Sequence[str]) -> tuple[Any, ...]:
    values = dict(item.values)
    return (item.host, *[values.get(variable) for variable in same])
