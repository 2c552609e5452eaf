"""Batches on their hosts: submitted, seen, waited for, resumed, ended. Items and hosts in, what became of them out.

It reaches queues by the scripts of their kind and to hosts through transport; it prints nothing. Whatever is
cut off is asked for again: a submission adds what is missing and nothing else, however often it is made and by whom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from pueue_skill.batches.groups import limit_of
from pueue_skill.batches.jobs import job_of, text_of
from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import Item
from pueue_skill.batches.packs import share_of
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.plan.model import Job
from pueue_skill.queues.model import JobState
from pueue_skill.queues.protocol import BatchRequest, BatchStatus, Capacity, Pack, RestartRequest, SubmittedItem
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import read_tails, reply
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.record import NamedTuple

T = TypeVar("T")

TIMEOUT_PER_JOB_S = 0.2
"""Seconds that an add may take at most, on the average of a submission."""

TIMEOUT_PER_ITEM_S = 0.0005
"""Seconds that an item of a pack may take at most, on the average of a submission or a look."""

ATTEMPTS = 4
"""How often a submission whose answer is cut off is made before it fails."""

SIGNALS = {137, 143}
"""Exit codes of what was ended from outside: by SIGKILL (out of memory, often) and SIGTERM."""


class Standing(NamedTuple):
    """Where an item stands.

    `what`: missing, changed (another definition of it is in the queue), queued, stashed, paused, running, success, failed, killed,
    dependency, spawn or unknown. `exit_code` is the job's own, where it is known; `tries` how often it has ended.
    """

    item: Item
    what: str
    state: JobState | None = None
    exit_code: int | None = None
    tries: int = 0
    pack: str = ""
    """The key of the pack that the item is of."""

    @property
    def open(self) -> bool:
        return self.what in ("queued", "stashed", "paused", "running")


def submit(
    manifest: Manifest,
    items: Sequence[Item],
    hosts: Mapping[str, Host],
    replace: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, list[SubmittedItem] | Unreachable]:
    """Add the missing `items` to the queues of their hosts. Returns by host what became of each, or why the host did not answer.

    An answer that was cut off is asked for again after a `sleep` of so many seconds, at most ATTEMPTS times.
    """
    return dict(
        client.ask_all(hosts_of(items), lambda name: submitted(manifest, items, hosts[name], replace, sleep=sleep))
    )


def hosts_of(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys([item.host for item in items]))


def submitted(
    manifest: Manifest,
    items: Sequence[Item],
    host: Host,
    replace: bool = False,
    again: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[SubmittedItem]:
    """Submit the missing `items` of one host, and those in `again` once more (their ids by key). Raises Unreachable."""
    kind = KINDS[host.backend]
    here = [item for item in items if item.host == host.name]
    limits = {
        group: limit
        for group in dict.fromkeys([item.group for item in here])
        if (limit := limit_of(manifest, group, dict(host.groups))) is not None
    }
    jobs = [queued(manifest, item, limits, host) for item in here]
    adds = sum([-(-len(job.items) // job.share) if isinstance(job, Pack) else 1 for job in jobs])
    limit = int(
        client.ANSWER_TIMEOUT_S
        + TIMEOUT_PER_JOB_S * adds
        + TIMEOUT_PER_ITEM_S * sum([len(item.members) for item in here])
    )
    look = kind.preflight_script(host)
    new: set[str] = set()
    for attempt in range(1, ATTEMPTS + 1):
        known = client.ask(host, look, lambda done: kind.read_preflight(done.text), limit) if look else None
        script, read = kind.submission(
            BatchRequest(jobs, host, manifest.name, limits, manifest.keep, replace, limit, known, again or {})
        )
        try:
            done = transport.run(host, script, timeout=limit + len(script) // client.MIN_BYTES_PER_S + 5)
            found, whole = read(done.text)
        except transport.Timeout as error:
            found, whole, why = [], False, f"{error}: submit again, what is there already is not added twice"
        except ValueError:
            found, whole, why = [], False, client.explain_failure(host, done)
        else:
            why = "" if whole else client.explain_failure(host, done)
        # What a submission that was cut off has added is found to be there by the next.
        new |= {outcome.key for outcome in found if outcome.what == "new"}
        if whole:
            return [one._replace(what="new") if one.what == "old" and one.key in new else one for one in found]
        if attempt == ATTEMPTS:
            raise Unreachable(why)
        sleep(pause_s(attempt, 0.5, 5.0, 4.0))
    raise AssertionError("unreachable")


def queued(manifest: Manifest, item: Item, limits: Mapping[str, int], host: Host) -> Job | Pack:
    """What an item, or a pack of them, is in the queue."""
    if not item.members:
        return job_of(manifest, item, host.backend, KINDS[host.backend].RECORDS_OUTCOMES)
    texts = tuple([(one.key, text_of(manifest, one)) for one in item.members])
    share = share_of(len(texts), limits.get(item.group, 1))
    return Pack(job_of(manifest, item, host.backend), texts, share, item.slots)


def standings(
    manifest: Manifest, items: Sequence[Item], hosts: Mapping[str, Host], limit: float = client.ANSWER_TIMEOUT_S
) -> dict[str, list[Standing] | Unreachable]:
    """Where each item stands, by host."""

    def ask(name: str) -> list[Standing]:
        host = hosts[name]
        here = [item for item in items if item.host == name]
        packed = any(item.members for item in here)

        kind = KINDS[host.backend]

        def read(done: transport.Done) -> list[Standing]:
            return list(stand(here, kind.read_batch(done.text, packed)))

        more = TIMEOUT_PER_ITEM_S * sum([len(item.members) for item in here])
        script = kind.batch_script(host, manifest.name, packed)
        return client.ask(host, script, read, limit + more, read_only=True)

    return dict(client.ask_all(hosts_of(items), ask))


def stand(items: Sequence[Item], status: BatchStatus) -> Iterator[Standing]:
    queue, ended, again, units = status
    by_key: dict[str, JobState] = {}
    names: dict[str, JobState] = {}
    by_unit: dict[str, JobState] = {}
    for one in queue.states:
        if one.key:
            by_key[one.key] = one
            names[one.key.rpartition(":")[0]] = one
            by_unit[names_unit(one.key)] = one
    owners = {key.rpartition(":")[0]: unit for key, unit in units.owner.items()}
    for item in items:
        for member in item.members:
            member = member._replace(after=item.after)
            codes = ended.get(member.key, [])
            state = by_unit.get(units.owner.get(member.key, "-"))
            if codes and member.key not in again:
                yield Standing(
                    member, "success" if codes[-1] == 0 else "failed", state, codes[-1], len(codes), item.key
                )
            elif state is None:
                other = by_unit.get(owners.get(member.name, "-"))
                yield Standing(member, "changed" if other else "missing", other, None, len(codes), item.key)
            elif state.status == "running":
                # What was worked on when a unit was killed is seen as running until another of its items is taken up.
                yield Standing(
                    member, "running" if member.key in units.running else "queued", state, None, len(codes), item.key
                )
            elif state.status == "done":
                what = state.result or "unknown"
                yield Standing(
                    member, "killed" if what in ("success", "failed") else what, state, None, len(codes), item.key
                )
            else:
                yield Standing(member, state.status, state, None, len(codes), item.key)
        if item.members:
            continue
        codes = ended.get(item.key, [])
        state = by_key.get(item.key)
        if state is None and codes:
            what = "success" if codes[-1] == 0 else "failed"
            yield Standing(item, what, None, codes[-1], len(codes))
        elif state is None:
            other = names.get(item.name)
            yield Standing(item, "changed" if other else "missing", other)
        elif state.status == "done" and state.result in ("killed", "unknown") and codes:
            # It outlived its daemon, which took it for dead, and has written down itself how it ended.
            yield Standing(item, "success" if codes[-1] == 0 else "failed", state, codes[-1], len(codes))
        elif state.status == "done":
            code = state.exit_code if state.result in ("success", "failed") else None
            yield Standing(item, state.result or "unknown", state, code, max(1, len(codes)))
        else:
            yield Standing(item, state.status, state, None, len(codes))


def names_unit(key: str) -> str:
    return key.rpartition(":")[0].rpartition(":")[2]


class Advice(NamedTuple):
    """What resume would do with an item that has failed: again, after (its parents), not; and why."""

    standing: Standing
    what: str
    why: str


def advice(manifest: Manifest, found: Sequence[Standing], mended: bool = False) -> list[Advice]:
    """What is to become of the items that have failed, parents first; `mended`: the cause of failures is."""
    again: set[str] = set()
    given: list[Advice] = []
    of_key: dict[str, list[Standing]] = {}
    for one in found:
        of_key.setdefault(one.pack or one.item.key, []).append(one)
    for one in found:
        if one.what in ("success", "missing", "changed") or one.open:
            continue
        if one.what == "dependency":
            ready = all(
                parent.what == "success" or parent.item.key in again or parent.open
                for key in one.item.after
                for parent in of_key.get(key, ())
            )
            what, why = (
                ("after", "its parents are started again")
                if ready
                else ("not", "what it comes after is not started again")
            )
        elif one.state is None and not one.pack:
            what, why = (
                "not",
                f"exit code {one.exit_code}, and it is no longer in the queue: submit it with another definition",
            )
        elif one.tries >= manifest.tries and not mended:
            what, why = "not", f"it has been started {one.tries} times (tries)"
        elif one.what == "spawn":
            what, why = "not", f"it could not be started: {one.state.detail if one.state else ''}"
        elif one.what == "killed" or one.exit_code in SIGNALS:
            what, why = "again", f"it was ended from outside ({one.exit_code or 'killed'})"
        elif mended:
            what, why = "again", f"exit code {one.exit_code}, whose cause is mended"
        elif one.item.kind == "check":
            what, why = "again", "a check looks anew"
        else:
            what, why = "not", f"exit code {one.exit_code}: it would fail again until its cause is mended"
        if what != "not":
            again.add(one.item.key)
        given.append(Advice(one, what, why))
    return given


def sibling(manifest: Manifest, one: Standing, found: Sequence[Standing]) -> Standing | None:
    """An item that runs and has the same value of the siblings' variable; None where there is none."""
    variable = manifest.siblings
    value = dict(one.item.values).get(variable)
    if not variable or value is None:
        return None
    return next(
        (
            other
            for other in found
            if other.what == "running"
            and other.item.key != one.item.key
            and dict(other.item.values).get(variable) == value
        ),
        None,
    )


def tails(manifest: Manifest, found: Sequence[Standing], host: Host, count: int) -> dict[str, bytes]:
    """The last `count` bytes of what items of a host wrote, by key. Raises Unreachable."""
    own = {one.state.id: one.item.key for one in found if one.state and not one.pack}
    ends = client.fetch_tails(host, [one.state for one in found if one.state and not one.pack], count)
    packed = [one.item.key for one in found if one.pack]
    given = {own[id]: end for id, end in ends.items()}
    if packed:
        script = KINDS[host.backend].item_tails_script(host, manifest.name, packed, count)
        given |= client.ask(host, script, lambda done: read_tails(done.stdout), read_only=True)
    return given


def capacity(host: Host) -> Capacity:
    """Return how much work fits on a host. Raises Unreachable."""
    kind = KINDS[host.backend]
    return client.ask(host, kind.capacity_script(host), lambda done: kind.read_capacity(done.text), read_only=True)


def restart(
    manifest: Manifest,
    chosen: Sequence[Standing],
    found: Sequence[Standing],
    hosts: Mapping[str, Host],
    refresh: bool,
) -> dict[str, dict[str, str] | Unreachable]:
    """Starts items of those that were `found` again, in place; the survivors that kept a host from it, by key, with their process ids."""

    def ask(name: str) -> dict[str, str]:
        host = hosts[name]
        here = [one for one in chosen if one.item.host == name]
        kind = KINDS[host.backend]
        # A unit that was killed after the last of its items holds what comes after it: it is started again, and ends at once.
        held = {key for one in here if one.what == "dependency" for key in one.item.after}
        ends = [one for one in found if one.item.host == name and one.pack in held]
        units = [
            one.state for one in ends if one.state and one.state.status == "done" and one.state.result != "success"
        ]
        # A unit that still runs takes up again by itself what is marked.
        tasks = {
            state.id: state.key or ""
            for state in [*units, *[one.state for one in here if one.state and one.state.status == "done"]]
        }
        anew = [one.item.key for one in here] if refresh else []
        again = [one.item.key for one in here if one.pack and one.exit_code is not None]
        script = kind.restart_script(RestartRequest(host, manifest.name, [*tasks.items()], anew, again))

        def read(done: transport.Done) -> dict[str, str]:
            survivors, whole = kind.read_restart(done.text)
            if not whole:
                raise Unreachable(f"{name}: the jobs were not all restarted: {client.stderr_of(done)}")
            return survivors

        survivors = client.ask(host, script, read, client.ANSWER_TIMEOUT_S + len(tasks))
        if not kind.RESTARTS_IN_PLACE:
            submit_again(manifest, here, host)
        return survivors

    return dict(client.ask_all(hosts_of([one.item for one in chosen]), ask))


def submit_again(manifest: Manifest, here: Sequence[Standing], host: Host) -> None:
    """Submit ended items once more. Raises Unreachable."""
    again = {one.item.key: one.state.id for one in here if one.state}
    for outcome in submitted(manifest, [one.item for one in here], host, again=again):
        if outcome.what != "new":
            raise Unreachable(f"{host.name}: {outcome.key} was not started again: {outcome.what} {outcome.detail}")


def cancel(found: Sequence[Standing], hosts: Mapping[str, Host]) -> dict[str, int | Unreachable]:
    """Ends and removes what has not ended; how many that were, by host."""

    def ask(name: str) -> int:
        here = [one for one in found if one.item.host == name and one.open]
        ids = dict.fromkeys([one.state.id for one in here if one.state])
        if ids:
            script = KINDS[hosts[name].backend].cancel_script(hosts[name], [*ids])
            client.ask(hosts[name], script, lambda done: reply(done.text), client.ANSWER_TIMEOUT_S + len(ids))
        return len(here)

    return dict(client.ask_all(hosts_of([one.item for one in found]), ask))
