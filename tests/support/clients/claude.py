"""Claude Code (npm @anthropic-ai/claude-code) with a scripted model; see scripted.py for the form.

The scenario: binary, home, cwd, env, args, and either `steps` of an interactive session on a terminal, `prompts` of a session with
streamed input, or the `prompt` of a one-shot run. `turns` are the model's: {"bash": COMMAND, …} calls the Bash tool with these fields,
{"text": …} ends the turn. A step is {"type": TEXT}, {"wait_for": TEXT, "within": S} (until the model has received the text),
{"sleep": S} or {"run": ARGV} (a command next to the client).
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scripted

KEY = "made-up-key-0123456789-abcdefghij"
ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "USER": "u",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/bash",
    "ANTHROPIC_API_KEY": KEY,
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


class Model:
    """The scripted model: each main request of the client gets the next of `turns`."""

    def __init__(self, turns: list[dict[str, Any]]) -> None:
        self.turns, self.count, self.lock = list(turns), 0, threading.Lock()
        self.server = scripted.Server(self.answer)
        self.seen: list[Any] = []

    def answer(self, path: str, body: Any) -> scripted.Answer | None:
        if "count_tokens" in path:
            return "application/json", [b'{"input_tokens": 100}']
        if not path.startswith("/v1/messages"):
            return None
        with self.lock:
            if not body.get("tools"):  # a title, a summary
                turn: dict[str, Any] = {"text": '{"title": "t"}'}
            else:
                self.seen.append(body["messages"])
                turn = self.turns.pop(0) if self.turns else {"text": "(no more turns)"}
            self.count += 1
            number = self.count
        if turn.get("delay"):
            time.sleep(turn["delay"])
        if "bash" in turn:
            given = {"command": turn["bash"], "description": "scripted", **turn.get("input", {})}
            block = {"type": "tool_use", "id": f"toolu_{number:020}", "name": "Bash", "input": given}
        else:
            block = {"type": "text", "text": turn["text"]}
        stop = "tool_use" if "bash" in turn else "end_turn"
        head = {
            "id": f"msg_{number:020}", "type": "message", "role": "assistant", "model": body.get("model", "m"),
            "stop_reason": None, "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
        }  # fmt: skip
        if not body.get("stream"):
            return "application/json", [json.dumps({**head, "content": [block], "stop_reason": stop}).encode()]
        items = [("message_start", {"type": "message_start", "message": {**head, "content": []}}), *streamed(block)]
        items += [
            ("message_delta", {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 1}}),
            ("message_stop", {"type": "message_stop"}),
        ]
        return scripted.events(items)

    def text(self) -> str:
        """All text that the model has received."""
        with self.lock:
            return json.dumps(self.seen[-1] if self.seen else [], ensure_ascii=False)

    def everything(self) -> str:
        with self.lock:
            return json.dumps(self.seen, ensure_ascii=False)


def streamed(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if block["type"] == "text":
        empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        empty, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": empty}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    home = Path(scenario["home"])
    onboarded(home, scenario["cwd"])
    model = Model(scenario["turns"])
    env = {**ENV, "HOME": str(home), "TMPDIR": str(home / "tmp"), "ANTHROPIC_BASE_URL": model.server.url}
    (home / "tmp").mkdir(exist_ok=True)
    command = [scenario["binary"], *scenario.get("args", [])]
    if "steps" in scenario:
        done = on_a_terminal(command, scenario, env, model)
    elif "prompts" in scenario:
        done = fed(command, scenario, env, model)
    else:
        output = ["--output-format", "stream-json", "--verbose"]
        done = scripted.run([*command, "-p", scenario["prompt"], *output], scenario, {**env, "TERM": "dumb"})
    return {**done, "seen": model.seen}


def onboarded(home: Path, cwd: str) -> None:
    """Answers to the client's questions at its first start."""
    file = home / ".claude.json"
    state = json.loads(file.read_text()) if file.exists() else {}
    state |= {"hasCompletedOnboarding": True, "theme": "dark", "lastOnboardingVersion": "99.0.0", "numStartups": 5}
    state["customApiKeyResponses"] = {"approved": [KEY[-20:]], "rejected": []}
    project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True, "allowedTools": []}
    state.setdefault("projects", {})[cwd] = project
    file.write_text(json.dumps(state))


def steps(scenario: dict[str, Any], model: Model, write: Any, alive: Any) -> str:
    """Run the steps; return the text that was waited for in vain, or nothing."""
    for step in scenario["steps"] if "steps" in scenario else scenario["prompts"]:
        if "type" in step:
            write(step["type"])
        elif "run" in step:
            subprocess.run(step["run"], check=True, env={**os.environ, **scenario.get("env", {})}, cwd=scenario["cwd"])
        elif "sleep" in step:
            time.sleep(step["sleep"])
        else:
            end = time.monotonic() + step.get("within", 30)
            while step["wait_for"] not in model.everything():
                if time.monotonic() > end or not alive():
                    return str(step["wait_for"])
                time.sleep(0.05)
    return ""


def fed(command: list[str], scenario: dict[str, Any], env: dict[str, str], model: Model) -> dict[str, Any]:
    """Run a session with prompts as JSON lines; it ends with its input."""
    words = [*command, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
    process = subprocess.Popen(
        words, cwd=scenario["cwd"], env={**env, "TERM": "dumb", **scenario.get("env", {})},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    out: list[bytes] = []
    assert process.stdin
    reader = threading.Thread(target=lambda: out.extend(process.stdout or []), daemon=True)
    reader.start()
    stdin = process.stdin

    def write(text: str) -> None:
        stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": text}}).encode() + b"\n")
        stdin.flush()

    missing = steps(scenario, model, write, lambda: process.poll() is None)
    stdin.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    reader.join(5)
    code = process.wait()
    return {"code": code, "stdout": b"".join(out).decode("utf-8", "replace"), "stderr": "", "missing": missing}


def on_a_terminal(command: list[str], scenario: dict[str, Any], env: dict[str, str], model: Model) -> dict[str, Any]:
    """Run an interactive session; it is ended after the last step."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(scenario["cwd"])
        os.execve(command[0], command, {**env, "TERM": "xterm-256color", **scenario.get("env", {})})  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    screen = bytearray()
    running = True

    def read() -> None:
        nonlocal running
        while running:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    screen.extend(os.read(terminal, 65536))
                except OSError:
                    return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def write(text: str) -> None:
        os.write(terminal, text.encode())
        time.sleep(0.3)
        os.write(terminal, b"\r")

    time.sleep(2.0)  # it takes no keys before it has drawn itself
    missing = steps(scenario, model, write, lambda: os.waitpid(pid, os.WNOHANG)[0] == 0)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, sig)
            time.sleep(0.5)
            if os.waitpid(pid, os.WNOHANG)[0]:
                break
        except (ProcessLookupError, ChildProcessError):
            break
    running = False
    reader.join(2)
    os.close(terminal)
    return {"code": None, "stdout": screen.decode("utf-8", "replace"), "stderr": "", "missing": missing}


if __name__ == "__main__":
    scripted.main(drive)
