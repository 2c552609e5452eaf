"""Durations of earlier runs: recorded by the hook, used by the rules, shown and removed by `history`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from hooks import hook, payload
from pueue_skill.rules.cost import shape
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.rules.registry import findings
from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script
from pueue_skill.state import durations, runs


def shape_of(text: str) -> str:
    script = parse(text)
    assert isinstance(script, Script)
    return shape(commands(script)[-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python -u build.py --token s3cret --year=2024 x", "python build.py --token --year -u"),
        ("./report 2024 -j16 --out /tmp/a", "report --out -j"),
        ("git push origin main", "git push"),
        ("mysql -psecret db", "mysql -p"),
        ("ssh bigblack 'make -C p dataset'", "bigblack:make dataset -C"),
    ],
)
def test_a_shape_has_no_values(text: str, expected: str) -> None:
    assert shape_of(text) == expected


def found(text: str, preferences: Preferences) -> list[str]:
    script = parse(text)
    assert isinstance(script, Script)
    return [f"{f.rule} {f.message}" for f in findings(commands(script), {}, preferences)]


def test_a_command_that_was_slow_is_flagged_with_its_durations() -> None:
    slow = Preferences(durations={"report --year": (240.0, 360.0, 300.0)})
    assert found("./report --year 2024", slow) == ["PQ701 last 3 runs: 4m, 6m, 5m"]
    assert found("./report --year 2024", Preferences(durations={"report --year": (240.0,)})) == []
    assert found("./report --year 2024", Preferences(durations={"report --year": (240.0, 3.0)})) == []
    assert found("for y in 1 2; do ./report --year $y; done", slow)[-1].startswith("PQ702 each iteration takes long")


def test_a_command_that_was_always_quick_is_not_flagged() -> None:
    assert found("ssh h ./run.sh", Preferences())[0].startswith("PQ102")
    assert found("ssh h ./run.sh", Preferences(durations={"h:run.sh": (2.0, 3.0, 2.0)})) == []
    # High confidence is not talked down.
    assert found("python train.py", Preferences(durations={"python train.py": (2.0, 3.0, 2.0)}))


def test_the_users_settings_take_precedence() -> None:
    mine = Preferences(
        programs=(Program("frob", ("all",), "long", "a frobnication"), Program("torchrun", (), "quick", "a stub here"))
    )
    assert found("frob all", mine) == [
        "PQ301 a frobnication in the foreground is killed when the session ends or its timeout expires"
    ]
    assert found("frob one", mine) == []
    assert found("torchrun x.py", mine) == []


def test_rules_can_be_disabled_and_downgraded() -> None:
    assert found("python train.py", Preferences(rules={"PQ302": "off"})) == []
    script = parse("python train.py")
    assert isinstance(script, Script)
    (down,) = findings(commands(script), {}, Preferences(rules={"PQ302": "medium"}))
    (advice,) = findings(commands(script), {}, Preferences(rules={"PQ302": "advice"}))
    assert (down.confidence, advice.rewrite) == ("medium", False)


def history(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", "history", *arguments], capture_output=True, text=True, timeout=30)


def test_the_hook_uses_the_durations_that_it_recorded(home: Path) -> None:
    command = "cd /tmp && ./frobnicate --level 3 --secret hunter2"
    for _ in range(2):
        assert hook(payload(command, duration_ms=200_000)).stdout == b""
    said = hook(payload(command, hook_event_name="PreToolUse"), "PreToolUse").stdout
    assert b"last 2 runs: 3m20s, 3m20s" in said
    hook(payload(command, duration_ms=200_000))
    assert history().stdout.split() == ["3m20s,", "3m20s,", "3m20s", "frobnicate", "--level", "--secret"]
    file = home / ".local/share/pueue-skill/store.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"hunter2" not in file.read_bytes()
    # Known from now on, however quick the words look to the gate and the call was.
    assert b"last 3 runs" in hook(payload(command, hook_event_name="PreToolUse"), "PreToolUse").stdout
    hook(payload(command, duration_ms=1))
    report = json.loads(history("--json").stdout)
    assert report["shapes"]["frobnicate --level --secret"][-1] == 0.001
    assert history("--forget", "no such").returncode == 1
    assert history("--forget", "frobnicate --level --secret").returncode == 0
    assert history().stdout == ""
    assert "no run times yet" in history().stderr


@pytest.mark.parametrize("command", ["ls -l", "for i in 1 2; do ./frob $i; done", "./a && ./b", "./frob &"])
def test_the_duration_of_several_commands_is_not_recorded(command: str) -> None:
    hook(payload(command, duration_ms=200_000))
    assert history().stdout == ""


def test_recording_can_be_disabled(tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text("[evidence]\nrecord = false\n")
    hook(payload("./frob", duration_ms=200_000, cwd=str(tmp_path)))
    assert history().stdout == ""


@pytest.mark.parametrize("fault", ["garbage", "folder", "locked", "read-only folder"])
def test_a_broken_store_stops_no_command(home: Path, fault: str) -> None:
    file = home / ".local/share/pueue-skill/store.db"
    file.parent.mkdir(parents=True)
    holder = None
    if fault == "garbage":
        file.write_bytes(b"not a database" * 100)
    elif fault == "folder":
        file.mkdir()
    elif fault == "locked":
        runs.record("x", 1.0)
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("begin exclusive")
    else:
        file.parent.chmod(0o500)
    done = hook(payload("python train.py", duration_ms=200_000))
    assert (done.returncode, done.stderr) == (0, b"")
    done = hook(payload("python train.py", hook_event_name="PreToolUse"), "PreToolUse")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"PQ302" in done.stdout
    assert "Traceback" not in history("--forget", "all").stderr
    if holder:
        holder.close()


def test_only_the_last_runs_are_kept() -> None:
    for i in range(30):
        runs.record("a", float(i))
    assert runs.load() == durations.read() == {"a": tuple(float(i) for i in range(20, 30))}
