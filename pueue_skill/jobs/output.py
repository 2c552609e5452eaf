"""Follows a job: its output and its states as they arrive, over connections that may break.

The follow scripts of each kind of queue write frames, which are decoded here. It prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pueue_skill.hosts import transport
from pueue_skill.hosts.client import RETRIES, Unreachable, explain_failure, first_line
from pueue_skill.queues.model import JobState
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import REPLY
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.record import NamedTuple


class Output(NamedTuple):
    """Bytes that the job wrote; `error`: to its stderr, if that is kept separately."""

    data: bytes
    error: bool = False


class ConnectionLost(NamedTuple):
    """The connection broke, and is about to be retried."""

    reason: str


Event = Output | JobState | ConnectionLost | None
"""Output, a new state, a lost connection; or None, once a second while nothing arrives."""


def follow(
    state: JobState, host: Host, sleep: Callable[[float], None] = time.sleep, offset: int = 0
) -> Iterator[Event]:
    """Follow a job to its end: yield its output from byte `offset` on, and its states. The last event is a state.

    After a lost connection it resumes where the output stopped; `sleep` waits for seconds before that. Raises Unreachable if that fails
    repeatedly, or if the job is no longer in the queue.
    """
    tries = errors_offset = 0
    while True:
        frames = Frames()
        script = KINDS[host.backend].follow_script(state, host, offset, errors_offset)
        with transport.stream(host, script) as stream:
            while True:
                data = stream.read(1.0)
                if data == b"":
                    break
                if data is None:
                    yield None
                    continue
                for frame in frames.feed(data):
                    tries = 0
                    if frame.kind == "output":
                        offset = frame.end
                        yield Output(frame.data)
                        continue
                    if frame.kind == "error":
                        errors_offset = frame.end
                        yield Output(frame.data, error=True)
                        continue
                    now = KINDS[host.backend].read_state(frame.data.decode("utf-8", "surrogateescape"))
                    if now is None or (now.created, now.key) != (state.created, state.key):
                        raise Unreachable(
                            f"{host.name}:{state.id} is no longer in the queue; it was removed while it was followed"
                        )
                    yield now
                    if now.status == "done":
                        return
            done = stream.finish()
        # The host may become reachable again, and the daemon may be restarted; the queue then has the state of the job.
        if tries == RETRIES:
            raise Unreachable(explain_failure(host, done))
        yield ConnectionLost(first_line(explain_failure(host, done)))
        tries += 1
        sleep(pause_s(tries))


class Frame(NamedTuple):
    """A frame of a follow script. `end`: the offset in the output at which its bytes end."""

    kind: str
    data: bytes
    end: int = 0


class Frames:
    """Decodes the frames of a follow script: `state JSON` lines, and `output OFFSET N` or `error OFFSET N` lines followed by N bytes."""

    def __init__(self) -> None:
        self.buffer = b""
        self.started = False
        self.open = 0
        self.kind = ""
        self.offset = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes. Output is yielded as it arrives, in parts of a frame."""
        self.buffer += data
        while self.buffer:
            if self.open:
                part = self.buffer[: self.open]
                self.buffer = self.buffer[len(part) :]
                self.open -= len(part)
                self.offset += len(part)
                yield Frame(self.kind, part, self.offset)
                continue
            line, newline, rest = self.buffer.partition(b"\n")
            if not newline:
                return
            self.buffer = rest
            kind, _, content = line.partition(b" ")
            if not self.started:
                self.started = line == REPLY.encode()
            elif kind in (b"output", b"error"):
                self.kind = kind.decode()
                self.offset, self.open = map(int, content.split())
            elif kind == b"state":
                yield Frame("state", content)
