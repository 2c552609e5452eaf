"""Scans reserved words, the names of functions and coprocesses, and the words `!` and time before a command.

In: a source, the position of a reserved word and the state there. Out: a Step. Raises Refused for a syntax error in bash. The modules
headers and conditions scan the headers of compound commands and `[[ … ]]`.
"""

from __future__ import annotations

import re

from pueue_skill.shell.parse.conditions import scan_condition
from pueue_skill.shell.parse.headers import scan_case, scan_loop
from pueue_skill.shell.parse.lines import skip_blanks
from pueue_skill.shell.parse.source import Source, unexpected
from pueue_skill.shell.parse.tokens import (
    CLOSED,
    CLOSES,
    SEPARATOR,
    Before,
    State,
    Step,
    Token,
    closed,
    fresh,
    key,
    opened,
    past,
    preceded,
    shut,
)
from pueue_skill.shell.parse.words import WORD_END, literal_word, scan_word
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.syntax import Word

RESERVED = regex(
    r"(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|select|in|function|time|coproc|\[\[|\]\]|[{}!])"
    + WORD_END
)
ENDING = ("then", "elif", "else", "fi", "do", "done", "esac", "}")
"""Reserved words that end a list of commands. They can follow a compound command directly."""
PREFIX = regex("(?:!|time)" + WORD_END)
TIME_P = regex(r"(?:[ \t]|\\\n)+-p" + WORD_END)
TIME_END = regex(r"(?:[ \t]|\\\n)+--" + WORD_END)
COPROC_NAME = regex(
    r"[ \t]+(?!(?:if|while|until|for|case|select|\[\[|\{)[ \t\n])([A-Za-z_]\w*)"
    r"(?=[ \t]+(?:[(]|(?:if|while|until|for|case|select|\[\[|\{)[ \t\n]))",
    re.ASCII,
)
PARENTHESES = regex(r"[ \t]*\([ \t]*\)")


def scan_reserved(source: Source, i: int, state: State) -> Step:
    """Scan the reserved word at `i`, with its header or condition, if it has one."""
    text = source.text
    word = RESERVED.match(text, i)[0]  # type: ignore[index]
    end = i + len(word)
    if word in ENDING:
        return close(text, i, state, word)
    if state.stage == CLOSED or word in ("in", "]]"):
        raise unexpected(text, i)
    if word in ("if", "while", "until", "{"):
        return Step(end, opened(state, word, i), (key(word, state, i, end),))
    if word in ("for", "select"):
        return scan_loop(source, i, state, word)
    if word == "case":
        return scan_case(source, i, state)
    if word == "[[":
        words, gap = scan_condition(source, end, state.waiting)
        token = Token("test", "x", "", i, gap.end, words, None, state.before)
        return past(Step(gap.end, closed(state), (token,)), gap)
    if state.before and state.before[-1].kind in ("function", "coproc"):
        raise unexpected(text, i)
    if word == "function":
        return scan_function(source, i, state)
    if word == "coproc":
        return scan_coproc(source, i, state)
    return scan_prefixes(source, i, state)


def close(text: str, i: int, state: State, word: str) -> Step:
    """Return the step past a reserved word that ends a list of commands."""
    if state.before:
        raise unexpected(text, i)
    end = i + len(word)
    shown, after = word, fresh(state)
    if word in CLOSES:
        opener, after = shut(text, state, word, i)
        shown = "done" if opener == "for {" else word
    token = key(shown, state, i, end)
    return Step(end, after, (SEPARATOR, token) if state.stage == CLOSED else (token,))


def scan_function(source: Source, i: int, state: State) -> Step:
    """Scan the word function with its name."""
    name, end = scan_word(source, skip_blanks(source.text, i + len("function")))
    parentheses = PARENTHESES.match(source.text, end)
    end = parentheses.end() if parentheses else end
    return Step(end, preceded(state, Before("function", (name,), i)))


def scan_coproc(source: Source, i: int, state: State) -> Step:
    """Scan the word coproc, with its name if a compound command follows."""
    end = i + len("coproc")
    name = COPROC_NAME.match(source.text, end)
    words: tuple[Word, ...] = ()
    if name:
        words, end = (literal_word(source.text, *name.span(1)),), name.end()
    return Step(end, preceded(state, Before("coproc", words, i)))


def scan_prefixes(source: Source, i: int, state: State) -> Step:
    """Scan all words `!` and time at `i`."""
    text, found = source.text, []
    end = i
    while prefix := PREFIX.match(text, i):
        end = prefix.end()
        kind = prefix[0]
        if kind == "!" and state.after_pipe:
            raise unexpected(text, i)
        if kind == "time":
            portable = TIME_P.match(text, end)
            kind, end = ("time -p", portable.end()) if portable else (kind, end)
            dashes = TIME_END.match(text, end)
            end = dashes.end() if dashes else end
        found.append(Before(kind, (), i))
        i = skip_blanks(text, end)
    return Step(end, preceded(state, *found))
