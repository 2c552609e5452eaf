"""Batches on a real Slurm: arrays with dependencies and limits, and the example manifest with another host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from batch import RANGEBAR, begun_together, rangebar
from real import Host, until
from slurm import Cluster

pytestmark = pytest.mark.timeout(240)


class Batch:
    """A manifest on the cluster, and the commands for it."""

    def __init__(self, cluster: Cluster, folder: Path, phases: str, more: str = "") -> None:
        self.cluster, self.folder, self.file = cluster, folder, folder / "b.toml"
        self.file.write_text(f'name = "b{os.urandom(4).hex()}"\ncwd = "{folder}"\n{more}{phases}')

    def __call__(self, action: str, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = ["pueue-skill", "batch", action, str(self.file), *words]
        env = self.cluster.env | options.pop("env", {})
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, **options)

    def standings(self) -> dict[str, str]:
        done = self("status", "--json")
        assert done.returncode == 0, done.stderr
        return {job["label"]: job["standing"] for job in json.loads(done.stdout)["jobs"]}


def test_more_jobs_than_fit_in_an_array_run_within_the_limit(cluster: Cluster, tmp_path: Path) -> None:
    work = f"echo + >> ran; {begun_together(3)}; sleep 0.3; echo - >> ran"
    phases = f"[groups]\ng = 3\n[phases.a]\ncommand = '''{work}'''\nlabel = '{{n}}'\neach = ['n']\ngroup = 'g'\nvars.n = {{ range = [1, 25] }}\n"
    batch = Batch(cluster, tmp_path, phases)
    done = batch("submit")
    assert (done.returncode, done.stdout) == (0, "local: 25 added\n"), done.stderr
    until(lambda: set(batch.standings().values()) == {"success"}, "all jobs", 90)
    at_once = most = 0
    for sign in (tmp_path / "ran").read_text().split():
        at_once += 1 if sign == "+" else -1
        most = max(most, at_once)
    assert most == 3


def test_resources_and_environment_of_a_job(cluster: Cluster, tmp_path: Path) -> None:
    phases = (
        "[phases.a]\ncommand = 'env > env; echo $SLURM_CPUS_ON_NODE $SLURM_MEM_PER_NODE > needs; squeue -h -j $SLURM_JOB_ID -o %l >> needs'\n"
        "label = 'a'\nmemory = '2G'\ncpus = 3\ntimeout = 300\nenv = { OWN = 'set' }\n"
    )
    batch = Batch(cluster, tmp_path, phases, "keep = ['KEPT']\n")
    batch("submit", env={"KEPT": "a b", "SECRET": "x"})
    until(lambda: batch.standings() == {"a": "success"}, "its end", 40)
    assert (tmp_path / "needs").read_text() == "3 2048\n7:00\n"
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert (env["KEPT"], env["OWN"], env["HOME"]) == ("a b", "set", str(cluster.home))
    assert "SECRET" not in env


def test_plan_shows_the_limits_of_the_site(cluster: Cluster, tmp_path: Path) -> None:
    done = Batch(cluster, tmp_path, "[phases.a]\ncommand = 'true'\n")("plan")
    assert "partition main* (up): 2 nodes of 8 CPUs and 64000 MB; infinite at most" in done.stderr
    assert "partition short (up): 2 nodes of 8 CPUs and 64000 MB; 1:00:00 at most" in done.stderr
    assert "MaxArraySize: 21" in done.stderr


def test_a_job_that_fits_on_no_node(cluster: Cluster, tmp_path: Path) -> None:
    """sbatch rejects a single job; it accepts an array, which then fails to start."""
    batch = Batch(cluster, tmp_path, "[phases.a]\ncommand = 'true'\nlabel = 'a'\nmemory = '900G'\n")
    assert batch("submit").returncode == 0
    until(lambda: batch.standings() == {"a": "spawn"}, "the failure to start", 40)
    assert "local a: failed to start" in batch("status").stdout
    resumed = batch("resume")
    assert "no node has the requested resources (BadConstraints)" in resumed.stdout + resumed.stderr


def test_errors_of_slurm_have_advice(cluster: Cluster, tmp_path: Path) -> None:
    done = Batch(cluster, tmp_path, "[phases.a]\ncommand = 'true'\nlabel = 'a'\ngpus = 2\n")("submit")
    assert done.returncode == 1
    assert "a was not added: sbatch: error: Invalid generic resource (gres) specification" in done.stderr
    assert "sinfo -o '%P %G'" in done.stderr


def test_jobs_start_from_scratch_and_changed_definitions(cluster: Cluster, tmp_path: Path) -> None:
    phases = "[phases.a]\ncommand = 'echo a{refresh} >> ran; test -e ok'\nlabel = 'a'\n"
    batch = Batch(cluster, tmp_path, phases, 'refresh = "--from-scratch"\n')
    batch("submit")
    until(lambda: batch.standings() == {"a": "failed"}, "its failure", 40)
    (tmp_path / "ok").touch()
    done = batch("resume", "--because", "output-fix")
    assert done.returncode == 0, done.stderr
    until(lambda: batch.standings() == {"a": "success"}, "its end", 40)
    assert (tmp_path / "ran").read_text().split() == ["a", "a--from-scratch"]
    batch.file.write_text(batch.file.read_text().replace("echo a", "echo b"))
    assert batch.standings() == {"a": "changed"}
    assert batch("submit").returncode == 1
    assert batch("submit", "--replace").returncode == 0
    until(lambda: batch.standings() == {"a": "success"}, "the changed job", 40)
    assert (tmp_path / "ran").read_text().split() == ["a", "a--from-scratch", "b"]


def test_the_rangebar_example_on_a_cluster(cluster: Cluster, login: Host, tmp_path: Path, home: Path) -> None:
    """Only the line with the host differs."""
    text = RANGEBAR.replace('hosts = ["bigblack"]', 'hosts = ["login"]', 1)
    env = {key: value for key, value in cluster.env.items() if key != "SLURM_CONF"}
    env |= {"XDG_CONFIG_HOME": str(home / ".config")}
    configured = '[hosts.login]\nbackend = "slurm"\npath = ["~/.local/bin"]\n'
    rangebar(text, tmp_path / "rangebar.toml", configured, env, {"login": login})
