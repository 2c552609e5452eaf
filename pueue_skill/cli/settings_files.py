"""What `install` and `uninstall` share: the changes of an agent's settings made, or shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pueue_skill.cli.console import ExitCode, failed, say

if TYPE_CHECKING:
    from pueue_skill.agents.install import Change


def settings_folder(scope: str) -> Path:
    """The folder whose settings are meant, which for those of the user need not exist. Raises FileNotFoundError."""
    from pueue_skill.state import paths

    return Path.cwd() if scope == "project" else Path(paths.working() or "/")


def applied(changes: list[Change], dry: bool) -> int:
    """Makes the changes, or shows them."""
    from pueue_skill.agents import install as installer

    for change in changes:
        if dry:
            sys.stdout.write(change.diff())
            continue
        try:
            backup = installer.apply(change)
        except OSError as error:
            return failed(ExitCode.INTERNAL, f"{change.file} cannot be written: {error}; it is as it was")
        say(
            f"{'wrote' if change.new is not None else 'removed'} {change.file}"
            + (f" (before: {backup})" if backup else "")
        )
    if not changes:
        say("nothing to change")
    return ExitCode.DONE
