"""Scans the quoted and expanded parts of words: backslashes, `'…'`, `"…"`, `$…` of all kinds, backticks, `<(…)`.

In: a source and the start of such a part. Out: a Part. Only the shell knows the result of an expansion, so the value keeps its source
text. The source's `substitution` reads the programs in it. The module does not know where a word ends.
Source: read_token_word and parse_matched_pair in bash's parse.y.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from pueue_skill.shell.parse.quotes import scan_ansi_c
from pueue_skill.shell.parse.source import Refused, Source
from pueue_skill.shell.syntax import Node
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

DOUBLE_STOP = regex(r"[\\\"`$]")
BRACKET_STOP = regex(r"[\\'\"`$<>(){}\[\]]")
PARAMETER = regex(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")


class Expansion(NamedTuple):
    """The span of an expansion or substitution, and the programs in it."""

    start: int
    end: int
    programs: tuple[Node, ...] = ()


class Part(NamedTuple):
    """A part of a word, up to `end`.

    `value` is the result of quote removal, `origin` the position of each of its characters. `bare` is the text in which patterns,
    braces and tildes count, with an `x` for everything that is quoted or expanded.
    """

    end: int
    value: str
    origin: Sequence[int]
    bare: str
    expansions: tuple[Expansion, ...] = ()


def literal(text: str, start: int, end: int) -> Part:
    """Return text[start:end] as a literal part."""
    part = text[start:end]
    return Part(end, part, range(start, end), part)


def joined(parts: Sequence[Part], end: int, bare: str | None = None) -> Part:
    """Return the parts as a single part that ends at `end`; its `bare` is the given one, or that of the parts."""
    if len(parts) == 1:
        _, value, origin, its_bare, expansions = parts[0]
        return Part(end, value, origin, its_bare if bare is None else bare, expansions)
    return Part(
        end,
        "".join([part.value for part in parts]),
        tuple(chain.from_iterable([part.origin for part in parts])),
        "".join([part.bare for part in parts]) if bare is None else bare,
        expansions_of(parts),
    )


def expansions_of(parts: Iterable[Part]) -> tuple[Expansion, ...]:
    """Return the expansions in the parts, in order."""
    return tuple([expansion for part in parts for expansion in part.expansions])


def programs_of(expansions: Iterable[Expansion]) -> tuple[Node, ...]:
    """Return the programs in the expansions, in order."""
    return tuple([program for expansion in expansions for program in expansion.programs])


def expanded(text: str, start: int, end: int, programs: tuple[Node, ...] = ()) -> Part:
    """Return the expansion text[start:end] as a part, with the programs in it."""
    return Part(end, text[start:end], range(start, end), "x", (Expansion(start, end, programs),))


def scan_escaped(source: Source, i: int, quoted: bool) -> Part:
    """Scan the backslash at `i` and the character that it quotes. At the end of a text bash keeps it."""
    text = source.text
    if quoted and not text.startswith(("$", "`", '"', "\\", "\n"), i + 1):
        return literal(text, i, i + 2)
    char = text[i + 1 : i + 2]
    if char == "\n":
        return Part(i + 2, "", (), "")
    if not char:
        return Part(i + 1, "\\", (i,), "")
    return Part(i + 2, char, (i + 1,), "x")


def scan_single(source: Source, i: int, quoted: bool) -> Part:
    """Scan the single quotes that begin at `i`. Raises Refused if they are not closed."""
    close = source.text.find("'", i + 1)
    if close < 0:
        raise Refused(f"the quote at character {i} is not closed")
    return Part(close + 1, source.text[i + 1 : close], range(i + 1, close), "x")


def scan_double(source: Source, i: int, quoted: bool) -> Part:
    """Scan the double quotes that begin at `i`. Raises Refused if they, or an expansion in them, are not closed."""
    text, parts, at = source.text, [], i + 1
    while found := DOUBLE_STOP.search(text, at):
        stop = found.start()
        if stop > at:
            parts.append(literal(text, at, stop))
        if found[0] == '"':
            return joined(parts, stop + 1, bare="x")
        parts.append(PARTS[found[0]](source, stop, True))
        at = parts[-1].end
    raise Refused(f"the double quote at character {i} is not closed")


def scan_dollar(source: Source, i: int, quoted: bool) -> Part:
    """Scan the `$` at `i` and the expansion or quotes that it begins."""
    text = source.text
    parameter = PARAMETER.match(text, i + 1)
    if parameter:
        return expanded(text, i, parameter.end())
    follows = text[i + 1 : i + 2]
    if follows == "(":
        return expanded(text, i, *source.substitution(source, i, quoted))
    if follows == "{" and text.startswith((" ", "\t", "\n", "|"), i + 2):
        raise Refused(f"`${{ …}}` at character {i} means a command in some versions of bash, an error in others")
    if follows and follows in "{[":
        inside = scan_bracketed(source, i, i + 2, *(("", "}") if follows == "{" else ("[", "]")))
        return expanded(text, i, inside.end, programs_of(inside.expansions))
    if follows == "'" and not quoted:
        return Part(*scan_ansi_c(text, i), "x")
    if follows == '"' and not quoted:
        return scan_double(source, i + 1, quoted)
    if text.startswith("\\\n", i + 1):
        raise Refused(f"the `$` at character {i} is parted from what it expands by a line's end")
    return literal(text, i, i + 1)


def scan_substitution(source: Source, i: int, quoted: bool) -> Part:
    """Scan the substitution that begins at `i` with a backtick, `<(` or `>(`."""
    return expanded(source.text, i, *source.substitution(source, i, quoted))


def scan_bracketed(source: Source, start: int, inside: int, opener: str, closer: str) -> Part:
    """Scan from `start` to the end of the `closer` that matches the opener before `inside`, with the quotes and expansions between.

    Raises Refused if the closer is missing.
    """
    text, parts, depth = source.text, [], 1
    literal_start, at = start, inside
    while found := BRACKET_STOP.search(text, at):
        at, char = found.start(), found[0]
        if char in PARTS or (char in "<>" and closer != ")" and text.startswith("(", at + 1)):
            parts.append(literal(text, literal_start, at))
            parts.append(PARTS.get(char, scan_substitution)(source, at, False))
            literal_start = at = parts[-1].end
            continue
        at += 1
        depth += (char == opener) - (char == closer)
        if not depth:
            parts.append(literal(text, literal_start, at))
            return joined(parts, at)
    raise Refused(f"what begins at character {start} is not closed by a `{closer}`")


PARTS: dict[str, Callable[[Source, int, bool], Part]] = {
    "\\": scan_escaped,
    "'": scan_single,
    '"': scan_double,
    "`": scan_substitution,
    "$": scan_dollar,
}
"""The functions that scan quoted and expanded parts, by the first character; the last argument is true within double quotes."""
