"""Batches, audits and what was done to jobs, for people. Values in, text or tables for rich out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pueue_skill.hosts.audit import files_of
from pueue_skill.hosts.reports import AuditReport
from pueue_skill.queues.actions import name_with_label, start_command
from pueue_skill.queues.outcome import STATE_WORDS
from pueue_skill.shell import printable
from pueue_skill.views.reports import BatchJobReport, BatchReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from pueue_skill.batches.model import Item
    from pueue_skill.jobs.actions import HostResult as ActResult


def cell(text: str, style: str = "") -> Text:
    """Somebody's text as one line for rich, which reads no markup in it."""
    from rich.text import Text

    return Text(printable.line(text), style=style)


ROWS = 50
"""Jobs of a phase that a table shows at most."""


def batch_table(report: BatchReport) -> RenderableType:
    """The jobs of a batch, a row each, for rich; of a phase with very many, the first."""
    from rich.table import Table

    labels = {job["key"]: job["label"] for job in report["jobs"]}
    counts: dict[str, int] = {}
    for job in report["jobs"]:
        counts[job["phase"]] = counts.get(job["phase"], 0) + 1
        if job["pack"]:
            labels[job["pack"]] = f"all of {job['phase']}"
    table = Table(box=None, pad_edge=False)
    for name in ("phase", "job", "host", "group", "comes after", "is there"):
        table.add_column(name, overflow="ellipsis")
    shown: dict[str, int] = {}
    for job in report["jobs"]:
        phase = job["phase"]
        shown[phase] = shown.get(phase, 0) + 1
        if shown[phase] > ROWS:
            if shown[phase] == counts[phase]:
                table.add_row(cell(phase), cell(f"and {counts[phase] - ROWS:,} more (--json shows all)"))
            continue
        after = list(dict.fromkeys([labels[key] for key in job["after"]]))
        names = ", ".join(after[:3]) + (f" and {len(after) - 3} more" if len(after) > 3 else "")
        columns = (phase, job["label"], job["host"], job["group"], names, job["standing"])
        table.add_row(*[cell(column) for column in columns])
    return table


def batch_tree(items: Sequence[Item]) -> RenderableType:
    """What comes after what, for rich: each phase below the last of those that it comes after."""
    from rich.text import Text
    from rich.tree import Tree

    phases, before, column = graph(items)
    tree = Tree("batch", hide_root=True)
    branches: dict[str, Tree] = {}
    for name, members in phases.items():
        parents = sorted(before[name], key=lambda other: (-column[other], other))
        text = Text.assemble((printable.line(name), "bold"), f"  {counted(members)}")
        if parents[1:]:
            text.append(printable.line(f", also after {', '.join(parents[1:])}"))
        branches[name] = (branches[parents[0]] if parents else tree).add(text)
    return tree


def graph(items: Sequence[Item]) -> tuple[dict[str, list[Item]], dict[str, set[str]], dict[str, int]]:
    """The phases and checks of a batch with their items, what each comes directly after, and in which step it runs at the earliest."""
    phases: dict[str, list[Item]] = {}
    of_key: dict[str, str] = {}
    for item in items:
        # What only stands between two phases is no step of its own.
        name = item.label if item.kind == "check" else item.phase
        of_key[item.key] = name
        phases.setdefault(name, []).append(item)
    before = {
        name: {of_key[key] for item in members for key in item.after} - {name} for name, members in phases.items()
    }
    column: dict[str, int] = {}
    for name in phases:
        column[name] = max([column[other] + 1 for other in before[name]], default=0)
    return phases, before, column


def counted(members: Sequence[Item]) -> str:
    count = sum([len(item.each) for item in members if item.kind != "end"])
    return "a check" if members[0].kind == "check" else f"{count:,} job{'s' if count != 1 else ''}"


def batch_status(report: BatchReport) -> RenderableType:
    """How far a batch is, by phase and group, for rich; what has failed is named."""
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("phase", "host", "group", "", "done", "failed", "running", "waiting", "missing"):
        table.add_column(
            name,
            justify="right" if name in ("done", "failed", "running", "waiting", "missing") else "left",
            no_wrap=True,
        )
    for phase in report["phases"]:
        table.add_row(
            cell(phase["phase"]),
            cell(phase["host"]),
            cell(phase["group"]),
            cell(bar(phase["success"], phase["failed"], phase["running"], phase["jobs"])),
            cell(
                f"{phase['success']:,} of {phase['jobs']:,}", style="green" if phase["success"] == phase["jobs"] else ""
            ),
            cell(f"{phase['failed']:,}" if phase["failed"] else "", style="red"),
            cell(f"{phase['running']:,}" if phase["running"] else "", style="cyan"),
            cell(f"{phase['waiting']:,}" if phase["waiting"] else ""),
            cell(str(phase["missing"] + phase["changed"] or "")),
        )
    failed = [job for job in report["jobs"] if job["standing"] in ("failed", "killed", "spawn", "unknown")]
    names = [
        cell(
            f"{job['host']} {job['label']}: {STATE_WORDS.get(job['standing'], job['standing'])}"
            + (f", exit {job['exit_code']}" if job["exit_code"] else "")
            + (f"; it holds {', '.join(phases)}" if (phases := held_by(job, report)) else ""),
            style="red",
        )
        for job in failed[:20]
    ]
    if len(failed) > 20:
        names.append(cell(f"and {len(failed) - 20} more", style="red"))
    return Group(table, *names)


def held_by(job: BatchJobReport, report: BatchReport) -> list[str]:
    """The phases whose jobs do not run because this one has failed."""
    keys, phases = {job["key"], job["pack"]}, []
    for other in report["jobs"]:  # parents first
        if other["host"] == job["host"] and other["standing"] == "dependency" and keys.intersection(other["after"]):
            keys.add(other["key"])
            phases.append(other["phase"])
    return [phase for phase in dict.fromkeys(phases) if phase != job["phase"]]


def bar(success: int, failed: int, running: int, jobs: int, width: int = 10) -> str:
    """A bar of what is done, has failed, runs and is left."""
    parts = [round(width * count / jobs) if jobs else 0 for count in (success, failed, running)]
    parts = [max(part, 1) if count else 0 for part, count in zip(parts, (success, failed, running), strict=True)]
    text = "█" * parts[0] + "!" * parts[1] + "▒" * parts[2]
    return text[:width] + "·" * max(0, width - len(text))


def batch_progress(report: BatchReport, rate: float, left: float | None) -> RenderableType:
    """As batch_status, with how fast it goes (jobs a second) and how long it may take yet (seconds)."""
    from rich.console import Group

    pace = f"{rate * 3600:.0f} jobs an hour" if rate else "no job has ended yet"
    until = f", about {printable.duration(left)} to go" if left is not None else ""
    return Group(batch_status(report), cell(pace + until))


def batch_picture(items: Sequence[Item]) -> str:
    """What comes after what, as SVG: a column a step, a box a phase with its number of jobs, a line a dependency."""
    from html import escape

    phases, before, column = graph(items)
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for name in phases:
        row = rows.get(column[name], 0)
        rows[column[name]] = row + 1
        places[name] = (20 + column[name] * 220, 20 + row * 70)
    width = 240 + 220 * max(column.values(), default=0)
    height = 30 + 70 * max(rows.values(), default=1)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for name, others in before.items():
        x, y = places[name]
        for other in sorted(others):
            from_x, from_y = places[other]
            out.append(
                f'<path d="M{from_x + 170} {from_y + 22} C{from_x + 200} {from_y + 22} {x - 30} {y + 22} {x} {y + 22}" fill="none" stroke="#888"/>'
            )
    for name, members in phases.items():
        x, y = places[name]
        check = members[0].kind == "check"
        color = "#fff3d6" if check else "#e3eefb"
        out.append(f'<rect x="{x}" y="{y}" width="170" height="44" rx="6" fill="{color}" stroke="#666"/>')
        out.append(f'<text x="{x + 10}" y="{y + 19}">{escape(printable.line(name))}</text>')
        out.append(f'<text x="{x + 10}" y="{y + 36}" fill="#555">{counted(members)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


CALLS = {
    "kill": "killed",
    "cancel": "cancelled",
    "withdraw": "cancelled",
    "restart": "started again",
    "remove": "removed",
    "pause": "paused",
    "stash": "put aside",
    "start": "goes on",
    "enqueue": "queued again",
}
"""What is said of a job after a call of its queue."""


def told(verb: str, host: str, result: ActResult, would: str = "") -> Iterator[tuple[str, str]]:
    """What is said of an act on one host, a line each: what was done (`done`), and what was not, or is to be known (`said`)."""
    if result.group:
        yield (
            "done",
            f"{host}: group {printable.line(result.group)} {would}{'started' if verb == 'start' else 'paused'}",
        )
    for one in result.results:
        name = name_with_label(host, one.action.state)
        if one.status in ("done", "planned"):
            yield "done", f"{name} {would}{CALLS[one.action.call]}"
        else:
            yield "said", f"{name}: {one.why}" if one.status == "failed" else f"{name} is left as it is: {one.why}"
    if result.files:
        yield "done", f"{host}: {result.files} files of jobs that are gone removed"
    for group, queued in result.paused_groups if verb != "pause" else ():
        waits = f": {queued} queued jobs wait" if queued else ""
        yield (
            "said",
            f"group {printable.line(group)} of {host} is paused{waits}; start it with: pueue-skill {start_command(host, group)}",
        )


def audit_text(report: AuditReport) -> str:
    """What an audit has found, for people. All of it that a host has said is made harmless for the terminal here."""
    rows: list[tuple[str, str]] = []
    clock = report["clock"]
    there = f"at {report['at']}"
    if clock:
        there += f"; its clock is {abs(clock)} s {'ahead' if clock > 0 else 'behind'}"
    if report["booted"]:
        there += f"; up since {dt.datetime.fromtimestamp(report['booted'], dt.UTC):%Y-%m-%d %H:%M} UTC"
    rows.append((report["host"], there))
    if report["load"]:
        of = f" on {report['processors']} processors" if report["processors"] else ""
        rows.append(("load", " ".join([f"{load:g}" for load in report["load"]]) + of))
    memory = report["memory"]
    if memory:
        swap = (
            f"; swap {printable.byte_size(memory['swap_used'])} of {printable.byte_size(memory['swap'])} used"
            if memory["swap"]
            else "; no swap"
        )
        rows.append(
            (
                "memory",
                f"{printable.byte_size(memory['available'])} of {printable.byte_size(memory['size'])} available{swap}",
            )
        )
    for disk in report["disks"]:
        rows.append(
            (
                "disk",
                f"{disk['path']} ({disk['mount']}): {printable.byte_size(disk['free'])} of {printable.byte_size(disk['size'])} free",
            )
        )
    for gpu in report["gpus"]:
        told = [f"{gpu['used']} % used" if gpu["used"] is not None else ""]
        if gpu["memory"] is not None and gpu["memory_used"] is not None:
            told.append(f"{printable.byte_size(gpu['memory_used'])} of {printable.byte_size(gpu['memory'])}")
        told.append(f"{gpu['temperature']} °C" if gpu["temperature"] is not None else "")
        rows.append(
            ("gpu", f"{gpu['index']} {gpu['name']}: {', '.join([one for one in told if one]) or 'tells nothing'}")
        )
    for group in report["groups"] or []:
        jobs = [f"{group['jobs'][state]} {words}" for state, words in STATE_WORDS.items() if group["jobs"].get(state)]
        taken = group["jobs"].get("running", 0) + group["jobs"].get("paused", 0)
        paused = "" if group["status"] == "running" else f", {group['status']}"
        rows.append(
            ("group", f"{group['name']} ({taken}/{group['limit'] or '∞'}{paused}): {', '.join(jobs) or 'no jobs'}")
        )
    for failure in report["failures"]:
        label = f" {failure['label']}" if failure["label"] else ""
        rows.append(("failed", f"{failure['name']}{label}: {failure['why']}"))
        rows += [("", f"| {line}") for line in failure["tail"].rstrip().splitlines()[-3:]]
    if report["failed"] and report["failed"] > len(report["failures"]):
        rows.append(("failed", f"and {report['failed'] - len(report['failures'])} before them"))
    for files in report["checkpoints"]:
        found = files_of(files) if files["count"] else "none"
        rows.append(("checkpoints", f"{files['pattern']}: {found}"))
        if files["newest"] and files["newest_age"] is not None and files["newest_size"] is not None:
            age = f"{printable.duration(files['newest_age'])} old" if files["newest_age"] >= 0 else "from the future"
            rows.append(("", f"newest: {files['newest']}, {printable.byte_size(files['newest_size'])}, {age}"))
            rows += [("", f"| {line}") for line in files["head"].splitlines()[:5]]
    for query in report["queries"]:
        first, *more = query["answer"].splitlines() or [""]
        rows.append(("query", f"{query['name']}: {first}"))
        rows += [("", f"| {line}") for line in more[:20]]
        if len(more) > 20:
            rows.append(("", f"and {len(more) - 20} lines more"))
    for project in report["projects"]:
        changed = f"{project['changed']} changed" if project["changed"] else "clean"
        rows.append(
            ("project", f"{project['path']}: {project['commit'][:10]} on {project['branch'] or 'no branch'}, {changed}")
        )
        rows.append(("", f"{project['committed']} {project['subject']}"))
    if report["versions"]:
        rows.append(("versions", ", ".join([f"{name} {version}" for name, version in report["versions"].items()])))
    rows += [("unknown", f"{name}: {why}") for name, why in report["unknown"].items()]
    if report["since"]:
        rows.append(("changes", f"since {report['since']}:" + ("" if report["changes"] else " none")))
        rows += [("", change) for change in report["changes"]]
    width = max(11, len(report["host"]))
    return "\n".join([f"{plain(name):<{width}}  {plain(text)}" for name, text in rows])


def plain(text: str) -> str:
    """A line of text from elsewhere, without what a terminal would act on."""
    return printable.safe(text.replace("\t", " ").replace("\n", " "))
