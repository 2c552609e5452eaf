"""Asks many hosts at the same time, and spares for a while those that were waited for in vain: names and a question in, answers out.

What a host did not answer is remembered by the store, with pauses that grow; it is asked again after each, and by whoever names
it. A memory that cannot be read or written is no reason not to ask.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from pueue_skill.hosts import client
from pueue_skill.hosts.client import ANSWER_TIMEOUT_S, Unreachable, queue_of
from pueue_skill.queues.model import Queue
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import database, reachability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def together(names: Sequence[str], ask: Callable[[str], T], spare: bool = True) -> list[tuple[str, T | Unreachable]]:
    """What each host answers, or why it does not. With `spare`, those that did not answer of late are not asked."""
    left = resting() if spare else {}
    waited: dict[str, float] = {}

    def timed(name: str) -> T:
        if name in left:
            raise Unreachable(left[name])
        began = time.monotonic()
        try:
            return ask(name)
        except OSError as error:
            raise Unreachable(str(error)) from None
        finally:
            waited[name] = time.monotonic() - began

    answers = client.together(names, timed)
    known = memory(reachability.unreachable_hosts)
    with suppress(sqlite3.Error, OSError):
        for name, answer in answers:
            reason = str(answer) if isinstance(answer, Unreachable) else ""
            if name in waited and (reason or name in known):
                reachability.record_answer(name, reason, waited[name])
    return answers


def resting() -> dict[str, str]:
    """The hosts that are not asked now, and what is said of them instead."""
    return {
        name: f"{reason}\nIt is asked again in {seconds:.0f} s, or now by: pueue-skill status {name}"
        for name, (reason, seconds) in memory(reachability.skipped_hosts).items()
    }


def queues(hosts: Sequence[Host], spare: bool) -> list[tuple[Host, Queue | Unreachable]]:
    """What the queues tell; `spare` as above."""
    by_name = {host.name: host for host in hosts}
    answers = together(list(by_name), lambda name: client.queue_of(by_name[name]), spare)
    return [(by_name[name], answer) for name, answer in answers]


def memory(read: Callable[[], dict[str, T]]) -> Mapping[str, T]:
    try:
        return read() if database.path().exists() else {}
    except (sqlite3.Error, OSError):
        return {}


class Observation(NamedTuple):
    """What a host has answered; `asked` is when it was asked, on the clock of time.monotonic."""

    host: Host
    answer: Queue | Unreachable
    asked: float


def watched(hosts: Sequence[Host], every: float, limit: float = ANSWER_TIMEOUT_S) -> Iterator[Observation | None]:
    """What the queues tell, over and over, each when it comes: a host that hangs holds no other up. None where nothing has come for a
    second. A host that does not answer is asked less often."""
    answers: SimpleQueue[Observation] = SimpleQueue()
    closed = threading.Event()

    def ask(host: Host) -> None:
        misses = 0
        while not closed.is_set():
            asked = time.monotonic()
            try:
                answers.put(Observation(host, queue_of(host, limit), asked))
                misses = 0
            except (Unreachable, OSError) as error:
                answers.put(
                    Observation(host, error if isinstance(error, Unreachable) else Unreachable(str(error)), asked)
                )
                misses += 1
            closed.wait(max(every, pause_s(misses)) if misses else every)

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
