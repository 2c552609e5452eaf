"""Adds the hooks to an agent's settings and removes them: an agent, a scope and a mode in, Changes out.

Only entries whose command contains MARK are changed; entries of others stay, in their order. A changed file is copied first, and replaced in
one step. Nothing is written that cannot be read back.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pueue_skill.agents.event import client
from pueue_skill.startup.files import umask, unused, write_atomic
from pueue_skill.startup.record import NamedTuple

MARK = "--by=pueue-skill"


class Change(NamedTuple):
    """A file with its content now and as it should be; None where there is, or should be, no file."""

    file: Path
    old: str | None
    new: str | None

    def diff(self) -> str:
        def lines(text: str | None) -> list[str]:
            return (text or "").splitlines(keepends=True)

        return "".join(difflib.unified_diff(lines(self.old), lines(self.new), str(self.file), str(self.file)))


class CannotInstall(Exception):
    """The settings cannot be changed; the message says which, and what to do."""


def share_folder() -> Path:
    """Return the folder that holds SKILL.md and hooks/: of a checkout, or of an installed wheel."""
    package = Path(__file__).parent.parent
    return package / "share" if (package / "share/SKILL.md").exists() else package.parent


def install(agent: str, scope: str, mode: str | None, folder: Path) -> list[Change]:
    """Return the changes that add the hooks of `agent`. Raises CannotInstall."""
    launch = str(share_folder() / "hooks/launch")
    arguments = (sys.executable, *([f"--mode={mode}"] if mode else []), MARK)
    of = client(agent)
    file = Path(of.file(scope, str(Path.home()), str(folder)))
    old = read_settings(file)
    if hasattr(of, "own_file"):  # a separate file
        return change_of(file, old, of.own_file(launch, arguments))
    settings = parse_settings(file, old)
    added = of.hooks(launch, arguments)
    for key, value in getattr(of, "TOP", {}).items():
        settings.setdefault(key, value)
    events = {
        event: groups
        for event, groups in without_own_entries(settings, file).get("hooks", {}).items()
        if event not in added
    }
    for event, groups in added.items():
        events[event] = merge_groups(settings.get("hooks", {}).get(event, []), groups)
    there = list(settings.get("hooks", {}))
    settings["hooks"] = {event: events[event] for event in dict.fromkeys([*there, *added]) if event in events}
    return change_of(file, old, to_json(settings, old))


def uninstall(agent: str, scope: str, folder: Path) -> list[Change]:
    """Return the changes that remove the hooks of `agent`. Raises CannotInstall."""
    of = client(agent)
    file = Path(of.file(scope, str(Path.home()), str(folder)))
    old = read_settings(file)
    if old is None or MARK not in old:
        return []
    if hasattr(of, "own_file"):
        return change_of(file, old, None)
    settings = without_own_entries(parse_settings(file, old), file)
    left = {key: value for key, value in settings.items() if key not in getattr(of, "TOP", {})}
    return change_of(file, old, to_json(settings, old) if left else None)


def read_settings(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CannotInstall(f"{file}: {error}") from None


def parse_settings(file: Path, text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text and text.strip() else {}
    except ValueError as error:
        raise CannotInstall(
            f"{file} is not plain JSON: {error}. Fix it, or add the hooks yourself: --dry-run on an empty HOME"
        ) from None
    if not isinstance(found, dict) or not isinstance(found.get("hooks", {}), dict):
        raise CannotInstall(f"{file}: `hooks` is not a table of events; fix it first")
    return found


def without_own_entries(settings: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the settings without our entries, and without what is empty without them."""
    events: dict[str, Any] = {}
    for event, groups in settings.get("hooks", {}).items():
        if not isinstance(groups, list):
            raise CannotInstall(f"{file}: hooks.{event} is not a list; fix it first")
        kept = [without_own_handlers(group) for group in groups]
        found = [group for group in kept if group is not None]
        if found or not groups:
            events[event] = found
    result = {key: value for key, value in settings.items() if key != "hooks"}
    return {**result, "hooks": events} if events or ("hooks" in settings and not settings["hooks"]) else result


def merge_groups(there: list[Any], ours: list[Any]) -> list[Any]:
    """Return the groups of an event with ours in the place that they had, or at the end: clients may depend on their order."""
    found: list[Any] = []
    for group in there:
        kept = without_own_handlers(group)
        if kept is not None:
            found.append(kept)
        elif ours:
            found, ours = [*found, *ours], []
    return [*found, *ours]


def without_own_handlers(group: Any) -> Any:
    """Return a group without our handlers; None if nothing else is in it."""
    if is_own(group):
        return None
    handlers = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(handlers, list):
        return group
    kept = [handler for handler in handlers if not is_own(handler)]
    return None if handlers and not kept else {**group, "hooks": kept}


def is_own(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    words = [entry.get("command"), entry.get("bash"), *(entry.get("args") or [])]
    return any(isinstance(word, str) and MARK in word for word in words)


def to_json(settings: dict[str, Any], old: str | None) -> str:
    """Return the settings as JSON in the style of the old file: its indentation, its last newline."""
    first = next((line for line in (old or "").splitlines()[1:] if line.strip()), "  ")
    blanks = first[: len(first) - len(first.lstrip())]
    text = json.dumps(settings, indent=blanks or 2, ensure_ascii=False)
    return text + ("\n" if old is None or old.endswith("\n") or not old.strip() else "")


def change_of(file: Path, old: str | None, new: str | None) -> list[Change]:
    return [] if old == new else [Change(file, old, new)]


def apply(change: Change) -> Path | None:
    """Carry out a change; return the copy of the old file, or None. Raises OSError."""
    file = Path(os.path.realpath(change.file))  # a link to where somebody keeps their dotfiles stays one
    if change.new is None:
        file.unlink()
        return None
    if change.old is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, change.new.encode(), 0o666 & ~umask())
        return None
    mode = file.stat().st_mode & 0o777
    backup = Path(unused(f"{file}.before-pueue-skill-{time.strftime('%Y%m%d-%H%M%S')}"))
    write_atomic(backup, change.old.encode(), mode)
    try:
        write_atomic(file, change.new.encode(), mode)
    except OSError:
        backup.unlink()
        raise
    return backup
