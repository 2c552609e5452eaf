"""The standard streams of a process: the order of messages and output."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from pueue_skill.cli import streams
streams.prepare()
print("message", file=sys.stderr)
os.write(2, b"a child's message\\n")
print("result")
os.write(2, b"the end\\n")
"""


@pytest.mark.parametrize(("unbuffered", "lines"), [
    ("", ["message", "a child's message", "the end", "result"]),
    ("1", ["message", "a child's message", "result", "the end"]),
])  # fmt: skip
def test_a_line_is_written_when_it_is_printed(unbuffered: str, lines: list[str]) -> None:
    """Results in a pipe are buffered, as those of other programs, unless PYTHONUNBUFFERED asks for the opposite."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONUNBUFFERED": unbuffered}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )  # fmt: skip
    assert done.stdout.splitlines() == lines
