"""What every scanning function is given: a text, and how the programs in its words are read.

In: nothing. Out: the values that the scanners share, and the exception by which one gives up. This knows no syntax.
"""

from __future__ import annotations

from collections.abc import Callable

from pueue_skill.shell.syntax import Node
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

DEPTH = 100
"""Deepest nesting that is read: what goes through a Script calls itself at each level, and Python stops at 1,000 calls."""


class Refused(Exception):
    """A reader does not understand this text; the message is the reason, for people."""


class Substitution(NamedTuple):
    """Where a `$(…)`, `$((…))`, `<(…)`, `>(…)` or a pair of backticks ends, and the programs in it."""

    end: int
    programs: tuple[Node, ...] = ()


class Source(NamedTuple):
    """A text that is being read.

    `substitution(source, i, quoted)` reads the substitution that begins at `i`; `quoted` is true within double quotes.
    `level` counts the substitutions and compound commands around the position. `known` maps positions to substitutions
    that were read already: what looked like arithmetic may be read once more as commands, at each level.
    """

    text: str
    substitution: Callable[[Source, int, bool], Substitution]
    level: int
    known: dict[int, Substitution]


def at_level(source: Source, level: int) -> Source:
    """The same source, `level` levels deep. Raises Refused for more than DEPTH."""
    if level > DEPTH:
        raise Refused(f"the command is nested more than {DEPTH} levels deep")
    return Source(source.text, source.substitution, level, source.known)


NEXT = regex(r"\S+")


def unexpected(text: str, i: int) -> Refused:
    """The error for what stands at `i`, to be raised."""
    found = (NEXT.match(text, i) or ("the end",))[0]
    return Refused(f"{found[:40]!r} at character {i} is not expected there")
