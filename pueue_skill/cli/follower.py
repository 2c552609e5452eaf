"""Follows a job for the commands that wait for one: its output goes to the streams, what happens to it to stderr, its exit code comes back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from pueue_skill.cli.console import say
from pueue_skill.cli.records import remembered
from pueue_skill.shell import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.output import Event
    from pueue_skill.queues.model import Group, JobState
    from pueue_skill.shell.model import Host


def followed(state: JobState, host: Host, name: str = "") -> Iterator[JobState | None]:
    """Follows a job: its output goes to stdout, and to stderr what is kept apart; its states come back, and None now and
    then while there is nothing.

    With a `name` for the job, a stdout that cannot be written is said, and the job is followed all the same: its end is of more
    interest than its output, which is in the queue. Raises OSError without one, and BrokenPipeError when nobody reads.
    """
    from pueue_skill.cli import streams
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import JobState

    for event in events(state, host):
        if isinstance(event, output.Output):
            out = sys.stderr if event.error else sys.stdout
            try:
                out.buffer.write(event.data)
                out.buffer.flush()
            except OSError as error:
                if not name or isinstance(error, BrokenPipeError):
                    raise
                say(f"stdout cannot be written: {error.strerror}; the output of {name}: pueue-skill log {name}")
                streams.told = True
        yield event if isinstance(event, JobState) else None


def events(state: JobState, host: Host) -> Iterator[Event]:
    """What happens to a job until its end. A connection or a daemon that was gone meanwhile is said, and a group that came back paused,
    as pueue's do."""
    from pueue_skill.hosts import client
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import JobState

    lost = False
    for event in output.follow(state, host):
        if isinstance(event, output.Lost):
            say(f"{event.reason}; trying again")
            lost = True
        elif isinstance(event, JobState) and lost:
            lost = False
            with suppress(client.Unreachable):
                for group in client.fetch_queue(host).groups if event.status == "queued" else ():
                    if group.name == event.group:
                        say_of_group(group, f"{host.name}:{event.id}", host)
        yield event


def say_of_group(group: Group, name: str, host: Host) -> None:
    """Says that a job waits for its group to be started, if it does."""
    from pueue_skill.queues.actions import start_command

    if group.status != "running":
        say(
            f"group {printable.line(group.name)} of {host.name} is {group.status}: {name} waits until it is started: pueue-skill {start_command(host.name, group.name)}"
        )


def ended(name: str, state: JobState, host: Host) -> int:
    """The exit code for a job that is done, with a word where it is not the job's own."""
    from pueue_skill.agents import event as agents
    from pueue_skill.queues import outcome
    from pueue_skill.state import paths

    if state.key and paths.has_store():
        from pueue_skill.state import sessions

        remembered(lambda: sessions.record_viewed(host.name, state, agents.session_of(os.environ)))

    why = {
        "killed": f"was ended from outside: {printable.line(state.detail)}"
        if state.detail
        else "was killed in the queue, or its daemon ended",
        "dependency": "did not run: its dependency failed",
        "spawn": f"could not be started: {printable.line(state.detail)}",
        "unknown": "ended, and the queue does not know how",
    }.get(state.result or "")
    if why:
        say(f"{name} {why}")
    return outcome.exit_code(state)
