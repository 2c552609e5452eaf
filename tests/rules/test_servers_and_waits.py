"""Servers and waits get no finding that queues them; a wait in the foreground gets advice."""

from __future__ import annotations

import pytest

from pueue_skill.plan.analysis import Analysis, analyse
from pueue_skill.rules import registry
from pueue_skill.rules.model import Preferences, Program, Weight

PREFERENCES = Preferences(
    programs=(
        Program("serve", (), "server", "a web server"),
        Program("await-build", (), "wait", "a wait for something else"),
    )
)


def analysis(text: str) -> Analysis:
    return analyse(text, {}, preferences=PREFERENCES)


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


@pytest.mark.parametrize("text", ["iperf3 -s", "npm run dev", "luigid", "dotnet watch"])
def test_a_server_is_called_a_server_and_not_by_the_long_runs_of_its_program(text: str) -> None:
    assert analysis(text).plan.reason == "a server runs until it is stopped, so it belongs in no slot of a queue"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bsub -K -q gpu python train.py", "bsub"),
        ("gh run watch 12", "gh run watch"),
        ("kubectl -n prod wait --for=condition=ready pod/a", "kubectl wait"),
        ("kubectl wait -n prod --for=condition=ready pod/a", "kubectl wait"),
        ("aws --profile prod ec2 wait instance-running", "aws ec2 wait"),
        ("await-build now --id x", "await-build now"),
    ],
)
def test_a_wait_is_named_without_the_values_of_options(text: str, name: str) -> None:
    assert f"`{name}` keeps the call open" in analysis(text).findings[0].message


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


def test_a_configured_server_is_named_in_the_reason() -> None:
    assert (
        analysis("serve --port 80").plan.reason
        == "a web server runs until it is stopped, so it belongs in no slot of a queue"
    )


def test_a_finding_of_medium_confidence_says_that_it_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    likely = Weight("long", "a conversion", confidence="medium")
    monkeypatch.setattr(registry, "weigh", lambda command, *more: likely)
    assert [finding.message for finding in analysis("recode a b").findings] == [
        "a conversion in the foreground may take long, and is killed when the session ends or its timeout expires"
    ]
