"""Actions on submitted items: restart ended items, cancel the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import hosts_of
from pueue_skill.batches.states import ItemState
from pueue_skill.batches.submission import submit_to_host
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.queues.protocol import RestartRequest
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import reply
from pueue_skill.shell.model import Host


def restart(
    manifest: Manifest,
    selected: Sequence[ItemState],
    states: Sequence[ItemState],
    hosts: Mapping[str, Host],
    refresh: bool,
) -> dict[str, dict[str, str] | Unreachable]:
    """Restart the `selected` items in place; `states` are those of all items. With `refresh`, they start from scratch.

    Returns by host the process IDs, by key, of items that still run and were therefore not restarted; or why the host did not answer.
    """

    def restart_on(name: str) -> dict[str, str]:
        host = hosts[name]
        kind = KINDS[host.backend]
        host_selected = [state for state in selected if state.item.host == name]
        tasks = tasks_of(host_selected, [state for state in states if state.item.host == name])
        from_scratch = [state.item.key for state in host_selected] if refresh else []
        # A running unit runs the recorded items itself.
        again = [state.item.key for state in host_selected if state.pack and state.exit_code is not None]
        script = kind.restart_script(RestartRequest(host, manifest.name, [*tasks.items()], from_scratch, again))

        def read(done: transport.Done) -> dict[str, str]:
            survivors, is_complete = kind.read_restart(done.text)
            if not is_complete:
                raise Unreachable(f"{name}: not all jobs were restarted: {client.stderr_of(done)}")
            return survivors

        survivors = client.ask(host, script, read, client.ANSWER_TIMEOUT_S + len(tasks))
        if not kind.RESTARTS_IN_PLACE:
            resubmit(manifest, host_selected, host)
        return survivors

    return dict(client.ask_all(hosts_of([state.item for state in selected]), restart_on))


def tasks_of(selected: Sequence[ItemState], states: Sequence[ItemState]) -> dict[str, str]:
    """Return the keys, by id, of the queue's ended jobs to restart for the `selected` items of one host."""
    # A unit that was killed after its last job blocks the items that depend on it. Once restarted, it ends immediately.
    blocking = {key for state in selected if state.status == "dependency" for key in state.item.after}
    units = [
        state.job
        for state in states
        if state.pack in blocking and state.job and state.job.status == "done" and state.job.result != "success"
    ]
    jobs = [state.job for state in selected if state.job and state.job.status == "done"]
    return {job.id: job.key or "" for job in [*units, *jobs]}


def resubmit(manifest: Manifest, states: Sequence[ItemState], host: Host) -> None:
    """Submit ended items again. Raises Unreachable."""
    ids = {state.item.key: state.job.id for state in states if state.job}
    for outcome in submit_to_host(manifest, [state.item for state in states], host, restarts=ids):
        if outcome.what != "new":
            raise Unreachable(f"{host.name}: {outcome.key} was not restarted: {outcome.what} {outcome.detail}")


def cancel(states: Sequence[ItemState], hosts: Mapping[str, Host]) -> dict[str, list[ItemState] | Unreachable]:
    """Kill and remove the items that have not ended. Returns those items by host, or why the host did not answer."""

    def cancel_on(name: str) -> list[ItemState]:
        cancelled = [state for state in states if state.item.host == name and state.is_cancellable]
        ids = dict.fromkeys([state.job.id for state in cancelled if state.job])
        if ids:
            script = KINDS[hosts[name].backend].cancel_script(hosts[name], [*ids])
            client.ask(hosts[name], script, lambda done: reply(done.text), client.ANSWER_TIMEOUT_S + len(ids))
        return cancelled

    return dict(client.ask_all(hosts_of([state.item for state in states]), cancel_on))
