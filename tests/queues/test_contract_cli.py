"""The contract of a kind of queue, tested by the command line: the same tests as on real queues, in milliseconds on one in memory."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract import *  # noqa: F403 the tests
from memory_host import Memory, MemoryHost, Task

from pueue_skill.cli import main

ECHO = re.compile(r"echo (\w+)(?: >(>) (\w+)| >&(2))?")
UNTIL = re.compile(r"until \[ -e (\w+) \]")


class Worker:
    """Runs jobs step by step, until they wait for a file; it knows only the shell commands that the tests use."""

    def __init__(self, on: MemoryHost, folder: Path) -> None:
        self.on, self.folder = on, folder
        self.at: dict[str, tuple[str | None, int]] = {}
        """When each job was started, and how many of its steps are done."""

    def __call__(self) -> None:
        while any([self.step(task) for task in list(self.on.tasks.values()) if task.status == "running"]):
            pass

    def step(self, task: Task) -> bool:
        """Whether the job made progress."""
        began, place = self.at.get(task.id, (None, 0))
        place = place if began == task.started else 0
        steps = task.job["command"].replace("; do sleep 0.1; done", "").split("; ")
        if place == len(steps):
            self.on.end(task.id)
            return True
        step = steps[place]
        if (waits := UNTIL.fullmatch(step)) and not (self.folder / waits[1]).exists():
            self.at[task.id] = task.started, place
            return False
        self.at[task.id] = task.started, place + 1
        if echo := ECHO.fullmatch(step):
            text = echo[1] + "\n"
            if echo[2]:
                with (self.folder / echo[3]).open("a") as file:
                    file.write(text)
            else:
                task.output += text.encode()
        elif step.startswith("exit "):
            self.on.end(task.id, int(step.removeprefix("exit ")))
        else:
            assert waits or step.startswith("sleep "), step
        return True


class InMemory:
    """A host in memory, and the command line in this process."""

    def __init__(self, on: MemoryHost, folder: Path, output: pytest.CaptureFixture[bytes]) -> None:
        self.on, self.name, self.folder, self.output = on, on.host.name, folder, output
        self.worker = on.work = on.idle = Worker(on, folder)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        self.output.readouterr()
        code = main.main(words)
        return subprocess.CompletedProcess(words, code, *self.output.readouterr())

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return self("run", "--host", self.name, "--cwd", str(self.folder), *words)

    def queue(self, *words: str, label: str, command: str) -> str:
        done = self.run("--detach", "--label", label, *words, "--", command)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.decode().strip().rpartition(":")[2])

    def jobs(self) -> dict[str, dict[str, Any]]:
        done = self("status", "--json", self.name)
        (host,) = json.loads(done.stdout)["hosts"]
        return {job["name"].rpartition(":")[2]: job for job in host["jobs"]}

    def reaches(self, id: str, status: str, result: str | None = None) -> dict[str, Any]:
        job = self.jobs()[id]
        assert (job["status"], job["result"]) == (status, result)
        return job

    def named(self, label: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs().values() if job["label"] == label]


@pytest.fixture(params=["local", "far"])
def place(
    request: pytest.FixtureRequest,
    memory: Memory,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Iterator[InMemory]:
    """A local and a remote host, configured as a user would."""
    memory.host("local")
    on = memory.by_name[request.param]
    config = home / "config/pueue-skill/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[hosts.local]\nbackend = "memory"\n[hosts.far]\nbackend = "memory"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    term = signal.getsignal(signal.SIGTERM)
    yield InMemory(on, tmp_path, capsysbinary)
    signal.signal(signal.SIGTERM, term)
