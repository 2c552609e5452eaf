"""Makes or prints the changes of an agent's settings files, for `install` and `uninstall`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pueue_skill.cli.console import ExitCode, failed, say

if TYPE_CHECKING:
    from pueue_skill.agents.install import Change
    from pueue_skill.views.reports import ChangeReport, ChangesReport


def project_folder(scope: str) -> Path:
    """Return the working directory; for the user's settings it need not exist. Raises FileNotFoundError."""
    from pueue_skill.state import paths

    return Path.cwd() if scope == "project" else Path(paths.working() or "/")


def apply(options: argparse.Namespace, changes: list[Change], notes: list[str]) -> int:
    """Make the changes, or print them with --dry-run, then print the notes; return the exit code. Raises CannotInstall."""
    from pueue_skill.agents import install as installer

    reports: list[ChangeReport] = []
    for change in changes:
        backup = None
        if not options.dry_run:
            try:
                backup = installer.apply(change)
            except OSError as error:
                return failed(ExitCode.INTERNAL, f"{change.file} cannot be written and is unchanged: {error}")
        reports.append(change_report(change, backup, options.dry_run))
        if not options.json:
            print_change(change, backup, options.dry_run)
    if options.json:
        report: ChangesReport = {
            "version": 1, "verb": options.name, "agent": options.agent, "scope": options.scope, "dry_run": options.dry_run,
            "changes": reports, "notes": notes,
        }  # fmt: skip
        print(json.dumps(report, indent=2))
        return ExitCode.DONE
    for text in notes if changes else ["nothing to change", *notes]:
        say(text)
    return ExitCode.DONE


def change_report(change: Change, backup: Path | None, dry_run: bool) -> ChangeReport:
    return {
        "file": str(change.file),
        "did": "planned" if dry_run else "wrote" if change.new is not None else "removed",
        "backup": str(backup) if backup else None,
        "diff": change.diff(),
    }


def print_change(change: Change, backup: Path | None, dry_run: bool) -> None:
    if dry_run:
        sys.stdout.write(change.diff())
        return
    verb = "wrote" if change.new is not None else "removed"
    say(f"{verb} {change.file}" + (f" (backup: {backup})" if backup else ""))
