"""The coding clients that call hooks, each a module: decode(payload) -> Event or None, encode(Event, Reply) -> text for stdout.

Nothing here reads files or asks anybody. A new client is a module and a line in `of` and AGENTS; its module says what it can do
(CAN), from which version that was read (READ_FROM), and how its hooks are written down (events and files for `install`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Kind = Literal["before", "after", "failed", "prompt", "start", "stop"]

AGENTS = ("claude", "codex", "gemini", "cursor", "copilot", "opencode")

SESSIONS = ("PUEUE_SKILL_SESSION", "CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID", "COPILOT_AGENT_SESSION_ID")
"""Variables in which clients tell the commands that they run of which session they are; the first is for all others."""


class Event(NamedTuple):
    """What a client tells a hook. `name` is its own name for it; `seconds` is 0 where the duration is not known.

    `input` is all of the tool's input, the command among it; `background` is true for a command that goes on in the background,
    `timed_out` for one that was cut off, or put there, by its time limit. `again`: a stop that a hook has held up before.
    `call` is the client's id of this call of its tool, the same before and after it; `error` is what a failed call has printed.
    """

    agent: str
    kind: Kind
    name: str
    session: str
    cwd: str
    command: str = ""
    input: Mapping[str, Any] = {}
    seconds: float = 0.0
    background: bool = False
    timed_out: bool = False
    mode: str = ""
    prompt: str = ""
    again: bool = False
    call: str = ""
    error: str = ""


class Reply(NamedTuple):
    """What a hook has to say: context for the model, a reason to deny the command or to go on, a command in its place."""

    context: str = ""
    deny: str = ""
    command: str = ""
    go_on: str = ""


def of(payload: Any) -> ModuleType | None:
    """The module of the client that sends such payloads, by what stands in them."""
    if not isinstance(payload, dict):
        return None
    return import_module(f"pueue_skill.agents.clients.{dialect(payload)}")


def dialect(payload: Mapping[str, Any]) -> str:
    """The client, by the keys that only its payloads have."""
    if payload.get("agent") == "opencode":
        return "opencode"
    if "sessionId" in payload:
        return "copilot"
    if "conversation_id" in payload:
        return "cursor"
    if "turn_id" in payload:
        return "codex"
    if (
        "timestamp" in payload
    ):  # Copilot has one in what it makes of Claude Code's events too, but no transcript with it
        return "gemini" if "transcript_path" in payload and payload.get("hook_event_name") != "Stop" else "copilot"
    return "claude"


def session_of(environ: Mapping[str, str]) -> str:
    """The session that a command runs in, or nothing."""
    return next((environ[name] for name in SESSIONS if environ.get(name)), "")


IN_A_CLIENT = ("AI_AGENT", "CLAUDECODE", "CODEX_CI", "COPILOT_CLI", "CURSOR_AGENT", "GEMINI_CLI", "OPENCODE")
"""Variables that clients set for the commands that they run; not all say of which session these are."""


def in_a_client(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) for name in (*IN_A_CLIENT, *SESSIONS))


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def milliseconds(value: Any) -> float:
    """Seconds, of what should be a number of milliseconds."""
    return value / 1000 if isinstance(value, int | float) and 0 <= value < 1e12 else 0.0


TIME_LIMIT_S = 0.95
"""Seconds that an event may take; SessionStart and UserPromptSubmit ask hosts, within them. PUEUE_SKILL_HOOK_LIMIT in the
environment sets another, for a machine that is too slow for it."""


def limit() -> float:
    """Seconds that this event may take."""
    return float(os.environ.get("PUEUE_SKILL_HOOK_LIMIT") or TIME_LIMIT_S)
