"""Plans what a verb does with jobs of one queue, and explains why jobs do not run: a Queue and selected jobs in, Actions out.

Only safe actions are planned. Running jobs are neither restarted nor cleaned, waiting jobs are not forced past the limit of their group
or their dependencies, and a job is not restarted without its failed dependencies. Nothing here asks or changes a queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from pueue_skill.queues import outcome
from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.literals import StuckKind

VERBS = ("kill", "restart", "clean", "pause", "start")


class Action(NamedTuple):
    """What a verb does with a job.

    `call` is the queue's operation; empty if there is nothing to do, and `why` is the reason. `refused`: the job is not, and will not be, in
    the state that the verb asks for (killing a job that has already ended is not refused). `requires`: the ids of dependencies in the
    queue; if they are among the selected jobs, they must be restarted too, or this job is not.
    """

    state: JobState
    call: str
    why: str = ""
    refused: bool = False
    requires: tuple[str, ...] = ()


def matching(queue: Queue, label: str | None, group: str | None) -> list[JobState]:
    """Return the jobs whose label matches the pattern `label` and that are in `group`; None matches every job."""
    return [
        state
        for state in queue.states
        if (label is None or fnmatchcase(state.label or "", label)) and (group is None or state.group == group)
    ]


def applicable(verb: str, states: Iterable[JobState], whole_group: bool = False) -> list[JobState]:
    """Return which jobs a verb concerns, of those selected by a pattern or group: for restart the failed jobs, for example.

    If the verb applies to the whole group, which is then paused or started itself, it concerns only the jobs that have started.
    Raises ValueError for a verb that is not in VERBS.
    """
    if whole_group:
        started = {"kill": ("running", "paused"), "pause": ("running",), "start": ("paused",)}[verb]
        return [state for state in states if state.status in started]
    match verb:
        case "kill":
            return [state for state in states if state.status in ("running", "paused")]
        case "pause":
            return [state for state in states if state.status in ("running", "queued")]
        case "start":
            return [state for state in states if state.status in ("paused", "stashed")]
        case "restart":
            return [state for state in states if outcome.failed(state)]
        case "clean":
            return [state for state in states if state.status == "done"]
    raise ValueError(verb)


UNSUPPORTED: Mapping[str, str] = {
    "cancel": "it has not started. To stash it: pueue-skill pause {job}. To remove it from the queue: {remove}",
    "withdraw": "it has not started, and is stashed. To remove it from the queue: {remove}",
}
"""The calls that most kinds of queue do not have, each with the reason; {job} stands for HOST:ID, {remove} for the command that removes it."""


def plan_actions(
    verb: str,
    host: str,
    chosen: Sequence[JobState],
    queue: Queue,
    unsupported: Mapping[str, str] = UNSUPPORTED,
    at: Host | None = None,
) -> list[Action]:
    """Return what `verb` does with each of `chosen`, jobs of `queue` on the host named `host`.

    `unsupported`: the calls that this kind of queue does not have, each with the reason. `at`: the host itself, for the commands in the reasons.
    """
    at = at or Host(host)
    return [
        Action(
            action.state,
            "",
            unsupported[action.call].format(
                job=f"{host}:{action.state.id}", remove=client_command(at, f"remove {action.state.id}")
            ),
            refused=action.call != "withdraw",
        )
        if action.call in unsupported
        else action
        for action in actions_of_verb(verb, host, chosen, queue)
    ]


def client_command(host: Host, arguments: str) -> str:
    """Return the command line that runs the queue's own client on `host`; `arguments` are quoted."""
    command = f"{quote.path(host.pueue or 'pueue')} {arguments}"
    return f"ssh {host.ssh} {quote.nested(command, 1 + host.hops)}" if host.ssh else command


def actions_of_verb(verb: str, host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    match verb:
        case "kill":
            return [kill_action(state) for state in chosen]
        case "pause":
            return [pause_action(state) for state in chosen]
        case "start":
            return [start_action(state, host, queue) for state in chosen]
        case "restart":
            return restart_actions(host, chosen, queue)
        case "clean":
            return clean_actions(host, chosen, queue)
    raise ValueError(verb)


def kill_action(state: JobState) -> Action:
    match state.status:
        case "running" | "paused":
            return Action(state, "kill")
        case "queued":
            return Action(state, "cancel")
        case "stashed":
            return Action(state, "withdraw")
    return Action(state, "", "it has already ended")


def pause_action(state: JobState) -> Action:
    match state.status:
        case "running":
            return Action(state, "pause")
        case "queued":
            return Action(state, "stash")
        case "done":
            return Action(state, "", "it has already ended", refused=True)
    return Action(state, "", f"it is already {state.status}")


def start_action(state: JobState, host: str, queue: Queue) -> Action:
    match state.status:
        case "paused":
            return Action(state, "start")
        case "stashed":
            return Action(state, "enqueue")
        case "running":
            return Action(state, "", "it is already running")
        case "done":
            why = f"it has ended; run it again with: pueue-skill restart {host}:{state.id}"
            return Action(state, "", why, refused=True)
    # The queue's own `start` would run it in excess of its group's limit, and before its dependencies have ended.
    why = next(
        (stuck.why for stuck in stuck_jobs(host, queue) if state.id in stuck.ids), "it starts when its turn comes"
    )
    return Action(state, "", f"it is queued: {why}", refused=True)


def restart_actions(host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    by_id = outcome.by_id(queue)
    places = {id: place for place, id in enumerate(by_id)}
    refusals = {state.id: why for state in chosen if (why := restart_refusal(state, host, by_id))}
    restarted = {state.id for state in chosen} - refusals.keys()
    changed = True
    while changed:  # the refusal of a job also refuses the jobs that depend on it
        changed = False
        for state in chosen:
            parent = next((job for job in failed_parents(state, by_id) if job.id not in restarted), None)
            if state.id in restarted and parent:
                restarted.remove(state.id)
                changed = True
                selected = selection_words(host, [*ancestors(state, by_id, places), state.id], state.group)
                refusals[state.id] = (
                    f"it depends on {name_with_label(host, parent)}, which {describe_outcome(parent)}; restart both: "
                    f"pueue-skill restart {selected}"
                )
    return [
        Action(state, "", refusals[state.id], refused=True)
        if state.id in refusals
        else Action(state, "restart", requires=tuple([id for id in state.after if id in by_id]))
        for state in chosen
    ]


def restart_refusal(state: JobState, host: str, by_id: Mapping[str, JobState]) -> str:
    """Return why a job cannot be restarted, apart from its failed dependencies in the queue; empty if it can."""
    if state.status in ("running", "paused"):
        return f"it is still running; kill it first with: pueue-skill kill {host}:{state.id}"
    if state.status != "done":
        return f"it is {state.status}: it has not run yet"
    removed = next((id for id in state.after if id not in by_id), None)
    if state.result == "dependency" and removed:
        # pueue would run it: it ignores dependencies that were removed.
        return (
            f"it depends on {host}:{removed}, which failed and is no longer in the queue; submit it again: "
            f"pueue-skill log --json {host}:{state.id} prints its command"
        )
    return ""


def clean_actions(host: str, chosen: Sequence[JobState], queue: Queue) -> list[Action]:
    needed: dict[str, str] = {}  # by id, a job that depends on it
    removable = {state.id for state in chosen if state.status == "done"}
    for state in reversed(queue.states):  # children first: a child that stays keeps its parents
        waits = state.status != "done" or state.result == "dependency"
        if waits and (state.id not in removable or state.id in needed):
            needed |= {id: state.id for id in state.after}
    planned = []
    for state in chosen:
        if state.status != "done":
            planned.append(Action(state, "", f"it is {state.status}; clean removes only ended jobs", refused=True))
        elif state.id in needed:
            why = f"{host}:{needed[state.id]} depends on it, and has not run"
            planned.append(Action(state, "", why, refused=True))
        else:
            planned.append(Action(state, "remove"))
    return planned


def failed_parents(state: JobState, by_id: Mapping[str, JobState]) -> list[JobState]:
    parents = [by_id[id] for id in state.after if id in by_id]
    return [parent for parent in parents if outcome.failed(parent)]


def ancestors(state: JobState, by_id: Mapping[str, JobState], places: Mapping[str, int]) -> list[str]:
    """Return the ids of the failed jobs that a job depends on, at any distance, in the order of `places` in the queue."""
    ids: dict[str, None] = {}
    pending = [state]
    while pending and len(ids) <= MAX_NAMED_JOBS:
        parents = [parent for parent in failed_parents(pending.pop(), by_id) if parent.id not in ids]
        ids |= dict.fromkeys([parent.id for parent in parents])
        pending += parents
    return sorted(ids, key=places.__getitem__)


MAX_NAMED_JOBS = 8
"""The most jobs that a suggested command lists; it selects more than these by their group."""


def selection_words(host: str, ids: Sequence[str], group: str) -> str:
    """Return the words that select jobs: HOST:ID each, or the whole group if they are many."""
    if len(ids) > MAX_NAMED_JOBS:
        return f"--host {host} --group {quote.word(group)} --label '*'"
    return " ".join([f"{host}:{id}" for id in ids])


def start_command(host: str, group: str) -> str:
    """Return the command that starts a group, without the name of the program."""
    return quote.line(["start", "--host", host, "--group", group])


def name_with_label(host: str, state: JobState) -> str:
    return f"{host}:{state.id}" + (f" ({printable.line(state.label, 60)})" if state.label else "")


def describe_outcome(state: JobState) -> str:
    """Return the outcome of a job that is done, as words that follow its name."""
    return outcome.predicate(state.result, state.exit_code)


class Stuck(NamedTuple):
    """Jobs that do not run for the same reason, and the command that changes that (empty if they need only wait).

    `kind` is group (it is paused), limit (its slots are taken), dependency (it failed), stashed, paused (the job itself), or cycle (the
    job runs, and waits for a job that cannot start).
    """

    kind: StuckKind
    why: str
    fix: str
    ids: tuple[str, ...]


def stuck_jobs(host: str, queue: Queue) -> list[Stuck]:
    """Return the jobs that do not run, by reason. Jobs that wait for running or queued dependencies are not stuck."""
    by_id = outcome.by_id(queue)
    groups = {group.name: group for group in queue.groups}
    taken = Counter([state.group for state in queue.states if state.status in ("running", "paused")])
    roots: dict[str, JobState] = {}
    found: dict[tuple[StuckKind, str, str], list[str]] = {}

    def add(state: JobState, kind: StuckKind, why: str, fix: str) -> None:
        found.setdefault((kind, printable.line(why), fix), []).append(state.id)

    for state in queue.states:
        if state.status in ("running", "done") and state.result != "dependency":
            continue
        failed = failed_parents(state, by_id)
        if failed and state.status != "stashed":
            root = roots[state.id] = roots.get(failed[0].id, failed[0])
            add(state, "dependency", f"{name_with_label(host, root)} {describe_outcome(root)}", root.id)
        elif reason := waiting_reason(state, host, groups.get(state.group), taken[state.group], by_id):
            add(state, *reason)
    for waiter, awaited in deadlocked(queue):
        why, fix = deadlock_reason(waiter, awaited, host, groups.get(awaited.group))
        add(waiter, "cycle", f"waits for {name_with_label(host, awaited)}, which {why}", fix)
    result = []
    for (kind, why, fix), ids in found.items():
        if kind == "dependency":  # jobs that the queue has not skipped yet continue by themselves
            restarted = [fix, *[id for id in ids if by_id[id].status == "done"]]
            fix = f"restart {selection_words(host, restarted, by_id[ids[0]].group)}"
        elif fix == "start":
            fix = f"start {selection_words(host, ids, by_id[ids[0]].group)}"
        result.append(Stuck(kind, why, f"pueue-skill {fix}" if fix else "", tuple(ids)))
    return result


def waiting_reason(
    state: JobState, host: str, group: Group | None, taken: int, by_id: Mapping[str, JobState]
) -> tuple[StuckKind, str, str] | None:
    """Return kind, reason and fix for a job without failed dependencies that does not run; None if it is not stuck.

    `taken`: how many slots of its group are taken. The fix `start` stands for starting the job itself.
    """
    if state.status == "stashed" and state.due:
        return "stashed", f"stashed until {state.due[:16].replace('T', ' ')}", ""
    if state.status == "stashed":
        return "stashed", "stashed", "start"
    if group and group.status != "running" and state.status != "done":
        return "group", f"group {group.name} is {group.status}", start_command(host, group.name)
    if state.status == "paused":
        return "paused", "paused", "start"
    if state.status == "queued" and state.detail:
        return "limit", f"the queue reports {state.detail}", ""
    if group and state.status == "queued" and 0 < group.limit <= taken:
        if all(by_id[id].status == "done" for id in state.after if id in by_id):
            return "limit", f"{taken} of {group.limit} slots of {group.name} are taken", ""
    return None


def deadlock_reason(waiter: JobState, awaited: JobState, host: str, group: Group | None) -> tuple[str, str]:
    """Return why `awaited`, a job of `group`, does not end while `waiter` waits for it, and the command that fixes it (or empty)."""
    if awaited.status in ("paused", "stashed"):
        return f"is {awaited.status}", ""
    if group and group.status != "running":
        return f"is in group {group.name}, which is {group.status}", ""
    if awaited.status == "queued" and awaited.group == waiter.group:
        # The work of the waiter has not begun: it can be queued again, behind the other job.
        fix = f"kill {host}:{waiter.id} && pueue-skill restart {host}:{waiter.id}"
        return f"waits for a slot of {awaited.group}, of which {host}:{waiter.id} holds one", fix
    return "cannot continue either", ""


def deadlocked(queue: Queue) -> list[tuple[JobState, JobState]]:
    """Return the running jobs that wait for a job that cannot end, each with that job."""
    by_id = outcome.by_id(queue)
    groups = {group.name: group for group in queue.groups}
    unfinished = [state for state in queue.states if state.status != "done"]
    holders: dict[str, list[str]] = {}  # ids of the jobs that hold a slot, by group
    for state in unfinished:
        if state.status in ("running", "paused"):
            holders.setdefault(state.group, []).append(state.id)
    ending: set[str] = set()  # ids of the jobs that will end

    def blocking(state: JobState) -> list[JobState]:
        """Return the jobs that must end before `state` can, and are not known to."""
        awaited = [by_id[id] for id in (*state.waits, *state.after) if id in by_id]
        return [job for job in awaited if job.status != "done" and job.id not in ending]

    def gets_slot(state: JobState) -> bool:
        if state.status == "running":
            return True
        group = groups.get(state.group)
        if state.status == "paused" or (state.status == "stashed" and not state.due) or group is None:
            return False
        held = holders.get(group.name, [])
        return group.status == "running" and (not 0 < group.limit <= len(held) or any(id in ending for id in held))

    while more := {job.id for job in unfinished if job.id not in ending and gets_slot(job) and not blocking(job)}:
        ending |= more
    return [(job, blocking(job)[0]) for job in unfinished if job.status == "running" and job.id not in ending]
