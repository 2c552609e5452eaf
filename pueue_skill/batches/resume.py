"""Resuming: which failed items of a batch to restart, and the reason for each decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.batches.manifest import Manifest
from pueue_skill.batches.model import ItemResult
from pueue_skill.batches.states import ItemState
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from pueue_skill.batches.literals import ItemDid

    Verdict: TypeAlias = Literal["restart", "restart_after", "wait", "leave"]

KILLED_EXIT_CODES = {137, 143}
"""Exit codes of jobs ended from outside: SIGKILL, often for lack of memory, and SIGTERM."""


class Decision(NamedTuple):
    """What to do with a failed item, and why.

    `verdict` is restart, restart_after (its dependencies), wait (it cannot start from scratch while a sibling runs) or leave.
    """

    state: ItemState
    verdict: Verdict
    reason: str

    @property
    def restarts(self) -> bool:
        return self.verdict in ("restart", "restart_after")


def decide(
    manifest: Manifest, states: Sequence[ItemState], is_fixed: bool = False, refresh: bool = False
) -> list[Decision]:
    """Return a decision for each failed item of a host, dependencies first.

    `is_fixed` means that the cause of the failures is fixed, `refresh` that restarted items start from scratch.
    """
    restarted: set[str] = set()
    decisions: list[Decision] = []
    by_key: dict[str, list[ItemState]] = {}
    for state in states:
        by_key.setdefault(state.pack or state.item.key, []).append(state)
    for state in states:
        if state.status in ("success", "missing", "changed") or state.is_open:
            continue
        if state.status == "dependency":
            parents = [parent for key in state.item.after for parent in by_key.get(key, ())]
            decision = decide_skipped(state, parents, restarted)
        else:
            decision = decide_failed(manifest, state, is_fixed)
        if decision.restarts:
            restarted.add(state.item.key)
            if refresh and (sibling := running_sibling(manifest, state, states)):
                label = printable.line(sibling.item.label)
                why = f"{label} with the same {manifest.siblings} runs. Resume it afterwards"
                decision = Decision(state, "wait", why)
        decisions.append(decision)
    return decisions


def decide_skipped(state: ItemState, parents: Sequence[ItemState], restarted: set[str]) -> Decision:
    """Decide on an item whose dependency failed; `restarted` are the keys of the items to restart."""
    if all(parent.status == "success" or parent.is_open or parent.item.key in restarted for parent in parents):
        return Decision(state, "restart_after", "its dependencies are restarted")
    return Decision(state, "leave", "a dependency is not restarted")


def decide_failed(manifest: Manifest, state: ItemState, is_fixed: bool) -> Decision:
    """Decide on an item that failed, was killed or did not start."""
    code = f"exit code {state.exit_code}"
    if state.job is None and not state.pack:
        return Decision(
            state, "leave", f"{code}, and the job is no longer in the queue. Change its definition and submit it"
        )
    if state.tries >= manifest.tries and not is_fixed:
        return Decision(state, "leave", f"it was started {counted(state.tries, 'time')} (tries)")
    if state.status == "spawn":
        return Decision(state, "leave", f"it failed to start: {state.job.detail if state.job else ''}")
    if state.status == "killed" or state.exit_code in KILLED_EXIT_CODES:
        return Decision(state, "restart", f"it was killed ({code})" if state.exit_code else "it was killed")
    if is_fixed:
        return Decision(state, "restart", f"{code}, and its cause is fixed")
    if state.item.kind == "check":
        return Decision(state, "restart", "it is a check")
    return Decision(state, "leave", f"{code}: it would fail again until its cause is fixed")


def running_sibling(manifest: Manifest, state: ItemState, states: Sequence[ItemState]) -> ItemState | None:
    """Return another running item with the same value of the variable `siblings`, if there is one."""
    variable = manifest.siblings
    value = dict(state.item.values).get(variable)
    if not variable or value is None:
        return None
    for other in states:
        is_other = other.status == "running" and other.item.key != state.item.key
        if is_other and dict(other.item.values).get(variable) == value:
            return other
    return None


def results_of(decisions: Sequence[Decision], survivors: Mapping[str, str], dry_run: bool) -> list[ItemResult]:
    """Return the results of `decisions` of one host; `survivors` are the process IDs, by key, of jobs that still run."""
    results = []
    for decision in decisions:
        state = decision.state
        did: ItemDid = "left"
        why = decision.reason
        if decision.restarts and state.job is None:
            why = "it no longer belongs to a unit. Submit the batch"
        elif decision.restarts and state.job:
            pid = survivors.get(state.job.key or "")
            did = "planned" if dry_run else "failed" if pid else "restarted"
            why = f"its process {pid} still runs" if pid else why
        results.append(ItemResult(state.item, did, 1, state.job.id if state.job else "", why))
    return results
