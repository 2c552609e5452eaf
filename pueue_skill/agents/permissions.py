"""Finds what in the client's permission rules forbids to rewrite a command. Reads the client's settings files and its command line.

A rule forbids it if it may match the command, a part of it, or a command inside that the client itself does not see (behind ssh, env). So do
rules that cannot be read here. The files and the meaning of rules are those of Claude Code's documentation
(https://docs.claude.com/en/docs/claude-code/settings), and were tried with the client.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

from pueue_skill.agents.event import Event
from pueue_skill.plan.analysis import Analysis
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

RULE = regex(r"(\w+)(?:\((.*)\))?", 16)  # re.DOTALL
FILE_TOOLS = ("Read", "Edit", "Write", "MultiEdit", "NotebookEdit", "Glob", "Grep", "LS")
MANAGED = {
    "linux": "/etc/claude-code",
    "darwin": "/Library/Application Support/ClaudeCode",
}
MODES = ("default", "acceptEdits", "dontAsk", "bypassPermissions")
"""The permission modes in which rules decide about a call. In the others a model decides, or nothing may run."""

OPTIONS_WITHOUT_RULES = set("""
    -p --print -c --continue -r --resume --fork-session --session-id --no-session-persistence -n --name -d --debug --debug-file --verbose --model --fallback-model
    --effort --max-turns --max-budget-usd --output-format --input-format --include-hook-events --include-partial-messages --replay-user-messages
    --json-schema --system-prompt --append-system-prompt --system-prompt-file --append-system-prompt-file --system-prompt-snapshot
    --exclude-dynamic-system-prompt-sections --autocompact --ax-screen-reader --betas --brief --chrome --no-chrome --ide --prompt-suggestions
    --plugin-dir --forward-subagent-text
""".split())  # fmt: skip
"""Options of the client that bring no permission rules. With any other option the rules are unknown, since a version of the client may have
options for rules that were never seen here.
"""

GRANT = regex(r"(?mi)^(allowed|disallowed)[-_]?tools[ \t]*:(.*(?:\n[ \t-].*)*)")
TOOL_RULE = regex(r"\w+(?:\([^)\n]*\))?")
FRONTMATTER_BYTES = 16_384
MAX_DOCUMENTS = 3_000
"""The number of folders, skills and commands that are searched for rules."""


class Grants(NamedTuple):
    """The rules that skills and commands bring while they are used."""

    allow: list[str]
    deny: list[str]


def obstacle(event: Event, analysis: Analysis, text: str, named: Sequence[Path]) -> str:
    """Return why the command may not be rewritten to `text`; empty if nothing forbids it. `named` are the real paths that it names."""
    if event.mode not in MODES:
        return f"the session is in the mode {event.mode or 'that is not known'}"
    arguments = client_arguments()
    if arguments is None:
        return "how the client was started is not known here"
    hidden = next((word for word in arguments if brings_rules(word)), "")
    if hidden:
        return f"the client was started with {hidden}, whose rules are not known here"
    try:
        settings = [json.loads(file.read_text("utf-8")) for file in files(event.cwd) if file.exists()]
        grants = frontmatter_rules(event.cwd, arguments)
    except (OSError, ValueError) as error:
        return f"the settings cannot be read: {error}"
    if any(isinstance(table.get("sandbox"), dict) and table["sandbox"].get("enabled") for table in tables(settings)):
        return "commands run in a sandbox, and a job would not"
    texts = parts(event.command, analysis)
    for kind, listed in (("deny", [*rules(settings, "deny"), *grants.deny]), ("ask", rules(settings, "ask"))):
        for rule in listed:
            if could_match(rule, texts, named):
                return f"the rule {rule} may {kind} it"
    if event.mode == "bypassPermissions":
        return ""
    original = [event.command[c.start : c.end] for c in analysis.commands if not c.via] or [event.command]
    script = parse(text)
    inner = commands_of(script) if isinstance(script, Script) else ()
    new = [text.strip(), *[text[c.start : c.end] for c in inner if not c.via]]
    allowed = rules(settings, "allow")
    # Each part has to be allowed by itself, as the client has it. A skill's rules hold only while it is used.
    for rule, others in [(rule, allowed) for rule in allowed] + [(rule, [rule]) for rule in grants.allow]:
        if allows(rule, new) and not all(any(allows(other, [part]) for other in others) for part in original):
            return f"the rule {rule} allows the rewritten command, and no rule allows the original"
    return ""


def client_arguments() -> list[str] | None:
    """Return the arguments with which the client was started; None if they cannot be read."""
    pid = os.environ.get("CLAUDE_PID", "")
    try:
        words = Path(f"/proc/{int(pid)}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (OSError, ValueError):
        return None
    return words[1:]


def brings_rules(word: str) -> bool:
    """Return whether an argument of the client is an option that may bring permission rules."""
    return word.startswith("-") and word.partition("=")[0] not in OPTIONS_WITHOUT_RULES


def user_folder() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


def project_folders(cwd: str) -> list[Path]:
    """Return the folders whose settings the client may read: it was started in the project's folder, and the command may run elsewhere."""
    starts = [Path(cwd), Path(os.environ.get("CLAUDE_PROJECT_DIR") or cwd)]
    starts += [start.resolve() for start in starts]
    return list(dict.fromkeys([folder for start in starts for folder in (start, *start.parents)]))


def files(cwd: str) -> list[Path]:
    """Return the settings files that apply in `cwd`, whether they exist or not."""
    managed = Path(MANAGED.get(sys.platform, MANAGED["linux"]))
    found = [managed / "managed-settings.json", *sorted((managed / "managed-settings.d").glob("*.json"))]
    found += [user_folder() / name for name in ("settings.json", "settings.local.json", "remote-settings.json")]
    for folder in project_folders(cwd):
        found += [folder / ".claude/settings.json", folder / ".claude/settings.local.json"]
    return list(dict.fromkeys(found))


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """Return all tables in `value`, at any depth: a server's settings are wrapped in others."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from tables(inner)


def rules(settings: list[Any], kind: str) -> list[str]:
    found = []
    for table in tables(settings):
        permissions = table.get("permissions")
        listed = permissions.get(kind) if isinstance(permissions, dict) else None
        found += [rule for rule in listed if isinstance(rule, str)] if isinstance(listed, list) else []
    return found


def frontmatter_rules(cwd: str, arguments: Sequence[str]) -> Grants:
    """Return the allowed-tools and disallowed-tools of skills, commands and agents that the client may use. Raises OSError, ValueError."""
    roots = [user_folder() / name for name in ("skills", "commands", "agents", "plugins")]
    roots += [folder / ".claude" / name for folder in project_folders(cwd) for name in ("skills", "commands", "agents")]
    roots += plugin_folders(arguments)
    grants = Grants([], [])
    seen: set[str] = set()
    for root in dict.fromkeys(roots):
        for folder, inner, names in os.walk(root, followlinks=True):
            inner[:] = [name for name in inner if name not in (".git", "node_modules", ".venv")]
            documents = {str(Path(folder, name).resolve()) for name in names if name.lower().endswith(".md")}
            documents -= seen
            seen |= documents | {folder}
            if len(seen) > MAX_DOCUMENTS:
                raise ValueError(f"more than {MAX_DOCUMENTS} skills and commands are there")
            for document in sorted(documents):
                add_frontmatter(document, grants)
    return grants


def add_frontmatter(document: str, grants: Grants) -> None:
    with Path(document).open("rb") as file:
        head = file.read(FRONTMATTER_BYTES).decode("utf-8", "replace").lstrip("\ufeff")
    if head.startswith("---"):
        for match in GRANT.finditer(head.split("\n---", 1)[0]):
            (grants.allow if match[1].lower() == "allowed" else grants.deny).extend(TOOL_RULE.findall(match[2]))


def plugin_folders(arguments: Sequence[str]) -> list[Path]:
    """Return the folders of --plugin-dir."""
    found = [word.partition("=")[2] for word in arguments if word.startswith("--plugin-dir=")]
    for i, word in enumerate(arguments):
        if word == "--plugin-dir":
            found += takewhile(lambda value: not value.startswith("-"), arguments[i + 1 :])
    return [Path(folder) for folder in found]


def parts(command: str, analysis: Analysis) -> list[str]:
    """Return the command and all commands inside it: as written, and as received after expansion."""
    found = [command.strip()]
    for one in analysis.commands:
        found.append(command[one.start : one.end].strip())
        found.append(" ".join([word.value for word in one.words]))
        words = [word.value for word in one.words]
        if words:
            found.append(" ".join([words[0].rpartition("/")[2], *words[1:]]))
        found += [" ".join([*one.wrappers[i:], *words]) for i in range(len(one.wrappers))]
    return list(dict.fromkeys(found))


def could_match(rule: str, texts: list[str], named: Sequence[Path]) -> bool:
    """Return whether a deny or ask rule could match one of `texts`, or the files that they name; a rule that is not understood could."""
    match = RULE.fullmatch(rule.strip())
    if not match:
        return True
    tool, said = match.groups()
    if tool == "Bash":
        return said is None or allows(rule, texts) or any(loosely(said, text) for text in texts)
    if tool in FILE_TOOLS:
        return names_file(said or "", texts, named)
    return False


def names_file(pattern: str, texts: list[str], named: Sequence[Path]) -> bool:
    """Return whether a rule for files could match what a command names: the client applies these rules to Bash too.

    The longest part of the pattern without a wildcard must occur in the command, or in a path that it leads to.
    """
    if regex(r"[\[\]{}\\!]").search(pattern):
        return True
    project = Path(os.environ.get("CLAUDE_PROJECT_DIR") or "/").resolve()
    absolute = pattern.startswith(("//", "~"))
    paths = [str(path if absolute or not path.is_relative_to(project) else path.relative_to(project)) for path in named]
    plain = max(regex(r"[*?/]+|^[~.]").sub(" ", pattern).split() or [""], key=len)
    return plain.casefold() in "\n".join([*texts, *paths]).casefold()


def loosely(said: str, text: str) -> bool:
    """Return whether the first word of a rule is one of the text's words: `rm:*` and `sudo rm x`."""
    first = regex(r"[\s:*]").split(said.strip(), maxsplit=1)[0]
    return not first or first in text.split()


def allows(rule: str, texts: list[str]) -> bool:
    """Return whether a Bash rule matches one of `texts`, as the client reads it."""
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
