"""Values of expansions in an iteration: the source of an expansion and the values of variables in, its value out.

The result is always text: what only the shell knows stays as source, with known values filled in, so that two
iterations can be compared. If a loop's items are unknown, representatives replace them, chosen so that an expansion
that makes two items equal (`${f%.*}`, `$(basename "$f")`, `$((y - 1))`) does so for two representatives.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pueue_skill.shell.expansion import NAME, UnknownValue, Value
from pueue_skill.startup.regex import regex

BRACED = regex(rf"\$\{{(#?)({NAME})(?:\[([^\]]*)\])?(.*)\}}", re.DOTALL)
ARITHMETIC = regex(r"\$\(\((.*)\)\)|\$\[(.*)\]", re.DOTALL)
TOKEN = regex(rf"\s*(?:(10#)?(?:([0-9]+)|\$?\{{?({NAME})\}}?)|(\*\*|[-+*/%()]))\s*")
EXPANSION_OPERATOR = regex(r"(%%?|##?|//|/%|/#|/|\^\^?|,,?|:(?![-=?+]))(.*)", re.DOTALL)
PATH_COMMAND = regex(r"(?:\$\(|`)\s*(basename|dirname)\s+(?:-- )?(?:\"([^\"()`]*)\"|'([^'()`]*)'|([^\s\"'()`]+))(?:\s+['\"]?([^\s\"'()`]*)['\"]?)?\s*(?:\)|`)")  # fmt: skip
MKTEMP = regex(r"(?:\$\(|`)\s*mktemp\b[^()`]*(?:\)|`)")
UNKNOWN_EXPANSION = regex(r"\$\([^()]*\)|`[^`]*`|\$\{[^{}]*\}")
"""Expansions that only the shell knows, innermost first."""


def quotient(value: int, by: int) -> int:
    """The quotient, truncated towards zero as in C."""
    return abs(value) // abs(by) * (1 if (value < 0) == (by < 0) else -1)


def remainder(value: int, by: int) -> int:
    """The remainder of `quotient`."""
    return value - quotient(value, by) * by


OPERATIONS: Mapping[str, tuple[int, Callable[[int, int], int]]] = {
    "+": (1, operator.add), "-": (1, operator.sub), "*": (2, operator.mul), "/": (2, quotient), "%": (2, remainder),
    "**": (3, operator.pow),
}  # fmt: skip
"""By operator, its precedence and function."""
MAX_DIGITS = 20
MAX_STARS = 3
"""Runs of `*` in a pattern; with more of them a search may take exponential time."""


def expand(source: str, known: Mapping[str, Value]) -> str:
    """The value of an expansion (`$x`, `${x%.csv}`, `$((x + 1))`); unknown parts stay as source."""
    if source in known:  # a placeholder of xargs or parallel
        return scalar(known[source])
    name = source[1:]
    if source[:1] == "$" and name.isidentifier():
        return scalar(known[name]) if name in known else source
    arithmetic = ARITHMETIC.fullmatch(source)
    braced = BRACED.fullmatch(source)
    try:
        if arithmetic:
            return str(evaluate(arithmetic[1] or arithmetic[2] or "", known))
        if braced:
            return expand_braced(braced, known)
    except UnknownValue:
        pass
    return re.sub(rf"\$({NAME})|(?<=\$\{{)({NAME})|\b({NAME})\b(?=[^{{}}]*\)\)$)", lambda match: value_or_name(match, known), source)  # fmt: skip


def value_or_name(match: re.Match[str], known: Mapping[str, Value]) -> str:
    """The value of the variable in `match`, or the matched text if it is unknown."""
    name = match[1] or match[2] or match[3]
    return scalar(known[name]) if name in known else match[0]


def scalar(value: Value) -> str:
    """The value of `$x`: the first element of an array."""
    return value if isinstance(value, str) else value[0] if value else ""


def expand_braced(braced: re.Match[str], known: Mapping[str, Value]) -> str:
    """The value of `${x…}` (bash manual 3.5.3). Raises UnknownValue."""
    length, name, index, rest = braced.groups()
    if name not in known:
        if index and index not in "@*":
            return f"${{{length}{name}[{evaluate(index, known)}]{rest}}}"
        raise UnknownValue
    value = known[name]
    if index is not None:
        at = evaluate(index, known)
        if isinstance(value, str) or not 0 <= at < len(value):
            raise UnknownValue
        value = value[at]
    value = scalar(value)
    if length:
        return str(len(value))
    if rest[:1] == "@":
        raise UnknownValue
    if not rest or re.match(r":?[-=?]", rest):
        return value
    found = EXPANSION_OPERATOR.fullmatch(rest)
    if found is None or "$" in found[2]:
        raise UnknownValue
    how, argument = found[1], re.sub(r"[\"'\\]", "", found[2])
    if how == ":":
        start, _, count = argument.partition(":")
        first = evaluate(start, known)
        cut = value[first:] if first >= 0 or -first <= len(value) else ""
        return cut if not count else cut[: evaluate(count, known)]
    if how in ("^", "^^", ",", ",,"):
        cased = value.upper() if how[0] == "^" else value.lower()
        return cased if len(how) == 2 else cased[:1] + value[1:]
    if how[0] == "/":
        pattern, _, new = argument.partition("/")
        anchored = {"/%": rf"(?:{shell_pattern(pattern)})\Z", "/#": rf"\A(?:{shell_pattern(pattern)})"}
        return re.sub(
            anchored.get(how, shell_pattern(pattern)), lambda _: new, value, count=how != "//", flags=re.DOTALL
        )
    lengths = range(len(value) + 1) if len(how) == 1 else range(len(value), -1, -1)  # lengths of the removed text
    for taken in lengths:
        part, left = (value[:taken], value[taken:]) if how[0] == "#" else (value[len(value) - taken :], value[: len(value) - taken])  # fmt: skip
        if re.fullmatch(shell_pattern(argument), part, re.DOTALL):
            return left
    return value


def shell_pattern(pattern: str) -> str:
    """A shell pattern as a regular expression. Raises UnknownValue for more than MAX_STARS stars."""
    pattern = re.sub(r"\*+", "*", pattern)
    if pattern.count("*") > MAX_STARS:
        raise UnknownValue
    parts = re.findall(r"\[!?\]?[^\]]*\]|.", pattern, re.DOTALL)
    return "".join([
        {"*": ".*", "?": "."}.get(part) or (re.sub(r"^\[!", "[^", part) if len(part) > 1 else re.escape(part)) for part in parts
    ])  # fmt: skip


def evaluate(expression: str, known: Mapping[str, Value]) -> int:
    """The value of an arithmetic expression of integers, `+ - * / % **` and parentheses. Raises UnknownValue."""
    tokens: list[str | int] = []
    expression = expression.replace("$((", "((")
    at = 0
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if match is None or match.end() == at:
            raise UnknownValue
        decimal, number, name, sign = match.groups()
        if name is not None:
            number = scalar(known[name]) if name in known else ""
            if not re.fullmatch(r"-?[0-9]+", number):
                raise UnknownValue
        tokens.append(sign or parse_integer(number, decimal is not None))
        at = match.end()
    value, used = evaluate_tokens(tokens, 0, 1)
    if used < len(tokens):
        raise UnknownValue
    return value


def parse_integer(digits: str, decimal: bool = False) -> int:
    """The integer that bash reads: octal after a leading 0 unless `decimal`. Raises UnknownValue for invalid or large
    numbers."""
    base = 8 if digits.lstrip("-")[:1] == "0" and not decimal else 10
    if len(digits) > MAX_DIGITS or (base == 8 and re.search("[89]", digits)):
        raise UnknownValue
    return check_64_bit(int(digits, base))


def check_64_bit(value: int) -> int:
    """`value` if it fits into 64 bits. Raises UnknownValue."""
    if not -(2**63) <= value < 2**63:
        raise UnknownValue
    return value


def evaluate_tokens(tokens: Sequence[str | int], at: int, least: int) -> tuple[int, int]:
    """The value of the expression at token `at` with operators of precedence `least` or higher, and the index after
    it.

    Raises UnknownValue.
    """
    if at >= len(tokens):
        raise UnknownValue
    first = tokens[at]
    if first == "(":
        value, at = evaluate_tokens(tokens, at + 1, 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise UnknownValue
    elif first in ("-", "+"):
        value, at = evaluate_tokens(tokens, at + 1, 4)
        value, at = (-value if first == "-" else value), at - 1
    elif isinstance(first, int):
        value = first
    else:
        raise UnknownValue
    at += 1
    while at < len(tokens) and tokens[at] in OPERATIONS and OPERATIONS[str(tokens[at])][0] >= least:
        sign = str(tokens[at])
        binds, step = OPERATIONS[sign]
        right, at = evaluate_tokens(tokens, at + 1, binds if sign == "**" else binds + 1)
        if (sign in "/%" and right == 0) or (sign == "**" and not 0 <= right <= 64):
            raise UnknownValue
        value = check_64_bit(step(value, right))
    return value, at


def expand_path_commands(text: str, index: int) -> str:
    """`text` with the results of basename, dirname and mktemp in place of their substitutions."""
    before = ""
    while before != text and ("$(" in text or "`" in text):
        before = text
        text = MKTEMP.sub(f"$TMPDIR/tmp.{index}", PATH_COMMAND.sub(path_part, text))
    return text


def path_part(match: re.Match[str]) -> str:
    """The result of the basename or dirname in `match`."""
    what, suffix = match[1], match[5] or ""
    path = (match[2] or match[3] or match[4] or "").rstrip("/") or "/"
    folder, _, name = path.rpartition("/")
    if what == "dirname":
        return folder or ("/" if path[0] == "/" else ".")
    return name.removesuffix(suffix) if name != suffix else name


def known_text(text: str) -> str:
    """`text` without the expansions that only the shell knows, which may be equal in two iterations."""
    before = ""
    while before != text and ("$" in text or "`" in text):
        before = text
        text = UNKNOWN_EXPANSION.sub("\0", text)
    return text


def representatives(words: Iterable[str], sources: Sequence[str], name: str) -> list[str]:
    """Values for a variable whose items only the shell knows; for a glob (`data/*.csv`) values that it could match.

    `sources` are the expansions that mention the variable: each may make two values equal.
    """
    changing = [source for source in sources if re.search(rf"\b{name}\b", source)]
    if any(ARITHMETIC.fullmatch(source) or re.search(rf"\[[^]]*\b{name}\b", source) for source in changing):
        return ["1", "2", "3", "4", "10", "11"]
    items = [*words]
    # The suffix of the glob itself (`${f%.csv}` for `*.csv`) makes no two values equal.
    parts = [part for part in dict.fromkeys(itertools.chain.from_iterable(map(literal_parts, changing)))
             if len(part) == 1 or not any(part in word for word in items)]  # fmt: skip
    stems = [
        "x",
        "y",
        *[f"x{part}{n}" for part in parts for n in "12"],
        *[f"{n}{part}x" for part in parts for n in "12"],
    ]
    if any(re.search(r"\^|,", source) for source in changing):
        stems.append("X")
    if any(re.search(r":\d", source) for source in changing):
        stems += ["x" * 40 + "1", "x" * 40 + "2", "1" + "x" * 40, "2" + "x" * 40]
    found: list[str] = []
    for word in items:
        holes = re.split(r"\*+|\?+|\[[^\]]*\]", word)
        if "$(" in word or "`" in word or re.fullmatch(r"\$\w+|\$\{[^}]*\}", word):
            found += stems
        elif len(holes) == 1:
            found.append(word)
        else:
            inside = [stem for stem in stems if "/" not in stem or "**" in word]
            for place, stem in itertools.product(range(len(holes) - 1), inside):
                fill = [*["x"] * place, stem, *["x"] * (len(holes) - 2 - place)]
                found.append("".join([*itertools.chain.from_iterable(zip(holes, fill, strict=False)), holes[-1]]))
    return [*dict.fromkeys(found)] or stems


def literal_parts(source: str) -> Iterator[str]:
    """The literal characters in the patterns and paths of an expansion."""
    if re.search(r"basename|dirname", source):
        yield "/"
    braced = BRACED.fullmatch(source)
    changes = EXPANSION_OPERATOR.fullmatch(braced[4]) if braced else None
    pattern = (
        changes[2].partition("/")[0]
        if changes and changes[1] in ("/", "/%", "/#") and len(changes[2].partition("/")[0]) > 1
        else changes[2]
        if changes
        else ""
    )
    for part in re.split(r"[*?]+|\[[^\]]*\]|/(?=.)", pattern):
        if part and "$" not in part:
            yield re.sub(r"[\"'\\]", "", part)
    if changes and "/" in changes[2] and changes[1][0] in "%#":
        yield "/"
