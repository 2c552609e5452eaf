"""Reads the programs within words: `$(…)`, `<(…)`, `>(…)`, backticks, and those in `$((…))`.

In: a source, the start of a substitution, and the function that makes nodes of a skeleton. Out: the end of the substitution and the nodes
in it. The module does not know the text around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pueue_skill.shell.parse.expansions import programs_of, scan_bracketed
from pueue_skill.shell.parse.skeleton import Skeleton, read_program
from pueue_skill.shell.parse.source import Refused, Source, Substitution, at_level
from pueue_skill.shell.syntax import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias, TypeVar

    Placed = TypeVar("Placed")

Build: TypeAlias = "Callable[[Skeleton], tuple[Node, ...]]"


def read_substitution(build: Build, source: Source, i: int, quoted: bool) -> Substitution:
    """Read the substitution at `i`; `quoted` is true within double quotes. Raises Refused for its content, as for a whole text."""
    if source.text[i] == "`":
        return read_backticks(build, source, i, quoted)
    if i in source.known:
        return source.known[i]
    inner, found = at_level(source, source.level + 1), None
    if source.text.startswith("$((", i):
        found = read_arithmetic(inner, i)
    if found is None:
        skeleton = read_program(inner, i + 2, ")")
        found = Substitution(skeleton.end + 1, build(skeleton))
    source.known[i] = found
    return found


def read_arithmetic(source: Source, i: int) -> Substitution | None:
    """Read the `$((…))` at `i`; None if it is a subshell in a command substitution."""
    inside = scan_bracketed(source, i, i + 3, "(", ")")
    if not source.text.startswith(")", inside.end):
        return None
    return Substitution(inside.end + 1, programs_of(inside.expansions))


def read_backticks(build: Build, source: Source, i: int, quoted: bool) -> Substitution:
    """Read the substitution between the backtick at `i` and the next."""
    text, places, end = unescaped(source.text, i, '$`\\"' if quoted else "$`\\")
    inner = at_level(source, source.level + 1)._replace(text=text, known={})
    programs = build(read_program(inner))
    where = range(i + 1, end) if len(places) == end - 1 - i else places
    return Substitution(end, relocated(programs, where))


def unescaped(text: str, i: int, escapable: str) -> tuple[str, list[int], int]:
    """Return the command between the backtick at `i` and the next, the positions of its characters and its end, and the end of that backtick.

    `\\x` becomes x for an `escapable` x, and line continuations are dropped.
    """
    chars: list[str] = []
    places: list[int] = []
    at = i + 1
    while text[at : at + 1] != "`":
        if at >= len(text):
            raise Refused(f"the backtick at character {i} is not closed")
        if text.startswith("\\\n", at):
            at += 2
            continue
        pair = text[at] == "\\" and at + 1 < len(text)
        if pair and text[at + 1] in escapable:
            at, pair = at + 1, False
        for _ in range(1 + pair):
            chars.append(text[at])
            places.append(at)
            at += 1
    return "".join(chars), [*places, at], at + 1


def relocated(value: Placed, where: Sequence[int]) -> Placed:
    """Return a node, and everything in it, with positions in another text: i becomes where[i]."""
    if not isinstance(value, tuple):
        return value
    fields = getattr(value, "_fields", None)
    if fields is None:
        return tuple([relocated(item, where) for item in value])  # type: ignore[return-value]
    moved = [relocated_field(name, item, where) for name, item in zip(fields, value, strict=True)]
    return type(value)(*moved)


def relocated_field(name: str, value: Any, where: Sequence[int]) -> Any:
    """Return the value of a node's field with positions in the other text."""
    if name == "start":
        return where[value]
    if name == "end":
        return where[value - 1] + 1 if value else where[0]
    if name == "origin":
        if isinstance(value, range) and isinstance(where, range) and value and where:
            return where[value[0] : value[-1] + 1]
        return tuple([where[i] for i in value])
    return relocated(value, where)
