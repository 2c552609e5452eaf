"""Runs every case of the differential test, and counts the rewrites that do the same work.

    python tools/fidelity.py [-k SUBSTRING] [--file FILE] [--show] [--long] [--slurm]

A case is a text in tests/cases/fidelity, which bash runs as written and as rewritten, on real daemons and hosts. --file runs the cases of
a text file instead, separated by lines of `====`. They run in a folder with the files of FILES in tests/support/fidelity.py; the recorders
rec, rec-in, rec-err, rec-exit, rec-kill and rec-slow count as long-running, and bigblack, littleblack, dashbox, zshbox, fishbox and tcshbox
are hosts. Exits 1 if a case differs, 2 if there is none. Needs pueue and pueued on PATH, and sshd.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools"), str(ROOT)]

engine: Any = importlib.import_module("fidelity")  # the module of this name below tests
case_table: Any = importlib.import_module("fidelity_cases")
generated: Any = importlib.import_module("generated")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-k", metavar="SUBSTRING", default="", help="only the cases whose row or text holds this")
    options.add_argument("--show", action="store_true", help="show the rewrite of every case")
    options.add_argument("--long", action="store_true", help="run 2,000 generated texts of each kind too")
    options.add_argument("--slurm", action="store_true", help="queue in Slurm, on a private cluster")
    options.add_argument("--file", type=Path, help="run the cases of this file, separated by lines of ====")
    wanted = options.parse_args()
    started = time.monotonic()
    try:
        cases = (
            case_table.cases_of(wanted.file.read_text("utf-8", "surrogateescape"))
            if wanted.file
            else case_table.cases()
        )
    except OSError as error:
        options.error(f"{wanted.file}: {error.strerror}")
    cases = [case for case in cases if wanted.k in case.row or wanted.k in case.text]
    if wanted.long:
        cases += [*generated.made_up(2000, generated.hostile()), *generated.made_up(2000, generated.dynamic())]
    if not cases:
        options.error("there is no such case")
    counted: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with engine.stage(wanted.slurm) as stage:
        for outcome in stage.outcomes(cases):
            counted[outcome.kind] += 1
            if outcome.kind == "left":
                reasons[outcome.rewriting.reason] += 1
            if wanted.show or outcome.kind == "different":
                print(f"{outcome.kind}: {outcome.report()}\n", flush=True)
    why = ", ".join([f"{reason} {count}" for reason, count in reasons.most_common()])
    print(
        f"cases {counted.total()}, identical {counted['identical']}, left as is {counted['left']}"
        f"{f' ({why})' if why else ''}, different {counted['different']}, in {time.monotonic() - started:.0f} s"
    )
    return 1 if counted["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
