"""Runs every case of the differential proof, and says how many of them do the same work when they are rewritten.

    python tools/fidelity.py [-k SUBSTRING] [--show] [--long] [--slurm]

A case is a text below tests/cases/fidelity, run by bash as it is written and as it is rewritten, on real daemons and hosts.
Exits 1 when one differs. Needs pueue and pueued on PATH, and sshd.
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
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools"), str(ROOT)]

engine: Any = importlib.import_module("fidelity")  # the module of this name below tests


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-k", metavar="SUBSTRING", default="", help="only the cases whose row or text holds this")
    options.add_argument("--show", action="store_true", help="show what becomes of every case")
    options.add_argument("--long", action="store_true", help="run 2,000 made-up texts too")
    options.add_argument("--slurm", action="store_true", help="queue in Slurm, on a cluster of its own")
    wanted = options.parse_args()
    started = time.monotonic()
    cases = [case for case in engine.cases() if wanted.k in case.row or wanted.k in case.text]
    counted: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with engine.stage(wanted.slurm) as stage:
        for outcome in stage.outcomes([*cases, *(engine.made_up(2000) if wanted.long else ())]):
            counted[outcome.kind] += 1
            if outcome.kind == "left":
                reasons[outcome.rewriting.reason] += 1
            if wanted.show or outcome.kind == "different":
                print(f"{outcome.kind}: {outcome.report()}\n", flush=True)
    why = ", ".join([f"{reason} {count}" for reason, count in reasons.most_common()])
    print(
        f"cases {counted.total()}, identical {counted['identical']}, left alone {counted['left']}"
        f"{f' ({why})' if why else ''}, different {counted['different']}, in {time.monotonic() - started:.0f} s"
    )
    return 1 if counted["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
