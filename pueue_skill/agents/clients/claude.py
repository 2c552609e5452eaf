"""Claude Code's hooks: an event on stdin and a reply on stdout, both one JSON object."""

from __future__ import annotations

import json

from pueue_skill.agents.event import Event, Reply, mapping_of, seconds_of, text_of
from pueue_skill.rules.model import CALL_LIMIT_S
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.agents.event import Kind

CAN = ("remind", "deny", "rewrite", "report")
READ_FROM = "2.1.330, the client itself"

MAX_CONTEXT_CHARS = 9_000
"""The longest context: above 10,000 characters the client shows the model only the first 2 KB."""

KINDS: dict[str, Kind] = {
    "PreToolUse": "before",
    "PostToolUse": "after",
    "PostToolUseFailure": "failed",
    "UserPromptSubmit": "prompt",
    "SessionStart": "start",
    "Stop": "stop",
}
CUT_OFF = regex(r"(?m)^(?:Exit code 143|Command timed out)")


def decode(payload: Any) -> Event | None:
    """Return the event in `payload`, or None if it does not matter here (another tool, another version's shape)."""
    if not isinstance(payload, dict):
        return None
    name = text_of(payload.get("hook_event_name"))
    kind = KINDS.get(name)
    if kind is None:
        return None
    event = Event("claude", kind, name, text_of(payload.get("session_id")), text_of(payload.get("cwd")))
    if kind in ("prompt", "start", "stop"):
        return event._replace(prompt=text_of(payload.get("prompt")), again=payload.get("stop_hook_active") is True)
    given = mapping_of(payload.get("tool_input"))
    command, response = given.get("command"), mapping_of(payload.get("tool_response"))
    if payload.get("tool_name") != "Bash" or not isinstance(command, str):
        return None
    return event._replace(
        command=command,
        input=given,
        seconds=seconds_of(payload.get("duration_ms")),
        background=bool(response.get("backgroundTaskId")),
        timed_out=bool(response.get("timedOutAfterMs")) or bool(CUT_OFF.search(text_of(payload.get("error"))[:300])),
        interrupted=response.get("interrupted") is True,
        mode=text_of(payload.get("permission_mode")),
        call=text_of(payload.get("tool_use_id")),
        error=text_of(payload.get("error"))[:MAX_CONTEXT_CHARS],
        limit_s=seconds_of(given.get("timeout")) or CALL_LIMIT_S,
    )


def encode(event: Event, reply: Reply) -> str:
    """Return the reply as JSON. It never says "allow": the client's permission check decides about a rewritten command."""
    if event.kind == "stop":
        return json.dumps({"decision": "block", "reason": reply.go_on[:MAX_CONTEXT_CHARS]})
    said: dict[str, Any] = {"hookEventName": event.name}
    if reply.context:
        said["additionalContext"] = reply.context[:MAX_CONTEXT_CHARS]
    if reply.deny:
        said |= {"permissionDecision": "deny", "permissionDecisionReason": reply.deny[:MAX_CONTEXT_CHARS]}
    if reply.command:
        said["updatedInput"] = {**event.input, "command": reply.command}
    return json.dumps({"hookSpecificOutput": said})


EVENTS = (("SessionStart", "", 120), ("UserPromptSubmit", "", 5), ("PreToolUse", "Bash", 5), ("PostToolUse", "Bash", 5),
          ("PostToolUseFailure", "Bash", 5), ("Stop", "", 5))  # fmt: skip
"""Hooks by event: the matcher, if any, and the seconds after which the client stops waiting."""

WAKE_TIMEOUT_S = 7 * 24 * 3600
"""How long a session that has submitted jobs may be woken by their outcomes."""


def file(scope: str, home: str, folder: str) -> str:
    return f"{folder}/.claude/settings.json" if scope == "project" else f"{home}/.claude/settings.json"


def hooks(launch: str, arguments: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return the value of `hooks` in the settings: groups by event. `arguments` follow the event's name."""

    def handler(event: str, seconds: int, **more: Any) -> dict[str, Any]:
        return {"type": "command", "command": launch, "args": [event, *arguments], "timeout": seconds, **more}

    groups: dict[str, list[dict[str, Any]]] = {}
    for event, matcher, seconds in EVENTS:
        handlers = [handler(event, seconds)]
        if event == "PostToolUse":
            handlers.append(handler("Wake", WAKE_TIMEOUT_S, asyncRewake=True))
        groups[event] = [{**({"matcher": matcher} if matcher else {}), "hooks": handlers}]
    return groups
