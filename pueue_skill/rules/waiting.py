"""PQ6: polling and sleeping instead of waiting."""

from __future__ import annotations

from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.shell.model import Command, Loop
from pueue_skill.startup.regex import regex

MIN_POLL_S, MIN_SLEEP_S = 5, 300
"""Minimum sleep, in a loop and outside one, that counts as waiting for work."""

HEALTH_CHECKS = {"curl", "wget", "nc", "ncat", "pg_isready", "ping", "systemctl", "gh", "mysqladmin", "ssh-keyscan", "nslookup", "dig", "adb", "virsh", "kubectl", "aws", "gcloud", "az", "helm"}  # fmt: skip
UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = regex(r"(\d+(?:\.\d+)?)([smhd]?)")


def sleep_seconds(command: Command) -> float:
    """The seconds of a `sleep`: 60 if only the shell knows, 0 for another command."""
    if command.name != "sleep" or not command.args:
        return 0
    match = DURATION.fullmatch(command.args[0])
    return float(match[1]) * UNIT_SECONDS[match[2]] if match else 60 if "$" in command.args[0] else 0


def is_within(command: Command, loop: Loop) -> bool:
    """Whether the command is inside the loop."""
    return loop.start <= command.start and command.end <= loop.end


def check_poll(command: Command, context: RuleContext) -> Hit | None:
    loops = [loop for loop in command.loops if loop.kind in ("for", "while", "until")]
    if not loops or sleep_seconds(command) < MIN_POLL_S or command.background:
        return None
    siblings = [other for other in context.commands if is_within(other, loops[0])]
    if any(other.name in HEALTH_CHECKS for other in siblings):
        return None
    return hit_at(
        loops[0], f"polls every {command.args[0]} s until something else has ended, and is killed with the session"
    )


def check_sleep(command: Command, context: RuleContext) -> Hit | None:
    if command.name == "tail" and context.after and any(arg.startswith("--pid") for arg in command.args):
        return hit_at(command, "waits for a process whose exit status is lost")
    if command.loops or sleep_seconds(command) < MIN_SLEEP_S or not context.after or command.background:
        return None
    return hit_at(command, "sleeps until something else should have ended, and continues whether it has or not")


WHY = (
    "A polling loop is killed with its session, continues after a failure of the work that it waits for, and costs an "
    "agent turn for each check."
)

RULES = (
    Rule(
        id="PQ601",
        name="sleep-and-poll",
        what="Looks for loops that sleep and poll for the end of work.",
        why=WHY,
        instead="`pueue-skill wait JOB`, or queue the next command with `--after`.",
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
        why="Nothing guarantees that the work has ended by then, or that it has succeeded.",
        instead="Queue the next command with `--after` the job that it waits for.",
        anchors=("sleep", "tail"),
        confidence="high",
        rewrite=False,
        check=check_sleep,
        bad=("sleep 2h; python merge_results.py", "sleep 1800; ssh bigblack 'tail -5 /tmp/btc250.log'"),
        good=("sleep 5 && curl localhost:8080", "sleep 1800 &", "sleep infinity"),
    ),
)
