"""Batches on real queues: repeated, concurrent and interrupted submissions, states, checks, and resume."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from batch import RANGEBAR, Batch, manifest, rangebar
from real import Daemon, Host, Lab, until

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("queues_as_before")]


TWO = """
[groups]
p9 = 2
[phases.first]
command = "echo first-{s} >> ran"
label = "first-{s}"
group = "p9"
vars.s = ["BTC", "it's ETH"]
[phases.second]
command = "echo second >> ran"
label = "second"
after = ["first"]
"""


def test_a_repeated_submission_adds_no_job_twice(on: Batch) -> None:
    on.write(manifest(on, TWO))
    assert on.standings() == {"first-BTC": "missing", "first-it's ETH": "missing", "second": "missing"}
    first, second = on.run("submit"), on.run("submit")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{on.env['HOST']}: 3 added\n"
    assert second.stdout == f"{on.env['HOST']}: 3 already in the queue\n"
    on.until(dict.fromkeys(["first-BTC", "first-it's ETH", "second"], "success"))
    assert sorted(on.ran()[:3]) == ["ETH", "first-BTC", "first-it's"]
    assert on.ran()[3:] == ["second"]
    # Nor after a clean: the jobs have recorded their exit codes.
    on.daemon.pueue("clean")
    assert on.run("submit").stdout == f"{on.env['HOST']}: 3 already ended\n"
    assert set(on.standings().values()) == {"success"}
    assert on.run("watch", "--events", "--every", "0.1").returncode == 0


def test_concurrent_submissions(on: Batch) -> None:
    on.write(manifest(on, "[phases.a]\ncommand = 'echo {n} >> ran'\nlabel = '{n}'\nvars.n = { range = [1, 30] }\n"))
    racers = [threading.Thread(target=on.run, args=("submit",)) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    on.until({str(n): "success" for n in range(1, 31)})
    assert sorted(map(int, on.ran())) == list(range(1, 31))


def test_a_changed_definition(on: Batch) -> None:
    text = manifest(on, "[phases.a]\ncommand = 'echo old >> ran'\nlabel = 'a'\n")
    on.write(text)
    on.run("submit")
    on.until({"a": "success"})
    on.write(text.replace("old", "new"))
    assert on.standings() == {"a": "changed"}
    done = on.run("submit")
    assert done.returncode == 1
    assert "the definition of a (" in done.stderr
    assert on.run("submit", "--replace").returncode == 0
    on.until({"a": "success"})
    assert on.ran() == ["old", "new"]


def test_a_running_job_is_not_replaced(on: Batch) -> None:
    text = manifest(on, "[phases.a]\ncommand = 'echo old >> ran; until [ -e go ]; do sleep 0.1; done'\nlabel = 'a'\n")
    on.write(text)
    on.run("submit")
    on.until({"a": "running"})
    on.write(text.replace("old", "new"))
    assert on.run("submit", "--replace").returncode == 1
    assert on.ran() == ["old"]
    on.write(text)
    assert on.run("cancel").returncode == 0
    assert on.standings() == {"a": "missing"}


def test_resume_restarts_only_jobs_that_may_succeed(on: Batch) -> None:
    phases = """
    [phases.a]
    command = "echo {n} >> ran; if [ {n} = 1 ]; then kill -9 $BASHPID; fi; if [ {n} = 2 ] && [ ! -e fixed ]; then echo no column; exit 1; fi"
    label = "a{n}"
    vars.n = [1, 2, 3]
    [phases.b]
    command = "echo b >> ran"
    label = "b"
    after = ["a"]
    """
    on.write(manifest(on, phases, tries="2"))
    on.run("submit")
    on.until({"a1": "failed", "a2": "failed", "a3": "success", "b": "dependency"})
    done = on.run("resume", "--dry-run")
    host = on.env["HOST"]
    assert done.stdout.splitlines() == [
        f"{host} a1: restart: it was killed (exit code 137)",
        f"{host} a2: left as is: exit code 1: it would fail again until its cause is fixed",
        f"{host} b: left as is: a dependency is not restarted",
    ]
    assert done.returncode == 1
    on.run("resume")
    until(lambda: on.ran().count("1") == 2, "the second run")
    on.until({"a1": "failed", "a2": "failed", "a3": "success", "b": "dependency"})
    assert "it was started 2 times (tries)" in on.run("resume", "--dry-run").stdout
    assert len(on.daemon.tasks()) == len({json.dumps(task["command"]) for task in on.daemon.tasks().values()})
    (on.folder / "fixed").touch()
    on.write(on.file.read_text().replace("kill -9 $BASHPID", "true"))  # which changes its definition
    assert on.standings()["a1"] == "changed"


def test_a_failed_check_blocks_dependent_phases(on: Batch) -> None:
    phases = """
    [phases.a]
    command = "echo a >> ran"
    label = "a"
    checks = [{ name = "none", run = "cat bad 2>/dev/null", expect = "empty" }]
    [phases.b]
    command = "echo b >> ran"
    label = "b"
    after = ["a"]
    """
    phases = phases.replace("cat bad 2>/dev/null", "cat bad; true")
    (on.folder / "bad").write_text("3 negative volumes\n")
    on.write(manifest(on, phases))
    on.run("submit")
    on.until({"a": "success", "a:none": "failed", "b": "dependency"})
    assert on.ran() == ["a"]
    (on.folder / "bad").write_text("")
    assert on.run("resume").returncode == 0
    on.until({"a": "success", "a:none": "success", "b": "success"})
    assert on.ran() == ["a", "b"]


def test_jobs_start_from_scratch_once_and_not_while_a_sibling_runs(on: Batch) -> None:
    phases = """
    [phases.a]
    command = "echo {s}{n}{refresh} >> ran; [ -e fine{n} ] && while [ -e slow{n} ]; do sleep 0.1; done"
    label = "{s}{n}"
    vars.s = ["B"]
    vars.n = [1, 2]
    """
    on.write(manifest(on, phases, refresh='"--force-refresh"', siblings='"s"'))
    on.run("submit")
    on.until({"B1": "failed", "B2": "failed"})
    for name in ("fine1", "slow1"):
        (on.folder / name).touch()
    # A fix that does not change output: all jobs resume from their checkpoints.
    assert on.run("resume", "--because", "internal-fix").returncode == 0
    on.until({"B1": "running", "B2": "failed"})
    assert sorted(on.ran()) == ["B1", "B1", "B2", "B2"]
    # A fix that changes output: jobs start from scratch, but not while a sibling runs.
    (on.folder / "fine2").touch()
    done = on.run("resume", "--because", "output-fix")
    assert (done.returncode, done.stdout) == (1, "")
    assert "B2: left as is: B1 with the same s runs. Resume it afterwards" in done.stderr
    (on.folder / "slow1").unlink()
    on.until({"B1": "success", "B2": "failed"})
    assert on.run("resume", "--because", "output-fix").returncode == 0
    on.until({"B1": "success", "B2": "success"})
    assert on.ran()[4:] == ["B2--force-refresh"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_no_job_is_lost_or_added_twice_after_interruptions(on: Batch, seed: int) -> None:
    """The client is killed and the connections of the host are cut at random times, until a submission succeeds."""
    chance = random.Random(seed)  # noqa: S311
    count = 40
    phases = f"[phases.a]\ncommand = 'echo {{n}} >> ran'\nlabel = '{{n}}'\nvars.n = {{ range = [1, {count}] }}\n"
    phases += "[phases.b]\ncommand = 'echo end >> ran'\nlabel = 'end'\nafter = ['a']\n"
    on.write(manifest(on, phases))
    for _ in range(8):
        process = subprocess.Popen(
            ["pueue-skill", "batch", "submit", str(on.file)], env=on.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0.1, 0.9))
        if isinstance(on.daemon, Host) and chance.random() < 0.5:
            on.daemon.kill_connections()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    until(lambda: on.run("submit").returncode == 0, "a complete submission", 60)
    on.until({**{str(n): "success" for n in range(1, count + 1)}, "end": "success"}, 60)
    assert sorted(on.ran()) == sorted([*map(str, range(1, count + 1)), "end"])
    assert on.ran()[-1] == "end"


def test_an_unreachable_host_does_not_affect_the_other(pueued: Daemon, bigblack: Host, tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    name = "b" + os.urandom(4).hex()
    file.write_text(
        f'name = "{name}"\nhosts = ["bigblack", "nosuchhost"]\nspread = "n"\ncwd = "{tmp_path}"\n'
        "[phases.a]\ncommand = 'echo {n} >> ran'\nvars.n = { range = [1, 20] }\n"
    )
    done = subprocess.run(
        ["pueue-skill", "batch", "submit", str(file)], env=pueued.env, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 4
    assert "bigblack: " in done.stdout
    assert "nosuchhost cannot be reached" in done.stderr


def test_a_group_without_a_limit(on: Batch) -> None:
    on.write(manifest(on, "[phases.a]\ncommand = 'x'\ngroup = 'nosuch'\n"))
    done = on.run("submit")
    assert done.returncode == 2
    assert "groups: no limit for the group nosuch" in done.stderr


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_rangebar_example_on_two_hosts(
    pueued: Daemon, bigblack: Host, littleblack: Host, tmp_path: Path, home: Path
) -> None:
    text = RANGEBAR.replace('hosts = ["bigblack"]', 'hosts = ["bigblack", "littleblack"]\nspread = "symbol"', 1)
    hosts = {"bigblack": bigblack, "littleblack": littleblack}
    configured = "".join(f'[hosts.{name}]\npath = ["~/.local/bin"]\n' for name in hosts)
    env = pueued.env | {"XDG_CONFIG_HOME": str(home / ".config")}
    rangebar(text, tmp_path / "rangebar.toml", configured, env, hosts)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_no_job_is_lost_or_run_twice_when_the_daemon_is_killed(
    lab: Lab, pueued: Daemon, tmp_path: Path, seed: int
) -> None:
    """pueued is killed and restarted several times while jobs are added and run; then resume restarts the killed jobs."""
    chance = random.Random(seed)  # noqa: S311
    host = Host(lab, f"crash{seed}", {"default": 3})
    count = 25
    batch = Batch(tmp_path, host, pueued.env | {"HOST": host.name})
    phase = f"command = 'sleep 0.2; echo {{n}} >> ran'\nlabel = '{{n}}'\nvars.n = {{ range = [1, {count}] }}\n"
    batch.write(manifest(batch, f"[phases.a]\n{phase}", tries="50"))
    try:
        for _ in range(6):
            process = subprocess.Popen(
                ["pueue-skill", "batch", "submit", str(batch.file)], env=batch.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )  # fmt: skip
            time.sleep(chance.uniform(0.3, 1.2))
            host.crash(jobs=False)
            process.wait()

        def done() -> bool:
            batch.run("submit")
            batch.run("resume")
            found = batch.standings().values()
            return len(found) == count and set(found) == {"success"}

        until(done, "all jobs", 100)
        assert sorted(map(int, batch.ran())) == list(range(1, count + 1))
    finally:
        host.stop()


@pytest.mark.long
def test_succeeded_jobs_are_removed_from_a_long_queue_and_not_run_again(on: Batch) -> None:
    phases = (
        "[groups]\nwide = 50\n[phases.a]\ncommand = 'echo {n} >> ran; exit $(( {n} == 7 ))'\nlabel = '{n}'\ngroup = 'wide'\n"
        "vars.n = { range = [1, 1005] }\n"
    )
    text = manifest(on, phases)
    on.write(text)
    on.run("submit")
    until(lambda: len(on.ran()) == 1005, "all jobs", 150)
    until(lambda: {*on.standings().values()} == {"success", "failed"}, "their outcomes", 60)
    before = len(on.daemon.tasks())
    on.write(text.replace("1005", "1006"))
    assert on.run("submit").stdout == f"{on.env['HOST']}: 1 added, 1 already in the queue, 1004 already ended\n"
    assert len(on.daemon.tasks()) == before - 1003
    until(lambda: on.standings()["1006"] == "success", "the new job")
    assert sorted(map(int, on.ran())) == [*range(1, 1007)]
    assert on.standings()["7"] == "failed"
