"""What people see: findings drawn under their command, and the table of all queues. Values in, text out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pueue_skill.model import Finding
from pueue_skill.reports import StateReport, StatusReport

if TYPE_CHECKING:
    from rich.console import RenderableType


def drawn(command: str, findings: tuple[Finding, ...]) -> str:
    """The findings, each under its line of the command with a caret span.

    A span of several lines is marked to the end of its first.
    """
    parts = []
    for finding in findings:
        start = command.rfind("\n", 0, finding.start) + 1
        end = command.find("\n", finding.start)
        end = len(command) if end < 0 else end
        line = "".join([char if char.isprintable() else " " for char in command[start:end]])
        carets = "^" * max(1, min(finding.end, end) - finding.start)
        parts.append(
            f"  {line}\n  {' ' * (finding.start - start)}{carets}\n"
            f"{finding.rule} {finding.name} ({finding.confidence}): {finding.message}\n"
        )
    return "\n".join(parts)


def status_table(report: StatusReport, now: dt.datetime) -> RenderableType:
    """All queues side by side, for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("job", "state", "group", "label", "time", "command"):
        table.add_column(
            name, no_wrap=name in ("job", "state", "time"), overflow="fold" if name == "command" else "ellipsis"
        )
    notes = []
    for host in report["hosts"]:
        for job in host["jobs"]:
            table.add_row(
                Text(job["name"]),
                Text(state_words(job), style=STYLES.get(job["result"] or job["status"], "")),
                Text(job["group"]),
                Text(job["label"] or ""),
                Text(duration(job, now)),
                Text(first_line(job["command"])),
            )
        if not host["reachable"]:
            notes.append(Text(f"{host['host']}: {host['reason']}", style="red"))
            continue
        groups = [
            f"{group['name']} {group['running']}/{group['limit'] or '∞'}"
            + (f" +{group['queued']}" if group["queued"] else "")
            + (" paused" if group["status"] != "running" else "")
            for group in host["groups"]
        ]
        notes.append(Text(f"{host['host']}: {', '.join(groups)}" + ("" if host["jobs"] else "; no jobs")))
    return Group(table, *notes) if table.row_count else Group(*notes)


STYLES = {
    "success": "green",
    "running": "cyan",
    "failed": "red",
    "killed": "red",
    "dependency": "red",
    "spawn": "red",
    "paused": "yellow",
}
RESULTS = {
    "success": "done",
    "killed": "killed",
    "dependency": "dependency failed",
    "spawn": "did not start",
    "unknown": "ended, unknown how",
}


def state_words(job: StateReport) -> str:
    if job["status"] != "done":
        return job["status"]
    return f"failed, exit {job['exit_code']}" if job["result"] == "failed" else RESULTS[job["result"] or "unknown"]


def duration(job: StateReport, now: dt.datetime) -> str:
    """How long the job ran, or has been running."""
    if not job["started"] or job["result"] in ("dependency", "spawn"):
        return ""
    end = dt.datetime.fromisoformat(job["ended"]) if job["ended"] else now
    seconds = max(0, int((end - dt.datetime.fromisoformat(job["started"])).total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def first_line(command: str) -> str:
    line, newline, _ = command.strip().partition("\n")
    line = "".join([char if char.isprintable() else "�" for char in line])
    return line + (" …" if newline else "")
