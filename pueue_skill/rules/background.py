"""PQ4: backgrounding by hand."""

from __future__ import annotations

from pueue_skill.model import Command
from pueue_skill.rules.rule import Hit, Rule, on
from pueue_skill.rules.work import ANCHORS, weigh

DETACHERS = {"nohup", "setsid", "tmux", "screen"}


def check_detached(command: Command, after: tuple[Command, ...]) -> Hit | None:
    how = [wrapper for wrapper in command.wrappers if wrapper in DETACHERS]
    how += [via for via in command.via if via in DETACHERS]
    if not how or weigh(command).size == "quick":
        return None
    return on(command, f"{how[0]} lets {command.name} go on, but its exit status goes nowhere and nobody sees it end")


def check_ampersand(command: Command, after: tuple[Command, ...]) -> Hit | None:
    if not command.background or DETACHERS & {*command.wrappers, *command.via} or weigh(command).size != "long":
        return None
    return on(command, f"{weigh(command).why} in the background ends with the session that started it")


WHY = "Detached work has no exit status, no place in a queue and no limit; what is started twice runs twice."

RULES = (
    Rule(
        id="PQ401",
        name="detached-work",
        what="Looks for work detached by nohup, setsid, tmux or screen.",
        why=WHY,
        instead="Queue the work itself; the queue keeps it, its output and its exit status.",
        anchors=tuple(sorted(DETACHERS)),
        confidence="high",
        rewrite=True,
        check=check_detached,
        bad=(
            "nohup python train.py > train.log 2>&1 &",
            "ssh bigblack 'nohup ./run.sh > run.log 2>&1 &'",
            "tmux new-session -d -s train 'python train.py'",
            "screen -dmS cache python populate_cache.py",
            "setsid python3 worker.py",
        ),
        good=("tmux ls", "screen -ls", "tmux attach -t train", "cat nohup.out", "nohup --help"),
    ),
    Rule(
        id="PQ402",
        name="background-work",
        what="Looks for long-running work put in the background with `&`.",
        why=WHY,
        instead="Queue the work itself.",
        anchors=ANCHORS,
        confidence="high",
        rewrite=True,
        check=check_ampersand,
        bad=("python train.py &", "(cd p && python backfill.py) > log 2>&1 &", "ssh bigblack 'python train.py &'"),
        good=("sleep 5 & wait", "python train.py --help &", "python -m http.server &", "echo a && echo b"),
    ),
)
