"""Runs a job for `run` and `ssh`: a job in, submitted and followed; the command's exit code out."""

from __future__ import annotations

import argparse
import os
import sys
import time

from pueue_skill.cli import follower, records
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, note, say
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.cli.caller import Sigterm
    from pueue_skill.jobs.submission import Queued
    from pueue_skill.plan.model import Job
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host
    from pueue_skill.state.sessions import Submitted


class JobRun(NamedTuple):
    """A job in the queue of `host`, the options of the command that submitted it, and its record (None: no agent submitted it)."""

    options: argparse.Namespace
    host: Host
    queued: Queued
    record: Submitted | None

    @property
    def name(self) -> str:
        return f"{self.host.name}:{self.queued.state.id}"

    @property
    def follow_command(self) -> str:
        return f"pueue-skill log --follow {self.name}"


def run_job(
    options: argparse.Namespace,
    job: Job,
    host: Host,
    wait_s: float | None,
    env: dict[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Submit `job` and follow it for at most `wait_s` seconds (None: until it ends).

    Returns the job's exit code, or ExitCode.STILL_RUNS after `wait_s` (0 with --or-detach). Raises NotSubmitted, Unreachable.
    """
    from pueue_skill.cli import caller

    max_stdin_bytes = shared.stdin_limit(options)
    job = job._replace(
        key=options.key or os.urandom(6).hex(),
        group=options.group or job.group,
        label=options.label or job.label,
        stdin=options.stdin,
        split_output=options.split_output,
    )
    if options.key:
        refuse_key_of_another_host(options.key, host)
    record = records.create(job, host, cwd)
    sigterm = caller.Sigterm()
    queued = submit(job, host, env, cwd, record, sigterm, max_stdin_bytes)
    if isinstance(queued, int):
        return queued
    run = JobRun(options, host, queued, record)
    record_queued(run)
    print_notes(run)
    if options.detach:
        return print_name(run)
    return follow(run, wait_s, sigterm)


def submit(
    job: Job,
    host: Host,
    env: dict[str, str] | None,
    cwd: str | None,
    record: Submitted | None,
    sigterm: Sigterm,
    max_stdin_bytes: int,
) -> Queued | int:
    """Submit `job` with this process's stdin, if it takes that; return an exit code if it was not queued, or if the user interrupted that.

    Raises NotSubmitted, Unreachable.
    """
    from pueue_skill.cli import caller
    from pueue_skill.jobs import submission

    if job.stdin and sys.stdin and sys.stdin.isatty():
        note("reading the job's stdin from the terminal; Ctrl-D ends it")
    stdin = caller.read_stdin(max_stdin_bytes, sigterm) if job.stdin else None
    try:
        return submission.submit(job, host, env, cwd, stdin, note)
    except caller.Terminated:
        records.discard(record)
        return failed(ExitCode.TERMINATED, "not queued: terminated while stdin was being read")
    except ValueError as error:
        records.discard(record)
        return failed(ExitCode.NOT_RUN, f"not queued: {error}")
    except submission.NotSubmitted:
        records.discard(record)
        raise
    except KeyboardInterrupt:
        return failed(ExitCode.INTERRUPTED, submission.outcome_unknown("interrupted before the queue answered", job))


def record_queued(run: JobRun) -> None:
    """Record the job in the database: the host of a key that the user chose, and what an agent's session submitted."""
    state, key = run.queued.state, run.options.key
    if key:
        from pueue_skill.state import sessions

        records.try_write(lambda: sessions.record_key(key, run.host))
    if run.record:
        from pueue_skill.shell.secrets import masked
        from pueue_skill.state import sessions

        label = masked(state.label or "")
        record = run.record._replace(id=state.id, created=state.created, label=label, group=state.group)
        records.try_write(lambda: sessions.record_queued(record))


def print_notes(run: JobRun) -> None:
    """Print whether the job was queued before, and whether its group is paused."""
    from pueue_skill.jobs import submission

    state = run.queued.state
    if not run.queued.new:
        note(f"already queued as {run.name}, which {submission.describe_state(state)}")
    if run.queued.group and state.status != "done":
        follower.warn_of_paused_group(run.queued.group, run.name, run.host)


def follow(run: JobRun, wait_s: float | None, sigterm: Sigterm) -> int:
    """Follow the job for at most `wait_s` seconds; return the exit code of the command."""
    from pueue_skill.cli import caller, streams
    from pueue_skill.hosts import client

    last = run.queued.state
    started = time.monotonic()
    if streams.closed:
        say(f"stdout is closed; the output of {run.name}: pueue-skill log {run.name}")
    try:
        sigterm.release()
        for state in follower.copy_output(last, run.host, run.name, to_stderr=run.options.json):
            last = state or last
            if last.status != "done" and wait_s is not None and time.monotonic() - started >= wait_s:
                break
    except caller.Terminated:
        return withdraw(run, last)
    except KeyboardInterrupt:
        print_json(run, last)
        return failed(ExitCode.INTERRUPTED, f"interrupted; {run.name} continues. Follow it with: {run.follow_command}")
    except BrokenPipeError:
        if run.options.name == "ssh":  # ssh prints nothing either
            return ExitCode.NOT_READ
        return failed(
            ExitCode.NOT_READ,
            f"the reader of stdout is gone; {run.name} continues. Follow it with: {run.follow_command}",
        )
    except client.Unreachable as error:
        print_json(run, last)
        return failed(ExitCode.NOT_RUN, f"the outcome of {run.name} is not known: {error}\nTry: {run.follow_command}")
    print_json(run, last)
    if last.status != "done":
        # A warning, not a note: exit code 75 alone does not say which job continues.
        (note if run.options.or_detach else say)(
            f"{run.name} is still {last.status}; follow it with: {run.follow_command}"
        )
        return ExitCode.DONE if run.options.or_detach else ExitCode.STILL_RUNS
    return exit_code(run, last, wait_s)


def exit_code(run: JobRun, last: JobState, wait_s: float | None) -> int:
    """Return the exit code of an ended job; print a note if the code could also be one of this command's own."""
    code = follower.exit_code(run.name, last, run.host)
    # ssh prints nothing in this case.
    ambiguous = (code == ExitCode.STILL_RUNS and wait_s is not None) or (
        code == ExitCode.NOT_RUN and run.options.name == "run"
    )
    if ambiguous and last.result == "failed":
        note(f"{run.name} ended: {code} is its own exit code")
    return code


def withdraw(run: JobRun, state: JobState) -> int:
    """Remove the job from the queue unless it has started, after SIGTERM; return the exit code of the command.

    A job that was queued before this command stays: another caller may need it.
    """
    from pueue_skill.hosts import client
    from pueue_skill.jobs import actions as job_actions
    from pueue_skill.state import sessions

    try:
        if run.queued.new and state.status in ("queued", "stashed") and job_actions.withdraw(run.host, state):
            if run.record:
                records.try_write(lambda: sessions.forget_withdrawn(run.host.name, state))
            print_json(run, state._replace(status="done", result="killed"))
            return failed(ExitCode.TERMINATED, f"terminated: {run.name} had not started and was removed from the queue")
    except client.Unreachable as error:
        say(str(error))
    print_json(run, state)
    return failed(ExitCode.TERMINATED, f"terminated; {run.name} continues. Follow it with: {run.follow_command}")


def print_name(run: JobRun) -> int:
    """Print the name of a queued job; if stdout cannot be written, print it on stderr."""
    from pueue_skill.cli import streams

    if run.options.json:
        print_json(run, run.queued.state)
    else:
        print(run.name)
    if streams.closed or streams.failure():
        say(f"{run.name} is queued, but its name could not be written to stdout")
    return ExitCode.DONE


def print_json(run: JobRun, state: JobState) -> None:
    """Print the job with its last known state, with --json."""
    if run.options.json:
        import json

        from pueue_skill.views import documents

        print(json.dumps(documents.run(run.host, state, new=run.queued.new), indent=2))


def refuse_key_of_another_host(key: str, host: Host) -> None:
    """Raise NotSubmitted if the last job submitted from this machine with `key` is on another host."""
    import sqlite3

    from pueue_skill.hosts import client
    from pueue_skill.jobs import select, submission
    from pueue_skill.state import database, sessions

    try:
        other = sessions.host_of_key(key)
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; whether a job on another host has the key {key} is not known")
        return
    if other is None or other.name == host.name:
        return
    try:
        jobs = select.with_label_or_key(key, {other.name: client.fetch_queue(other)})
    except client.Unreachable as error:
        raise submission.NotSubmitted(
            f"a job with the key {key} was submitted to {other.name}, which does not answer: {error}\nTry: another --key"
        ) from None
    existing = next((state for _, state in jobs if state.key == key), None)
    if existing:
        name = f"{other.name}:{existing.id}"
        raise submission.NotSubmitted(
            submission.key_in_use(key, name, existing, [f"is on {other.name}, not {host.name}"])
        )
