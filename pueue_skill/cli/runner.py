"""What `run` and `ssh` share: a job in, submitted and followed; the command's exit code out."""

from __future__ import annotations

import argparse
import os
import sys
import time

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.cli.follower import ended, followed, say_of_group
from pueue_skill.cli.records import forget_about, noted, remembered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.model import Job
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host
    from pueue_skill.state.sessions import Submitted


def submitted(
    options: argparse.Namespace,
    job: Job,
    host: Host,
    limit: float | None,
    env: dict[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Submits `job` and follows it for at most `limit` seconds.

    Returns the job's exit code, or ExitCode.GOES_ON when the time ran out first (0 with --detach or --or-detach). Raises Unreachable.
    """
    from pueue_skill.cli import caller, streams
    from pueue_skill.hosts import client
    from pueue_skill.jobs import submission

    limit_bytes = shared.stdin_limit(options)
    job = job._replace(
        key=options.key or os.urandom(6).hex(),
        group=options.group or job.group,
        label=options.label or job.label,
        stdin=options.stdin,
        split_output=options.split_output,
    )
    if options.key:
        not_elsewhere(options.key, host)
    entry = noted(job, host, cwd)
    term = caller.OnTerm()
    if options.stdin and sys.stdin and sys.stdin.isatty():
        say("reading the terminal for the job's standard input, until Ctrl-D")
    given = caller.standard_input(limit_bytes, term) if options.stdin else None
    try:
        queued = submission.submit(job, host, env, cwd, given, say)
    except caller.Terminated:
        forget_about(entry)
        return failed(ExitCode.TERMINATED, "not queued: terminated while standard input was on its way")
    except ValueError as error:
        forget_about(entry)
        return failed(ExitCode.NOT_RUN, f"not queued: {error}")
    except submission.NotSubmitted:
        forget_about(entry)
        raise
    except KeyboardInterrupt:
        return failed(
            ExitCode.INTERRUPTED,
            f"interrupted before the queue had answered. Try: pueue-skill status, to see whether {job.key} is there",
        )
    state = queued.state
    if options.key:
        from pueue_skill.state import sessions

        remembered(lambda: sessions.record_key(options.key, host))
    if entry:
        from pueue_skill.shell.secrets import masked
        from pueue_skill.state import sessions

        label = masked(state.label or "")
        queued_as = entry._replace(id=state.id, created=state.created, label=label, group=state.group)
        remembered(lambda: sessions.record_queued(queued_as))
    name = f"{host.name}:{state.id}"
    if not queued.new:
        say(f"already queued as {name}, which {submission.describe_state(state)}")
    if queued.group and state.status != "done":
        say_of_group(queued.group, name, host)
    if options.detach:
        return announced(name)
    if streams.closed:
        say(f"stdout is closed: the output of {name} is in the queue, see pueue-skill log {name}")
    last = state
    started = time.monotonic()
    try:
        term.release()
        for now in followed(state, host, name):
            last = now or last
            if last.status != "done" and limit is not None and time.monotonic() - started >= limit:
                break
    except caller.Terminated:
        return taken_back(entry, last, host, queued.new)
    except KeyboardInterrupt:
        return failed(
            ExitCode.INTERRUPTED, f"{name} goes on without you; follow it with: pueue-skill log --follow {name}"
        )
    except BrokenPipeError:
        if options.name == "ssh":  # which says nothing of it either
            return ExitCode.NOT_READ
        return failed(ExitCode.NOT_READ, f"nobody reads the output of {name}; see pueue-skill log --follow {name}")
    except client.Unreachable as error:
        return failed(
            ExitCode.NOT_RUN,
            f"what became of {name} is not known: {error}\nAsk again with: pueue-skill log --follow {name}",
        )
    if last.status != "done":
        say(f"{name} is {last.status} and goes on; follow it with: pueue-skill log --follow {name}")
        return ExitCode.DONE if options.or_detach else ExitCode.GOES_ON
    code = ended(name, last, host)
    # Only where the code could be ours; `ssh` says no more than ssh does.
    ambiguous = (code == ExitCode.GOES_ON and limit is not None) or (code == ExitCode.NOT_RUN and options.name == "run")
    if ambiguous and last.result == "failed":
        say(f"{name} has ended: {code} is its own exit code")
    return code


def taken_back(entry: Submitted | None, state: JobState, host: Host, new: bool) -> int:
    """The exit code after SIGTERM. Takes the job out of the queue unless it has started; only a `new` one: another caller may want it."""
    from pueue_skill.hosts import client
    from pueue_skill.jobs import actions as job_actions
    from pueue_skill.state import sessions

    name = f"{host.name}:{state.id}"
    try:
        if new and state.status in ("queued", "stashed") and job_actions.withdraw(host, state):
            if entry:
                remembered(lambda: sessions.forget_withdrawn(host.name, state))
            return failed(ExitCode.TERMINATED, f"terminated: {name} had not started, and is taken out of the queue")
    except client.Unreachable as error:
        say(str(error))
    return failed(ExitCode.TERMINATED, f"terminated: {name} goes on; follow it with: pueue-skill log --follow {name}")


def announced(name: str) -> int:
    """Prints the name of a job that was queued; says it where stdout does not take it."""
    from pueue_skill.cli import streams

    print(name)
    if streams.closed or streams.failure():
        say(f"{name} is queued, and stdout did not take its name")
    return ExitCode.DONE


def not_elsewhere(key: str, host: Host) -> None:
    """Raises NotSubmitted when the last job that was submitted from here under `key` is on another host."""
    import sqlite3

    from pueue_skill.hosts import client
    from pueue_skill.jobs import select, submission
    from pueue_skill.state import database, sessions

    try:
        other = sessions.host_of_key(key)
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; whether {key} is the key of a job on another host is not known")
        return
    if other is None or other.name == host.name:
        return
    try:
        there = select.with_label_or_key(key, {other.name: client.fetch_queue(other)})
    except client.Unreachable as error:
        raise submission.NotSubmitted(
            f"the key {key} was given to a job on {other.name}, which does not say whether it is there: {error}\nTry: another --key"
        ) from None
    found = next((state for _, state in there if state.key == key), None)
    if found:
        name = f"{other.name}:{found.id}"
        raise submission.NotSubmitted(submission.key_in_use(key, name, found, [f"is on {other.name}, not {host.name}"]))
