"""The exit codes of `run`, `ssh` and `wait`, as people use them: `run … && deploy`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from real import Daemon, Host

from pueue_skill.plan.analysis import analyse
from pueue_skill.shell.model import Host as Known

STILL_RUNS = 75


def call(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def configured(folder: Path, text: str) -> Path:
    """Return a folder for XDG_CONFIG_HOME with this configuration."""
    file = folder / "config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return folder / "config"


@pytest.fixture(params=["run", "run --host bigblack", "ssh"])
def waits(request: pytest.FixtureRequest, pueued: Daemon, bigblack: Host) -> tuple[list[str], list[str]]:
    """The words before and after the options of a command that submits shell text and waits for it."""
    name, *more = request.param.split()
    return ["pueue-skill", name, *more], ["bigblack"] if name == "ssh" else ["--"]


@pytest.fixture
def open_job(tmp_path: Path) -> str:
    return f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--wait", "0.2"], STILL_RUNS),
        (["--wait=0"], STILL_RUNS),
        (["--wait", "0.2", "--or-detach"], 0),
        (["--or-detach", "--wait", "0.2"], 0),
        (["--detach"], 0),
    ],
)
def test_a_job_that_still_runs(
    waits: tuple[list[str], list[str]], pueued: Daemon, open_job: str, tmp_path: Path, options: list[str], code: int
) -> None:
    before, after = waits
    done = call(*before, *options, "--label", tmp_path.name, *after, open_job, env=pueued.env)
    (tmp_path / "go").touch()
    assert done.returncode == code, done.stderr
    name = done.stdout.strip() if "--detach" in options else done.stderr.split()[1]
    if "--detach" not in options:
        assert f"{name} is still running" in done.stderr or f"{name} is still queued" in done.stderr
    assert call("pueue-skill", "wait", name, env=pueued.env).returncode == 0


def test_a_job_that_is_still_queued(pueued: Daemon) -> None:
    pueued.pueue("group", "add", "halted")
    pueued.pueue("pause", "--group", "halted")
    try:
        line = "pueue-skill run --quiet --wait 0.2 --group halted -- true && echo deployed"
        done = call("bash", "-c", line, env=pueued.env)
        assert (done.returncode, done.stdout) == (STILL_RUNS, "")
        assert "is still queued" in done.stderr
    finally:
        pueued.remove_group("halted")


def test_the_configured_wait_ends_with_75_too(pueued: Daemon, open_job: str, tmp_path: Path) -> None:
    env = pueued.env | {"XDG_CONFIG_HOME": str(configured(tmp_path, "[run]\nwait = 0.2\n"))}
    assert call("pueue-skill", "run", "--", open_job, env=env).returncode == STILL_RUNS
    assert call("pueue-skill", "run", "--or-detach", "--", open_job, env=env).returncode == 0
    (tmp_path / "go").touch()


@pytest.mark.parametrize("options", [["--wait", "30"], ["--wait", "30", "--or-detach"]])
def test_an_exit_code_75_of_the_job_itself(
    waits: tuple[list[str], list[str]], pueued: Daemon, options: list[str]
) -> None:
    before, after = waits
    done = call(*before, *options, *after, "exit 75", env=pueued.env)
    assert done.returncode == 75
    assert "ended: 75 is its own exit code" in done.stderr
    assert "is still" not in done.stderr


def test_an_exit_code_125_of_the_job_itself(pueued: Daemon) -> None:
    done = call("pueue-skill", "run", "--follow", "--", "exit 125", env=pueued.env)
    assert done.returncode == 125
    assert "ended: 125 is its own exit code" in done.stderr


def test_no_note_where_75_can_only_come_from_the_job(pueued: Daemon, bigblack: Host) -> None:
    """`ssh` writes what ssh would; without a limit it waits until the job ends."""
    done = call("pueue-skill", "ssh", "bigblack", "exit 75", env=pueued.env)
    assert (done.returncode, done.stderr) == (75, "")


def test_a_sufficient_wait_returns_the_jobs_exit_code(waits: tuple[list[str], list[str]], pueued: Daemon) -> None:
    before, after = waits
    for text, code in (("exit 0", 0), ("exit 3", 3), ("exit 125", 125), ("kill -TERM $$", 143)):
        assert call(*before, "--wait", "30", *after, text, env=pueued.env).returncode == code


@pytest.mark.parametrize("host", ["local", "bigblack"])
@pytest.mark.parametrize(
    "waits", ["wait {id}", "follow {id}", "wait {id} {id}", "wait --group failing", "wait -q --all"]
)
def test_the_documented_pueue_wait_works(request: pytest.FixtureRequest, host: str, waits: str, tmp_path: Path) -> None:
    """PQ507: `pueue wait` of a failed job exits 0, and the suggested command fails."""
    local: Daemon = request.getfixturevalue("pueued")
    daemon: Daemon = local if host == "local" else request.getfixturevalue("bigblack")
    daemon.pueue("group", "add", "failing")
    try:
        id = daemon.pueue("add", "--print-task-id", "--group", "failing", "--", "exit 7")
        daemon.result(id)
        line = f"pueue {waits.format(id=id)} && touch {tmp_path}/deployed"
        if host != "local":
            line = f"ssh {host} '{line.replace('pueue', str(daemon.pueue_path), 1)}'"
        done = subprocess.run(["bash", "-c", line], env=local.env, capture_output=True, timeout=60)
        assert (done.returncode, (tmp_path / "deployed").exists()) == (0, True)
        known = {name: Known(name) for name in ("local", "bigblack")}
        (finding,) = [one for one in analyse(line, known).findings if one.rule == "PQ507"]
        found = re.search("`(pueue-skill [^`]*)`", finding.message)
        assert found
        env = local.env | {"XDG_CONFIG_HOME": str(configured(tmp_path, "[hosts.bigblack]\n"))}
        typed = subprocess.run(["bash", "-c", found[1]], env=env, capture_output=True, timeout=60)
        assert typed.returncode in (1, 7), (found[1], os.fsdecode(typed.stderr))
    finally:
        daemon.remove_group("failing")
