"""Outcomes of the jobs that sessions submitted: the database and the queues in, notifications for a session out.

A session is notified of its jobs, and of those of its project of which no other session was. A reader (a hook, the monitor, a later
session) claims jobs, passes them on and confirms; what a dead process claimed is passed on by the next reader. Only `refresh` asks
queues; it knows nothing of sessions.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from pueue_skill.hosts import client, poll, transport
from pueue_skill.queues import outcome
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell import printable
from pueue_skill.shell.model import Host
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.backoff import pause_s
from pueue_skill.state import paths, reachability, sessions
from pueue_skill.state.sessions import Submitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.state.sessions import Identity

MAX_NOTICE_CHARS = 1_500
"""The longest notification."""

TAIL_BYTES = 2_000
"""How much of the end of a job's output is kept."""

CLOCK_TOLERANCE_S = 3600.0
"""How far a host's clock may be off, and how long a command may continue after its submission."""

TAIL_LINES = 8

ANSWER_TIMEOUT_S = 10.0
"""How long a host may take for an answer that no user waits for."""

LOST_AFTER_S = 120.0
"""How long a job that was never seen in its queue is looked for before it counts as lost: its submission may be under way."""


def project_of(cwd: str) -> str:
    """Return the project's folder: the nearest folder above `cwd` with .git or .pueue-skill.toml, else `cwd` itself."""
    folder = Path(cwd)
    for place in (folder, *folder.parents):
        if (place / ".git").exists() or (place / paths.PROJECT_FILE).exists():
            return str(place)
    return cwd


def refresh(hosts: Mapping[str, Host], jobs: list[Submitted], limit: float = client.ANSWER_TIMEOUT_S) -> dict[str, str]:
    """Ask the queues of `jobs` for their states, all hosts at the same time, and record them; return the hosts that did not answer, with the reason.

    A host that recently kept a command waiting in vain is skipped. `limit` is in seconds. Raises sqlite3.Error and OSError if the states cannot be
    recorded.
    """
    by_host: dict[str, list[Submitted]] = {}
    for job in jobs:
        by_host.setdefault(job.host, []).append(job)

    def ask(name: str) -> tuple[list[Submitted], set[int]]:
        there = by_host[name]
        host = hosts.get(name) or Host(name, there[0].ssh, there[0].pueue, there[0].backend)
        asked = time.time()
        queue = client.fetch_queue(host, limit)
        found, served = match_states(there, queue, sessions.known_jobs(name), asked)
        tails = client.fetch_tails(host, [state for _, state in found if state and state.status == "done"], TAIL_BYTES)
        return [
            with_state(job, state, tails.get(state.id if state else "", b""), asked) for job, state in found
        ], served

    answers = dict(poll.ask_all(list(by_host), ask))
    for found in answers.values():
        if not isinstance(found, client.Unreachable):
            sessions.record_states(*found)
    return {name: str(found) for name, found in answers.items() if isinstance(found, client.Unreachable)}


def refresh_in_background() -> float:
    """Start a process that asks the queues of all open jobs; return the time before that, in seconds since the epoch."""
    now = time.time()
    transport.start_detached([sys.executable, "-I", "-c", REFRESH, str(Path(__file__).parent.parent.parent), *sys.path])
    return now


REFRESH = "import sys; sys.path[:0] = sys.argv[1:]; from pueue_skill.jobs.news import main; main()"


def main() -> None:
    """Refresh all open jobs, in the process that refresh_in_background starts. While one such process runs, one more waits and serves all later
    requests.
    """
    from pueue_skill.configuration import settings

    folder = Path(paths.data())
    with (folder / "asks-next").open("w") as line, (folder / "asking").open("w") as turn:
        try:
            fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(line, fcntl.LOCK_UN)
        refresh(settings.current().hosts, sessions.open_jobs(), ANSWER_TIMEOUT_S)


def wait_for(session: str, project: str, asked: float, seconds: float) -> None:
    """Wait until the queues of a session's open jobs have answered to a question of `asked` (seconds since the epoch) or later, or are skipped, or
    `seconds` have passed. Earlier answers do not count: a job may have ended since.
    """
    end = time.monotonic() + seconds - max(0.0, time.time() - asked)
    while time.monotonic() < end:
        left = reachability.skipped_hosts()
        if all(job.checked >= asked or job.host in left for job in sessions.open_jobs(session, project)):
            return
        time.sleep(0.03)


def match_states(
    jobs: Sequence[Submitted], queue: Queue, known: Set[Identity], now: float
) -> tuple[list[tuple[Submitted, JobState | None]], set[int]]:
    """Return `jobs` with their states in `queue` (None: not in it), and the numbers of submissions that only stood for other jobs.

    A submission without an id stands for the jobs of its key that are not in `known`. A text that was submitted several times has several.
    """
    there = {identity(state): state for state in queue.states if state.key}
    free = {one: state for one, state in there.items() if one not in known}
    found: list[tuple[Submitted, JobState | None]] = []
    served: set[int] = set()
    for job in jobs:
        if job.id:
            state = there.get(job.identity)
            if state is None:  # it may have been started again by hand, which makes it another task of the same key
                named = [one for one in free.values() if one.key == job.key]
                # Slurm may forget when a job was created; the job keeps its id.
                state = max(named, key=lambda one: (one.id == job.id, epoch(one)), default=None)
                free = {one: other for one, other in free.items() if other is not state}
            found.append((job, state))
    waiting = sorted([job for job in jobs if not job.id], key=lambda job: job.submitted)
    for own in (True, False):  # a loop's turns have its key and a number; another job's key may look like that
        for key in dict.fromkeys([job.key for job in waiting if job.number not in served]):
            group = [job for job in waiting if job.key == key and job.number not in served]
            if not own and any(state.key == key for state in there.values()):
                continue
            made = sorted(
                [
                    state
                    for state in free.values()
                    if (state.key == key if own else (state.key or "").startswith(f"{key}-"))
                    and epoch(state) >= group[0].submitted - CLOCK_TOLERANCE_S
                ],
                key=epoch,
            )
            for i, job in enumerate(group):
                mine = made[i : i + 1]
                if job is group[-1]:  # what was made later is for the submission that is about to be noted
                    mine += [one for one in made[i + 1 :] if not own or epoch(one) <= job.submitted]
                for state in mine:
                    del free[identity(state)]
                    found.append((job_of(job, state), state))
                served |= {job.number} if mine else set()
    for job in waiting:
        if job.number in served:
            continue
        if not 0 <= now - job.submitted < LOST_AFTER_S and any(of_key(job, one) for one in known):
            served.add(job.number)  # all that came of it is known by other submissions
        else:
            found.append((job, None))
    return found, served


def identity(state: JobState) -> Identity:
    return state.key or "", state.id, state.created


def of_key(job: Submitted, one: Identity) -> bool:
    """Return whether a known job belongs to a submission of this key at that time."""
    key, _, created = one
    recent = not created or dt.datetime.fromisoformat(created).timestamp() >= job.submitted - CLOCK_TOLERANCE_S
    return recent and (key == job.key or key.startswith(f"{job.key}-"))


def epoch(state: JobState) -> float:
    """Return when a job was created, in seconds since the epoch, by its host's clock."""
    return dt.datetime.fromisoformat(state.created).timestamp() if state.created else 0.0


def job_of(submission: Submitted, state: JobState) -> Submitted:
    """Return the job that a submission produced, as a separate row."""
    return submission._replace(
        number=0,
        key=state.key or "",
        id=state.id,
        created=state.created,
        label=masked(state.label or ""),
        group=state.group,
    )


def with_state(job: Submitted, state: JobState | None, tail: bytes, now: float) -> Submitted:
    """Return `job` with what its queue answered at `now` (seconds since the epoch); `tail` is the end of its output."""
    if state is None:
        waited = 0 <= now - job.submitted < LOST_AFTER_S and not job.id
        return job._replace(checked=now, state="open" if waited else "lost", ended="" if waited else stamp(now))
    if state.status != "done":
        return job._replace(id=state.id, created=state.created, checked=now)
    took = None
    if state.started and state.ended and state.result not in ("dependency", "spawn"):
        took = (dt.datetime.fromisoformat(state.ended) - dt.datetime.fromisoformat(state.started)).total_seconds()
    return job._replace(
        id=state.id,
        created=state.created,
        state=state.result or "unknown",
        exit_code=outcome.exit_code(state) if state.result in ("success", "failed", "killed") else None,
        seconds=None if took is None else max(0.0, took),
        tail=visible_tail(tail),
        ended=state.ended or stamp(now),
        checked=now,
    )


def stamp(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat()


def visible_tail(output: bytes) -> str:
    """Return the last lines of an output, without control characters and secrets."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n")
    # What a carriage return wrote over (a progress bar) was not left standing.
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n") if line.strip()]
    shown = [printable.safe(line) for line in lines[-TAIL_LINES:]]
    return masked("\n".join([line if len(line) <= 300 else line[:297] + "..." for line in shown]))


def describe_job(job: Submitted) -> str:
    """Return one line about a job's outcome."""
    if job.state == "lost" and not job.id:
        return f"{job.name} was never seen in its queue, so it may not have been queued: {short_command(job.command)}"
    how = outcome.predicate(job.state, job.exit_code)
    took = f" after {printable.duration(job.seconds)}" if job.seconds is not None else ""
    label = f" ({short_label(job.label)})" if job.label else ""
    return f"{job.name}{label} {how}{took}: {short_command(job.command)}"


def short_command(command: str) -> str:
    return printable.line(" ".join(masked(command).split()), 100)


def short_label(label: str) -> str:
    """Return a job's label without control characters and secrets."""
    return printable.line(masked(label), 60)


def describe_in_one_line(job: Submitted) -> str:
    """Return a job's outcome and the end of its output, in one line of at most 1,000 characters."""
    last = " ⏎ ".join(job.tail.split("\n")[-4:])
    text = f"pueue-skill: {describe_job(job)}" + (f" — {last}" if last else "")
    return text if len(text) <= 1000 else text[:997] + "..."


def notification_of(jobs: list[Submitted]) -> str:
    """Return the notification of ended jobs, failures first; at most MAX_NOTICE_CHARS characters."""
    ordered = sorted(jobs, key=lambda job: job.state == "success")
    head = (
        f"pueue-skill: {len(jobs)} queued jobs have ended.\n"
        if len(jobs) > 1
        else "pueue-skill: a queued job has ended.\n"
    )
    foot = ""
    if any(job.state not in ("success", "lost") for job in jobs):
        foot = "All of its output: pueue-skill log HOST:ID\n"
    room = MAX_NOTICE_CHARS - len(head) - len(foot)
    parts: list[str] = []
    for i, job in enumerate(ordered):
        rest = len(ordered) - i - 1
        more = f"and {rest + 1} more: pueue-skill status\n"
        part = f"- {describe_job(job)}\n"
        if len(part) > room - (len(more) if rest else 0):
            parts.append(more)
            break
        parts.append(part)
        room -= len(part)
    # What room is left goes to the last lines of output, of failures first.
    for i, job in enumerate(ordered[: len(parts)]):
        tail = job.tail if parts[i].startswith("- ") else ""
        if job.state == "success":
            tail = tail.rpartition("\n")[2]
        shown = "".join([f"    {line}\n" for line in tail.split("\n") if line])
        while shown and len(shown) > room:
            shown = shown.partition("\n")[2]
        parts[i] += shown
        room -= len(shown)
    return head + "".join(parts) + foot


def has_open_jobs(session: str, project: str) -> bool:
    """Return whether the session has open jobs, and set or remove its marker accordingly."""
    if sessions.open_jobs(session, project):
        sessions.set_marker(session)
        return True
    sessions.remove_marker(session)
    return False


def watch(hosts: Mapping[str, Host], session: str, project: str) -> Iterator[list[Submitted]]:
    """Yield the claimed jobs of a session as they end; stop when none is open.

    Confirm each list once it is passed on. Hosts that do not answer are asked again. Raises sqlite3.Error, OSError.
    """
    rounds = 0
    while client_is_running():
        there = sessions.open_jobs(session, project)
        refresh(hosts, there)
        ended = sessions.claim(session, project)
        if ended:
            yield ended
        if not has_open_jobs(session, project):
            return
        rounds += 1
        time.sleep(pause_s(rounds, 2.0, 30.0, 1.05))


def client_is_running() -> bool:
    """Return whether the session's client still runs, as far as that is known."""
    pid = os.environ.get("CLAUDE_PID", "")
    return not pid.isdigit() or sessions.process_exists(int(pid))


def names(jobs: Iterable[Submitted]) -> str:
    return ", ".join([job.name + (f" ({short_label(job.label)})" if job.label else "") for job in jobs])
