"""Actions on jobs of many hosts (kill, restart, clean, pause, start): a Selector in, the result for each job out.

Each host runs at most two scripts, all hosts at the same time: one prints its queue; one acts, only on jobs that are still as they were
when selected, and prints the queue before and after. A host that does not answer does not delay the others. It prints nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pueue_skill.configuration.hosts import select_hosts
from pueue_skill.hosts import client
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import news, select
from pueue_skill.jobs.select import Matches
from pueue_skill.queues import actions
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import printable
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.errors import UsageError, did_you_mean
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import database, sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.literals import ActionStatus

TIMEOUT_PER_JOB_S = 0.02
"""How much the timeout of a script grows with each job, in seconds."""


class Selector(NamedTuple):
    """Selects jobs: `jobs` by HOST:ID, label or key; or those whose label matches the pattern `label`, in `group`; on `hosts` (none: all)."""

    jobs: tuple[str, ...] = ()
    label: str | None = None
    group: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether each job was named; then the result of each is reported."""
        return bool(self.jobs)

    @property
    def whole_group(self) -> str:
        """The group that is selected as a whole, including jobs that enter it later; empty if there is none."""
        return self.group or "" if self.label is None else ""


class Selection(NamedTuple):
    """The selected jobs of one host, and its queue when they were selected."""

    host: Host
    queue: Queue
    states: tuple[JobState, ...]


def withdraw(host: Host, state: JobState) -> bool:
    """Remove a job from its queue unless it has started; return whether this removed it. Raises Unreachable."""
    kind = KINDS[host.backend]
    call = "remove" if "cancel" in kind.UNSUPPORTED else "cancel"
    script = kind.action_script(host, [Action(state._replace(status=status), call) for status in ("queued", "stashed")])
    reply = client.ask(host, script, lambda done: kind.read_actions(done.text))
    before, after = [by_identity(queue).get(identity(state)) for queue in (reply.before, reply.after)]
    if before is None or before.status not in ("queued", "stashed"):
        return False
    return after is None or (after.status == "done" and after.started is None)


class ActionResult(NamedTuple):
    """The result of an action. `before` and `after`: the states of the job (None: it is not in the queue)."""

    action: Action
    status: ActionStatus
    why: str = ""
    before: JobState | None = None
    after: JobState | None = None


class HostResult(NamedTuple):
    """The results for the jobs of one host.

    `group`: the group that was acted on as a whole. `paused_groups`: the groups of the jobs that are paused now, with the number of jobs
    queued in each. `files`: how many left-over files were removed. `queue`: the queue afterwards (None: nothing was done).
    """

    results: tuple[ActionResult, ...]
    group: str = ""
    paused_groups: tuple[tuple[str, int], ...] = ()
    files: int = 0
    queue: Queue | None = None


def select_jobs(
    choice: Selector, hosts: Mapping[str, Host]
) -> tuple[list[Selection], dict[str, Unreachable], dict[str, Matches]]:
    """Return the selected jobs by host, the hosts that do not answer, and what each name matches.

    Raises UsageError, which lists what exists instead, and Unreachable if only a host that does not answer could have the jobs.
    """
    asked = asked_hosts(choice, hosts)
    queues, down = fetch_queues(asked.values())
    if not choice.hosts and any(select.is_id(job) and not select.jobs_named(job, queues).meant for job in choice.jobs):
        # What looks like an id of this machine may be a label, such as a year.
        other_queues, other_down = fetch_queues([host for name, host in hosts.items() if name not in asked])
        asked, queues, down = {**asked, **hosts}, queues | other_queues, down | other_down
    if not (choice.jobs or choice.label is not None or choice.group):
        raise UsageError(
            with_known_jobs("no job is selected: give HOST:ID, --label PATTERN or --group NAME", queues, down)
        )
    matches = {job: select.jobs_named(job, queues) for job in choice.jobs}
    if choice.jobs:
        states = states_named(choice, matches, queues, down)
    else:
        states = {name: actions.matching(queue, choice.label, choice.group) for name, queue in queues.items()}
    selections = [
        Selection(asked[name], queues[name], tuple(of_host))
        for name, of_host in states.items()
        if of_host or choice.whole_group in [group.name for group in queues[name].groups]
    ]
    if not selections and down:
        raise Unreachable(*map(str, down.values()))
    if not selections:
        criteria = [f"a label like {choice.label!r}"] if choice.label is not None else []
        criteria += [f"the group {choice.group}"] if choice.group else []
        groups = [group.name for queue in queues.values() for group in queue.groups]
        near = did_you_mean(choice.group or "", groups) if choice.group not in groups else ""
        raise UsageError(with_known_jobs(f"no job has {' and '.join(criteria)}{near}", queues, down))
    return selections, down, matches


def states_named(
    choice: Selector, matches: Mapping[str, Matches], queues: Mapping[str, Queue], down: Mapping[str, Unreachable]
) -> dict[str, list[JobState]]:
    """Return the named jobs by host. Raises UsageError for a name without a job, unless a host that does not answer may have it."""
    states: dict[str, list[JobState]] = {name: [] for name in queues}
    for job, match in matches.items():
        if match.meant:
            name, state = match.meant
            states[name] += [state] if state not in states[name] else []
        elif not down:
            message = f"no job is called {job}{hint(job, match, choice)}"
            similar = "" if match.jobs else select.suggest_similar(job, queues)
            raise UsageError(message + similar if similar else with_known_jobs(message, queues, down))
    return states


def fetch_queues(hosts: Iterable[Host]) -> tuple[dict[str, Queue], dict[str, Unreachable]]:
    """Return the queues of `hosts` by name, and why the others do not answer."""
    answers = client.fetch_queues(list(hosts))
    return (
        {host.name: queue for host, queue in answers if isinstance(queue, Queue)},
        {host.name: error for host, error in answers if isinstance(error, Unreachable)},
    )


def asked_hosts(choice: Selector, hosts: Mapping[str, Host]) -> dict[str, Host]:
    """Return the hosts that may have the selected jobs, by name. Raises UsageError for a host that is not known."""
    if choice.hosts:
        return {host.name: host for host in select_hosts(choice.hosts, hosts)}
    names = [select.host_of(job, hosts) for job in choice.jobs]
    for name in names:
        if name and not select.is_host_name(name):
            raise UsageError(f"{name!r} is not the name of a host")
    named = {name: host_named(name, hosts) for name in names if name}  # includes hosts that are not configured
    return named if names and all(names) else {**hosts, **named}


def hint(job: str, matches: Matches, choice: Selector) -> str:
    """Return why a name matches no job, as the end of a message; empty if the name itself does not tell."""
    if matches.back and matches.jobs:
        newest = job.rpartition("~")[0]
        if len(matches.jobs) == 1:
            return f": there is only one job called {newest}"
        return f": {len(matches.jobs)} jobs are called {newest}, and the oldest is {newest}~{len(matches.jobs) - 1}"
    if select.is_id(job) and choice.hosts:
        return f": a bare id is a job of this machine, write {choice.hosts[0]}:{job}"
    return ""


def with_known_jobs(message: str, queues: Mapping[str, Queue], down: Mapping[str, Unreachable]) -> str:
    """Return `message` with a list of the groups and jobs of each host."""
    lines = [f"{message}{'' if message.endswith('?') else '.'} There is:"]
    for name, queue in queues.items():
        groups = []
        for group in queue.groups:
            inside = [state.status for state in queue.states if state.group == group.name]
            counts = [
                f"{inside.count(status)} {'ended' if status == 'done' else status}" for status in dict.fromkeys(inside)
            ]
            groups.append(f"group {printable.line(group.name)}: {', '.join(counts) or 'no jobs'}")
        lines.append(f"  {name}: {'; '.join(groups)}")
    lines += [f"  {error}" for error in down.values()]
    return "\n".join(lines)


def plan_actions(verb: str, choice: Selector, chosen: Sequence[Selection]) -> list[tuple[Selection, list[Action]]]:
    """Return the actions for the selected jobs. Raises UsageError if there is none."""
    plans = []
    for selection in chosen:
        host, unsupported = selection.host, KINDS[selection.host.backend].UNSUPPORTED
        whole = whole_group(verb, choice, host)
        states = selection.states if choice.named else actions.applicable(verb, selection.states, bool(whole))
        planned = actions.plan_actions(verb, host.name, states, selection.queue, unsupported, host)
        # A group is paused and started whether or not its jobs run.
        if planned or (whole and verb != "kill"):
            plans.append((selection, planned))
    if not plans:
        queues = {selection.host.name: selection.queue for selection in chosen}
        raise UsageError(with_known_jobs(f"there is nothing to {verb} among the selected jobs", queues, {}))
    return plans


def whole_group(verb: str, choice: Selector, host: Host) -> str:
    """Return the group that the verb acts on as a whole, if the queue of `host` can."""
    return choice.whole_group if verb in KINDS[host.backend].GROUP_VERBS else ""


def act(
    verb: str, choice: Selector, planned: Sequence[tuple[Selection, list[Action]]]
) -> dict[str, HostResult | Unreachable]:
    """Carry out the planned actions, on all hosts at the same time; return the results by host."""
    by_name = {selection.host.name: (selection.host, planned_here) for selection, planned_here in planned}

    def ask(name: str) -> HostResult:
        host, planned_here = by_name[name]
        return act_on(host, verb, planned_here, whole_group(verb, choice, host))

    return dict(client.ask_all(list(by_name), ask))


def act_on(host: Host, verb: str, planned: Sequence[Action], group: str) -> HostResult:
    """Carry out the planned actions on one host, and `verb` on `group` as a whole (empty: on none). Raises Unreachable."""
    kind = KINDS[host.backend]
    called = [action for action in planned if action.call]
    if not called and not group:
        return HostResult(tuple([unchanged_result(action) for action in planned]))
    if verb == "clean":
        record_outcomes(host, called)
    script = kind.action_script(host, called, group, verb)
    timeout = client.ANSWER_TIMEOUT_S + TIMEOUT_PER_JOB_S * len(called)
    try:
        reply, stderr = client.ask(
            host, script, lambda done: (kind.read_actions(done.text), client.stderr_of(done)), timeout
        )
    except Unreachable as error:
        raise Unreachable(
            f"{error}\nThe result of the action is unknown. See: pueue-skill status {host.name}"
        ) from None
    before, after = by_identity(reply.before), by_identity(reply.after)
    if group:  # jobs that started since the selection were affected as well
        known = {identity(action.state) for action in planned}
        affected = actions.applicable(verb, actions.matching(reply.before, None, group), True)
        later = [state for state in affected if identity(state) not in known]
        planned = [*planned, *actions.plan_actions(verb, host.name, later, reply.before, kind.UNSUPPORTED, host)]
    results = tuple(
        [
            action_result(
                action,
                before.get(identity(action.state)),
                state_in(action.state, before, after),
                reply.survivors.get(action.state.key or ""),
                stderr,
            )
            for action in planned
        ]
    )
    if verb == "restart":
        reopen(host, results)
    return HostResult(results, group, paused_groups(reply.after, group, results), reply.files, reply.after)


def action_result(
    action: Action, before: JobState | None, after: JobState | None, survivor: str | None, stderr: str
) -> ActionResult:
    """Return the result of an action from the job's states before and after it.

    `survivor` is the id of a process of the job that still runs, `stderr` that of the script that carried out the actions.
    """
    if not action.call:
        return unchanged_result(action)
    if before is None or has_changed(action, before):
        change = "it is no longer in the queue" if before is None else f"it is now {before.status}"
        return ActionResult(action, "changed", f"{change}; nothing was done", before, after)
    if action.call == "restart" and survivor:
        return ActionResult(
            action, "refused", f"its process {survivor} is still running on the host; kill it first", before, after
        )
    if action.call == "remove":
        done = after is None
    else:
        done = after is not None and progress_of(after) != progress_of(before)
    why = f"the queue did not do it: {stderr}" if stderr or not action.requires else "its dependency was not restarted"
    return ActionResult(action, "done" if done else "failed", "" if done else why, before, after)


def has_changed(action: Action, before: JobState) -> bool:
    """Return whether a job changed between its selection and the action so that the queue did not carry out the action."""
    waiting = ("queued", "stashed")
    # Slurm cancels a waiting job whether or not it is held, and reports that it is held some time after a submission.
    if action.call in ("cancel", "withdraw") and before.status in waiting:
        return action.state.status not in waiting
    return before.status != action.state.status


def unchanged_result(action: Action) -> ActionResult:
    return ActionResult(action, "refused" if action.refused else "left", action.why, action.state, action.state)


def state_in(
    state: JobState, before: Mapping[tuple[str, str], JobState], after: Mapping[tuple[str, str], JobState]
) -> JobState | None:
    """Return the job's state after an action; a restarted job may have another id."""
    same = after.get(identity(state))
    if same is None and state.key:
        same = next((other for name, other in after.items() if other.key == state.key and name not in before), None)
    return same


def progress_of(state: JobState) -> tuple[str, str, str | None, str | None]:
    return state.id, state.status, state.started, state.ended


def identity(state: JobState) -> tuple[str, str]:
    """Return what identifies a job in a queue that reuses ids."""
    return state.id, state.created


def by_identity(queue: Queue) -> dict[tuple[str, str], JobState]:
    return {identity(state): state for state in queue.states}


def paused_groups(queue: Queue, group: str, results: Sequence[ActionResult]) -> tuple[tuple[str, int], ...]:
    """Return which groups of an action are paused, each with the number of jobs queued in it."""
    concerned = {group} | {result.after.group for result in results if result.after and result.after.status != "done"}
    return tuple(
        [
            (other.name, sum(state.group == other.name and state.status == "queued" for state in queue.states))
            for other in queue.groups
            if other.name in concerned and other.status != "running"
        ]
    )


def record_outcomes(host: Host, removals: Sequence[Action]) -> None:
    """Record the outcomes of jobs that are about to be removed from their queue. Raises Unreachable if that fails."""
    keys = {action.state.key for action in removals}
    try:
        jobs = (
            [job for job in sessions.open_jobs() if job.host == host.name and (job.key in keys or not job.id)]
            if database.path().exists()
            else []
        )
        failed = news.refresh({host.name: host}, jobs)
    except (sqlite3.Error, OSError) as error:
        raise Unreachable(f"{host.name}: {NOT_CLEANED}: {database.path()}: {error}") from None
    if failed:
        raise Unreachable(f"{host.name}: {NOT_CLEANED}: {failed[host.name]}")


NOT_CLEANED = "nothing was cleaned, because the outcomes of the jobs cannot be recorded"


def reopen(host: Host, results: Sequence[ActionResult]) -> None:
    """Record that jobs were restarted, so that their next outcome is reported."""
    restarted = [
        (result.action.state, result.after)
        for result in results
        if result.status == "done" and result.action.state.key and result.after
    ]
    if restarted and database.path().exists():
        try:
            sessions.reopen(host.name, restarted)
        except (sqlite3.Error, OSError):
            pass  # the jobs run, but their next outcome is not reported


def wait(
    chosen: Sequence[tuple[Host, JobState]], sleep: Callable[[float], None] = time.sleep
) -> Iterator[tuple[Host, JobState | Unreachable]]:
    """Wait until all selected jobs have ended; yield each with its last state, or with the reason why that is unknown.

    `sleep` waits for seconds between two rounds of queries.
    """
    hosts = {host.name: host for host, _ in chosen}
    unfinished: dict[str, list[JobState]] = {}
    for host, state in chosen:
        unfinished.setdefault(host.name, []).append(state)
    failures = dict.fromkeys(unfinished, 0)
    rounds = 0
    while unfinished:
        for name, queue in client.ask_all(list(unfinished), lambda name: client.fetch_queue(hosts[name])):
            if isinstance(queue, Unreachable):
                failures[name] += 1
                if failures[name] > client.RETRIES:
                    yield from [(hosts[name], queue) for _ in unfinished.pop(name)]
                continue
            failures[name] = 0
            current = by_identity(queue)
            remaining = []
            for state in unfinished.pop(name):
                now = current.get(identity(state))
                if now is None:
                    yield hosts[name], Unreachable(f"{name}:{state.id} is no longer in the queue")
                elif now.status == "done":
                    yield hosts[name], now
                else:
                    remaining.append(now)
            if remaining:
                unfinished[name] = remaining
        if unfinished:
            rounds += 1
            sleep(pause_s(rounds, 0.2, 2.0, 1.5))
