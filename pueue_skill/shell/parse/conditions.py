"""Scans the expression of a `[[ … ]]`.

In: a source and the position of the expression. Out: its operands and operators as words, and the end of the `]]`. Raises Refused
for a syntax error in bash. Source: parse_cond in bash's parse.y.
"""

from __future__ import annotations

from pueue_skill.shell.parse.lines import Gap, Heredoc, skip_blanks, skip_gap
from pueue_skill.shell.parse.source import DEPTH, Refused, Source, unexpected
from pueue_skill.shell.parse.words import (
    ORDINARY,
    PATTERN,
    REGULAR_EXPRESSION,
    WORD_END,
    WordKind,
    literal_word,
    scan_word,
)
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.regex import regex

CONDITION_END = regex(r"\]\]" + WORD_END)
UNARY = regex(r"-[abcdefghknoprstuvwxzGLNORS]" + WORD_END)
OPERANDS = {
    **dict.fromkeys(("<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"), ORDINARY),
    **dict.fromkeys(("=", "==", "!="), PATTERN),
    "=~": REGULAR_EXPRESSION,
}
"""The binary operators, and the kind of the word to their right."""


def scan_condition(source: Source, i: int, waiting: tuple[Heredoc, ...]) -> tuple[tuple[Word, ...], Gap]:
    """Return the words of the expression at `i`, and all gaps between them, up to the end of the `]]`."""
    text = source.text
    words: list[Word] = []
    depth = 0
    gap = skip_gap(source, i, Gap(i, waiting))
    while True:
        if text.startswith("(", gap.end):
            depth += 1
            if depth > DEPTH:
                raise Refused(f"the command is nested more than {DEPTH} levels deep")
            gap = skip_gap(source, gap.end + 1, gap)
            continue
        term, end = scan_term(source, gap.end)
        words.extend(term)
        gap = skip_gap(source, end, gap)
        if term[-1].text == "!" and len(term) == 1:
            continue
        while depth and text.startswith(")", gap.end):
            depth -= 1
            gap = skip_gap(source, gap.end + 1, gap)
        if not text.startswith(("&&", "||"), gap.end):
            break
        words.append(literal_word(text, gap.end, gap.end + 2))
        gap = skip_gap(source, gap.end + 2, gap)
    if depth or not CONDITION_END.match(text, gap.end):
        raise unexpected(text, gap.end)
    return tuple(words), gap._replace(end=gap.end + len("]]"))


def scan_term(source: Source, i: int) -> tuple[tuple[Word, ...], int]:
    """Return the words of one test at `i` (or a `!` before one), and its end. A test contains no newline."""
    text = source.text
    first, end = scan_operand(source, i)
    if first.text == "!":
        return (first,), end
    at = skip_blanks(text, end)
    if UNARY.match(first.text):
        second, end = scan_operand(source, at)
        return (first, second), end
    if CONDITION_END.match(text, at) or text.startswith((")", "&&", "||"), at):
        return (first,), at
    if text.startswith(("<", ">"), at) and not text.startswith("(", at + 1):
        operator, end = literal_word(text, at, at + 1), at + 1
    else:
        operator, end = scan_word(source, at)
    kind = OPERANDS.get(operator.text)
    if kind is None:
        raise unexpected(text, at)
    third, end = scan_operand(source, skip_blanks(text, end), kind)
    return (first, operator, third), end


def scan_operand(source: Source, i: int, kind: WordKind = ORDINARY) -> tuple[Word, int]:
    if CONDITION_END.match(source.text, i):
        raise unexpected(source.text, i)
    return scan_word(source, i, kind)
