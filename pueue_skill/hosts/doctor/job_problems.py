"""Checks the groups and jobs of a queue: a Queue in, health checks out. Reports what does not run, and recent jobs that failed at once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence

from pueue_skill.hosts.doctor.health_check import Fixes, HealthCheck
from pueue_skill.queues import actions, outcome
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.pueue.health import HealthReport
from pueue_skill.shell import quote
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import counted

RECENT_S = 24 * 3600
"""For how long after its end a failed job is reported."""


def group_checks(fixes: Fixes, facts: HealthReport, queue: Queue) -> list[HealthCheck]:
    """Check for paused groups, and for groups whose limit is below the configured one."""
    checks = []
    host = fixes.host
    name, pueue = f"queue of {host.name}", quote.path(facts.client)
    configured = dict(host.groups)
    for group in queue.groups:
        jobs = [state for state in queue.states if state.group == group.name]
        waiting = len([state for state in jobs if state.status in ("queued", "paused")])
        failed = len([state for state in jobs if state.result in ("failed", "spawn")])
        if group.status != "running":
            advice = "No job in it has failed, so it is safe to start"
            if failed:
                advice = f"{counted(failed, 'job')} in it failed: find out why before you start it"
            what = f"group {group.name} is {group.status}; {counted(waiting, 'job')} wait{'s' * (waiting == 1)} in it. {advice}"
            fix = f"pueue-skill {actions.start_command(host.name, group.name)}"
            checks.append(HealthCheck(name, "warning", what, fix, "" if failed else "asked"))
        limit = configured.get(group.name)
        if limit is not None and group.limit and (group.limit < limit or not limit):
            what = f"the limit of group {group.name} is {group.limit}, but the configured limit is {limit or 'none'}"
            fix = fixes.command(f"{pueue} parallel --group {quote.word(group.name)} {limit}")
            checks.append(HealthCheck(name, "warning", what, fix))
    return checks or [HealthCheck(name, "ok", counted(len(queue.states), "job"))]


def stuck_checks(fixes: Fixes, queue: Queue) -> list[HealthCheck]:
    """Check for jobs that do not run, except those in a paused group, which group_checks reports."""
    checks = []
    host = fixes.host
    name, jobs = f"jobs of {host.name}", outcome.by_id(queue)
    for kind, why, fix, ids in actions.stuck_jobs(host.name, queue):
        shown = outcome.job_names([jobs[id] for id in ids], host)
        if kind == "dependency":
            verb = "do not run: " if any(jobs[id].status != "done" for id in ids) else "skipped: "
            checks.append(HealthCheck(name, "warning", f"{shown} {verb}{why}. Fix the cause first", fix))
        elif kind == "limit":
            group = jobs[ids[0]].group
            paused = [
                f"{host.name}:{state.id}" for state in queue.states if (state.group, state.status) == (group, "paused")
            ]
            if paused:
                why += f", {len(paused)} of them by paused jobs"
                fix = " ".join(["pueue-skill start", *paused])
            checks.append(HealthCheck(name, "warning" if paused else "ok", f"{shown}: {why}", fix))
        elif kind != "group":
            checks.append(HealthCheck(name, "warning" if fix else "ok", f"{shown}: {why}", fix))
    return checks


class FailedJob(NamedTuple):
    """A failed job; `cause` is its outcome in words, `output` the end of its output."""

    fixes: Fixes
    facts: HealthReport
    state: JobState
    cause: str
    output: str

    @property
    def name(self) -> str:
        return f"{self.fixes.host.name}:{self.state.id}"

    @property
    def restart(self) -> str:
        return f"{quote.path(self.facts.client)} restart --in-place {self.state.id}"

    def check(self, fix: str, detail: str = "") -> HealthCheck:
        what = f"{self.name}: {self.cause}{f': {detail}' if detail else ''}"
        return HealthCheck(f"jobs of {self.fixes.host.name}", "warning", what, fix)


def failure_checks(
    fixes: Fixes, facts: HealthReport, queue: Queue, tails: Mapping[str, bytes], programs: Sequence[str], now: int
) -> list[HealthCheck]:
    """Check recent jobs for a missing working directory, and for a program that is missing or not executable; each program once.

    `tails` has the ends of outputs by job ID, `programs` the paths of programs outside PATH. `now` is the host's time.
    """
    checks: dict[str, HealthCheck] = {}
    jobs = outcome.by_id(queue)
    for state in queue.states:
        if not outcome.failed(state) or age_s(state, now) > RECENT_S:
            continue
        output = tails.get(state.id, b"").decode("utf-8", "replace")
        job = FailedJob(fixes, facts, state, outcome.failure_reason(state, fixes.host, jobs), output)
        if state.result == "spawn" and outcome.NOT_THERE.search(state.detail):
            checks[state.id] = job.check(fixes.command(f"mkdir -p {quote.word(state.cwd)} && {job.restart}"))
        elif state.exit_code == 127:
            program = first_group(NOT_FOUND, output)
            checks[program or state.id] = missing_program(job, program, programs)
        elif state.exit_code == 126:
            program = first_group(NOT_EXECUTABLE, output)
            if program:
                checks[program] = not_executable(job, program)
    return list(checks.values())


NOT_FOUND = regex(
    r"(?:: |^)(?:line \d+: |\d+: )?([^\s:]+): (?:command )?not found|command not found: (\S+)|Unknown command: (\S+)",
    re.MULTILINE,
)
NOT_EXECUTABLE = regex(
    r"(?:: |^)(?:line \d+: |\d+: )?([^\s:]+): Permission denied|permission denied: (\S+)", re.MULTILINE
)
"""What shells print about a program: sh, dash and bash; zsh; fish."""


def first_group(pattern: re.Pattern[str], text: str) -> str:
    """Return the first group of the first match that is not empty."""
    match = pattern.search(text)
    return next((group for group in match.groups() if group), "") if match else ""


def missing_program(job: FailedJob, program: str, programs: Iterable[str]) -> HealthCheck:
    """Return the check for exit code 127; `program` is empty if the output does not name it."""
    path = next((path for path in programs if path.rpartition("/")[2] == program), "")
    if not path:
        return job.check(f"install it on the host, or use its full path; see: pueue-skill log {job.name}", program)
    folder, home = path.rpartition("/")[0], job.facts.home
    folder = f"~{folder.removeprefix(home)}" if folder.startswith(f"{home}/") else folder
    folders = ", ".join([f'"{folder}"' for folder in [folder, *job.fixes.host.path]])
    return job.check(job.fixes.setting("path", f"[{folders}]"), f"{program}, which is at {path}, is not on PATH")


def not_executable(job: FailedJob, program: str) -> HealthCheck:
    chmod = f"cd {quote.word(job.state.cwd)} && chmod +x {quote.word(program)} && {job.restart}"
    return job.check(job.fixes.command(chmod), program)


def age_s(state: JobState, now: int) -> float:
    """Return how long ago a job ended, or 0 if its time is not known."""
    try:
        return now - dt.datetime.fromisoformat(state.ended or state.created).timestamp()
    except ValueError:
        return 0
