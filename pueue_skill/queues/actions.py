"""What a verb may do with the jobs of one queue: a Queue and the jobs that were chosen in, an Act for each out.

Only safe forms leave here: what runs is neither restarted nor cleaned, what waits is not forced past its group or its parents, and a
job whose parent has failed is not restarted without it. Nothing here asks or changes a queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from pueue_skill.queues import outcome
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell import printable, quote
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.literals import StuckKind

VERBS = ("kill", "restart", "clean", "pause", "start")


class Action(NamedTuple):
    """What is done with a job: `call` is the queue's own verb, empty where nothing is, and `why` then says why.

    `missed`: nothing is done, and the verb's end is not reached either; an ended job that is to be killed is none of these. `with_` are
    the ids of jobs without which it must not be done: they are there, and those that are acted on too are.
    """

    state: JobState
    call: str
    why: str = ""
    missed: bool = False
    with_: tuple[str, ...] = ()


def matching(queue: Queue, label: str | None, group: str | None) -> list[JobState]:
    """The jobs whose label is like the pattern `label`, and that are in `group`."""
    return [
        state
        for state in queue.states
        if (label is None or fnmatchcase(state.label or "", label)) and (group is None or state.group == group)
    ]


def applicable(verb: str, states: Iterable[JobState], whole_group: bool = False) -> list[JobState]:
    """Of jobs that were chosen by a pattern or a group, those that the verb is about: the failed ones for restart, say.

    A whole group is paused and started itself, so that of its jobs only those that have begun are.
    """
    if whole_group:
        begun = {"kill": ("running", "paused"), "pause": ("running",), "start": ("paused",)}[verb]
        return [state for state in states if state.status in begun]
    match verb:
        case "kill":
            return [state for state in states if state.status in ("running", "paused")]
        case "pause":
            return [state for state in states if state.status in ("running", "queued")]
        case "start":
            return [state for state in states if state.status in ("paused", "stashed")]
        case "restart":
            return [state for state in states if outcome.failed(state)]
    return [state for state in states if state.status == "done"]


UNSUPPORTED: Mapping[str, str] = {
    "cancel": "it has not started; put it aside with: pueue-skill pause {job}",
    "withdraw": "it has not started, and is put aside",
}
"""Calls that a queue does not have, and why; of most, that they are not its."""


def plan_actions(
    verb: str, host: str, chosen: Sequence[JobState], queue: Queue, cannot: Mapping[str, str] = UNSUPPORTED
) -> list[Action]:
    """What `verb` does with each of `chosen`, in a queue that has no calls of `cannot`; `host` is for what is to be typed."""
    return [
        Action(act.state, "", cannot[act.call].format(job=f"{host}:{act.state.id}"), missed=act.call != "withdraw")
        if act.call in cannot
        else act
        for act in actions_for(verb, host, chosen, queue)
    ]


def actions_for(verb: str, host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    match verb:
        case "kill":
            return [kill_action(state) for state in chosen]
        case "pause":
            return [pause_action(state) for state in chosen]
        case "start":
            return [start_action(state, host, queue) for state in chosen]
        case "restart":
            return restart_actions(host, chosen, queue)
    return clean_actions(host, chosen, queue)


def kill_action(state: JobState) -> Action:
    match state.status:
        case "running" | "paused":
            return Action(state, "kill")
        case "queued":
            return Action(state, "cancel")
        case "stashed":
            return Action(state, "withdraw")
    return Action(state, "", "it has ended already")


def pause_action(state: JobState) -> Action:
    match state.status:
        case "running":
            return Action(state, "pause")
        case "queued":
            return Action(state, "stash")
        case "done":
            return Action(state, "", "it has ended", missed=True)
    return Action(state, "", "it is paused already" if state.status == "paused" else "it is put aside already")


def start_action(state: JobState, host: str, queue: Queue) -> Action:
    match state.status:
        case "paused":
            return Action(state, "start")
        case "stashed":
            return Action(state, "enqueue")
        case "running":
            return Action(state, "", "it runs already")
        case "done":
            return Action(
                state, "", f"it has ended; run it again with: pueue-skill restart {host}:{state.id}", missed=True
            )
    # A queue's own `start` would run it beside its group's limit, and before what it comes after.
    why = next((one.why for one in stuck_jobs(host, queue) if state.id in one.ids), "it starts when its turn comes")
    return Action(state, "", f"it is queued: {why}", missed=True)


def restart_actions(host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    by_id = outcome.by_id(queue)
    places = {id: place for place, id in enumerate(by_id)}
    refused: dict[str, str] = {}
    for state in chosen:
        if state.status in ("running", "paused"):
            refused[state.id] = f"it still runs; end it first with: pueue-skill kill {host}:{state.id}"
        elif state.status != "done":
            refused[state.id] = f"it is {state.status}: it has not run yet"
        elif state.result == "dependency" and any(id not in by_id for id in state.after):
            gone = next(id for id in state.after if id not in by_id)
            # pueue would run it: a parent that is gone holds nothing up.
            refused[state.id] = (
                f"it comes after {host}:{gone}, which is no longer in the queue, and failed; queue it anew: "
                f"pueue-skill log --json {host}:{state.id} has its command"
            )
    again = {state.id for state in chosen} - refused.keys()
    open_ = True
    while open_:  # a job that is refused takes those with it that come after it
        open_ = False
        for state in chosen:
            parent = next((one for one in failed_parents(state, by_id) if one.id not in again), None)
            if state.id in again and parent:
                again.remove(state.id)
                open_ = True
                refused[state.id] = (
                    f"it comes after {name_with_label(host, parent)}, which {describe_outcome(parent)}; restart both: "
                    f"pueue-skill restart {selection_words(host, [*ancestors(state, by_id, places), state.id], state.group)}"
                )
    return [
        Action(state, "", refused[state.id], missed=True)
        if state.id in refused
        else Action(state, "restart", with_=tuple([id for id in state.after if id in by_id]))
        for state in chosen
    ]


def clean_actions(host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    needed: dict[str, str] = {}
    going = {state.id for state in chosen if state.status == "done"}
    for state in reversed(queue.states):  # children first: one that stays keeps its parents
        if (state.status != "done" or state.result == "dependency") and (state.id not in going or state.id in needed):
            needed |= {id: state.id for id in state.after}
    found = []
    for state in chosen:
        if state.status != "done":
            found.append(Action(state, "", f"it is {state.status}; only what has ended is cleaned", missed=True))
        elif state.id in needed:
            child = needed[state.id]
            found.append(Action(state, "", f"{host}:{child} comes after it, and has not run", missed=True))
        else:
            found.append(Action(state, "remove"))
    return found


def failed_parents(state: JobState, by_id: Mapping[str, JobState]) -> list[JobState]:
    parents = [by_id[id] for id in state.after if id in by_id]
    return [parent for parent in parents if outcome.failed(parent)]


def ancestors(state: JobState, by_id: Mapping[str, JobState], places: Mapping[str, int]) -> list[str]:
    """Return the ids of the failed jobs that a job depends on, at any distance, by their `places` in the queue."""
    found: dict[str, None] = {}
    open_ = [state]
    while open_ and len(found) <= MAX_NAMED_JOBS:
        parents = [parent for parent in failed_parents(open_.pop(), by_id) if parent.id not in found]
        found |= dict.fromkeys([parent.id for parent in parents])
        open_ += parents
    return sorted(found, key=places.__getitem__)


MAX_NAMED_JOBS = 8
"""Jobs that are named in a line that is to be typed; more than these are told by their group."""


def selection_words(host: str, ids: Sequence[str], group: str) -> str:
    """Words that choose jobs; where they are many, all of the group."""
    if len(ids) > MAX_NAMED_JOBS:
        return f"--host {host} --group {quote.word(group)} --label '*'"
    return " ".join([f"{host}:{id}" for id in ids])


def start_command(host: str, group: str) -> str:
    """What starts a group, without the name of the program."""
    return quote.line(["start", "--host", host, "--group", group])


def name_with_label(host: str, state: JobState) -> str:
    return f"{host}:{state.id}" + (f" ({printable.line(state.label, 60)})" if state.label else "")


def describe_outcome(state: JobState) -> str:
    """Return how a job that is done ended, to follow its name."""
    return outcome.predicate(state.result, state.exit_code)


class Stuck(NamedTuple):
    """Jobs that do not run for one reason, and what to type so that they do (empty where it is only to be waited for).

    `kind` is group (it is paused), limit (its slots are taken), dependency (what they come after has failed), stashed (put aside),
    paused (by themselves) or cycle (they run, and wait for what never will).
    """

    kind: StuckKind
    why: str
    fix: str
    ids: tuple[str, ...]


def stuck_jobs(host: str, queue: Queue) -> list[Stuck]:
    """What does not run, and why; jobs that come after others that go on are not stuck."""
    by_id = outcome.by_id(queue)
    groups = {group.name: group for group in queue.groups}
    taken = Counter([state.group for state in queue.states if state.status in ("running", "paused")])
    roots: dict[str, JobState] = {}
    found: dict[tuple[StuckKind, str, str], list[str]] = {}

    def put(state: JobState, kind: StuckKind, why: str, fix: str = "") -> None:
        found.setdefault((kind, printable.line(why), fix), []).append(state.id)

    for state in queue.states:
        if state.status in ("running", "done") and state.result != "dependency":
            continue
        group = groups.get(state.group)
        halted = bool(group and group.status != "running")
        lost = failed_parents(state, by_id)
        if lost and state.status != "stashed":
            root = roots[state.id] = roots.get(lost[0].id, lost[0])
            put(state, "dependency", f"{name_with_label(host, root)} {describe_outcome(root)}", root.id)
        elif state.status == "stashed" and state.due:
            put(state, "stashed", f"put aside until {state.due[:16].replace('T', ' ')}")
        elif state.status == "stashed":
            put(state, "stashed", "put aside", "start")
        elif group and halted and state.status != "done":
            put(
                state,
                "group",
                f"group {group.name} is {group.status}",
                start_command(host, group.name),
            )
        elif state.status == "paused":
            put(state, "paused", "paused", "start")
        elif state.status == "queued" and state.detail:
            put(state, "limit", f"the queue says {state.detail}")
        elif group and state.status == "queued" and 0 < group.limit <= taken[group.name]:
            if all(by_id[id].status == "done" for id in state.after if id in by_id):
                put(state, "limit", f"{taken[group.name]} of {group.limit} slots of {group.name} are taken")
    for waiter, other in deadlocked(queue):
        group = groups.get(other.group)
        why, fix = "cannot go on either", ""
        if other.status in ("paused", "stashed"):
            why = f"is {other.status}"
        elif group and group.status != "running":
            why = f"is in group {group.name}, which is {group.status}"
        elif (
            other.status == "queued" and other.group == waiter.group
        ):  # its own work has not begun: it can be queued behind the other
            why = f"waits for a slot of {other.group}, of which {host}:{waiter.id} holds one"
            fix = f"kill {host}:{waiter.id} && pueue-skill restart {host}:{waiter.id}"
        put(waiter, "cycle", f"waits for {name_with_label(host, other)}, which {why}", fix)
    result = []
    for (kind, why, fix), ids in found.items():
        if kind == "dependency":  # those that have not been given up yet go on by themselves
            again = [fix, *[id for id in ids if by_id[id].status == "done"]]
            fix = f"restart {selection_words(host, again, by_id[ids[0]].group)}"
        elif fix == "start":
            fix = f"start {selection_words(host, ids, by_id[ids[0]].group)}"
        result.append(Stuck(kind, why, f"pueue-skill {fix}" if fix else "", tuple(ids)))
    return result


def deadlocked(queue: Queue) -> list[tuple[JobState, JobState]]:
    """Jobs that run only to wait for others that never end, each with such another one."""
    by_id = outcome.by_id(queue)
    groups = {group.name: group for group in queue.groups}
    open_ = [state for state in queue.states if state.status != "done"]
    holders: dict[str, list[str]] = {}
    for state in open_:
        if state.status in ("running", "paused"):
            holders.setdefault(state.group, []).append(state.id)

    def blocking(state: JobState) -> list[JobState]:
        """What has to end before it, and is not known to."""
        before = [by_id[id] for id in (*state.waits, *state.after) if id in by_id]
        return [one for one in before if one.status != "done" and one.id not in ends]

    def goes_on(state: JobState) -> bool:
        if state.status == "running":
            return True
        group = groups.get(state.group)
        if state.status == "paused" or (state.status == "stashed" and not state.due) or group is None:
            return False
        held = holders.get(group.name, [])
        return group.status == "running" and (not 0 < group.limit <= len(held) or any(id in ends for id in held))

    ends: set[str] = set()
    while more := {one.id for one in open_ if one.id not in ends and goes_on(one) and not blocking(one)}:
        ends |= more
    return [(state, blocking(state)[0]) for state in open_ if state.status == "running" and state.id not in ends]
