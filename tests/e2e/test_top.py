"""`top` on real hosts: keys in, the text of the screen out."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, Host, until
from textual.pilot import Pilot
from textual.widgets import Log
from top_screen import run, screen, wait_for

from pueue_skill.shell import model
from pueue_skill.views.top import ConfirmScreen, FollowScreen, Top


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
        await wait_for(app, pilot, f"bigblack:{id}")
        await wait_for(app, pilot, "seen-here")
        await wait_for(app, pilot, "top 0/1 ✗1")
        await pilot.press("slash", *"there failed", "enter")
        await wait_for(app, pilot, f"bigblack:{id} (seen-there) · 1 job with 'there failed'")
        assert "seen-here" not in screen(app)
        await wait_for(app, pilot, "out of there")
        await wait_for(app, pilot, "red     and�")
        await pilot.press("escape")
        await wait_for(app, pilot, "seen-here")
        await pilot.press("s")
        await pilot.press("s")
        await wait_for(app, pilot, "failed job")
        assert "seen-here" not in screen(app)

    run(Top(list(hosts.values()), 0.2), steps)
    pueued.pueue("remove", here)


@pytest.mark.long
def test_kill_asks_for_confirmation_and_groups_pause_and_start(hosts: dict[str, model.Host], bigblack: Host) -> None:
    runs, waits = add(bigblack, "long-one", "sleep 100"), add(bigblack, "next-one", "sleep 100")

    def status(id: int) -> str:
        return next(iter(bigblack.tasks()[id]["status"]))

    until(lambda: status(runs) == "Running", "the job that runs")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"-one", "enter")
        await wait_for(app, pilot, "· 2 jobs with")
        await pilot.press("home")  # another was the chosen one where a host answered first
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) · 2 jobs")
        await pilot.press("k")
        await wait_for(app, pilot, f"Kill bigblack:{runs} (long-one)?")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await wait_for(app, pilot, "running")
        assert status(runs) == "Running"
        await pilot.press("p")
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) paused")
        assert status(runs) == "Paused"
        await pilot.press("p")
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) resumed")
        await pilot.press("P")
        await wait_for(app, pilot, "top 1/1 +1 paused")
        await pilot.press("k", "y")
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) killed")
        assert (status(runs), status(waits)) == ("Done", "Queued")
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) ·")  # it is still the chosen one
        await pilot.press("P")
        await wait_for(app, pilot, "top 1/1 ✗1")
        assert status(waits) == "Running"
        await pilot.press("r")
        await wait_for(app, pilot, f"bigblack:{runs} (long-one) restarted")
        assert status(runs) == "Queued"

    run(Top(list(hosts.values()), 0.2), steps)


@pytest.mark.long
def test_a_job_is_followed(hosts: dict[str, model.Host], bigblack: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    add(bigblack, "followed", f"echo begun; until [ -e {go} ]; do sleep 0.05; done; echo last; exit 4")

    async def steps(app: Top, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"followed", "enter")
        await wait_for(app, pilot, "(followed) · 1 job")
        await pilot.press("f")
        await wait_for(app, pilot, "begun")
        assert isinstance(app.screen, FollowScreen)
        assert "last" not in app.screen.query_one(Log).lines
        go.touch()
        await wait_for(app, pilot, "[failed, exit 4]")
        assert "last" in app.screen.query_one(Log).lines
        await pilot.press("escape")
        await wait_for(app, pilot, "(followed) · 1 job")

    run(Top(list(hosts.values()), 0.2), steps)


def test_a_host_that_hangs_freezes_nothing(hosts: dict[str, model.Host]) -> None:
    """It takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        hung = model.Host("hung", f"-p {port} -o ConnectTimeout=60 nobody@127.0.0.1")

        async def steps(app: Top, pilot: Pilot[None]) -> None:
            await wait_for(app, pilot, "bigblack: default")
            assert "hung: querying …" in screen(app)
            await pilot.press("slash", *"abc", "escape", "s", "down")
            assert "hung: querying …" in screen(app)  # and all keys were taken meanwhile
            await pilot.press("q")

        started = time.monotonic()
        run(Top([*hosts.values(), hung], 0.2), steps)
        assert time.monotonic() - started < 50  # it is left without waiting for it


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
