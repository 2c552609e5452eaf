"""Codex CLI's hooks. They have Claude Code's shapes, except that a reply may contain no key that Codex does not know.

Codex accepts a rewritten command only together with "allow", which pueue-skill never says; so its commands are reminded of, denied and
reported on.
"""

from __future__ import annotations

from pueue_skill.agents.clients import claude
from pueue_skill.agents.event import Event, Reply
from pueue_skill.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CAN = ("remind", "deny", "report")
READ_FROM = "0.169.0, the client itself"
TRUST = "Codex runs hooks that you have trusted: start `codex`, and choose to review them."


def decode(payload: Any) -> Event | None:
    event = claude.decode(payload)
    return event._replace(agent="codex") if event else None


def encode(event: Event, reply: Reply) -> str:
    return claude.encode(event, reply._replace(command=""))


EVENTS = (("SessionStart", "", 120), ("UserPromptSubmit", "", 5), ("PreToolUse", "^Bash$", 5), ("PostToolUse", "^Bash$", 5),
          ("Stop", "", 5))  # fmt: skip


def file(scope: str, home: str, folder: str) -> str:
    return f"{folder}/.codex/hooks.json" if scope == "project" else f"{home}/.codex/hooks.json"


def hooks(launch: str, arguments: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    return {
        event: [
            {
                **({"matcher": matcher} if matcher else {}),
                "hooks": [{"type": "command", "command": quote.line([launch, event, *arguments]), "timeout": seconds}],
            }
        ]
        for event, matcher, seconds in EVENTS
    }
