"""Audits a host: the probes to run on it out; their results in, a report out. Also lists the changes between two reports.

Probes only read. The report names the failed ones as unknown, with the reason. Texts of a host are untrusted: this module masks secrets and
cuts long texts, and views/ makes them safe to display.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pueue_skill.queues import framing, outcome
from pueue_skill.queues.framing import Probe, ProbeResult
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import max_tail_bytes, read_tails
from pueue_skill.shell.model import Host
from pueue_skill.shell.printable import byte_size
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import counted

if TYPE_CHECKING:
    from typing import TypeVar

    from pueue_skill.hosts.reports import (
        AuditReport,
        CheckpointReport,
        DiskReport,
        FailureReport,
        GpuReport,
        GroupAudit,
        MemoryReport,
        ProjectReport,
    )

    T = TypeVar("T")

MAX_FAILURES, TAIL_BYTES = 20, 1000
"""How many failed jobs are shown, and how much of the end of their outputs."""

HEAD_BYTES = 500
"""How much of the beginning of the newest checkpoint is shown."""

NOTABLE_SHARE = 0.05
"""From this share on, a change of the free space of a disk, of memory or of swap is reported."""

CLOCK_TOLERANCE_S = 60
"""The time of the last boot is computed from the clock, so an adjusted clock moves it."""


class AuditOptions(NamedTuple):
    """What the configuration adds to the audit of a host: patterns of checkpoint files, commands by name, folders of git checkouts."""

    checkpoints: tuple[str, ...] = ()
    queries: tuple[tuple[str, str], ...] = ()
    projects: tuple[str, ...] = ()


class RequestTimes(NamedTuple):
    """When this machine sent a request to a host and got the answer, in seconds since the epoch."""

    sent: float
    answered: float


def probes(host: Host, options: AuditOptions) -> tuple[Probe, ...]:
    """Return the probes of an audit, slow ones last."""
    kind = KINDS[host.backend]
    path = ":".join(host.path)
    return (
        Probe("clock", script("hosts/clock")),
        Probe("booted", script("hosts/booted")),
        Probe("load", script("hosts/load")),
        Probe("memory", script("hosts/memory")),
        Probe("disks", kind.data_folder() + script("hosts/disks"), 10),
        Probe("gpus", script("hosts/gpus", PQ_PATH=path), 15),
        Probe("versions", script("hosts/versions", PQ_PATH=path), 10),
        Probe(host.backend, kind.versions_script(host), 10),
        Probe("queue", kind.status_script(host), 25, 100_000_000),
        Probe(
            "failures",
            kind.failures_script(host, MAX_FAILURES, TAIL_BYTES),
            25,
            MAX_FAILURES * max_tail_bytes(TAIL_BYTES),
        ),
        *[
            Probe(f"project {i}", script("hosts/project", PQ_PATH=path, PQ_FOLDER=folder), 10)
            for i, folder in enumerate(options.projects)
        ],
        *[
            Probe(f"checkpoints {i}", script("hosts/checkpoints", PQ_PATTERN=pattern, PQ_BYTES=str(HEAD_BYTES)), 10)
            for i, pattern in enumerate(options.checkpoints)
        ],
        *[
            Probe(f"query {name}", script("hosts/query", PQ_PATH=path, PQ_COMMAND=command), 15, 10_000)
            for name, command in options.queries
        ],
    )


class Results:
    """The results of an audit's probes. `unknown` collects the reasons for missing ones, by the name in the report."""

    def __init__(self, probes: Iterable[Probe], results: Mapping[str, ProbeResult]) -> None:
        self.probes = {probe.name: probe for probe in probes}
        self.results = results
        self.unknown: dict[str, str] = {}

    def parse(self, name: str, parser: Callable[[str], T], shown: str = "") -> T | None:
        """Return what `parser` returns for the output of a probe, or None; `shown` is its name in the report, if another."""
        problem = framing.problem(self.results.get(name), self.probes[name])
        if not problem:
            text = self.results[name].text
            try:
                return parser(text)
            except (ValueError, KeyError, IndexError):
                problem = f"cannot parse the answer: {text.strip()[:200]!r}"
        self.unknown[shown or name] = masked(problem)
        return None


def report(
    host: Host, options: AuditOptions, probe_results: Mapping[str, ProbeResult], times: RequestTimes
) -> AuditReport:
    """Return the report for the results of the probes."""
    kind = KINDS[host.backend]
    results = Results(probes(host, options), probe_results)
    queue = results.parse("queue", kind.read_status)
    tails = results.parse("failures", lambda _: read_tails(probe_results["failures"].data)) if queue else {}
    failed = sorted([state for state in queue.states if outcome.failed(state)], key=end_time) if queue else []
    checkpoints = [
        results.parse(f"checkpoints {i}", partial(parse_checkpoint, pattern), f"checkpoints {pattern}")
        for i, pattern in enumerate(options.checkpoints)
    ]
    projects = [
        results.parse(f"project {i}", partial(parse_project, path), f"project {path}")
        for i, path in enumerate(options.projects)
    ]
    queries = {name: results.parse(f"query {name}", str.strip) for name, _ in options.queries}
    load = results.parse("load", parse_load)
    return {
        "version": 1,
        "host": host.name,
        "at": dt.datetime.fromtimestamp(times.answered, dt.UTC).isoformat(timespec="seconds"),
        "clock": results.parse("clock", lambda text: clock_offset_s(int(text), times)),
        "booted": results.parse("booted", int),
        "groups": group_reports(queue) if queue else None,
        "failed": len(failed) if queue else None,
        "failures": failure_reports(host, queue, failed[-MAX_FAILURES:], tails or {}) if queue else [],
        "checkpoints": [checkpoint for checkpoint in checkpoints if checkpoint],
        "queries": [{"name": name, "answer": masked(text)} for name, text in queries.items() if text is not None],
        "load": load[0] if load else None,
        "processors": load[1] if load else None,
        "memory": results.parse("memory", parse_memory),
        "disks": results.parse("disks", parse_disks) or [],
        "gpus": results.parse("gpus", parse_gpus) or [],
        "projects": [project for project in projects if project],
        "versions": {
            **(results.parse("versions", parse_versions) or {}),
            **(results.parse(host.backend, parse_versions) or {}),
        },
        "unknown": results.unknown,
        "since": None,
        "changes": [],
    }


def clock_offset_s(host_time: int, times: RequestTimes) -> int:
    """Return by how many seconds a host's clock is certainly ahead (negative: behind); it showed `host_time` during the request."""
    if host_time > times.answered:
        return int(host_time - times.answered)
    return int(host_time + 1 - times.sent) if host_time + 1 < times.sent else 0


def end_time(state: JobState) -> str:
    return state.ended or state.created


def group_reports(queue: Queue) -> list[GroupAudit]:
    counts: dict[str, Counter[str]] = {group.name: Counter() for group in queue.groups}
    for state in queue.states:
        counts[state.group][state.result or state.status] += 1
    return [
        {"name": group.name, "limit": group.limit, "status": group.status, "jobs": dict(counts[group.name])}
        for group in queue.groups
    ]


def failure_reports(
    host: Host, queue: Queue, failed: Sequence[JobState], tails: Mapping[str, bytes]
) -> list[FailureReport]:
    jobs = outcome.by_id(queue)
    return [
        {
            "name": f"{host.name}:{state.id}",
            "label": state.label and masked(state.label),
            "group": state.group,
            "command": masked(state.command),
            "result": state.result,
            "exit_code": state.exit_code,
            "why": masked(outcome.failure_reason(state, host, jobs)),
            "created": state.created,
            "ended": state.ended,
            "tail": masked(drop_partial_line(tails.get(state.id, b"")).decode("utf-8", "replace")),
        }
        for state in failed
    ]


def drop_partial_line(tail: bytes) -> bytes:
    """Return the end of an output without its first line if that may be cut: a secret is recognized by the name before it."""
    return tail if len(tail) < TAIL_BYTES else tail.partition(b"\n")[2]


def parse_checkpoint(pattern: str, text: str) -> CheckpointReport:
    """Parse the output of sh/checkpoints.sh."""
    numbers, _, newest_and_head = text.partition("\n")
    if numbers == "0":
        return {
            "pattern": pattern, "count": 0, "size": 0, "newest": None, "newest_size": None, "newest_age": None,
            "newest_time": None, "head": "",
        }  # fmt: skip
    count, total, now, newest_time, newest_size = [int(number) for number in numbers.split()]
    newest, _, head = newest_and_head.partition("\n")
    return {
        "pattern": pattern,
        "count": count,
        "size": total,
        "newest": newest,
        "newest_size": newest_size,
        "newest_age": now - newest_time,
        "newest_time": newest_time,
        "head": "(binary)" if "\0" in head else masked(head.strip()),
    }


def parse_project(path: str, text: str) -> ProjectReport:
    """Parse the output of sh/project.sh."""
    commit, committed, subject, branch, changed = text.split("\n")[:5]
    return {
        "path": path,
        "commit": commit,
        "branch": branch,
        "committed": committed,
        "subject": masked(subject),
        "changed": int(changed),
    }


LOADS = regex(r"load averages?: *([0-9.]+),? +([0-9.]+),? +([0-9.]+)")


def parse_load(text: str) -> tuple[list[float], int | None]:
    """Parse the output of sh/load.sh: the load averages, and the number of processors."""
    match = LOADS.search(text)
    if not match:
        raise ValueError(text)
    last = text.split()[-1]
    return [float(value) for value in match.groups()], int(last) if last.isdigit() else None


def parse_memory(text: str) -> MemoryReport:
    """Parse the output of sh/memory.sh."""
    if "MemTotal:" in text:
        kb = {
            name: int(value.split()[0])
            for name, _, value in [line.partition(":") for line in text.splitlines()]
            if value
        }
        # Kernels before 3.14 have no MemAvailable.
        available = kb.get("MemAvailable", kb["MemFree"] + kb.get("Buffers", 0) + kb.get("Cached", 0))
        swap = kb.get("SwapTotal", 0)
        return {
            "size": kb["MemTotal"] * 1024,
            "available": available * 1024,
            "swap": swap * 1024,
            "swap_used": (swap - kb.get("SwapFree", 0)) * 1024,
        }
    size = int(text.split()[0])  # macOS
    page = int(text.partition("page size of ")[2].split()[0])
    pages = dict(regex(r'^"?Pages ([a-z ]+)"?: +(\d+)', re.MULTILINE).findall(text))
    available = sum([int(pages.get(name, 0)) for name in ("free", "inactive", "speculative", "purgeable")]) * page
    swap_total, used = [float(megabytes) for megabytes in regex(r"(?:total|used) = ([0-9.]+)M").findall(text)]
    return {"size": size, "available": available, "swap": int(swap_total * 2**20), "swap_used": int(used * 2**20)}


def parse_disks(text: str) -> list[DiskReport]:
    """Parse the output of sh/disks.sh: the file systems of the home and of the queue's folder, which may be the same."""
    by_mount: dict[str, DiskReport] = {}
    for line, path in zip(text.splitlines(), ("home", "queue"), strict=True):
        match = DF_LINE.search(line)
        if not match:
            raise ValueError(line)
        size, free, mount = int(match[1]) * 1024, int(match[2]) * 1024, match[3]
        if mount in by_mount:
            by_mount[mount]["path"] += f" and {path}"
        else:
            by_mount[mount] = {"path": path, "mount": mount, "size": size, "free": free}
    return list(by_mount.values())


DF_LINE = regex(r" (\d+) +-?\d+ +(-?\d+) +(?:-|\d+%) +(/.*)$")


def parse_gpus(text: str) -> list[GpuReport]:
    """Parse the output of sh/gpus.sh."""
    gpus: list[GpuReport] = []
    for line in text.strip().splitlines():
        index, name, driver, used, memory, memory_used, temperature = [value.strip() for value in line.rsplit(",", 6)]
        gpus.append(
            {
                "index": index,
                "name": name,
                "driver": driver,
                "used": parse_number(used),
                "memory": parse_number(memory, 2**20),
                "memory_used": parse_number(memory_used, 2**20),
                "temperature": parse_number(temperature),
            }
        )
    return gpus


def parse_number(value: str, unit: int = 1) -> int | None:
    """Return a number from nvidia-smi in `unit`; None for [N/A], which it prints if a card does not report the value."""
    return int(value) * unit if value.isdigit() else None


def parse_versions(text: str) -> dict[str, str]:
    """Parse lines such as `git version 2.39` and `uv 0.8 (…)`: versions by the first word."""
    by_name = {}
    for line in text.strip().splitlines():
        name, *words = line.split()
        by_name[name.lower()] = " ".join([word for word in words if word != "version"])
    if not by_name:
        raise ValueError(text)
    return by_name


def changes(before: AuditReport, now: AuditReport) -> list[str]:
    """Return the changes between two audits of a host, a line each. Values that only one of them knows are not compared."""
    queries = [{query["name"]: query["answer"] for query in audit["queries"]} for audit in (before, now)]
    return [
        *system_changes(before, now),
        *queue_changes(before, now),
        *checkpoint_changes(before, now),
        *text_changes("query", *queries),
        *project_changes(before, now),
        *text_changes("version of", before["versions"], now["versions"]),
        *[f"{name} is no longer known: {why}" for name, why in now["unknown"].items() if name not in before["unknown"]],
        *[f"{name} is known again" for name in before["unknown"] if name not in now["unknown"]],
    ]


def text_changes(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{what} {name}: {one_line(before[name])} -> {one_line(value)}"
        for name, value in now.items()
        if name in before and before[name] != value
    ]


def one_line(text: str, max_chars: int = 200) -> str:
    line = " | ".join(text.splitlines())
    return line if len(line) <= max_chars else line[:max_chars] + "…"


def system_changes(before: AuditReport, now: AuditReport) -> list[str]:
    """Return the changes of uptime, disks, memory and GPUs."""
    lines = []
    if before["booted"] and now["booted"] and now["booted"] > before["booted"] + CLOCK_TOLERANCE_S:
        lines.append("the host was rebooted")
    old_disks = {disk["mount"]: disk for disk in before["disks"]}
    pairs = [
        (disk["path"], disk["size"], old_disks[disk["mount"]]["free"], disk["free"])
        for disk in now["disks"]
        if disk["mount"] in old_disks
    ]
    old, new = before["memory"], now["memory"]
    if old and new:
        pairs += [("memory", new["size"], old["available"], new["available"])]
        pairs += [("swap", new["swap"], old["swap"] - old["swap_used"], new["swap"] - new["swap_used"])]
    lines += [
        f"{name}: {byte_size(was)} free -> {byte_size(free)} free"
        for name, size, was, free in pairs
        if size and abs(was - free) >= NOTABLE_SHARE * size
    ]
    if "gpus" not in before["unknown"] and "gpus" not in now["unknown"]:
        old_gpus, new_gpus = [{gpu["index"]: gpu["name"] for gpu in audit["gpus"]} for audit in (before, now)]
        lines += [f"gpu {index} ({name}) is gone" for index, name in old_gpus.items() if index not in new_gpus]
        lines += [f"gpu {index} ({name}) is new" for index, name in new_gpus.items() if index not in old_gpus]
    return lines


def queue_changes(before: AuditReport, now: AuditReport) -> list[str]:
    """Return the changes of groups, and the jobs that have failed since."""
    if before["groups"] is None or now["groups"] is None:
        return []
    old_groups, new_groups = (
        {group["name"]: group for group in groups} for groups in (before["groups"], now["groups"])
    )
    lines = [f"group {name} is gone" for name in old_groups if name not in new_groups]
    for name, group in new_groups.items():
        lines += group_changes(old_groups[name], group) if name in old_groups else [f"group {name} is new"]
    known = {(job["name"], job["created"], job["ended"]) for job in before["failures"]}
    lines += [
        f"{job['name']}{' ' + job['label'] if job['label'] else ''} failed: {job['why']}"
        for job in now["failures"]
        if (job["name"], job["created"], job["ended"]) not in known
    ]
    return lines


def group_changes(old: GroupAudit, new: GroupAudit) -> list[str]:
    lines = []
    if old["status"] != new["status"]:
        lines.append(f"group {new['name']}: {old['status']} -> {new['status']}")
    if old["limit"] != new["limit"]:
        lines.append(f"group {new['name']}: limit {old['limit'] or 'none'} -> {new['limit'] or 'none'}")
    counts = [
        f"{old['jobs'].get(state, 0)} -> {new['jobs'].get(state, 0)} {words}"
        for state, words in outcome.STATE_WORDS.items()
        if old["jobs"].get(state, 0) != new["jobs"].get(state, 0)
    ]
    if counts:
        lines.append(f"group {new['name']}: {', '.join(counts)}")
    return lines


def checkpoint_changes(before: AuditReport, now: AuditReport) -> list[str]:
    lines = []
    old_files = {files["pattern"]: files for files in before["checkpoints"]}
    for files in now["checkpoints"]:
        old = old_files.get(files["pattern"])
        if old is None:
            continue
        name = f"checkpoints {files['pattern']}"
        if (old["count"], old["size"]) != (files["count"], files["size"]):
            lines.append(f"{name}: {count_and_size(old)} -> {count_and_size(files)}")
        if files["newest"] and (old["newest"], old["newest_time"]) != (files["newest"], files["newest_time"]):
            lines.append(f"{name}: the newest is now {files['newest']}")
    return lines


def project_changes(before: AuditReport, now: AuditReport) -> list[str]:
    lines = []
    old_projects = {project["path"]: project for project in before["projects"]}
    for project in now["projects"]:
        old = old_projects.get(project["path"])
        if old is None:
            continue
        name = f"project {project['path']}"
        if old["commit"] != project["commit"]:
            lines.append(f"{name}: commit {old['commit'][:10]} -> {project['commit'][:10]} ({project['subject']})")
        if old["branch"] != project["branch"]:
            lines.append(f"{name}: branch {old['branch'] or 'none'} -> {project['branch'] or 'none'}")
        if old["changed"] != project["changed"]:
            lines.append(f"{name}: {old['changed']} changed files -> {project['changed']}")
    return lines


def count_and_size(files: CheckpointReport) -> str:
    return f"{counted(files['count'], 'file')}, {byte_size(files['size'])}"
