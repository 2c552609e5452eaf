"""What agents tell hooks and what hooks reply: the values Event and Reply, and which agent sent a payload. Nothing here reads files or asks hosts.

An agent is a module in `clients`, with decode(payload) -> Event or None and encode(Event, Reply) -> text for stdout; CAN (what its hooks
can do), READ_FROM (the version that this was read from), and the events and files for `install`. It is registered in AGENTS and `dialect`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from pueue_skill.rules.model import CALL_LIMIT_S
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Kind = Literal["before", "after", "failed", "prompt", "start", "stop"]

AGENTS = ("claude", "codex", "gemini", "cursor", "copilot", "opencode")

SESSION_VARIABLES = ("PUEUE_SKILL_SESSION", "CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID", "COPILOT_AGENT_SESSION_ID")
"""Environment variables in which agents name the session to the commands that they run; the first is for any agent."""


class Event(NamedTuple):
    """An event of an agent. `name` is the agent's own name for it; `seconds` is the duration, 0 if unknown.

    `input` is the whole input of the tool, with the command. `background`: the command continues in the background. `timed_out`: its time limit
    ended it, or moved it there. `interrupted`: a person ended it. `again`: a hook has already held up this stop. `call` is the agent's id of the tool call, the same before and
    after it. `error` is the output of a failed call. `limit_s` is the call's time limit in seconds.
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
    interrupted: bool = False
    mode: str = ""
    prompt: str = ""
    again: bool = False
    call: str = ""
    error: str = ""
    limit_s: float = CALL_LIMIT_S


class Reply(NamedTuple):
    """What a hook replies: context for the model, a reason to deny the command, a command to run instead, a reason to continue."""

    context: str = ""
    deny: str = ""
    command: str = ""
    go_on: str = ""


def module_of(payload: Any) -> ModuleType | None:
    """Return the module of the agent that sends such payloads, or None."""
    if not isinstance(payload, dict):
        return None
    return client(dialect(payload))


def client(agent: str) -> ModuleType:
    """Return the module of an agent, one of AGENTS."""
    return import_module(f"pueue_skill.agents.clients.{agent}")


def dialect(payload: Mapping[str, Any]) -> str:
    """Return the agent's name, by the keys that only its payloads have."""
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
    """Return the session in which a command runs, or an empty text."""
    return next((environ[name] for name in SESSION_VARIABLES if environ.get(name)), "")


AGENT_VARIABLES = ("AI_AGENT", "CLAUDECODE", "CODEX_CI", "COPILOT_CLI", "CURSOR_AGENT", "GEMINI_CLI", "OPENCODE")
"""Environment variables that agents set for the commands that they run; not all of them name the session."""


def runs_in_agent(environ: Mapping[str, str]) -> bool:
    """Return whether an agent runs this command."""
    return any(environ.get(name) for name in (*AGENT_VARIABLES, *SESSION_VARIABLES))


def text_of(value: Any) -> str:
    """Return `value` if it is text, else an empty text."""
    return value if isinstance(value, str) else ""


def mapping_of(value: Any) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def seconds_of(value: Any) -> float:
    """Return the seconds of a number of milliseconds; 0 if `value` is no such number."""
    return value / 1000 if isinstance(value, int | float) and 0 <= value < 1e12 else 0.0


TIME_LIMIT_S = 0.95
"""How long a hook may run; SessionStart and UserPromptSubmit ask hosts within it. PUEUE_SKILL_HOOK_LIMIT in the environment replaces it on a
machine that is too slow.
"""


def time_limit_s() -> float:
    """Return how long this hook may run, in seconds."""
    return float(os.environ.get("PUEUE_SKILL_HOOK_LIMIT") or TIME_LIMIT_S)
