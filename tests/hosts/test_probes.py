"""The scripts of audit and doctor, each run by every shell that a host may have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from real import real
from stubbed import SHELLS, Stubbed

from pueue_skill.hosts import audit
from pueue_skill.queues.script import script


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Stubbed:
    return Stubbed(request.param, tmp_path, "nvidia-smi")


def test_probes_that_work_on_every_host(run: Stubbed) -> None:
    assert int(run(script("hosts/clock")).stdout) > 1_700_000_000
    assert int(run(script("hosts/booted")).stdout) > 1_700_000_000
    load, processors = audit.parse_load(run(script("hosts/load")).stdout)
    assert len(load) == 3
    assert processors
    assert audit.parse_memory(run(script("hosts/memory")).stdout)["size"] > 0


def test_disks(run: Stubbed) -> None:
    done = run(f"pq_data='{run.home}/not/there yet'\n{script('hosts/disks')}")
    assert [disk["path"] for disk in audit.parse_disks(done.stdout)] == ["home and queue"]


def test_versions(run: Stubbed) -> None:
    folder = run.home / "own tools"
    folder.mkdir()
    (folder / "uv").write_text("#!/bin/sh\necho uv 9.9\n")
    (folder / "uv").chmod(0o755)
    found = audit.parse_versions(run(script("hosts/versions", PQ_PATH="~/own tools")).stdout)
    assert found["uv"] == "9.9"
    assert found["system"].startswith("Linux ")


def test_gpus(run: Stubbed) -> None:
    text = script("hosts/gpus", PQ_PATH="")
    assert run(text, **{"nvidia-smi": "echo 0, A, 1, 2, 3, 4, 5"}).stdout == "0, A, 1, 2, 3, 4, 5\n"
    (run.bin / "nvidia-smi").unlink()
    done = run(text)
    assert (done.stdout, done.returncode) == ("", 0)


def git(folder: Path, *words: str) -> None:
    own = ["-c", "user.name=n", "-c", "user.email=e", "-C", str(folder)]
    subprocess.run([real("git"), *own, *words], env={"HOME": str(folder), "PATH": os.environ["PATH"]}, check=True)


def test_project(run: Stubbed) -> None:
    folder = run.home / "a project"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=The first")
    (folder / "new").touch()
    found = audit.parse_project("p", run(script("hosts/project", PQ_PATH="", PQ_FOLDER="~/a project")).stdout)
    assert (found["branch"], found["subject"], found["changed"]) == ("main", "The first", 1)
    assert run(script("hosts/project", PQ_PATH="", PQ_FOLDER="~/gone")).returncode != 0


@pytest.mark.parametrize("pattern", ["~/a b/*.json", "~/a b"])
def test_checkpoints(pattern: str, run: Stubbed) -> None:
    text = script("hosts/checkpoints", PQ_PATTERN=pattern, PQ_BYTES="5")
    assert run(text).stdout == "0\n"
    folder = run.home / "a b"
    folder.mkdir()
    for at, name in ((1000, "old.json"), (2000, "-n new.json")):
        (folder / name).write_text("0123456789")
        os.utime(folder / name, (at, at))
    found = audit.parse_checkpoint(pattern, run(text).stdout)
    assert (found["count"], found["size"], found["newest_size"], found["newest_time"]) == (2, 20, 10, 2000)
    assert found["newest"] == str(folder / "-n new.json")
    assert found["head"] == "01234"


def test_query(run: Stubbed) -> None:
    done = run(script("hosts/query", PQ_PATH="~/tools:/own", PQ_COMMAND='echo "$PATH"\nexit 7'))
    assert done.stdout.startswith(f"{run.home}/tools:/own:{run.bin}:")
    assert done.returncode == 7


def test_programs_in_folders_that_are_not_on_path(run: Stubbed) -> None:
    for folder, name in (("tools/bin", "train"), (".own/bin", "test")):
        (run.home / folder).mkdir(parents=True)
        (run.home / folder / name).write_text("#!/bin/sh\n")
        (run.home / folder / name).chmod(0o755)
        (run.home / folder / "readme").touch()
    found = run(script("hosts/programs", PQ_PATH="~/.own/bin")).stdout.splitlines()
    assert [path for path in found if path.startswith(f"{run.home}/") and "/../" not in path] == [
        f"{run.home}/tools/bin/train"
    ]


def test_processes(run: Stubbed) -> None:
    assert str(os.getpid()) in run(script("hosts/processes")).stdout.split()
