"""Text in, Script or Unparsed out.

The readers are tried in order: if one does not understand a text, it raises Refused, and the next one tries. A text that neither
understands becomes Unparsed, with the reasons of both, and is never rewritten. A reader knows no rules, hosts or files.
"""

from __future__ import annotations

from functools import lru_cache

from pueue_skill.shell.parse.source import Refused
from pueue_skill.shell.syntax import Script, Unparsed
from pueue_skill.startup.regex import regex

LIMIT = 65_536
"""Longest text that is read, in characters."""

BASHLEX_LIMIT = 80
BASHLEX_DEPTH = 16
"""The longest text, in characters, and the deepest nesting of brackets that bashlex reads. It takes 0.1 ms a word, five times as long as
tree-sitter, and reads nested text once more for each level (measured: 5 s for 14,000 characters 90 deep). The tests prove that both give
the same Script. With these limits bashlex reads half of all commands, and the median of an analysis is under 0.5 ms."""

NOT_UTF_8 = regex("[\ud800-\udfff]")
BRACKET = regex(r"[()\[\]{}]")
BLANK = regex(r"\s*")


@lru_cache(maxsize=64)  # facts and plan both read what is inside ssh and bash -c
def parse(text: str) -> Script | Unparsed:
    """Return the Script that bash would read in `text`, or Unparsed with the reason."""
    reason = unreadable(text)
    if reason:
        return Unparsed(text, reason)
    said = []
    if len(text) <= BASHLEX_LIMIT and depth(text) <= BASHLEX_DEPTH:
        from pueue_skill.shell.parse import bashlex_reader

        try:
            return bashlex_reader.read(text)
        except Refused as refused:
            said.append(str(refused))
    from pueue_skill.shell.parse import treesitter_reader

    try:
        return treesitter_reader.read(text)
    except Refused as refused:
        return Unparsed(text, "; ".join([str(refused), *said]))


def unreadable(text: str) -> str | None:
    """Return why no reader can read `text`, or None."""
    if len(text) > LIMIT:
        return f"the command is longer than {LIMIT} characters"
    if BLANK.fullmatch(text):
        return "the command is empty"
    if "\0" in text:
        return "the command holds a NUL byte"
    if NOT_UTF_8.search(text):
        return "the command is not valid UTF-8"
    if "\r\n" in text:
        return "the command has the line ends of Windows, which bash takes for a part of the last word of each line"
    return None


def depth(text: str) -> int:
    """Return how deep the brackets in `text` nest, quoted ones included: bashlex calls itself for each."""
    now = deepest = 0
    for char in BRACKET.findall(text):
        if char in "([{":
            now += 1
            deepest = max(deepest, now)
        elif now:
            now -= 1
    return deepest
