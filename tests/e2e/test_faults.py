"""A submission of a batch with each possible fault at each step: no job is lost, and no job is submitted twice.

A step is a call of pueue. A script replaces it: it fails before or after the real call, loses its answer, or kills the shell that
submits. It also simulates faults that cannot be caused at a given step; the queue, its daemon and the shell are real.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from real import Daemon, Lab, local, real, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]

PUEUE = """#!/bin/sh
step=1
until mkdir "FOLDER/$step" 2>/dev/null; do step=$((step + 1)); done
submitter() {
  shell=$$
  until [ "$(tr '\\0' ' ' <"/proc/$shell/cmdline")" = "/bin/sh -s " ]; do
    shell=$(sed 's/.*) . \\([0-9]*\\) .*/\\1/' "/proc/$shell/stat")
  done
  kill -9 "$shell"
}
[ "$step" = STEP ] || exec PUEUE "$@"
case FAULT in
fails-before) exit 1 ;;
fails-after) PUEUE "$@" >/dev/null 2>&1; exit 1 ;;
loses-its-answer) PUEUE "$@" >/dev/null 2>&1 ;;
answers-half) PUEUE "$@" 2>&1 | head -c 40 ;;
dies-before) submitter ;;
dies-after) PUEUE "$@" >/dev/null 2>&1; submitter ;;
esac
"""
FAULTS = ("fails-before", "fails-after", "loses-its-answer", "answers-half", "dies-before", "dies-after")


@pytest.fixture(scope="module")
def queue() -> Iterator[tuple[Lab, Daemon]]:
    lab = Lab()
    try:
        daemon = local(lab)
        daemon.pueue("parallel", "8")
        daemon.pueue("group", "add", "paused")
        daemon.pueue("pause", "--group", "paused")
        yield lab, daemon
        daemon.stop()
    finally:
        lab.close()


class Round:
    """A batch whose first submission has a fault at a step."""

    def __init__(self, folder: Path, env: dict[str, str], step: int, fault: str, text: str) -> None:
        self.name = f"{fault}-{step}"
        self.folder = folder / self.name
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "steps").mkdir()
        shim = PUEUE.replace("FOLDER", str(self.folder / "steps")).replace("STEP", str(step)).replace("FAULT", fault)
        (self.folder / "bin/pueue").write_text(shim.replace("PUEUE", real("pueue")))
        (self.folder / "bin/pueue").chmod(0o755)
        self.file = self.folder / "b.toml"
        self.file.write_text(f'name = "{self.name}-{os.urandom(3).hex()}"\ncwd = "{self.folder}"\n{text}')
        self.env = env

    def submit(self, *, fault: bool) -> subprocess.CompletedProcess[str]:
        env = self.env | ({"PATH": f"{self.folder / 'bin'}:{self.env['PATH']}"} if fault else {})
        command = ["pueue-skill", "batch", "submit", str(self.file)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)

    def met(self) -> bool:
        """Return whether the submission reached the step of the fault."""
        return (self.folder / "steps" / self.name.rpartition("-")[2]).exists()


def rounds(folder: Path, env: dict[str, str], step: int, text: str) -> list[Round]:
    """One batch for each fault at a step, submitted with the fault and again without it, all at the same time."""
    made = [Round(folder, env, step, fault, text) for fault in FAULTS]

    def one(made: Round) -> None:
        made.submit(fault=True)
        done = made.submit(fault=False)
        assert done.returncode == 0, (made.name, done.stderr)
        assert made.met(), f"a submission has no step {step}"

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        list(pool.map(one, made))
    return made


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6, 9, 12, 15, 18, 20, 21, 22])
def test_faults_in_a_submission_of_jobs(queue: tuple[Lab, Daemon], tmp_path: Path, step: int) -> None:
    """Twenty jobs, and one job that depends on all of them."""
    _, daemon = queue
    phases = (
        "[groups]\np = 4\n[phases.a]\ncommand = 'echo {n} >> ran'\ngroup = 'p'\nvars.n = { range = [1, 20] }\n"
        "[phases.b]\ncommand = 'echo after >> ran'\nafter = ['a']\n"
    )
    made = rounds(tmp_path, daemon.env, step, phases)
    until(lambda: all("Done" in task["status"] for task in daemon.tasks().values()), "the end of all jobs", 120)
    for one in made:
        ran = (one.folder / "ran").read_text().split()
        assert Counter(ran) == Counter([*map(str, range(1, 21)), "after"]), one.name
        assert ran[-1] == "after", one.name
    assert len(daemon.tasks()) == len(made) * 21
    daemon.pueue("clean")


@pytest.mark.parametrize("step", range(1, 10))
def test_faults_in_a_submission_of_units(queue: tuple[Lab, Daemon], tmp_path: Path, step: int) -> None:
    """Each of 2,000 items is in exactly one unit in the queue."""
    lab, daemon = queue
    phases = "[phases.a]\ncommand = 'echo {n} >> ran'\ngroup = 'paused'\nvars.n = { range = [1, 2000] }\n[groups]\npaused = 1\n"
    made = rounds(tmp_path, daemon.env, step, phases)
    tasks = daemon.tasks()
    queued = [task["command"].split("PUEUE_SKILL_KEY=")[1].split()[0] for task in tasks.values()]
    folder = lab.client / ".local/share/pueue-skill/batches"
    for one in made:
        name = one.file.read_text().split('"')[1]
        shares = [key.split(":")[2] for key in queued if key.startswith(f"{name}:")]
        keys = [
            line.split()[0] for share in shares for line in (folder / f"{name}.units" / share).read_text().splitlines()
        ]
        assert len(keys) == len(set(keys)) == 2000, one.name
    daemon.pueue("remove", *map(str, tasks))
