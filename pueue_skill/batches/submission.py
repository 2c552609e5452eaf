"""Submission: the missing items of a batch into the queues of their hosts.

It can be repeated, and interrupted at any point, without adding a job twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from pueue_skill.batches.groups import limit_of
from pueue_skill.batches.jobs import job_of, job_text
from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import Item, ItemResult, hosts_of
from pueue_skill.batches.packs import unit_size
from pueue_skill.batches.states import TIMEOUT_PER_ITEM_S
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.plan.model import Job
from pueue_skill.queues.protocol import BatchRequest, Pack, Reader, SubmittedItem
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.literals import ItemDid

TIMEOUT_PER_JOB_S = 0.2
"""Timeout of a host for each queue job of a submission, in addition to the timeout of an answer."""

ATTEMPTS = 4
"""Attempts at a submission whose answer is cut off."""

TRANSFER_MARGIN_S = 5
"""Seconds beyond the timeout on the host within which its answer arrives."""


def submit(
    manifest: Manifest,
    items: Sequence[Item],
    hosts: Mapping[str, Host],
    replace: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, list[SubmittedItem] | Unreachable]:
    """Add the missing `items` to the queues of their hosts; with `replace`, also those whose definition has changed.

    Returns by host the result for each item, or why the host did not answer. `sleep` gets the seconds between two attempts.
    """
    return dict(
        client.ask_all(hosts_of(items), lambda name: submit_to_host(manifest, items, hosts[name], replace, sleep=sleep))
    )


def submit_to_host(
    manifest: Manifest,
    items: Sequence[Item],
    host: Host,
    replace: bool = False,
    restarts: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[SubmittedItem]:
    """Submit the missing `items` of one host, and the ended items in `restarts` (their ids by key). Raises Unreachable."""
    kind = KINDS[host.backend]
    request = request_for(manifest, items, host, replace, restarts or {})
    preflight_script = kind.preflight_script(host)
    new: set[str] = set()
    for attempt in range(1, ATTEMPTS + 1):
        preflight = (
            client.ask(host, preflight_script, lambda done: kind.read_preflight(done.text), request.timeout_s)
            if preflight_script
            else None
        )
        script, read = kind.submission(request._replace(preflight=preflight))
        outcomes, failure = run_submission(host, script, read, request.timeout_s)
        # The next attempt reports as old the items that an interrupted attempt added.
        new |= {outcome.key for outcome in outcomes if outcome.what == "new"}
        if not failure:
            return [
                outcome._replace(what="new") if outcome.what == "old" and outcome.key in new else outcome
                for outcome in outcomes
            ]
        if attempt == ATTEMPTS:
            raise Unreachable(failure)
        sleep(pause_s(attempt, 0.5, 5.0, 4.0))
    raise AssertionError("unreachable")


def request_for(
    manifest: Manifest, items: Sequence[Item], host: Host, replace: bool, restarts: Mapping[str, str]
) -> BatchRequest:
    """Return the submission of the `items` of one host, with the limits of their groups and its timeout."""
    host_items = [item for item in items if item.host == host.name]
    limits = {
        group: limit
        for group in dict.fromkeys([item.group for item in host_items])
        if (limit := limit_of(manifest, group, dict(host.groups))) is not None
    }
    jobs = [queue_job(manifest, item, limits, host) for item in host_items]
    job_count = sum([-(-len(job.items) // job.share) if isinstance(job, Pack) else 1 for job in jobs])
    item_count = sum([len(item.members) for item in host_items])
    timeout_s = int(client.ANSWER_TIMEOUT_S + TIMEOUT_PER_JOB_S * job_count + TIMEOUT_PER_ITEM_S * item_count)
    return BatchRequest(jobs, host, manifest.name, limits, manifest.keep, replace, timeout_s, restarts=restarts)


def queue_job(manifest: Manifest, item: Item, limits: Mapping[str, int], host: Host) -> Job | Pack:
    """Return the queue job of an item, or the Pack of a pack."""
    if not item.members:
        return job_of(manifest, item, host.backend, KINDS[host.backend].RECORDS_OUTCOMES)
    texts = tuple([(member.key, job_text(manifest, member)) for member in item.members])
    return Pack(
        job_of(manifest, item, host.backend), texts, unit_size(len(texts), limits.get(item.group, 1)), item.slots
    )


def run_submission(host: Host, script: str, read: Reader, timeout_s: int) -> tuple[list[SubmittedItem], str]:
    """Run a submission's script. Returns the results that arrived, and why the submission is incomplete, "" if it is complete."""
    try:
        done = transport.run(
            host, script, timeout=timeout_s + len(script) // client.MIN_BYTES_PER_S + TRANSFER_MARGIN_S
        )
    except transport.Timeout as error:
        return [], f"{error}: submit again; jobs that are already in the queue are not added twice"
    try:
        outcomes, is_complete = read(done.text)
    except ValueError:
        return [], client.explain_failure(host, done)
    return outcomes, "" if is_complete else client.explain_failure(host, done)


RESULTS: dict[str, ItemDid] = {
    "new": "added",
    "old": "present",
    "ended": "ended",
    "changed": "changed",
    "held": "blocked",
    "failed": "failed",
}
"""Results of ItemResult for those of SubmittedItem."""


PACK_RESULTS: tuple[ItemDid, ...] = ("added", "present", "ended", "changed")
"""The results whose counts SubmittedItem has for a pack, in this order."""


def results_of(items: Sequence[Item], outcomes: Sequence[SubmittedItem]) -> list[ItemResult]:
    """Return the results of a submission of `items`; for a pack, one for each result that any of its jobs has."""
    by_key = {item.key: item for item in items}
    results: list[ItemResult] = []
    for outcome in outcomes:
        item = by_key[outcome.key]
        if outcome.what == "pack":
            counts = zip(PACK_RESULTS, map(int, outcome.detail.split()), strict=True)
            results += [ItemResult(item, did, count, why=REASONS.get(did, "")) for did, count in counts if count]
        elif outcome.what != "new" or not item.members:  # of a pack, the jobs of new units are counted already
            results.append(result_of(item, outcome))
    return results


REASONS: dict[str, str] = {
    "changed": "the queue has a job with another definition",
    "blocked": "a dependency failed and is no longer in the queue",
}


def result_of(item: Item, outcome: SubmittedItem) -> ItemResult:
    did = RESULTS[outcome.what]
    why = {"ended": f"exit code {outcome.detail}", "failed": outcome.detail}.get(did) or REASONS.get(did, "")
    return ItemResult(item, did, 1, outcome.detail if did in ("added", "present", "changed") else "", why)
