"""Timelines: jobs in; bars in slots, text, SVG, HTML and the JSON document out."""

from __future__ import annotations

import argparse
import datetime as dt
import io
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.queues.model import JobState
from pueue_skill.shell.model import Host
from pueue_skill.views import documents, timeline
from pueue_skill.views.timeline import Axis, Bar

BEGIN = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return BEGIN + dt.timedelta(seconds=seconds)


def bar(
    start: float, end: float, outcome: str = "success", host: str = "h", group: str = "p1", label: str = "job"
) -> Bar:
    status: Any = "running" if outcome == "running" else "done"
    result: Any = None if outcome == "running" else outcome
    code = {"success": 0, "failed": 1}.get(outcome)
    times = ("2026-11-24T05:00:00Z", at(start).isoformat(), None if status == "running" else at(end).isoformat())
    state = JobState("1", None, status, result, code, "", group, label, "/", "true", (), *times)
    return Bar(host, state, at(start), at(end))


BARS = st.lists(
    st.builds(
        lambda start, lasts, host, group: bar(start, start + lasts, host=host, group=group),
        st.integers(0, 100), st.integers(1, 50), st.sampled_from(["a", "b"]), st.sampled_from(["p1", "p2"]),
    ),
    max_size=60,
)  # fmt: skip


@given(BARS)
def test_every_bar_lies_in_one_slot_of_its_group(bars: list[Bar]) -> None:
    slots = timeline.slots_of(bars)
    assert Counter([bar for slot in slots for bar in slot.bars]) == Counter(bars)
    assert all((bar.host, bar.group) == (slot.host, slot.group) for slot in slots for bar in slot.bars)


@given(BARS)
def test_no_two_bars_of_a_slot_overlap(bars: list[Bar]) -> None:
    for slot in timeline.slots_of(bars):
        assert all(before.end <= after.start for before, after in zip(slot.bars, slot.bars[1:], strict=False))


@given(BARS)
def test_a_group_has_as_many_slots_as_it_ran_jobs_at_once(bars: list[Bar]) -> None:
    slots = Counter([(slot.host, slot.group) for slot in timeline.slots_of(bars)])
    for group in {(bar.host, bar.group) for bar in bars}:
        members = [bar for bar in bars if (bar.host, bar.group) == group]
        assert slots[group] == max(sum(other.start <= bar.start < other.end for other in members) for bar in members)


@given(BARS, st.integers(0, 150), st.integers(1, 150))
def test_clipped_bars_lie_between_two_times(bars: list[Bar], begin: int, seconds: int) -> None:
    clipped = timeline.clipped(bars, at(begin), at(begin + seconds))
    assert all(at(begin) <= bar.start < bar.end <= at(begin + seconds) for bar in clipped)
    assert len(clipped) == sum(bar.start < at(begin + seconds) and bar.end > at(begin) for bar in bars)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (4, ["06:00:00", "06:00:01", "06:00:02", "06:00:03", "06:00:04"]),
        (3600, ["06:00", "06:15", "06:30", "06:45", "07:00"]),
        (36_000, ["06:00", "08:00", "10:00", "12:00", "14:00", "16:00"]),
        (200_000, ["24 Nov 12:00", "25 Nov 00:00", "25 Nov 12:00", "26 Nov 00:00", "26 Nov 12:00"]),
        (864_000, ["01 Dec"]),
    ],
)
def test_the_axis_has_round_times(seconds: int, labels: list[str]) -> None:
    assert [label for _, label in Axis(at(0), at(seconds)).ticks(5)] == labels


def text(bars: list[Bar], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    for line in timeline.lines(timeline.slots_of(bars), timeline.axis_of(bars, dt.UTC), width):
        console.print(line)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


SEVERAL = [
    bar(0, 1200), bar(1200, 2400), bar(600, 1800, "failed"), bar(2400, 3600, "running"), bar(0, 3600, group="p2", host="other"),
]  # fmt: skip


def test_on_a_terminal() -> None:
    assert text(SEVERAL, 47) == [
        "    h p1 1 ████████████▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒",
        "         2       ✗✗✗✗✗✗✗✗✗✗✗✗",
        "other p2 1 ████████████████████████████████████",
        "           06:00             06:30",
    ]


@pytest.mark.parametrize("width", [20, 40, 200])
def test_it_fits_any_terminal(width: int) -> None:
    lines = text(SEVERAL, width)
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert any("✗" in line for line in lines)


def test_a_short_failure_is_seen_among_many() -> None:
    bars = [bar(second, second + 1, "failed" if second == 500 else "success") for second in range(1000)]
    assert text(bars, 60)[0].count("✗") == 1


def test_svg_shows_each_bar_and_marks_failures() -> None:
    hostile = bar(0, 3000, "failed", host="o'h", group='<"g">', label="<b>&'\"")
    bars = [*SEVERAL, hostile]
    drawn = timeline.svg(timeline.slots_of(bars), timeline.axis_of(bars, dt.UTC))
    root = ET.fromstring(drawn)  # noqa: S314
    svg = "{http://www.w3.org/2000/svg}"
    groups = root.findall(f"{svg}g")
    assert Counter([group.get("class") for group in groups]) == {"success": 3, "failed": 2, "running": 1}
    assert {group.get("class") for group in groups if group.find(f"{svg}path") is not None} == {"failed"}
    titles = [group.findtext(f"{svg}title") or "" for group in groups]
    assert "<b>&'\": o'h:1 failed, exit 1, 24 Nov 06:00:00 to 06:50:00" in titles
    wide = float(root.get("width") or 0)
    for rect in [group.find(f"{svg}rect") for group in groups]:
        assert rect is not None
        assert 0 <= float(rect.get("x") or -1) <= float(rect.get("x") or -1) + float(rect.get("width") or -1) <= wide


def test_ten_thousand_jobs() -> None:
    bars = [bar(id // 8 * 2 + id % 8 * 0.1, id // 8 * 2 + 2 + id % 8 * 0.1) for id in range(10_000)]
    slots = timeline.slots_of(bars)
    assert len(slots) == 8
    assert len(timeline.page("many", slots, timeline.axis_of(bars, dt.UTC))) < 6_000_000


def test_a_job_that_never_ran_has_no_bar() -> None:
    state = bar(0, 10).state
    assert timeline.bar_of("h", state._replace(started=None), at(20)) is None
    assert timeline.bar_of("h", state._replace(result="dependency"), at(20)) is None
    assert timeline.bar_of("h", state, at(20)) == bar(0, 10)
    assert timeline.bar_of("h", bar(0, 20, "running").state, at(20)) == bar(0, 20, "running")


def test_the_document_has_the_jobs_of_each_slot() -> None:
    bars = [bar(0, 10, label="a"), bar(5, 15, "failed", label="b"), bar(10, 20, label="c")]
    document = documents.timeline("day", timeline.slots_of(bars), {"h": Host("h")}, {"down": Exception("no route")})
    jsonschema.validate(document, SCHEMAS["timeline"]())
    assert document["unreachable"] == {"down": "no route"}
    slots = [
        (slot["host"], slot["group"], slot["number"], [job["label"] for job in slot["jobs"]])
        for slot in document["slots"]
    ]
    assert slots == [("h", "p1", 1, ["a", "c"]), ("h", "p1", 2, ["b"])]


def test_the_counts_of_a_page_have_the_words_for_outcomes() -> None:
    bars = [bar(0, 1), bar(1, 2), bar(2, 3, "failed"), bar(3, 4, "running")]
    assert "<p>2 succeeded, 1 failed, 1 running</p>" in timeline.page(
        "a", timeline.slots_of(bars), timeline.axis_of(bars, dt.UTC)
    )


def test_a_timeline_on_the_terminal_renders_no_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pueue_skill.cli.commands import timeline as command

    for name in ("svg", "page"):
        monkeypatch.delattr(timeline, name)
    options = argparse.Namespace(svg=None, html=None, json=False)
    assert command.draw(options, "a", timeline.slots_of([bar(0, 1)])) == 0
    assert "h p1 1" in capsys.readouterr().out
