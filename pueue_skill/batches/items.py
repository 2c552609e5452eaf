"""A batch taken apart: a Manifest in, Items out, each with its key, its job, and what it comes after.

Computes only: files and rows that a manifest names are handed in by whoever read them. Raises BatchError, which names the key of the
manifest and what is wrong with it, before anything is submitted.
"""

from __future__ import annotations

from collections.abc import Collection

from pueue_skill.batches.checks import of_check
from pueue_skill.batches.dependencies import order, waiting
from pueue_skill.batches.jobs import work
from pueue_skill.batches.model import BatchError, Item, Sources, hosts_of, keyed
from pueue_skill.batches.packs import packed
from pueue_skill.batches.templates import filled
from pueue_skill.batches.variables import MAX_ITEMS, Matcher, combinations
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest, Phase
    from pueue_skill.batches.model import Values


def items(manifest: Manifest, sources: Sources, unpacked: Collection[str] = ()) -> tuple[Item, ...]:
    """All items, those of a phase after those of the phases that it comes after. Raises BatchError.

    `unpacked` are hosts whose queue takes any number of jobs.
    """
    found: list[Item] = []
    by_phase: dict[str, list[Item]] = {}
    last: dict[str, list[Item]] = {}  # what a later phase waits for
    count = 0
    for name in order(manifest):
        phase = manifest.phases[name]
        overrides = overrides_of(manifest, name, phase)
        made = [
            item
            for values in combinations(manifest, name, sources)
            for item in of(manifest, name, phase, overrides, values)
        ]
        if not made:
            raise BatchError(f"phases.{name}: no combination of values is left")
        count += len(made)
        if count > MAX_ITEMS:
            raise BatchError(f"phases.{name}: more than {MAX_ITEMS:,} jobs; split the batch")
        made, between = waiting(manifest, name, phase, packed(manifest, name, phase, made, unpacked), by_phase, last)
        by_phase[name] = made
        checks = [
            of_check(manifest, name, phase, check, host, made) for check in phase.checks for host in hosts_of(made)
        ]
        last[name] = checks or made
        found += [*between, *made, *checks]
    clashes(found)
    return tuple(found)


def overrides_of(manifest: Manifest, name: str, phase: Phase) -> list[tuple[Matcher, dict[str, Any]]]:
    """Which values have it otherwise, and what."""
    known = {**manifest.vars, **phase.vars}
    return [
        (
            Matcher(f"phases.{name}.override", override.when, known),
            override.model_dump(exclude={"when"}, exclude_none=True),
        )
        for override in phase.override
    ]


def of(
    manifest: Manifest, name: str, phase: Phase, overrides: list[tuple[Matcher, dict[str, Any]]], values: Values
) -> list[Item]:
    """The item of some values, on its host; on every host, where its values do not say which."""
    said = phase
    for matcher, changes in overrides:
        if matcher(values):
            said = said.model_copy(update=changes)
    where = f"phases.{name}"
    own = {key: value for key, value in values.items() if "." not in key}
    label = filled(said.label, values, f"{where}.label") if said.label else ":".join([name, *map(str, own.values())])
    command = work(manifest, said, filled(said.command, values, f"{where}.command", quoted=True))
    group = filled(said.group, values, f"{where}.group")
    made = Item(
        "", name, "item", "", label, group, command, tuple(values.items()), (),
        said.priority, said.timeout, size(said.memory, f"{where}.memory"), said.gpus, cpus=said.cpus,
    )  # fmt: skip
    identity = digest(repr(sorted(own.items())).encode("utf-8", "surrogateescape"), 16)
    return [keyed(manifest, made._replace(host=host), identity) for host in hosts_for(manifest, values)]


def hosts_for(manifest: Manifest, values: Values) -> list[str]:
    if len(manifest.hosts) == 1 or manifest.spread not in values:
        return list(manifest.hosts)
    # By the value alone, so that a batch that grows moves nothing.
    return [manifest.hosts[int(digest(str(values[manifest.spread]).encode(), 8), 16) % len(manifest.hosts)]]


def clashes(found: list[Item]) -> None:
    """Raises BatchError when two items could not be told apart."""
    for what in ("label", "name"):
        seen: dict[tuple[str, str], Item] = {}
        for item in [one for stands in found for one in stands.each]:
            other = seen.setdefault((item.host, getattr(item, what)), item)
            if other is not item:
                raise BatchError(
                    f"phases.{item.phase}: two jobs are called {item.label} (the other is of phase {other.phase}); let the label name what differs"
                )


SIZE = regex(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", 2)  # re.IGNORECASE


def size(text: str, where: str) -> int:
    """Bytes, of `5G` and its like; 0 of nothing."""
    if not text:
        return 0
    match = SIZE.fullmatch(text.strip())
    if not match:
        raise BatchError(f"{where}: {text!r} is no size; write 5G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
