"""The values that the grammar is made of: tokens, what is open around them, and how far a command has got.

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

# Where in a command the next word stands: at its beginning, after assignments or redirects only, after its name, after a
# compound command has closed (where only redirects and what closes the next one out may follow), or at a case's next pattern.
FRESH, BEGUN, WORDS, CLOSED, CLAUSE = range(5)

CLOSES = {
    ")": ("(",),
    "}": ("{", "for {"),
    "fi": ("if",),
    "done": ("while", "until", "for", "select"),
    "esac": ("case",),
}


class Before(NamedTuple):
    """What stands before a command and is no part of it: `!`, time, coproc or a function's name."""

    kind: str
    words: tuple[Word, ...]
    start: int


class Open(NamedTuple):
    """A compound command that has not closed yet; `word` begins it (`for {` one that closes with a brace)."""

    word: str
    start: int


class Token(NamedTuple):
    """What stands behind one place in the skeleton, where it is `shown` as something that tree-sitter understands.

    kind: word, assign, redirect, operator, newline, key (a reserved word or parenthesis), for, select, case, pattern, test, arith,
    or nothing (where a `!` or time has no command). `text` is set for operators, newlines and keys. `last` is true of an
    operator that ends a line.
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
    """How far reading has got.

    `stage` is one of the constants above; `before` what stands before the command to come. `after_pipe`: the command is not
    the first of its pipeline; `arrays`: its arguments may be arrays. `open` are the compound commands around it, and
    `waiting` the heredocs whose bodies follow the next newline.
    """

    stage: int = FRESH
    before: tuple[Before, ...] = ()
    after_pipe: bool = False
    arrays: bool = False
    open: tuple[Open, ...] = ()
    waiting: tuple[Heredoc, ...] = ()


class Step(NamedTuple):
    """What one scanning function has read: where that ends, and what it has found. `ends_line`: the operator before it does."""

    end: int
    state: State
    tokens: tuple[Token, ...] = ()
    comments: tuple[Comment, ...] = ()
    bodies: tuple[Word, ...] = ()
    ends_line: bool = False


BEGINNING = State()

Scanner: TypeAlias = "Callable[[Source, int, State], Step]"

SEPARATOR = Token("separator", ";", "", 0, 0)
"""A `;` that tree-sitter wants after a compound command and bash does not; nothing stands behind it."""


def key(shown: str, state: State, start: int, end: int) -> Token:
    """The token of a reserved word or parenthesis."""
    return Token("key", shown, shown, start, end, (), None, state.before)


def nothing(state: State, i: int) -> Token:
    """Stands for the command that a `!` or time does not have."""
    return Token("nothing", "x", "", i, i, (), None, state.before)


def fresh(state: State, after_pipe: bool = False) -> State:
    """The state at the beginning of the next command."""
    return State(FRESH, (), after_pipe, False, state.open, state.waiting)


def opened(state: State, word: str, start: int) -> State:
    """The state at the beginning of the first command in what `word` opens."""
    return State(FRESH, (), False, False, (*state.open, Open(word, start)), state.waiting)


def closed(state: State) -> State:
    """The state after a compound command."""
    return State(CLOSED, (), state.after_pipe, state.arrays, state.open, state.waiting)


def preceded(state: State, *before: Before) -> State:
    """The state behind what stands before a command."""
    return state._replace(before=state.before + before)


def shut(text: str, state: State, word: str, i: int) -> tuple[str, State]:
    """What `word` at `i` closes, and the state after it. Raises Refused where that is not open."""
    opener = state.open[-1].word if state.open and not state.before else ""
    if opener not in CLOSES[word]:
        raise unexpected(text, i)
    return opener, State(CLOSED, (), state.after_pipe, state.arrays, state.open[:-1], state.waiting)


def past(step: Step, gap: Gap) -> Step:
    """The step, with what `gap` has passed on the way."""
    return step._replace(comments=gap.comments, bodies=gap.bodies, state=step.state._replace(waiting=gap.waiting))
