"""Counts with their nouns, for messages."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural with an s unless the count is 1: `1 job`, `3 jobs`, `0 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
