"""What `install` and `uninstall` share: the changes of an agent's settings made, or shown."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pueue_skill.cli.console import ExitCode, failed, say

if TYPE_CHECKING:
    from typing import Literal

    from pueue_skill.agents.install import Change
    from pueue_skill.views.reports import ChangeReport, ChangesReport


def settings_folder(scope: str) -> Path:
    """The folder whose settings are meant, which for those of the user need not exist. Raises FileNotFoundError."""
    from pueue_skill.state import paths

    return Path.cwd() if scope == "project" else Path(paths.working() or "/")


def applied(options: argparse.Namespace, changes: list[Change], notes: list[str]) -> int:
    """Make the changes, or show them with --dry-run; print the notes after them. Raises CannotInstall."""
    from pueue_skill.agents import install as installer

    made: list[ChangeReport] = []
    for change in changes:
        backup = None
        if not options.dry_run:
            try:
                backup = installer.apply(change)
            except OSError as error:
                return failed(ExitCode.INTERNAL, f"{change.file} cannot be written: {error}; it is as it was")
        did: Literal["wrote", "removed"] = "wrote" if change.new is not None else "removed"
        made.append(
            {
                "file": str(change.file), "did": "planned" if options.dry_run else did,
                "backup": str(backup) if backup else None, "diff": change.diff(),
            }
        )  # fmt: skip
        if options.json:
            continue
        if options.dry_run:
            sys.stdout.write(change.diff())
        else:
            say(f"{did} {change.file}" + (f" (before: {backup})" if backup else ""))
    if options.json:
        report: ChangesReport = {
            "version": 1, "verb": options.name, "agent": options.agent, "scope": options.scope, "dry_run": options.dry_run,
            "changes": made, "notes": notes,
        }  # fmt: skip
        print(json.dumps(report, indent=2))
        return ExitCode.DONE
    for note in notes if changes else ["nothing to change", *notes]:
        say(note)
    return ExitCode.DONE
