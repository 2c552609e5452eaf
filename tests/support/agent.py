"""The real agent clients, each driven in a network namespace of its own by its program in clients/."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import get_client
import pytest
from real import REQUIRE_ALL, Daemon

ROOT = Path(__file__).parent.parent.parent
CLIENTS = Path(__file__).parent / "clients"
FOUND = {name: get_client.find(name) for name in get_client.CLIENTS}  # before a test has another HOME


def client(name: str) -> str:
    """The path of a client; without it the test is skipped or, where nothing may be missing, fails."""
    found = FOUND[name]
    isolated = subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0
    if found and isolated:
        return str(found)
    why = (
        f"no network namespace can be made for {name}"
        if found
        else f"{name} is missing: python tools/get_client.py {name}"
    )
    if REQUIRE_ALL:
        pytest.fail(why)
    pytest.skip(why)


class Run:
    """What happened when a client was driven through a scenario."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        self.seen: list[list[dict[str, Any]]] = result.get("seen", [])

    @property
    def given(self) -> str:
        """All text that the model was given, in every request."""
        return "\n".join([*texts(self.seen)])

    def results(self) -> list[str]:
        """What the model was given as results of its calls, in their order."""
        last = self.seen[-1] if self.seen else []
        blocks = [b for message in last if isinstance(message["content"], list) for b in message["content"]]
        return ["".join(texts(block["content"])) for block in blocks if block.get("type") == "tool_result"]


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return []


class Other:
    """Another client, with a HOME of its own; `env` is that of the queue that its commands find."""

    ARGS = MappingProxyType({"codex": ["--model", "gpt-5.5"]})
    """Of codex's models the one that calls the shell tool itself, and not through a program that it writes."""

    def __init__(self, name: str, home: Path, cwd: Path, daemon: Daemon) -> None:
        self.binary = client(name)
        self.name, self.home, self.cwd = name, home, cwd
        keep = ("PATH", "PUEUE_CONFIG_PATH", "PUEUE_SKILL_HOOK_LIMIT", "XDG_RUNTIME_DIR")
        self.env = {key: daemon.env[key] for key in keep}

    def run(self, *turns: dict[str, Any], **scenario: Any) -> OtherRun:
        """Runs one session of one prompt."""
        args = {"args": self.ARGS[self.name]} if self.name in self.ARGS else {}
        whole = {
            "binary": self.binary, "home": str(self.home), "cwd": str(self.cwd), "env": self.env, "prompt": "go on",
            "turns": list(turns), "timeout": 50, **args, **scenario,
        }  # fmt: skip
        driver = [sys.executable, CLIENTS / f"{self.name}.py"]
        done = subprocess.run(driver, input=json.dumps(whole), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["code"] == 0, result
        return OtherRun(result)


class OtherRun(Run):
    """A run of another client: each request's messages are where its protocol has them."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        fields = ("messages", "input", "contents")
        self.seen = [next(body[field] for field in fields if field in body) for body in result["requests"]]

    @property
    def last(self) -> str:
        """All text of the last request, which holds the whole conversation once."""
        return "\n".join(texts(self.seen[-1]))

    def results(self) -> list[str]:
        found = []
        for item in self.seen[-1] if self.seen else []:
            if item.get("role") == "tool":
                found.append("".join(texts(item["content"])))
            elif item.get("type") == "function_call_output":
                found.append("".join(texts(item["output"])))
            for part in item.get("parts", []):
                if "functionResponse" in part:
                    found.append("".join(texts(part["functionResponse"]["response"])))
        return found


class Claude:
    """Claude Code with a HOME of its own; `env` is that of the queue that its commands find."""

    def __init__(self, home: Path, cwd: Path, daemon: Daemon) -> None:
        self.binary = client("claude")
        self.home, self.cwd = home, cwd
        keep = ("PATH", "PUEUE_CONFIG_PATH", "PUEUE_SKILL_HOOK_LIMIT", "XDG_RUNTIME_DIR")
        self.env = {name: daemon.env[name] for name in keep}
        self.settings(permissions={"allow": ["Bash"]})

    def settings(self, **tables: Any) -> None:
        file = self.home / ".claude/settings.json"
        file.parent.mkdir(exist_ok=True)
        old = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(old | tables))

    def run(self, *turns: dict[str, Any], plugin: bool = True, args: list[str] | None = None, **scenario: Any) -> Run:
        """One session; it is one-shot unless there are `steps` or `prompts`."""
        loaded = ["--plugin-dir", str(ROOT)] if plugin else []
        whole = {
            "binary": self.binary, "home": str(self.home), "cwd": str(self.cwd), "env": self.env, "prompt": "go",
            "turns": list(turns), "args": [*loaded, *(args or [])], "timeout": 50, **scenario,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, CLIENTS / "claude.py"],
            input=json.dumps(whole),
            capture_output=True,
            text=True,
            timeout=whole["timeout"] + 70,
        )
        assert done.returncode == 0, done.stderr
        return Run(json.loads(done.stdout))

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the client's own commands, such as `plugin install`."""
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        namespace = ["unshare", "-rn", self.binary]
        return subprocess.run([*namespace, *words], env=env, cwd=self.cwd, capture_output=True, text=True, timeout=60)
