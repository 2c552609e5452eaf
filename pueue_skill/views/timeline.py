"""When jobs ran, as a picture: the jobs of queues in, bars in slots out, and those as SVG, as a page, and as lines of a terminal.

A slot holds one job at a time, so a group's slots are as many as it had jobs at once. Which slot a job had is not told by a queue;
each gets the first that was free. Nothing here asks a queue or the clock, or writes a file.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from pueue_skill.queues.model import JobState
from pueue_skill.queues.outcome import adjective
from pueue_skill.shell import printable
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.record import NamedTuple

if TYPE_CHECKING:
    from rich.text import Text

INSTANT = dt.timedelta(milliseconds=1)
"""The least that a bar lasts."""

STEPS = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000)
"""Seconds that may lie between two times on the axis."""


class Bar(NamedTuple):
    """A job that has run, or runs until `end`, which is now. `what`: success, failed (of any kind) or running."""

    host: str
    group: str
    name: str
    start: dt.datetime
    end: dt.datetime
    what: str
    about: str


class Slot(NamedTuple):
    """What ran one after the other; `number` counts the slots of a group of a host from 1."""

    host: str
    group: str
    number: int
    bars: tuple[Bar, ...]


def bar(host: str, state: JobState, now: dt.datetime) -> Bar | None:
    """The bar of a job; None for one that has not run. The times that pueue gives a job which was never started are not its own."""
    if not state.started or state.result in ("dependency", "spawn"):
        return None
    start = dt.datetime.fromisoformat(state.started)
    end = dt.datetime.fromisoformat(state.ended) if state.ended else now
    what = "running" if state.status != "done" else "success" if state.result == "success" else "failed"
    about = adjective(state.result, state.exit_code) if state.status == "done" else state.status
    return Bar(
        host,
        printable.line(state.group),
        printable.line(masked(state.label or state.id)),
        start,
        max(end, start + INSTANT),
        what,
        f"{host}:{state.id} {about}",
    )


def within(bars: Sequence[Bar], begin: dt.datetime, end: dt.datetime) -> list[Bar]:
    """The parts of bars between two times."""
    return [
        one._replace(start=max(one.start, begin), end=min(one.end, end))
        for one in bars
        if one.start < end and one.end > begin
    ]


def slots(bars: Sequence[Bar]) -> list[Slot]:
    """Bars laid into slots, by host and group in the order in which those come: no two of a slot overlap, and a group has as many
    slots as it had bars at once."""
    places: dict[tuple[str, str], list[Bar]] = {}
    for one in bars:
        places.setdefault((one.host, one.group), []).append(one)
    found = []
    for (host, group), inside in places.items():
        laid: list[list[Bar]] = []
        free: list[int] = []
        taken: list[tuple[dt.datetime, int]] = []
        for one in sorted(inside, key=lambda one: (one.start, one.end)):
            while taken and taken[0][0] <= one.start:
                heapq.heappush(free, heapq.heappop(taken)[1])
            if not free:
                heapq.heappush(free, len(laid))
                laid.append([])
            place = heapq.heappop(free)
            laid[place].append(one)
            heapq.heappush(taken, (one.end, place))
        found += [Slot(host, group, number, tuple(row)) for number, row in enumerate(laid, 1)]
    return found


class Axis(NamedTuple):
    """The time that a picture shows."""

    begin: dt.datetime
    end: dt.datetime

    def at(self, time: dt.datetime, width: float) -> float:
        """Where a time lies on a line of `width`."""
        return width * ((time - self.begin) / (self.end - self.begin))

    def times(self, most: int) -> Iterator[tuple[dt.datetime, str]]:
        """At most about `most` round times, with what is written at each."""
        seconds = (self.end - self.begin).total_seconds()
        step = next((step for step in STEPS if seconds / step <= most), STEPS[-1])
        form = (
            "%H:%M:%S"
            if step < 60
            else "%H:%M"
            if step < 86_400 and seconds <= 86_400
            else "%d %b %H:%M"
            if step < 86_400
            else "%d %b"
        )
        midnight = self.begin.replace(hour=0, minute=0, second=0, microsecond=0)
        count = -((midnight - self.begin) // dt.timedelta(seconds=step))
        while (time := midnight + dt.timedelta(seconds=step * count)) <= self.end:
            yield time, f"{time:{form}}"
            count += 1


def axis(bars: Sequence[Bar], zone: dt.tzinfo | None = None) -> Axis:
    """From the first start to the last end, in the times of `zone` (None: that of this machine)."""
    begin, end = min(one.start for one in bars), max(one.end for one in bars)
    return Axis(begin.astimezone(zone), end.astimezone(zone))


def headed(laid: Sequence[Slot]) -> Iterator[tuple[str, Slot]]:
    """Each slot with the words before its row: host and group stand before the first of theirs only."""
    last = ("", "")
    for slot in laid:
        here = (slot.host, slot.group)
        yield (f"{slot.host} {slot.group} {slot.number}" if here != last else str(slot.number)), slot
        last = here


ROW, WIDE, LEFT, HEAD = 22, 1200, 190, 30
COLORS: Mapping[str, str] = {"success": "#7fb77e", "failed": "#d9534f", "running": "#6fa8dc"}


def svg(laid: Sequence[Slot], shown: Axis) -> str:
    """The picture as SVG, with what is known of a job where the pointer is. A failed job is crossed, for those who see no red."""
    height = HEAD + ROW * len(laid) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 20} {height}" width="{LEFT + WIDE + 20}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for time, words in shown.times(12):
        x = LEFT + shown.at(time, WIDE)
        out.append(f'<path d="M{x:.1f} {HEAD - 6}V{height - 10}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{HEAD - 12}" text-anchor="middle" fill="#555">{words}</text>')
    for row, (head, slot) in enumerate(headed(laid)):
        y = HEAD + ROW * row
        out.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(head)}</text>')
        for one in slot.bars:
            x, wide = LEFT + shown.at(one.start, WIDE), max(1.0, shown.at(one.end, WIDE) - shown.at(one.start, WIDE))
            told = f"{one.name}: {one.about}, {when(one, shown)}"
            out.append(
                f'<g class="{one.what}"><title>{escape(told)}</title><rect x="{x:.1f}" y="{y + 2}" width="{wide:.1f}" height="{ROW - 4}" '
                f'fill="{COLORS[one.what]}" stroke="white" stroke-width="0.5"/>'
            )
            if one.what == "failed":
                out.append(
                    f'<path d="M{x:.1f} {y + 2}l{wide:.1f} {ROW - 4}m0 {4 - ROW}l-{wide:.1f} {ROW - 4}" stroke="#7a1512"/>'
                )
            if wide > 7 * len(one.name):
                out.append(f'<text x="{x + 4:.1f}" y="{y + 15}">{escape(one.name)}</text>')
            out.append("</g>")
    return "\n".join([*out, "</svg>"]) + "\n"


def when(one: Bar, shown: Axis) -> str:
    start, end = (time.astimezone(shown.begin.tzinfo) for time in (one.start, one.end))
    return f"{start:%d %b %H:%M:%S} to {end:%H:%M:%S}"


def page(title: str, laid: Sequence[Slot], shown: Axis) -> str:
    """The picture as a page of its own, and the failed jobs below it."""
    bars = [one for slot in laid for one in slot.bars]
    counts = ", ".join([f"{sum(one.what == what for one in bars)} {what}" for what in COLORS])
    failed = [one for one in bars if one.what == "failed"]
    rows = "\n".join(
        [f"<tr><td>{escape(one.name)}<td>{escape(one.about)}<td>{escape(when(one, shown))}" for one in failed]
    )
    table = f"<h2>Failed</h2>\n<table>\n{rows}\n</table>\n" if failed else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(printable.line(title))}</title>\n'
        "<style>body { font-family: sans-serif } div { overflow-x: auto } td { padding-right: 1em }</style>\n"
        f"<h1>{escape(printable.line(title))}</h1>\n<p>{counts}</p>\n<div>\n{svg(laid, shown)}</div>\n{table}</html>\n"
    )


MARKS: Mapping[str, str] = {"failed": "✗", "running": "▒"}
STYLES: Mapping[str, str] = {"success": "green", "failed": "red", "running": "cyan"}


def lines(laid: Sequence[Slot], shown: Axis, width: int) -> list[Text]:
    """The picture as lines for rich. A column in which anything failed shows that; neighbours are told apart by their shade."""
    from rich.text import Text

    heads = [head for head, _ in headed(laid)]
    left = min(max(map(len, heads)), max(8, width // 3))
    wide = max(10, width - left - 1)
    result = []
    for head, slot in headed(laid):
        cells = [(" ", "")] * wide
        for number, one in enumerate(slot.bars):
            first = min(int(shown.at(one.start, wide)), wide - 1)
            last = max(first + 1, min(round(shown.at(one.end, wide)), wide))
            mark = MARKS.get(one.what, "█▓"[number % 2])
            for place in range(first, last):
                if cells[place][0] != MARKS["failed"]:
                    cells[place] = (mark, STYLES[one.what])
        words = head if len(head) <= left else f"{head[: left - 1]}…"
        line = Text(f"{words:>{left}} ", no_wrap=True)
        for mark, style in cells:
            line.append(mark, style)
        result.append(line)
    scale = [" "] * wide
    for time, written in shown.times(max(1, wide // 12)):
        place = min(int(shown.at(time, wide)), wide - 1)
        if place + len(written) <= wide and all(
            char == " " for char in scale[max(0, place - 1) : place + len(written)]
        ):
            scale[place : place + len(written)] = written
    return [*result, Text(" " * (left + 1) + "".join(scale), style="dim", no_wrap=True)]
