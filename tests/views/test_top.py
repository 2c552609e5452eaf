"""`top` with a queue of 10,000 jobs: lag, sizes of the screen, colors, and answers that come out of order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from large import sample
from textual.pilot import Pilot
from top_screen import run, screen, wait_for

from pueue_skill.jobs import actions as job_actions
from pueue_skill.queues.model import Queue
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.shell import model
from pueue_skill.views.top import JobList, Top, host_rows


def large(ended: int) -> Queue:
    return read_queue(json.dumps(sample(10_000, ended)))


LARGE = model.Host("big", "", "")


def test_ten_thousand_jobs_cause_no_lag() -> None:
    """Prints how long the screen's own thread takes for an answer of a host and for a key, with the rendering."""
    first, second = host_rows(LARGE, large(5_000)), host_rows(LARGE, large(5_004))

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        took: dict[str, float] = {}

        async def measured(name: str, act: Callable[[], object]) -> None:
            started = time.perf_counter()
            act()
            await pilot.pause()
            took[name] = time.perf_counter() - started

        await measured("first answer", lambda: app.update_host(first, time.monotonic()))
        await wait_for(app, pilot, "p1 4/4 +2496")
        jobs = app.query_one(JobList)
        assert [row.state.status for row in jobs.rows[:9]] == ["running"] * 8 + ["queued"]
        await measured("update", lambda: app.update_host(second, time.monotonic()))
        assert jobs.selected is not None
        assert jobs.selected.state.id == "5000"
        assert jobs.selected.state.status == "done"  # it ended meanwhile, and is still selected
        await measured("key", lambda: jobs.action_move(1))
        await measured("page", lambda: jobs.action_page(1))
        await measured("end", lambda: jobs.action_move(10**9))
        await wait_for(app, pilot, "big:0 ")
        await measured("filter", lambda: app.on_input_changed(FILTERED))  # type: ignore[arg-type]
        await wait_for(app, pilot, "11 jobs with 's999'")
        print({name: f"{1000 * seconds:.0f} ms" for name, seconds in took.items()})
        assert len(took) == 6

    run(Top([], 1), steps)


class FILTERED:
    value = "s999"


def test_an_answer_older_than_an_action_is_ignored() -> None:
    """It would show a paused job as running."""
    queue = large(5_000)
    result = job_actions.HostResult((), queue=queue)

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        before = time.monotonic()
        app.show_result("pause", LARGE, result)
        app.update_host(host_rows(LARGE, large(4_000)), before)
        await wait_for(app, pilot, "p1 4/4 +2496 ✓2000 ✗500")
        app.update_host(host_rows(LARGE, large(4_000)), time.monotonic())
        await wait_for(app, pilot, "p1 4/4 +2996 ✓1600 ✗400")

    run(Top([], 1), steps)


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (200, 60)])
def test_narrow_and_wide_terminals(size: tuple[int, int]) -> None:
    async def steps(app: Top, pilot: Pilot[None]) -> None:
        app.update_host(host_rows(LARGE, large(5_000)), time.monotonic())
        await wait_for(app, pilot, "big:5000")
        lines = screen(app).splitlines()
        assert {len(line) for line in lines} == {size[0]}
        (row,) = [line for line in lines if line.startswith("big:5000 ") and "·" not in line]
        assert "runni" in row
        assert ("uv run python" in row) == (size[0] >= 80)
        assert app.query_one(JobList).size.height >= 4

    app = Top([], 1)
    app.by_host["big"] = host_rows(LARGE, Exception("querying …"))
    run(app, steps, size)


def test_without_color_the_chosen_row_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        app.update_host(host_rows(LARGE, large(9_000)), time.monotonic())
        await wait_for(app, pilot, "big:9000")
        (line,) = [
            line for line in app.screen._compositor.render_strips() if "big:9000 " in line.text and "·" not in line.text
        ]
        shown = line.apply_filter(app._filters[0], app.background_colors[1]) if app._filters else line
        styles = [segment.style for segment in shown if segment.style]
        assert any(style.reverse for style in styles)
        for style in styles:
            for color in (style.color, style.bgcolor):
                assert color is None or color.triplet is None or len(set(color.triplet)) == 1  # gray

    app = Top([], 1)
    run(app, steps)


def test_an_action_that_is_not_possible_is_reported() -> None:
    """A group of Slurm cannot be paused: its jobs are, and there may be none to pause."""
    host = LARGE._replace(backend="slurm")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        app.update_host(host_rows(host, large(10_000)), time.monotonic())
        await pilot.press("P")
        await wait_for(app, pilot, "there is nothing to pause among the selected jobs")

    run(Top([], 1), steps)
