"""Actions on jobs of many hosts (kill, restart, clean, pause, start): a Selector in, the result for each job out.

Hosts are asked twice at most, all at the same time: once for their queues, and once to act, by one script that looks, acts only on jobs
that are as they were when selected, and looks again. A host that does not answer does not hold up the others. It prints nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import news, select
from pueue_skill.jobs.select import Matches
from pueue_skill.queues import actions
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.protocol import ActionReply
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import printable
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named, select_hosts
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.errors import UsageError, did_you_mean
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import database, sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.literals import Did

TIMEOUT_PER_JOB_S = 0.02
"""The time limit of a script grows by this much for each job."""


class Selector(NamedTuple):
    """Selects jobs by HOST:ID, label or key (`jobs`), or by a pattern for labels and a group, on `hosts` (none: all)."""

    jobs: tuple[str, ...] = ()
    label: str | None = None
    group: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether each job was named: then the result of each is reported."""
        return bool(self.jobs)

    @property
    def whole_group(self) -> str:
        """The group that is selected as a whole, with jobs that enter it later."""
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
    looked = client.asked(host, script, lambda done: kind.read_actions(done.text))
    before, after = (
        next((one for one in queue.states if (one.id, one.created) == (state.id, state.created)), None)
        for queue in (looked.before, looked.after)
    )
    if before is None or before.status not in ("queued", "stashed"):
        return False
    return after is None or (after.status == "done" and after.started is None)


class ActionResult(NamedTuple):
    """The result of an action; `before` and `after` are the job's states (None: it is not in the queue)."""

    act: Action
    what: Did
    why: str = ""
    before: JobState | None = None
    after: JobState | None = None


class HostResult(NamedTuple):
    """The results for the jobs of one host. `group`: the group that was acted on as a whole. `halted`: the groups that are paused now, with the number
    of waiting jobs. `files`: how many left-over files were removed. `queue`: the queue afterwards (None: nothing was done).
    """

    outcomes: tuple[ActionResult, ...]
    group: str = ""
    halted: tuple[tuple[str, int], ...] = ()
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
        more, silent = fetch_queues([host for name, host in hosts.items() if name not in asked])
        asked, queues, down = {**asked, **hosts}, queues | more, down | silent
    found: dict[str, list[JobState]] = {name: [] for name in queues}
    if not (choice.jobs or choice.label is not None or choice.group):
        raise UsageError(
            with_known_jobs("no job is chosen: give HOST:ID, --label PATTERN or --group NAME", queues, down)
        )
    called = {job: select.jobs_named(job, queues) for job in choice.jobs}
    for job, one in called.items():
        if one.meant:
            name, state = one.meant
            found[name] += [state] if state not in found[name] else []
        elif not down:
            said = f"no job is called {job}{hint(job, one, choice)}"
            some = "" if one.jobs else select.suggest_similar(job, queues)
            raise UsageError(said + some if some else with_known_jobs(said, queues, down))
    if not choice.jobs:
        for name, queue in queues.items():
            found[name] += actions.matching(queue, choice.label, choice.group)
    chosen = [
        Selection(asked[name], queues[name], tuple(states))
        for name, states in found.items()
        if states or choice.whole_group in [group.name for group in queues[name].groups]
    ]
    if not chosen and down:
        raise Unreachable("\n".join(map(str, down.values())))
    if not chosen:
        what = [f"a label like {choice.label!r}"] if choice.label is not None else []
        what += [f"the group {choice.group}"] if choice.group else []
        groups = [group.name for queue in queues.values() for group in queue.groups]
        near = did_you_mean(choice.group or "", groups) if choice.group not in groups else ""
        raise UsageError(with_known_jobs(f"no job has {' and '.join(what)}{near}", queues, down))
    return chosen, down, called


def fetch_queues(hosts: Iterable[Host]) -> tuple[dict[str, Queue], dict[str, Unreachable]]:
    """Return the queues of `hosts` by name, and why the others do not answer."""
    asked = client.fetch_queues(list(hosts))
    return (
        {host.name: queue for host, queue in asked if isinstance(queue, Queue)},
        {host.name: queue for host, queue in asked if isinstance(queue, Unreachable)},
    )


def asked_hosts(choice: Selector, hosts: Mapping[str, Host]) -> dict[str, Host]:
    """Return the hosts that may have the selected jobs. Raises UsageError."""
    if choice.hosts:
        return {host.name: host for host in select_hosts(choice.hosts, hosts)}
    places = [select.host_of(job, hosts) for job in choice.jobs]
    if places and all(places):
        return {name: host_named(name, hosts) for name in places}
    # A host that is not configured is asked where a name says so.
    return {**hosts, **{name: host_named(name, hosts) for name in places if name}}


def hint(job: str, bearers: Matches, choice: Selector) -> str:
    """Return why no job has a name that looks like one."""
    if bearers.back and bearers.jobs:
        return f": {len(bearers.jobs)} jobs have that name, the newest without ~"
    if select.is_id(job) and choice.hosts:
        return f": a bare id is a job of this machine, write {choice.hosts[0]}:{job}"
    return ""


def with_known_jobs(what: str, queues: Mapping[str, Queue], down: Mapping[str, Unreachable]) -> str:
    """Return `what` with a list of what exists."""
    lines = [f"{what}{'' if what.endswith('?') else '.'} There is:"]
    for name, queue in queues.items():
        groups = []
        for group in queue.groups:
            inside = [state.status for state in queue.states if state.group == group.name]
            counts = [f"{inside.count(status)} {status}" for status in dict.fromkeys(inside)]
            groups.append(f"group {printable.line(group.name)}: {', '.join(counts) or 'no jobs'}")
        lines.append(f"  {name}: {'; '.join(groups)}")
    return "\n".join([*lines, *map(str, down.values())])


def plan_actions(verb: str, choice: Selector, chosen: Sequence[Selection]) -> list[tuple[Selection, list[Action]]]:
    """Return the actions for the selected jobs. Raises UsageError if there is none."""
    found = []
    for one in chosen:
        whole = whole_group(verb, choice, one.host)
        states = list(one.states) if choice.named else actions.applicable(verb, one.states, bool(whole))
        found.append(
            (one, actions.plan_actions(verb, one.host.name, states, one.queue, KINDS[one.host.backend].UNSUPPORTED))
        )
    # A group is paused and started whether or not something runs in it.
    goes_on = any(whole_group(verb, choice, one.host) for one in chosen) and verb != "kill"
    if not any(planned for _, planned in found) and not goes_on:
        queues = {one.host.name: one.queue for one in chosen}
        raise UsageError(with_known_jobs(f"there is nothing to {verb} in what is chosen", queues, {}))
    return [
        (one, planned) for one, planned in found if planned or (whole_group(verb, choice, one.host) and verb != "kill")
    ]


def whole_group(verb: str, choice: Selector, host: Host) -> str:
    """Return the group that the verb acts on as a whole, if the queue of `host` can."""
    return choice.whole_group if verb in KINDS[host.backend].GROUP_VERBS else ""


def act(
    verb: str, choice: Selector, planned: Sequence[tuple[Selection, list[Action]]]
) -> dict[str, HostResult | Unreachable]:
    """Carry out the planned actions; return the results by host."""
    by_name = {one.host.name: (one.host, found) for one, found in planned}

    def ask(name: str) -> HostResult:
        host, found = by_name[name]
        kind, group = KINDS[host.backend], whole_group(verb, choice, host)
        wanted = [one for one in found if one.call]
        if not wanted and not group:
            return HostResult(tuple([unchanged_result(one) for one in found]))
        if verb == "clean":
            record_outcomes(host, wanted)
        script = kind.action_script(host, wanted, group, verb)
        said: list[str] = []

        def read(done: transport.Done) -> ActionReply:
            said.append(client.stderr_of(done))
            return kind.read_actions(done.text)

        try:
            looked = client.asked(host, script, read, client.ANSWER_TIMEOUT_S + TIMEOUT_PER_JOB_S * len(wanted))
        except Unreachable as error:
            raise Unreachable(f"{error}\nWhat was done there is not known. See: pueue-skill status {name}") from None
        before, after = by_identity(looked.before), by_identity(looked.after)
        if group:  # what has come to run meanwhile was met as well
            known = {identity(one.state) for one in found}
            there = actions.matching(looked.before, None, group)
            more = [state for state in actions.applicable(verb, there, True) if identity(state) not in known]
            found = [*found, *actions.plan_actions(verb, name, more, looked.before, kind.UNSUPPORTED)]
        outcomes = tuple(
            [
                outcome(one, before.get(identity(one.state)), state_in(one.state, before, after), looked, said[0])
                for one in found
            ]
        )
        if verb == "restart":
            reopen(host, outcomes)
        return HostResult(outcomes, group, paused_groups(looked.after, group, outcomes), looked.files, looked.after)

    return dict(client.ask_all(list(by_name), ask))


def outcome(
    one: Action, before: JobState | None, after: JobState | None, looked: ActionReply, said: str
) -> ActionResult:
    if not one.call:
        return unchanged_result(one)
    if before is None or before.status != one.state.status:
        why = "it is no longer in the queue" if before is None else f"it is {before.status} by now"
        return ActionResult(one, "changed", f"{why}; nothing was done", before, after)
    if one.call == "restart" and one.state.key in looked.survivors:
        pid = looked.survivors[one.state.key]
        return ActionResult(one, "refused", f"process {pid} of it still runs there; end it first", before, after)
    if one.call == "remove":
        done = after is None
    else:
        done = after is not None and standing(after) != standing(before)
    why = f"the queue did not do it: {said}" if said or not one.with_ else "what it comes after was not started again"
    return ActionResult(one, "done" if done else "failed", "" if done else why, before, after)


def unchanged_result(one: Action) -> ActionResult:
    return ActionResult(one, "refused" if one.missed else "left", one.why, one.state, one.state)


def state_in(
    state: JobState, before: Mapping[tuple[str, str], JobState], after: Mapping[tuple[str, str], JobState]
) -> JobState | None:
    """Return the job's state in another answer of its queue; a restarted job may have another id there."""
    found = after.get(identity(state))
    if found is None and state.key:
        found = next((one for name, one in after.items() if one.key == state.key and name not in before), None)
    return found


def standing(state: JobState) -> tuple[str, str, str | None, str | None]:
    return state.id, state.status, state.started, state.ended


def identity(state: JobState) -> tuple[str, str]:
    """Return what identifies a job in its queue, whose ids are reused."""
    return state.id, state.created


def by_identity(queue: Queue) -> dict[tuple[str, str], JobState]:
    return {identity(state): state for state in queue.states}


def paused_groups(queue: Queue, group: str, outcomes: Sequence[ActionResult]) -> tuple[tuple[str, int], ...]:
    """Return the groups of an action that are paused now, with the number of waiting jobs in each."""
    concerned = {group} | {one.after.group for one in outcomes if one.after and one.after.status != "done"}
    return tuple(
        [
            (one.name, sum(state.group == one.name and state.status == "queued" for state in queue.states))
            for one in queue.groups
            if one.name in concerned and one.status != "running"
        ]
    )


def record_outcomes(host: Host, wanted: Sequence[Action]) -> None:
    """Record the outcomes of jobs before their queue forgets them. Raises Unreachable if that fails."""
    keys = {one.state.key for one in wanted}
    try:
        jobs = (
            [job for job in sessions.open_jobs() if job.host == host.name and (job.key in keys or not job.id)]
            if database.path().exists()
            else []
        )
        failed = news.refresh({host.name: host}, jobs)
    except (sqlite3.Error, OSError) as error:
        raise Unreachable(
            f"{host.name}: nothing is cleaned, for results cannot be kept: {database.path()}: {error}"
        ) from None
    if failed:
        raise Unreachable(f"{host.name}: nothing is cleaned, for results cannot be kept: {failed[host.name]}")


def reopen(host: Host, outcomes: Sequence[ActionResult]) -> None:
    """Record that jobs were restarted, so that their next outcome is reported."""
    again = [(one.act.state, one.after) for one in outcomes if one.what == "done" and one.act.state.key and one.after]
    if again and database.path().exists():
        try:
            sessions.reopen(host.name, again)
        except (sqlite3.Error, OSError):
            pass  # their new end goes unreported; they run all the same


def wait(
    chosen: Sequence[tuple[Host, JobState]], sleep: Callable[[float], None] = time.sleep
) -> Iterator[tuple[Host, JobState | Unreachable]]:
    """Wait until all selected jobs have ended; yield each with its last state, or with the reason why that is unknown."""
    hosts = {host.name: host for host, _ in chosen}
    open_: dict[str, list[JobState]] = {}
    for host, state in chosen:
        open_.setdefault(host.name, []).append(state)
    missed = dict.fromkeys(open_, 0)
    rounds = 0
    while open_:
        for name, queue in client.ask_all(list(open_), lambda name: client.fetch_queue(hosts[name])):
            if isinstance(queue, Unreachable):
                missed[name] += 1
                if missed[name] > client.RETRIES:
                    yield from [(hosts[name], queue) for _ in open_.pop(name)]
                continue
            missed[name] = 0
            there = by_identity(queue)
            left = []
            for state in open_[name]:
                now = there.get(identity(state))
                if now is None:
                    yield hosts[name], Unreachable(f"{name}:{state.id} is no longer in the queue")
                elif now.status == "done":
                    yield hosts[name], now
                else:
                    left.append(now)
            if left:
                open_[name] = left
            else:
                del open_[name]
        if open_:
            rounds += 1
            sleep(pause_s(rounds, 0.2, 2.0, 1.5))
