"""`top`, driven as a user drives it: keys in, what is on the screen out, on real hosts, and with a queue of 10,000 jobs."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from large import sample
from real import Daemon, Host, until
from textual.pilot import Pilot
from textual.widgets import Log

from pueue_skill.jobs import actions as job_actions
from pueue_skill.queues.model import Queue
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.shell import model
from pueue_skill.views.top import ConfirmScreen, FollowScreen, JobList, Top, host_rows

Steps = Callable[[Top, Pilot[None]], Awaitable[None]]


def played(app: Top, steps: Steps, size: tuple[int, int] = (200, 40)) -> None:
    async def play() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(app, pilot)

    asyncio.run(play())


def screen(app: Top) -> str:
    """What is on the screen, as text."""
    return "\n".join(["".join([segment.text for segment in line]) for line in app.screen._compositor.render_strips()])


async def shows(app: Top, pilot: Pilot[None], text: str, seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while text not in screen(app):
        assert time.monotonic() < limit, f"{text!r} is not on the screen:\n{screen(app)}"
        await pilot.pause(0.02)


@pytest.fixture
def hosts(pueued: Daemon, bigblack: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, model.Host]]:
    """This machine and bigblack, asked as the command line would; bigblack has a group for the test."""
    for name, value in pueued.env.items():
        monkeypatch.setenv(name, value)
    bigblack.pueue("group", "add", "--parallel", "1", "top")
    yield {"local": model.Host("local"), "bigblack": model.Host("bigblack", "bigblack", "~/.local/bin/pueue")}
    bigblack.remove_group("top")


def add(host: Host, label: str, command: str, *options: str) -> int:
    return int(host.pueue("add", "-p", "-g", "top", "-l", label, *options, "--", command))


@pytest.mark.long
def test_the_list_the_log_and_the_filter(hosts: dict[str, model.Host], bigblack: Host, pueued: Daemon) -> None:
    id = add(bigblack, "seen-there", "echo 'out of there'; printf '\\033[31mred\\033[0m\\tand\\000\\n'; exit 3")
    here = pueued.pueue("add", "-p", "-l", "seen-here", "--", "true")
    bigblack.result(id)

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        await shows(app, pilot, f"bigblack:{id}")
        await shows(app, pilot, "seen-here")
        await shows(app, pilot, "top 0/1 ✗1")
        await pilot.press("slash", *"there failed", "enter")
        await shows(app, pilot, f"bigblack:{id} (seen-there) · 1 jobs with 'there failed'")
        assert "seen-here" not in screen(app)
        await shows(app, pilot, "out of there")
        await shows(app, pilot, "red     and�")
        await pilot.press("escape")
        await shows(app, pilot, "seen-here")
        await pilot.press("s")
        await pilot.press("s")
        await shows(app, pilot, "failed jobs")
        assert "seen-here" not in screen(app)

    played(Top(list(hosts.values()), 0.2), steps)
    pueued.pueue("remove", here)


@pytest.mark.long
def test_kill_asks_for_confirmation_and_groups_pause_and_start(hosts: dict[str, model.Host], bigblack: Host) -> None:
    runs, waits = add(bigblack, "long-one", "sleep 100"), add(bigblack, "next-one", "sleep 100")

    def status(id: int) -> str:
        return next(iter(bigblack.tasks()[id]["status"]))

    until(lambda: status(runs) == "Running", "the job that runs")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"-one", "enter")
        await shows(app, pilot, "· 2 jobs with")
        await pilot.press("home")  # another was the chosen one where a host answered first
        await shows(app, pilot, f"bigblack:{runs} (long-one) · 2 jobs")
        await pilot.press("k")
        await shows(app, pilot, f"Kill bigblack:{runs} (long-one)?")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await shows(app, pilot, "running")
        assert status(runs) == "Running"
        await pilot.press("p")
        await shows(app, pilot, f"bigblack:{runs} (long-one) paused")
        assert status(runs) == "Paused"
        await pilot.press("p")
        await shows(app, pilot, f"bigblack:{runs} (long-one) resumed")
        await pilot.press("P")
        await shows(app, pilot, "top 1/1 +1 paused")
        await pilot.press("k", "y")
        await shows(app, pilot, f"bigblack:{runs} (long-one) killed")
        assert (status(runs), status(waits)) == ("Done", "Queued")
        await shows(app, pilot, f"bigblack:{runs} (long-one) ·")  # it is still the chosen one
        await pilot.press("P")
        await shows(app, pilot, "top 1/1 ✗1")
        assert status(waits) == "Running"
        await pilot.press("r")
        await shows(app, pilot, f"bigblack:{runs} (long-one) restarted")
        assert status(runs) == "Queued"

    played(Top(list(hosts.values()), 0.2), steps)


@pytest.mark.long
def test_a_job_is_followed(hosts: dict[str, model.Host], bigblack: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    add(bigblack, "followed", f"echo begun; until [ -e {go} ]; do sleep 0.05; done; echo last; exit 4")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"followed", "enter")
        await shows(app, pilot, "(followed) · 1 jobs")
        await pilot.press("f")
        await shows(app, pilot, "begun")
        assert isinstance(app.screen, FollowScreen)
        assert "last" not in app.screen.query_one(Log).lines
        go.touch()
        await shows(app, pilot, "[failed, exit 4]")
        assert "last" in app.screen.query_one(Log).lines
        await pilot.press("escape")
        await shows(app, pilot, "(followed) · 1 jobs")

    played(Top(list(hosts.values()), 0.2), steps)


def test_a_host_that_hangs_freezes_nothing(hosts: dict[str, model.Host]) -> None:
    """It takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        hung = model.Host("hung", f"-p {port} -o ConnectTimeout=60 nobody@127.0.0.1")

        async def steps(app: Top, pilot: Pilot[None]) -> None:
            await shows(app, pilot, "bigblack: default")
            assert "hung: querying …" in screen(app)
            await pilot.press("slash", *"abc", "escape", "s", "down")
            assert "hung: querying …" in screen(app)  # and all keys were taken meanwhile
            await pilot.press("q")

        started = time.monotonic()
        played(Top([*hosts.values(), hung], 0.2), steps)
        assert time.monotonic() - started < 50  # it is left without waiting for it


def large(ended: int) -> Queue:
    return read_queue(json.dumps(sample(10_000, ended)))


LARGE = model.Host("big", "", "")


def test_ten_thousand_jobs_cause_no_lag() -> None:
    """What the screen's own thread does for a new answer, and for a key; measured with the rendering."""
    first, second = host_rows(LARGE, large(5_000)), host_rows(LARGE, large(5_004))

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        took: dict[str, float] = {}

        async def measured(name: str, act: Callable[[], object]) -> None:
            started = time.perf_counter()
            act()
            await pilot.pause()
            took[name] = time.perf_counter() - started

        await measured("first answer", lambda: app.update_host(first, time.monotonic()))
        await shows(app, pilot, "p1 4/4 +2496")
        jobs = app.query_one(JobList)
        assert [row.state.status for row in jobs.rows[:9]] == ["running"] * 8 + ["queued"]
        await measured("update", lambda: app.update_host(second, time.monotonic()))
        assert jobs.selected is not None
        assert jobs.selected.state.id == "5000"
        assert jobs.selected.state.status == "done"  # it has ended meanwhile, and is still the chosen one
        await measured("key", lambda: jobs.action_move(1))
        await measured("page", lambda: jobs.action_page(1))
        await measured("end", lambda: jobs.action_move(10**9))
        await shows(app, pilot, "big:0 ")
        await measured("filter", lambda: app.on_input_changed(FILTERED))  # type: ignore[arg-type]
        await shows(app, pilot, "11 jobs with 's999'")
        print({name: f"{1000 * seconds:.0f} ms" for name, seconds in took.items()})
        assert len(took) == 6

    played(Top([], 1), steps)


class FILTERED:
    value = "s999"


def test_an_answer_older_than_an_action_is_ignored() -> None:
    """It was on its way while the act was done, and would show a paused job as running."""
    queue = large(5_000)
    result = job_actions.HostResult((), queue=queue)

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        before = time.monotonic()
        app.show_result("pause", LARGE, result)
        app.update_host(host_rows(LARGE, large(4_000)), before)
        await shows(app, pilot, "p1 4/4 +2496 ✓2000 ✗500")
        app.update_host(host_rows(LARGE, large(4_000)), time.monotonic())
        await shows(app, pilot, "p1 4/4 +2996 ✓1600 ✗400")

    played(Top([], 1), steps)


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (200, 60)])
def test_narrow_and_wide_terminals(size: tuple[int, int]) -> None:
    async def steps(app: Top, pilot: Pilot[None]) -> None:
        app.update_host(host_rows(LARGE, large(5_000)), time.monotonic())
        await shows(app, pilot, "big:5000")
        lines = screen(app).splitlines()
        assert {len(line) for line in lines} == {size[0]}
        (row,) = [line for line in lines if line.startswith("big:5000 ") and "·" not in line]
        assert "runni" in row
        assert ("uv run python" in row) == (size[0] >= 80)
        assert app.query_one(JobList).size.height >= 4

    app = Top([], 1)
    app.by_host["big"] = host_rows(LARGE, Exception("querying …"))
    played(app, steps, size)


def test_without_color_the_chosen_row_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        app.update_host(host_rows(LARGE, large(9_000)), time.monotonic())
        await shows(app, pilot, "big:9000")
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
    played(app, steps)


def test_it_needs_a_terminal(pueued: Daemon) -> None:
    done = subprocess.run(
        ["pueue-skill", "top"], env=pueued.env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (
        2,
        "pueue-skill: top needs a terminal. Try: pueue-skill status --watch\n",
    )


@pytest.mark.long
def test_it_starts_and_quits_on_a_terminal(pueued: Daemon) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["pueue-skill", "top", "local"],
        env=pueued.env | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            shown = b""
            while b"local: default" not in shown:
                shown += os.read(ours, 65536)
            os.write(ours, b"q")
            while process.poll() is None:
                try:
                    shown += os.read(ours, 65536)
                except OSError:
                    break
            assert process.wait(10) == 0
        finally:
            process.send_signal(signal.SIGKILL)
    os.close(ours)
    assert b"\x1b[?1049l" in shown  # the screen of before is back
