"""Numbers for people: durations in two units, sizes in three digits."""

from __future__ import annotations

import pytest

from pueue_skill.shell.printable import byte_size, duration

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (MINUTE, "1m"),
        (MINUTE + 5, "1m05s"),
        (HOUR - 1, "59m59s"),
        (HOUR, "1h"),
        (HOUR + 5 * MINUTE + 59, "1h05m"),
        (DAY, "1d"),
        (DAY + 59 * MINUTE, "1d"),
        (3 * DAY + 4 * HOUR, "3d04h"),
        (400 * DAY, "400d"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (120 * 10**9, "120 GB"), (10**15, "1000 TB")],
)
def test_byte_size(count: int, text: str) -> None:
    assert byte_size(count) == text
