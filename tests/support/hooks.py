"""A hook as Claude Code calls it: payloads and replies."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

SEED = "ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'"
TRAIN = "python train.py"


def configure(home: Path, text: str) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def payload(command: object = None, event: str = "PostToolUse", **changes: object) -> bytes:
    """Return an event as Claude Code 2.1.330 sends it."""
    found: dict[str, Any] = {
        "session_id": "s",
        "transcript_path": "/t.jsonl",
        "cwd": "/",
        "permission_mode": "default",
        "hook_event_name": event,
    }
    if "Tool" in event:
        found |= {"tool_name": "Bash", "tool_input": {"command": command, "description": "d"}, "tool_use_id": "toolu_1"}
    if event == "PostToolUse":
        found["tool_response"] = {"stdout": "", "stderr": "", "interrupted": False, "isImage": False}
    if event.startswith("PostToolUse"):
        found["duration_ms"] = 61_000
    return json.dumps(found | changes).encode()


def hook(stdin: bytes, event: str = "PostToolUse", *options: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["pueue-skill", "hook", event, *options], input=stdin, capture_output=True, timeout=100, **more
    )


def silent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def said(done: subprocess.CompletedProcess[bytes], key: str = "additionalContext") -> str:
    """Return the text of a reply that has nothing else in it."""
    assert (done.returncode, done.stderr) == (0, b"")
    answer = json.loads(done.stdout)["hookSpecificOutput"]
    assert "allow" not in done.stdout.decode()
    text: str = answer[key]
    return text


def before(command: object, *options: str, **changes: object) -> subprocess.CompletedProcess[bytes]:
    return hook(payload(command, "PreToolUse", **changes), "PreToolUse", *options)
