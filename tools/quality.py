"""Measures the analysis on the labelled commands below tests/cases/corpus: found, missed, false alarms, share parsed.

python tools/quality.py [--misses FILE]    FILE: queue, leave or heldout; shows what was judged wrongly
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pueue_skill.model import Host  # noqa: E402

CORPUS = ROOT / "tests/cases/corpus"
HOSTS = {name: Host(name, name, "~/.local/bin/pueue") for name in ("bigblack", "littleblack")}


def judge(text: str) -> tuple[bool, str]:
    """Whether anything is found in `text`, and which reader read it (none, when none did)."""
    from pueue_skill.analysis import analyse

    analysis = analyse(text, HOSTS)
    return bool(analysis.findings), getattr(analysis.script, "parser", "none")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--misses", metavar="FILE", help="show the commands of this file that are judged wrongly")
    wanted = options.parse_args()
    total: Counter[str] = Counter()
    print(f"{'set':<9}{'label':<7}{'family':<13}{'commands':>9}{'flagged':>9}{'share':>8}")
    for file in sorted(CORPUS.glob("*.jsonl")):
        rows: Counter[tuple[str, str]] = Counter()
        flagged: Counter[tuple[str, str]] = Counter()
        wrong: list[tuple[str, str]] = []
        for line in file.read_text("utf-8").splitlines():
            case = json.loads(line)
            found, reader = judge(case["command"])
            kind = (case["label"], case["family"])
            rows[kind] += 1
            flagged[kind] += found
            total[f"read by {reader}"] += 1
            if found != (case["label"] == "queue"):
                wrong.append((case["family"], case["command"]))
        for kind in sorted(rows):
            print(
                f"{file.stem:<9}{kind[0]:<7}{kind[1]:<13}{rows[kind]:>9}{flagged[kind]:>9}{flagged[kind] / rows[kind]:>8.1%}"
            )
        for label, meaning in (("queue", "found"), ("leave", "false alarms")):
            count = sum(n for kind, n in rows.items() if kind[0] == label)
            if count:
                hits = sum(n for kind, n in flagged.items() if kind[0] == label)
                print(f"{file.stem:<9}{meaning}: {hits} of {count}, {hits / count:.1%}")
        if wanted.misses == file.stem:
            for family, command in wrong:
                print(f"--- {family}\n{command}")
    print(", ".join(f"{name} {count}" for name, count in sorted(total.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
