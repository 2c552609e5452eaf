"""Words of messages: counts with their nouns, reasons without details."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural with an s unless the count is 1: `1 job`, `3 jobs`, `0 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def first_names(names: Sequence[str], most: int, separator: str) -> str:
    """Return the first `most` names, and the number of the others: `a, b and 3 more`."""
    return separator.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def brief_reason(reason: str) -> str:
    """Return the reason why a text was not read, without what the second reader said."""
    return reason.partition("; bashlex ")[0]
