"""PQ1: work run directly over ssh."""

from __future__ import annotations

from pueue_skill.rules.cost import script_of
from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.shell.model import Command


def runs_remotely(command: Command) -> bool:
    """Whether the command runs on another host, in the foreground."""
    return bool(command.hosts) and command.attached


def has_terminal(command: Command, context: RuleContext) -> bool:
    """Whether the ssh that carries the command asks for a terminal."""
    carriers = [c.ssh for c in context.before if c.ssh and len(c.hosts) < len(command.hosts)]
    return bool(carriers) and any(name == "-t" for name, _ in carriers[-1].options)


def check_remote_work(command: Command, context: RuleContext) -> Hit | None:
    weight = context.weight
    if not runs_remotely(command) or weight.size != "long":
        return None
    return hit_at(command, f"{weight.why} runs on {command.hosts[-1]} inside the ssh connection and is lost with it")


def check_remote_script(command: Command, context: RuleContext) -> Hit | None:
    fed = [redirect.target.value for redirect in command.redirects if redirect.op == "<" and redirect.target]
    if command.ssh and not command.hosts and fed and fed[0].endswith((".sh", ".py", ".sql", ".bash")):
        return hit_at(
            command, f"{fed[0]} runs on the host inside the ssh connection; its exit status and output are lost with it"
        )
    script, rest = script_of(command)
    if (
        not runs_remotely(command)
        or script is None
        or context.weight.size != "unknown"
        or has_terminal(command, context)
    ):
        return None
    if command.words[0].value == script and "/" not in script and "." not in script and len(rest) < 2:
        return None  # an unknown program with hardly any arguments
    return hit_at(
        command,
        f"{script} runs on {command.hosts[-1]} inside the ssh connection; its exit status and output are lost with it",
    )


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
        anchors=("ssh",),
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
            "ssh -N -L 8123:localhost:8123 bigblack",
            "ssh bigblack",
        ),
    ),
    Rule(
        id="PQ102",
        name="remote-script",
        what="Looks for scripts of unknown length that are run directly over ssh.",
        why="An unknown script may run for hours; over ssh its output and exit status depend on the connection.",
        instead="Queue the whole remote command on that host; for a quick script this costs nothing.",
        anchors=("ssh",),
        confidence="medium",
        rewrite=True,
        check=check_remote_script,
        bad=(
            "ssh bigblack './run_all.sh'",
            "ssh bigblack 'cd ~/p && uv run python script.py'",
            "ssh gpu-box make dataset",
        ),
        good=(
            "ssh bigblack 'ls ~/project/*.py'",
            "ssh bigblack 'cat run_all.sh'",
            "ssh bigblack \"python3 -c 'print(1)'\"",
            "ssh bigblack 'systemctl --user status pueued'",
        ),
    ),
)
