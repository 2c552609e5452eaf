"""OpenCode's hooks: hooks/opencode.js translates its events into a JSON with Claude Code's event names.

A rewritten command would bypass its permission rules, which apply to the new text only; so nothing is rewritten.
"""

from __future__ import annotations

import json
from pathlib import Path

from pueue_skill.agents.clients import claude
from pueue_skill.agents.event import Event, Reply, mapping_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CAN = ("remind", "deny", "report")
READ_FROM = "1.18.33, the client itself"


def decode(payload: Any) -> Event | None:
    event = claude.decode(payload)
    if event is None:
        return None
    failed = event.kind == "after" and payload.get("failed") is True
    cut = failed and "exceeding timeout" in text_of(payload.get("output"))
    return event._replace(
        agent="opencode", kind="failed" if failed else event.kind, timed_out=cut, input=mapping_of(event.input)
    )


def encode(event: Event, reply: Reply) -> str:
    said = {"deny": reply.deny, "context": reply.context, "go_on": reply.go_on}
    return json.dumps({key: value[: claude.MAX_CONTEXT_CHARS] for key, value in said.items() if value})


def file(scope: str, home: str, folder: str) -> str:
    return (
        f"{folder}/.opencode/plugins/pueue-skill.js"
        if scope == "project"
        else f"{home}/.config/opencode/plugins/pueue-skill.js"
    )


def own_file(launch: str, arguments: tuple[str, ...]) -> str:
    """Return the plugin file, with the program and its arguments written into it."""
    source = (Path(launch).parent / "opencode.js").read_text("utf-8")
    head, line, rest = source.partition('const LAUNCH = "__LAUNCH__"')
    if not line:
        raise ValueError(f"{launch}: the opencode.js next to it has no LAUNCH")
    program, options = [json.dumps(value, ensure_ascii=False) for value in (launch, list(arguments))]
    return f"{head}const LAUNCH = {program}\nconst ARGUMENTS = {options}{rest}"
