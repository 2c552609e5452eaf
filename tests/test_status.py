"""`status` and `log`: all queues side by side, hosts that do not answer among them, and never an environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
from real import Daemon, Host

from pueue_skill.backends.pueue import read_queue

CONFIG = """
[hosts.bigblack]
groups = { p1 = 4 }
[hosts.littleblack]
[hosts.nowhere]
ssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"
"""


@pytest.fixture
def env(pueued: Daemon, bigblack: Host, littleblack: Host, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "pueue-skill").mkdir()
    (tmp_path / "pueue-skill/config.toml").write_text(CONFIG)
    return pueued.env | {"XDG_CONFIG_HOME": str(tmp_path), "SECRET_TOKEN": "do-not-show-me", "COLUMNS": "160"}


def call(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", *command], env=env, capture_output=True, text=True, timeout=60)


def test_all_hosts_side_by_side(env: dict[str, str]) -> None:
    for host, text in (("local", "echo 'on local'"), ("bigblack", "exit 3"), ("littleblack", "echo 'a\nb'")):
        call("run", "--host", host, "--label", f"s-{host}", "--follow", "--", text, env=env)
    done = call("status", env=env)
    assert done.returncode == 4
    assert "nowhere: nowhere cannot be reached by ssh" in done.stdout
    assert "Try: ssh -p 1" in done.stdout
    for words in ("s-local", "s-bigblack", "failed, exit 3", "s-littleblack", "echo 'a …", "bigblack: default 0/4"):
        assert words in done.stdout
    assert "PUEUE_SKILL_KEY" not in done.stdout
    assert call("status", "bigblack", "local", env=env).returncode == 0


def test_json_has_its_schema_and_no_environment(env: dict[str, str]) -> None:
    call("run", "--follow", "--", "true", env=env)
    done = call("status", "--json", env=env)
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads(call("schema", "status", env=env).stdout))
    assert [host["host"] for host in report["hosts"]] == ["local", "bigblack", "littleblack", "nowhere"]
    assert [host["reachable"] for host in report["hosts"]] == [True, True, True, False]
    assert done.returncode == 4
    name = report["hosts"][0]["jobs"][-1]["name"]
    log = call("log", "--json", name, env=env)
    assert "do-not-show-me" not in done.stdout + log.stdout
    assert json.loads(log.stdout)["name"] == name


def test_log_by_name_label_and_key(env: dict[str, str]) -> None:
    label, key = f"l-{os.getpid()}", f"k-{os.getpid()}"
    name = call(
        "run", "--host", "littleblack", "--label", label, "--key", key, "--detach", "--", "echo hi; exit 9", env=env
    ).stdout.strip()
    assert call("wait", name, env=env).returncode == 9
    for job in (name, label, key):
        done = call("log", job, env=env)
        assert (done.returncode, done.stdout) == (0, "hi\n")
    assert call("log", "--follow", label, env=env).returncode == 9


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["log", "local:99999"], 2, "there is no job 99999 on local"),
        (["log", "no-such-label", "--json"], 4, "nowhere cannot be reached"),
        (["status", "elsewhere"], 2, "no host is called elsewhere; configured: local, bigblack"),
        (["rule", "PQ999"], 2, "there is no rule PQ999"),
        (["suggest"], 2, "required: CMD"),
        (["wait", "nowhere:1"], 125, "cannot be reached"),
    ],
)
def test_errors_name_what_and_what_next(env: dict[str, str], arguments: list[str], code: int, says: str) -> None:
    done = call(*arguments, env=env)
    assert done.returncode == code
    assert says in done.stderr


def test_a_reader_that_goes_away_is_no_traceback(env: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "pueue-skill rules | head -n 0; echo ${PIPESTATUS[0]}"], env=env, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr


def test_every_state_of_pueue_is_read() -> None:
    """A state as pueue 4.0.4 prints it, one task in each status and result."""
    text = (Path(__file__).parent / "cases/pueue-4.0.4-status.json").read_text("utf-8")
    states = {state.label: state for state in read_queue(text).states}
    seen = {label: (state.status, state.result, state.exit_code) for label, state in states.items()}
    assert seen == {
        "key:success": ("done", "success", 0),
        "fail": ("done", "failed", 3),
        "spawnfail": ("done", "spawn", None),
        "killed": ("done", "killed", None),
        "paused": ("paused", None, None),
        "running": ("running", None, None),
        "queued": ("queued", None, None),
        "stashed": ("stashed", None, None),
        "delayed": ("stashed", None, None),
        "depfail": ("done", "dependency", None),
        "chained-depfail": ("done", "dependency", None),
        "locked": ("queued", None, None),
        "selfkill": ("done", "killed", None),
    }
