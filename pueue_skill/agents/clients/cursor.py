"""Cursor's hooks, from its documentation and a third party's probe; they were not run with the client.

Context is passed on only after a call. A rewritten command would need "allow", which pueue-skill never says.
"""

from __future__ import annotations

import json

from pueue_skill.agents.clients import claude
from pueue_skill.agents.event import Event, Reply, mapping_of, seconds_of, text_of
from pueue_skill.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.agents.event import Kind

CAN = ("deny", "report")
READ_FROM = "documentation of 2026"

KINDS: dict[str, Kind] = {
    "preToolUse": "before",
    "beforeShellExecution": "before",
    "postToolUse": "after",
    "afterShellExecution": "after",
    "postToolUseFailure": "failed",
    "beforeSubmitPrompt": "prompt",
    "sessionStart": "start",
    "stop": "stop",
}


def decode(payload: Any) -> Event | None:
    if not isinstance(payload, dict):
        return None
    name = text_of(payload.get("hook_event_name"))
    kind = KINDS.get(name)
    roots = payload.get("workspace_roots")
    root = text_of(roots[0]) if isinstance(roots, list) and roots else ""
    if kind is None:
        # Hooks that were written for Claude Code are run too, with its names of events.
        event = (
            claude.decode({**payload, "tool_name": "Bash"}) if payload.get("tool_name") in ("Bash", "Shell") else None
        )
        return event._replace(agent="cursor") if event else None
    event = Event("cursor", kind, name, text_of(payload.get("conversation_id")), text_of(payload.get("cwd")) or root)
    if kind == "stop" and payload.get("status", "completed") != "completed":
        return None  # a stop by the user is final
    if kind in ("prompt", "start", "stop"):
        count = payload.get("loop_count")
        return event._replace(prompt=text_of(payload.get("prompt")), again=isinstance(count, int) and count > 0)
    given = mapping_of(payload.get("tool_input"))
    command = payload.get("command", given.get("command"))
    if payload.get("tool_name", "Shell") != "Shell" or not isinstance(command, str):
        return None
    if payload.get("failure_type") == "permission_denied":
        return None  # it has not run
    folder = text_of(given.get("working_directory")) or text_of(given.get("cwd"))
    return event._replace(
        kind="failed" if failed(text_of(payload.get("tool_output"))) else kind,
        command=command,
        input=given,
        cwd=folder or event.cwd,
        seconds=seconds_of(payload.get("duration")),
        timed_out=payload.get("failure_type") == "timeout",
    )


def failed(output: str) -> bool:
    """Return whether a tool's output, which is JSON, has an exit code other than 0."""
    try:
        return bool(mapping_of(json.loads(output)).get("exitCode"))
    except ValueError:
        return False


def encode(event: Event, reply: Reply) -> str:
    if event.kind == "stop":
        return json.dumps({"followup_message": reply.go_on[: claude.MAX_CONTEXT_CHARS]})
    if reply.deny:
        reason = reply.deny[: claude.MAX_CONTEXT_CHARS]
        return json.dumps({"permission": "deny", "user_message": reason, "agent_message": reason})
    if event.kind == "before":
        return ""
    return json.dumps({"additional_context": reply.context[: claude.MAX_CONTEXT_CHARS]})


EVENTS = (("sessionStart", "", 120, "SessionStart"), ("beforeSubmitPrompt", "", 5, "UserPromptSubmit"),
          ("preToolUse", "^Shell$", 5, "PreToolUse"), ("postToolUse", "^Shell$", 5, "PostToolUse"), ("stop", "", 5, "Stop"))  # fmt: skip
TOP = {"version": 1}


def file(scope: str, home: str, folder: str) -> str:
    return f"{folder}/.cursor/hooks.json" if scope == "project" else f"{home}/.cursor/hooks.json"


def hooks(launch: str, arguments: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    return {
        event: [
            {
                "command": quote.line([launch, ours, *arguments]),
                **({"matcher": matcher} if matcher else {}),
                "timeout": seconds,
            }
        ]
        for event, matcher, seconds, ours in EVENTS
    }
