"""The analysis of the labeled commands: at least 98 % found, at most 1 % false alarms, and all of them parsed."""

from __future__ import annotations

import json
from collections import defaultdict

import quality


def test_the_labelled_commands() -> None:
    """One test, so that only one worker parses the commands; `make quality` shows the figures."""
    judged: dict[tuple[str, str], list[bool]] = defaultdict(list)
    unread = []
    for file in sorted(quality.CORPUS.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            case = json.loads(line)
            found, reader = quality.judge(case["command"])
            judged[file.stem, case["label"]].append(found)
            if reader == "none":
                unread.append(case["command"])
    shares = {key: sum(found) / len(found) for key, found in judged.items()}
    assert {key: share for key, share in shares.items() if key[1] == "queue" and share < 0.98} == {}
    assert {key: share for key, share in shares.items() if key[1] == "leave" and share > 0.01} == {}
    assert unread == []
