"""The last lines of an output, whatever the sizes in which it arrives."""

from __future__ import annotations

import pytest

from pueue_skill.cli.follower import Tail


@pytest.mark.parametrize(
    ("output", "count", "tail"),
    [
        (b"", 2, b""),
        (b"a", 1, b"a"),
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\nc\n", 9, b"a\nb\nc\n"),
        (b"\n\n\n", 2, b"\n\n"),
        (b"10 %\r20 %\rdone\nb\n", 2, b"10 %\r20 %\rdone\nb\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_tail(output: bytes, count: int, tail: bytes, size: int) -> None:
    lines = Tail(count)
    for start in range(0, len(output), size):
        lines.feed(output[start : start + size])
    assert lines.data == tail
