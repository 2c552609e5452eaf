"""`timeline`: bars in slots for any jobs, and the picture of real ones as text, SVG and HTML."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real import Daemon, Host
from rich.console import Console

from pueue_skill.views import timeline
from pueue_skill.views.timeline import Axis, Bar

BEGIN = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return BEGIN + dt.timedelta(seconds=seconds)


def bar(start: float, end: float, what: str = "success", host: str = "h", group: str = "p1", name: str = "job") -> Bar:
    return Bar(host, group, name, at(start), at(end), what, f"{host}:1 {what}")


BARS = st.lists(
    st.builds(
        lambda start, lasts, host, group: bar(start, start + lasts, host=host, group=group),
        st.integers(0, 100), st.integers(1, 50), st.sampled_from(["a", "b"]), st.sampled_from(["p1", "p2"]),
    ),
    max_size=60,
)  # fmt: skip


@given(BARS)
def test_every_bar_lies_in_one_slot_of_its_group(bars: list[Bar]) -> None:
    laid = timeline.slots(bars)
    assert Counter([one for slot in laid for one in slot.bars]) == Counter(bars)
    assert all((one.host, one.group) == (slot.host, slot.group) for slot in laid for one in slot.bars)


@given(BARS)
def test_no_two_bars_of_a_slot_overlap(bars: list[Bar]) -> None:
    for slot in timeline.slots(bars):
        assert all(before.end <= after.start for before, after in zip(slot.bars, slot.bars[1:], strict=False))


@given(BARS)
def test_there_are_as_many_slots_as_jobs_at_once(bars: list[Bar]) -> None:
    slots = Counter([(slot.host, slot.group) for slot in timeline.slots(bars)])
    for place in {(one.host, one.group) for one in bars}:
        inside = [one for one in bars if (one.host, one.group) == place]
        assert slots[place] == max(sum(other.start <= one.start < other.end for other in inside) for one in inside)


@given(BARS, st.integers(0, 150), st.integers(1, 150))
def test_what_is_cut_out_lies_within(bars: list[Bar], begin: int, lasts: int) -> None:
    cut = timeline.within(bars, at(begin), at(begin + lasts))
    assert all(at(begin) <= one.start < one.end <= at(begin + lasts) for one in cut)
    assert len(cut) == sum(one.start < at(begin + lasts) and one.end > at(begin) for one in bars)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (4, ["06:00:00", "06:00:01", "06:00:02", "06:00:03", "06:00:04"]),
        (3600, ["06:00", "06:15", "06:30", "06:45", "07:00"]),
        (36_000, ["06:00", "08:00", "10:00", "12:00", "14:00", "16:00"]),
        (200_000, ["24 Nov 12:00", "25 Nov 00:00", "25 Nov 12:00", "26 Nov 00:00", "26 Nov 12:00"]),
        (864_000, ["01 Dec"]),
    ],
)
def test_the_axis_has_round_times(seconds: int, written: list[str]) -> None:
    assert [words for _, words in Axis(at(0), at(seconds)).times(5)] == written


def text(bars: list[Bar], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    for line in timeline.lines(timeline.slots(bars), timeline.axis(bars, dt.UTC), width):
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
    hostile = bar(0, 3000, "failed", host="o'h", group='<"g">', name="<b>&'\"")
    bars = [*SEVERAL, hostile]
    drawn = timeline.svg(timeline.slots(bars), timeline.axis(bars, dt.UTC))
    root = ET.fromstring(drawn)  # noqa: S314
    svg = "{http://www.w3.org/2000/svg}"
    groups = root.findall(f"{svg}g")
    assert Counter([group.get("class") for group in groups]) == {"success": 3, "failed": 2, "running": 1}
    assert {group.get("class") for group in groups if group.find(f"{svg}path") is not None} == {"failed"}
    titles = [group.findtext(f"{svg}title") or "" for group in groups]
    assert "<b>&'\": o'h:1 failed, 24 Nov 06:00:00 to 06:50:00" in titles
    wide = float(root.get("width") or 0)
    for rect in [group.find(f"{svg}rect") for group in groups]:
        assert rect is not None
        assert 0 <= float(rect.get("x") or -1) <= float(rect.get("x") or -1) + float(rect.get("width") or -1) <= wide


def test_ten_thousand_jobs() -> None:
    bars = [bar(id // 8 * 2 + id % 8 * 0.1, id // 8 * 2 + 2 + id % 8 * 0.1) for id in range(10_000)]
    laid = timeline.slots(bars)
    assert len(laid) == 8
    assert len(timeline.page("many", laid, timeline.axis(bars, dt.UTC))) < 6_000_000


MANIFEST = """
name = "pictured"
hosts = ["bigblack"]
[groups]
pictured = 2
[vars]
nap = [1, 2, 3]
[phases.nap]
command = "sleep 0.{nap}; [ {nap} != 2 ]"
group = "pictured"
label = "nap-{nap}"
"""


@pytest.mark.long
def test_a_batch_and_a_day_of_real_hosts(pueued: Daemon, bigblack: Host, tmp_path: Path) -> None:
    (tmp_path / "pueue-skill").mkdir()
    config = tmp_path / "pueue-skill/config.toml"
    config.write_text("[hosts.bigblack]\n")
    env = pueued.env | {"XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "80", "TZ": "UTC"}

    def call(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pueue-skill", *words], env=env, capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    # A batch of its own, should this be run again: the journal of the first would say that nothing is left to do.
    (tmp_path / "batch.toml").write_text(MANIFEST.replace("pictured", f"pictured-{tmp_path.name[-1]}", 1))
    bigblack.pueue("group", "add", "--parallel", "1", "other")
    other = bigblack.pueue("add", "-p", "-g", "other", "-l", "other", "--", "sleep 0.2")
    call("batch", "submit", "batch.toml")
    call("batch", "watch", "batch.toml", "--every", "0.2", code=1)
    bigblack.result(other)
    try:
        shown = call("timeline", "batch.toml").stdout
        assert shown.startswith("bigblack pictured 1 ")
        assert "✗" in shown
        assert "other" not in shown
        today = call("timeline", "--host", "bigblack", "--svg", "day.svg", "--html", "day.html")
        assert (today.stdout, today.stderr) == ("", "pueue-skill: wrote day.svg\npueue-skill: wrote day.html\n")
        assert ET.parse(tmp_path / "day.svg").getroot().tag.endswith("svg")  # noqa: S314
        page = (tmp_path / "day.html").read_text()
        assert "nap-2: bigblack:" in page
        assert "<h2>Failed</h2>" in page
        assert ">other: bigblack:" in page
        assert "no job of 2001-01-01 has run" in call("timeline", "--day", "2001-01-01").stderr
        assert "cannot be written: No such file" in call("timeline", "--svg", "no/where.svg", code=2).stderr
        assert "nothing.toml" in call("timeline", "nothing.toml", code=2).stderr
        assert "not allowed with" in call("timeline", "batch.toml", "--day", "2001-01-01", code=2).stderr
        config.write_text('[hosts.bigblack]\n[hosts.nowhere]\nssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"\n')
        down = call("timeline", code=4)
        assert "nowhere cannot be reached by ssh" in down.stderr
        assert "bigblack other 1 " in down.stdout
    finally:
        bigblack.remove_group("pictured")
        bigblack.remove_group("other")
