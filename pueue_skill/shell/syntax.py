"""The syntax of a shell text as values: words, redirects, commands, lists and the Script that holds them.

Readers build them and every later stage walks them. They are NamedTuples and not dataclasses because the hook imports
this module on every command that passes the gate, and dataclasses imports inspect. Positions are character offsets into
the text of the Script that holds the node: `start` inclusive, `end` exclusive.
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

    `value` keeps expansions as written (`"$HOME/x"` has the value `$HOME/x`). `static` is true if there are none, so
    that `value` is exactly what the program receives. `origin[i]` is the position of `value[i]` in the source.
    `programs` are the command and process substitutions in the word.
    """

    text: str
    value: str
    static: bool
    start: int
    end: int
    origin: Sequence[int] = ()
    programs: tuple[Node, ...] = ()


class Redirect(NamedTuple):
    """A redirect: `op` with its target, or a heredoc with its body. `fd` is the number or {name} before the operator,
    or None."""

    op: str
    fd: str | None
    target: Word | None
    body: Word | None
    start: int
    end: int


class Simple(NamedTuple):
    """A simple command: assignments, words, redirects. `end` excludes heredoc bodies."""

    assigns: tuple[Word, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Pipeline(NamedTuple):
    """Commands joined by `|` or `|&`. A prefix (`!`, `time`, `time -p`) makes a pipeline of one command, or of none."""

    parts: tuple[Node, ...]
    start: int
    end: int
    prefix: tuple[str, ...] = ()


class Chain(NamedTuple):
    """A list: `operators[i]` follows `parts[i]` (`&&`, `||`, `;`, `&`, a newline); the last operator may be empty."""

    parts: tuple[Node, ...]
    operators: tuple[str, ...]
    start: int
    end: int


class Compound(NamedTuple):
    """A compound command or function definition.

    `kind`: subshell, group, for, while, until, if, case, select, function, coproc, arith or test. `words` are the
    loop's variable (or `((…;…;…))`) and items, the case word and all patterns, the name of the function or coproc, the
    `((…))`, or the operands and operators between `[[` and `]]`. `test` is the condition of a loop or an if.
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
    """A comment, from its `#` to the end of the line."""

    text: str
    start: int
    end: int


class Script(NamedTuple):
    """A parsed text. `parser` is the reader that parsed it."""

    text: str
    nodes: tuple[Node, ...]
    comments: tuple[Comment, ...]
    parser: Parser


class Unparsed(NamedTuple):
    """A text that no reader can parse, and the reason. It is never rewritten."""

    text: str
    reason: str
