"""Scans the headers of for and select loops, of case commands and of their clauses.

In: a source, a position and the state there. Out: a Step past the header, whose words tree-sitter does not see. Raises Refused for a
syntax error in bash.
"""

from __future__ import annotations

from pueue_skill.shell.parse.lines import Gap, skip_blanks, skip_gap
from pueue_skill.shell.parse.operators import REDIRECT, scan_arithmetic
from pueue_skill.shell.parse.source import Source, unexpected
from pueue_skill.shell.parse.tokens import CLAUSE, State, Step, Token, fresh, key, opened, past, shut
from pueue_skill.shell.parse.words import WORD_END, scan_word
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

IN = regex("in" + WORD_END)
DO = regex("(?:do|{)" + WORD_END)
ESAC = regex("esac" + WORD_END)


class Header(NamedTuple):
    """The words of a loop's header, and the gap before its `do`."""

    words: tuple[Word, ...]
    gap: Gap


def scan_loop(source: Source, i: int, state: State, word: str) -> Step:
    """Scan the header of the for or select at `i`, and the `do` or brace after it."""
    text = source.text
    start = skip_blanks(text, i + len(word))
    counted = word == "for" and text.startswith("((", start)
    words, gap = (scan_counter if counted else scan_items)(source, start, state)
    do = DO.match(text, gap.end)
    if not do:
        raise unexpected(text, gap.end)
    loop = Token(word, "for x ;", "", i, gap.end, words, None, state.before)
    after = opened(state, "for {" if do[0] == "{" else word, i)
    return past(Step(do.end(), after, (loop, key("do", after, *do.span()))), gap)


def scan_counter(source: Source, i: int, state: State) -> Header:
    """Scan the `((…;…;…))` of a for loop."""
    text = source.text
    word = scan_arithmetic(source, i)
    if word is None or word.text.count(";") < 2:
        raise unexpected(text, i)
    end = skip_blanks(text, word.end)
    end += text.startswith(";", end)
    return Header((word,), skip_gap(source, end, Gap(end, state.waiting)))


def scan_items(source: Source, i: int, state: State) -> Header:
    """Scan the variable of a loop, and the items after its `in`."""
    text = source.text
    variable, end = scan_word(source, i)
    gap = skip_gap(source, end, Gap(end, state.waiting))
    if IN.match(text, gap.end):
        return scan_in(source, gap.end + len("in"), (variable,), gap)
    if skip_blanks(text, end) == gap.end:
        if text.startswith("{", gap.end):
            raise unexpected(text, gap.end)
        end = gap.end + text.startswith(";", gap.end)
        gap = skip_gap(source, end, gap)
    return Header((variable,), gap)


def scan_in(source: Source, i: int, variable: tuple[Word, ...], gap: Gap) -> Header:
    """Scan the items of a loop from `i` to the end of their line or command; they follow its `variable`."""
    text, words = source.text, list(variable)
    i = skip_blanks(text, i)
    while i < len(text) and text[i] not in ";\n#":
        if text[i] in "|&()" or REDIRECT.match(text, i):
            raise unexpected(text, i)
        word, end = scan_word(source, i)
        words.append(word)
        i = skip_blanks(text, end)
    return Header(tuple(words), skip_gap(source, i + text.startswith(";", i), gap))


def scan_case(source: Source, i: int, state: State) -> Step:
    """Scan the case at `i` up to its `in`."""
    subject, end = scan_word(source, skip_blanks(source.text, i + len("case")))
    gap = skip_gap(source, end, Gap(end, state.waiting))
    if not IN.match(source.text, gap.end):
        raise unexpected(source.text, gap.end)
    end = gap.end + len("in")
    token = Token("case", "case x in", "", i, end, (subject,), None, state.before)
    return past(Step(end, opened(state, "case", i)._replace(stage=CLAUSE), (token,)), gap)


def scan_clause(source: Source, i: int, state: State) -> Step:
    """Scan the patterns of a case's next clause, up to their `)`, or its esac."""
    text = source.text
    gap = skip_gap(source, i, Gap(i, state.waiting))
    start = at = gap.end
    if ESAC.match(text, at):
        _, after = shut(text, state, "esac", at)
        end = at + len("esac")
        return past(Step(end, after, (key("esac", state, at, end),)), gap)
    if text.startswith("(", at):
        at = skip_blanks(text, at + 1)
    words = []
    while True:
        word, end = scan_word(source, at)
        words.append(word)
        at = skip_blanks(text, end)
        if text.startswith(")", at):
            token = Token("pattern", "x )", "", start, at + 1, tuple(words))
            return past(Step(at + 1, fresh(state), (token,)), gap)
        if not text.startswith("|", at):
            raise unexpected(text, at)
        at = skip_blanks(text, at + 1)
