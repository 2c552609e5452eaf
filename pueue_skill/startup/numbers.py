"""Numbers in texts of users: a text in, a number or None out."""

from __future__ import annotations

from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = regex(r"([0-9][0-9_]*(?:\.[0-9]*)?(?:[eE]\+?[0-9]+)?)([a-zA-Z]*)")
MOST_DIGITS = 18
"""Every such number fits into 64 bits; from 4301 digits on, Python's int() raises."""


def integer(text: str) -> int | None:
    """Return the number that consists of at most 18 of the digits 0 to 9; None for another text.

    `str.isdigit` and `\\d` also fit superscripts and the digits of other scripts, which shells and programs read as words.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def number(text: str, units: Mapping[str, float]) -> float | None:
    """Return the number that a text such as 2e7, 1_000 or 50k writes, with one of `units`; None for another text. Too large a
    number is infinite."""
    match = NUMBER.fullmatch(text)
    if match is None or match[2] not in units:
        return None
    return float(match[1].replace("_", "")) * units[match[2]]
