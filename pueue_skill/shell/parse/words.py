"""Scans words: their ends, their values after quote removal, and the programs in them, in one pass.

In: a source and the start of a word. Out: the Word, with the position of each character of its value. Nothing is expanded: the value
keeps the source text of an expansion, and the word is not static. Both readers use this module, so they agree on every value.
 Source: POSIX 2.2 and 2.3, read_token_word in bash's parse.y.
"""

from __future__ import annotations

import re

from pueue_skill.shell.parse.expansions import (
    PARTS,
    Part,
    expansions_of,
    joined,
    literal,
    programs_of,
    scan_bracketed,
    scan_substitution,
)
from pueue_skill.shell.parse.lines import Gap, Heredoc, skip_gap
from pueue_skill.shell.parse.quotes import BYTES, join_bytes
from pueue_skill.shell.parse.source import Refused as Refused
from pueue_skill.shell.parse.source import Source, Substitution, unexpected
from pueue_skill.shell.syntax import Comment, Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

BREAKS = " \t\n|&;()<>"
PLAIN_WORD = regex(r"[A-Za-z0-9_@%+=:,./-]++(?=[ \t\n;|&)]|\Z)")
"""Not before `<` and `>`, which may begin a substitution in the word."""
WORD_END = r"(?=(?:\\\n)*(?:[ \t\n|&;()<>]|\Z))"
"""The end of a word, for the patterns of reserved words."""
RUN = regex(r"[^ \t\n|&;()<>\\'\"`$]+")
CAREFUL_RUN = regex(r"[^ \t\n|&;()<>\\'\"`$\[=?*+@!]+|.", re.DOTALL)
ENCLOSING = "[(?*+@!"
NAME = regex(r"(?:\\\n)*[A-Za-z_](?:\w|\\\n)*", re.ASCII)
ARRAY_NAME = regex(r"[A-Za-z_]\w*(?:\[.*\])?\+?", re.ASCII | re.DOTALL)
BRACES = regex(r"\{(?=[^{}\s]*+\})[^{}\s]*?(?:,|\.\.)")
TILDE = regex(r"~|[A-Za-z_]\w*\+?=(?:.*:)?~", re.ASCII | re.DOTALL)
ARRAY = regex(r"[A-Za-z_]\w*\+?=\(", re.ASCII)
DESCRIPTOR = regex(r"\d+|\{[A-Za-z_]\w*(?:\[[^]\s]*\])?\}", re.ASCII)
ASSIGNMENT = regex(r"[A-Za-z_]\w*(?:\[.*\])?\+?=", re.ASCII | re.DOTALL)


class WordKind(NamedTuple):
    """The ways in which a word can contain blanks and operators, besides quotes and expansions.

    `breaks` end the word. `subscript`: `name[…]` at its start; `array`: `name=(…)`; `parentheses`: `(…)`, as in a
    regular expression; `patterns`: `?(…)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`.
    """

    breaks: str = BREAKS
    subscript: bool = False
    array: bool = False
    parentheses: bool = False
    patterns: bool = False


ORDINARY = WordKind()
FIRST = WordKind(subscript=True, array=True)
"""A word that can be an assignment before a command."""
DECLARED = WordKind(array=True)
"""An argument of declare, export and similar builtins."""
REGULAR_EXPRESSION = WordKind(breaks=" \t\n&;)<>", parentheses=True)
PATTERN = WordKind(patterns=True)
WHOLE = WordKind(breaks="")
"""A word whose end is known."""


class Parts(NamedTuple):
    """The parts of a word, and the position after it.

    `gap` are the gaps between the elements of its arrays, if there are any.
    """

    parts: list[Part]
    end: int
    gap: Gap | None


def scan_word(source: Source, i: int, kind: WordKind = ORDINARY) -> tuple[Word, int]:
    """Scan the word at `i`; also return the position after it and the line continuations that follow.

    Raises Refused if there is no word, and for quotes, expansions and brackets that are not closed.
    """
    word = None if kind is REGULAR_EXPRESSION else plain_word(source.text, i)
    if word:
        return word, word.end
    parts, end, _ = scan_parts(source, i, kind)
    return word_of(source.text, i, parts), end


def scan_assignment(
    source: Source, i: int, kind: WordKind, waiting: tuple[Heredoc, ...]
) -> tuple[Word, int, Gap | None]:
    """As scan_word, for a word that can be the assignment of an array; also returns the gaps between its elements.

    `waiting` are the heredocs whose bodies follow the next newline, which such a gap can contain. Raises Refused as scan_word does,
    and if the word is the descriptor of a redirect after a line continuation.
    """
    word = plain_word(source.text, i)
    if word:
        return word, word.end, None
    text = source.text
    parts, end, gap = scan_parts(source, i, kind, waiting)
    word = word_of(text, i, parts)
    if text.startswith(("<", ">"), end) and "\\\n" in text[i:end] and DESCRIPTOR.fullmatch(word.value):
        raise Refused(f"the redirect at character {i} is parted by a line's end")
    return word, end, gap


def plain_word(text: str, i: int) -> Word | None:
    """Return the word at `i` if it is a plain one, which is its own value."""
    plain = PLAIN_WORD.match(text, i)
    return Word(plain[0], plain[0], True, i, plain.end(), range(i, plain.end())) if plain else None


def scan_parts(source: Source, start: int, kind: WordKind, waiting: tuple[Heredoc, ...] = ()) -> Parts:
    """Scan the parts of the word at `start`; none if no word begins there. `waiting` as in scan_assignment."""
    text = source.text
    parts: list[Part] = []
    at, gap = start, None
    run = RUN if kind is ORDINARY else CAREFUL_RUN
    while at < len(text):
        char = text[at]
        if char == "\\" and text.startswith("\n", at + 1):
            at += 2
            continue
        if char in PARTS:
            part = PARTS[char](source, at, False)
        elif char in "<>" and text.startswith("(", at + 1):
            part = scan_substitution(source, at, False)
        elif char == "=" and kind.array and text.startswith("(", at + 1) and ARRAY_NAME.fullmatch(text, start, at):
            part, gap = scan_array(source, at, gap or Gap(at, waiting))
        elif char in ENCLOSING and (enclosed := scan_enclosed(source, start, at, kind)):
            part = enclosed
        elif char in kind.breaks:
            break
        else:
            run_end = run.match(text, at)
            part = literal(text, at, run_end.end() if run_end else at + 1)
        parts.append(part)
        at = part.end
    return Parts(parts, at, gap)


def scan_enclosed(source: Source, start: int, at: int, kind: WordKind) -> Part | None:
    """Scan the brackets at `at` in a word of this kind that begins at `start`; None if they do not enclose blanks in such a word."""
    char = source.text[at]
    if char == "[":
        name = NAME.match(source.text, start) if kind.subscript else None
        return scan_bracketed(source, at, at + 1, "[", "]") if name and name.end() == at else None
    if char == "(":
        return scan_bracketed(source, at, at + 1, "(", ")") if kind.parentheses else None
    if kind.patterns and source.text.startswith("(", at + 1):
        return scan_bracketed(source, at, at + 2, "(", ")")
    return None


def scan_array(source: Source, i: int, gap: Gap) -> tuple[Part, Gap]:
    """Scan the `=(…)` at `i`; also return the gaps between its elements, added to `gap`."""
    text = source.text
    parts = [literal(text, i, i + 2)]
    at = i + 2
    while True:
        passed = len(gap.comments)
        gap = skip_gap(source, at, gap)
        parts.extend(gap_parts(text, at, gap.end, gap.comments[passed:]))
        at = gap.end
        if text.startswith(")", at):
            parts.append(literal(text, at, at + 1))
            return joined(parts, at + 1), gap
        if text.startswith("[", at):
            parts.append(scan_bracketed(source, at, at + 1, "[", "]"))
            at = parts[-1].end
        element = scan_parts(source, at, ORDINARY)
        parts.extend(element.parts)
        at = element.end
        if at == gap.end:
            raise unexpected(text, at)


def gap_parts(text: str, start: int, end: int, comments: tuple[Comment, ...]) -> list[Part]:
    """Return the text between the elements of an array, with blanks for comments and without line continuations."""
    chars = list(text[start:end])
    for comment in comments:
        chars[comment.start - start : comment.end - start] = " " * (comment.end - comment.start)
    parts = []
    for blank in "".join(chars).split("\\\n"):
        parts.append(Part(start + len(blank), blank, range(start, start + len(blank)), blank))
        start += len(blank) + 2
    return parts


def word_of(text: str, start: int, parts: list[Part]) -> Word:
    """Return the word at `start` that consists of `parts`. Raises Refused if there are none, or if it is a comment."""
    if not parts or text[start] == "#":
        raise unexpected(text, start)
    end, value, origin, bare, expansions = joined(parts, parts[-1].end)
    if BYTES.search(value):
        value, origin = join_bytes(value, origin)
    source = text[start:end]
    if value == source:
        origin = range(start, end)
    return Word(source, value, not expansions and is_static(bare), start, end, origin, programs_of(expansions))


def literal_word(text: str, start: int, end: int) -> Word:
    """Return text[start:end] as a word that is its own value."""
    return Word(text[start:end], text[start:end], True, start, end, range(start, end))


def is_static(bare: str) -> bool:
    """Return whether the shell makes exactly one word of it, the same everywhere: no pattern, braces, tilde or array."""
    return not (any([char in bare for char in "*?["]) or ARRAY.match(bare) or TILDE.match(bare) or BRACES.search(bare))


def read_word(text: str, start: int, end: int) -> Word:
    """Return the known word text[start:end], without the programs in it.

    >>> word = read_word('''echo "a b"'c'$HOME''', 5, 18)
    >>> word.value, word.static
    ('a bc$HOME', False)
    """
    return word_of(text, start, parts_until(text, start, end))


def expansion_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the spans of the expansions in the known word text[start:end]."""
    return [(expansion.start, expansion.end) for expansion in expansions_of(parts_until(text, start, end))]


def parts_until(text: str, start: int, end: int) -> list[Part]:
    """Return the parts of the word text[start:end]; its substitutions are skipped, not parsed."""
    return scan_parts(Source(text[:end], skip_substitution, 0, {}), start, WHOLE).parts


def skip_substitution(source: Source, i: int, quoted: bool) -> Substitution:
    """Return the end of the substitution at `i` by counting brackets, those in `case` patterns and comments included."""
    if source.text[i] == "`":
        at = i + 1
        while source.text[at : at + 1] not in ("`", ""):
            at += 2 if source.text[at] == "\\" else 1
        return Substitution(min(at + 1, len(source.text)))
    return Substitution(scan_bracketed(source, i, i + 2, "(", ")").end)
