"""Hostile labels, groups, folders, commands and messages of hosts: every command and every screen shows them without harm.

The commands and their arguments come from the parser, so a new command is tested too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from real import Daemon, until
from textual.binding import Binding
from textual.widgets import Static

from pueue_skill.agents import prompts
from pueue_skill.batches import items as batch_items
from pueue_skill.batches import manifest
from pueue_skill.batches.model import LocalFiles
from pueue_skill.cli import main
from pueue_skill.hosts import client, transport
from pueue_skill.jobs import news
from pueue_skill.notify import compose
from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import Host
from pueue_skill.state.sessions import Submitted
from pueue_skill.views import batch as batch_view
from pueue_skill.views import documents, timeline
from pueue_skill.views.top import Top, host_rows

ATTACK = "x\x1b]0;t\x07\x1b[2J\x1b[31m\nFORGED\r\x9b5m\u202eabc\u2066[bold]b[/bold][link=https://e]l[/link]\x1b]8;;http://e\x1b\\z\x7f\u2028FORGED"
KINDS = ("label", "group", "command", "words", "typed")
LABEL, GROUP, COMMAND, WORDS, TYPED = (ATTACK.replace("FORGED", f"FORGED {kind}") for kind in KINDS)
NAME = ATTACK.replace("/", "_").replace("FORGED", "FORGED name")
SGR = re.compile(r"\x1b\[[0-9;]*m")
"""The escape sequences with which rich colors text."""


def clean(text: str, call: Sequence[str] = ()) -> None:
    """Fail if `text` contains control characters, or a line that begins with text of others than the caller."""
    assert [char for char in text if not (char.isprintable() or char in "\n\t")] == [], f"{call}: {text!r}"
    own = tuple([f"FORGED {kind}" for kind in KINDS if f"FORGED {kind}" in " ".join(call)])
    lines = [line for line in re.split("[\n\r\u2028]", text) if line.startswith("FORGED")]
    assert [line for line in lines if not line.startswith(own)] == [], f"{call}: {text!r}"


def test_printable_text() -> None:
    clean(printable.safe(ATTACK.replace("FORGED", "")))
    clean(printable.line(ATTACK))
    assert printable.line("a\tb\r\n c ") == "a b c"
    assert printable.line("ä 日本 ✓ é") == "ä 日本 ✓ é"
    assert printable.line("a" * 300, 10) == "a" * 9 + "…"
    assert printable.safe("a\n\tb\x1b[0m") == "a\n\tb\ufffd[0m"


# Every command


def subcommands(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in inner:
        for name, one in action.choices.items():
            yield from subcommands(one, (*words, name))
    if not inner:
        yield words, parser


COMMANDS = dict(subcommands(main.parser()))
LEFT_OUT = {("hook",)}
"""Commands that reply in JSON to a program."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a hostile name, and with files for the commands that have hostile names and contents."""
    folder = tmp_path / NAME
    folder.mkdir()
    script = "nohup python3 train.py '\x1b[2J\u202e' &\nssh \x1b]0;h 'python3 train.py'\n"
    (folder / f"{NAME}.sh").write_text(f"#!/bin/sh\n# x\n{script}")
    phases = {
        f"p{n}": {"command": f"true {quote.word(COMMAND)}", "label": "{v}", "vars": {"v": [f"{LABEL} {n}"]}}
        for n in (1, 2)
    }
    (folder / "batch.json").write_text(
        json.dumps({"name": "m", "phases": phases | {"p2": phases["p2"] | {"after": ["p1"]}}})
    )
    (folder / "words").write_text(WORDS)
    (tmp_path / "say").write_text(f"#!/bin/sh\ncat {tmp_path}/x*/words >&2\nexit 1\n")
    (tmp_path / "say").chmod(0o755)
    (tmp_path / "config/pueue-skill").mkdir(parents=True)
    far = f"-o ProxyCommand={tmp_path}/say -o ConnectTimeout=2 far"
    (tmp_path / "config/pueue-skill/config.toml").write_text(f"[hosts.far]\nssh = {json.dumps(far)}\n")
    return folder


@pytest.fixture
def queue(pueued: Daemon, place: Path) -> Iterator[dict[str, str]]:
    """Return the environment of commands with hostile jobs of every state in the local queue, and a host whose ssh prints an attack."""
    before = set(pueued.tasks())
    pueued.pueue("group", "add", "--parallel", "1", GROUP)
    kinds = {"ok": "true", "bad": "exit 3", "run": "sleep 600", "wait": "true", "aside": "true"}
    ids = {
        name: pueued.pueue(
            "add", "-p", "-g", GROUP, "-w", str(place), "-l", f"{name} {LABEL}", *(["--stashed"] if name == "aside" else []), "--",
            f"{command}; : {quote.word(COMMAND)}",
        )
        for name, command in kinds.items()
    }  # fmt: skip
    pueued.result(ids["ok"])
    pueued.result(ids["bad"])
    until(lambda: "Running" in pueued.tasks()[int(ids["run"])]["status"], "a job that runs")
    yield pueued.env | {"XDG_CONFIG_HOME": str(place.parent / "config"), "COLUMNS": "500"}
    pueued.pueue("kill", "-g", GROUP)
    pueued.remove(set(pueued.tasks()) - before)
    pueued.pueue("group", "remove", GROUP)


def arguments(words: tuple[str, ...], parser: argparse.ArgumentParser, place: Path) -> list[list[str]]:
    """Return calls of a command: with as few arguments as possible, with all, and with each option that changes the output."""
    values = {
        "FILE": "batch.json" if words[0] in ("batch", "timeline") else f"{NAME}.sh", "HOST": "far", "AGENT": "claude", "ID": "PQ101", "NAME": "status",
        "JOB": f"ok {LABEL}", "CMD": f"true {quote.word(COMMAND)}", "ARG": "far", "PHASE": "p2", "SHELL": "bash", "LABEL": f"{LABEL} 1",
    }  # fmt: skip
    options = {one for action in parser._actions for one in action.option_strings}
    positional = [action for action in parser._actions if not action.option_strings]
    least = [values.get(str(action.metavar), TYPED) for action in positional if action.nargs not in ("*", "?")]
    most = [values.get(str(action.metavar), TYPED) for action in positional]
    # No call runs forever or changes this machine.
    bound = [*(["--dry-run"] if "--dry-run" in options else []), *(["--wait", "0"] if "--wait" in options else [])]
    calls = [
        bound + least,
        bound + most,
        [*bound, "--group", GROUP],
        [*bound, "--label", "*abc*"],
        ["--session", TYPED],
    ]
    wanted = [
        call for call in calls if all(word in options for word in call if word in ("--group", "--label", "--session"))
    ]
    wanted += [[*bound, "--json", *most], [*bound, *least, TYPED], [TYPED]] if "--json" in options else [[TYPED]]
    if "run" in words:  # the output of the job is its own
        wanted = [call for call in wanted if TYPED not in call]
    return [call for i, call in enumerate(wanted) if call not in wanted[:i]]


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in LEFT_OUT], ids=" ".join)
def test_every_command_prints_harmless_text(words: tuple[str, ...], queue: dict[str, str], place: Path) -> None:
    shown = ""
    for call in arguments(words, COMMANDS[words], place):
        if words == ("wait",) and ("--group" in call or "--label" in call):
            continue  # one of those jobs does not end
        done = subprocess.run(
            ["pueue-skill", *words, *call],
            env=queue,
            cwd=place,
            capture_output=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout + done.stderr
        if words[0] == "suggest":
            said = done.stderr  # what can be pasted is exact
        shown += (text := said.decode())
        clean(text, call)
        assert b"Traceback" not in done.stderr
    assert shown


@pytest.mark.parametrize(
    "words", ["status", "status --json", "batch status batch.json", "batch plan batch.json", "timeline"]
)
def test_colors_are_the_only_escape_sequences(words: str, queue: dict[str, str], place: Path) -> None:
    done = subprocess.run(
        ["pueue-skill", *words.split()], env=queue | {"FORCE_COLOR": "1"}, cwd=place, capture_output=True, timeout=60
    )
    text = done.stdout.decode()
    clean(SGR.sub("", text))
    assert ("\x1b[" in text) == ("--json" not in words)


def test_the_output_of_a_job_is_unchanged(queue: dict[str, str], place: Path) -> None:
    command = "printf 'a\\033[2J\\r\\377\\n'"
    for words in (["run", "--follow", "--label", "own", "--", command], ["log", "own"]):
        done = subprocess.run(["pueue-skill", *words], env=queue, cwd="/", capture_output=True, timeout=60)
        assert done.stdout == b"a\x1b[2J\r\xff\n"


# What is made of values.


def evil_job(id: int, status: str = "done", result: str | None = "failed") -> JobState:
    ended = "2026-11-24T06:00:09+00:00" if status == "done" else None
    return JobState(
        str(id), f"k{id}", status, result, 3 if result == "failed" else None, WORDS, GROUP, LABEL, NAME, COMMAND, (), "2026-11-24T06:00:00+00:00",
        "2026-11-24T06:00:01+00:00", ended,
    )  # type: ignore[arg-type]  # fmt: skip


EVIL_QUEUE = Queue((Group(GROUP, 1, "paused"),), (evil_job(1), evil_job(2, "running", None), evil_job(3, result="killed"), evil_job(4, result="spawn")), WORDS)  # fmt: skip


def test_notifications_for_agents() -> None:
    job = Submitted(
        "far",
        "k",
        "far",
        "",
        "pueue",
        "s",
        "/",
        COMMAND,
        0.0,
        "7",
        LABEL,
        GROUP,
        state="failed",
        exit_code=3,
        tail=news.visible_tail(WORDS.encode()),
    )
    clean(news.notification_of([job, job]))
    clean(news.describe_in_one_line(job))
    clean(news.names([job]))
    clean(prompts.describe_groups(EVIL_QUEUE))
    for one in compose.of_ended_jobs("far", EVIL_QUEUE, EVIL_QUEUE.states):
        clean(one.title)
        clean(one.text)


def test_timelines_and_batch_graphs(tmp_path: Path) -> None:
    now = timeline.dt.datetime(2026, 11, 24, 7, tzinfo=timeline.dt.UTC)
    bars = [bar for state in EVIL_QUEUE.states if (bar := timeline.bar_of("far", state, now))]
    laid, axis = timeline.slots_of(bars), timeline.axis_of(bars)
    for text in (
        timeline.svg(laid, axis),
        timeline.page(TYPED, laid, axis),
        "\n".join([line.plain for line in timeline.lines(laid, axis, 100)]),
    ):
        clean(text)
        assert "<script" not in text
    (tmp_path / "m.json").write_text(
        json.dumps({"name": "m", "phases": {"p": {"command": "true", "label": "<b>&\"'"}}})
    )
    made = manifest.load(tmp_path / "m.json")
    items = batch_items.items_of(made, LocalFiles(lambda pattern: [], lambda name: []), [])
    clean(batch_view.picture(items))


# Every screen of `top`, and every key on it.


def test_every_key_of_top(tmp_path: Path) -> None:
    (tmp_path / "words").write_text(WORDS)
    (tmp_path / "say").write_text(f"#!/bin/sh\ncat {tmp_path}/words >&2\nexit 1\n")
    (tmp_path / "say").chmod(0o755)
    host = Host("far", f"-o ProxyCommand={tmp_path}/say far", "~/.local/bin/pueue")
    app = Top([], 60)
    keys = [one.key for one in Top.BINDINGS if isinstance(one, Binding) and one.action != "quit"]

    def screen() -> str:
        strips = app.screen._compositor.render_strips()
        return "\n".join(["".join([segment.text for segment in strip]) for strip in strips])

    async def play() -> None:
        async with app.run_test(size=(160, 40), notifications=True) as pilot:
            app.update_host(host_rows(host, EVIL_QUEUE), time.monotonic())
            app.by_host["down"] = host_rows(
                host._replace(name="down"), Exception(client.stderr_of(transport.Done(255, b"", WORDS.encode())))
            )
            app.update_screen()
            for key in ["down", *keys, *keys]:
                await pilot.press("P" if key == "P" else key)
                for _ in range(10):
                    await pilot.pause(0.05)
                    clean(screen(), [key])
                if len(app.screen_stack) > 1:
                    await pilot.press("escape")
                assert "[bold]b[/bold]" in screen() or key in ("f", "slash", "s", "k")
            for one in app.query(Static):
                clean(str(one.content))

    asyncio.run(play())


def test_reports_are_ascii() -> None:
    now = timeline.dt.datetime(2026, 11, 24, 7, tzinfo=timeline.dt.UTC)
    report = documents.status([(Host("far", "far"), EVIL_QUEUE)], now)
    text = json.dumps(report, indent=2)
    clean(text)
    assert json.loads(text)["hosts"][0]["jobs"][0]["label"] == LABEL
