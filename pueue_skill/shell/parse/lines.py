"""Scans the text between words: blanks, comments, and line ends with the heredoc bodies that follow them.

In: a source, a position, and the heredocs that wait for the end of their line. Out: the position of the next word or operator, and
the comments and bodies before it. The module does not know what a line contains.
"""

from __future__ import annotations

import re

from pueue_skill.shell.parse.expansions import scan_dollar, scan_substitution
from pueue_skill.shell.parse.source import Refused, Source
from pueue_skill.shell.syntax import Comment, Node, Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

BLANKS = regex(r"(?:[ \t]|\\\n)*")
BODY_STOP = regex(r"[\\`$]")


class Heredoc(NamedTuple):
    """A heredoc whose body follows later: the start of its redirect, and whether tabs are stripped (`<<-`)."""

    start: int
    strip: bool
    delimiter: Word


class Bodies(NamedTuple):
    """The bodies of the waiting heredocs, in order, and the start of the next line."""

    end: int
    words: tuple[Word, ...] = ()


class Gap(NamedTuple):
    """Blanks, comments and newlines that end no command, up to `end`.

    `waiting` are the heredocs whose bodies follow later. If the gap contains a newline, `bodies` are those of the heredocs that
    waited for it.
    """

    end: int
    waiting: tuple[Heredoc, ...]
    comments: tuple[Comment, ...] = ()
    bodies: tuple[Word, ...] = ()


def skip_blanks(text: str, i: int) -> int:
    """Return the position of the first character after the blanks and line continuations at `i`."""
    return BLANKS.match(text, i).end()  # type: ignore[union-attr]


def scan_comment(text: str, i: int) -> Comment:
    """Scan the comment at `i`, without the newline that ends it."""
    end = text.find("\n", i)
    end = len(text) if end < 0 else end
    return Comment(text[i:end], i, end)


def skip_gap(source: Source, i: int, before: Gap) -> Gap:
    """Scan the gap at `i`, and add it to the earlier gaps of the same command."""
    text, waiting, comments, bodies = source.text, before.waiting, list(before.comments), before.bodies
    while True:
        i = skip_blanks(text, i)
        if text.startswith("\n", i):
            i, found = scan_bodies(source, i + 1, waiting)
            bodies, waiting = bodies + found, ()
        elif text.startswith("#", i):
            comments.append(scan_comment(text, i))
            i = comments[-1].end
        else:
            return Gap(i, waiting, tuple(comments), bodies)


def scan_bodies(source: Source, i: int, waiting: tuple[Heredoc, ...]) -> Bodies:
    """Scan the bodies of the heredocs of the line that ended before `i`."""
    words = []
    for heredoc in waiting:
        word, i = scan_body(source, i, heredoc)
        words.append(word)
    return Bodies(i, tuple(words))


def scan_body(source: Source, i: int, heredoc: Heredoc) -> tuple[Word, int]:
    """Scan the body that begins at `i`; also return the start of the line after its delimiter. Raises Refused without a delimiter."""
    text, (begun, strip, delimiter) = source.text, heredoc
    quoted = delimiter.text != delimiter.value
    start, continued = i, False
    while True:
        if i >= len(text):
            raise Refused(f"the heredoc at character {begun} does not end")
        stop = text.find("\n", i)
        stop = len(text) if stop < 0 else stop
        line = text[i:stop]
        if not continued and (line.lstrip("\t") if strip else line) == delimiter.value:
            break
        continued = not quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
        i = stop + 1
    programs = () if quoted else programs_in_body(source, start, i)
    return heredoc_body(text, start, i, strip, quoted, programs), min(stop + 1, len(text))


def programs_in_body(source: Source, i: int, end: int) -> tuple[Node, ...]:
    """Return the programs in the body of a heredoc, from `i` to `end`. Raises Refused if an expansion is not closed."""
    programs: list[Node] = []
    while found := BODY_STOP.search(source.text, i, end):
        i = found.start()
        if found[0] == "\\":
            i += 2
            continue
        # Quotes in a heredoc are as within double quotes, except for backslashes between backticks.
        part = scan_substitution(source, i, False) if found[0] == "`" else scan_dollar(source, i, True)
        for expansion in part.expansions:
            programs.extend(expansion.programs)
        i = part.end
        if i > end:
            raise Refused("an expansion in a heredoc is not closed")
    return tuple(programs)


def heredoc_body(text: str, start: int, end: int, strip: bool, quoted: bool, programs: tuple[Node, ...] = ()) -> Word:
    """Return the body of a heredoc at text[start:end]; with `strip` (`<<-`) its value lacks the tabs at the start of its lines.

    `quoted`: the delimiter is quoted, so nothing in the body is expanded.
    """
    body = text[start:end]
    static = quoted or not any([char in body for char in "$`\\"])
    if not strip or "\t" not in body:
        return Word(body, body, static, start, end, range(start, end), programs)
    origin: list[int] = []
    at = start
    for line in re.findall(r"[^\n]*\n|[^\n]+", body):
        origin.extend(range(at + len(line) - len(line.lstrip("\t")), at + len(line)))
        at += len(line)
    return Word(body, "".join([text[i] for i in origin]), static, start, end, tuple(origin), programs)
