"""Asks one host: a script in, its parsed answer out, or Unreachable with the reason and what to type.

It knows queues only by the scripts of their kind, and ssh only by transport. It prints nothing and reads no configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pueue_skill.hosts import transport
from pueue_skill.queues import framing
from pueue_skill.queues.framing import Probe, ProbeResult
from pueue_skill.queues.model import JobState, Queue
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
"""How long a host may take for one answer."""


MIN_BYTES_PER_S = 50_000
"""The slowest connection that a time limit allows for, since a job may bring files of any length."""

RETRIES = 6
"""How often a host or daemon that does not answer is retried while a job is submitted or followed."""

EXIT_FILES_FAILED = 74
"""The exit code of a script that could not read or write its files."""

EXIT_QUEUE_DOWN = 69
"""The exit code of a script whose queue does not answer."""

TURNED_AWAY = regex(r"kex_exchange_identification|banner exchange|[Cc]onnection (?:closed|reset) by|Connection reset")
"""What ssh prints when a server has too many unauthenticated connections (MaxStartups in sshd_config)."""


class Unreachable(Exception):
    """A host or its daemon does not answer; the message says which, and what to type. With several arguments: several hosts."""

    def __str__(self) -> str:
        return "\n".join(self.args)


class NoConnection(Unreachable):
    """ssh cannot connect to the host."""


def is_waiting(stdout: bytes, notice: Callable[[str], None] = lambda text: None) -> bool:
    """Return whether a script whose stdout so far is `stdout` waits for other submissions.

    `notice` gets a line with their number, if it is known.
    """
    last = stdout.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2]
    if not last.startswith(WAITS):
        return False
    count = last.removeprefix(WAITS).strip()
    others = int(count) - 1 if count.isdigit() else 0  # the script counts itself
    notice(f"waiting for {f'{others} ' if others > 0 else ''}other submission{'' if others == 1 else 's'}")
    return True


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def stderr_of(done: transport.Done) -> str:
    """Return what a script wrote to stderr, without colors and ssh's notices. All lines but the first are indented, so that none can pass for a
    message of ours.
    """
    return "\n  ".join(framing.error_lines(done.stderr.decode("utf-8", "replace")))


def explain_failure(host: Host, done: transport.Done) -> str:
    """Return why a host gave no answer, and what to type."""
    stderr = stderr_of(done)
    if host.ssh and done.code == transport.SSH_FAILED:
        reason = stderr.removeprefix("ssh: ") or f"ssh gave no reason (exit code {done.code})"
        return f"{host.name} cannot be reached: {reason}\nTry: ssh {host.ssh} true"
    if done.code == EXIT_FILES_FAILED:
        return f"{host.name} cannot write the files that belong to its queue: {stderr or 'no reason was given'}"
    return KINDS[host.backend].explain_failure(host, done.code, stderr)


def ask(
    host: Host,
    script: str,
    read: Callable[[transport.Done], T],
    limit: float = ANSWER_TIMEOUT_S,
    read_only: bool = False,
) -> T:
    """Return what `read` makes of the answer of `host` to a script, within `limit` seconds. Raises Unreachable.

    `read_only` as in transport.run. The time limit of a script that changes something starts over while it waits for other submissions.
    """
    try:
        done = transport.run(
            host, script, timeout=limit, read_only=read_only, on_output=None if read_only else is_waiting
        )
    except transport.Timeout as error:
        raise Unreachable(str(error)) from None
    try:
        return read(done)
    except (ValueError, KeyError):
        raise Unreachable(explain_failure(host, done)) from None


def run_probes(host: Host, probes: Sequence[Probe], mark: str) -> Mapping[str, ProbeResult]:
    """Return the results of the probes that ended in time, by name. Raises Unreachable."""
    limit = ANSWER_TIMEOUT_S + framing.timeout_s(probes)
    try:
        # Over a new connection: the probes are the user's commands, which must not be sent twice.
        done = transport.run(host, framing.probe_script(probes, mark), timeout=limit, new_connection=True)
    except transport.Timeout as error:
        if not error.stdout:
            raise Unreachable(str(error)) from None
        done = transport.Done(0, error.stdout, b"")
    try:
        return framing.parse_results(done.stdout, mark)
    except ValueError:
        raise Unreachable(explain_failure(host, done)) from None


def ask_all(keys: Sequence[K], ask: Callable[[K], T]) -> list[tuple[K, T | Unreachable]]:
    """Call `ask` for each of `keys` at the same time; return each with its result, or with the Unreachable that was raised."""

    def bounded(key: K) -> tuple[K, T | Unreachable]:
        try:
            return key, ask(key)
        except Unreachable as error:
            return key, error

    if len(keys) == 1:
        return [bounded(keys[0])]
    from concurrent.futures import ThreadPoolExecutor  # imports logging, which one queue does not need

    with ThreadPoolExecutor(max_workers=max(1, len(keys))) as pool:
        return list(pool.map(bounded, keys))


def fetch_queue(host: Host, limit: float = ANSWER_TIMEOUT_S) -> Queue:
    """Return the queue of `host`, within `limit` seconds. Raises Unreachable."""
    kind = KINDS[host.backend]
    return ask(host, kind.status_script(host), lambda done: kind.read_status(done.text), limit, read_only=True)


def fetch_tails(host: Host, states: list[JobState], count: int) -> dict[str, bytes]:
    """Return the last `count` bytes of the outputs of jobs of `host`, by job id. Raises Unreachable."""
    if not states:
        return {}
    kind = KINDS[host.backend]
    script = kind.tails_script(states, host, count)

    def read(done: transport.Done) -> dict[str, bytes]:
        tails = read_tails(done.stdout)
        if tails.keys() != {state.id for state in states}:
            raise ValueError("the answer was cut off")
        return tails

    return ask(host, script, read, read_only=True)


def fetch_queues(hosts: list[Host]) -> list[tuple[Host, Queue | Unreachable]]:
    """Return each host with its queue, or with Unreachable; all are asked at the same time."""
    return ask_all(hosts, fetch_queue)
