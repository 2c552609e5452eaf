"""Outcomes of the jobs that sessions submitted: the database and the queues in, notifications for a session out.

A session is notified of the jobs that it submitted, and of other jobs of its project that no session was notified of. A reader (a hook, the
monitor, a later session) claims jobs, delivers the notification and confirms; the next reader delivers what a dead process had claimed.
Only `refresh` asks queues; it knows nothing of sessions.
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
"""The longest notification, in characters."""

TAIL_BYTES = 2_000
"""How much of the end of a job's output is stored."""

CLOCK_TOLERANCE_S = 3600.0
"""How wrong a host's clock may be, and how long a submitting command may continue after its submission is recorded."""

TAIL_LINES = 8
"""How many lines of the end of a job's output a notification has."""

ANSWER_TIMEOUT_S = 10.0
"""How long a host may take for an answer that no user waits for."""

LOST_AFTER_S = 120.0
"""How long a job that was never seen in its queue is expected there, as its submission may be in progress; then it counts as lost."""


def refresh(hosts: Mapping[str, Host], jobs: list[Submitted], limit: float = client.ANSWER_TIMEOUT_S) -> dict[str, str]:
    """Ask the queues of `jobs` for their states, and record these; return the hosts that did not answer, with the reason.

    All hosts are asked at the same time, for at most `limit` seconds; a host that recently timed out is skipped. Raises sqlite3.Error and
    OSError if the states cannot be recorded.
    """
    by_host: dict[str, list[Submitted]] = {}
    for job in jobs:
        by_host.setdefault(job.host, []).append(job)

    def ask(name: str) -> tuple[list[Submitted], set[int]]:
        of_host = by_host[name]
        host = hosts.get(name) or Host(name, of_host[0].ssh, of_host[0].pueue, of_host[0].backend)
        asked = time.time()
        queue = client.fetch_queue(host, limit)
        matches, served = match_states(of_host, queue, sessions.known_jobs(name), asked)
        ended = [state for _, state in matches if state and state.status == "done"]
        tails = client.fetch_tails(host, ended, TAIL_BYTES)
        updated = [with_state(job, state, tails.get(state.id if state else "", b""), asked) for job, state in matches]
        return updated, served

    answers = dict(poll.ask_all(list(by_host), ask))
    for answer in answers.values():
        if not isinstance(answer, client.Unreachable):
            sessions.record_states(*answer)
    return {name: str(answer) for name, answer in answers.items() if isinstance(answer, client.Unreachable)}


def refresh_in_background() -> float:
    """Start a process that asks the queues of all open jobs; return the time before that, in seconds since the epoch."""
    now = time.time()
    transport.start_detached([sys.executable, "-I", "-c", REFRESH, str(Path(__file__).parent.parent.parent), *sys.path])
    return now


REFRESH = "import sys; sys.path[:0] = sys.argv[1:]; from pueue_skill.jobs.news import main; main()"


def main() -> None:
    """Refresh all open jobs, in the process that refresh_in_background starts.

    While one such process runs, a second one waits for it; further ones end at once, because the second serves them too.
    """
    from pueue_skill.configuration import settings

    folder = Path(paths.data())
    with (folder / "asks-next").open("w") as waiting, (folder / "asking").open("w") as running:
        try:
            fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        fcntl.flock(running, fcntl.LOCK_EX)
        fcntl.flock(waiting, fcntl.LOCK_UN)
        refresh(settings.current().hosts, sessions.open_jobs(), ANSWER_TIMEOUT_S)


def wait_for(session: str, project: str, asked: float, seconds: float) -> None:
    """Wait until the queues of a session's open jobs have answered or are skipped, for at most `seconds`.

    Only answers to queries made at `asked` (seconds since the epoch) or later count: a job may have ended since an earlier one.
    """
    end = time.monotonic() + seconds - max(0.0, time.time() - asked)
    while time.monotonic() < end:
        skipped = reachability.skipped_hosts()
        if all(job.checked >= asked or job.host in skipped for job in sessions.open_jobs(session, project)):
            return
        time.sleep(0.03)


def match_states(
    jobs: Sequence[Submitted], queue: Queue, known: Set[Identity], now: float
) -> tuple[list[tuple[Submitted, JobState | None]], set[int]]:
    """Return `jobs` with their states in `queue` (None: not in it), and the numbers of submissions that were replaced by their jobs.

    A submission without an id is replaced by the jobs of its key that are not in `known`; a text that was submitted several times has
    several. `now` is in seconds since the epoch.
    """
    in_queue = {identity(state): state for state in queue.states if state.key}
    free = {name: state for name, state in in_queue.items() if name not in known}
    matches: list[tuple[Submitted, JobState | None]] = []
    for job in jobs:
        if job.id:
            state = in_queue.get(job.identity)
            if state is None:  # pueue's own `restart` makes another task with the same key
                same_key = [other for other in free.values() if other.key == job.key]
                # Slurm may forget when a job was created, but the job keeps its id.
                state = max(same_key, key=lambda other: (other.id == job.id, epoch(other)), default=None)
                if state:
                    del free[identity(state)]
            matches.append((job, state))
    waiting = sorted([job for job in jobs if not job.id], key=lambda job: job.submitted)
    claimed = claim_states(waiting, {state.key for state in in_queue.values()}, free)
    matches += [(job_of(job, state), state) for job, state in claimed]
    served = {job.number for job, _ in claimed}
    for job in waiting:
        if job.number in served:
            continue
        if not 0 <= now - job.submitted < LOST_AFTER_S and any(of_key(job, name) for name in known):
            served.add(job.number)  # other submissions have all jobs that it made
        else:
            matches.append((job, None))
    return matches, served


def claim_states(
    waiting: Sequence[Submitted], keys: Set[str | None], free: dict[Identity, JobState]
) -> list[tuple[Submitted, JobState]]:
    """Return the states that submissions without an id made, and remove these from `free`. `keys` are those of all jobs in the queue."""
    claimed: list[tuple[Submitted, JobState]] = []
    served: set[int] = set()
    for exact in (True, False):  # the jobs of a loop have its key and a number, but so may another job's key
        for key in dict.fromkeys([job.key for job in waiting if job.number not in served]):
            same_key = [job for job in waiting if job.key == key and job.number not in served]
            if not exact and key in keys:
                continue
            earliest = same_key[0].submitted - CLOCK_TOLERANCE_S
            made = [
                state
                for state in free.values()
                if (state.key == key if exact else (state.key or "").startswith(f"{key}-")) and epoch(state) >= earliest
            ]
            for job, state in distribute(sorted(made, key=epoch), same_key, exact):
                del free[identity(state)]
                claimed.append((job, state))
                served.add(job.number)
    return claimed


def distribute(
    states: Sequence[JobState], submissions: Sequence[Submitted], exact: bool
) -> Iterator[tuple[Submitted, JobState]]:
    """Yield each state with the submission that made it; both are ordered by time. The last submission gets the remaining states.

    With `exact`, it gets none that were created after it: these belong to a submission that is not recorded yet.
    """
    yield from zip(submissions, states, strict=False)
    last = submissions[-1]
    for state in states[len(submissions) :]:
        if not exact or epoch(state) <= last.submitted:
            yield last, state


def identity(state: JobState) -> Identity:
    return state.key or "", state.id, state.created


def of_key(job: Submitted, name: Identity) -> bool:
    """Return whether a known job may come from a submission, by its key and time."""
    key, _, created = name
    recent = not created or dt.datetime.fromisoformat(created).timestamp() >= job.submitted - CLOCK_TOLERANCE_S
    return recent and (key == job.key or key.startswith(f"{job.key}-"))


def epoch(state: JobState) -> float:
    """Return when a job was created, in seconds since the epoch by its host's clock; 0 if unknown."""
    return dt.datetime.fromisoformat(state.created).timestamp() if state.created else 0.0


def job_of(submission: Submitted, state: JobState) -> Submitted:
    """Return a job that a submission made, as a separate record."""
    return submission._replace(
        number=0,
        key=state.key or "",
        id=state.id,
        created=state.created,
        label=masked(state.label or ""),
        group=state.group,
    )


def with_state(job: Submitted, state: JobState | None, tail: bytes, now: float) -> Submitted:
    """Return `job` with its state in the queue at `now` (seconds since the epoch); `tail` is the end of its output."""
    if state is None:
        expected = 0 <= now - job.submitted < LOST_AFTER_S and not job.id
        return job._replace(checked=now, state="open" if expected else "lost", ended="" if expected else stamp(now))
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
    # Of a line with carriage returns (a progress bar), a terminal shows the last part.
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n") if line.strip()]
    shown = [printable.safe(line) for line in lines[-TAIL_LINES:]]
    return masked("\n".join([line if len(line) <= 300 else line[:297] + "..." for line in shown]))


def describe_job(job: Submitted) -> str:
    """Return one line about a job's outcome."""
    if job.state == "lost" and not job.id:
        return f"{job.name} was never seen in its queue, so it may not have been queued: {short_command(job.command)}"
    ended = outcome.predicate(job.state, job.exit_code)
    took = f" after {printable.duration(job.seconds)}" if job.seconds is not None else ""
    label = f" ({short_label(job.label)})" if job.label else ""
    return f"{job.name}{label} {ended}{took}: {short_command(job.command)}"


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
    """Return the notification of ended jobs, failed jobs first; at most MAX_NOTICE_CHARS characters."""
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
        following = len(ordered) - i - 1
        more = f"and {following + 1} more: pueue-skill status\n"
        part = f"- {describe_job(job)}\n"
        if len(part) > room - (len(more) if following else 0):
            parts.append(more)
            break
        parts.append(part)
        room -= len(part)
    # The remaining room is for the last lines of output, those of failed jobs first.
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
    """Return whether the session has open jobs, and set or remove its marker file accordingly."""
    if sessions.open_jobs(session, project):
        sessions.set_marker(session)
        return True
    sessions.remove_marker(session)
    return False


def watch(hosts: Mapping[str, Host], session: str, project: str) -> Iterator[list[Submitted]]:
    """Claim the jobs of a session as they end, and yield them; return once none is open.

    The caller confirms each list after delivering it. Hosts that do not answer are asked again. Raises sqlite3.Error, OSError.
    """
    rounds = 0
    while client_is_running():
        refresh(hosts, sessions.open_jobs(session, project))
        ended = sessions.claim(session, project)
        if ended:
            yield ended
        if not has_open_jobs(session, project):
            return
        rounds += 1
        time.sleep(pause_s(rounds, 2.0, 30.0, 1.05))


def client_is_running() -> bool:
    """Return whether the session's agent still runs; true if that is unknown."""
    pid = os.environ.get("CLAUDE_PID", "")
    return not pid.isdigit() or sessions.process_exists(int(pid))


def names(jobs: Iterable[Submitted]) -> str:
    return ", ".join([job.name + (f" ({short_label(job.label)})" if job.label else "") for job in jobs])
