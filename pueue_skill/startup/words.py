"""Words of messages: counts with their nouns, reasons without details."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural with an s unless the count is 1: `1 job`, `3 jobs`, `0 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def brief_reason(reason: str) -> str:
    """Return the reason why a text was not read, without what the second reader said."""
    return reason.partition("; bashlex ")[0]
