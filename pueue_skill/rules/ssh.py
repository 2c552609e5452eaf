"""PQ1: work run directly over ssh."""

from __future__ import annotations

import itertools

from pueue_skill.rules.rule import Hit, Rule, RuleContext, claim, hit_at
from pueue_skill.rules.scripts import RUNNERS
from pueue_skill.rules.sql import SQL_CLIENTS
from pueue_skill.rules.unknown_work import carriers, is_made_before, unknown_work
from pueue_skill.shell import remote
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import reads_script
from pueue_skill.startup.regex import regex

PROGRAM_OPTION = regex(r"-[a-zA-Z]*[cefmV]$|--(?:command|execute|eval|file|version|help|print|query)\b")
"""An option of an interpreter or SQL client with the program, or that shows something."""


def runs_remotely(command: Command) -> bool:
    """Whether the command runs on another host, in the foreground."""
    return bool(command.hosts) and command.attached


def has_terminal(command: Command, context: RuleContext) -> bool:
    """Whether the ssh or other program that carries the command asks for a terminal."""
    if command.terminal:
        return True
    return any(name == "-t" for c in carriers(command, context)[-1:] if c.ssh for name, _ in c.ssh.options)


def has_time_limit(command: Command, context: RuleContext) -> bool:
    """Whether `timeout` limits the program that carries the command: the author knows how long it takes."""
    return any("timeout" in c.wrappers for c in (*carriers(command, context), command))


def connection_of(command: Command) -> str:
    """The host of the command, and the connection that leads there."""
    host, carrier = command.hosts[-1], command.carriers[-1]
    return f"{host} inside {'the ssh connection' if carrier == 'ssh' else f'the connection of {carrier}'}"


def check_remote_work(command: Command, context: RuleContext) -> Hit | None:
    weight = context.weight
    if not runs_remotely(command) or weight.size != "long":
        return None
    if any(c.via[-1:] == (command.name,) and command.start <= c.start and c.end <= command.end for c in context.after):
        return None  # a shell, whose commands are checked themselves
    if not command.args and is_made_before(command.words[0].value, command, context):
        return None  # a test program that the text has just compiled
    outlives = remote.outlives_client(command.carriers[-1], command.name)
    lost = "; its exit status and output are lost" if outlives else " and is lost"
    return hit_at(command, claim(weight, weight.why, f"runs on {connection_of(command)}{lost} with it"))


def fed_script(command: Command, context: RuleContext) -> str:
    """The script that a redirect or a `cat` feeds to the command; empty without one."""
    fed = [redirect.target.value for redirect in command.redirects if redirect.op == "<" and redirect.target]
    at, length = command.pipe
    for piped in context.before[-1:]:
        if piped.name == "cat" and piped.pipe == (at - 1, length):
            fed += piped.args
    return fed[0] if fed and fed[0].endswith((".sh", ".py", ".sql", ".bash")) else ""


def runs_stdin(command: Command, context: RuleContext) -> bool:
    """Whether the command lets another host run what it reads from stdin: it opens a shell there, or starts a program that
    reads its own program from stdin."""
    if not command.ssh:
        return bool(command.hosts) and reads_program(command)
    if not command.ssh.remote:
        return True
    return any(reads_program(c) for c in context.after if c.end <= command.end and len(c.hosts) > len(command.hosts))


def reads_program(command: Command) -> bool:
    """Whether a shell, interpreter or SQL client reads its program from stdin."""
    if command.name in ("sudo", "su"):  # it opens a shell
        return not {"-c", "--command"} & {*command.args}
    if command.name in SQL_CLIENTS:
        return not any(PROGRAM_OPTION.match(arg) for arg in command.args)
    if reads_script(command) or command.name not in RUNNERS:
        return reads_script(command)
    operands = itertools.dropwhile(lambda arg: arg[:1] == "-" and arg != "-", command.args)
    return next(operands, "-") in ("-", "/dev/stdin") and not any(PROGRAM_OPTION.match(arg) for arg in command.args)


def check_remote_script(command: Command, context: RuleContext) -> Hit | None:
    fed = fed_script(command, context)
    if fed and runs_stdin(command, context):
        where = connection_of(command) if command.hosts else "the host inside the ssh connection"
        return hit_at(command, f"{fed} runs on {where}; its exit status and output are lost with it")
    if not runs_remotely(command) or has_terminal(command, context) or has_time_limit(command, context):
        return None
    work = unknown_work(command, context)
    if work is None:
        return None
    return hit_at(
        command,
        f"{work} may take long, and runs on {connection_of(command)}; its exit status and output are lost with it",
    )


def anchors() -> set[str]:
    """Every text that runs a command on another host contains one of these."""
    return {"ssh", *remote.anchors()}


RULES = (
    Rule(
        id="PQ101",
        name="long-remote-work",
        what="Looks for long-running work that is run directly over ssh.",
        why=(
            "When the connection drops or the session ends, work that prints is killed by SIGPIPE at its next output, "
            "and silent work continues unnoticed: its output and exit status are lost either way."
        ),
        instead="Queue the whole remote command on that host.",
        anchors=anchors,
        confidence="high",
        rewrite=True,
        check=check_remote_work,
        bad=(
            "ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'",
            "ssh -p 2222 dev@gpu-box torchrun --nproc_per_node=2 train.py",
            'ssh bigblack "nice -n 10 python3 scripts/backfill.py --year 2024"',
            "ssh littleblack bash -s <<E\ncd ~/p\npython train.py\nE\n",
        ),
        good=(
            "ssh bigblack uptime",
            "ssh bigblack 'nvidia-smi && df -h'",
            "ssh bigblack 'tail -n 50 ~/project/populate_cache.log'",
            "ssh bigblack 'python train.py --help'",
            "ssh bigblack 'git -C ~/project log --oneline -1'",
            "ssh bigblack 'cc main.c -o repro && ./repro; echo exit=$?'",
            "ssh -N -L 8123:localhost:8123 bigblack",
            "ssh bigblack",
        ),
    ),
    Rule(
        id="PQ102",
        name="remote-script",
        what="Looks for scripts and tasks of unknown length that are run directly over ssh.",
        why="An unknown script may run for hours; over ssh its output and exit status depend on the connection.",
        instead="Queue the whole remote command on that host; for a quick script this costs nothing.",
        anchors=anchors,
        confidence="medium",
        rewrite=True,
        check=check_remote_script,
        bad=(
            "ssh bigblack './run_all.sh'",
            "ssh bigblack 'cd ~/p && uv run python script.py'",
            "ssh gpu-box make dataset",
            "ssh gpu-box 'cd app && make -k test > test.log 2>&1'",
            "ssh gpu-box 'cd app && ./run-tests.sh | tail -3'",
            "ssh gpu-box 'cd reports && ./build-report --year 2024'",
            "ssh gpu-box bash < setup.sh",
        ),
        good=(
            "ssh bigblack 'ls ~/project/*.py'",
            "ssh bigblack 'cat run_all.sh'",
            "ssh bigblack \"python3 -c 'print(1)'\"",
            "ssh bigblack 'systemctl --user status pueued'",
            "ssh gpu-box 'cd app && ./parser -v samples/one.txt; echo exit=$?'",
            "ssh gpu-box readelf -d /usr/lib/libssl.so.3",
            "ssh gpu-box 'gcc probe.c -o /tmp/probe && /tmp/probe'",
            "ssh gpu-box 'cat > /tmp/t.py <<E\nprint(1)\nE\npython3 /tmp/t.py'",
            "ssh gpu-box 'cd app && make parser.o 2>&1 | tail'",
            "ssh gpu-box 'python3 dump_header.py core.1' | head -5",
            "timeout 20 ssh gpu-box ./scripts/probe.sh",
            "ssh gpu-box 'cat > run.py' < run.py",
        ),
    ),
)
