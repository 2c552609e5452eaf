"""PQ6: polling and sleeping instead of waiting."""

from __future__ import annotations

from pueue_skill.rules.cost import weigh
from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.rules.table import anchors, find_match, operands_of
from pueue_skill.shell.model import Command, Loop
from pueue_skill.startup.regex import regex

MIN_POLL_S, MIN_SLEEP_S = 5, 300
"""Minimum sleep, in a loop and outside one, that counts as waiting for work."""

HEALTH_CHECKS = {"curl", "wget", "nc", "ncat", "pg_isready", "ping", "systemctl", "gh", "mysqladmin", "ssh-keyscan", "nslookup", "dig", "adb", "virsh", "kubectl", "aws", "gcloud", "az", "helm"}  # fmt: skip
STATE_PROGRAMS = {"pgrep", "pidof", "ps", "kill", "grep", "egrep", "fgrep", "zgrep", "rg", "ls", "stat", "cat", "head", "tail", "wc", "find", "lsof", "fuser", "jobs", "squeue", "sacct", "scontrol", "qstat", "bjobs", "condor_q", "pueue", "docker", "podman", "tmux", "screen", "jq"}  # fmt: skip
"""Programs that show how far other work is."""
DISPLAY_PROGRAMS = {"echo", "printf", "date", "true", "false", ":", "break", "continue", "exit", "return", "let", "test", "[", "[[", "((", "awk", "sed", "cut", "sort", "uniq", "tr", "tee", "seq", "clear", "expr", "bc", "xargs", "set", "shift"}  # fmt: skip
"""Programs that only display, filter or control the loop."""
ENDLESS_PROGRAMS = {"watch", "inotifywait", "fswatch", "entr", "nodemon", "watchexec", "chokidar", "reflex", "journalctl", "dockerize"}  # fmt: skip
"""Waits that never end by themselves: somebody looks at them."""
FOLLOWS = {"-f", "-F", "--follow", "-w", "--watch-only"}
PLAIN_WORD = regex(r"[a-z][a-z0-9-]*")
COUNTER = regex(r"\d+|\{\d+\.\.\d+(\.\.\d+)?\}|[$`]\(?seq [^|]*")
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
    if not loops or sleep_seconds(command) < MIN_POLL_S or not command.attached:
        return None
    siblings = [other for other in context.commands if is_within(other, loops[-1])]
    if any(other.name in HEALTH_CHECKS or other.name == "read" for other in siblings):
        return None
    body = [other for other in siblings if loops[-1] in other.loops]
    if not any(map(asks_for_state, siblings)) or any(does_work(other, context) for other in body):
        return None
    if loops[-1].kind == "for" and not (counts(loops[-1]) or any(other.name in ("break", "exit") for other in body)):
        return None  # each iteration asks about another item
    return hit_at(
        loops[0], f"polls every {command.args[0]} s until something else has ended, and is killed with the session"
    )


def asks_for_state(command: Command) -> bool:
    """Whether the command shows how far other work is: processes, files, a scheduler."""
    if command.name in ("test", "[", "[["):
        return bool({"-e", "-f", "-s", "-d", "-r"} & set(command.args))
    return command.name in STATE_PROGRAMS


def does_work(command: Command, context: RuleContext) -> bool:
    """Whether the command does more than to ask, to display or to control the loop."""
    if asks_for_state(command) or command.ssh or command.name in DISPLAY_PROGRAMS:
        return False
    return command.name != "sleep" and weigh(command, context.preferences).size != "wait"


def counts(loop: Loop) -> bool:
    """Whether the items of a loop are only numbers, as to limit its iterations."""
    texts = [item.value for item in loop.items]
    return all(COUNTER.fullmatch(text) for text in texts)


def check_wait(command: Command, context: RuleContext) -> Hit | None:
    if context.weight.size != "wait" or not command.attached or command.loops or "timeout" in command.wrappers:
        return None
    if command.name in ("sleep", "tail", *ENDLESS_PROGRAMS) or FOLLOWS & set(command.args):
        return None
    return hit_at(
        command,
        f"`{waiting_name(command, context)}` keeps the call open until something else has ended, and is killed with the session",
    )


def waiting_name(command: Command, context: RuleContext) -> str:
    """The program with its subcommand: the words of the pattern that says that it waits, without options and their values."""
    match = find_match(command, context.preferences.tools) or find_match(command)
    valued = frozenset(match.entry.valued) if match else frozenset[str]()
    words = [word.value for word in operands_of(command.args, valued) if not word.may_be_value]
    count = len(match.pattern.words) if match else 2
    return " ".join([command.name, *filter(PLAIN_WORD.fullmatch, words[:count])])


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
        instead=(
            "`pueue-skill wait JOB`, or queue the next command with `--after`; run a wait for other work in the background."
        ),
        anchors=("sleep",),
        confidence="high",
        rewrite=False,
        attended=True,
        check=check_poll,
        bad=(
            "while pgrep -f train.py > /dev/null; do sleep 60; done; python evaluate.py",
            "until [ -f /tmp/train.done ]; do sleep 10; done; python export.py",
            "while ssh bigblack '~/.local/bin/pueue status' | grep -q Running; do sleep 300; done",
            "for i in {1..60}; do sleep 60; ssh littleblack 'tail -1 ~/ml/train.log'; done",
            "while true; do grep -q finished run.log && break; sleep 30; done",
            "until ! ssh gpu-box 'ps -p 4711 > /dev/null'; do sleep 15; done; echo done",
            "while [ $(squeue -u me -h | wc -l) -gt 0 ]; do sleep 60; done",
        ),
        good=(
            "for i in 1 2 3; do curl -sf localhost:8080/health && break; sleep 5; done",
            "while true; do nvidia-smi; sleep 1; done",
            "until pg_isready; do sleep 10; done",
            "sleep 2; ls",
            "for lr in 0.1 0.01; do sbatch train.sbatch $lr; sleep 5; done",
            "for p in 1 2 3; do ./fetch_page $p > p$p.html; sleep 10; done",
            'while read -r id; do ls "out/$id"; sleep 5; done < ids.txt',
            "for host in gpu-box build-box; do ssh $host tail -1 run.log; sleep 5; done",
            "until ./connect; do sleep 10; done",
        ),
    ),
    Rule(
        id="PQ602",
        name="long-sleep",
        what="Looks for long sleeps before the next command.",
        why="Nothing guarantees that the work has ended by then, or that it has succeeded.",
        instead=(
            "`pueue-skill wait JOB`, or queue the next command with `--after`; run a wait for other work in the background."
        ),
        anchors=("sleep", "tail"),
        confidence="high",
        rewrite=False,
        check=check_sleep,
        bad=("sleep 2h; python merge_results.py", "sleep 1800; ssh bigblack 'tail -5 /tmp/btc250.log'"),
        good=("sleep 5 && curl localhost:8080", "sleep 1800 &", "sleep infinity"),
    ),
    Rule(
        id="PQ603",
        name="wait-in-foreground",
        what="Looks for commands that wait for something else, in the foreground.",
        why=(
            "The wait ends with the timeout of the call, whether or not the work has ended. It needs no "
            "slot of a queue either: it only waits."
        ),
        instead="Run the wait in the background, with the client's own background mode; for jobs, `pueue-skill wait JOB`.",
        anchors=lambda: anchors(("wait",)),
        confidence="medium",
        rewrite=False,
        attended=True,
        check=check_wait,
        bad=(),
        good=("kubectl get pods", "gh run view 12", "gh run list --limit 3"),
    ),
)
