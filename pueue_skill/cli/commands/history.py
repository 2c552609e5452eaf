"""`history`: prints or deletes the run times of commands, by shape."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.views.reports import HistoryReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "history", "the run times")
    parser.add_argument("--forget", metavar="SHAPE", help="delete the run times of one shape (all: of every shape)")


def main(options: argparse.Namespace) -> int:
    import sqlite3

    from pueue_skill.shell.printable import duration
    from pueue_skill.state import database, runs

    if options.forget:
        try:
            count = runs.forget(None if options.forget == "all" else options.forget)
        except (sqlite3.Error, OSError) as error:
            return failed(ExitCode.INTERNAL, f"{database.path()}: {error}. Try: remove the file; a new one is created")
        if options.json:
            print_json({}, count)
        say(f"deleted {counted(count, 'run time')}")
        return ExitCode.DONE if count else ExitCode.FINDINGS
    run_times = runs.load()
    if options.json:
        print_json({shape: list(seconds) for shape, seconds in run_times.items()}, 0)
        return ExitCode.DONE
    for shape, seconds in sorted(run_times.items(), key=lambda item: -max(item[1])):
        print(f"{', '.join([duration(run) for run in seconds[-3:]]):<20} {shape}")
    if not run_times:
        say("no run times yet: the hooks record them. Try: pueue-skill doctor, to check the hooks")
    return ExitCode.DONE


def print_json(shapes: dict[str, list[float]], forgotten: int) -> None:
    from pueue_skill.views import documents

    report: HistoryReport = {"version": documents.VERSION, "shapes": shapes, "forgotten": forgotten}
    print(json.dumps(report, indent=2))
