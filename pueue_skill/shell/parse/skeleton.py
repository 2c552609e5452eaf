"""Reduces a text to its grammar, for tree-sitter-bash to parse.

In: a source. Out: its skeleton, with an `x` for each word and with all operators and reserved words; and the tokens that it represents:
words with the programs in them, redirects with their heredocs, assignments, headers of loops. tree-sitter's own scanner misreads the
lexically hard parts of bash (heredocs, quotes in expansions, `time`, `case` patterns), so it sees none of them. The rules are those of
bash's parse.y. The module knows neither tree-sitter nor the meaning of a command.
"""

from __future__ import annotations

from pueue_skill.shell.parse.headers import scan_clause
from pueue_skill.shell.parse.lines import scan_comment, skip_blanks
from pueue_skill.shell.parse.operators import (
    REDIRECT,
    REDIRECT_START,
    scan_closing,
    scan_newline,
    scan_opening,
    scan_operator,
    scan_redirect,
)
from pueue_skill.shell.parse.reserved import RESERVED, scan_reserved
from pueue_skill.shell.parse.simple import scan_arguments, scan_first
from pueue_skill.shell.parse.source import Refused, Source, at_level, unexpected
from pueue_skill.shell.parse.tokens import (
    BEGINNING,
    BEGUN,
    CLAUSE,
    CLOSED,
    SEPARATOR,
    WORDS,
    Scanner,
    State,
    Step,
    Token,
    nothing,
)
from pueue_skill.shell.syntax import Comment, Redirect, Word


class Skeleton:
    """A program: the whole text, or the content of a substitution. `tokens` are the tokens by their offsets in the skeleton.

    `end` is the end of the program in its text.
    """

    def __init__(self) -> None:
        self.end = 0
        self.tokens: dict[int, Token] = {}
        self.comments: list[Comment] = []
        self.shown_parts: list[str] = []
        self.size = 0
        self.heredocs: dict[int, Redirect] = {}

    def shown(self) -> bytes:
        return " ".join(self.shown_parts).encode("ascii")

    def take(self, step: Step) -> None:
        """Add the tokens of a step."""
        if step.ends_line and self.tokens:
            place, token = next(reversed(self.tokens.items()))
            if token.text in (";", "&"):
                self.tokens[place] = token._replace(last=True)
        if step.bodies:
            self.fill(step.bodies)
        for token in step.tokens:
            shown, redirect = token.shown, token.redirect
            if token is not SEPARATOR:
                self.tokens[self.size] = token
            if redirect and redirect.op in ("<<", "<<-"):
                self.heredocs[self.size] = redirect
            self.shown_parts.append(shown)
            self.size += len(shown) + 1
        if step.comments:
            self.comments.extend(step.comments)

    def fill(self, bodies: tuple[Word, ...]) -> None:
        """Give the bodies to the waiting heredocs, in order."""
        for (place, redirect), body in zip(self.heredocs.items(), bodies, strict=True):
            self.tokens[place] = self.tokens[place]._replace(redirect=redirect._replace(body=body))
        self.heredocs.clear()


def read_program(source: Source, i: int = 0, closer: str = "") -> Skeleton:
    """Return the skeleton of the program at `i`, up to the parenthesis that closes a substitution, or to the end of the text.

    Raises Refused for a syntax error in bash that tree-sitter would not find.
    """
    text, outer = source.text, source.level
    skeleton, state = Skeleton(), BEGINNING
    while True:
        i = skip_blanks(text, i)
        if i >= len(text) and state.stage != CLAUSE:
            if closer:
                raise Refused("a `$(` or `<(` is not closed")
            break
        if closer and not state.open and text[i] == ")":
            break
        step = scanner(text, i, state)(source, i, state)
        skeleton.take(step)
        if step.state.open is not state.open:
            source = at_level(source, outer + len(step.state.open))
        i, state = step.end, step.state
    if state.before or state.waiting or state.open:
        skeleton.take(finish(text, i, state))
    skeleton.end = i
    return skeleton


def scanner(text: str, i: int, state: State) -> Scanner:
    """Return the function that scans the text at `i`, after blanks. It is not called here, since Python limits nested calls."""
    if state.stage == CLAUSE:
        return scan_clause
    char = text[i]
    if char in REDIRECT_START and REDIRECT.match(text, i):
        return scan_redirect
    return BY_CHARACTER.get(char) or word_scanner(text, i, state)


def word_scanner(text: str, i: int, state: State) -> Scanner:
    """Return the function that scans the word or reserved word at `i`."""
    if state.stage in (WORDS, BEGUN):
        return scan_arguments if state.stage == WORDS else scan_first
    reserved = RESERVED.match(text, i)
    if reserved and (reserved[0] != "time" or not state.after_pipe):
        return scan_reserved
    if state.stage == CLOSED or (state.before and state.before[-1].kind == "function"):
        raise unexpected(text, i)
    return scan_first


def scan_comment_step(source: Source, i: int, state: State) -> Step:
    comment = scan_comment(source.text, i)
    return Step(comment.end, state, comments=(comment,))


BY_CHARACTER: dict[str, Scanner] = {
    "\n": scan_newline,
    "#": scan_comment_step,
    ";": scan_operator,
    "&": scan_operator,
    "|": scan_operator,
    "(": scan_opening,
    ")": scan_closing,
}


def finish(text: str, i: int, state: State) -> Step:
    """Return the step at the end of a program. Raises Refused if a command is still open."""
    before = state.before[-1].kind if state.before else ""
    if before in ("function", "coproc") or (before and i < len(text)):
        raise unexpected(text, i)
    if state.waiting:
        raise Refused(f"the heredoc at character {state.waiting[0].start} does not end")
    if state.open:
        raise Refused(f"the `{state.open[-1].word}` at character {state.open[-1].start} is not closed")
    return Step(i, state, (nothing(state, i),) if before else ())
