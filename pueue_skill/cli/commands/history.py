"""`history`: prints or deletes the run times of commands, by shape."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.views.reports import HistoryReport, RunTimesReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "history", "the run times")
    parser.add_argument(
        "--forget",
        metavar="SHAPE",
        help="delete the run times of one shape, or of the only shape that contains this text (all: of every shape)",
    )


def main(options: argparse.Namespace) -> int:
    import sqlite3

    from pueue_skill.agents import learning
    from pueue_skill.rules.history import summary
    from pueue_skill.shell.printable import duration
    from pueue_skill.state import database, runs

    try:
        learning.learn_all()
        if options.forget:
            return forget(options.forget, options.json)
    except (sqlite3.Error, OSError) as error:
        return failed(ExitCode.INTERNAL, f"{database.path()}: {error}. Try: remove the file; a new one is created")
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
    rows = [(found[shape], shape) for shape in shown_shapes(found)]
    if rows:
        print(f"{'median':>8} {'90 %':>8} {'runs':>5}  shape")
    for s, shape in sorted(rows, key=lambda row: -row[0].p90):
        print(f"{duration(s.p50):>8} {duration(s.p90):>8} {s.runs:>5}  {shape}")
    if not rows:
        say("no run times yet: the hooks record them. Try: pueue-skill doctor, to check the hooks")
    return ExitCode.DONE


def shown_shapes(shapes: Iterable[str]) -> list[str]:
    """Return the shapes without those of exact words, which another one covers."""
    from pueue_skill.state import runs

    known = list(shapes)
    others = set(known)
    return [shape for shape in known if runs.without_digest(shape) not in others - {shape}]


def forget(wanted: str, as_json: bool) -> int:
    """Delete the run times of the shape that `wanted` stands for, or of all. Raises sqlite3.Error, OSError."""
    from pueue_skill.shell import quote
    from pueue_skill.state import journal, runs

    journal.forget_read()
    before = runs.load()
    shown = sorted(shown_shapes(before))
    fitting = [""] if wanted == "all" else [wanted] if wanted in before else matching(wanted, shown)
    count = runs.forget(None if wanted == "all" else fitting[0]) if len(fitting) == 1 else 0
    if as_json:
        print_json({}, count)
    if count:
        after = runs.load()
        say(f"deleted the run times of {counted(len([shape for shape in shown if shape not in after]) or 1, 'shape')}")
        return ExitCode.DONE
    if len(fitting) > 1:
        lines = [f"  pueue-skill history --forget {quote.word(shape)}" for shape in fitting]
        say("\n".join([f"{len(fitting)} shapes contain `{wanted}`. Try one of:", *lines]))
    else:
        reason = f"no shape contains `{wanted}`. Try: pueue-skill history" if shown else "there are no run times"
        say(f"nothing is deleted: {reason}")
    return ExitCode.FINDINGS


FOLDERS = regex(r"(?<![^ ])[^ ]*/(?=[^ /])")


def matching(wanted: str, shown: Sequence[str]) -> list[str]:
    """Return the shapes that are `wanted` without their project and their folders; without such a shape, those that contain it."""
    brief = {shape: FOLDERS.sub("", shape) for shape in shown}
    same = [shape for shape in shown if brief[shape].rpartition(": ")[2] == wanted]
    return same or [shape for shape in shown if wanted in shape or wanted in brief[shape]]


def print_json(shapes: dict[str, RunTimesReport], forgotten: int) -> None:
    from pueue_skill.views import documents

    report: HistoryReport = {"version": documents.VERSION, "shapes": shapes, "forgotten": forgotten}
    print(json.dumps(report, indent=2))
