"""PQ6: waiting by hand."""

from __future__ import annotations

from pueue_skill.rules.rule import Around, Hit, Rule, on
from pueue_skill.shell.model import Command, Loop
from pueue_skill.startup.regex import regex

LEAST_POLL, LEAST_SLEEP = 5, 300
"""Seconds of a pause in a loop, and of one by itself, from which on somebody is waiting for work."""

HEALTH = {"curl", "wget", "nc", "ncat", "pg_isready", "ping", "systemctl", "gh", "mysqladmin", "ssh-keyscan", "nslookup", "dig", "adb", "virsh", "kubectl", "aws", "gcloud", "az", "helm"}  # fmt: skip
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = regex(r"(\d+(?:\.\d+)?)([smhd]?)")


def pause(command: Command) -> float:
    """Seconds that a `sleep` takes; 60 when only the shell knows; 0 when it is none."""
    if command.name != "sleep" or not command.args:
        return 0
    match = DURATION.fullmatch(command.args[0])
    return float(match[1]) * UNITS[match[2]] if match else 60 if "$" in command.args[0] else 0


def within(command: Command, loop: Loop) -> bool:
    return loop.start <= command.start and command.end <= loop.end


def check_poll(command: Command, around: Around) -> Hit | None:
    loops = [loop for loop in command.loops if loop.kind in ("for", "while", "until")]
    if not loops or pause(command) < LEAST_POLL or command.background:
        return None
    there = [other for other in around.commands if within(other, loops[0])]
    if any(other.name in HEALTH for other in there):
        return None
    return on(
        loops[0], f"asks again every {command.args[0]} s until something else has ended, and is lost with the session"
    )


def check_sleep(command: Command, around: Around) -> Hit | None:
    if command.name == "tail" and around.after and any(arg.startswith("--pid") for arg in command.args):
        return on(command, "waits for a process of which nobody learns how it ended")
    if command.loops or pause(command) < LEAST_SLEEP or not around.after or command.background:
        return None
    return on(command, "sleeps until something else should have ended, and runs on whether it has or not")


WHY = "A loop that asks is lost with its session, goes on when what it waits for has failed, and costs a turn each time it is looked at."

RULES = (
    Rule(
        id="PQ601",
        name="sleep-and-poll",
        what="Looks for loops that sleep and ask whether work has ended.",
        why=WHY,
        instead="`pueue-skill wait JOB`, or queue what comes next with `--after`.",
        anchors=("sleep",),
        confidence="high",
        rewrite=False,
        check=check_poll,
        bad=(
            "while pgrep -f train.py > /dev/null; do sleep 60; done; python evaluate.py",
            "until [ -f /tmp/train.done ]; do sleep 10; done; python export.py",
            "while ssh bigblack '~/.local/bin/pueue status' | grep -q Running; do sleep 300; done",
            "for i in {1..60}; do sleep 60; ssh littleblack 'tail -1 ~/ml/train.log'; done",
        ),
        good=(
            "for i in 1 2 3; do curl -sf localhost:8080/health && break; sleep 5; done",
            "while true; do nvidia-smi; sleep 1; done",
            "until pg_isready; do sleep 10; done",
            "sleep 2; ls",
        ),
    ),
    Rule(
        id="PQ602",
        name="long-sleep",
        what="Looks for long sleeps before the next command.",
        why="Nothing says that what is waited for has ended by then, or that it has succeeded.",
        instead="Queue what comes next with `--after` the job that it waits for.",
        anchors=("sleep", "tail"),
        confidence="high",
        rewrite=False,
        check=check_sleep,
        bad=("sleep 2h; python merge_results.py", "sleep 1800; ssh bigblack 'tail -5 /tmp/btc250.log'"),
        good=("sleep 5 && curl localhost:8080", "sleep 1800 &", "sleep infinity"),
    ),
)
