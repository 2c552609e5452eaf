"""States: what the hosts of a batch report on its items, their output and the capacity of the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import Item, hosts_of
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.queues.model import JobState
from pueue_skill.queues.protocol import BatchStatus, Capacity
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import read_tails
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple

TIMEOUT_PER_ITEM_S = 0.0005
"""Timeout of a host for each job of a pack, in addition to the timeout of an answer."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    StatesByHost: TypeAlias = Mapping[str, "list[ItemState] | Unreachable"]

OPEN = ("queued", "stashed", "paused", "running")


class ItemState(NamedTuple):
    """The state of an item.

    `status` is missing, changed (the queue has another definition of the job), a status in OPEN, success, failed, killed, dependency,
    spawn or unknown; `not known` if its host did not answer. `job` is the queue's job, of the unit for a job of a pack. `exit_code` is
    that of the last run, if it is known, `tries` the number of ended runs, and `pack` the key of the pack.
    """

    item: Item
    status: str
    job: JobState | None = None
    exit_code: int | None = None
    tries: int = 0
    pack: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the job is in the queue and has not ended."""
        return self.status in OPEN

    @property
    def is_cancellable(self) -> bool:
        """Whether the job, or one with another definition, is in the queue and has not ended."""
        return self.is_open or (self.status == "changed" and self.job is not None and self.job.status in OPEN)


def fetch_states(
    manifest: Manifest, items: Sequence[Item], hosts: Mapping[str, Host], timeout_s: float = client.ANSWER_TIMEOUT_S
) -> dict[str, list[ItemState] | Unreachable]:
    """Return the state of each item, by host, or why a host did not answer."""

    def fetch(name: str) -> list[ItemState]:
        host = hosts[name]
        kind = KINDS[host.backend]
        host_items = [item for item in items if item.host == name]
        has_packs = any(item.members for item in host_items)

        def read(done: transport.Done) -> list[ItemState]:
            return list(item_states(host_items, kind.read_batch(done.text, has_packs)))

        extra_s = TIMEOUT_PER_ITEM_S * sum([len(item.members) for item in host_items])
        script = kind.batch_script(host, manifest.name, has_packs)
        return client.ask(host, script, read, timeout_s + extra_s, read_only=True)

    return dict(client.ask_all(hosts_of(items), fetch))


def reachable(answers: StatesByHost) -> list[ItemState]:
    """Return the states of the items on all hosts that answered."""
    return [state for answer in answers.values() if not isinstance(answer, Unreachable) for state in answer]


def item_states(items: Sequence[Item], status: BatchStatus) -> Iterator[ItemState]:
    """Yield the state of each item of a host, and of each member of a pack in place of the pack."""
    by_key: dict[str, JobState] = {}
    by_identity: dict[str, JobState] = {}
    by_unit: dict[str, JobState] = {}
    for job in status.queue.states:
        if job.key:
            identity = job.key.rpartition(":")[0]
            by_key[job.key] = by_identity[identity] = by_unit[identity.rpartition(":")[2]] = job
    units_by_identity = {key.rpartition(":")[0]: unit for key, unit in status.units.owner.items()}
    for item in items:
        for member in item.members:
            unit = by_unit.get(status.units.owner.get(member.key, "-"))
            other_unit = by_unit.get(units_by_identity.get(member.identity, "-"))
            yield member_state(member._replace(after=item.after), item.key, status, unit, other_unit)
        if not item.members:
            exit_codes = status.exit_codes.get(item.key, [])
            yield single_state(item, exit_codes, by_key.get(item.key), by_identity.get(item.identity))


def member_state(
    item: Item, pack: str, status: BatchStatus, unit: JobState | None, other_unit: JobState | None
) -> ItemState:
    """Return the state of a job of a pack; `other_unit` is the unit with another definition of the job."""
    exit_codes = status.exit_codes.get(item.key, [])
    tries = len(exit_codes)
    if exit_codes and item.key not in status.reruns:
        return ItemState(item, outcome_of(exit_codes), unit, exit_codes[-1], tries, pack)
    if unit is None:
        return ItemState(item, "changed" if other_unit else "missing", other_unit, None, tries, pack)
    if unit.status == "running":
        # After a unit was killed and restarted, a job that was running is listed as running until the unit starts its next job.
        return ItemState(item, "running" if item.key in status.units.running else "queued", unit, None, tries, pack)
    if unit.status != "done":
        return ItemState(item, unit.status, unit, None, tries, pack)
    result = unit.result or "unknown"
    # The unit ended without this job.
    return ItemState(item, "killed" if result in ("success", "failed") else result, unit, None, tries, pack)


def single_state(item: Item, exit_codes: list[int], job: JobState | None, other_job: JobState | None) -> ItemState:
    """Return the state of an item with its own job; `exit_codes` are recorded, `other_job` has another definition."""
    tries = len(exit_codes)
    if job is None and not exit_codes:
        return ItemState(item, "changed" if other_job else "missing", other_job)
    # A job can outlive its daemon, which then reports it as killed; the job itself records its exit code.
    if job is None or (job.status == "done" and job.result in ("killed", "unknown") and exit_codes):
        return ItemState(item, outcome_of(exit_codes), job, exit_codes[-1], tries)
    if job.status == "done":
        exit_code = job.exit_code if job.result in ("success", "failed") else None
        return ItemState(item, job.result or "unknown", job, exit_code, max(1, tries))
    return ItemState(item, job.status, job, None, tries)


def outcome_of(exit_codes: list[int]) -> str:
    return "success" if exit_codes[-1] == 0 else "failed"


def output_tails(manifest: Manifest, states: Sequence[ItemState], host: Host, count: int) -> dict[str, bytes]:
    """Return the last `count` bytes of the output of each item of one host, by key. Raises Unreachable."""
    singles = [(state.item.key, state.job) for state in states if state.job and not state.pack]
    packed = [state.item.key for state in states if state.pack]
    keys = {job.id: key for key, job in singles}
    tails = {keys[id]: tail for id, tail in client.fetch_tails(host, [job for _, job in singles], count).items()}
    if packed:
        script = KINDS[host.backend].item_tails_script(host, manifest.name, packed, count)
        tails |= client.ask(host, script, lambda done: read_tails(done.stdout), read_only=True)
    return tails


def fetch_capacity(host: Host) -> Capacity:
    """Return how much work fits on a host. Raises Unreachable."""
    kind = KINDS[host.backend]
    return client.ask(host, kind.capacity_script(host), lambda done: kind.read_capacity(done.text), read_only=True)
