"""The client's permission rules: whether a command may be rewritten, as far as its settings say. Reads settings files only.

A rule is looked at from the cautious side: it counts against a rewrite when it could match the command, any part of it, or
a command inside that the client itself would not see (behind ssh, bash -c, env). What is read follows Claude Code's
documentation of permissions; https://docs.claude.com/en/docs/claude-code/settings names the files.
"""

from __future__ import annotations

import json
import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pueue_skill.agents import Event
from pueue_skill.analysis import Analysis
from pueue_skill.regex import regex

RULE = regex(r"(\w+)(?:\((.*)\))?", 16)  # re.DOTALL
MANAGED = {
    "linux": "/etc/claude-code",
    "darwin": "/Library/Application Support/ClaudeCode",
}
TELLS = (
    "--settings",
    "--disallowedTools",
    "--disallowed-tools",
    "--permission-prompt-tool",
    "--setting-sources",
    "--managed-settings",
)
"""Options of the client that bring rules which no file shows."""


def obstacle(event: Event, analysis: Analysis, text: str) -> str:
    """Why the command may not be rewritten to `text`; empty when nothing stands against it."""
    if event.mode == "plan":
        return "the session is in plan mode"
    hidden = client_options()
    if hidden is None:
        return "how the client was started is not known here"
    if hidden:
        return f"the client was started with {hidden}, whose rules are not known here"
    try:
        settings = [json.loads(file.read_text("utf-8")) for file in files(event.cwd) if file.exists()]
    except (OSError, ValueError) as error:
        return f"the settings cannot be read: {error}"
    if any(isinstance(table.get("sandbox"), dict) and table["sandbox"].get("enabled") for table in settings):
        return "commands run in a sandbox, and a job would not"
    texts = parts(event.command, analysis)
    for kind in ("deny", "ask"):
        for rule in rules(settings, kind):
            if could_match(rule, texts):
                return f"the rule {rule} may {kind} it"
    allowed = rules(settings, "allow")
    if event.mode != "bypassPermissions" and any(allows(rule, [text.rstrip("\n")]) for rule in allowed):
        # Each part has to be allowed by itself, as the client would have it.
        simple = [event.command[c.start : c.end] for c in analysis.commands if not c.via] or [event.command]
        if not all(any(allows(rule, [one]) for rule in allowed) for one in simple):
            return "the rewritten command is allowed by a rule, and the original is not"
    return ""


def client_options() -> str | None:
    """The option, of those that bring hidden rules, that the client was started with; None when that cannot be told."""
    pid = os.environ.get("CLAUDE_PID", "")
    try:
        words = Path(f"/proc/{int(pid)}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (OSError, ValueError):
        return None
    return next((tell for tell in TELLS for word in words if word == tell or word.startswith(tell + "=")), "")


def files(cwd: str) -> list[Path]:
    """The settings files that hold in `cwd`, whether they are there or not."""
    user = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    managed = Path(MANAGED.get(sys.platform, MANAGED["linux"]))
    found = [managed / "managed-settings.json", *sorted((managed / "managed-settings.d").glob("*.json"))]
    found += [user / "settings.json"]
    # The client was started in the project's folder; the command may be elsewhere by now, so all folders above count.
    starts = [Path(cwd), Path(os.environ.get("CLAUDE_PROJECT_DIR") or cwd)]
    for folder in dict.fromkeys([place for start in starts for place in (start, *start.parents)]):
        found += [folder / ".claude/settings.json", folder / ".claude/settings.local.json"]
    return list(dict.fromkeys(found))


def rules(settings: list[Any], kind: str) -> list[str]:
    found = []
    for table in settings:
        permissions = table.get("permissions") if isinstance(table, dict) else None
        listed = permissions.get(kind) if isinstance(permissions, dict) else None
        found += [rule for rule in listed if isinstance(rule, str)] if isinstance(listed, list) else []
    return found


def parts(command: str, analysis: Analysis) -> list[str]:
    """The command, and all that is run within it: as it stands there, and as its words are received."""
    found = [command.strip()]
    for one in analysis.commands:
        found.append(command[one.start : one.end].strip())
        found.append(" ".join([word.value for word in one.words]))
        words = [word.value for word in one.words]
        if words:
            found.append(" ".join([words[0].rpartition("/")[2], *words[1:]]))
        found += [" ".join([*one.wrappers[i:], *words]) for i in range(len(one.wrappers))]
    return list(dict.fromkeys(found))


def could_match(rule: str, texts: list[str]) -> bool:
    """Whether a rule to deny or ask could match one of `texts`; what is not understood could."""
    match = RULE.fullmatch(rule.strip())
    if not match:
        return True
    tool, said = match.groups()
    if tool == "Bash":
        return said is None or allows(rule, texts) or any(loosely(said, text) for text in texts)
    if tool in ("Read", "Edit", "Write", "MultiEdit", "NotebookEdit"):
        # The client holds Bash to these too, for the files that a command names. Its longest plain stretch has to stand there.
        plain = max(regex(r"[*?\[\]{}!/]+|^[~.]").sub(" ", said or "").split() or [""], key=len)
        return plain in " ".join(texts)
    return False


def loosely(said: str, text: str) -> bool:
    """Whether the first word that a rule speaks of is one of the text's words: `rm:*` and `sudo rm x`."""
    first = regex(r"[\s:*]").split(said.strip(), maxsplit=1)[0]
    return not first or first in text.split()


def allows(rule: str, texts: list[str]) -> bool:
    """Whether a rule of Bash matches one of `texts`, as the client reads it."""
    match = RULE.fullmatch(rule.strip())
    if not match or match[1] != "Bash":
        return False
    said = match[2]
    if said is None or said in ("", "*"):
        return True
    if said.endswith(":*"):
        start = said[:-2]
        return any(text == start or text.startswith(start + " ") or text.startswith(start) for text in texts)
    if "*" in said:
        pattern = said.replace("[", "[[]").replace("?", "[?]")
        return any(fnmatchcase(text, pattern) or fnmatchcase(text + " ", pattern) for text in texts)
    return said in texts
