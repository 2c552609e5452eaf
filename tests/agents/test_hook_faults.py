"""The hook with a broken store, configuration or host: it ends in time with exit code 0, and `doctor` reports the fault."""

from __future__ import annotations

import fcntl
import os
import resource
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from news import finished, job
from real import until

from hooks import SEED, TRAIN, before, configure, hook, payload, said, silent
from pueue_skill.agents import learning
from pueue_skill.state import database, log, reachability, runs, sessions

# What may be broken, and every event with it: within the hook's own time, the command goes through, and doctor knows.


def every_event(env: dict[str, str] | None = None, **more: Any) -> list[subprocess.CompletedProcess[bytes]]:
    """Send each event, and check that none took longer than the hook's limit and Python's start."""
    events = [
        (payload(TRAIN, "PreToolUse"), "PreToolUse", "--mode=suggest"),
        (payload(TRAIN), "PostToolUse"),
        (payload(TRAIN, "PostToolUseFailure", error="Exit code 1"), "PostToolUseFailure"),
        (payload(None, "UserPromptSubmit", prompt="run this on bigblack"), "UserPromptSubmit"),
        (payload(None, "SessionStart", source="startup"), "SessionStart"),
        (payload(None, "Stop", stop_hook_active=False), "Stop"),
    ]
    found = []
    for event in events:
        started = time.monotonic()
        found.append(hook(*event, env=env, **more))
        assert time.monotonic() - started < 10  # a bound for a busy machine; the hook's own is hook.LIMIT
        assert (found[-1].returncode, found[-1].stderr) == (0, b"")
    return found


def doctor(env: dict[str, str] | None = None) -> str:
    return subprocess.run(["pueue-skill", "doctor"], capture_output=True, text=True, env=env, timeout=60).stdout


@pytest.mark.parametrize("fault", ["locked", "corrupt", "a folder", "read-only", "full"])
def test_a_broken_store(home: Path, fault: str) -> None:
    finished("old", session="x", project="/nowhere")
    file = database.path()
    sessions.set_marker("s")
    holder, limit = None, None
    if fault == "locked":
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("begin exclusive")
    elif fault == "corrupt":
        file.write_bytes(b"no database at all" * 1000)
    elif fault == "a folder":
        file.unlink()
        file.mkdir()
    elif fault == "read-only":
        if os.getuid() == 0:  # whom no mode keeps from writing
            subprocess.run(["chattr", "+i", file], check=False, capture_output=True)
        else:
            file.chmod(0o400)
            file.parent.chmod(0o500)
    else:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # noqa: E731
    try:
        answers = every_event(preexec_fn=limit)
        assert b"PQ302" in answers[0].stdout
        if fault in ("locked", "a folder"):
            assert "failure  store: " in doctor()
        elif fault == "corrupt":
            assert "was renamed to" in doctor()
    finally:
        subprocess.run(["chattr", "-i", file], check=False, capture_output=True)
        if holder:
            holder.close()
        if os.getuid():
            file.parent.chmod(0o700)


def test_a_broken_configuration(home: Path, tmp_path: Path) -> None:
    configure(home, "[hosts")
    assert [done.stdout for done in every_event()] == [b""] * 6
    told = doctor()
    assert "failure  configuration: " in told
    assert "warning  log: PreToolUse: ConfigError" in told
    (tmp_path / ".pueue-skill.toml").write_text("[hosts")
    assert silent(before(SEED, cwd=str(tmp_path)))


def test_a_host_that_hangs_and_a_daemon_that_is_down(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUEUE_SKILL_HOOK_LIMIT")
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    configure(home, "[hosts.bigblack]\n")
    sessions.record_submission(job("far", host="bigblack", ssh="bigblack", session="s", project="/"))
    sessions.record_submission(job("near", session="s", project="/"))
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    every_event(env)

    def told(stdin: bytes, event: str) -> str:
        """Return the hook's text, which on a busy machine may take longer than the hook's limit."""
        done = until(lambda: (one := hook(stdin, event, env=env)).stdout and one, event, 20)
        return said(done)

    prompt = payload(None, "UserPromptSubmit", prompt="run this on bigblack")
    assert "bigblack: no answer now" in told(prompt, "UserPromptSubmit")
    assert "bigblack:far, local:near" in told(payload(None, "SessionStart", source="startup"), "SessionStart")
    until(lambda: set(reachability.unreachable_hosts()) == {"bigblack", "local"}, "the queries that continued", 30)
    assert "daemon of local is not running" in reachability.unreachable_hosts()["local"]
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    for name in ("asks-next", "asking"):
        with (home / ".local/share/pueue-skill" / name).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # once nobody asks any more


def test_the_hook_obeys_its_time_limit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    configure(home, "[hosts.bigblack]\n")
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PUEUE_SKILL_HOOK_LIMIT": "0.03"}
    assert silent(hook(payload(None, "UserPromptSubmit", prompt="run this on bigblack"), "UserPromptSubmit", env=env))
    assert "UserPromptSubmit: exceeded its time limit" in doctor()


@pytest.mark.timeout(200)
def test_fifty_hooks_at_once(home: Path) -> None:
    with ThreadPoolExecutor(max_workers=50) as pool:
        done = list(pool.map(lambda i: hook(payload(f"./frob{i} --all", duration_ms=200_000)), range(50)))
    assert all((one.returncode, one.stderr) == (0, b"") for one in done)
    learning.learn_all()
    assert {f"/frob{i} --all" for i in range(50)} <= set(runs.load())


def test_the_log_has_no_secrets_and_a_maximum_size(home: Path) -> None:
    for _ in range(400):
        log.write("PreToolUse", "token=hunter2 " + "x" * 900)
    file = Path(log.path())
    assert "hunter2" not in file.read_text()
    assert file.stat().st_size < 2 * log.MAX_BYTES
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["hook.log", "hook.log.old"]
