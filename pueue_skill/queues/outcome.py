"""Outcomes of jobs, and why a job did not succeed: a JobState and the jobs of its queue in, words for people out.

All words for outcomes are here. actions.stuck_jobs explains why a job does not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell import printable
from pueue_skill.shell.model import Host
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import first_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    K = TypeVar("K")
    T = TypeVar("T")


SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV",
    13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip


class Outcome(StrEnum):
    """The outcome of a job. The values are those of `--json`, of journals and of the database."""

    SUCCEEDED = "success"
    FAILED = "failed"
    KILLED = "killed"
    SKIPPED = "dependency"
    NOT_STARTED = "spawn"
    UNKNOWN = "unknown"
    LOST = "lost"


WORDS: Mapping[str, tuple[str, str]] = {
    Outcome.SUCCEEDED: ("succeeded", "succeeded"),
    Outcome.FAILED: ("failed", "failed"),
    Outcome.KILLED: ("killed", "was killed"),
    Outcome.SKIPPED: ("skipped: a dependency failed", "was skipped: a dependency failed"),
    Outcome.NOT_STARTED: ("failed to start", "failed to start"),
    Outcome.UNKNOWN: ("ended, outcome unknown", "ended, outcome unknown"),
    Outcome.LOST: ("lost", "is no longer in its queue, so its outcome is unknown"),
}
"""The words for each outcome: alone, and after the name of the job."""


STATE_WORDS: Mapping[str, str] = {
    **{status: status for status in ("queued", "stashed", "running", "paused")},
    **{outcome: words for outcome, (words, _) in WORDS.items()},
}
"""The words for a job's status or, once it has ended, its outcome."""


def adjective(outcome: str | None, exit_code: int | None) -> str:
    """Return the words for an outcome used alone, such as in a table: `failed, exit 3`."""
    code = f", exit {exit_code}" if outcome == Outcome.FAILED and exit_code is not None else ""
    return WORDS[outcome or Outcome.UNKNOWN][0] + code


def predicate(outcome: str | None, exit_code: int | None) -> str:
    """Return the words for an outcome that follow the name of the job: `failed with exit code 3`."""
    code = f" with exit code {exit_code}" if outcome == Outcome.FAILED and exit_code is not None else ""
    return WORDS[outcome or Outcome.UNKNOWN][1] + code


NOT_THERE = regex(r"\bNotFound\b|No such file")


def by_id(queue: Queue) -> Mapping[str, JobState]:
    return {state.id: state for state in queue.states}


def failed(state: JobState) -> bool:
    return state.status == "done" and state.result != "success"


def failure_reason(state: JobState, host: Host, jobs: Mapping[str, JobState]) -> str:
    """Return why a job that is done did not succeed; `jobs` are those of its queue, by id."""
    if state.result == "failed":
        code = state.exit_code or 0
        if code == 126:
            return "exit code 126: a program cannot be executed"
        if code == 127:
            return "exit code 127: a program was not found"
        if code - 128 in SIGNALS:
            return f"exit code {code}: signal {code - 128} ({SIGNALS[code - 128]})"
        return f"exit code {code}"
    if state.result == "killed":
        return f"killed: {printable.line(state.detail)}" if state.detail else "killed in the queue, or its daemon ended"
    if state.result == "dependency":
        return f"skipped: {job_names(failed_causes(state, jobs), host) or 'a dependency'} failed"
    if state.result == "spawn":
        if NOT_THERE.search(state.detail):
            return f"failed to start: its working directory {printable.line(state.cwd)} does not exist"
        return f"failed to start: {printable.line(state.detail)}"
    return WORDS[Outcome.UNKNOWN][0]


def failed_causes(state: JobState, jobs: Mapping[str, JobState]) -> list[JobState]:
    """Return the jobs that failed themselves and on which `state` depends, at any distance."""
    culprits: dict[str, JobState] = {}
    seen, pending = set(state.after), list(state.after)
    while pending:
        parent = jobs.get(pending.pop(0))
        if parent is None:
            continue
        if parent.result == "dependency":
            pending += [id for id in parent.after if id not in seen]
            seen |= set(parent.after)
        elif failed(parent):
            culprits[parent.id] = parent
    return list(culprits.values())


def job_names(states: Sequence[JobState], host: Host, most: int = 5) -> str:
    return first_names([f"{host.name}:{state.id}" for state in states], most, ", ")


def exit_code(state: JobState) -> int:
    """Return the exit code for a job that is done: its own, 137 if the queue killed it, 125 if it has none."""
    if state.exit_code is not None:
        return state.exit_code
    return 137 if state.result == "killed" else 125
