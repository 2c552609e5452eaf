"""Why a job did not succeed: a State and the jobs of its queue in, words for people out. Why one waits is acts.stuck's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.shell import printable
from pueue_skill.shell.model import Host, Queue, State
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    K = TypeVar("K")
    T = TypeVar("T")


SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV",
    13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip
STATES = {
    "queued": "queued", "stashed": "stashed", "running": "running", "paused": "paused", "success": "succeeded", "failed": "failed",
    "killed": "killed", "dependency": "did not run, for a failed dependency", "spawn": "could not be started",
    "unknown": "ended, unknown how",
}  # fmt: skip
"""Where a job stands, or how it has ended, for people."""
NOT_THERE = regex(r"\bNotFound\b|No such file")


def by_id(queue: Queue) -> Mapping[str, State]:
    return {one.id: one for one in queue.states}


def failed(state: State) -> bool:
    return state.status == "done" and state.result != "success"


def of_failure(state: State, host: Host, jobs: Mapping[str, State]) -> str:
    """Why a job that is done did not succeed."""
    if state.result == "failed":
        code = state.exit_code or 0
        if code == 126:
            return "exit code 126: what it names cannot be run"
        if code == 127:
            return "exit code 127: a program was not found"
        if code - 128 in SIGNALS:
            return f"exit code {code}: signal {code - 128} ({SIGNALS[code - 128]})"
        return f"exit code {code}"
    if state.result == "killed":
        return (
            f"ended from outside: {printable.line(state.detail)}"
            if state.detail
            else "killed in the queue, or its daemon ended"
        )
    if state.result == "dependency":
        return f"did not run: {named(blamed(state, jobs), host) or 'a job that it comes after'} failed"
    if state.result == "spawn":
        if NOT_THERE.search(state.detail):
            return f"could not be started: its folder {printable.line(state.cwd)} was not there"
        return f"could not be started: {printable.line(state.detail)}"
    return "ended, and the queue does not know how"


def blamed(state: State, jobs: Mapping[str, State]) -> list[State]:
    """The jobs that `state` comes after and that failed by themselves, however far before it."""
    found: dict[str, State] = {}
    seen, open_ = set(state.after), list(state.after)
    while open_:
        one = jobs.get(open_.pop(0))
        if one is None:
            continue
        if one.result == "dependency":
            open_ += [id for id in one.after if id not in seen]
            seen |= set(one.after)
        elif failed(one):
            found[one.id] = one
    return list(found.values())


def named(states: Sequence[State], host: Host, most: int = 5) -> str:
    names = [f"{host.name}:{state.id}" for state in states[:most]]
    return ", ".join(names) + (f" and {len(states) - most} more" if len(states) > most else "")


def exit_code(state: State) -> int:
    """The exit code that stands for a job that is done: its own, 137 when the queue killed it, 125 when it has none."""
    if state.exit_code is not None:
        return state.exit_code
    return 137 if state.result == "killed" else 125
