"""The hook: a word when there is something to say, silence otherwise, and exit code 0 whatever it reads."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

SEED = "ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'"


def payload(command: object, **changes: object) -> bytes:
    """An event as Claude Code 2.1.330 sends it."""
    event: dict[str, Any] = {
        "session_id": "s",
        "transcript_path": "/t.jsonl",
        "cwd": "/",
        "permission_mode": "default",
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command, "description": "d"},
        "tool_response": {"stdout": "", "stderr": "", "interrupted": False, "isImage": False},
        "tool_use_id": "toolu_1",
        "duration_ms": 61_000,
    }
    return json.dumps(event | changes).encode()


def hook(stdin: bytes, event: str = "PostToolUse", **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["pueue-skill", "hook", event], input=stdin, capture_output=True, timeout=30, **options)


@pytest.mark.parametrize(
    "command",
    [SEED, "python train.py", 'ssh h "pueue add -- cd p && uv run x"', "ssh bigblack 'python train.py' | tee log"],
)
def test_what_it_says(command: str, snapshot: SnapshotAssertion) -> None:
    done = hook(payload(command))
    assert (done.returncode, done.stderr) == (0, b"")
    answer = json.loads(done.stdout)
    assert list(answer) == ["hookSpecificOutput"]
    assert set(answer["hookSpecificOutput"]) == {"hookEventName", "additionalContext"}
    assert answer["hookSpecificOutput"]["hookEventName"] == "PostToolUse"
    assert answer["hookSpecificOutput"]["additionalContext"] == snapshot


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param(payload("ls -l"), id="quick"),
        pytest.param(payload("grep -r populate_cache ."), id="mention"),
        pytest.param(payload("python train.py # pueue: skip"), id="marker"),
        pytest.param(payload("python train.py 'unterminated"), id="unparsed"),
        pytest.param(payload("ssh bigblack uptime"), id="probe"),
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe\x00", id="not utf-8"),
        pytest.param(payload("python train.py").replace(b"train", b"tr\xffin"), id="command not utf-8"),
        pytest.param(payload(SEED + "x" * 10_000_000), id="10 MB"),
        pytest.param(payload(7), id="command is a number"),
        pytest.param(payload(None), id="command is null"),
        pytest.param(payload([SEED]), id="command is a list"),
        pytest.param(payload(SEED, tool_input="x"), id="tool_input is text"),
        pytest.param(payload(SEED, tool_input=None), id="no tool_input"),
        pytest.param(payload(SEED, tool_name="Read"), id="another tool"),
        pytest.param(payload(SEED, hook_event_name="PreToolUse"), id="another event"),
        pytest.param(payload(SEED, hook_event_name=3), id="event is a number"),
        pytest.param(payload("python train.py\0"), id="NUL"),
        pytest.param(payload("(" * 5000 + "python train.py" + ")" * 5000), id="nested"),
    ],
)
def test_silence(stdin: bytes) -> None:
    done = hook(stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_unknown_event_is_silent() -> None:
    for event in ("", "NoSuchEvent"):
        done = hook(payload(SEED), event)
        assert (done.returncode, done.stdout) == (0, b"")


def test_odd_folders_are_no_trouble() -> None:
    for cwd in ("", "/no/such/folder", 3, None, "a\0b"):
        done = hook(payload(SEED, cwd=cwd))
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_broken_configuration_is_silent(tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text("[hosts")
    done = hook(payload(SEED, cwd=str(tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&-", ">/dev/full", ">&- 2>&- <&-"])
def test_closed_and_full_streams(redirect: str, tmp_path: Path) -> None:
    (tmp_path / "event").write_bytes(payload(SEED))
    given = "" if "<" in redirect else f"< {tmp_path}/event"
    done = subprocess.run(
        ["bash", "-c", f"pueue-skill hook PostToolUse {given} {redirect}; echo $?"], capture_output=True, timeout=30
    )
    assert done.stdout.splitlines()[-1:] == [b"0"]
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        ["pueue-skill", "hook", "PostToolUse"], input=payload(SEED), stdout=write, stderr=subprocess.PIPE, timeout=30
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_runs_nothing_of_what_it_reads(tmp_path: Path) -> None:
    command = f"python train.py; touch {tmp_path}/a $(touch {tmp_path}/b) `touch {tmp_path}/c`"
    assert b"additionalContext" in hook(payload(command)).stdout
    assert not list(tmp_path.iterdir())


def test_a_long_invocation_is_not_cut_in_the_middle() -> None:
    context = json.loads(hook(payload("for i in {1..150}; do python train.py --fold $i; done")).stdout)
    said = context["hookSpecificOutput"]["additionalContext"]
    assert said.endswith(
        "The same work is 150 jobs: `pueue-skill suggest -` gives their invocation for the command on stdin.\n"
    )
