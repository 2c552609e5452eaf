"""Follows a job for the commands that wait: its output to stdout and stderr, its states and its exit code out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from pueue_skill.cli import records
from pueue_skill.cli.console import note, say
from pueue_skill.shell import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.output import Event
    from pueue_skill.queues.model import Group, JobState
    from pueue_skill.shell.model import Host


def copy_output(
    state: JobState, host: Host, name: str = "", to_stderr: bool = False, lines: int | None = None
) -> Iterator[JobState | None]:
    """Follow a job and write its output; yield each new state, and None once a second if nothing arrived.

    Output goes to stdout, and what the job wrote to a separate stderr to stderr; with `to_stderr`, all of it. Of the output before the
    first state only the last `lines` are written (None: all). If stdout cannot be written, a job with a `name` is followed without output:
    its exit code is more important. Raises OSError without a `name`, BrokenPipeError if the reader of stdout is gone, Unreachable.
    """
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import JobState

    tails = {False: Tail(lines), True: Tail(lines)} if lines is not None else {}
    for event in events(state, host):
        if isinstance(event, output.Output):
            if event.error in tails:
                tails[event.error].feed(event.data)
            else:
                write(event.data, event.error or to_stderr, name)
        elif isinstance(event, JobState):
            for error, tail in tails.items():
                write(tail.data, error or to_stderr, name)
            tails = {}
        yield event if isinstance(event, JobState) else None


def write(data: bytes, to_stderr: bool, name: str) -> None:
    """Write output of the job called `name`, as `copy_output` says."""
    from pueue_skill.cli import streams

    stream = sys.stderr if to_stderr else sys.stdout
    try:
        stream.buffer.write(data)
        stream.buffer.flush()
    except OSError as error:
        if not name or isinstance(error, BrokenPipeError):
            raise
        say(f"stdout cannot be written: {error.strerror}; the output of {name}: pueue-skill log {name}")
        streams.failure_reported = True


class Tail:
    """The last `count` lines of the bytes that it was fed; a last line without a newline counts."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.data = b""

    def feed(self, data: bytes) -> None:
        data = self.data + data
        start = len(data) - data.endswith(b"\n")
        for _ in range(self.count):
            start = data.rfind(b"\n", 0, max(start, 0))
        self.data = data[start + 1 :]


def events(state: JobState, host: Host) -> Iterator[Event]:
    """Yield the events of a job until it ends; print broken connections, and a group that is paused afterwards, as after a restart of pueued."""
    from pueue_skill.hosts import client
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import JobState

    lost = False
    for event in output.follow(state, host):
        if isinstance(event, output.ConnectionLost):
            note(f"{event.reason}; trying again")
            lost = True
        elif isinstance(event, JobState) and lost:
            lost = False
            with suppress(client.Unreachable):
                for group in client.fetch_queue(host).groups if event.status == "queued" else ():
                    if group.name == event.group:
                        warn_of_paused_group(group, f"{host.name}:{event.id}", host)
        yield event


def warn_of_paused_group(group: Group, name: str, host: Host) -> None:
    """Print that the job called `name` waits for its group to be started, if the group is paused."""
    from pueue_skill.queues.actions import start_command

    if group.status != "running":
        say(
            f"group {printable.line(group.name)} of {host.name} is {group.status}: {name} waits until it is started: "
            f"pueue-skill {start_command(host.name, group.name)}"
        )


def exit_code(name: str, state: JobState, host: Host) -> int:
    """Return the exit code of an ended job; print its outcome if the job did not exit itself. Records that the session saw the outcome."""
    from pueue_skill.agents import event as agents
    from pueue_skill.queues import outcome
    from pueue_skill.state import paths

    if state.key and paths.has_store():
        from pueue_skill.state import sessions

        records.try_write(lambda: sessions.record_viewed(host.name, state, agents.session_of(os.environ)))
    if state.result in ("killed", "spawn") and state.detail:
        say(f"{name} {outcome.predicate(state.result, None)}: {printable.line(state.detail)}")
    elif state.result == "killed":
        say(f"{name} was killed in the queue, or its daemon ended")
    elif state.result in ("dependency", "spawn", "unknown"):
        say(f"{name} {outcome.predicate(state.result, None)}")
    return outcome.exit_code(state)
