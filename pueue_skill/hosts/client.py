"""Submits jobs, waits for them and asks after them: Jobs and hosts in, States out.

It speaks to queues only through a backend's scripts and to hosts only through transport, which are handed to it; it prints
nothing and reads no configuration. What it cannot know it says, with what to do about it.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue

from pueue_skill.hosts import transport
from pueue_skill.jobs import select
from pueue_skill.queues import actions, framing
from pueue_skill.queues.framing import Answer, Part
from pueue_skill.queues.registry import BACKENDS
from pueue_skill.queues.scripts import ADDS, WAITS, end_of
from pueue_skill.shell import quote
from pueue_skill.shell.model import Group, Host, Job, Queue, State
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    K = TypeVar("K")
    T = TypeVar("T")

ANSWER = 30.0
"""Seconds that a host has for one answer."""

SLOWEST = 50_000
"""Bytes a second of a connection that is still waited for; a job may bring files of any length."""

BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds between the tries to reach a host, or a daemon that does not answer, while a job is submitted or followed."""

NO_FILES = 74
"""The exit code of a script whose files could not be written or read."""

DOWN = 69
"""The exit code of a script whose queue does not answer."""

TURNED_AWAY = regex(r"kex_exchange_identification|banner exchange|[Cc]onnection (?:closed|reset) by|Connection reset")
"""What ssh says when a server has too many connections that have not logged in yet (MaxStartups)."""


class Unreachable(Exception):
    """The host or its daemon does not answer; the message says which, and what to do."""


class NoConnection(Unreachable):
    """ssh does not get through to the host."""


class NotSubmitted(Exception):
    """The job is not in the queue."""


class Queued(NamedTuple):
    """A job that is in the queue; `new` is false when one with its key was there before."""

    state: State
    new: bool
    group: Group | None


class Output(NamedTuple):
    """Bytes that the job wrote; `error`: to its standard error, where that is kept apart."""

    data: bytes
    error: bool = False


class Lost(NamedTuple):
    """The connection broke; it is tried again."""

    reason: str


Event = Output | State | Lost | None
"""What following a job yields: output, a new state, a broken connection; None once a second when there is nothing."""


def submit(
    job: Job,
    host: Host,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: Iterable[bytes] | None = None,
    notice: Callable[[str], None] = lambda text: None,
) -> Queued:
    """Adds `job` to the queue of `host`, unless a job with its key is there.

    `env` and `cwd` are those of the submitting process, which a queue on this machine hands on to the job. `stdin` is what a job with
    `stdin` reads; it is sent as it comes, and once. `notice` is given a line when it waits for other submissions, however long that
    takes, and when it tries again: what failed before the job was sent, or an answer that was cut off. The same key is never added
    twice.

    Raises NotSubmitted when it is certain that the job is not in the queue, NoConnection, Unreachable.
    """
    backend = BACKENDS[job.backend]
    script = backend.submit_script(job, host)
    limit = ANSWER + len(script) // SLOWEST
    sent = False

    def heard(said: bytes) -> bool:
        return waits(said, notice)

    for pause in (*BACK_OFF, None):
        try:
            if stdin is None:
                done = transport.run(host, script, timeout=limit, env=env, cwd=cwd, heard=heard)
            else:
                # What was sent is gone: from the second time on it is only asked whether the job is there.
                given = chain(stdin, [end_of(job.key)]) if pause == BACK_OFF[0] else ()
                done = transport.feed(host, script, given, timeout=limit, env=env, cwd=cwd, heard=heard)
            answer = backend.read_submission(done.text, job)
        except transport.Timeout as error:
            if host.ssh or sent or ADDS.encode() in error.stdout:
                raise Unreachable(not_known(str(error), job)) from None
            raise NotSubmitted(str(error)) from None
        except ValueError:
            sent = sent or ADDS.encode() in done.stdout
            if pause and pause <= worth_trying(host, done, sent, stdin is not None):
                notice(f"{first_line(trouble(host, done))}; trying again")
                time.sleep(pause * (0.5 + os.getpid() % 16 / 16))  # those who were turned away together come back apart
                continue
            if sent:
                raise Unreachable(not_known(trouble(host, done), job)) from None
            raise (NoConnection if done.code == transport.UNREACHABLE else NotSubmitted)(trouble(host, done)) from None
        if answer.state is None:
            raise NotSubmitted(backend.advised(complaint(done), host) or answer.error)
        if answer.differs:
            raise NotSubmitted(taken(job.key, f"{host.name}:{answer.state.id}", answer.state, answer.differs))
        return Queued(answer.state, answer.new, answer.group)
    raise AssertionError("unreachable")


def taken(key: str, name: str, state: State, differs: Sequence[str]) -> str:
    """Why a key cannot be given to another job."""
    return (
        f"the key {key} belongs to {name}, which {standing(state)}; it {', '.join(differs)}\n"
        f"Try: pueue-skill log {name}, or another --key"
    )


def standing(state: State) -> str:
    """Where a job stands, as the end of a sentence."""
    if state.status != "done":
        return f"is {state.status}"
    when = f" at {dt.datetime.fromisoformat(state.ended).astimezone():%Y-%m-%d %H:%M:%S}" if state.ended else ""
    return f"ended{when} ({actions.ending(state)})"


def worth_trying(host: Host, done: transport.Done, sent: bool, fed: bool) -> float:
    """The longest pause, in seconds, after which a submission without an answer is tried again."""
    if sent or (done.code == transport.UNREACHABLE and TURNED_AWAY.search(complaint(done))):
        return BACK_OFF[-1]
    if done.code == transport.UNREACHABLE:
        return BACK_OFF[0]
    return BACK_OFF[2] if done.code == DOWN and not fed else 0  # a restart takes seconds; what was fed to it is gone


def waits(said: bytes, notice: Callable[[str], None] = lambda text: None) -> bool:
    """Whether a script that has written `said` waits for others; `notice` is given how many they are, if that is known."""
    last = said.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2]
    if not last.startswith(WAITS):
        return False
    count = last.removeprefix(WAITS).strip()
    others = int(count) - 1 if count.isdigit() else 0  # it is counted too
    notice(f"waiting for {f'{others} ' if others > 0 else ''}other submission{'' if others == 1 else 's'}")
    return True


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def not_known(why: str, job: Job) -> str:
    return f"{why}\nWhether the job was queued is not known. Try: the same command with --key {job.key}, which queues it once"


def complaint(done: transport.Done) -> str:
    """What a script wrote to stderr, without colours and ssh's notices; lines after the first are indented, so that none looks like ours."""
    return "\n  ".join(framing.said(done.stderr.decode("utf-8", "replace")))


def trouble(host: Host, done: transport.Done) -> str:
    """Why there was no answer, and what to do."""
    said = complaint(done)
    if host.ssh and done.code == transport.UNREACHABLE:
        return f"{host.name} cannot be reached by ssh: {said}\nTry: ssh {host.ssh} true"
    if done.code == NO_FILES:
        return f"{host.name} cannot write the files that are kept beside its queue: {said}"
    return BACKENDS[host.backend].trouble(host, done.code, said)


def asked(
    host: Host, script: str, read: Callable[[transport.Done], T], limit: float = ANSWER, again: bool = False
) -> T:
    """What `read` makes of the answer of `host` to a script, within `limit` seconds; `again` as in transport.run. A script that acts
    may wait for others as long as it says so. Raises Unreachable."""
    try:
        done = transport.run(host, script, timeout=limit, again=again, heard=None if again else waits)
    except transport.Timeout as error:
        raise Unreachable(str(error)) from None
    try:
        return read(done)
    except (ValueError, KeyError):
        raise Unreachable(trouble(host, done)) from None


def answers(host: Host, asked: Sequence[Part], mark: str) -> Mapping[str, Answer]:
    """What `host` answers to the parts of a script, as far as it gets in the time that they have. Raises Unreachable."""
    limit = ANSWER + framing.seconds(asked)
    try:
        # Alone, as its parts are commands of the user's, which are not sent twice.
        done = transport.run(host, framing.script(asked, mark), timeout=limit, alone=True)
    except transport.Timeout as error:
        if not error.stdout:
            raise Unreachable(str(error)) from None
        done = transport.Done(0, error.stdout, b"")
    try:
        return framing.answers(done.stdout, mark)
    except ValueError:
        raise Unreachable(trouble(host, done)) from None


def together(whom: Sequence[K], ask: Callable[[K], T]) -> list[tuple[K, T | Unreachable]]:
    """What each answers, or why it does not; all are asked at the same time."""

    def bounded(one: K) -> tuple[K, T | Unreachable]:
        try:
            return one, ask(one)
        except Unreachable as error:
            return one, error

    from concurrent.futures import ThreadPoolExecutor  # which imports logging: `run` asks one queue only

    with ThreadPoolExecutor(max_workers=max(1, len(whom))) as pool:
        return list(pool.map(bounded, whom))


def queue_of(host: Host, limit: float = ANSWER) -> Queue:
    """All that the queue of `host` tells, within `limit` seconds. Raises Unreachable."""
    backend = BACKENDS[host.backend]
    return asked(host, backend.status_script(host), lambda done: backend.read_status(done.text), limit, again=True)


def tails(host: Host, states: list[State], count: int) -> dict[str, bytes]:
    """The last `count` bytes of what jobs of `host` wrote, by their ids. Raises Unreachable."""
    if not states:
        return {}
    backend = BACKENDS[host.backend]
    script = backend.tails_script(states, host, count)
    return asked(host, script, lambda done: backend.read_tails(done.stdout), again=True)


def queues(hosts: list[Host]) -> list[tuple[Host, Queue | Unreachable]]:
    """What each host's queue tells, or why it does not; all are asked at the same time."""
    return together(hosts, queue_of)


class Look(NamedTuple):
    """What a host has answered; `asked` is when it was asked, on the clock of time.monotonic."""

    host: Host
    answer: Queue | Unreachable
    asked: float


def watched(hosts: Sequence[Host], every: float, limit: float = ANSWER) -> Iterator[Look | None]:
    """What the queues tell, over and over, each when it comes: a host that hangs holds no other up. None where nothing has come for a
    second. A host that does not answer is asked less often."""
    answers: SimpleQueue[Look] = SimpleQueue()
    closed = threading.Event()

    def ask(host: Host) -> None:
        misses = 0
        while not closed.is_set():
            asked = time.monotonic()
            try:
                answers.put(Look(host, queue_of(host, limit), asked))
                misses = 0
            except (Unreachable, OSError) as error:
                answers.put(Look(host, error if isinstance(error, Unreachable) else Unreachable(str(error)), asked))
                misses += 1
            closed.wait(max(every, BACK_OFF[min(misses, len(BACK_OFF)) - 1]) if misses else every)

    for host in hosts:
        threading.Thread(target=ask, args=(host,), daemon=True).start()
    try:
        while True:
            try:
                yield answers.get(timeout=1.0)
            except Empty:
                yield None
    finally:
        closed.set()


def follow(state: State, host: Host, sleep: Callable[[float], None] = time.sleep, offset: int = 0) -> Iterator[Event]:
    """Follows a job to its end: its output from byte `offset` on, its states as they change; the last event is a state.

    A connection that breaks is taken up again where the output stopped. Raises Unreachable when it cannot be, or when the job
    is no longer in the queue.
    """
    tries = errors_offset = 0
    while True:
        frames = Frames()
        script = BACKENDS[host.backend].follow_script(state, host, offset, errors_offset)
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
                    now = BACKENDS[host.backend].read_state(frame.data.decode("utf-8", "surrogateescape"))
                    if now is None or (now.created, now.key) != (state.created, state.key):
                        raise Unreachable(
                            f"{host.name}:{state.id} is no longer in the queue; it was removed while it was followed"
                        )
                    yield now
                    if now.status == "done":
                        return
            done = stream.finish()
        # A host may come back, and a daemon that is restarted; its queue then says what has become of the job.
        if tries == len(BACK_OFF):
            raise Unreachable(trouble(host, done))
        yield Lost(first_line(trouble(host, done)))
        sleep(BACK_OFF[tries])
        tries += 1


class Frame(NamedTuple):
    """A part of what a follow script writes; `end`: where in its file the bytes of an output end."""

    kind: str
    data: bytes
    end: int = 0


class Frames:
    """Decodes what a follow script writes: `state JSON` lines, and `output OFFSET N` or `error OFFSET N` lines with N bytes after them."""

    def __init__(self) -> None:
        self.buffer = b""
        self.started = False
        self.open = 0
        self.kind = ""
        self.offset = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
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
                self.started = line == b"pueue-skill reply"
            elif kind in (b"output", b"error"):
                self.kind = kind.decode()
                self.offset, self.open = map(int, content.split())
            elif kind == b"state":
                yield Frame("state", content)


def exit_code(state: State) -> int:
    """The exit code that stands for a job that is done: its own, 137 when the queue killed it, 125 when it has none."""
    if state.exit_code is not None:
        return state.exit_code
    return 137 if state.result == "killed" else 125


def dependencies(asked: Sequence[str], host: Host, hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """The ids of the jobs of `host` that are called `asked`, for the `after` of a job there. Raises NotSubmitted, Unreachable."""
    if not asked:
        return ()
    for name in asked:
        other = select.host_of(name, hosts)
        if other and other != host.name:
            raise NotSubmitted(
                f"--after {name}: a job of {host.name} can only depend on jobs of {host.name}, and {name} is a job of "
                f"{other}{f' (a bare id always is; write {host.name}:{name})' if select.is_id(name) else ''}"
                f"\nTry: pueue-skill wait {quote.word(name)}, then the same run without --after {quote.word(name)}"
            )
    queue = queue_of(host)
    try:
        found = [select.bearers(name, {host.name: queue}).meant for name in asked]
    except LookupError as error:
        raise NotSubmitted(f"--after {error}") from None
    for name, job in zip(asked, found, strict=True):
        if job is None:
            raise NotSubmitted(
                f"--after {name}: {host.name} has no job of that name{select.some_are(name, {host.name: queue})}"
                f"\nTry: pueue-skill status {host.name}"
            )
    return tuple(dict.fromkeys([state.id for _, state in filter(None, found)]))
