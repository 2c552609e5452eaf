"""The report of an audit as text for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pueue_skill.hosts.audit import count_and_size
from pueue_skill.queues.outcome import STATE_WORDS
from pueue_skill.shell import printable
from pueue_skill.shell.printable import byte_size
from pueue_skill.startup.words import counted

if TYPE_CHECKING:
    from pueue_skill.hosts.reports import AuditReport

MAX_TAIL_LINES = 3
MAX_HEAD_LINES = 5
MAX_ANSWER_LINES = 20


def text(report: AuditReport) -> str:
    """Return the report, a line for each fact, with its subject in the first column. Text from the host is made safe for a terminal."""
    rows = [
        (report["host"], summary(report)),
        *hardware_rows(report),
        *group_rows(report),
        *failure_rows(report),
        *checkpoint_rows(report),
        *query_rows(report),
        *project_rows(report),
        *final_rows(report),
    ]
    width = max(11, len(report["host"]))
    return "\n".join([f"{plain(subject):<{width}}  {plain(fact)}" for subject, fact in rows])


def summary(report: AuditReport) -> str:
    """Return the time of the audit, the error of the host's clock and its boot time."""
    clock = report["clock"]
    words = f"at {report['at']}"
    if clock:
        words += f"; its clock is {abs(clock)} s {'ahead' if clock > 0 else 'behind'}"
    if report["booted"]:
        words += f"; up since {dt.datetime.fromtimestamp(report['booted'], dt.UTC):%Y-%m-%d %H:%M} UTC"
    return words


def hardware_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield load, memory, disks and GPUs."""
    if report["load"]:
        processors = f" on {report['processors']} processors" if report["processors"] else ""
        yield "load", " ".join([f"{load:g}" for load in report["load"]]) + processors
    memory = report["memory"]
    if memory:
        swap = (
            f"swap {byte_size(memory['swap_used'])} of {byte_size(memory['swap'])} used"
            if memory["swap"]
            else "no swap"
        )
        yield "memory", f"{byte_size(memory['available'])} of {byte_size(memory['size'])} available; {swap}"
    for disk in report["disks"]:
        yield "disk", f"{disk['path']} ({disk['mount']}): {byte_size(disk['free'])} of {byte_size(disk['size'])} free"
    for gpu in report["gpus"]:
        facts = [f"{gpu['used']} % used"] if gpu["used"] is not None else []
        if gpu["memory"] is not None and gpu["memory_used"] is not None:
            facts.append(f"{byte_size(gpu['memory_used'])} of {byte_size(gpu['memory'])}")
        facts += [f"{gpu['temperature']} °C"] if gpu["temperature"] is not None else []
        yield "gpu", f"{gpu['index']} {gpu['name']}: {', '.join(facts) or 'no measurements'}"


def group_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield each group with its used slots and its jobs by state."""
    for group in report["groups"] or []:
        counts = group["jobs"]
        jobs = ", ".join([f"{counts[state]} {words}" for state, words in STATE_WORDS.items() if counts.get(state)])
        used = counts.get("running", 0) + counts.get("paused", 0)
        status = "" if group["status"] == "running" else f", {group['status']}"
        yield "group", f"{group['name']} ({used}/{group['limit'] or '∞'}{status}): {jobs or 'no jobs'}"


def failure_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield the last failed jobs, each with the end of its output."""
    for failure in report["failures"]:
        label = f" {failure['label']}" if failure["label"] else ""
        yield "failed", f"{failure['name']}{label}: {failure['why']}"
        yield from quoted(failure["tail"].rstrip().splitlines()[-MAX_TAIL_LINES:])
    if report["failed"] and report["failed"] > len(report["failures"]):
        yield "failed", f"and {report['failed'] - len(report['failures'])} earlier jobs"


def checkpoint_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield the checkpoint files of each pattern, and the newest of them with its first lines."""
    for files in report["checkpoints"]:
        yield "checkpoints", f"{files['pattern']}: {count_and_size(files) if files['count'] else 'none'}"
        if files["newest"] and files["newest_age"] is not None and files["newest_size"] is not None:
            age = f"{printable.duration(files['newest_age'])} old" if files["newest_age"] >= 0 else "from the future"
            yield "", f"newest: {files['newest']}, {byte_size(files['newest_size'])}, {age}"
            yield from quoted(files["head"].splitlines()[:MAX_HEAD_LINES])


def query_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield the answer of each query."""
    for query in report["queries"]:
        first, *more = query["answer"].splitlines() or [""]
        yield "query", f"{query['name']}: {first}"
        yield from quoted(more[:MAX_ANSWER_LINES])
        if len(more) > MAX_ANSWER_LINES:
            yield "", f"and {counted(len(more) - MAX_ANSWER_LINES, 'more line')}"


def project_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield the last commit of each project, and how many files have changed since."""
    for project in report["projects"]:
        changed = f"{project['changed']} changed" if project["changed"] else "clean"
        branch = project["branch"] or "no branch"
        yield "project", f"{project['path']}: {project['commit'][:10]} on {branch}, {changed}"
        yield "", f"{project['committed']} {project['subject']}"


def final_rows(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Yield versions, what could not be determined, and the changes since the last audit."""
    if report["versions"]:
        yield "versions", ", ".join([f"{name} {version}" for name, version in report["versions"].items()])
    yield from [("unknown", f"{name}: {why}") for name, why in report["unknown"].items()]
    if report["since"]:
        yield "changes", f"since {report['since']}:" + ("" if report["changes"] else " none")
        yield from [("", change) for change in report["changes"]]


def quoted(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield rows of text from the host."""
    yield from [("", f"| {line}") for line in lines]


def plain(text: str) -> str:
    """Return text from a host as one line that is safe for a terminal."""
    return printable.safe(text.replace("\t", " ").replace("\n", " "))
