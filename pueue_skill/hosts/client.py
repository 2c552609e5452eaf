"""Asks a host: a script in, what is made of its answer out, or Unreachable with the reason and what to do.

It knows queues only by their backend's scripts, and ssh only by transport. It prints nothing and reads no configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pueue_skill.hosts import transport
from pueue_skill.queues import framing
from pueue_skill.queues.framing import Answer, Part
from pueue_skill.queues.model import Queue, State
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import WAITS, read_tails
from pueue_skill.shell.model import Host
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    K = TypeVar("K")
    T = TypeVar("T")

ANSWER_TIMEOUT_S = 30.0
"""Seconds that a host has for one answer."""


MIN_BYTES_PER_S = 50_000
"""Bytes a second of a connection that is still waited for; a job may bring files of any length."""

RETRIES = 6
"""How often a host, or a daemon, that does not answer is tried again while a job is submitted or followed."""

EXIT_FILES_FAILED = 74
"""The exit code of a script whose files could not be written or read."""

EXIT_QUEUE_DOWN = 69
"""The exit code of a script whose queue does not answer."""

TURNED_AWAY = regex(r"kex_exchange_identification|banner exchange|[Cc]onnection (?:closed|reset) by|Connection reset")
"""What ssh says when a server has too many connections that have not logged in yet (MaxStartups)."""


class Unreachable(Exception):
    """The host or its daemon does not answer; the message says which, and what to do."""


class NoConnection(Unreachable):
    """ssh does not get through to the host."""


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


def complaint(done: transport.Done) -> str:
    """What a script wrote to stderr, without colours and ssh's notices; lines after the first are indented, so that none looks like ours."""
    return "\n  ".join(framing.said(done.stderr.decode("utf-8", "replace")))


def trouble(host: Host, done: transport.Done) -> str:
    """Why there was no answer, and what to do."""
    said = complaint(done)
    if host.ssh and done.code == transport.SSH_FAILED:
        return f"{host.name} cannot be reached by ssh: {said}\nTry: ssh {host.ssh} true"
    if done.code == EXIT_FILES_FAILED:
        return f"{host.name} cannot write the files that are kept beside its queue: {said}"
    return KINDS[host.backend].trouble(host, done.code, said)


def asked(
    host: Host, script: str, read: Callable[[transport.Done], T], limit: float = ANSWER_TIMEOUT_S, again: bool = False
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
    limit = ANSWER_TIMEOUT_S + framing.seconds(asked)
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


def queue_of(host: Host, limit: float = ANSWER_TIMEOUT_S) -> Queue:
    """All that the queue of `host` tells, within `limit` seconds. Raises Unreachable."""
    kind = KINDS[host.backend]
    return asked(host, kind.status_script(host), lambda done: kind.read_status(done.text), limit, again=True)


def tails(host: Host, states: list[State], count: int) -> dict[str, bytes]:
    """The last `count` bytes of what jobs of `host` wrote, by their ids. Raises Unreachable."""
    if not states:
        return {}
    kind = KINDS[host.backend]
    script = kind.tails_script(states, host, count)
    return asked(host, script, lambda done: read_tails(done.stdout), again=True)


def queues(hosts: list[Host]) -> list[tuple[Host, Queue | Unreachable]]:
    """What each host's queue tells, or why it does not; all are asked at the same time."""
    return together(hosts, queue_of)
