"""`wait`, `log` and `run` on hosts in memory: exit codes and documents if a host does not answer, or a signal ends the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from memory_host import Memory, refused

from pueue_skill.cli import main
from pueue_skill.cli.caller import Terminated
from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.configuration import settings
from pueue_skill.hosts import client

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(memory: Memory, home: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs a command in this process."""
    known = settings.current()
    monkeypatch.setattr(settings, "current", lambda: known._replace(hosts=memory.hosts))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return lambda *words: (main.main(words), *capsys.readouterr())


@pytest.fixture
def ended(memory: Memory) -> Memory:
    """A job `a` that has succeeded on near; far does not answer the first call."""
    memory.near.add(label="a")
    memory.near.end("a")
    memory.near.write("a", b"done\n")
    memory.far.add(label="b")
    memory.far.faults.append(refused)
    return memory


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("wait a b", 125),
        ("wait -l *", 125),
        ("wait -g default --json", 125),
        ("log a b", 4),
        ("log -l *", 4),
        ("log -l * --json", 4),
        ("log -f a b", 125),
        ("wait a", 0),  # every name matches
        ("log a", 0),
        ("wait near:m1", 0),
    ],
)
def test_a_host_without_answer_may_have_other_selected_jobs(ended: Memory, call: Call, line: str, code: int) -> None:
    assert call(*line.split())[0] == code


@pytest.mark.parametrize(("line", "code"), [("log -f far:m1", 125), ("log --follow b", 125), ("log far:m1", 4)])
def test_log_follow_returns_125_if_the_host_does_not_answer(ended: Memory, call: Call, line: str, code: int) -> None:
    status, _, err = call(*line.split())
    assert (status, "cannot be reached" in err) == (code, True)


def document(schema: str, out: str) -> Any:
    report = json.loads(out)
    jsonschema.validate(report, SCHEMAS[schema]())
    return report


def test_wait_prints_a_document_although_the_host_is_lost(memory: Memory, call: Call) -> None:
    """As for several jobs, it has only those whose outcome is known."""
    memory.far.add(label="b")
    memory.far.faults += [None, *[refused] * (client.RETRIES + 2)]
    code, out, err = call("wait", "b", "--json")
    assert code == 125
    assert document("jobs", out)["jobs"] == []
    assert "cannot be reached" in err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_run_prints_a_document_when_a_signal_ends_it(
    memory: Memory, call: Call, error: type[BaseException], code: int
) -> None:
    def raise_it() -> None:
        raise error

    memory.far.idle = raise_it
    status, out, err = call("run", "--host", "far", "--follow", "--json", "make")
    assert (status, document("run", out)["job"]["status"]) == (code, "running")
    assert "far:m1 continues" in err


def test_run_prints_a_document_of_the_job_that_sigterm_removes(memory: Memory, call: Call) -> None:
    def raise_it() -> None:
        raise Terminated

    memory.far.groups["default"][2] = "paused"
    memory.far.idle = raise_it
    status, out, err = call("run", "--host", "far", "--follow", "--json", "make")
    job = document("run", out)["job"]
    assert (status, job["status"], job["result"]) == (143, "done", "killed")
    assert "was removed from the queue" in err
