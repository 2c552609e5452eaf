"""What `run` queues: all of the text, for nothing that a person types explicitly may be lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pueue_skill.plan.planner import plan_for_run
from pueue_skill.shell.parse import parse


def queued(text: str) -> str:
    (job,) = plan_for_run(text, parse(text), {}).jobs
    return job.command


def run(text: str, folder: Path) -> tuple[int, list[str]]:
    """The exit code, and the lines of stdout in any order."""
    done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, sorted(done.stdout.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "echo a & echo b",
        "false & echo ok",
        "sleep 0.1 & true; echo hi",
        "sleep 0.1 & printf 'hello\\n'; false",
        "(sleep 0.1; echo late) & exit 3",
        "bash -c 'echo a & echo b; wait'",
        "echo a & echo b & echo c",
        "{ echo a & echo b; }",
        "echo a & cat <<E\nb\nE",
        "echo a & # last\necho b # end",
        "set -e; (sleep 0.1; echo late) & false; echo never",
        "if true; then (sleep 0.1; echo late) & fi",
        "trap 'echo end' EXIT; echo a & true",
    ],
)
def test_a_text_with_background_commands_is_queued_whole(text: str, tmp_path: Path) -> None:
    assert run(queued(text), tmp_path) == run(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "(sleep 0.3; echo late > out) & echo b",
        "{ sleep 0.3; echo late > out; } & printf x; false",
        "(sleep 0.3; echo late > out) & exit 3",
        "set -e; (sleep 0.3; echo late > out) & false; true",
        "for i in a b; do (sleep 0.3; echo late > out) & done; echo b",
        "{ (sleep 0.3; echo late > out) & echo b; }",
    ],
)
def test_a_job_ends_when_its_background_commands_have_ended(text: str, tmp_path: Path) -> None:
    run(queued(text), tmp_path)
    assert (tmp_path / "out").read_text() == "late\n"


@pytest.mark.parametrize(
    "text",
    [
        "python train.py &",
        "nohup python train.py & echo started",
        "python train.py & echo $!",
        'python train.py & echo "pid: $!"; sleep 1; jobs',
        "python train.py & disown",
        "setsid nohup python train.py & exit 0",
    ],
)
def test_detached_work_runs_in_the_foreground_of_its_job(text: str) -> None:
    assert queued(text) == "python train.py"
