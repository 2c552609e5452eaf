"""Gemini CLI's hooks: different event names, a `decision` key, and context only after a call.

A rewritten command would bypass its policy rules, which apply to the new text only; so nothing is rewritten.
"""

from __future__ import annotations

import json

from pueue_skill.agents.event import Event, Reply, mapping_of, text_of
from pueue_skill.shell import quote
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.agents.event import Kind

CAN = ("deny", "report")
READ_FROM = "0.61.0, the client itself"

MAX_CONTEXT_CHARS = 9_000

ENTITIES = "(In this text &lt; stands for the less-than sign, and &gt; for the greater-than sign.)\n"
"""Appended to a context in which the client will escape characters."""

KINDS: dict[str, Kind] = {
    "BeforeTool": "before",
    "AfterTool": "after",
    "BeforeAgent": "prompt",
    "SessionStart": "start",
    "AfterAgent": "stop",
}
FAILED = regex(
    r"\n(?:Exit Code|Signal): \S+(?:\n(?:Background PIDs|Process Group PGID): .*)*\n</untrusted_context>\s*\Z"
)
CUT_OFF = "Command was automatically cancelled because it exceeded the timeout"


def decode(payload: Any) -> Event | None:
    if not isinstance(payload, dict):
        return None
    name = text_of(payload.get("hook_event_name"))
    kind = KINDS.get(name)
    if kind is None:
        return None
    given = mapping_of(payload.get("tool_input"))
    cwd, below = text_of(payload.get("cwd")), text_of(given.get("dir_path"))
    folder = f"{cwd}/{below}" if below and not below.startswith("/") else below or cwd
    event = Event("gemini", kind, name, text_of(payload.get("session_id")), folder)
    if kind in ("prompt", "start", "stop"):
        prompt = text_of(payload.get("prompt"))
        if prompt.startswith("<hook_context>"):  # what was said at the session's start
            prompt = prompt.rpartition("</hook_context>")[2].strip()
        return event._replace(prompt=prompt, again=payload.get("stop_hook_active") is True)
    command = given.get("command")
    if payload.get("tool_name") != "run_shell_command" or not isinstance(command, str):
        return None
    said = text_of(mapping_of(payload.get("tool_response")).get("llmContent"))
    cut = CUT_OFF in said[:200]
    failed = cut or bool(FAILED.search(said[-1000:]))
    return event._replace(kind="failed" if failed else kind, command=command, input=given, timed_out=cut)


def encode(event: Event, reply: Reply) -> str:
    if event.kind == "stop":
        return json.dumps({"decision": "block", "reason": reply.go_on[:MAX_CONTEXT_CHARS]})
    if reply.deny:
        return json.dumps({"decision": "deny", "reason": reply.deny[:MAX_CONTEXT_CHARS]})
    if event.kind == "before":
        return ""  # context before a call does not reach the model
    context = reply.context[:MAX_CONTEXT_CHARS]
    if "<" in context or ">" in context:
        context += ENTITIES
    return json.dumps({"hookSpecificOutput": {"hookEventName": event.name, "additionalContext": context}})


EVENTS = (("SessionStart", "", 120, "SessionStart"), ("BeforeAgent", "", 5, "UserPromptSubmit"),
          ("BeforeTool", "^run_shell_command$", 5, "PreToolUse"), ("AfterTool", "^run_shell_command$", 5, "PostToolUse"),
          ("AfterAgent", "", 5, "Stop"))  # fmt: skip


def file(scope: str, home: str, folder: str) -> str:
    return f"{folder}/.gemini/settings.json" if scope == "project" else f"{home}/.gemini/settings.json"


def hooks(launch: str, arguments: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return groups by event. A missing program would deny every call, so each entry first tests for it. Times are in milliseconds."""
    there = f"command -v {quote.word(launch)} >/dev/null || exit 0; exec "
    return {
        event: [
            {
                **({"matcher": matcher} if matcher else {}),
                "hooks": [
                    {
                        "type": "command",
                        "name": "pueue-skill",
                        "command": there + quote.line([launch, ours, *arguments]),
                        "timeout": seconds * 1000,
                    }
                ],
            }
        ]
        for event, matcher, seconds, ours in EVENTS
    }
