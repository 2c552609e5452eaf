"""The protocols of the clients: decoded payloads that were recorded from them, and the exact replies.

tests/cases/agents/*.jsonl contain the payloads in the order of a session; those of cursor were made from its documentation.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from pueue_skill.agents import event as agents
from pueue_skill.agents import hook
from pueue_skill.agents.event import AGENTS, Event, Reply, client
from pueue_skill.state import log

CASES = Path(__file__).parent.parent / "cases/agents"
LAUNCH = Path(__file__).parent.parent.parent / "hooks/launch"
RECORDED = {
    file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in sorted(CASES.glob("*.jsonl"))
}
EACH = [(name, case["event"], case["payload"]) for name, cases in RECORDED.items() for case in cases]

ALIKE = {("codex", "SessionStart"), ("codex", "SessionEnd")}
"""Agents whose events look like Claude Code's, and get the same replies."""

TRAIN = "python3 train.py --epochs 90"


def shown(event: Event | None) -> str:
    """An event without the fields that have their defaults."""
    if event is None:
        return "-"
    fields = ("prompt", "command", "seconds", "background", "timed_out", "again")
    said = [f"{field}={value!r}" for field in fields if (value := getattr(event, field))]
    return " ".join([event.kind, event.session, event.cwd, *said])


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_payloads_are_decoded(name: str, snapshot: SnapshotAssertion) -> None:
    lines = [f"{case['event']}: {shown(client(name).decode(case['payload']))}" for case in RECORDED[name]]
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize(("name", "event", "payload"), EACH)
def test_a_payload_tells_its_agent(name: str, event: str, payload: dict[str, Any]) -> None:
    assert agents.dialect(payload) == ("claude" if (name, event) in ALIKE else name)
    decoded = client(agents.dialect(payload)).decode(payload)
    assert decoded is None or decoded.agent == agents.dialect(payload)


@pytest.mark.parametrize("name", agents.AGENTS)
def test_installed_hooks_name_the_right_event(name: str) -> None:
    """The hook accepts the client's payload under the event name that `install` gives to the launcher."""
    of = client(name)
    if name in ("claude", "opencode"):  # their names are the hook's own
        return
    found = set()
    for event, groups in of.hooks("/launch", ()).items():
        ours = next(word for word in json.dumps(groups).replace('"', " ").split() if word in hook.KINDS_BY_EVENT)
        for case in RECORDED[name]:
            decoded = of.decode(case["payload"]) if case["event"] == event else None
            if decoded:
                assert decoded.kind in hook.KINDS_BY_EVENT[ours]
                found.add(event)
    assert found == set(of.hooks("/launch", ()))


CLAUDE_LIKE = [
    ("before", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ("before", Reply(deny="R"),
     {"hookSpecificOutput": {"hookEventName": "E", "permissionDecision": "deny", "permissionDecisionReason": "R"}}),
    ("after", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ("failed", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ("prompt", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ("start", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ("stop", Reply(go_on="T"), {"decision": "block", "reason": "T"}),
]  # fmt: skip
REWRITE = Reply(context="T", command="NEW")
ANSWERS: dict[str, list[tuple[str, Reply, Any]]] = {
    "claude": [
        *CLAUDE_LIKE,
        ("before", REWRITE,
         {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T", "updatedInput": {"command": "NEW", "x": 1}}}),
    ],
    "codex": [
        *CLAUDE_LIKE,
        ("before", REWRITE, {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
    ],
    "gemini": [
        ("before", Reply(context="T"), None),
        ("before", REWRITE, None),
        ("before", Reply(deny="R <b>"), {"decision": "deny", "reason": "R <b>"}),
        ("after", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
        ("after", Reply(context="cat <x\n"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext":
         "cat <x\n(In this text &lt; stands for the less-than sign, and &gt; for the greater-than sign.)\n"}}),
        ("prompt", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
        ("start", Reply(context="T"), {"hookSpecificOutput": {"hookEventName": "E", "additionalContext": "T"}}),
        ("stop", Reply(go_on="T"), {"decision": "block", "reason": "T"}),
    ],
    "cursor": [
        ("before", Reply(context="T"), None),
        ("before", REWRITE, None),
        ("before", Reply(deny="R"), {"permission": "deny", "user_message": "R", "agent_message": "R"}),
        ("after", Reply(context="T"), {"additional_context": "T"}),
        ("prompt", Reply(context="T"), {"additional_context": "T"}),
        ("start", Reply(context="T"), {"additional_context": "T"}),
        ("stop", Reply(go_on="T"), {"followup_message": "T"}),
    ],
    "copilot": [
        ("before", Reply(context="T"), {"additionalContext": "T"}),
        ("before", REWRITE, {"additionalContext": "T"}),
        ("before", Reply(deny="R"), {"permissionDecision": "deny", "permissionDecisionReason": "R"}),
        ("after", Reply(context="T"), {"additionalContext": "T"}),
        ("prompt", Reply(context="T"), {"additionalContext": "T"}),
        ("start", Reply(context="T"), {"additionalContext": "T"}),
        ("stop", Reply(go_on="T"), {"decision": "block", "reason": "T"}),
    ],
    "opencode": [
        ("before", Reply(context="T"), {"context": "T"}),
        ("before", REWRITE, {"context": "T"}),
        ("before", Reply(deny="R"), {"deny": "R"}),
        ("after", Reply(context="T"), {"context": "T"}),
        ("prompt", Reply(context="T"), {"context": "T"}),
        ("start", Reply(context="T"), {"context": "T"}),
        ("stop", Reply(go_on="T"), {"go_on": "T"}),
    ],
}  # fmt: skip
"""What works with each client, as measured; None: no message, since it would not reach the model."""


@pytest.mark.parametrize(
    ("name", "kind", "reply", "answer"), [(name, *row) for name, rows in ANSWERS.items() for row in rows]
)
def test_replies_are_encoded(name: str, kind: Any, reply: Reply, answer: Any) -> None:
    event = Event(name, kind, "E", "s", "/", command="OLD", input={"command": "OLD", "x": 1})
    said = client(name).encode(event, reply)
    assert (json.loads(said) if said else None) == answer
    assert "allow" not in said.lower()
    assert "approve" not in said.lower()
    assert name == "claude" or "NEW" not in said


def test_every_agent_is_tested() -> None:
    assert ANSWERS.keys() == set(AGENTS)
    # The tests of Claude Code use the client itself.
    assert RECORDED.keys() == BEFORE.keys() == AFTER.keys() == set(AGENTS) - {"claude"}


@pytest.mark.parametrize("name", ANSWERS)
def test_replies_are_shorter_than_the_clients_limit(name: str) -> None:
    of = client(name)
    event = Event(name, "after", "E", "s", "/")
    for answered in (event, event._replace(kind="before"), event._replace(kind="stop")):
        for reply in (Reply(context="x<" * 20_000, go_on="x" * 40_000), Reply(deny="x" * 40_000)):
            assert all(len(text) < 9_500 for text in strings(json.loads(of.encode(answered, reply) or "{}")))


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    return [value] if isinstance(value, str) else []


BEFORE = {"codex": "PreToolUse", "gemini": "BeforeTool", "cursor": "preToolUse", "copilot": "preToolUse", "opencode": "PreToolUse"}  # fmt: skip
AFTER = {"codex": "PostToolUse", "gemini": "AfterTool", "cursor": "postToolUse", "copilot": "postToolUse", "opencode": "PostToolUse"}  # fmt: skip


def with_command(name: str, event: str, command: str) -> dict[str, Any]:
    """Return the first recorded payload of an event, with another command."""
    payload: dict[str, Any] = next(case["payload"] for case in RECORDED[name] if case["event"] == event)
    key = "toolArgs" if "toolArgs" in payload else "tool_input"
    return {**payload, key: {**payload[key], "command": command}}


def launched(payload: dict[str, Any], event: str, *options: str) -> str:
    stdin = json.dumps(payload, separators=(",", ":"))
    command = [LAUNCH, event, sys.executable, *options]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", BEFORE)
def test_the_launcher_replies_to_each_client(name: str) -> None:
    before, after = with_command(name, BEFORE[name], TRAIN), with_command(name, AFTER[name], TRAIN)
    remind = "remind" in client(name).CAN
    assert ("PQ302" in launched(before, "PreToolUse")) == remind
    assert ("PQ302" in launched(after, "PostToolUse")) != remind
    assert launched(with_command(name, BEFORE[name], "ls"), "PreToolUse") == ""


@pytest.mark.parametrize("name", BEFORE)
@pytest.mark.parametrize("mode", ["suggest", "rewrite"])
def test_agents_other_than_claude_get_a_denial_instead_of_a_rewrite(name: str, mode: str) -> None:
    said = launched(with_command(name, BEFORE[name], TRAIN), "PreToolUse", f"--mode={mode}")
    assert "not run, because it belongs in the job queue" in said
    assert "deny" in said
    assert "allow" not in said.lower()
    assert "updated" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def another_version(draw: st.DrawFn) -> Any:
    """Yield a recorded payload with keys that are missing or have other values."""
    name, event, recorded = draw(st.sampled_from(EACH))
    if event in (BEFORE[name], AFTER[name]) and draw(st.booleans()):
        recorded = with_command(name, event, TRAIN)
    payload = json.loads(json.dumps(recorded))
    for _ in range(draw(st.integers(1, 3))):
        place = payload
        while True:
            key = draw(st.sampled_from(sorted(place))) if place else ""
            if not (isinstance(place.get(key), dict) and place[key] and draw(st.booleans())):
                break
            place = place[key]
        if draw(st.booleans()):
            place.pop(key, None)
        else:
            place[key] = draw(JSON)
    return payload


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the hook would log; it runs without its alarm, which would end the tests, and without closing their stdout."""
    found: list[str] = []
    alarm = SimpleNamespace(signal=lambda *_: None, setitimer=lambda *_: None, SIGALRM=0, ITIMER_REAL=0)
    monkeypatch.setattr(hook, "signal", alarm)
    monkeypatch.setattr(hook, "discard_stdout", lambda: None)
    monkeypatch.setattr(log, "write", lambda where, what: found.append(f"{where}: {what}"))
    return found


@pytest.mark.parametrize("event", hook.KINDS_BY_EVENT)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=another_version() | JSON)
def test_payloads_of_other_versions_cause_no_error(event: str, payload: Any, failures: list[str]) -> None:
    out, stdin, stdout = io.StringIO(), sys.stdin, sys.stdout
    try:
        sys.stdin = io.TextIOWrapper(io.BytesIO(json.dumps(payload).encode()))
        sys.stdout = out
        code = hook.main([event])
    finally:
        sys.stdin, sys.stdout = stdin, stdout
    assert (code, failures) == (0, [])
    assert isinstance(json.loads(out.getvalue() or "{}"), dict)
    if not any(
        word in json.dumps(payload)
        for word in (TRAIN, "make -j8 all", "timeout", "timed out", "background", "still running")
    ):
        assert out.getvalue() == ""


GARBAGE = [None, 7, True, "", "x", [], ["x"], {}, {"command": None}, {"command": ["x"]}, [[{}]]]


@pytest.mark.parametrize(("name", "event", "payload"), EACH)
def test_any_field_may_be_missing_or_of_another_type(name: str, event: str, payload: dict[str, Any]) -> None:
    of: ModuleType = client(name)
    for key in payload:
        of.decode({other: value for other, value in payload.items() if other != key})
        for value in GARBAGE:
            found = of.decode({**payload, key: value})
            assert found is None or all(isinstance(text, str) for text in (found.command, found.session, found.cwd))
    for value in GARBAGE:
        assert of.decode(value) is None
