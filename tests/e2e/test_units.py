"""Phases of very many jobs, which run in units, on real queues: each job runs once and has its own state, whatever is killed.

One test has as many jobs as a phase needs for units. The others lower that number in the client, and most of their jobs sleep, so that
commands and crashes come while units run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest
from batch import Batch, manifest
from real import Daemon, Host, Lab, until

pytestmark = [pytest.mark.timeout(400), pytest.mark.long, pytest.mark.usefixtures("queues_as_before")]

COUNT = 2100
"""More jobs than a phase needs for units."""

FEW = 420
CLIENT = f"""#!{sys.executable}
import sys
from pueue_skill.batches import packs
assert packs.MIN_PACKED_ITEMS > {FEW}
packs.MIN_PACKED_ITEMS = {FEW}
from pueue_skill.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""A pueue-skill for which FEW jobs are enough for units."""

WORK = """
[groups]
units = 2
[phases.work]
command = '''{{ while [ "$(cat wait 2>/dev/null)" = {n} ]; do touch waits; sleep 0.1; done; echo {n} >> ran; COMMAND; }}'''
label = "{n}"
group = "units"
slots = 2
vars.n = { range = [1, COUNT] }
[phases.after]
command = "echo after >> ran"
after = ["work"]
"""


def work(batch: Batch, command: str, count: int = COUNT) -> str:
    """Return a manifest of `count` jobs that run `command`; for FEW jobs, `batch` gets a client for which these are enough."""
    if count == FEW:
        program = batch.folder / "client/pueue-skill"
        program.parent.mkdir()
        program.write_text(CLIENT)
        program.chmod(0o755)
        batch.env["PATH"] = f"{program.parent}{os.pathsep}{batch.env['PATH']}"
    return manifest(batch, WORK.replace("COMMAND", command).replace("COUNT", str(count)))


def counts(batch: Batch) -> Counter[str]:
    return Counter(batch.standings().values())


def finished(batch: Batch, seconds: float = 200) -> Counter[str]:
    """Return the number of jobs in each state, once none is queued or running."""

    def found() -> Counter[str] | None:
        now = counts(batch)
        return None if now["queued"] or now["running"] else now

    return until(found, "the end of all jobs", seconds)


def units(batch: Batch) -> list[dict[str, Any]]:
    return [task for task in batch.daemon.tasks().values() if ":unit-" in task["command"]]


def test_each_job_runs_once_and_has_its_own_state(on: Batch) -> None:
    """Its exit code, its output, and the jobs that it blocks; only the failed job is resumed."""
    count = COUNT if on.env["HOST"] == "local" else FEW
    command = "echo it is {n} and \\\\\\\\n $((6 * 7)); [ {n} != 77 ] || [ -e fine ] || {{ echo no 77 >&2; exit 3; }}"
    on.write(work(on, command, count))
    assert on.run("submit").stdout == f"{on.env['HOST']}: {count + 1} added\n"
    assert on.run("submit").stdout == f"{on.env['HOST']}: {count + 1} already in the queue\n"
    assert 10 < len(units(on)) < 30
    assert finished(on) == {"success": count - 1, "failed": 1, "dependency": 1}
    assert sorted(map(int, on.ran())) == [*range(1, count + 1)]
    assert on.run("log", "78").stdout == "it is 78 and \\\\n 42\n"
    (job,) = [job for job in on.report()["jobs"] if job["label"] == "77"]
    assert (job["exit_code"], job["tries"]) == (3, 1)
    shown = on.run("status").stdout
    assert f"{count - 1:,} of {count:,}" in shown
    assert f"{on.env['HOST']} 77: failed, exit 3; it blocks after" in shown

    done = on.run("resume")
    assert done.returncode == 1
    assert "77: left as is: exit code 3" in done.stdout
    assert "77: the end of its output:\nit is 77 and \\\\n 42\nno 77\n" in done.stderr
    (on.folder / "fine").touch()
    assert on.run("resume", "--because", "internal-fix").returncode == 0
    assert finished(on) == {"success": count + 1}
    assert on.ran()[count:] == ["77", "after"]
    # No job runs again after a clean.
    on.daemon.pueue("clean")
    assert on.run("submit").stdout == f"{on.env['HOST']}: {count + 1} already ended\n"
    assert not units(on)


def test_more_jobs_and_changed_definitions(on: Batch) -> None:
    text = work(on, "sleep 0.05", FEW)
    on.write(text)
    on.run("submit")
    grown = text.replace(f"range = [1, {FEW}]", f"range = [-9, {FEW}]")
    on.write(grown)  # while units run
    assert "10 added" in on.run("submit").stdout
    assert finished(on) == {"success": FEW + 11}
    assert Counter(on.ran()) == {**{str(n): 1 for n in range(-9, FEW + 1)}, "after": 1}
    on.write(grown.replace("echo {n} >> ran", "echo again-{n} >> ran"))
    done = on.run("submit")
    assert done.returncode == 1
    assert f"the definition of {FEW + 10} jobs of work:units has changed" in done.stderr
    assert counts(on)["changed"] == FEW + 10
    assert on.run("submit", "--replace").returncode == 0
    assert finished(on)["success"] == FEW + 11
    assert Counter(on.ran())["again-5"] == 1


def test_concurrent_submissions(on: Batch) -> None:
    on.write(work(on, "sleep 0.02", FEW))
    racers = [threading.Thread(target=on.run, args=("submit",)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert finished(on) == {"success": FEW + 1}
    assert sorted(map(int, on.ran()[:-1])) == [*range(1, FEW + 1)]
    assert on.ran()[-1] == "after"


def test_jobs_that_outlive_their_daemon(lab: Lab, pueued: Daemon, tmp_path: Any) -> None:
    host = Host(lab, "outlived", {"default": 1})
    batch = Batch(tmp_path, host, pueued.env | {"HOST": "outlived"})
    (tmp_path / "wait").write_text("5")
    batch.write(work(batch, "sleep 0.01", FEW))
    try:
        batch.run("submit")
        until((tmp_path / "waits").exists, "the long job")
        host.crash(jobs=False)
        # The daemon takes its unit for dead. It is not restarted while the job runs.
        done = batch.run("resume")
        assert done.returncode == 1
        assert "process" in done.stderr
        # Nor does a restart by hand run the job twice.
        killed = [str(id) for id, task in host.tasks().items() if "Killed" in str(task["status"])]
        host.pueue("restart", "--in-place", *killed)
        until(lambda: any("waiting for processes" in host.pueue("log", id) for id in killed), "the unit that waits")
        (tmp_path / "wait").unlink()
        assert finished(batch)["success"] >= FEW
        batch.run("resume")  # the dependent job may have been skipped
        assert finished(batch) == {"success": FEW + 1}
        assert sorted(map(int, batch.ran()[:-1])) == [*range(1, FEW + 1)]
    finally:
        host.stop()


@pytest.mark.parametrize("seed", range(2))
def test_no_job_is_lost_or_run_again_after_crashes(lab: Lab, pueued: Daemon, tmp_path: Any, seed: int) -> None:
    """The client, the connections, and the daemon with all its jobs are killed at random times."""
    chance = random.Random(seed)  # noqa: S311
    host = Host(lab, f"units{seed}", {"default": 1})
    batch = Batch(tmp_path, host, pueued.env | {"HOST": host.name})
    batch.write(work(batch, "sleep 0.1", FEW))
    crashes = 0
    try:
        for _ in range(12):
            action = chance.choice(["submit", "submit", "resume"])
            command = ["pueue-skill", "batch", action, str(batch.file)]
            process = subprocess.Popen(
                command, env=batch.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            time.sleep(chance.uniform(0.1, 1.5))
            if chance.random() < 0.4:
                host.kill_connections()
            if chance.random() < 0.4:
                host.crash()
                crashes += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

        def whole() -> bool:
            batch.run("submit")
            batch.run("resume")
            return set(finished(batch)) == {"success"}

        until(whole, "all", 300)
        ran = Counter(batch.ran())
        assert ran.keys() == {*map(str, range(1, FEW + 1)), "after"}
        # Jobs that ran during a crash run again: 2 units of 2 slots.
        assert ran.total() - len(ran) <= 4 * crashes
        assert ran["after"] == 1
    finally:
        host.stop()
