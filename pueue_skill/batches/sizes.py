"""Sizes in text, such as `5G`, in bytes."""

from __future__ import annotations

from pueue_skill.startup.regex import regex

SIZE = regex(r"([0-9]{1,18}(?:\.[0-9]+)?)\s*([KMGT]?)i?B?", 2)  # re.IGNORECASE


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 500M or 5G, in powers of 1024. Raises ValueError."""
    match = SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a size such as 500M or 5G, found {text!r}")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
