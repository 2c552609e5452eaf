"""The values of the scanner: tokens, the compound commands around them, and the state within a command.

In: nothing. Out: types. The scanning functions of the modules operators, simple, reserved and headers take a source, a position and
a State, and return a Step.
"""

from __future__ import annotations

from collections.abc import Callable

from pueue_skill.shell.parse.lines import Gap, Heredoc
from pueue_skill.shell.parse.source import Source, unexpected
from pueue_skill.shell.syntax import Comment, Redirect, Word
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

# The position of the next word in a command: at its start, after assignments or redirects only, after its name, after a closed
# compound command (where only redirects and the end of the enclosing command can follow), or at a case's next pattern.
FRESH, BEGUN, WORDS, CLOSED, CLAUSE = range(5)

CLOSES = {
    ")": ("(",),
    "}": ("{", "for {"),
    "fi": ("if",),
    "done": ("while", "until", "for", "select"),
    "esac": ("case",),
}


class Before(NamedTuple):
    """A prefix of a command: `!`, time, coproc or a function's name."""

    kind: str
    words: tuple[Word, ...]
    start: int


class Open(NamedTuple):
    """A compound command that is not closed yet; `word` begins it (`for {` is a loop that a brace closes)."""

    word: str
    start: int


class Token(NamedTuple):
    """A token; tree-sitter sees `shown` in its place.

    kind: word, assign, redirect, operator, newline, key (a reserved word or parenthesis), for, select, case, pattern, test, arith,
    or nothing (a `!` or time without a command). `text` is set for operators, newlines and keys. `last`: an operator at the end of
    a line.
    """

    kind: str
    shown: str
    text: str
    start: int
    end: int
    words: tuple[Word, ...] = ()
    redirect: Redirect | None = None
    before: tuple[Before, ...] = ()
    last: bool = False


class State(NamedTuple):
    """The state of the scan.

    `stage` is one of the constants above; `before` are the prefixes of the next command. `after_pipe`: the command is not the first of
    its pipeline; `arrays`: its arguments can be arrays. `open` are the compound commands around it, and `waiting` the heredocs whose
    bodies follow the next newline.
    """

    stage: int = FRESH
    before: tuple[Before, ...] = ()
    after_pipe: bool = False
    arrays: bool = False
    open: tuple[Open, ...] = ()
    waiting: tuple[Heredoc, ...] = ()


class Step(NamedTuple):
    """The result of a scanning function: its end, tokens and state. `ends_line`: the operator before it ends a line."""

    end: int
    state: State
    tokens: tuple[Token, ...] = ()
    comments: tuple[Comment, ...] = ()
    bodies: tuple[Word, ...] = ()
    ends_line: bool = False


BEGINNING = State()

Scanner: TypeAlias = "Callable[[Source, int, State], Step]"

SEPARATOR = Token("separator", ";", "", 0, 0)
"""A `;` that tree-sitter needs after a compound command; the text has none."""


def key(shown: str, state: State, start: int, end: int) -> Token:
    """Return the token of a reserved word or parenthesis."""
    return Token("key", shown, shown, start, end, (), None, state.before)


def nothing(state: State, i: int) -> Token:
    """Return the token for the missing command of a `!` or time."""
    return Token("nothing", "x", "", i, i, (), None, state.before)


def fresh(state: State, after_pipe: bool = False) -> State:
    """Return the state at the start of the next command."""
    return State(FRESH, (), after_pipe, False, state.open, state.waiting)


def opened(state: State, word: str, start: int) -> State:
    """Return the state at the start of the first command in the compound command that `word` opens."""
    return State(FRESH, (), False, False, (*state.open, Open(word, start)), state.waiting)


def closed(state: State) -> State:
    """Return the state after a compound command."""
    return State(CLOSED, (), state.after_pipe, state.arrays, state.open, state.waiting)


def preceded(state: State, *before: Before) -> State:
    """Return the state after prefixes of a command."""
    return state._replace(before=state.before + before)


def shut(text: str, state: State, word: str, i: int) -> tuple[str, State]:
    """Return the word that opened what `word` at `i` closes, and the state after it. Raises Refused if nothing matching is open."""
    opener = state.open[-1].word if state.open and not state.before else ""
    if opener not in CLOSES[word]:
        raise unexpected(text, i)
    return opener, State(CLOSED, (), state.after_pipe, state.arrays, state.open[:-1], state.waiting)


def past(step: Step, gap: Gap) -> Step:
    """Return the step with the comments and heredoc bodies of `gap` after it."""
    return step._replace(comments=gap.comments, bodies=gap.bodies, state=step.state._replace(waiting=gap.waiting))
