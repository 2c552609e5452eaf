"""The analysis on the labelled commands: at least 98 % found, at most 1 % false alarms, all of it read."""

from __future__ import annotations

import json

import pytest
import quality

SETS = sorted(file.stem for file in quality.CORPUS.glob("*.jsonl"))
CASES = [
    (file.stem, case["label"], *quality.judge(case["command"]))
    for file in sorted(quality.CORPUS.glob("*.jsonl"))
    for case in map(json.loads, file.read_text("utf-8").splitlines())
]


@pytest.mark.parametrize("name", [name for name in SETS if name != "leave"])
def test_found(name: str) -> None:
    found = [found for set_name, label, found, _ in CASES if (set_name, label) == (name, "queue")]
    assert sum(found) / len(found) >= 0.98


@pytest.mark.parametrize("name", [name for name in SETS if name != "queue"])
def test_false_alarms(name: str) -> None:
    found = [found for set_name, label, found, _ in CASES if (set_name, label) == (name, "leave")]
    assert sum(found) / len(found) <= 0.01


def test_all_is_read() -> None:
    assert [name for name, _, _, reader in CASES if reader == "none"] == []
