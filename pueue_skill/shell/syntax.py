"""The syntax of a shell text as values: words, redirects, commands, lists and the Script that holds them.

Readers make them and every later stage walks over them. They are NamedTuples and not dataclasses because the hook imports this module on
every command that passes the gate, and dataclasses pulls in inspect. All positions are character offsets, `start` inclusive and `end`
exclusive, into the text of the Script that holds the node.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.shell.literals import Parser


class Word(NamedTuple):
    """One shell word (POSIX 2.3): `text` as written, `value` after quote removal.

    In `value` expansions stand as they were written (`"$HOME/x"` has the value `$HOME/x`); `static` is true when there
    are none, so that `value` is exactly what the program receives. `origin[i]` is where `value[i]` stands in the
    source. `programs` are the command and process substitutions within.
    """

    text: str
    value: str
    static: bool
    start: int
    end: int
    origin: Sequence[int] = ()
    programs: tuple[Node, ...] = ()


class Redirect(NamedTuple):
    """`op` with its target, a heredoc's body included; `fd` is the number or {name} before the operator, or None."""

    op: str
    fd: str | None
    target: Word | None
    body: Word | None
    start: int
    end: int


class Simple(NamedTuple):
    """A simple command: assignments, words, redirects. `end` leaves out heredoc bodies."""

    assigns: tuple[Word, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Pipeline(NamedTuple):
    """Commands joined by `|` or `|&`; one, or none, behind the reserved words of `prefix` (`!`, time, time -p)."""

    parts: tuple[Node, ...]
    start: int
    end: int
    prefix: tuple[str, ...] = ()


class Chain(NamedTuple):
    """A list: `operators[i]` stands after `parts[i]` (`&&`, `||`, `;`, `&`, a newline); the last may be empty."""

    parts: tuple[Node, ...]
    operators: tuple[str, ...]
    start: int
    end: int


class Compound(NamedTuple):
    """A compound command or function definition.

    kind: subshell, group, for, while, until, if, case, select, function, coproc, arith or test. `words` are the loop's
    variable (or `((…;…;…))`) and items, the case word and all patterns, the function's or coproc's name, the `((…))`, or the
    operands and operators between `[[` and `]]`; `test` is a loop's or an if's condition.
    """

    kind: str
    words: tuple[Word, ...]
    test: tuple[Node, ...]
    body: tuple[Node, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


Node: TypeAlias = "Simple | Pipeline | Chain | Compound"


class Comment(NamedTuple):
    text: str
    start: int
    end: int


class Script(NamedTuple):
    """A parsed text. `parser` names the reader that understood it."""

    text: str
    nodes: tuple[Node, ...]
    comments: tuple[Comment, ...]
    parser: Parser


class Unparsed(NamedTuple):
    """A text that no reader understood; nothing is ever rewritten from it."""

    text: str
    reason: str
