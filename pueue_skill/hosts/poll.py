"""Asks many hosts at the same time, and skips for a while those that kept a command waiting in vain: names and a question in, answers out.

The database remembers which hosts did not answer; each is skipped for longer each time, unless a command names it. If that memory cannot
be read or written, all hosts are asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from pueue_skill.hosts import client
from pueue_skill.hosts.client import ANSWER_TIMEOUT_S, Unreachable, fetch_queue
from pueue_skill.queues.model import Queue
from pueue_skill.shell.model import Host
from pueue_skill.startup.backoff import pause_s
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


def ask_all(names: Sequence[str], ask: Callable[[str], T], spare: bool = True) -> list[tuple[str, T | Unreachable]]:
    """Return each host with its answer, or with Unreachable. With `spare`, hosts that recently did not answer are skipped."""
    skipped = skipped_hosts() if spare else {}
    seconds: dict[str, float] = {}

    def timed(name: str) -> T:
        if name in skipped:
            raise Unreachable(skipped[name])
        began = time.monotonic()
        try:
            return ask(name)
        except OSError as error:
            raise Unreachable(str(error)) from None
        finally:
            seconds[name] = time.monotonic() - began

    answers = client.ask_all(names, timed)
    known = remembered("unreachable_hosts")
    reasons = {
        name: str(answer) if isinstance(answer, Unreachable) else "" for name, answer in answers if name in seconds
    }
    updates = [(name, reason) for name, reason in reasons.items() if reason or name in known]
    if updates:
        import sqlite3  # which takes long, as below

        from pueue_skill.state import reachability

        with suppress(sqlite3.Error, OSError):
            for name, reason in updates:
                reachability.record_answer(name, reason, seconds[name])
    return answers


def skipped_hosts() -> dict[str, str]:
    """Return the hosts that are skipped now, with the reason and the command that asks them."""
    return {
        name: f"{reason}\nIt is asked again in {seconds:.0f} s, or now by: pueue-skill status {name}"
        for name, (reason, seconds) in remembered("skipped_hosts").items()
    }


def fetch_queues(hosts: Sequence[Host], spare: bool) -> list[tuple[Host, Queue | Unreachable]]:
    """Return each host with its queue, or with Unreachable; `spare` as for ask_all."""
    by_name = {host.name: host for host in hosts}
    answers = ask_all(list(by_name), lambda name: client.fetch_queue(by_name[name]), spare)
    return [(by_name[name], answer) for name, answer in answers]


def remembered(what: str) -> Mapping[str, Any]:
    """Return what a function of state.reachability returns; nothing without a database, and where it cannot be read."""
    if not paths.has_store():
        return {}
    import sqlite3

    from pueue_skill.state import reachability

    try:
        rows: Mapping[str, Any] = getattr(reachability, what)()
        return rows
    except (sqlite3.Error, OSError):
        return {}


class Observation(NamedTuple):
    """The answer of a host; `asked` is when it was asked, on the clock of time.monotonic."""

    host: Host
    answer: Queue | Unreachable
    asked: float


def watch(hosts: Sequence[Host], every: float, limit: float = ANSWER_TIMEOUT_S) -> Iterator[Observation | None]:
    """Yield observations of the queues of `hosts`, every `every` seconds a host, as they arrive: a host that hangs delays no other.

    Yields None when nothing arrived for a second. A host that does not answer is asked less often. `limit` is in seconds.
    """
    from queue import Empty, SimpleQueue

    answers: SimpleQueue[Observation] = SimpleQueue()
    closed = threading.Event()

    def ask(host: Host) -> None:
        misses = 0
        while not closed.is_set():
            asked = time.monotonic()
            try:
                answers.put(Observation(host, fetch_queue(host, limit), asked))
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
