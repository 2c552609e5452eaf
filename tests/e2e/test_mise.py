"""The tasks of examples/mise.toml, run by the real mise on real queues."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent import client
from real import Daemon, Host, Lab

pytestmark = [pytest.mark.long, pytest.mark.timeout(120), pytest.mark.usefixtures("queues_as_before")]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
JOBS = 26


@pytest.fixture(scope="module")
def programs(lab: Lab) -> Path:
    """A folder with what the jobs of the example run, which here is all well."""
    folder = lab.root / "rangebar"
    folder.mkdir()
    for name, text in (("uv", ":"), ("clickhouse-client", "case $2 in *'volume < 0'*) ;; *) echo 0 ;; esac")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def farm(lab: Lab, programs: Path) -> Iterator[Host]:
    host = Host(lab, "farm", {"default": 4}, path=programs)
    yield host
    host.stop()


class Project:
    """Return a folder with the example and its tasks, and mise with separate folders."""

    def __init__(self, folder: Path, before: list[str], env: dict[str, str]) -> None:
        self.folder, self.before, self.manifest = folder, before, folder / "rangebar.toml"
        own = {f"MISE_{name}_DIR": str(folder / "mise" / name) for name in ("DATA", "STATE", "CACHE", "CONFIG")}
        self.env = env | own | {"MISE_SYSTEM_CONFIG_DIR": str(folder / "mise/SYSTEM"), "MISE_OFFLINE": "1"}
        (folder / "scripts").mkdir()
        (folder / "mise.toml").write_text((EXAMPLES / "mise.toml").read_text())

    def run(self, task: str, *words: str) -> subprocess.CompletedProcess[str]:
        """`mise run`, from a folder below that of the tasks."""
        command = [*self.before, client("mise"), "run", f"cache:{task}", *(["--", *words] if words else [])]
        return subprocess.run(
            command, env=self.env, cwd=self.folder / "scripts", capture_output=True, text=True, timeout=100
        )


@pytest.fixture(params=["local", "farm"])
def project(request: pytest.FixtureRequest, pueued: Daemon, programs: Path, tmp_path: Path) -> Project:
    """With a queue of this machine, where there is no network at all, and with one over ssh."""
    env, before, home = dict(pueued.env), [], Path(pueued.env["HOME"])
    if request.param == "local":
        env["PATH"] = f"{programs}:{env['PATH']}"
        before = ["unshare", "-rn"]
    else:
        home = request.getfixturevalue("farm").home
    (home / "rangebar-py").mkdir(exist_ok=True)
    made = Project(tmp_path, before, env)
    text = (EXAMPLES / "rangebar.toml").read_text().replace('hosts = ["bigblack"]', f'hosts = ["{request.param}"]')
    made.manifest.write_text(text.replace('name = "rangebar"', f'name = "r{os.urandom(4).hex()}"', 1))
    return made


def test_the_tasks_of_the_mise_example(project: Project) -> None:
    planned = project.run("plan")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.count(" missing") == JOBS

    first, second = project.run("postprocess-all"), project.run("postprocess-all")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.endswith(f": {JOBS} added\n")
    assert second.stdout.endswith(f": {JOBS} already in the queue\n")
    watched = project.run("watch", "--events", "--every", "0.1")
    assert watched.returncode == 0, watched.stdout + watched.stderr
    jobs = json.loads(project.run("status", "--json").stdout)["jobs"]
    assert len({job["name"] for job in jobs}) == JOBS
    assert {job["standing"] for job in jobs} == {"success"}
    assert project.run("resume").returncode == 0

    # The exit code is that of the batch command: 1 for changed jobs, 2 for an invalid manifest.
    text = project.manifest.read_text()
    project.manifest.write_text(text.replace("scripts/validate.py", "scripts/validate.py --all"))
    changed = project.run("postprocess-all")
    assert changed.returncode == 1
    assert "the definition of validate (" in changed.stderr
    assert project.run("postprocess-all", "--replace").returncode == 0
    project.manifest.write_text(text.replace("p1 = 4", ""))
    assert project.run("postprocess-all").returncode == 2
