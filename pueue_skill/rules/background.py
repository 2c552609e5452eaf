"""PQ4: backgrounding by hand."""

from __future__ import annotations

from pueue_skill.facts import DETACHERS as SCREENS
from pueue_skill.model import Command
from pueue_skill.rules.rule import Around, Hit, Rule, on
from pueue_skill.rules.work import anchors, has, heavy_name

DETACHERS = {"nohup", "setsid", "at", "batch", *SCREENS}
"""The programs that detach what they run."""


def check_detached(command: Command, around: Around) -> Hit | None:
    how = [wrapper for wrapper in command.wrappers if wrapper in DETACHERS]
    how += [via for via in command.via if via in DETACHERS]
    own = detaches_itself(command)
    if own:
        return on(
            command, f"{own} puts it in the background, where its exit status goes nowhere and nobody sees it end"
        )
    if not how or around.weight.size == "quick":
        return None
    return on(command, f"{how[0]} lets {command.name} go on, but its exit status goes nowhere and nobody sees it end")


def detaches_itself(command: Command) -> str | None:
    """The option by which a program goes to the background by itself: wget -b, aria2c -D, docker run -d of a job."""
    if command.name == "wget" and has(command.args, "-b"):
        return "wget -b"
    if command.name == "aria2c" and has(command.args, "-D"):
        return "aria2c -D"
    if command.name in ("docker", "podman") and command.args[:1] == ("run",) and has(command.args, "-d"):
        return "docker run -d" if any(heavy_name(arg) for arg in command.args if arg[:1] != "-") else None
    return None


def check_ampersand(command: Command, around: Around) -> Hit | None:
    if not command.background or DETACHERS & {*command.wrappers, *command.via} or around.weight.size != "long":
        return None
    return on(command, f"{around.weight.why} in the background ends with the session that started it")


WHY = "Detached work has no exit status, no place in a queue and no limit; what is started twice runs twice."

RULES = (
    Rule(
        id="PQ401",
        name="detached-work",
        what="Looks for work detached by nohup, setsid, tmux or screen.",
        why=WHY,
        instead="Queue the work itself; the queue keeps it, its output and its exit status.",
        anchors=(*sorted(DETACHERS), "wget", "aria2c", "docker", "podman"),
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
        anchors=anchors,
        confidence="high",
        rewrite=True,
        check=check_ampersand,
        bad=("python train.py &", "(cd p && python backfill.py) > log 2>&1 &", "ssh bigblack 'python train.py &'"),
        good=("sleep 5 & wait", "python train.py --help &", "python -m http.server &", "echo a && echo b"),
    ),
)
