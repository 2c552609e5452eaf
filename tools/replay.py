"""Replays sessions of agents through the hooks, as if they had been installed: which long commands they named before these ran, which
afterwards, and how often they spoke of short ones.

python tools/replay.py [--missed] [--false-alarms] [--spoken] FILE…

A FILE has a JSON object on each line, in the order in which the commands ran: `session`, `command`, `seconds` (absent: not known), and if known
`cwd`, `background`, `timeout_ms`, `exit`, `agent`, `censored` (the command was ended or left running: `seconds` is a lower bound) and `maybe_prompt`
(`seconds` may include a wait for a person: not scored). Each FILE is replayed by itself, with an empty memory.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pueue_skill.agents import hook  # noqa: E402
from pueue_skill.agents.clients import claude  # noqa: E402
from pueue_skill.agents.event import Event  # noqa: E402
from pueue_skill.plan.analysis import analyse  # noqa: E402
from pueue_skill.rules.cost import weigh  # noqa: E402
from pueue_skill.rules.shapes import dominant, telling_shapes  # noqa: E402
from pueue_skill.rules.waiting import sleep_seconds  # noqa: E402
from pueue_skill.state import journal as journal_file  # noqa: E402
from pueue_skill.state import paths, reminders  # noqa: E402

LONG_S, SHORT_S = 60.0, 10.0
"""A call of at least LONG_S seconds is long, one below SHORT_S is short."""

PAUSE_S = 20.0
"""The time between two calls, in which the agent thinks."""


class Clock:
    """The time during the replay: that of the calls and the pauses between them."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def ask(payload: dict[str, Any]) -> str:
    """Return the hook's reply to a payload, as the launcher calls it."""
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        hook.respond(json.dumps(payload).encode(), payload["hook_event_name"], "")
    return stdout.getvalue()


def payloads(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that Claude Code sends for a call: before it and, if its duration is known, after it."""
    given = {"command": call["command"]}
    if call.get("timeout_ms"):
        given["timeout"] = call["timeout_ms"]
    if call.get("background"):
        given["run_in_background"] = True
    common = {
        "session_id": call["session"],
        "cwd": call.get("cwd") or "/project",
        "tool_name": "Bash",
        "tool_input": given,
    }
    yield {**common, "hook_event_name": "PreToolUse"}
    seconds = call.get("seconds")
    if seconds is None or call.get("maybe_prompt"):
        return
    failed = bool(call.get("exit"))
    response: dict[str, Any] = {"stdout": "", "stderr": "", "interrupted": False}
    if call.get("background"):
        response["backgroundTaskId"] = "b1"
    if call.get("censored"):
        response["timedOutAfterMs"] = int(seconds * 1000)
    name = "PostToolUseFailure" if failed else "PostToolUse"
    result = {"error": f"Exit code {call['exit']}"} if failed else {"tool_response": response}
    yield {**common, **result, "hook_event_name": name, "duration_ms": int(seconds * 1000)}


def decoded(payload: dict[str, Any]) -> Event:
    """Return the event in a payload."""
    event = claude.decode(payload)
    assert event is not None
    return event


def journal(payload: dict[str, Any]) -> None:
    """Do what hooks/launch does with a call that needs no Python."""
    if payload["hook_event_name"] == "PostToolUse" and Path(paths.journal()).exists():
        call = {"cwd": payload["cwd"], "ms": payload["duration_ms"], "command": payload["tool_input"]["command"]}
        journal_file.append(json.dumps(call).encode())


def subject(call: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of a call (work, wait or server) and its general shape."""
    analysis = analyse(call["command"], {})
    if any(sleep_seconds(c) >= 1 or weigh(c).size == "wait" for c in analysis.commands):
        return "wait", call["command"]
    if any(weigh(c).size == "server" for c in analysis.commands):
        return "server", call["command"]
    commands = dominant(analysis.commands)
    if not commands:
        return "work", call["command"]
    return "work", (*telling_shapes(commands, "/project", "/project")[-1:], call["command"])[0]


def replay(file: Path, wanted: argparse.Namespace) -> None:
    """Replay one file and print its figures."""
    count: Counter[str] = Counter()
    slow_before: set[str] = set()
    clock = Clock()
    shown: list[str] = []
    repeated: list[str] = []
    given: set[tuple[str, str]] = set()
    ask_reminders = reminders.may_remind

    def may_remind(session: str, subject: str) -> bool:
        allowed = ask_reminders(session, subject)
        if allowed:
            given.add((session, subject))
        elif (session, subject) in given:
            repeated.append(subject)
        return allowed

    with (
        tempfile.TemporaryDirectory() as home,
        mock.patch.dict(os.environ, {"HOME": home, "PUEUE_SKILL_HOOK_LIMIT": "60"}),
        mock.patch("time.time", clock),
        mock.patch("pueue_skill.state.reminders.may_remind", may_remind),
    ):
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "CLAUDE_PLUGIN_OPTION_MODE"):
            os.environ.pop(name, None)
        for text in file.read_text("utf-8").splitlines():
            call = json.loads(text)
            said = []
            for payload in payloads(call):
                if "Post" in payload["hook_event_name"]:
                    clock.now += call["seconds"]
                repeated.clear()
                said.append(ask(payload) or ("(again)" if repeated else ""))
                if not said[-1].strip() and not hook.needs_analysis(decoded(payload)):
                    journal(payload)
            clock.now += PAUSE_S
            tally(call, count, slow_before, shown, wanted, said)
    report(file, count)
    print("\n".join(shown), end="\n" if shown else "")


def tally(
    call: dict[str, Any],
    count: Counter[str],
    slow_before: set[str],
    shown: list[str],
    wanted: argparse.Namespace,
    said: list[str],
) -> None:
    """Add a call to the figures, and to what is shown. A reply "(again)" stands for one that the session had before."""
    spoke = [reply not in ("", "(again)") for reply in said]
    count["calls"] += 1
    count["reminders"] += sum(spoke)
    line = call["command"].replace("\n", "\\n")[:200]
    if wanted.spoken and any(spoke):
        shown.append(f"spoke     {call.get('seconds')} s: {line}\n          {''.join(said)[:400]}")
    seconds = call.get("seconds")
    if seconds is None or call.get("maybe_prompt") or call.get("background"):
        return
    if seconds < SHORT_S:
        if not call.get("censored") and not call.get("exit"):
            count["short"] += 1
            count["short flagged"] += spoke[0]
            if wanted.false_alarms and spoke[0]:
                shown.append(f"flagged   {seconds:g} s: {line}\n          {said[0][:400]}")
        return
    if seconds < LONG_S:
        return
    kind, shape = subject(call)
    first = "again" if shape in slow_before else "first"
    slow_before.add(shape)
    for key in (f"{kind} {first}", f"{kind} in all"):
        count[key] += 1
        count[f"{key} before"] += spoke[0]
        count[f"{key} earlier"] += said[0] == "(again)"
        count[f"{key} after"] += not said[0] and any(spoke[1:])
    if wanted.missed and not said[0]:
        shown.append(f"missed    {seconds:g} s, {kind}, {first}{', told afterwards' if any(spoke) else ''}: {line}")


def report(file: Path, count: Counter[str]) -> None:
    """Print the figures of a file."""
    print(f"{file.name}: {count['calls']} calls")
    for kind in ("work", "wait", "server"):
        for key in ("first", "again", "in all"):
            long = count[f"{kind} {key}"]
            if long:
                before, earlier, after = [count[f"{kind} {key} {when}"] for when in ("before", "earlier", "after")]
                print(
                    f"  long {kind:<6} {key:<6}{long:>6}   named before {share(before + earlier, long)}"
                    f"   of these earlier in the session {earlier:>4}   afterwards {share(after, long)}"
                )
    print(f"  short calls     {count['short']:>6}   flagged      {share(count['short flagged'], count['short'])}")
    print(
        f"  reminders       {count['reminders']:>6}   in 100 calls {100 * count['reminders'] / max(1, count['calls']):6.2f}"
    )


def share(part: int, whole: int) -> str:
    return f"{part:>5} {part / whole:6.1%}" if whole else f"{part:>5}      -"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options.add_argument("--missed", action="store_true", help="show long calls that were not named before they ran")
    options.add_argument("--false-alarms", action="store_true", help="show short calls that were flagged")
    options.add_argument("--spoken", action="store_true", help="show every reply")
    wanted = options.parse_args()
    for file in wanted.files:
        replay(file, wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
