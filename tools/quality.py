"""Measures the analysis on labeled commands: found, missed, false alarms, share parsed.

python tools/quality.py [--misses SET] [FILE…]    SET: blind, heldout, leave, queue or a FILE's name; shows the wrong verdicts

Without a FILE, the commands in tests/cases/corpus. A FILE has a JSON object on each line: `command`, `family`, and `label` (queue or leave) or `flag`
(true or false).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pueue_skill.shell.model import Host  # noqa: E402

CORPUS = ROOT / "tests/cases/corpus"
HOSTS = {name: Host(name, name, "~/.local/bin/pueue") for name in ("bigblack", "littleblack")}


def judge(text: str) -> tuple[bool, str]:
    """Return whether `text` has a finding, and the reader that parsed it (none, if neither did)."""
    from pueue_skill.plan.analysis import analyse

    analysis = analyse(text, HOSTS)
    return bool(analysis.findings), getattr(analysis.script, "parser", "none")


class Tally(NamedTuple):
    """The number of commands, and the number of flagged commands."""

    commands: int
    flagged: int


def count(table: dict[Any, Tally], key: tuple[str, ...], flagged: bool) -> None:
    before = table.get(key, Tally(0, 0))
    table[key] = Tally(before.commands + 1, before.flagged + flagged)


def line(name: str, label: str, tally: Tally) -> str:
    """Return a row: flagged commands are hits in sets of commands for the queue, and false alarms in the other sets."""
    rest = tally.commands - tally.flagged
    found, missed, alarms = (tally.flagged, rest, "") if label == "queue" else ("", "", tally.flagged)
    return f"{name:<34}{tally.commands:>9}{found:>8}{missed:>8}{alarms:>14}{tally.flagged / tally.commands:>9.1%}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--misses", metavar="SET", help="show the commands of this set that are judged wrongly")
    options.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="labeled commands (default: tests/cases/corpus)"
    )
    wanted = options.parse_args()
    tallies: dict[tuple[str, str, str], Tally] = {}
    readers: dict[tuple[str, str], Tally] = {}
    wrong: list[tuple[str, str]] = []
    for file in wanted.files or sorted(CORPUS.glob("*.jsonl")):
        for text in file.read_text("utf-8").splitlines():
            case = json.loads(text)
            found, reader = judge(case["command"])
            label = case.get("label") or ("queue" if case["flag"] else "leave")
            count(tallies, (file.stem, label, case["family"]), found)
            count(tallies, (file.stem, label, ""), found)
            count(readers, (reader, label), found)
            if file.stem == wanted.misses and found != (label == "queue"):
                wrong.append((case["family"], case["command"]))
    print(f"{'':<34}{'commands':>9}{'found':>8}{'missed':>8}{'false alarms':>14}{'share':>9}")
    for (name, label, family), tally in sorted(tallies.items()):
        print(line(f"{name} {label} {family or 'in all'}", label, tally))
    for (reader, label), tally in sorted(readers.items()):
        print(line(f"read by {reader}, {label}", label, tally))
    total = sum(tally.commands for tally in readers.values())
    unread = sum(tally.commands for (reader, _), tally in readers.items() if reader == "none")
    print(f"parsed: {total - unread} of {total}, {(total - unread) / total:.2%}")
    for family, command in wrong:
        print(f"--- {family}\n{command}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
