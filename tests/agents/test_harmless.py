"""The commands that mode `rewrite` may rewrite in a project's folder; in test_guards.py the real client judges the same."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from pueue_skill.agents.event import Event
from pueue_skill.agents.harmless import unlisted
from pueue_skill.plan.analysis import analyse

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/harmless.toml").read_text())
WORK = "python3 train.py --epochs 90"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("parent") / "project"
    for folder in ("sub", ".git/bin", "scripts", "other/bin", "venv/bin", ".venv/bin", "../venv/bin", "../away/back"):
        (project / folder).mkdir(parents=True)
    for file in (
        "train.py",
        "train.sh",
        ".git/config",
        "venv/pyvenv.cfg",
        ".venv/pyvenv.cfg",
        ".git/pyvenv.cfg",
        "../venv/pyvenv.cfg",
    ):
        (project / file).touch()
    for folder in (".git", "other", "venv", ".venv", "../venv"):
        (project / folder / "bin/activate").touch()
    links = {
        "git": ".git", "link.txt": ".git/config", "outside": "..", "away": "../away", "dangling.log": "/nonexistent/x.log", "linked": "../venv",
        "busybox-link": "/bin/sh", "stdin-link": "/dev/stdin", "link-to": "to.txt",
    }  # fmt: skip
    for name, target in links.items():
        (project / name).symlink_to(target)
    os.mkfifo(project / "fifo.log")
    return project


@pytest.fixture(autouse=True)
def client(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(project))
    monkeypatch.delenv("CDPATH", raising=False)


def reason(command: str, cwd: Path, files: list[Path] | None = None) -> str:
    text = command.replace("{work}", WORK)
    return unlisted(
        Event("claude", "before", "PreToolUse", "s", str(cwd), text), analyse(text, {}), [] if files is None else files
    )


@pytest.mark.parametrize("command", CASES["listed"])
def test_listed_commands_may_be_rewritten(project: Path, command: str) -> None:
    assert reason(command, project) == ""


@pytest.mark.parametrize("command", CASES["unlisted"])
def test_unlisted_commands_are_not_rewritten(project: Path, command: str) -> None:
    assert reason(command, project)


@pytest.mark.parametrize(
    ("cwd", "command", "listed"),
    [
        ("sub", "{work} > ../out.log", True),
        ("sub", "{work} > ../../out.log", False),
        (".git", "{work}", False),
        ("git", "{work}", False),
        ("..", "{work}", False),
        ("/", "{work}", False),
        ("outside", "{work}", False),
        ("outside/project/sub", "{work}", True),
    ],
)
def test_a_folder_entered_by_an_earlier_command_counts(project: Path, cwd: str, command: str, listed: bool) -> None:
    assert (reason(command, project / cwd) == "") == listed


@pytest.mark.parametrize("folder", ["", "relative", "/", "/x/.git/y", "/home/u/.claude"])
def test_folders_that_are_no_project(project: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", folder)
    assert reason("{work}", project)


def test_cd_with_cdpath(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDPATH", "/")
    assert reason("cd sub && {work}", project)
    assert reason("cd ./sub && {work}", project) == ""


def test_named_files_must_be_in_the_project(project: Path) -> None:
    files: list[Path] = []
    assert reason("cd sub && {work} < ../train.py > out.log", project, files) == ""
    assert set(files) == {project, project / "sub", project / "train.py", project / "sub/out.log"}
