"""The values of a batch: items, the files and rows that a manifest names, and the error for a manifest that makes no batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.batches.manifest import Manifest

    Scalar: TypeAlias = "str | int | float | bool"
    Values: TypeAlias = "dict[str, Scalar]"


class BatchError(Exception):
    """The manifest does not make a batch."""


class Item(NamedTuple):
    """One job of a batch. `key` without its last part is what it is, its last part what defines it.

    `after` are keys of items on the same host. `kind` is item, check, end (what stands between two phases) or pack: `members` are then
    items that units work through, `slots` of a unit at once. `memory` is in bytes.
    """

    key: str
    phase: str
    kind: str
    host: str
    label: str
    group: str
    command: str
    values: tuple[tuple[str, Scalar], ...] = ()
    after: tuple[str, ...] = ()
    priority: int = 0
    timeout: float | None = None
    memory: int = 0
    gpus: int = 0
    slots: int = 1
    cpus: int = 0
    members: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        return self.key.rpartition(":")[0]

    @property
    def each(self) -> tuple[Item, ...]:
        """The items that this stands for."""
        return self.members or (self,)


class Sources(NamedTuple):
    """What a manifest names on this machine: pattern -> paths, file -> rows."""

    files: Callable[[str], Sequence[str]]
    rows: Callable[[str], Sequence[Mapping[str, Scalar]]]


def keyed(manifest: Manifest, item: Item, identity: str) -> Item:
    defined = digest("\0".join([item.command, manifest.cwd, str(item.timeout)]).encode("utf-8", "surrogateescape"), 8)
    return item._replace(key=f"{manifest.name}:{item.phase}:{identity}:{defined}")


def hosts_of(made: list[Item]) -> list[str]:
    return list(dict.fromkeys([item.host for item in made]))
