"""Numbers in texts of users: a text in, a number or None out."""

from __future__ import annotations

MOST_DIGITS = 18
"""Every such number fits into 64 bits; from 4301 digits on, Python's int() raises."""


def integer(text: str) -> int | None:
    """Return the number that consists of at most 18 of the digits 0 to 9; None for another text.

    `str.isdigit` and `\\d` also fit superscripts and the digits of other scripts, which shells and programs read as words.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
