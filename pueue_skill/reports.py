"""What `--json` prints: plans and queues in, plain dictionaries out; the published schemas are made from these types.

A queue's States never carry environments, so none can be shown here.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from pueue_skill.backends import invocation
from pueue_skill.model import (
    Confidence,
    Finding,
    Host,
    Job,
    Parser,
    Plan,
    Queue,
    Result,
    Script,
    State,
    Status,
    Unparsed,
    Verdict,
)

VERSION: Literal[1] = 1


class FindingReport(TypedDict):
    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int


class JobReport(TypedDict):
    """A job of a plan. It comes after those whose keys are in `after` have succeeded or, with `if_failed`, have ended.

    `each` is the head of a loop whose items only the shell knows: then it is a job a turn, and `command` is that of every one.
    """

    key: str
    host: str
    backend: str
    group: str | None
    label: str | None
    cwd: str | None
    command: str
    after: list[str]
    if_failed: bool
    each: str | None


class SuggestionReport(TypedDict):
    """What becomes of a command. Positions are character offsets into `command`.

    With `in_place` the invocation takes the command's place where it stands: it waits, and gives its output and exit status.
    """

    version: Literal[1]
    command: str
    verdict: Verdict
    reason: str
    parser: Parser | None
    findings: list[FindingReport]
    jobs: list[JobReport]
    invocation: str | None
    in_place: bool


class GroupReport(TypedDict):
    name: str
    limit: int
    status: str
    running: int
    queued: int


class StateReport(TypedDict):
    """A job in a queue. `name` is HOST:ID; `command` is the work without what the queue puts around it."""

    name: str
    key: str | None
    status: Status
    result: Result | None
    exit_code: int | None
    detail: str
    group: str
    label: str | None
    cwd: str
    command: str
    after: list[str]
    created: str
    started: str | None
    ended: str | None


class HostReport(TypedDict):
    host: str
    reachable: bool
    reason: str
    groups: list[GroupReport]
    jobs: list[StateReport]


class StatusReport(TypedDict):
    """The queues of all hosts that were asked."""

    version: Literal[1]
    hosts: list[HostReport]


def suggestion(command: str, script: Script | Unparsed, findings: tuple[Finding, ...], plan: Plan) -> SuggestionReport:
    return {
        "version": VERSION,
        "command": command,
        "verdict": plan.verdict,
        "reason": plan.reason,
        "parser": script.parser if isinstance(script, Script) else None,
        "findings": [finding_report(finding) for finding in findings],
        "jobs": [job_report(job) for job in plan.jobs],
        "invocation": invocation(plan),
        "in_place": plan.in_place is not None,
    }


def finding_report(finding: Finding) -> FindingReport:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "message": finding.message,
        "confidence": finding.confidence,
        "start": finding.start,
        "end": finding.end,
    }


def job_report(job: Job) -> JobReport:
    return {
        "key": job.key,
        "host": job.host,
        "backend": job.backend,
        "group": job.group,
        "label": job.label,
        "cwd": job.cwd,
        "command": job.command,
        "after": list(job.after),
        "if_failed": job.if_failed,
        "each": job.each.before if job.each else None,
    }


def state_report(host: Host, state: State) -> StateReport:
    return {
        "name": f"{host.name}:{state.id}",
        "key": state.key,
        "status": state.status,
        "result": state.result,
        "exit_code": state.exit_code,
        "detail": state.detail,
        "group": state.group,
        "label": state.label,
        "cwd": state.cwd,
        "command": state.command,
        "after": [f"{host.name}:{id}" for id in state.after],
        "created": state.created,
        "started": state.started,
        "ended": state.ended,
    }


def status(answers: list[tuple[Host, Queue | Exception]]) -> StatusReport:
    hosts: list[HostReport] = []
    for host, queue in answers:
        if not isinstance(queue, Queue):
            hosts.append({"host": host.name, "reachable": False, "reason": str(queue), "groups": [], "jobs": []})
            continue
        groups: list[GroupReport] = []
        for group in queue.groups:
            inside = [state.status for state in queue.states if state.group == group.name]
            groups.append(
                {
                    "name": group.name,
                    "limit": group.limit,
                    "status": group.status,
                    "running": inside.count("running"),
                    "queued": inside.count("queued") + inside.count("stashed"),
                }
            )
        jobs = [state_report(host, state) for state in queue.states]
        hosts.append({"host": host.name, "reachable": True, "reason": "", "groups": groups, "jobs": jobs})
    return {"version": VERSION, "hosts": hosts}
