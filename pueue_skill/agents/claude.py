"""Claude Code's hooks (measured with 2.1.330): the event on stdin and the answer on stdout, both one JSON object."""

from __future__ import annotations

from typing import Any, NamedTuple

LONGEST = 9_000
"""Characters of context that are given: above 10,000 the client shows the model the first 2 KB only."""


class Event(NamedTuple):
    """A shell command that the agent proposes or has run; `seconds` is how long it took, 0 when that is not known."""

    name: str
    command: str
    cwd: str
    seconds: float


def decode(payload: Any) -> Event | None:
    """The event in `payload`, or None when it is of no concern here (another tool, another version's shape)."""
    if not isinstance(payload, dict) or payload.get("tool_name") != "Bash":
        return None
    tool_input = payload.get("tool_input")
    command = tool_input.get("command") if isinstance(tool_input, dict) else None
    name, cwd = payload.get("hook_event_name"), payload.get("cwd")
    if not isinstance(command, str) or not isinstance(name, str):
        return None
    took = payload.get("duration_ms")
    seconds = took / 1000 if isinstance(took, int | float) and 0 <= took < 1e12 else 0.0
    return Event(name, command, cwd if isinstance(cwd, str) else "", seconds)


def encode(event: Event, context: str) -> dict[str, Any]:
    """An answer that gives the model `context` and decides nothing."""
    return {"hookSpecificOutput": {"hookEventName": event.name, "additionalContext": context[:LONGEST]}}
