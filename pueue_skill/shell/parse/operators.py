"""Scans operators, line ends, parentheses and redirects.

In: a source, a position and the state there. Out: a Step. Raises Refused for a syntax error in bash. The module knows no reserved
words.
"""

from __future__ import annotations

import re

from pueue_skill.shell.parse.expansions import joined, literal, scan_bracketed
from pueue_skill.shell.parse.lines import Heredoc, scan_bodies, skip_blanks
from pueue_skill.shell.parse.source import Refused, Source, unexpected
from pueue_skill.shell.parse.tokens import (
    BEGUN,
    CLAUSE,
    FRESH,
    State,
    Step,
    Token,
    closed,
    fresh,
    key,
    nothing,
    opened,
    shut,
)
from pueue_skill.shell.parse.words import literal_word, scan_word, word_of
from pueue_skill.shell.syntax import Redirect
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.syntax import Word

OPERATOR = regex(r";;&|;;|;&|;|&&|&|\|\||\|&|\|")
REDIRECT = regex(
    r"(\d+|\{[A-Za-z_]\w*(?:\[[^]\s]*\])?\})?(<<<|<<-|<<|<&|<>|<(?!\()|>>|>&|>\||>(?!\())|&>>|&>", re.ASCII
)
PARTED = regex(r"(?:\\\n)+([;&|<>(-])")
LONGER = set("&& || ;; ;& ;;& |& &> &>> << <<< <<- <& <> <( >> >& >| >( ((".split())
"""The operators of two and more characters. bash reads them even with a line continuation between the characters."""
REDIRECT_START = "<>&{0123456789"
"""The characters that can begin a redirect."""
HEREDOCS = 16
"""The number of heredocs that a line can begin (HEREDOC_MAX in bash's parser.h)."""


def refuse_parted(text: str, operator: str, end: int) -> None:
    """Raise Refused if a line continuation separates the operator that ends at `end` from a character that would make it longer."""
    parted = PARTED.match(text, end)
    if parted and operator + parted[1] in LONGER:
        raise Refused(f"the {operator + parted[1]!r} before character {parted.end()} is parted by a line's end")


def scan_newline(source: Source, i: int, state: State) -> Step:
    """Scan the newline at `i`, with the bodies of the heredocs of its line."""
    before = state.before[-1].kind if state.before else ""
    if before == "coproc":
        raise unexpected(source.text, i)
    end, bodies = scan_bodies(source, i + 1, state.waiting)
    tokens: tuple[Token, ...] = ()
    if before not in ("", "function"):
        tokens = (nothing(state, i), Token("newline", ";", "\n", i, i + 1))
    elif state.stage != FRESH:
        tokens = (Token("newline", ";", "\n", i, i + 1),)
    elif before == "function":
        return Step(end, state._replace(waiting=()), bodies=bodies)
    after_pipe = state.after_pipe and not tokens
    return Step(end, State(FRESH, (), after_pipe, False, state.open), tokens, (), bodies, ends_line=not tokens)


def scan_operator(source: Source, i: int, state: State) -> Step:
    """Scan the operator of a list, a pipeline or a case at `i`."""
    operator: str = OPERATOR.match(source.text, i)[0]  # type: ignore[index]
    end = i + len(operator)
    if source.text.startswith("\\", end):
        refuse_parted(source.text, operator, end)
    before = state.before[-1].kind if state.before else ""
    if operator in (";;", ";&", ";;&"):
        if before or not (state.open and state.open[-1].word == "case"):
            raise unexpected(source.text, i)
        return Step(end, fresh(state)._replace(stage=CLAUSE), (Token("operator", ";;", ";;", i, end),))
    token = Token("operator", operator, operator, i, end)
    after = fresh(state, operator in ("|", "|&"))
    if state.stage != FRESH:
        return Step(end, after, (token,))
    if operator == ";" and before in ("!", "time", "time -p"):
        return Step(end, after, (nothing(state, i), token))
    raise unexpected(source.text, i)


def scan_opening(source: Source, i: int, state: State) -> Step:
    """Scan the parenthesis of a subshell at `i`, or a whole arithmetic command."""
    if state.stage != FRESH:
        raise unexpected(source.text, i)
    refuse_parted(source.text, "(", i + 1)
    word = scan_arithmetic(source, i)
    if word:
        return Step(word.end, closed(state), (Token("arith", "x", "", i, word.end, (word,), None, state.before),))
    return Step(i + 1, opened(state, "(", i), (key("(", state, i, i + 1),))


def scan_closing(source: Source, i: int, state: State) -> Step:
    """Scan the parenthesis at `i` that closes a subshell."""
    _, after = shut(source.text, state, ")", i)
    return Step(i + 1, after, (key(")", state, i, i + 1),))


def scan_arithmetic(source: Source, i: int) -> Word | None:
    """Scan the `((…))` at `i` as one word; None if it is a subshell in a subshell."""
    if not source.text.startswith("((", i):
        return None
    inside = scan_bracketed(source, i, i + 2, "(", ")")
    if not source.text.startswith(")", inside.end):
        return None
    whole = joined([inside, literal(source.text, inside.end, inside.end + 1)], inside.end + 1)
    return word_of(source.text, i, [whole])._replace(static=False)


def scan_redirect(source: Source, i: int, state: State) -> Step:
    """Scan the redirect at `i` with its target; the body of a heredoc follows later."""
    text = source.text
    found: re.Match[str] = REDIRECT.match(text, i)  # type: ignore[assignment]
    if state.before and state.before[-1].kind == "function":
        raise unexpected(text, i)
    fd, operator = found[1], found[2] or found[0]
    refuse_parted(text, operator, found.end())
    at = skip_blanks(text, found.end())
    if operator in (">&", "<&") and text.startswith("-", at):
        # The `-` completes the redirect that closes a descriptor; text attached to it is the next word.
        target, end = literal_word(text, at, at + 1), at + 1
    else:
        target, end = scan_word(source, at)
        follows = REDIRECT.match(text, at)
        if follows and follows[1] and operator not in (">&", "<&"):
            raise unexpected(text, end)
    waiting = state.waiting
    if operator in ("<<", "<<-"):
        if len(waiting) == HEREDOCS:
            raise Refused(f"more than {HEREDOCS} heredocs begin on one line, which is more than bash reads")
        target = target._replace(programs=())
        waiting = (*waiting, Heredoc(i, operator == "<<-", target))
    redirect = Redirect(operator, fd, target, None, i, target.end)
    token = Token("redirect", "> x", "", i, target.end, (), redirect, state.before)
    stage = BEGUN if state.stage == FRESH else state.stage
    return Step(end, State(stage, (), state.after_pipe, state.arrays, state.open, waiting), (token,))
