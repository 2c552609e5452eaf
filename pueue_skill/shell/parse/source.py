"""The input of every scanning function: a text, and the function that reads the programs in its words.

In: nothing. Out: the values that the scanners share, and the exception that they raise. The module knows no syntax.
"""

from __future__ import annotations

from collections.abc import Callable

from pueue_skill.shell.syntax import Node
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

DEPTH = 100
"""The deepest nesting that is read: functions that walk a Script call themselves at each level, and Python stops at 1,000 calls."""


class Refused(Exception):
    """The reader does not understand the text; the message is the reason."""


class Substitution(NamedTuple):
    """The end of a `$(…)`, `$((…))`, `<(…)`, `>(…)` or pair of backticks, and the programs in it."""

    end: int
    programs: tuple[Node, ...] = ()


class Source(NamedTuple):
    """A text that is being read.

    `substitution(source, i, quoted)` reads the substitution that begins at `i`; `quoted` is true within double quotes.
    `level` counts the substitutions and compound commands around the position. `known` are the substitutions that were already read,
    by position: text that looks like arithmetic may have to be read again as commands, at each level.
    """

    text: str
    substitution: Callable[[Source, int, bool], Substitution]
    level: int
    known: dict[int, Substitution]


def at_level(source: Source, level: int) -> Source:
    """Return the source at nesting `level`. Raises Refused beyond DEPTH."""
    if level > DEPTH:
        raise Refused(f"the command is nested more than {DEPTH} levels deep")
    return Source(source.text, source.substitution, level, source.known)


NEXT = regex(r"\S+")


def unexpected(text: str, i: int) -> Refused:
    """Return the error to raise for an unexpected character at `i`."""
    found = (NEXT.match(text, i) or ("the end",))[0]
    return Refused(f"{found[:40]!r} at character {i} is not expected there")
