"""The real agent clients. The programs in clients/ drive each in a separate network namespace."""

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
    """Return the path of a client. Without it the test is skipped, or fails if PUEUE_SKILL_REQUIRE_ALL is set."""
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
    """The result of a client's session with a scripted model."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        self.seen: list[list[dict[str, Any]]] = result.get("seen", [])

    @property
    def given(self) -> str:
        """All text in all requests to the model."""
        return "\n".join([*texts(self.seen)])

    def results(self) -> list[str]:
        """Return the results of the model's calls, in order."""
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
    """A client other than Claude Code, with its own HOME; `env` is the environment of its queue."""

    ARGS = MappingProxyType({"codex": ["--model", "gpt-5.5"]})
    """The options of a client: for codex, a model that calls the shell tool directly and writes no program for it."""

    def __init__(self, name: str, home: Path, cwd: Path, daemon: Daemon) -> None:
        self.binary = client(name)
        self.name, self.home, self.cwd = name, home, cwd
        keep = ("PATH", "PUEUE_CONFIG_PATH", "PUEUE_SKILL_HOOK_LIMIT", "XDG_RUNTIME_DIR")
        self.env = {key: daemon.env[key] for key in keep}

    def run(self, *turns: dict[str, Any], **scenario: Any) -> OtherRun:
        """Run a session of one prompt."""
        args = {"args": self.ARGS[self.name]} if self.name in self.ARGS else {}
        whole = {
            "binary": self.binary, "home": str(self.home), "cwd": str(self.cwd), "env": self.env, "prompt": "continue",
            "turns": list(turns), "timeout": 50, **args, **scenario,
        }  # fmt: skip
        driver = [sys.executable, CLIENTS / f"{self.name}.py"]
        done = subprocess.run(driver, input=json.dumps(whole), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["code"] == 0, result
        return OtherRun(result)


class OtherRun(Run):
    """A session of another client; the messages of each request are in the field of its protocol."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        fields = ("messages", "input", "contents")
        self.seen = [next(body[field] for field in fields if field in body) for body in result["requests"]]

    @property
    def last(self) -> str:
        """All text of the last request, which contains the whole conversation once."""
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
    """Claude Code with its own HOME; `env` is the environment of its queue."""

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
        """Run a session; it is one-shot unless `steps` or `prompts` are given."""
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
        """Run a command of the client itself, such as `plugin install`."""
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        namespace = ["unshare", "-rn", self.binary]
        return subprocess.run([*namespace, *words], env=env, cwd=self.cwd, capture_output=True, text=True, timeout=60)
