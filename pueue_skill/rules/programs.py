"""PQ3: long-running programs and scripts, judged by their names and options."""

from __future__ import annotations

from pueue_skill.rules.cost import anchors
from pueue_skill.rules.rule import Hit, Rule, RuleContext, claim, hit_at
from pueue_skill.rules.scripts import runs_script
from pueue_skill.shell.model import Command

KILLED = "is killed when the session ends or its timeout expires"


def runs_here(command: Command) -> bool:
    """Whether the command runs on this host, in the foreground, outside loops."""
    return not command.hosts and not command.loops and command.attached


def check_program(command: Command, context: RuleContext) -> Hit | None:
    weight = context.weight
    if not runs_here(command) or weight.size != "long" or runs_script(command):
        return None
    return hit_at(command, claim(weight, f"{weight.why} in the foreground", KILLED))


def check_script(command: Command, context: RuleContext) -> Hit | None:
    weight = context.weight
    if not runs_here(command) or weight.size != "long" or not runs_script(command):
        return None
    return hit_at(command, claim(weight, f"{weight.why} in the foreground", KILLED))


WHY = (
    "The agent stops a command that runs for minutes, or moves it to the background and stops it there; when the "
    "session ends, the command is killed."
)

RULES = (
    Rule(
        id="PQ301",
        name="long-program",
        what="Looks for programs whose subcommand and options indicate a long run.",
        why=WHY,
        instead="Queue the line as one job.",
        anchors=anchors,
        confidence="high",
        rewrite=True,
        attended=True,
        check=check_program,
        bad=(
            "torchrun --nproc_per_node=2 train.py --epochs 10",
            "rsync -a data/ backup/data/",
            "pg_dump -Fc market > market.dump",
            "cd infra && docker build -t app .",
            "aws s3 sync s3://bucket/ticks data/ticks",
        ),
        good=(
            "torchrun --help",
            "rsync -a --dry-run data/ backup/",
            "docker ps",
            "docker build --help",
            "grep -r torchrun .",
            "echo pg_dump",
            "dbt --version",
            "man rsync",
        ),
    ),
    Rule(
        id="PQ302",
        name="long-script",
        what="Looks for scripts, modules and tasks whose name or options indicate a long run.",
        why=WHY,
        instead="Queue the line as one job.",
        anchors=anchors,
        confidence="high",
        rewrite=True,
        attended=True,
        check=check_script,
        bad=(
            "uv run python populate_cache.py --symbol BTCUSDT",
            "python -m project.backfill --year 2024",
            "CUDA_VISIBLE_DEVICES=0 python train.py",
            "cd ~/rangebar-py && ./scripts/populate.sh --phase 1",
            "uv run python scripts/process.py --symbol BTCUSDT --threshold 250",
        ),
        good=(
            "python populate_cache.py --help",
            "python populate_cache.py --status",
            "grep -r populate_cache .",
            'git commit -m "bulk_insert"',
            "cat populate_cache.py",
            "pytest tests/test_train.py",
            "cat <<E\npython train.py\nE\n",
            "vim train.py",
            "python -m pytest tests/test_backfill.py",
        ),
    ),
)
