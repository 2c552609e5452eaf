"""The documents of `--json`: plans, queues and results in, dictionaries of the types in reports.py out.

A JobState has no environment, so no document contains one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import Job, Plan
from pueue_skill.queues.actions import stuck_jobs
from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.queues.registry import invocation
from pueue_skill.rules.model import Finding
from pueue_skill.shell.model import Host
from pueue_skill.shell.syntax import Script, Unparsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Literal

    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.model import ItemResult
    from pueue_skill.batches.states import ItemState
    from pueue_skill.jobs.actions import HostResult
    from pueue_skill.rules.rule import Rule
    from pueue_skill.state.sessions import Submitted
    from pueue_skill.views.reports import (
        ActReport,
        ActsReport,
        BatchActReport,
        BatchActsReport,
        BatchCheckReport,
        BatchJobReport,
        BatchReport,
        FindingReport,
        GroupReport,
        HaltedReport,
        HostActsReport,
        HostBatchActsReport,
        HostReport,
        JobReport,
        JobsReport,
        OutcomeReport,
        PhaseReport,
        PhaseSizeReport,
        RulesReport,
        RunReport,
        StateReport,
        StatusReport,
        StuckReport,
        SuggestionReport,
        TimelineReport,
    )
    from pueue_skill.views.timeline import Slot

    CountName = Literal["missing", "changed", "waiting", "running", "success", "failed"]

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


def jobs(selected: Sequence[tuple[Host, JobState]]) -> JobsReport:
    return {"version": VERSION, "jobs": [state_report(host, state) for host, state in selected]}


def run(host: Host, state: JobState, new: bool) -> RunReport:
    return {
        "version": VERSION, "host": host.name, "id": state.id, "already_queued": not new, "job": state_report(host, state),
    }  # fmt: skip


def outcome(job: Submitted) -> OutcomeReport:
    result: Any = job.state
    return {
        "version": VERSION, "host": job.host, "id": job.id or None, "key": job.key, "label": job.label or None,
        "group": job.group, "command": job.command, "result": result, "exit_code": job.exit_code, "seconds": job.seconds,
        "ended": job.ended or None, "tail": job.tail,
    }  # fmt: skip


def timeline(
    title: str, slots: Sequence[Slot], hosts: Mapping[str, Host], down: Mapping[str, Exception]
) -> TimelineReport:
    return {
        "version": VERSION,
        "title": title,
        "unreachable": {host: str(error) for host, error in down.items()},
        "slots": [
            {
                "host": slot.host, "group": slot.group, "number": slot.number,
                "jobs": [state_report(hosts[slot.host], bar.state) for bar in slot.bars],
            }
            for slot in slots
        ],
    }  # fmt: skip


def rules(listed: Sequence[Rule]) -> RulesReport:
    return {
        "version": VERSION,
        "rules": [
            {
                "id": rule.id, "name": rule.name, "confidence": rule.confidence, "rewrite": rule.rewrite, "what": rule.what,
                "why": rule.why, "instead": rule.instead, "bad": list(rule.bad), "good": list(rule.good),
            }
            for rule in listed
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
    counts: Mapping[tuple[str, str], int] = Counter(
        [(state.group, state.result or state.status) for state in queue.states]
    )
    groups = [group_report(group, counts) for group in queue.groups]
    recent = [state for state in queue.states if ended_within(state, now, 3600)]
    stuck_reports: list[StuckReport] = [
        {"kind": stuck.kind, "why": stuck.why, "fix": stuck.fix, "jobs": [f"{host.name}:{id}" for id in stuck.ids]}
        for stuck in stuck_jobs(host.name, queue)
    ]
    return {
        "host": host.name, "reachable": True, "reason": "", "load": queue.load, "groups": groups, "stuck": stuck_reports,
        "ended": len(recent), "failed": sum(state.result != "success" for state in recent),
        "jobs": [state_report(host, state) for state in queue.states],
    }  # fmt: skip


def group_report(group: Group, counts: Mapping[tuple[str, str], int]) -> GroupReport:
    """Return a group with its jobs; `counts` has the number of jobs by group and result, or status."""
    by_state = {state: count for (name, state), count in counts.items() if name == group.name}
    running, paused, success = (by_state.pop(state, 0) for state in ("running", "paused", "success"))
    queued = by_state.pop("queued", 0) + by_state.pop("stashed", 0)
    return {
        "name": group.name, "limit": group.limit, "status": group.status, "running": running, "paused": paused,
        "queued": queued, "success": success, "failed": sum(by_state.values()),
    }  # fmt: skip


def ended_within(state: JobState, now: datetime, seconds: float) -> bool:
    """Return whether a job that ran ended in the last `seconds`."""
    if not state.ended or state.result in ("dependency", "spawn"):
        return False
    return (now - type(now).fromisoformat(state.ended)).total_seconds() < seconds


def acts(
    verb: Any, dry_run: bool, results: Mapping[str, HostResult | Exception], down: Mapping[str, Exception]
) -> ActsReport:
    """Return the results of an action by host; `down` has the hosts that did not answer, with the reason."""
    hosts = [
        host_acts_report(host, result) if not isinstance(result, Exception) else unreachable_report(host, result)
        for host, result in {**results, **down}.items()
    ]
    return {"version": VERSION, "verb": verb, "dry_run": dry_run, "hosts": hosts}


def unreachable_report(host: str, error: Exception) -> HostActsReport:
    return {
        "host": host, "reachable": False, "reason": str(error), "group": "", "paused": [], "files": 0, "jobs": [],
    }  # fmt: skip


def host_acts_report(host: str, result: HostResult) -> HostActsReport:
    jobs: list[ActReport] = []
    for job in result.results:
        state, after = job.action.state, job.after
        jobs.append(
            {
                "name": f"{host}:{state.id}", "key": state.key, "label": state.label, "group": state.group,
                "call": job.action.call, "did": job.status, "why": job.why,
                "status": after.status if after else state.status if job.status == "planned" else None,
            }
        )  # fmt: skip
    paused: list[HaltedReport] = [{"name": name, "queued": queued} for name, queued in result.paused_groups]
    return {
        "host": host, "reachable": True, "reason": "", "group": result.group, "paused": paused, "files": result.files,
        "jobs": jobs,
    }  # fmt: skip


COUNTED_AS: Mapping[str, CountName] = {
    "missing": "missing",
    "not known": "missing",
    "changed": "changed",
    "queued": "waiting",
    "stashed": "waiting",
    "paused": "waiting",
    "running": "running",
    "success": "success",
}
"""The count of a PhaseReport by a job's state; every other state counts as failed."""


def batch_status(name: str, answers: Mapping[str, list[ItemState] | Exception]) -> BatchReport:
    """Return the jobs of a batch; `answers` has their states by host, or the reason why a host did not answer."""
    phases: dict[tuple[str, str, str], PhaseReport] = {}
    jobs: list[BatchJobReport] = []
    for host, answer in answers.items():
        for state in [] if isinstance(answer, Exception) else answer:
            item = state.item
            counts = phases.setdefault(
                (item.phase, host, item.group),
                {
                    "phase": item.phase, "host": host, "group": item.group, "jobs": 0, "missing": 0, "changed": 0, "waiting": 0,
                    "running": 0, "success": 0, "failed": 0,
                },
            )  # fmt: skip
            counts["jobs"] += 1
            counts[COUNTED_AS.get(state.status, "failed")] += 1
            jobs.append(batch_job_report(host, state))
    return {
        "version": VERSION,
        "batch": name,
        "unreachable": {host: str(answer) for host, answer in answers.items() if isinstance(answer, Exception)},
        "phases": list(phases.values()),
        "jobs": jobs,
    }


def batch_job_report(host: str, state: ItemState) -> BatchJobReport:
    item = state.item
    return {
        "key": item.key, "pack": state.pack, "name": f"{host}:{state.job.id}" if state.job else "",
        "host": host, "phase": item.phase, "kind": item.kind, "label": item.label, "group": item.group,
        "standing": state.status, "exit_code": state.exit_code, "tries": state.tries, "after": list(item.after),
    }  # fmt: skip


def batch_check(file: str, batch: Batch) -> BatchCheckReport:
    """Return the phases of a valid manifest, with their number of jobs."""
    phases: dict[str, PhaseSizeReport] = {}
    for name, phase in batch.manifest.phases.items():
        after = [after if isinstance(after, str) else after.phase for after in phase.after]
        phases[name] = {"phase": name, "jobs": 0, "checks": 0, "after": after}
    for item in batch.items:
        if item.kind == "check":
            phases[item.phase]["checks"] += 1
        elif item.kind != "end":
            phases[item.phase]["jobs"] += len(item.unpacked)
    return {
        "version": VERSION, "file": file, "batch": batch.name, "hosts": list(batch.hosts),
        "jobs": sum([len(item.unpacked) for item in batch.items]), "phases": list(phases.values()), "errors": [],
    }  # fmt: skip


def invalid_batch(file: str, errors: list[str]) -> BatchCheckReport:
    return {"version": VERSION, "file": file, "batch": None, "hosts": [], "jobs": 0, "phases": [], "errors": errors}


def batch_acts(
    name: str, verb: Any, dry_run: bool, results: Mapping[str, Sequence[ItemResult] | Exception]
) -> BatchActsReport:
    """Return what submit, resume or cancel did with the jobs of each host."""
    hosts: list[HostBatchActsReport] = []
    for host, answer in results.items():
        if isinstance(answer, Exception):
            hosts.append({"host": host, "reachable": False, "reason": str(answer), "jobs": []})
        else:
            hosts.append({"host": host, "reachable": True, "reason": "", "jobs": [batch_act(one) for one in answer]})
    return {"version": VERSION, "batch": name, "verb": verb, "dry_run": dry_run, "hosts": hosts}


def batch_act(result: ItemResult) -> BatchActReport:
    item = result.item
    return {
        "key": item.key, "name": f"{item.host}:{result.id}" if result.id else "", "phase": item.phase, "kind": item.kind,
        "label": item.label, "group": item.group, "did": result.did, "count": result.jobs, "why": result.why,
    }  # fmt: skip
