"""The value of one shell word: quote removal (POSIX 2.2, bash's `$'…'`), with each character's place in the source.

In: the text and the bounds of a word that a reader has found. Out: a Word. It expands nothing; where the shell would, the
source text stays in the value and the word is not static. Both readers use this, so that they agree on every value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pueue_skill.shell.syntax import Node, Word
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Placed = TypeVar("Placed")

DEPTH = 100
"""Deepest nesting that is read: what goes through a Script calls itself at each level, and Python stops at 1,000 calls."""


class Refused(Exception):
    """A reader does not understand this text; the message is the reason, for people."""


ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n",
    "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
NUMERIC = regex(r"[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|c[^\\]", re.DOTALL)
# The common words, read without a loop: bare ones, and those in one pair of single quotes.
PLAIN = regex(r"[A-Za-z0-9_@%+=:,./-]+")
PLAIN_RUN = regex(r"[^\\'\"`$<>][^\\'\"`$<>]*|.", re.DOTALL)
PLAIN_QUOTED = regex(r"[^\\\"`$]+|.", re.DOTALL)
EXPANSION = regex(r"\$(?:[A-Za-z_0-9@*#?$!({-]|\[)")
BYTES = regex("[\udc80-\udcff]{2}")
BRACES = regex(r"\{(?=[^{}\s]*+\})[^{}\s]*?(?:,|\.\.)")
TILDE = regex(r"~|[A-Za-z_]\w*\+?=(?:.*:)?~", re.ASCII | re.DOTALL)
ARRAY = regex(r"[A-Za-z_]\w*\+?=\(", re.ASCII)
ASSIGNMENT = regex(r"[A-Za-z_]\w*(?:\[.*\])?\+?=", re.ASCII | re.DOTALL)


def read_word(
    text: str,
    start: int,
    end: int,
    programs: tuple[Node, ...] = (),
    ends: Mapping[int, int] | None = None,
    found: list[tuple[int, int]] | None = None,
) -> Word:
    """The word that stands at text[start:end].

    `ends` says of expansions in it, by where they begin, where they end; to `found` those that are met are added.

    >>> word = read_word('''echo "a b"'c'$HOME''', 5, 18)
    >>> word.value, word.static
    ('a bc$HOME', False)
    """
    if PLAIN.fullmatch(text, start, end):
        return Word(text[start:end], text[start:end], True, start, end, range(start, end), programs)
    if text[start] == "'" and text.find("'", start + 1, end) == end - 1:
        return Word(text[start:end], text[start + 1 : end - 1], True, start, end, range(start + 1, end - 1), programs)
    value: list[str] = []
    origin: list[int] = []
    static = True
    unquoted: list[str] = []
    known = ends or {}

    def put(chars: str, at: int) -> None:
        value.append(chars)
        origin.extend([at] * len(chars))

    def keep(at: int, stop: int) -> None:
        value.append(text[at:stop])
        origin.extend(range(at, stop))

    i = start
    while i < end:
        char = text[i]
        if char == "\\":
            if i + 1 >= end:
                put(char, i)  # at the very end of a text bash keeps it
            elif text[i + 1] != "\n":
                put(text[i + 1], i + 1)
                unquoted.append("x")
            i += 2
        elif char == "'":
            close = text.find("'", i + 1, end)
            if close < 0:
                raise Refused(f"a quote at character {i} is not closed")
            keep(i + 1, close)
            unquoted.append("x")
            i = close + 1
        elif char == "$" and text[i + 1 : i + 2] == "'":
            i = read_ansi_c(text, i + 2, end, put)
            unquoted.append("x")
        elif char == '"' or (char == "$" and text[i + 1 : i + 2] == '"'):
            i += 1 if char == '"' else 2
            unquoted.append("x")
            while i < end and text[i] != '"':
                if text[i] == "\\" and i + 1 < end and text[i + 1] in '$`"\\\n':
                    if text[i + 1] != "\n":
                        put(text[i + 1], i + 1)
                    i += 2
                elif text[i] == "`" or EXPANSION.match(text, i, end):
                    static = False
                    stop = known.get(i) or expansion_end(text, i, end)
                    if found is not None:
                        found.append((i, stop))
                    keep(i, stop)
                    i = stop
                else:
                    stop = PLAIN_QUOTED.match(text, i, end).end()  # type: ignore[union-attr]
                    keep(i, stop)
                    i = stop
            if i >= end:
                raise Refused(f"a double quote before character {end} is not closed")
            i += 1
        elif char == "`" or EXPANSION.match(text, i, end) or (char in "<>" and text[i + 1 : i + 2] == "("):
            static = False
            stop = known.get(i) or expansion_end(text, i, end)
            if found is not None:
                found.append((i, stop))
            keep(i, stop)
            unquoted.append("x")
            i = stop
        else:
            stop = PLAIN_RUN.match(text, i, end).end()  # type: ignore[union-attr]
            keep(i, stop)
            unquoted.append(text[i:stop])
            i = stop
    whole = "".join(value)
    if BYTES.search(whole):
        whole, origin = characters(whole, origin)
    bare = "".join(unquoted)
    if ARRAY.match(bare) or TILDE.match(bare) or any(c in bare for c in "*?[") or BRACES.search(bare):
        static = False
    return Word(text[start:end], whole, static, start, end, tuple(origin), programs)


def read_ansi_c(text: str, i: int, end: int, put: Callable[[str, int], None]) -> int:
    """Reads the inside of `$'…'` from `i`; returns the place after its closing quote. A NUL byte ends what it means."""
    ended = False
    while i < end and text[i] != "'":
        at, char = i, text[i]
        numeric = NUMERIC.match(text, i + 1, end) if char == "\\" else None
        if numeric:
            char = numeric_escape(numeric[0])
            i = numeric.end()
        elif char == "\\" and i + 1 < end:
            char = ESCAPES.get(text[i + 1], "\\" + text[i + 1])
            i += 2
        else:
            i += 1
        ended = ended or char == "\0"
        if not ended:
            put(char, at)
    if i >= end:
        raise Refused(f"a quote before character {end} is not closed")
    return i + 1


def numeric_escape(escape: str) -> str:
    if escape[0] == "c":
        return "\x7f" if escape[1] == "?" else chr(ord(escape[1]) & 0x1F)
    if escape[0] in "uU":
        code = int(escape[1:], 16)
        return chr(code) if code < 0x110000 else ""
    byte = int(escape[1:], 16) if escape[0] == "x" else int(escape, 8) & 0xFF
    return chr(byte) if byte < 128 else bytes([byte]).decode("utf-8", "surrogateescape")


def characters(value: str, origin: list[int]) -> tuple[str, list[int]]:
    """Bytes that were written one by one (`$'\\xc3\\xa9'`) as the characters that they make up."""
    joined: list[str] = []
    where: list[int] = []
    at = 0
    for char in value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"):
        joined.append(char)
        where.append(origin[at])
        at += 1 if value[at] == char else len(char.encode("utf-8"))
    return "".join(joined), where


CLOSERS = {"(": ")", "{": "}", "[": "]"}


def expansion_end(text: str, i: int, end: int) -> int:
    """Where the expansion that begins at `i` (`$name`, `${…}`, `$(…)`, `$((…))`, a backtick, `<(…)`) ends.

    Of `case` patterns and comments in a substitution it knows nothing: a reader that does says where such a one ends.
    """
    if text[i] == "`":
        i += 1
        while i < end and text[i] != "`":
            i += 2 if text[i] == "\\" else 1
        return min(i + 1, end)
    i += 1
    opener = text[i : i + 1]
    if opener not in CLOSERS:
        name = regex(r"[A-Za-z_][A-Za-z0-9_]*|.", re.DOTALL).match(text, i, end)
        return name.end() if name else i
    closer = CLOSERS[opener]
    depth = 1
    i += 1
    while i < end:
        char = text[i]
        if char == closer:
            depth -= 1
            if not depth:
                return i + 1
        elif char == "\\":
            i += 1
        elif char == "'":
            i = text.find("'", i + 1, end)
            if i < 0:
                raise Refused("a quote in an expansion is not closed")
        elif char == '"':
            i += 1
            while i < end and text[i] != '"':
                if text[i] == "\\":
                    i += 2
                elif text[i] == "`" or EXPANSION.match(text, i, end):
                    i = expansion_end(text, i, end)
                else:
                    i += 1
        elif char == "`" or (char == "$" and text[i + 1 : i + 2] in ("(", "{", "[")):
            i = expansion_end(text, i, end) - 1
        elif char == opener and char != "{":
            depth += 1
        i += 1
    return end


def read_heredoc(text: str, start: int, end: int, strip: bool, quoted: bool, programs: tuple[Node, ...] = ()) -> Word:
    """The body of a heredoc that stands at text[start:end]; with `strip` (`<<-`) the tabs that begin its lines go."""
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


def is_range(*sequences: Sequence[int]) -> bool:
    return all([isinstance(sequence, range) and len(sequence) > 0 for sequence in sequences])


def relocated(value: Placed, where: Sequence[int]) -> Placed:
    """A node, and all within it, moved from positions in one text to those of another: i becomes where[i]."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields is None:
            return tuple([relocated(item, where) for item in value])  # type: ignore[return-value]
        moved = []
        for name, item in zip(fields, value, strict=True):
            if name == "start":
                moved.append(where[item])
            elif name == "end":
                moved.append(where[item - 1] + 1 if item else where[0])
            elif name == "origin":
                moved.append(
                    where[item[0] : item[-1] + 1] if is_range(item, where) else tuple([where[i] for i in item])
                )
            else:
                moved.append(relocated(item, where))
        return type(value)(*moved)
    return value
