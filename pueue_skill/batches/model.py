"""The values of a batch: its items, the local files that a manifest names, and the error for an invalid batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.batches.literals import ItemDid
    from pueue_skill.batches.manifest import Manifest

    Scalar: TypeAlias = "str | int | float | bool"
    Values: TypeAlias = "dict[str, Scalar]"


class BatchError(Exception):
    """A manifest does not describe a valid batch; the message names the key and the problem."""


class Item(NamedTuple):
    """One job of a batch, or a pack of jobs.

    `key` is BATCH:PHASE:IDENTITY:DEFINITION; the last part is a digest of the job's definition. `after` has the keys of its
    dependencies, on the same host. `kind` is item, check, end (a job between two phases) or pack. The `members` of a pack are the
    jobs that its units work through, `slots` of a unit at once. `timeout` is in seconds, `memory` in bytes.
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
    def identity(self) -> str:
        """The key without its definition."""
        return self.key.rpartition(":")[0]

    @property
    def unpacked(self) -> tuple[Item, ...]:
        """The members of a pack; any other item itself."""
        return self.members or (self,)


class LocalFiles(NamedTuple):
    """Reads what a manifest names on this machine: the paths that match a pattern, and the rows of a file."""

    paths: Callable[[str], Sequence[str]]
    rows: Callable[[str], Sequence[Mapping[str, Scalar]]]


class ItemResult(NamedTuple):
    """The result of an action for an item.

    `did` is, of a submission, added, present (it is in the queue already), ended (it ended, and may be cleaned), changed, blocked
    or failed; of resume, restarted, planned, left or failed; of cancel, cancelled. `jobs` is the number of jobs of a pack with this
    result. `id` is that of the queue's job: for changed, of the job with the other definition. `why` is empty for an expected result.
    """

    item: Item
    did: ItemDid
    jobs: int = 1
    id: str = ""
    why: str = ""


def with_key(manifest: Manifest, item: Item, identity: str) -> Item:
    """Return `item` with its key; `identity` distinguishes it from the other items of its phase and host."""
    definition = "\0".join([item.command, manifest.cwd, str(item.timeout)])
    return item._replace(
        key=f"{manifest.name}:{item.phase}:{identity}:{digest(definition.encode('utf-8', 'surrogateescape'), 8)}"
    )


def hosts_of(items: Sequence[Item]) -> list[str]:
    """Return the hosts of `items`, each once."""
    return list(dict.fromkeys([item.host for item in items]))
