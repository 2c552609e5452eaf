"""PQ2: loops and fan-out over long-running work."""

from __future__ import annotations

from pueue_skill.rules.cost import anchors
from pueue_skill.rules.rule import Hit, Rule, RuleContext, claim, hit_at
from pueue_skill.rules.scripts import RUNNERS
from pueue_skill.rules.unknown_work import unknown_work
from pueue_skill.shell.model import Command

FAN_OUT = ("xargs", "parallel", "find")


def check_loop(command: Command, context: RuleContext) -> Hit | None:
    loops = [loop for loop in command.loops if loop.kind not in FAN_OUT]
    weight = context.weight
    if not loops or command.detached or weight.size != "long":
        return None
    runs = f"runs in every iteration of this {loops[0].kind} loop, one at a time"
    return hit_at(loops[0], claim(weight, weight.why, runs))


def check_fan_out(command: Command, context: RuleContext) -> Hit | None:
    loops = [loop for loop in command.loops if loop.kind in FAN_OUT]
    weight = context.weight
    if not loops or command.detached or weight.size != "long":
        return None
    starter = next(
        (c.name for c in context.before if (c.start, c.end) == (loops[0].start, loops[0].end)), loops[0].kind
    )
    return hit_at(loops[0], claim(weight, weight.why, f"is started by {starter} for each item"))


def check_loop_of_scripts(command: Command, context: RuleContext) -> Hit | None:
    if not command.loops or command.detached or "substitution" in command.inside:
        return None  # a command in $(…) is meant to be quick
    if command.name not in RUNNERS and "/" not in command.words[0].value:
        return None
    script = unknown_work(command, context)
    if script is None or context.weight.size != "unknown":
        return None
    return hit_at(command.loops[0], f"{script} runs once per item, and its run time is unknown")


RULES = (
    Rule(
        id="PQ201",
        name="loop-over-long-work",
        what="Looks for shell loops whose body is long-running work.",
        why=(
            "The loop runs in one shell: when the shell ends, the remaining items are never run, and nothing records "
            "which iterations succeeded."
        ),
        instead="One job per iteration, in a group with a limit, labeled with the item.",
        anchors=anchors,
        confidence="high",
        rewrite=True,
        attended=True,
        check=check_loop,
        bad=(
            "for s in BTCUSDT ETHUSDT; do uv run python populate_cache.py --symbol $s; done",
            'while read -r s; do python backfill.py --symbol "$s"; done < symbols.txt',
            'for y in {2019..2024}; do ssh bigblack "python train.py --year $y"; done',
        ),
        good=(
            "for f in *.py; do echo $f; done",
            "for h in bigblack littleblack; do ssh $h uptime; done",
            'while read -r f; do git add "$f"; done < files.txt',
            "for f in populate_*.py; do wc -l $f; done",
        ),
    ),
    Rule(
        id="PQ202",
        name="fan-out-into-long-work",
        what="Looks for xargs, parallel and find -exec that start long-running work.",
        why="The items share one shell and one output; when the shell ends, nothing records which of them were done.",
        instead="One job per item, in a group whose limit is the number of parallel calls.",
        anchors=anchors,
        confidence="high",
        rewrite=True,
        attended=True,
        check=check_fan_out,
        bad=(
            "cat symbols.txt | xargs -P4 -I{} python populate_cache.py --symbol {}",
            "parallel -j4 python train.py --fold {} ::: 1 2 3 4",
            "find raw -name '*.mkv' -exec ffmpeg -i {} {}.mp4 \\;",
        ),
        good=(
            "git ls-files | xargs wc -l",
            "find . -name 'train.py' -exec grep -l epochs {} +",
            "parallel echo ::: a b c",
        ),
    ),
    Rule(
        id="PQ203",
        name="loop-over-scripts",
        what="Looks for loops and fan-out over scripts of unknown length.",
        why=(
            "A script that takes seconds for one item may take hours for all; when the shell ends, the remaining "
            "items are never run."
        ),
        instead="One job per item, in a group with a limit, labeled with the item.",
        anchors=("for", "while", "until", "select", "xargs", "parallel", "exec", "fd", "find"),
        confidence="medium",
        rewrite=True,
        attended=True,
        check=check_loop_of_scripts,
        bad=('for f in data/*.csv; do python handle.py "$f"; done', "ls *.toml | xargs -n1 ./run_one.sh"),
        good=(
            'for f in *.py; do python -m py_compile "$f"; done',
            "for f in *.sh; do bash -n $f; done",
            "for f in *.json; do python -m json.tool $f; done",
        ),
    ),
)
