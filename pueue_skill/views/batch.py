"""Batches as tables and trees for rich, and as SVG."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pueue_skill.queues.outcome import STATE_WORDS
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple
from pueue_skill.views.reports import BatchJobReport, BatchReport, PhaseReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from pueue_skill.batches.model import Item

MAX_ROWS = 50
"""The longest list of a phase's jobs."""

MAX_DEPENDENCIES = 3
"""The longest list of a job's dependencies."""

MAX_FAILURES = 20
"""The longest list of a batch's failed jobs."""


def cell(text: str, style: str = "") -> Text:
    """Return text as one line for rich, without interpreting markup in it."""
    from rich.text import Text

    return Text(printable.line(text), style=style)


def table(report: BatchReport) -> RenderableType:
    """Return the jobs of a batch as a table for rich, at most MAX_ROWS of each phase."""
    from rich.table import Table

    labels = {job["key"]: job["label"] for job in report["jobs"]}
    labels |= {job["pack"]: f"all of {job['phase']}" for job in report["jobs"] if job["pack"]}
    grid = Table(box=None, pad_edge=False)
    for name in ("phase", "job", "host", "group", "depends on", "state"):
        grid.add_column(name, overflow="ellipsis")
    counts = Counter([job["phase"] for job in report["jobs"]])
    seen: Counter[str] = Counter()
    for job in report["jobs"]:
        phase = job["phase"]
        seen[phase] += 1
        if seen[phase] <= MAX_ROWS:
            state = STATE_WORDS.get(job["standing"], job["standing"])
            columns = (phase, job["label"], job["host"], job["group"], dependencies(job, labels), state)
            grid.add_row(*[cell(column) for column in columns])
        elif seen[phase] == counts[phase]:
            grid.add_row(cell(phase), cell(f"and {counts[phase] - MAX_ROWS:,} more (--json shows all)"))
    return grid


def dependencies(job: BatchJobReport, labels: Mapping[str, str]) -> str:
    """Return the labels of the first dependencies of a job, and the number of the others."""
    names = list(dict.fromkeys([labels[key] for key in job["after"]]))
    more = len(names) - MAX_DEPENDENCIES
    return ", ".join(names[:MAX_DEPENDENCIES]) + (f" and {more} more" if more > 0 else "")


class Graph(NamedTuple):
    """The phases and checks of a batch: their items, their direct dependencies, and the earliest step in which each can run, from 0."""

    phases: Mapping[str, Sequence[Item]]
    parents: Mapping[str, set[str]]
    step: Mapping[str, int]


def graph(items: Sequence[Item]) -> Graph:
    """Return the graph of a batch whose items are in an order in which they can run."""
    phases: dict[str, list[Item]] = {}
    phase_of: dict[str, str] = {}
    for item in items:
        # An item that only joins two phases belongs to the first.
        name = item.label if item.kind == "check" else item.phase
        phase_of[item.key] = name
        phases.setdefault(name, []).append(item)
    parents = {
        name: {phase_of[key] for item in members for key in item.after} - {name} for name, members in phases.items()
    }
    step: dict[str, int] = {}
    for name in phases:
        step[name] = max([step[parent] + 1 for parent in parents[name]], default=0)
    return Graph(phases, parents, step)


def tree(items: Sequence[Item]) -> RenderableType:
    """Return the phases of a batch as a tree for rich, each below its last dependency."""
    from rich.text import Text
    from rich.tree import Tree

    batch = graph(items)
    root = Tree("batch", hide_root=True)
    branches: dict[str, Tree] = {}
    for name, members in batch.phases.items():
        parents = sorted(batch.parents[name], key=lambda parent: (-batch.step[parent], parent))
        text = Text.assemble((printable.line(name), "bold"), f"  {job_count(members)}")
        if parents[1:]:
            text.append(printable.line(f", also depends on {', '.join(parents[1:])}"))
        branches[name] = (branches[parents[0]] if parents else root).add(text)
    return root


def job_count(members: Sequence[Item]) -> str:
    count = sum([len(item.unpacked) for item in members if item.kind != "end"])
    return "a check" if members[0].kind == "check" else f"{count:,} job{'s' if count != 1 else ''}"


def status(report: BatchReport) -> RenderableType:
    """Return the progress of a batch by phase and group for rich, and its failed jobs."""
    from rich.console import Group
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("phase", "host", "group", ""):
        grid.add_column(name, no_wrap=True)
    for name in ("done", "failed", "running", "waiting", "missing"):
        grid.add_column(name, justify="right", no_wrap=True)
    for phase in report["phases"]:
        grid.add_row(*phase_cells(phase))
    failed = [job for job in report["jobs"] if job["standing"] in ("failed", "killed", "spawn", "unknown")]
    lines = [cell(failure(job, report), style="red") for job in failed[:MAX_FAILURES]]
    if len(failed) > MAX_FAILURES:
        lines.append(cell(f"and {len(failed) - MAX_FAILURES} more", style="red"))
    return Group(grid, *lines)


def phase_cells(phase: PhaseReport) -> list[Text]:
    """Return the row of a phase in a group of a host."""
    success, jobs = phase["success"], phase["jobs"]
    return [
        cell(phase["phase"]),
        cell(phase["host"]),
        cell(phase["group"]),
        cell(progress_bar(success, phase["failed"], phase["running"], jobs)),
        cell(f"{success:,} of {jobs:,}", style="green" if success == jobs else ""),
        cell(f"{phase['failed']:,}" if phase["failed"] else "", style="red"),
        cell(f"{phase['running']:,}" if phase["running"] else "", style="cyan"),
        cell(f"{phase['waiting']:,}" if phase["waiting"] else ""),
        cell(str(phase["missing"] + phase["changed"] or "")),
    ]


def failure(job: BatchJobReport, report: BatchReport) -> str:
    """Return why a job failed, and which phases it blocks."""
    exit_code = f", exit {job['exit_code']}" if job["exit_code"] else ""
    phases = blocked_phases(job, report)
    blocks = f"; it blocks {', '.join(phases)}" if phases else ""
    return f"{job['host']} {job['label']}: {STATE_WORDS.get(job['standing'], job['standing'])}{exit_code}{blocks}"


def blocked_phases(job: BatchJobReport, report: BatchReport) -> list[str]:
    """Return the other phases with jobs that were skipped because `job` failed."""
    keys, phases = {job["key"], job["pack"]}, []
    for other in report["jobs"]:  # dependencies precede the jobs that depend on them
        if other["host"] == job["host"] and other["standing"] == "dependency" and keys.intersection(other["after"]):
            keys.add(other["key"])
            phases.append(other["phase"])
    return [phase for phase in dict.fromkeys(phases) if phase != job["phase"]]


def progress_bar(success: int, failed: int, running: int, jobs: int, width: int = 10) -> str:
    """Return a bar of the shares of succeeded, failed, running and other jobs; every state with a job gets a character."""
    counts = (success, failed, running)
    shares = [round(width * count / jobs) if jobs else 0 for count in counts]
    shares = [max(share, 1) if count else 0 for share, count in zip(shares, counts, strict=True)]
    text = "█" * shares[0] + "!" * shares[1] + "▒" * shares[2]
    return text[:width] + "·" * max(0, width - len(text))


def progress(report: BatchReport, rate: float, left: float | None) -> RenderableType:
    """Return status with the rate (jobs a second) and the ETA (`left`, in seconds)."""
    from rich.console import Group

    rate_text = f"{rate * 3600:.0f} jobs an hour" if rate else "no job has ended since this watch began"
    eta = f", about {printable.duration(left)} to go" if left is not None else ""
    return Group(status(report), cell(rate_text + eta))


COLUMN_PX, ROW_PX, BOX_WIDTH_PX, BOX_HEIGHT_PX, MARGIN_PX = 220, 70, 170, 44, 20


def picture(items: Sequence[Item]) -> str:
    """Return the phases of a batch as SVG: a column for each step, a box for each phase, a line for each dependency."""
    batch = graph(items)
    rows: dict[int, int] = {}
    boxes: dict[str, tuple[int, int]] = {}
    for name in batch.phases:
        step = batch.step[name]
        row = rows.get(step, 0)
        rows[step] = row + 1
        boxes[name] = (MARGIN_PX + step * COLUMN_PX, MARGIN_PX + row * ROW_PX)
    width = COLUMN_PX + MARGIN_PX + COLUMN_PX * max(batch.step.values(), default=0)
    height = 30 + ROW_PX * max(rows.values(), default=1)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for name, parents in batch.parents.items():
        out += [svg_line(boxes[parent], boxes[name]) for parent in sorted(parents)]
    for name, members in batch.phases.items():
        out += svg_box(name, members, *boxes[name])
    return "\n".join([*out, "</svg>"]) + "\n"


def svg_line(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return a line from the right side of one box to the left side of another."""
    start_x, start_y = start[0] + BOX_WIDTH_PX, start[1] + BOX_HEIGHT_PX // 2
    end_x, end_y = end[0], end[1] + BOX_HEIGHT_PX // 2
    curve = f"M{start_x} {start_y} C{start_x + 30} {start_y} {end_x - 30} {end_y} {end_x} {end_y}"
    return f'<path d="{curve}" fill="none" stroke="#888"/>'


def svg_box(name: str, members: Sequence[Item], x: int, y: int) -> list[str]:
    """Return the box of a phase with its name and number of jobs."""
    from html import escape

    color = "#fff3d6" if members[0].kind == "check" else "#e3eefb"
    return [
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH_PX}" height="{BOX_HEIGHT_PX}" rx="6" fill="{color}" stroke="#666"/>',
        f'<text x="{x + 10}" y="{y + 19}">{escape(printable.line(name))}</text>',
        f'<text x="{x + 10}" y="{y + 36}" fill="#555">{job_count(members)}</text>',
    ]
