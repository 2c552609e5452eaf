"""What `--json` prints: plans and queues in, plain dictionaries of the types in reports.py out.

A queue's States never carry environments, so none can be shown here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import Job, Plan
from pueue_skill.queues.actions import stuck_jobs as stuck_in
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.registry import invocation
from pueue_skill.rules.model import Finding
from pueue_skill.shell.model import Host
from pueue_skill.shell.syntax import Script, Unparsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Literal

    from pueue_skill.batches.submission import Standing
    from pueue_skill.jobs.actions import HostResult as ActResult
    from pueue_skill.rules.rule import Rule
    from pueue_skill.views.reports import (
        ActReport,
        ActsReport,
        BatchJobReport,
        BatchReport,
        FindingReport,
        GroupReport,
        HaltedReport,
        HostActsReport,
        HostReport,
        JobReport,
        JobsReport,
        PhaseReport,
        RulesReport,
        StateReport,
        StatusReport,
        StuckReport,
        SuggestionReport,
    )

VERSION: Literal[1] = 1


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
        "each": job.each.before + job.each.xargs if job.each else None,
    }


def state_report(host: Host, state: JobState) -> StateReport:
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
        "due": state.due,
    }


def jobs(found: Sequence[tuple[Host, JobState]]) -> JobsReport:
    return {"version": VERSION, "jobs": [state_report(host, state) for host, state in found]}


def rules(found: Sequence[Rule]) -> RulesReport:
    return {
        "version": VERSION,
        "rules": [
            {
                "id": rule.id, "name": rule.name, "confidence": rule.confidence, "rewrite": rule.rewrite, "what": rule.what,
                "why": rule.why, "instead": rule.instead, "bad": list(rule.bad), "good": list(rule.good),
            }
            for rule in found
        ],
    }  # fmt: skip


def status(answers: Sequence[tuple[Host, Queue | Exception]], now: datetime) -> StatusReport:
    return {"version": VERSION, "hosts": [host_report(host, queue, now) for host, queue in answers]}


def host_report(host: Host, queue: Queue | Exception, now: datetime) -> HostReport:
    if not isinstance(queue, Queue):
        return {
            "host": host.name, "reachable": False, "reason": str(queue), "load": "", "groups": [], "stuck": [], "ended": 0,
            "failed": 0, "jobs": [],
        }  # fmt: skip
    counts = Counter([(state.group, state.result or state.status) for state in queue.states])
    groups: list[GroupReport] = []
    for group in queue.groups:
        inside = {what: count for (name, what), count in counts.items() if name == group.name}
        running, paused, success = (inside.pop(what, 0) for what in ("running", "paused", "success"))
        queued = inside.pop("queued", 0) + inside.pop("stashed", 0)
        groups.append(
            {
                "name": group.name, "limit": group.limit, "status": group.status, "running": running, "paused": paused,
                "queued": queued, "success": success, "failed": sum(inside.values()),
            }
        )  # fmt: skip
    recent = [state for state in queue.states if ended_within(state, now, 3600)]
    stuck: list[StuckReport] = [
        {"kind": one.kind, "why": one.why, "fix": one.fix, "jobs": [f"{host.name}:{id}" for id in one.ids]}
        for one in stuck_in(host.name, queue)
    ]
    return {
        "host": host.name, "reachable": True, "reason": "", "load": queue.load, "groups": groups, "stuck": stuck,
        "ended": len(recent), "failed": sum(state.result != "success" for state in recent),
        "jobs": [state_report(host, state) for state in queue.states],
    }  # fmt: skip


def ended_within(state: JobState, now: datetime, seconds: float) -> bool:
    """Whether a job that has run has ended in the last `seconds`."""
    if not state.ended or state.result in ("dependency", "spawn"):
        return False
    return (now - type(now).fromisoformat(state.ended)).total_seconds() < seconds


def acts(
    verb: Any, dry_run: bool, done: Mapping[str, ActResult | Exception], down: Mapping[str, Exception]
) -> ActsReport:
    hosts: list[HostActsReport] = []
    for host, result in {**done, **down}.items():
        if isinstance(result, Exception):
            hosts.append(
                {
                    "host": host, "reachable": False, "reason": str(result), "group": "", "paused": [], "files": 0, "jobs": [],
                }
            )  # fmt: skip
            continue
        jobs: list[ActReport] = []
        for one in result.results:
            state = one.action.state
            jobs.append(
                {
                    "name": f"{host}:{state.id}", "key": state.key, "label": state.label, "group": state.group,
                    "call": one.action.call, "did": one.status, "why": one.why,
                    "status": one.after.status if one.after else state.status if one.status == "planned" else None,
                }
            )  # fmt: skip
        paused: list[HaltedReport] = [{"name": name, "queued": queued} for name, queued in result.paused_groups]
        hosts.append(
            {
                "host": host, "reachable": True, "reason": "", "group": result.group, "paused": paused, "files": result.files,
                "jobs": jobs,
            }
        )  # fmt: skip
    return {"version": VERSION, "verb": verb, "dry_run": dry_run, "hosts": hosts}


def batch_status(name: str, found: Mapping[str, list[Standing] | Exception]) -> BatchReport:
    phases: dict[tuple[str, str, str], PhaseReport] = {}
    jobs: list[BatchJobReport] = []
    for host, answer in found.items():
        for one in [] if isinstance(answer, Exception) else answer:
            item = one.item
            counts = phases.setdefault(
                (item.phase, host, item.group),
                {
                    "phase": item.phase, "host": host, "group": item.group, "jobs": 0, "missing": 0, "changed": 0, "waiting": 0,
                    "running": 0, "success": 0, "failed": 0,
                },
            )  # fmt: skip
            counts["jobs"] += 1
            match one.what:
                case "missing" | "not known":
                    counts["missing"] += 1
                case "changed":
                    counts["changed"] += 1
                case "queued" | "stashed" | "paused":
                    counts["waiting"] += 1
                case "running":
                    counts["running"] += 1
                case "success":
                    counts["success"] += 1
                case _:
                    counts["failed"] += 1
            jobs.append(
                {
                    "key": item.key, "pack": one.pack, "name": f"{host}:{one.state.id}" if one.state else "", "host": host, "phase": item.phase,
                    "kind": item.kind, "label": item.label, "group": item.group, "standing": one.what,
                    "exit_code": one.exit_code, "tries": one.tries, "after": list(item.after),
                }
            )  # fmt: skip
    unreachable = {host: str(answer) for host, answer in found.items() if isinstance(answer, Exception)}
    return {
        "version": VERSION,
        "batch": name,
        "unreachable": unreachable,
        "phases": list(phases.values()),
        "jobs": jobs,
    }
