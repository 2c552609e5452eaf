"""PQ4: work detached or put in the background by hand."""

from __future__ import annotations

from pueue_skill.rules.cost import anchors
from pueue_skill.rules.rule import Hit, Rule, RuleContext, claim, hit_at
from pueue_skill.rules.scripts import runs_script
from pueue_skill.rules.unknown_work import serves, unknown_work
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SESSION_PROGRAMS as SCREENS

DETACHERS = {"nohup", "setsid", "at", "batch", *SCREENS}
"""Programs that detach their work."""


def check_detached(command: Command, context: RuleContext) -> Hit | None:
    size = context.weight.size
    left = command.detached
    if left and left.queue:
        return None
    if left and (size == "long" or (not left.keeper and unknown_remote(command, context))):
        work = "its work" if left.how.split()[0] == command.name else command.name
        return hit_at(command, f"{left.leaves(work)}; its exit status is lost and nobody sees it end")
    how = [wrapper for wrapper in command.wrappers if wrapper in DETACHERS]
    how += [via for via in command.via if via in DETACHERS]
    unknown = size == "unknown" and not serves(command, context) and not is_typed(command, context)
    if how and (size == "long" or unknown):
        return hit_at(
            command, f"{how[0]} keeps {command.name} running, but its exit status is lost and nobody sees it end"
        )
    if not how and command.background and command.hosts and unknown_work(command, context):
        return hit_at(
            command,
            f"& keeps {command.name} running after {command.carriers[-1]}, but its exit status is lost and nobody sees it end",
        )
    return None


def unknown_remote(command: Command, context: RuleContext) -> bool:
    """Whether the command is a script of unknown length on a host: if it is detached, it is meant to continue."""
    return (
        bool(command.hosts)
        and context.weight.size == "unknown"
        and runs_script(command)
        and not serves(command, context)
    )


def is_typed(command: Command, context: RuleContext) -> bool:
    """Whether `tmux send-keys` or screen's `stuff` only types the command: into an editor or a prompt, if it is no script."""
    carriers = [c for c in context.before if c.name in SCREENS and c.start <= command.start and command.end <= c.end]
    typed = any({"send-keys", "send", "stuff"} & set(c.args) for c in carriers)
    return typed and not runs_script(command)


def check_ampersand(command: Command, context: RuleContext) -> Hit | None:
    if not command.background or command.detached or DETACHERS & {*command.wrappers, *command.via}:
        return None
    if context.weight.size != "long":
        return None
    subject = f"{context.weight.why} in the background"
    return hit_at(command, claim(context.weight, subject, "ends with the session that started it"))


WHY = "Detached work has no exit status, no place in a queue and no limit; work that is started twice runs twice."

RULES = (
    Rule(
        id="PQ401",
        name="detached-work",
        what="Looks for work detached by nohup, setsid, tmux or screen, by an option (`docker run -d`, `ssh -f`), or by `&` over ssh.",
        why=WHY,
        instead="Queue the work itself; the queue keeps it, its output and its exit status.",
        anchors=lambda: {*DETACHERS, "ssh", *anchors()},
        confidence="high",
        rewrite=True,
        check=check_detached,
        bad=(
            "nohup python train.py > train.log 2>&1 &",
            "ssh bigblack 'nohup ./run.sh > run.log 2>&1 &'",
            "tmux new-session -d -s train 'python train.py'",
            "screen -dmS cache python populate_cache.py",
            "setsid python3 worker.py",
            "docker run -itd --gpus all trainer python train.py",
            "systemd-run --user python train.py",
            "ssh -f bigblack 'python train.py'",
            "ssh bigblack './run.sh &'",
            "cd data && wget -b https://example.org/ticks.tar.gz",
        ),
        good=(
            "docker run -d -p 80:80 nginx",
            "docker compose up -d",
            "docker run --detach=false -p 80:80 nginx",
            "sbatch train.sh",
            "hq submit python train.py --epochs 3",
            "ssh bigblack 'pkill -f train &'",
            "tmux ls",
            "screen -ls",
            "tmux attach -t train",
            "cat nohup.out",
            "nohup --help",
            "nohup python3 search_api.py > api.log 2>&1 &",
            "ssh bigblack 'nohup ./node --port 8080 > node.log 2>&1 &'",
            "nohup ./shop & sleep 3; curl -s localhost:8080/health",
            "tmux send-keys -t edit ':wq' Enter",
        ),
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
        attended=True,
        check=check_ampersand,
        bad=("python train.py &", "(cd p && python backfill.py) > log 2>&1 &", "ssh bigblack 'python train.py &'"),
        good=("sleep 5 & wait", "python train.py --help &", "python -m http.server &", "echo a && echo b"),
    ),
)
