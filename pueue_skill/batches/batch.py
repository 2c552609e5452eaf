"""A batch: its manifest, its items and its hosts, loaded from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pueue_skill.batches import manifest as manifests
from pueue_skill.batches.dependencies import with_parents
from pueue_skill.batches.groups import require_limits
from pueue_skill.batches.items import items_of
from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import BatchError, Item, LocalFiles
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.startup.record import NamedTuple


class Batch(NamedTuple):
    """A batch; `items` are in order, each after its dependencies, and `hosts` are those of the manifest by name."""

    manifest: Manifest
    items: Sequence[Item]
    hosts: Mapping[str, Host]

    @property
    def name(self) -> str:
        return self.manifest.name


def load_batch(file: Path, configured: Mapping[str, Host]) -> Batch:
    """Return the batch of a manifest; `configured` are the hosts of the configuration. Raises ManifestError and BatchError."""
    manifest = manifests.load(file)
    files = LocalFiles(
        lambda pattern: manifests.matching_paths(pattern, file.parent),
        lambda name: manifests.read_rows(file.parent / name),
    )
    hosts = {name: host_named(name, configured) for name in manifest.hosts}
    items = items_of(manifest, files, [name for name, host in hosts.items() if not KINDS[host.backend].PACKS])
    require_limits(manifest, items, hosts)
    return Batch(manifest, items, hosts)


def select_phase(batch: Batch, phase: str) -> Batch:
    """Return the batch with only a phase, its checks and their dependencies. Raises BatchError for an unknown phase."""
    phases = batch.manifest.phases
    if phase not in phases:
        raise BatchError(f"unknown phase {phase}; phases: {', '.join(phases)}")
    return batch._replace(items=with_parents(batch.items, phase))
