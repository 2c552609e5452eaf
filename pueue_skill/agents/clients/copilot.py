"""GitHub Copilot CLI's hooks, in its own dialect (camelCase) and in the one for hooks that were written for Claude Code.

"allow" would bypass the user's rules, and so would a rewritten command, since the rules apply to the new text only: pueue-skill replies
neither. A hook that fails keeps the command from running, so its entry first tests whether the program exists.
"""

from __future__ import annotations

import json

from pueue_skill.agents.clients import claude
from pueue_skill.agents.event import Event, Reply, mapping_of, text_of
from pueue_skill.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.agents.event import Kind

CAN = ("remind", "deny", "report")
READ_FROM = "1.0.102, the client itself"

KINDS: dict[str, Kind] = {
    "error": "failed",
    "toolResult": "after",
    "toolName": "before",
    "prompt": "prompt",
    "stopReason": "stop",
    "source": "start",
}
"""The kind of an event by the key that only it has, in this order, since the payload does not name the event."""


def decode(payload: Any) -> Event | None:
    if not isinstance(payload, dict):
        return None
    if "sessionId" not in payload:
        event = claude.decode(payload)
        if event is None:
            return None
        said = text_of(mapping_of(payload.get("tool_result")).get("text_result_for_llm"))
        return outcome(event._replace(agent="copilot"), said)
    kind = next((kind for key, kind in KINDS.items() if key in payload), None)
    if kind is None or "hookName" in payload:
        return None
    event = Event("copilot", kind, "", text_of(payload.get("sessionId")), text_of(payload.get("cwd")))
    if kind in ("prompt", "start", "stop"):
        return event._replace(prompt=text_of(payload.get("prompt")), again=payload.get("stop_hook_active") is True)
    given = payload.get("toolArgs")
    if isinstance(given, str):  # as older versions had it
        try:
            given = json.loads(given)
        except ValueError:
            return None
    command = mapping_of(given).get("command")
    if payload.get("toolName") != "bash" or not isinstance(command, str):
        return None
    said = text_of(mapping_of(payload.get("toolResult")).get("textResultForLlm"))
    return outcome(event._replace(command=command, input=mapping_of(given)), said)


def outcome(event: Event, said: str) -> Event:
    """Return the event with what the last line of the command's result says: the exit code, or that it still runs."""
    line = said.rstrip().rpartition("\n")[2]
    if event.kind == "after" and "completed with exit code" in line and "exit code 0>" not in line:
        event = event._replace(kind="failed")
    runs = "is still running after" in line or line.startswith("<command started in background")
    return event._replace(background=runs and event.input.get("detach") is not True)


def encode(event: Event, reply: Reply) -> str:
    if event.kind == "stop":
        return json.dumps({"decision": "block", "reason": reply.go_on[: claude.MAX_CONTEXT_CHARS]})
    said = {"additionalContext": reply.context[: claude.MAX_CONTEXT_CHARS]} if reply.context else {}
    if reply.deny:
        said |= {"permissionDecision": "deny", "permissionDecisionReason": reply.deny[: claude.MAX_CONTEXT_CHARS]}
    return json.dumps(said)


EVENTS = (("SessionStart", "", 120), ("UserPromptSubmit", "", 5), ("PreToolUse", "Bash", 5), ("PostToolUse", "Bash", 5),
          ("Stop", "", 5))  # fmt: skip
"""The names of the events choose the dialect: with these, the launcher too can read the payload."""

TOP = {"version": 1}


def file(scope: str, home: str, folder: str) -> str:
    return (
        f"{folder}/.github/hooks/pueue-skill.json" if scope == "project" else f"{home}/.copilot/hooks/pueue-skill.json"
    )


def hooks(launch: str, arguments: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    there = f"[ -x {quote.word(launch)} ] || exit 0; exec "
    return {
        event: [
            {
                "type": "command",
                **({"matcher": matcher} if matcher else {}),
                "bash": there + quote.line([launch, event, *arguments]),
                "timeoutSec": seconds,
            }
        ]
        for event, matcher, seconds in EVENTS
    }
