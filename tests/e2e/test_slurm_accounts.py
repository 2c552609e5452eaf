"""Slurm with accounting, in a real slurmdbd and its database: it knows jobs that slurmctld has forgotten, and its limits are shown."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Lab, until
from slurm import Client, Cluster

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]


@pytest.fixture(scope="module")
def accounted(lab: Lab) -> Iterator[Cluster]:
    """A cluster that forgets ended jobs as soon as it can."""
    cluster = Cluster(lab, nodes=1, age=2, accounts=True)
    for words in (
        ["add", "qos", "fast", "MaxWall=60", "MaxJobsPerUser=4", "MaxSubmitJobsPerUser=100"],
        ["add", "account", "lab7"],
        ["add", "user", getpass.getuser(), "account=lab7", "MaxJobs=8", "MaxSubmitJobs=3"],
    ):
        cluster.run("sacctmgr", "--immediate", *words)
    yield cluster
    cluster.stop()


@pytest.fixture
def client(accounted: Cluster, tmp_path: Path) -> Client:
    return Client(accounted, tmp_path)


def test_outcomes_that_slurm_forgot_come_from_accounting(client: Client, accounted: Cluster) -> None:
    """Jobs that could not record their end. The answers of accounting are stored, and not queried again."""
    stubborn = client.queue("trap '' TERM; touch stubborn; while :; do sleep 0.1; done")
    until((client.folder / "stubborn").exists, "the job", 30)
    # It ends after the last submission, which would otherwise record its outcome.
    killed = client.queue("until [ -e submitted ]; do sleep 0.1; done; kill -KILL $PPID; sleep 1")
    child = client.queue("echo never", "--after", killed)
    failed = client.queue("exit 7")
    client.options("--begin=now+1hour")
    waiting = client.queue("true")
    client.options("--hold", "--array=0-9")
    array = client.queue("true")
    (client.folder / "submitted").touch()
    accounted.run("scancel", stubborn, waiting, array)
    until(lambda: not accounted.jobs(), "Slurm to forget them", 150)

    tools = client.folder / "tools"
    tools.mkdir()
    path = client.env["PATH"]
    client.env["PATH"] = f"{tools}:{path}"
    (tools / "sacct").write_text("#!/bin/sh\nexit 1\n")
    (tools / "sacct").chmod(0o755)
    assert client.done(killed)[0] == "unknown"  # while nobody answers
    client.env["PATH"] = path
    found = {id: client.done(id) for id in (stubborn, killed, child, failed, waiting)}
    assert found == {
        stubborn: ("killed", None, "cancelled"),
        killed: ("failed", 137, ""),
        child: ("dependency", None, ""),
        failed: ("failed", 7, ""),
        waiting: ("killed", None, "cancelled"),
    }
    (tools / "sacct").write_text(f"#!/bin/sh\ntouch {client.folder}/asked\n")
    client.env["PATH"] = f"{tools}:{path}"
    assert client.done(killed) == ("failed", 137, "")
    assert not (client.folder / "asked").exists()


def test_account_limits_are_shown_and_violations_reported(client: Client) -> None:
    file = client.folder / "b.toml"
    file.write_text(
        f'name = "b"\ncwd = "{client.folder}"\n[phases.a]\ncommand = "true"\neach = ["n"]\nvars.n = {{ range = [1, 5] }}\n'
    )
    shown = client("batch", "plan", str(file)).stderr
    assert "account lab7: QOS normal, jobs at once 8, jobs submitted 3" in shown
    assert "QOS fast: time 01:00:00, jobs at once 4, jobs submitted 100" in shown
    client.options("--account=lab7")
    done = client("batch", "submit", str(file))
    assert done.returncode == 1
    assert "violates accounting/QOS policy" in done.stderr
    assert "wait for jobs to end" in done.stderr
    for word, said in (("--account=nobody", "one of your accounts"), ("--qos=nobody", "one of your QOS")):
        client.options(word)
        done = client("run", "--", "true")
        assert done.returncode == 125
        assert said in done.stderr
