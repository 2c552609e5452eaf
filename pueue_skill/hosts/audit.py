"""The forensic audit of a host before anything is changed there: its Probes out; their ProbeResults in, a report out.

Every part only reads, and one that fails is said to be unknown. What a host says is somebody else's text: it is masked and cut here,
and made harmless for the terminal by render. What has changed since an earlier report is found here too, in words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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

FAILURES, TAIL = 20, 1000
"""Failed jobs that are shown, and the bytes of their outputs' ends."""

HEAD = 500
"""Bytes of the newest checkpoint that are shown."""

NOTABLE = 0.05
"""The share of a disk, of memory or of swap whose change is worth a word."""


class Wanted(NamedTuple):
    """What the user's configuration has audited on a host."""

    checkpoints: tuple[str, ...] = ()
    queries: tuple[tuple[str, str], ...] = ()
    projects: tuple[str, ...] = ()


class Asking(NamedTuple):
    """When a host was asked and when it had answered, in seconds of the epoch."""

    began: float
    ended: float


def asked(host: Host, wanted: Wanted) -> tuple[Probe, ...]:
    """The parts of an audit, what takes longest last."""
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
        Probe("failures", kind.failures_script(host, FAILURES, TAIL), 25, FAILURES * max_tail_bytes(TAIL)),
        *[
            Probe(f"project {i}", script("hosts/project", PQ_PATH=path, PQ_FOLDER=folder), 10)
            for i, folder in enumerate(wanted.projects)
        ],
        *[
            Probe(f"checkpoints {i}", script("hosts/checkpoints", PQ_PATTERN=pattern, PQ_BYTES=str(HEAD)), 10)
            for i, pattern in enumerate(wanted.checkpoints)
        ],
        *[
            Probe(f"query {name}", script("hosts/query", PQ_PATH=path, PQ_COMMAND=command), 15, 10_000)
            for name, command in wanted.queries
        ],
    )


def read(host: Host, wanted: Wanted, found: Mapping[str, ProbeResult], asking: Asking) -> AuditReport:
    """The report that the answers make."""
    unknown: dict[str, str] = {}
    by_name = {part.name: part for part in asked(host, wanted)}

    def of(name: str, shown: str, reading: Callable[[str], T]) -> T | None:
        why = framing.problem(found.get(name), by_name[name])
        if not why:
            try:
                return reading(found[name].text)
            except (ValueError, KeyError, IndexError):
                why = f"the answer is not understood: {found[name].text.strip()[:200]!r}"
        unknown[shown] = masked(why)
        return None

    kind = KINDS[host.backend]
    queue = of("queue", "queue", kind.read_status)
    tails = of("failures", "failures", lambda _: read_tails(found["failures"].data)) if queue else {}
    failed = sorted([one for one in queue.states if outcome.failed(one)], key=ended) if queue else []
    checkpoints = [
        of(f"checkpoints {i}", f"checkpoints {pattern}", partial(checkpoint, pattern))
        for i, pattern in enumerate(wanted.checkpoints)
    ]
    projects = [of(f"project {i}", f"project {path}", partial(project, path)) for i, path in enumerate(wanted.projects)]
    queries = {name: of(f"query {name}", f"query {name}", str.strip) for name, _ in wanted.queries}
    load = of("load", "load", read_load)
    return {
        "version": 1,
        "host": host.name,
        "at": dt.datetime.fromtimestamp(asking.ended, dt.UTC).isoformat(timespec="seconds"),
        "clock": of("clock", "clock", lambda text: ahead(int(text), asking)),
        "booted": of("booted", "booted", int),
        "groups": groups(queue) if queue else None,
        "failed": len(failed) if queue else None,
        "failures": failures(host, queue, failed[-FAILURES:], tails or {}) if queue else [],
        "checkpoints": [one for one in checkpoints if one],
        "queries": [{"name": name, "answer": masked(text)} for name, text in queries.items() if text is not None],
        "load": load[0] if load else None,
        "processors": load[1] if load else None,
        "memory": of("memory", "memory", memory),
        "disks": of("disks", "disks", disks) or [],
        "gpus": of("gpus", "gpus", gpus) or [],
        "projects": [one for one in projects if one],
        "versions": {
            **(of("versions", "versions", versions) or {}),
            **(of(host.backend, host.backend, versions) or {}),
        },
        "unknown": unknown,
        "since": None,
        "changes": [],
    }


def ahead(there: int, asking: Asking) -> int:
    """How many seconds a clock that stood at `there` meanwhile is ahead for sure; negative when it is behind."""
    if there > asking.ended:
        return int(there - asking.ended)
    return int(there + 1 - asking.began) if there + 1 < asking.began else 0


def ended(state: JobState) -> str:
    return state.ended or state.created


def groups(queue: Queue) -> list[GroupAudit]:
    counts: dict[str, Counter[str]] = {group.name: Counter() for group in queue.groups}
    for state in queue.states:
        counts[state.group][state.result or state.status] += 1
    return [
        {"name": group.name, "limit": group.limit, "status": group.status, "jobs": dict(counts[group.name])}
        for group in queue.groups
    ]


def failures(host: Host, queue: Queue, failed: Sequence[JobState], tails: Mapping[str, bytes]) -> list[FailureReport]:
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
            "tail": masked(whole(tails.get(state.id, b"")).decode("utf-8", "replace")),
        }
        for state in failed
    ]


def whole(tail: bytes) -> bytes:
    """The end of an output without a first line of which a part is missing: what is masked is known by its beginning."""
    return tail if len(tail) < TAIL else tail.partition(b"\n")[2]


def checkpoint(pattern: str, text: str) -> CheckpointReport:
    numbers, _, rest = text.partition("\n")
    if numbers == "0":
        return {
            "pattern": pattern, "count": 0, "size": 0, "newest": None, "newest_size": None, "newest_age": None,
            "newest_time": None, "head": "",
        }  # fmt: skip
    count, total, now, changed, size = [int(number) for number in numbers.split()]
    newest, _, head = rest.partition("\n")
    return {
        "pattern": pattern,
        "count": count,
        "size": total,
        "newest": newest,
        "newest_size": size,
        "newest_age": now - changed,
        "newest_time": changed,
        "head": "(binary)" if "\0" in head else masked(head.strip()),
    }


def project(path: str, text: str) -> ProjectReport:
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


def read_load(text: str) -> tuple[list[float], int | None]:
    found = LOADS.search(text)
    if not found:
        raise ValueError(text)
    last = text.split()[-1]
    return [float(value) for value in found.groups()], int(last) if last.isdigit() else None


def memory(text: str) -> MemoryReport:
    if "MemTotal:" in text:
        kb = {
            name: int(rest.split()[0]) for name, _, rest in [line.partition(":") for line in text.splitlines()] if rest
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
    swap_total, used = [float(found) for found in regex(r"(?:total|used) = ([0-9.]+)M").findall(text)]
    return {"size": size, "available": available, "swap": int(swap_total * 2**20), "swap_used": int(used * 2**20)}


def disks(text: str) -> list[DiskReport]:
    """What `df -kP` says of the home and of the queue's folder; once when they are on one file system."""
    found: dict[str, DiskReport] = {}
    for line, path in zip(text.splitlines(), ("home", "queue"), strict=True):
        row = DF.search(line)
        if not row:
            raise ValueError(line)
        size, free, mount = int(row[1]) * 1024, int(row[2]) * 1024, row[3]
        if mount in found:
            found[mount]["path"] += f" and {path}"
        else:
            found[mount] = {"path": path, "mount": mount, "size": size, "free": free}
    return list(found.values())


DF = regex(r" (\d+) +-?\d+ +(-?\d+) +(?:-|\d+%) +(/.*)$")


def gpus(text: str) -> list[GpuReport]:
    found: list[GpuReport] = []
    for line in text.strip().splitlines():
        index, name, driver, used, size, taken, temperature = [value.strip() for value in line.rsplit(",", 6)]
        found.append(
            {
                "index": index,
                "name": name,
                "driver": driver,
                "used": number(used),
                "memory": number(size, 2**20),
                "memory_used": number(taken, 2**20),
                "temperature": number(temperature),
            }
        )
    return found


def number(value: str, unit: int = 1) -> int | None:
    """A number as nvidia-smi prints it; None for what a card does not tell ([N/A])."""
    return int(value) * unit if value.isdigit() else None


def versions(text: str) -> dict[str, str]:
    """`git version 2.39`, `uv 0.8 (…)` and the like, by the first word."""
    found = {}
    for line in text.strip().splitlines():
        name, *words = line.split()
        found[name.lower()] = " ".join([word for word in words if word != "version"])
    if not found:
        raise ValueError(text)
    return found


def changes(before: AuditReport, now: AuditReport) -> list[str]:
    """What has changed on a host between two audits, a line each; what is known of one of them only is said to be so."""
    return [
        *of_machine(before, now),
        *of_queue(before, now),
        *of_checkpoints(before, now),
        *differing("query", {one["name"]: one["answer"] for one in before["queries"]}, {one["name"]: one["answer"] for one in now["queries"]}),
        *of_projects(before, now),
        *differing("version of", before["versions"], now["versions"]),
        *[f"{name} is not known any more: {why}" for name, why in now["unknown"].items() if name not in before["unknown"]],
        *[f"{name} is known again" for name in before["unknown"] if name not in now["unknown"]],
    ]  # fmt: skip


def differing(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{what} {name}: {flat(before[name])} -> {flat(value)}"
        for name, value in now.items()
        if name in before and before[name] != value
    ]


def flat(text: str, most: int = 200) -> str:
    line = " | ".join(text.splitlines())
    return line if len(line) <= most else line[:most] + "…"


def of_machine(before: AuditReport, now: AuditReport) -> list[str]:
    found = []
    # It is counted back from the clock, which may be set meanwhile.
    if before["booted"] and now["booted"] and now["booted"] > before["booted"] + 60:
        found.append("the host was started anew")
    pairs = [(one["path"], one["size"], old["free"], one["free"]) for one in now["disks"] for old in before["disks"] if one["mount"] == old["mount"]]  # fmt: skip
    old, new = before["memory"], now["memory"]
    if old and new:
        pairs += [("memory", new["size"], old["available"], new["available"])]
        pairs += [("swap", new["swap"], old["swap"] - old["swap_used"], new["swap"] - new["swap_used"])]
    found += [
        f"{name}: {byte_size(was)} free -> {byte_size(free)} free"
        for name, size, was, free in pairs
        if size and abs(was - free) >= NOTABLE * size
    ]
    cards = [{one["index"]: one["name"] for one in report["gpus"]} for report in (before, now)]
    if "gpus" not in before["unknown"] and "gpus" not in now["unknown"]:
        found += [f"gpu {index} ({name}) is gone" for index, name in cards[0].items() if index not in cards[1]]
        found += [f"gpu {index} ({name}) is new" for index, name in cards[1].items() if index not in cards[0]]
    return found


def of_queue(before: AuditReport, now: AuditReport) -> list[str]:
    if before["groups"] is None or now["groups"] is None:
        return []
    found = []
    was, of_now = ({group["name"]: group for group in report} for report in (before["groups"], now["groups"]))
    found += [f"group {name} is gone" for name in was if name not in of_now]
    for name, group in of_now.items():
        old = was.get(name)
        if old is None:
            found.append(f"group {name} is new")
            continue
        if old["status"] != group["status"]:
            found.append(f"group {name} was {old['status']}, and is {group['status']}")
        if old["limit"] != group["limit"]:
            found.append(
                f"group {name} ran {old['limit'] or 'any number of'} jobs at once, and runs {group['limit'] or 'any number'}"
            )
        counts = [
            f"{old['jobs'].get(state, 0)} -> {group['jobs'].get(state, 0)} {words}"
            for state, words in outcome.STATE_WORDS.items()
            if old["jobs"].get(state, 0) != group["jobs"].get(state, 0)
        ]
        if counts:
            found.append(f"group {name}: {', '.join(counts)}")
    known = {(one["name"], one["created"], one["ended"]) for one in before["failures"]}
    found += [
        f"{one['name']}{' ' + one['label'] if one['label'] else ''} has failed: {one['why']}"
        for one in now["failures"]
        if (one["name"], one["created"], one["ended"]) not in known
    ]
    return found


def of_checkpoints(before: AuditReport, now: AuditReport) -> list[str]:
    found = []
    was = {one["pattern"]: one for one in before["checkpoints"]}
    for one in now["checkpoints"]:
        old = was.get(one["pattern"])
        if old is None:
            continue
        name = f"checkpoints {one['pattern']}"
        if (old["count"], old["size"]) != (one["count"], one["size"]):
            found.append(f"{name}: {files_of(old)} -> {files_of(one)}")
        if one["newest"] and (old["newest"], old["newest_time"]) != (one["newest"], one["newest_time"]):
            found.append(f"{name}: the newest is now {one['newest']}")
    return found


def of_projects(before: AuditReport, now: AuditReport) -> list[str]:
    found = []
    was = {one["path"]: one for one in before["projects"]}
    for one in now["projects"]:
        old = was.get(one["path"])
        if old is None:
            continue
        if old["commit"] != one["commit"]:
            found.append(
                f"project {one['path']}: commit {old['commit'][:10]} -> {one['commit'][:10]} ({one['subject']})"
            )
        if old["branch"] != one["branch"]:
            found.append(f"project {one['path']}: branch {old['branch'] or 'none'} -> {one['branch'] or 'none'}")
        if old["changed"] != one["changed"]:
            found.append(f"project {one['path']}: {old['changed']} changed files -> {one['changed']}")
    return found


def files_of(files: CheckpointReport) -> str:
    return f"{files['count']} {'file' if files['count'] == 1 else 'files'}, {byte_size(files['size'])}"
