"""install and uninstall for every agent and scope: entries of other programs remain, and broken files are left as is."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pueue_skill import __version__
from pueue_skill.agents import doctor
from pueue_skill.agents.event import AGENTS, client
from pueue_skill.agents.install import MARK, share_folder
from pueue_skill.cli.main import main
from pueue_skill.state import paths

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCH = str(share_folder() / "hooks/launch")
IN_JSON = [name for name in AGENTS if name != "opencode"]
SCOPES = ("user", "project")
each = pytest.mark.parametrize(("agent", "scope"), [(agent, scope) for agent in AGENTS for scope in SCOPES])
each_in_json = pytest.mark.parametrize(("agent", "scope"), [(agent, scope) for agent in IN_JSON for scope in SCOPES])
FLAT = ("cursor", "copilot")
"""The agents whose events have handlers directly, without groups."""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def settings(agent: str, scope: str) -> Path:
    return Path(client(agent).file(scope, str(Path.home()), str(Path.cwd())))


def of_others(agent: str) -> dict[str, Any]:
    """Settings with hooks of other programs, at an event that we use too and at one that we do not use."""

    def hook(name: str) -> dict[str, Any]:
        handler = {"type": "command", "command": f"/their/{name} --option"}
        return handler if agent in FLAT else {"matcher": "Write", "hooks": [handler]}

    event = next(iter(client(agent).hooks("/launch", ())))
    return {
        **getattr(client(agent), "TOP", {}),
        "description": "mine, ä",
        "hooks": {"SomethingElse": [hook("one")], event: [hook("two"), hook("three")]},
        "other": [1, None, {"deep": ["x"]}],
    }


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def files() -> dict[str, str]:
    """Return all files of the HOME and the project, without our caches."""
    places = [path for top in (Path.home(), Path.cwd()) for path in sorted(top.rglob("*"))]
    return {str(path): path.read_text() for path in places if path.is_file() and ".cache" not in path.parts}


@each
def test_installed_hooks_run_the_launcher(agent: str, scope: str) -> None:
    assert main(["install", agent, "--scope", scope, "--mode", "suggest"]) == 0
    assert list(files()) == [str(settings(agent, scope))]
    text = settings(agent, scope).read_text()
    assert text.count(LAUNCH) >= 1
    assert text.count(MARK) >= 1
    assert "--mode=suggest" in text
    if agent in IN_JSON:
        events = json.loads(text)["hooks"]
        assert events == client(agent).hooks(LAUNCH, (sys.executable, "--mode=suggest", MARK))
        assert all(isinstance(groups, list) and len(groups) == 1 for groups in events.values())


def test_a_backup_never_replaces_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pueue_skill.agents.install.time.strftime", lambda *_: "now")
    file = write(settings("claude", "user"), "{}\n")
    for mode in ("remind", "suggest", "rewrite"):
        assert main(["install", "claude", "--mode", mode]) == 0
    backups = sorted(file.parent.glob(f"{file.name}.before-pueue-skill-*"))
    assert [backup.name.rpartition("now")[2] for backup in backups] == ["", "-2", "-3"]
    assert backups[0].read_text() == "{}\n"


@each_in_json
def test_entries_of_others_survive_in_their_order(agent: str, scope: str) -> None:
    others = of_others(agent)
    file = write(settings(agent, scope), json.dumps(others, indent=4, ensure_ascii=False) + "\n")
    old = file.read_text()
    assert main(["install", agent, "--scope", scope]) == 0
    new = json.loads(file.read_text())
    assert {key: value for key, value in new.items() if key != "hooks"} == {
        key: value for key, value in others.items() if key != "hooks"
    }
    for event, groups in others["hooks"].items():
        assert new["hooks"][event][: len(groups)] == groups, "ours come last: codex knows the others' by their place"
    assert '\n    "description": "mine, ä"' in file.read_text(), "indented as it was"
    (backup,) = file.parent.glob(f"{file.name}.before-pueue-skill-*")
    assert backup.read_text() == old
    assert main(["uninstall", agent, "--scope", scope]) == 0
    assert json.loads(file.read_text()) == others
    for event, groups in others["hooks"].items():
        assert json.loads(file.read_text())["hooks"][event] == groups


@each
def test_a_second_install_changes_nothing(agent: str, scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", agent, "--scope", scope]) == 0
    once = files()
    capsys.readouterr()
    assert main(["install", agent, "--scope", scope]) == 0
    assert "nothing to change" in capsys.readouterr().err
    assert files() == once
    assert main(["install", agent, "--scope", scope, "--mode", "off"]) == 0
    text = settings(agent, scope).read_text()
    assert "--mode=off" in text
    assert text.count(MARK) == once[str(settings(agent, scope))].count(MARK), (
        "another mode takes the place of the first"
    )


@each
def test_uninstall_removes_every_entry(agent: str, scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", agent, "--scope", scope]) == 0
    assert main(["uninstall", agent, "--scope", scope]) == 0
    assert files() == {}
    capsys.readouterr()
    assert main(["uninstall", agent, "--scope", scope]) == 0
    assert "nothing to change" in capsys.readouterr().err


@pytest.mark.parametrize("agent", AGENTS)
def test_scopes_are_independent(agent: str) -> None:
    assert main(["install", agent, "--scope", "user"]) == 0
    user = files()
    assert main(["install", agent, "--scope", "project"]) == 0
    assert main(["uninstall", agent, "--scope", "project"]) == 0
    assert {path: text for path, text in files().items() if path.startswith(str(Path.home()))} == user


@each
@pytest.mark.parametrize("there", [False, True])
def test_a_dry_run_prints_a_diff_and_changes_nothing(
    agent: str, scope: str, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings(agent, scope)
    if there:
        write(file, json.dumps(of_others(agent), indent=2) if agent in IN_JSON else "export const Theirs = 1\n")
    before = files()
    assert main(["install", agent, "--scope", scope, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert files() == before
    assert shown.startswith(f"--- {file}")
    assert any(line.startswith("+") and MARK in line for line in shown.splitlines())
    assert main(["install", agent, "--scope", scope]) == 0
    installed = files()
    capsys.readouterr()
    assert main(["uninstall", agent, "--scope", scope, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert files() == installed
    assert any(line.startswith("-") and MARK in line for line in shown.splitlines())


@each
def test_a_symlink_stays_a_symlink(agent: str, scope: str, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles/kept"
    write(kept, json.dumps(of_others(agent)) if agent in IN_JSON else "")
    kept.chmod(0o600)
    file = settings(agent, scope)
    file.parent.mkdir(parents=True)
    file.symlink_to(kept)
    assert main(["install", agent, "--scope", scope]) == 0
    assert file.is_symlink()
    assert MARK in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (backup,) = kept.parent.glob("kept.before-pueue-skill-*")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    if agent in IN_JSON:
        assert main(["uninstall", agent, "--scope", scope]) == 0
        assert file.is_symlink()
        assert json.loads(kept.read_text()) == of_others(agent)


BROKEN = {
    '{"hooks": {},}': "line 1 column",
    '{\n  // a comment\n  "hooks": {}\n}': "line 2 column",
    '{"hooks": {"PreToolUse": [': "line 1 column",
    "hooks: {}": "line 1 column 1",
    "[]": "hooks",
    '{"hooks": []}': "hooks",
    '{"hooks": {"Theirs": {}}}': "hooks.Theirs",
}


@each_in_json
@pytest.mark.parametrize("text", BROKEN)
def test_broken_settings_are_refused(agent: str, scope: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(settings(agent, scope), text)
    assert main(["install", agent, "--scope", scope]) == 2
    said = capsys.readouterr().err
    assert str(file) in said
    assert BROKEN[text] in said
    assert files() == {str(file): text}


@each_in_json
def test_uninstall_refuses_broken_settings(agent: str, scope: str) -> None:
    file = write(settings(agent, scope), f'{{"hooks": "{MARK}",}}')
    assert main(["uninstall", agent, "--scope", scope]) == 2
    assert list(files()) == [str(file)]


@pytest.mark.parametrize("agent", IN_JSON)
@pytest.mark.parametrize("text", ["", "\n", "{}", "{}\n", '{"other": 1}'])
def test_settings_without_hooks(agent: str, text: str) -> None:
    file = write(settings(agent, "user"), text)
    assert main(["install", agent]) == 0
    assert main(["uninstall", agent]) == 0
    left = json.loads(file.read_text()) if file.exists() else {}
    assert {key: value for key, value in left.items() if key != "version"} == json.loads(text.strip() or "{}")


def test_a_file_that_cannot_be_written_is_unchanged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = write(settings("claude", "user"), "{}")
    monkeypatch.setattr(os, "replace", full)
    assert main(["install", "claude"]) == 3
    said = capsys.readouterr().err
    assert "cannot be written and is unchanged: " in said
    assert "No space left on device" in said
    assert file.read_text() == "{}"


@pytest.mark.parametrize("agent", ["codex", "gemini", "cursor", "copilot"])
def test_a_launcher_with_any_path_is_found(agent: str, weird_tmp_path: Path) -> None:
    """Clients that would deny the command then, or every command, get no reply without it."""
    launch = weird_tmp_path / "launch"
    launch.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    launch.chmod(0o755)
    event, groups = list(client(agent).hooks(str(launch), ("/a b/python", MARK)).items())[-1]
    handler = groups[0] if agent in FLAT else groups[0]["hooks"][0]
    command = ["bash", "-c", handler.get("bash") or handler["command"]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Stop", "/a b/python", MARK], event
    launch.unlink()
    done = subprocess.run(command, capture_output=True, text=True)
    if agent in ("gemini", "copilot"):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_install_prints_what_an_agent_lacks_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "codex", "--mode", "rewrite"]) == 0
    said = capsys.readouterr().err
    assert "cannot be rewritten safely; the hooks deny the command instead" in said
    assert "start `codex`" in said
    assert main(["install", "claude", "--mode", "rewrite"]) == 0
    assert "safely" not in capsys.readouterr().err


@each
def test_doctor_reports_a_missing_launcher(agent: str, scope: str) -> None:
    assert main(["install", agent, "--scope", scope]) == 0
    file = settings(agent, scope)
    assert [check.result for check in doctor.hooks()] == ["ok"]
    file.write_text(file.read_text().replace(LAUNCH, "/gone/hooks/launch"))
    (check,) = doctor.hooks()
    assert (check.name, check.result) == (f"{agent} hooks", "failure")
    assert "/gone/hooks/launch is gone" in check.what
    assert check.fix == f"pueue-skill install {agent} --scope {scope}"
    assert main(check.fix.split()[1:]) == 0
    assert [check.result for check in doctor.hooks()] == ["ok"]


def test_the_plugin_and_the_package_have_one_version() -> None:
    manifest = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    assert manifest["version"] == __version__
    market = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())
    assert [plugin["name"] for plugin in market["plugins"]] == [manifest["name"]]


def test_a_second_install_keeps_the_order_of_entries() -> None:
    """Codex identifies trusted hooks by their positions."""
    file = settings("codex", "user")
    main(["install", "codex"])
    written = json.loads(file.read_text())
    theirs = {"matcher": "^Bash$", "hooks": [{"type": "command", "command": "/their/hook"}]}
    written["hooks"]["PreToolUse"].append(theirs)
    file.write_text(json.dumps(written))
    main(["install", "codex", "--mode", "suggest"])
    (ours, other) = json.loads(file.read_text())["hooks"]["PreToolUse"]
    assert "--mode=suggest" in ours["hooks"][0]["command"]
    assert other == theirs


def test_doctor_tries_the_hook_each_time_and_leaves_nothing_behind(home: Path) -> None:
    for _ in range(2):
        check = doctor.trial()
        assert check.result == "ok", check
    assert not (Path(paths.data()) / "reminders").exists()
