"""What people are told of: states of queues and batches in, notices out.

It knows neither targets nor times of day; of what it is given it makes text that is fit to leave the machine: secrets masked, no
control characters, no output of jobs.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Sequence

from pueue_skill.batches.submission import Standing
from pueue_skill.jobs.news import line_of
from pueue_skill.queues import actions
from pueue_skill.queues.model import Queue, State
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.digest import digest
from pueue_skill.state.outbox import Notification
from pueue_skill.state.sessions import Submitted

MAX_MESSAGE_CHARS = 1_500
"""Characters of a message."""

MAX_NAMED_JOBS = 12
"""Failed jobs of a group or a batch that are named."""


def machine(host: str) -> str:
    """The name of a host for somebody who is not at this machine."""
    return os.uname().nodename if host == LOCAL else host


def since(host: str, before: Queue, after: Queue) -> list[Notification]:
    """What has happened on `host` between two looks at its queue."""
    was = {(state.id, state.created, state.ended) for state in before.states}
    return of_ended(
        host, after, [s for s in after.states if s.status == "done" and (s.id, s.created, s.ended) not in was]
    )


def of_ended(host: str, queue: Queue, ended: Sequence[State]) -> list[Notification]:
    """What is to be told of jobs that have ended, the queue being as it is now."""
    found = [failure(host, state) for state in ended if state.result != "success"]
    for group in dict.fromkeys([state.group for state in ended]):
        inside = [state for state in queue.states if state.group == group]
        # What was put aside waits for somebody, and keeps no group busy.
        if all(state.status == "done" or (state.status == "stashed" and not state.due) for state in inside):
            found.append(run_empty(host, group, [state for state in inside if state.status == "done"]))
    return found


def failure(host: str, state: State) -> Notification:
    how = actions.ending(state)
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
    """What is to be told of the end of a job that a session submitted."""
    if job.state == "success":
        return []
    here = job._replace(host=machine(job.host))
    title = f"{here.host}: {plain(job.label or job.command, 60)} has not succeeded"
    return [
        Notification("failures", f"job {here.name} {job.created} {job.ended}", title, plain(line_of(here), 400), True)
    ]


def gone(host: str, id: int, result: str, now: float) -> list[Notification]:
    """What is to be told of a job of which only the end is known, since its queue does not tell more."""
    if result == "Success":
        return []
    text = f"{host}:{id} has ended ({plain(result)}), and its queue tells no more of it"
    return [Notification("failures", f"job {host}:{id} {now}", f"{host}: job {id} has not succeeded", text, True)]


def run_empty(host: str, group: str, done: Iterable[State]) -> Notification:
    """That a group has nothing to do any more; counted are the jobs of its last run, in which it was never empty."""
    run: list[State] = []
    begin = last = ""
    for state in sorted(done, key=lambda state: moment(state.ended or state.created), reverse=True):
        if run and moment(state.ended or state.created) < moment(begin):
            break
        last = last or state.ended or state.created
        begin = min(begin or state.created, state.created, key=moment)
        run.insert(0, state)
    failed = [f"{state.id}" + (f" ({plain(state.label, 60)})" if state.label else "") for state in run if state.result != "success"]  # fmt: skip
    counts = counted({"succeeded": len(run) - len(failed), "failed": len(failed)})
    name = plain(group)
    text = f"{host}: group {name} has run empty: {counts}{some(failed)}"
    return Notification(
        "groups", f"group {host} {group} {last}", f"{host}: group {name} has run empty, {counts}", text, bool(failed)
    )


def of_batch(name: str, found: Sequence[Standing], whole: bool) -> list[Notification]:
    """The failed jobs of a batch, and its end once nothing of it is open; `whole`: all its hosts have answered."""
    failed = [one for one in found if not one.open and one.what not in ("success", "missing", "changed")]
    told = [
        failure(machine(one.item.host), one.state) if one.state and not one.pack else of_unit(one) for one in failed
    ]
    if not whole or any(one.open for one in found):
        return told
    counts = Counter([one.what for one in found])
    parts = {"succeeded": counts["success"], "failed": len(failed)} | {
        what: counts[what] for what in ("changed", "missing")
    }
    spoken_of = counted(parts)
    # That it was cleaned away is no other end; that something was killed once more is.
    ends = [(one.item.key, one.what, one.tries, one.state.ended if one.state and one.what == "killed" else None) for one in found]  # fmt: skip
    names = [f"{machine(one.item.host)} {plain(one.item.label, 60)}" for one in failed]
    title = f"batch {plain(name)} has ended, {spoken_of}"
    text = f"batch {plain(name)} has ended: {spoken_of}{some(names)}"
    event = f"batch {name} {digest(repr(sorted(ends, key=repr)).encode(), 32)}"
    return [*told, Notification("batches", event, title, text, counts["success"] < len(found))]


def of_unit(one: Standing) -> Notification:
    """The failure of an item that is no job of its own, or no longer in its queue."""
    how = f"failed, exit {one.exit_code}" if one.exit_code else f"has not succeeded ({one.what})"
    text = f"{machine(one.item.host)}: {plain(one.item.label)} {how}"
    return Notification("failures", f"item {one.item.host} {one.item.key} {one.tries}", text, text, True)


def message(kept: Sequence[tuple[float, Notification]]) -> tuple[str, str, bool]:
    """One message, with title and text, for notices and the times at which they were kept; whether something failed."""
    bad = any(notice.bad for _, notice in kept)
    if len(kept) == 1:
        return kept[0][1].title, kept[0][1].text, bad
    counts: Counter[str] = Counter([notice.kind for _, notice in kept])
    words = {"failures": "job failed", "groups": "group has run empty", "batches": "batch has ended"}
    many = {"failures": "jobs failed", "groups": "groups have run empty", "batches": "batches have ended"}
    title = ", ".join([f"{counts[kind]} {words[kind] if counts[kind] == 1 else many[kind]}" for kind in words if counts[kind]])  # fmt: skip
    lines: list[str] = []
    room = MAX_MESSAGE_CHARS
    # What has ended as a whole says the most; of the rest, what failed is said first.
    ordered = sorted(kept, key=lambda one: (one[1].kind != "batches", not one[1].bad, one[0]))
    for number, (at, notice) in enumerate(ordered):
        line = f"{dt.datetime.fromtimestamp(at):%a %H:%M} {notice.text}"
        room -= len(line) + 1
        if room < 0 and lines:
            lines.append(f"and {len(kept) - number} more: pueue-skill status")
            break
        lines.append(line)
    return title, "\n".join(lines), bad


def counted(counts: dict[str, int]) -> str:
    return ", ".join([f"{count} {what}" for what, count in counts.items() if count or what == "succeeded"])


def some(names: Sequence[str]) -> str:
    """The first of `names`, as the end of a sentence."""
    more = f" and {len(names) - MAX_NAMED_JOBS} more" if len(names) > MAX_NAMED_JOBS else ""
    return f": {', '.join(names[:MAX_NAMED_JOBS])}{more}" if names else ""


def plain(text: str, longest: int = 100) -> str:
    """`text` as one line without secrets, control characters and marks that turn the direction of writing."""
    return printable.line(" ".join(masked(text).split()), longest)


def moment(time: str) -> dt.datetime:
    return dt.datetime.fromisoformat(time)
