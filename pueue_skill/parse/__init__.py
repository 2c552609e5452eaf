"""Text in, Script or Unparsed out.

The readers are tried in order; one that does not understand a text raises Refused and the next has its turn. What none
of them understands is Unparsed with the first reader's reason, and nothing is ever rewritten from it. A reader must not
know rules, hosts or files.
"""

from __future__ import annotations

from pueue_skill.model import Script, Unparsed
from pueue_skill.parse.words import Refused

LIMIT = 65_536
"""Longest text that is read, in characters: bashlex needs over 8 s for 1 MB (measured)."""

DEPTH = 100
"""Deepest nesting of brackets that is read; bashlex runs out of stack at about 1,000."""


def parse(text: str) -> Script | Unparsed:
    """The Script that bash would read in `text`, or Unparsed with the reason why not."""
    reason = unreadable(text)
    if reason:
        return Unparsed(text, reason)
    from pueue_skill.parse import bashlex_reader

    try:
        return bashlex_reader.read(text)
    except Refused as refused:
        return Unparsed(text, str(refused))


def unreadable(text: str) -> str | None:
    """Why no reader is asked at all, or None."""
    if not text.strip():
        return "the command is empty"
    if len(text) > LIMIT:
        return f"the command is longer than {LIMIT} characters"
    if "\0" in text:
        return "the command holds a NUL byte"
    depth = deepest = 0
    for char in text:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth -= 1
    if deepest > DEPTH:
        return f"the command is nested more than {DEPTH} levels deep"
    return None
