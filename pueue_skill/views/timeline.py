"""Timelines: jobs of queues in, bars in slots out, drawn as SVG, as an HTML page and as lines of a terminal.

A slot runs one job at a time, so a group has as many slots as it ran jobs at once. Queues do not say which slot a job had; each job gets
the first free one. Everything here is computed from the arguments.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from pueue_skill.queues.model import JobState
from pueue_skill.queues.outcome import STATE_WORDS, adjective
from pueue_skill.shell import printable
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.record import NamedTuple

if TYPE_CHECKING:
    from rich.text import Text

MIN_DURATION = dt.timedelta(milliseconds=1)
"""The shortest bar."""

TICK_INTERVALS_S = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000)  # fmt: skip
"""Possible intervals between two ticks of the axis."""


class Bar(NamedTuple):
    """A job that ran from `start` to `end`; a running job ends now."""

    host: str
    state: JobState
    start: dt.datetime
    end: dt.datetime

    @property
    def group(self) -> str:
        return printable.line(self.state.group)

    @property
    def name(self) -> str:
        """The job's label, or its id."""
        return printable.line(masked(self.state.label or self.state.id))

    @property
    def outcome(self) -> str:
        """`running`, `success`, or `failed` for every other outcome."""
        if self.state.status != "done":
            return "running"
        return "success" if self.state.result == "success" else "failed"

    @property
    def description(self) -> str:
        """The job's HOST:ID with its status or outcome."""
        words = adjective(self.state.result, self.state.exit_code) if self.state.status == "done" else self.state.status
        return f"{self.host}:{self.state.id} {words}"


class Slot(NamedTuple):
    """Bars of jobs that ran one after the other; `number` counts the slots of a group of a host from 1."""

    host: str
    group: str
    number: int
    bars: tuple[Bar, ...]


def bar_of(host: str, state: JobState, now: dt.datetime) -> Bar | None:
    """Return the bar of a job, or None if it never ran: pueue sets times even on a job that it never started."""
    if not state.started or state.result in ("dependency", "spawn"):
        return None
    start = dt.datetime.fromisoformat(state.started)
    end = dt.datetime.fromisoformat(state.ended) if state.ended else now
    return Bar(host, state, start, max(end, start + MIN_DURATION))


def clipped(bars: Sequence[Bar], begin: dt.datetime, end: dt.datetime) -> list[Bar]:
    """Return the parts of the bars between two times."""
    return [
        bar._replace(start=max(bar.start, begin), end=min(bar.end, end))
        for bar in bars
        if bar.start < end and bar.end > begin
    ]


def slots_of(bars: Sequence[Bar]) -> list[Slot]:
    """Return the bars in slots, by host and group in the order of the first bar of each. The bars of a slot do not overlap."""
    by_group: dict[tuple[str, str], list[Bar]] = {}
    for bar in bars:
        by_group.setdefault((bar.host, bar.group), []).append(bar)
    slots = []
    for (host, group), members in by_group.items():
        rows: list[list[Bar]] = []
        free: list[int] = []
        occupied: list[tuple[dt.datetime, int]] = []
        for bar in sorted(members, key=lambda bar: (bar.start, bar.end)):
            while occupied and occupied[0][0] <= bar.start:
                heapq.heappush(free, heapq.heappop(occupied)[1])
            if not free:
                heapq.heappush(free, len(rows))
                rows.append([])
            row = heapq.heappop(free)
            rows[row].append(bar)
            heapq.heappush(occupied, (bar.end, row))
        slots += [Slot(host, group, number, tuple(row)) for number, row in enumerate(rows, 1)]
    return slots


class Axis(NamedTuple):
    """The time axis of a timeline."""

    begin: dt.datetime
    end: dt.datetime

    def position(self, time: dt.datetime, width: float) -> float:
        """Return the position of a time on an axis of this width."""
        return width * ((time - self.begin) / (self.end - self.begin))

    def ticks(self, max_count: int) -> Iterator[tuple[dt.datetime, str]]:
        """Yield about `max_count` round times at most, with their labels."""
        seconds = (self.end - self.begin).total_seconds()
        step = next((step for step in TICK_INTERVALS_S if seconds / step <= max_count), TICK_INTERVALS_S[-1])
        if step < 60:
            label = "%H:%M:%S"
        elif step < 86_400:
            label = "%H:%M" if seconds <= 86_400 else "%d %b %H:%M"
        else:
            label = "%d %b"
        midnight = self.begin.replace(hour=0, minute=0, second=0, microsecond=0)
        count = -((midnight - self.begin) // dt.timedelta(seconds=step))
        while (time := midnight + dt.timedelta(seconds=step * count)) <= self.end:
            yield time, f"{time:{label}}"
            count += 1


def axis_of(bars: Sequence[Bar], zone: dt.tzinfo | None = None) -> Axis:
    """Return the axis from the first start to the last end, in `zone` (None: this machine's)."""
    begin, end = min(bar.start for bar in bars), max(bar.end for bar in bars)
    return Axis(begin.astimezone(zone), end.astimezone(zone))


def with_headings(slots: Sequence[Slot]) -> Iterator[tuple[str, Slot]]:
    """Yield each slot with its heading: its number, after host and group in the first slot of a group."""
    last = ("", "")
    for slot in slots:
        group = (slot.host, slot.group)
        yield (f"{slot.host} {slot.group} {slot.number}" if group != last else str(slot.number)), slot
        last = group


ROW_HEIGHT_PX, AXIS_WIDTH_PX, LEFT_PX, TOP_PX = 22, 1200, 190, 30
COLORS: Mapping[str, str] = {"success": "#7fb77e", "failed": "#d9534f", "running": "#6fa8dc"}


def svg(slots: Sequence[Slot], axis: Axis) -> str:
    """Return the timeline as SVG; pointing at a bar shows its job. Failed jobs are also crossed out, for people who cannot see red."""
    width, height = LEFT_PX + AXIS_WIDTH_PX + 20, TOP_PX + ROW_HEIGHT_PX * len(slots) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for time, label in axis.ticks(12):
        x = LEFT_PX + axis.position(time, AXIS_WIDTH_PX)
        out.append(f'<path d="M{x:.1f} {TOP_PX - 6}V{height - 10}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP_PX - 12}" text-anchor="middle" fill="#555">{label}</text>')
    for row, (heading, slot) in enumerate(with_headings(slots)):
        y = TOP_PX + ROW_HEIGHT_PX * row
        out.append(f'<text x="{LEFT_PX - 8}" y="{y + 15}" text-anchor="end">{escape(heading)}</text>')
        for bar in slot.bars:
            out += svg_bar(bar, axis, y)
    return "\n".join([*out, "</svg>"]) + "\n"


def svg_bar(bar: Bar, axis: Axis, y: int) -> Iterator[str]:
    """Yield the SVG elements of a bar in the row at `y`."""
    start, end = axis.position(bar.start, AXIS_WIDTH_PX), axis.position(bar.end, AXIS_WIDTH_PX)
    x, width, height = LEFT_PX + start, max(1.0, end - start), ROW_HEIGHT_PX - 4
    title = f"{bar.name}: {bar.description}, {times(bar, axis)}"
    yield (
        f'<g class="{bar.outcome}"><title>{escape(title)}</title><rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" '
        f'height="{height}" fill="{COLORS[bar.outcome]}" stroke="white" stroke-width="0.5"/>'
    )
    if bar.outcome == "failed":
        cross = f"M{x:.1f} {y + 2}l{width:.1f} {height}m0 {-height}l-{width:.1f} {height}"
        yield f'<path d="{cross}" stroke="#7a1512"/>'
    if width > 7 * len(bar.name):
        yield f'<text x="{x + 4:.1f}" y="{y + 15}">{escape(bar.name)}</text>'
    yield "</g>"


def times(bar: Bar, axis: Axis) -> str:
    """Return when a job ran, in the time zone of the axis."""
    start, end = (time.astimezone(axis.begin.tzinfo) for time in (bar.start, bar.end))
    return f"{start:%d %b %H:%M:%S} to {end:%H:%M:%S}"


def page(title: str, slots: Sequence[Slot], axis: Axis) -> str:
    """Return the timeline as an HTML page, with a table of the failed jobs."""
    bars = [bar for slot in slots for bar in slot.bars]
    counts = ", ".join([f"{sum(bar.outcome == outcome for bar in bars)} {STATE_WORDS[outcome]}" for outcome in COLORS])
    rows = "\n".join(
        [
            f"<tr><td>{escape(bar.name)}<td>{escape(bar.description)}<td>{escape(times(bar, axis))}"
            for bar in bars
            if bar.outcome == "failed"
        ]
    )
    table = f"<h2>Failed</h2>\n<table>\n{rows}\n</table>\n" if rows else ""
    heading = escape(printable.line(title))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{heading}</title>\n'
        "<style>body { font-family: sans-serif } div { overflow-x: auto } td { padding-right: 1em }</style>\n"
        f"<h1>{heading}</h1>\n<p>{counts}</p>\n<div>\n{svg(slots, axis)}</div>\n{table}</html>\n"
    )


MARKS: Mapping[str, str] = {"failed": "✗", "running": "▒"}
STYLES: Mapping[str, str] = {"success": "green", "failed": "red", "running": "cyan"}


def lines(slots: Sequence[Slot], axis: Axis, width: int) -> list[Text]:
    """Return the timeline as lines for rich. A column in which a job failed shows that; consecutive jobs have different shades."""
    from rich.text import Text

    left = min(max(len(heading) for heading, _ in with_headings(slots)), max(8, width // 3))
    columns = max(10, width - left - 1)
    result = []
    for heading, slot in with_headings(slots):
        cut = heading if len(heading) <= left else f"{heading[: left - 1]}…"
        line = Text(f"{cut:>{left}} ", no_wrap=True)
        for mark, style in cells(slot, axis, columns):
            line.append(mark, style)
        result.append(line)
    return [*result, Text(" " * (left + 1) + scale(axis, columns), style="dim", no_wrap=True)]


def cells(slot: Slot, axis: Axis, columns: int) -> list[tuple[str, str]]:
    """Return the columns of a slot's row, as (character, style)."""
    row = [(" ", "")] * columns
    for number, bar in enumerate(slot.bars):
        first = min(int(axis.position(bar.start, columns)), columns - 1)
        last = max(first + 1, min(round(axis.position(bar.end, columns)), columns))
        mark = MARKS.get(bar.outcome, "█▓"[number % 2])
        for column in range(first, last):
            if row[column][0] != MARKS["failed"]:
                row[column] = (mark, STYLES[bar.outcome])
    return row


def scale(axis: Axis, columns: int) -> str:
    """Return the labels of the axis; a label that would touch the previous one or exceed the width is left out."""
    row = [" "] * columns
    for time, label in axis.ticks(max(1, columns // 12)):
        start = min(int(axis.position(time, columns)), columns - 1)
        end = start + len(label)
        if end <= columns and not "".join(row[max(0, start - 1) : end]).strip():
            row[start:end] = label
    return "".join(row)
