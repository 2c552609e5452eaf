"""Composes notifications: states of queues and batches in, notifications out.

It knows neither targets nor the time of day. Its texts are fit to leave the machine: secrets masked, no control characters, no output of
jobs.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Sequence

from pueue_skill.batches.states import ItemState
from pueue_skill.jobs.news import describe_job
from pueue_skill.queues import actions
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.digest import digest
from pueue_skill.startup.words import first_names
from pueue_skill.state.outbox import Notification
from pueue_skill.state.sessions import Submitted

MAX_MESSAGE_CHARS = 1_500
"""The longest message."""

MAX_NAMED_JOBS = 12
"""How many failed jobs of a group or a batch a message names."""


def shown_host(host: str) -> str:
    """Return the name of a host for a reader who is not at this machine."""
    return os.uname().nodename if host == LOCAL else host


def events_since(host: str, before: Queue, after: Queue) -> list[Notification]:
    """Return notifications of what happened on `host` between two states of its queue."""
    was = {(state.id, state.created, state.ended) for state in before.states}
    return of_ended_jobs(
        host, after, [s for s in after.states if s.status == "done" and (s.id, s.created, s.ended) not in was]
    )


def of_ended_jobs(host: str, queue: Queue, ended: Sequence[JobState]) -> list[Notification]:
    """Return notifications of ended jobs, and of the groups that became empty with them."""
    found = [failure(host, state) for state in ended if state.result != "success"]
    for group in dict.fromkeys([state.group for state in ended]):
        inside = [state for state in queue.states if state.group == group]
        # A stashed job waits for a user, and does not keep its group busy.
        if all(state.status == "done" or (state.status == "stashed" and not state.due) for state in inside):
            found.append(of_empty_group(host, group, [state for state in inside if state.status == "done"]))
    return found


def failure(host: str, state: JobState) -> Notification:
    how = actions.describe_outcome(state)
    took = dt.timedelta()
    if state.started and state.ended and state.result in ("failed", "killed"):
        took = dt.datetime.fromisoformat(state.ended) - dt.datetime.fromisoformat(state.started)
    after = f" after {printable.duration(took.total_seconds())}" if took > dt.timedelta() else ""
    name = f"{host}:{state.id}" + (f" ({plain(state.label)})" if state.label else "")
    return Notification(
        "failures",
        f"job {host}:{state.id} {state.created} {state.ended}",
        f"{host}: {plain(state.label or state.command, 60)} {how}",
        f"{name} {how}{after}, in group {plain(state.group)}: {plain(state.command)}",
        True,
    )


def of_submitted(job: Submitted) -> list[Notification]:
    """Return the notification of a failed job that a session submitted."""
    if job.state == "success":
        return []
    here = job._replace(host=shown_host(job.host))
    title = f"{here.host}: {plain(job.label or job.command, 60)} has not succeeded"
    return [
        Notification(
            "failures", f"job {here.name} {job.created} {job.ended}", title, plain(describe_job(here), 400), True
        )
    ]


def of_forgotten_job(host: str, id: int, result: str, now: float) -> list[Notification]:
    """Return the notification of a job whose queue no longer knows it."""
    if result == "Success":
        return []
    text = f"{host}:{id} has ended ({plain(result)}), and its queue tells no more of it"
    return [Notification("failures", f"job {host}:{id} {now}", f"{host}: job {id} has not succeeded", text, True)]


def of_empty_group(host: str, group: str, done: Iterable[JobState]) -> Notification:
    """Return the notification that a group became empty, with the counts of the jobs since it was last empty."""
    run: list[JobState] = []
    begin = last = ""
    for state in sorted(done, key=lambda state: time_of(state.ended or state.created), reverse=True):
        if run and time_of(state.ended or state.created) < time_of(begin):
            break
        last = last or state.ended or state.created
        begin = min(begin or state.created, state.created, key=time_of)
        run.insert(0, state)
    failed = [f"{state.id}" + (f" ({plain(state.label, 60)})" if state.label else "") for state in run if state.result != "success"]  # fmt: skip
    counts = list_counts({"succeeded": len(run) - len(failed), "failed": len(failed)})
    name = plain(group)
    text = f"{host}: group {name} is empty: {counts}{name_list(failed)}"
    return Notification(
        "groups", f"group {host} {group} {last}", f"{host}: group {name} is empty, {counts}", text, bool(failed)
    )


def of_batch(name: str, states: Sequence[ItemState], whole: bool) -> list[Notification]:
    """Return notifications of a batch's failed jobs, and of its end once no job is open; `whole`: all its hosts have answered."""
    failed = [state for state in states if not state.is_open and state.status not in ("success", "missing", "changed")]
    told = [
        failure(shown_host(state.item.host), state.job) if state.job and not state.pack else of_unit(state)
        for state in failed
    ]
    if not whole or any(state.is_open for state in states):
        return told
    counts = Counter([state.status for state in states])
    parts = {"succeeded": counts["success"], "failed": len(failed)} | {
        what: counts[what] for what in ("changed", "missing")
    }
    spoken_of = list_counts(parts)
    # A job that was cleaned has the same outcome as before; one that was killed again has not.
    ends = [(state.item.key, state.status, state.tries, state.job.ended if state.job and state.status == "killed" else None) for state in states]  # fmt: skip
    names = [f"{shown_host(state.item.host)} {plain(state.item.label, 60)}" for state in failed]
    title = f"batch {plain(name)} has ended, {spoken_of}"
    text = f"batch {plain(name)} has ended: {spoken_of}{name_list(names)}"
    event = f"batch {name} {digest(repr(sorted(ends, key=repr)).encode(), 32)}"
    return [*told, Notification("batches", event, title, text, counts["success"] < len(states))]


def of_unit(state: ItemState) -> Notification:
    """Return the notification of a failed item that is no job itself, or is no longer in its queue."""
    how = f"failed, exit {state.exit_code}" if state.exit_code else f"has not succeeded ({state.status})"
    text = f"{shown_host(state.item.host)}: {plain(state.item.label)} {how}"
    return Notification("failures", f"item {state.item.host} {state.item.key} {state.tries}", text, text, True)


def message(kept: Sequence[tuple[float, Notification]]) -> tuple[str, str, bool]:
    """Return title and text of one message for notifications and the times at which they were stored, and whether something failed."""
    bad = any(notice.bad for _, notice in kept)
    if len(kept) == 1:
        return kept[0][1].title, kept[0][1].text, bad
    counts: Counter[str] = Counter([notice.kind for _, notice in kept])
    words = {"failures": "job failed", "groups": "group is empty", "batches": "batch ended"}
    many = {"failures": "jobs failed", "groups": "groups are empty", "batches": "batches ended"}
    title = ", ".join([f"{counts[kind]} {words[kind] if counts[kind] == 1 else many[kind]}" for kind in words if counts[kind]])  # fmt: skip
    lines: list[str] = []
    room = MAX_MESSAGE_CHARS
    # Batches and groups first, then failures, then the rest.
    ordered = sorted(kept, key=lambda one: (one[1].kind != "batches", not one[1].bad, one[0]))
    for number, (at, notice) in enumerate(ordered):
        line = f"{dt.datetime.fromtimestamp(at):%a %H:%M} {notice.text}"
        room -= len(line) + 1
        if room < 0 and lines:
            lines.append(f"and {len(kept) - number} more: pueue-skill status")
            break
        lines.append(line)
    return title, "\n".join(lines), bad


def list_counts(counts: dict[str, int]) -> str:
    return ", ".join([f"{count} {what}" for what, count in counts.items() if count or what == "succeeded"])


def name_list(names: Sequence[str]) -> str:
    """Return the first of `names`, as the end of a sentence."""
    return f": {first_names(names, MAX_NAMED_JOBS, ', ')}" if names else ""


def plain(text: str, longest: int = 100) -> str:
    """Return `text` as one line without secrets, control characters and characters that change the writing direction."""
    return printable.line(" ".join(masked(text).split()), longest)


def time_of(time: str) -> dt.datetime:
    return dt.datetime.fromisoformat(time)
