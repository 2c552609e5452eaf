"""`history`: prints or deletes the run times of commands, by shape."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.views.reports import HistoryReport, RunTimesReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "history", "the run times")
    parser.add_argument("--forget", metavar="SHAPE", help="delete the run times of one shape (all: of every shape)")


def main(options: argparse.Namespace) -> int:
    import sqlite3

    from pueue_skill.agents import learning
    from pueue_skill.rules.history import summary
    from pueue_skill.shell.printable import duration
    from pueue_skill.state import database, journal, runs

    try:
        learning.learn_all()
        if options.forget:
            count = runs.forget(None if options.forget == "all" else options.forget)
            journal.forget_read()
    except (sqlite3.Error, OSError) as error:
        return failed(ExitCode.INTERNAL, f"{database.path()}: {error}. Try: remove the file; a new one is created")
    if options.forget:
        if options.json:
            print_json({}, count)
        say(f"deleted {counted(count, 'run time')}")
        return ExitCode.DONE if count else ExitCode.FINDINGS
    run_times = runs.load()
    found = {shape: summary(seconds) for shape, seconds in run_times.items()}
    if options.json:
        print_json(
            {
                shape: {"p50": s.p50, "p90": s.p90, "runs": [abs(run) for run in run_times[shape]]}
                for shape, s in found.items()
            },
            0,
        )
        return ExitCode.DONE
    rows = [(s, shape) for shape, s in found.items() if runs.without_digest(shape) not in set(found) - {shape}]
    if rows:
        print(f"{'median':>8} {'90 %':>8} {'runs':>5}  shape")
    for s, shape in sorted(rows, key=lambda row: -row[0].p90):
        print(f"{duration(s.p50):>8} {duration(s.p90):>8} {s.runs:>5}  {shape}")
    if not rows:
        say("no run times yet: the hooks record them. Try: pueue-skill doctor, to check the hooks")
    return ExitCode.DONE


def print_json(shapes: dict[str, RunTimesReport], forgotten: int) -> None:
    from pueue_skill.views import documents

    report: HistoryReport = {"version": documents.VERSION, "shapes": shapes, "forgotten": forgotten}
    print(json.dumps(report, indent=2))
