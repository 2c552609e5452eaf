"""The items of a batch: a Manifest in, Items out, with their keys, bash text and dependencies.

Only computes: the caller reads the local files. An invalid batch raises BatchError before anything is submitted.
"""

from __future__ import annotations

from collections.abc import Collection

from pueue_skill.batches.checks import check_item
from pueue_skill.batches.dependencies import Dependencies, phases_in_order
from pueue_skill.batches.jobs import command_text
from pueue_skill.batches.model import BatchError, Item, LocalFiles, hosts_of, with_key
from pueue_skill.batches.packs import pack
from pueue_skill.batches.sizes import parse_size
from pueue_skill.batches.templates import fill
from pueue_skill.batches.variables import MAX_ITEMS, ValueFilter, combinations
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pueue_skill.batches.manifest import Manifest, Phase
    from pueue_skill.batches.model import Values

    Overrides: TypeAlias = "list[tuple[ValueFilter, dict[str, Any]]]"


def items_of(manifest: Manifest, files: LocalFiles, hosts_without_packs: Collection[str] = ()) -> tuple[Item, ...]:
    """Return all items, each after its dependencies. Raises BatchError.

    The queues of `hosts_without_packs` take any number of jobs.
    """
    items: list[Item] = []
    dependencies = Dependencies(manifest)
    count = 0
    for name in phases_in_order(manifest):
        phase = manifest.phases[name]
        overrides = overrides_of(manifest, name)
        phase_items = [
            item
            for values in combinations(manifest, name, files)
            for item in items_for_values(manifest, name, overrides, values)
        ]
        if not phase_items:
            raise BatchError(f"phases.{name}: exclude removes all combinations of values")
        count += len(phase_items)
        if count > MAX_ITEMS:
            raise BatchError(f"phases.{name}: more than {MAX_ITEMS:,} jobs. Split the batch")
        phase_items, barriers = dependencies.add(name, pack(manifest, name, phase_items, hosts_without_packs))
        checks = [
            check_item(manifest, name, phase, check, host, phase_items)
            for check in phase.checks
            for host in hosts_of(phase_items)
        ]
        dependencies.finish(name, phase_items, checks)
        items += [*barriers, *phase_items, *checks]
    require_unique(items)
    return tuple(items)


def overrides_of(manifest: Manifest, name: str) -> Overrides:
    """Return the overrides of the phase `name`: which jobs they apply to, and the changed settings."""
    phase = manifest.phases[name]
    variables = {**manifest.vars, **phase.vars}
    return [
        (
            ValueFilter(f"phases.{name}.override", override.when, variables),
            override.model_dump(exclude={"when"}, exclude_none=True),
        )
        for override in phase.override
    ]


def items_for_values(manifest: Manifest, name: str, overrides: Overrides, values: Values) -> list[Item]:
    """Return the item of one combination of values, for each of its hosts."""
    phase = manifest.phases[name]
    for value_filter, changes in overrides:
        if value_filter.matches(values):
            phase = phase.model_copy(update=changes)
    key_path = f"phases.{name}"
    own_values = {key: value for key, value in values.items() if "." not in key}  # without fields
    label = (
        fill(phase.label, values, f"{key_path}.label")
        if phase.label
        else ":".join([name, *map(str, own_values.values())])
    )
    command = command_text(manifest, phase, fill(phase.command, values, f"{key_path}.command", quoted=True))
    item = Item(
        "", name, "item", "", label, fill(phase.group, values, f"{key_path}.group"), command, tuple(values.items()),
        priority=phase.priority, timeout=phase.timeout, memory=memory_of(phase, key_path), gpus=phase.gpus, cpus=phase.cpus,
    )  # fmt: skip
    identity = digest(repr(sorted(own_values.items())).encode("utf-8", "surrogateescape"), 16)
    return [with_key(manifest, item._replace(host=host), identity) for host in hosts_for_values(manifest, values)]


def memory_of(phase: Phase, key_path: str) -> int:
    """Return the bytes of memory that a job of a phase needs; 0 if unknown."""
    try:
        return parse_size(phase.memory) if phase.memory else 0
    except ValueError as error:
        raise BatchError(f"{key_path}.memory: {error}") from None


def hosts_for_values(manifest: Manifest, values: Values) -> list[str]:
    """Return the host for the value of the variable `spread`; all hosts if the job does not use that variable."""
    if len(manifest.hosts) == 1 or manifest.spread not in values:
        return list(manifest.hosts)
    # A digest of the value alone: adding values moves no other job to another host.
    return [manifest.hosts[int(digest(str(values[manifest.spread]).encode(), 8), 16) % len(manifest.hosts)]]


def require_unique(items: list[Item]) -> None:
    """Raise BatchError if two jobs on one host have the same label or identity."""
    for field in ("label", "identity"):
        first: dict[tuple[str, str], Item] = {}
        for item in [single for any_item in items for single in any_item.unpacked]:
            other = first.setdefault((item.host, getattr(item, field)), item)
            if other is not item:
                raise BatchError(
                    f"phases.{item.phase}: two jobs have the label {item.label} (the other is in phase {other.phase}). "
                    "Add to the label the variables in which they differ"
                )
