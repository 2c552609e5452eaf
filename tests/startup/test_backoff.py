"""The pauses between attempts grow to a limit and stay there."""

from __future__ import annotations

import pytest

from pueue_skill.startup.backoff import pause_s


@pytest.mark.parametrize(
    ("options", "pauses"),
    [
        ({}, [0.5, 1, 2, 4, 8, 8]),
        ({"first_s": 5, "longest_s": 120}, [5, 10, 20, 40, 80, 120, 120]),
        ({"first_s": 2, "longest_s": 3, "factor": 1.25}, [2, 2.5, 3, 3]),
    ],
)
def test_pauses_grow_to_the_limit(options: dict[str, float], pauses: list[float]) -> None:
    assert [pause_s(attempts, **options) for attempts in range(1, len(pauses) + 1)] == pauses
    assert pause_s(10**9, **options) == pauses[-1]
