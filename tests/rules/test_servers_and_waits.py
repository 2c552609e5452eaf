"""Servers and waits get no finding that queues them; a wait in the foreground gets advice."""

from __future__ import annotations

from typing import Any

import pytest

from pueue_skill.plan import planner
from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.rules import cost, registry
from pueue_skill.rules.model import Program, Weight
from pueue_skill.shell.model import Command

SERVER, WAIT = Weight("server", "a web server"), Weight("wait", "a wait for something else")


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `serve` be a server and `await-build` a wait."""

    def weigh(command: Command, programs: tuple[Program, ...] = (), *more: Any) -> Weight:
        return {"serve": SERVER, "await-build": WAIT}.get(command.name) or cost.weigh(command, programs, *more)

    monkeypatch.setattr(registry, "weigh", weigh)
    monkeypatch.setattr(planner, "weigh", weigh)


def analysis(text: str) -> Analysis:
    return analyse(text, {})


@pytest.mark.parametrize(
    "text",
    [
        "serve --port 8080",
        "nohup serve --port 8080 > serve.log 2>&1 &",
        "serve &",
        "ssh gpu-box 'nohup ./serve > serve.log 2>&1 &'",
        "ssh gpu-box ./serve",
        "setsid serve",
        "tmux new -d -s web 'serve'",
        "for port in 8001 8002; do ./serve --port $port & done",
    ],
)
def test_a_server_is_left_as_is(text: str) -> None:
    found = analysis(text)
    assert found.findings == ()
    assert found.plan.verdict == "leave"


def test_the_reason_says_that_a_server_belongs_in_no_slot() -> None:
    assert analysis("serve --port 8080").plan.reason == (
        "a web server runs until it is stopped, so it belongs in no slot of a queue"
    )


def test_a_wait_gets_advice_and_is_never_queued() -> None:
    found = analysis("await-build --id 7 && ./deploy")
    assert [(finding.rule, finding.rewrite) for finding in found.findings] == [("PQ603", False)]
    assert found.plan.verdict == "leave"
    assert found.plan.jobs == ()
    assert "background" in found.plan.reason


@pytest.mark.parametrize(
    "text", ["await-build --follow", "nohup await-build &", "timeout 60 await-build", "await-build & ./other"]
)
def test_a_wait_that_does_not_hold_the_call_gets_no_advice(text: str) -> None:
    assert analysis(text).findings == ()


def test_only_a_remote_command_that_is_known_to_be_quick_is_called_quick() -> None:
    assert analysis("ssh gpu-box uptime").plan.reason == "a quick command on a remote host"
    assert analysis("ssh gpu-box bash -c 'df -h'").plan.reason == "a quick command on a remote host"
    assert analysis("ssh gpu-box 'df -h; ./blend x'").plan.reason == "nothing is known about how long blend takes"
    written = "ssh gpu-box 'cat > t.sh <<E\nls\nE\nbash t.sh'"
    assert analysis(written).plan.reason == "nothing is known about how long bash takes"


def test_a_finding_of_medium_confidence_says_that_it_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    likely = Weight("long", "a conversion", confidence="medium")
    monkeypatch.setattr(registry, "weigh", lambda command, *more: likely)
    assert [finding.message for finding in analysis("recode a b").findings] == [
        "a conversion in the foreground may take long, and is killed when the session ends or its timeout expires"
    ]
