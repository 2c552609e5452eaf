"""Submits jobs: a Job and its host in, the queued job out, exactly once for each key.

It prints nothing and reads no configuration. If the result of a submission is unknown, the error says so, and gives a command that is
safe to run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from pueue_skill.hosts import transport
from pueue_skill.hosts.client import (
    ANSWER_TIMEOUT_S,
    EXIT_QUEUE_DOWN,
    MIN_BYTES_PER_S,
    RETRIES,
    TURNED_AWAY,
    NoConnection,
    Unreachable,
    explain_failure,
    fetch_queue,
    first_line,
    is_waiting,
    stderr_of,
)
from pueue_skill.jobs import select
from pueue_skill.plan.model import Job
from pueue_skill.queues import outcome
from pueue_skill.queues.model import Group, JobState
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import ADDS, end_mark
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.errors import UsageError
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


class NotSubmitted(Exception):
    """The job is not in the queue."""


class Queued(NamedTuple):
    """A job in the queue; `new` is false if a job with its key existed before this submission."""

    state: JobState
    new: bool
    group: Group | None


def submit(
    job: Job,
    host: Host,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    stdin: Iterable[bytes] | None = None,
    notice: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Queued:
    """Submit `job` to the queue of `host`, unless that has a job with its key.

    `env` and `cwd` are those of the submitting process; a queue on this machine passes them to the job. `stdin` is sent once, as it arrives.
    A submission that failed before the job was sent, or whose answer was cut off, is retried after a `sleep` of seconds; the same key is never
    submitted twice. `notice` gets a line for each retry, and while the submission waits for others, which has no timeout.

    Raises NotSubmitted if the job is certainly not in the queue, NoConnection, Unreachable.
    """
    kind = KINDS[job.backend]
    script = kind.submit_script(job, host)
    limit = ANSWER_TIMEOUT_S + len(script) // MIN_BYTES_PER_S
    sent = False

    def heard(output: bytes) -> bool:
        return is_waiting(output, notice)

    for attempt in range(1, RETRIES + 2):
        try:
            if stdin is None:
                done = transport.run(host, script, timeout=limit, env=env, cwd=cwd, on_output=heard)
            else:
                # stdin can be sent only once: a retry only asks whether the job is in the queue.
                given = chain(stdin, [end_mark(job.key)]) if attempt == 1 else ()
                done = transport.feed(host, script, given, timeout=limit, env=env, cwd=cwd, on_output=heard)
            answer = kind.read_submission(done.text, job)
        except transport.Timeout as error:
            if host.ssh or sent or ADDS.encode() in error.stdout:
                raise Unreachable(outcome_unknown(str(error), job)) from None
            raise NotSubmitted(str(error)) from None
        except ValueError:
            sent = sent or ADDS.encode() in done.stdout
            if attempt <= retries(done, sent, stdin is not None):
                notice(f"{first_line(explain_failure(host, done))}; trying again")
                sleep(
                    pause_s(attempt) * (0.5 + os.getpid() % 16 / 16)
                )  # so that clients refused at the same time do not retry at the same time
                continue
            if sent:
                raise Unreachable(outcome_unknown(explain_failure(host, done), job)) from None
            raise (NoConnection if done.code == transport.SSH_FAILED else NotSubmitted)(
                explain_failure(host, done)
            ) from None
        if answer.state is None:
            raise NotSubmitted(kind.with_advice(stderr_of(done), host) or answer.error)
        if answer.differs:
            raise NotSubmitted(key_in_use(job.key, f"{host.name}:{answer.state.id}", answer.state, answer.differs))
        # Once the host has begun to submit it, a job that a retry finds is this job.
        return Queued(answer.state, answer.new or sent, answer.group)
    raise AssertionError("unreachable")


def key_in_use(key: str, name: str, state: JobState, differs: Sequence[str]) -> str:
    """Return why a key cannot be used for another job."""
    return (
        f"the key {key} belongs to {name}, which {describe_state(state)}; it {', '.join(differs)}\n"
        f"Try: pueue-skill log {name}, or another --key"
    )


def describe_state(state: JobState) -> str:
    """Return the job's status or outcome, as the end of a sentence."""
    if state.status != "done":
        return f"is {state.status}"
    import datetime as dt

    when = f" at {dt.datetime.fromisoformat(state.ended).astimezone():%Y-%m-%d %H:%M:%S}" if state.ended else ""
    return f"ended{when} ({outcome.adjective(state.result, state.exit_code)})"


def retries(done: transport.Done, sent: bool, fed: bool) -> int:
    """Return how many times to retry a submission that got no answer. `fed`: stdin was sent with it."""
    if sent or (done.code == transport.SSH_FAILED and TURNED_AWAY.search(stderr_of(done))):
        return RETRIES
    if done.code == transport.SSH_FAILED:
        return 1
    return 3 if done.code == EXIT_QUEUE_DOWN and not fed else 0  # restarting a daemon takes seconds


def outcome_unknown(why: str, job: Job) -> str:
    return f"{why}\nIt is unknown whether the job was queued. Try: the same command with --key {job.key}, which queues it only once"


def dependencies(names: Sequence[str], host: Host, hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """Return the ids of the jobs of `host` that `names` mean, for the `after` of a job there. Raises NotSubmitted, Unreachable."""
    if not names:
        return ()
    for name in names:
        other = select.host_of(name, hosts)
        if other and other != host.name:
            raise NotSubmitted(
                f"--after {name}: a job of {host.name} can only depend on jobs of {host.name}, and {name} is a job of "
                f"{other}{f' (a bare id always is; write {host.name}:{name})' if select.is_id(name) else ''}"
                f"\nTry: pueue-skill wait {quote.word(name)}, then the same run without --after {quote.word(name)}"
            )
    queue = fetch_queue(host)
    try:
        jobs = [select.jobs_named(name, {host.name: queue}).meant for name in names]
    except UsageError as error:
        raise NotSubmitted(f"--after {error}") from None
    for name, job in zip(names, jobs, strict=True):
        if job is None:
            raise NotSubmitted(
                f"--after {name}: {host.name} has no job of that name{select.suggest_similar(name, {host.name: queue})}"
                f"\nTry: pueue-skill status {host.name}"
            )
    return tuple(dict.fromkeys([state.id for _, state in filter(None, jobs)]))
