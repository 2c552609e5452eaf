"""Traversals of a Script: nodes in, the statements of its lists, or the nodes inside them, out.

Nothing is judged here. This module knows how nodes nest, so that other modules need not.
"""

from __future__ import annotations

from collections.abc import Iterator

from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple
from pueue_skill.startup.record import NamedTuple

LOOPS = ("for", "while", "until", "select")


class Statement(NamedTuple):
    """A statement of a list and the operator after it; the end of a line counts as an operator."""

    node: Node
    operator: str


def statements(nodes: tuple[Node, ...]) -> list[Statement]:
    """The statements of `nodes`, with lists and lines flattened."""
    found: list[Statement] = []
    for node in nodes:
        if isinstance(node, Chain):
            found += [
                Statement(part, operator or "\n") for part, operator in zip(node.parts, node.operators, strict=True)
            ]
        else:
            found.append(Statement(node, "\n"))
    return found


def only_node(script: Script) -> Node | None:
    """The only node of a script, ignoring a final `;`, or None."""
    found = statements(script.nodes)
    return found[0].node if len(found) == 1 and found[0].operator in ("\n", ";") else None


def separator(operator: str) -> str:
    """The text to put between two statements joined by `operator`."""
    return {"\n": "\n", ";": "; "}.get(operator, f" {operator} ")


def is_wait(part: Statement) -> bool:
    """Whether the statement is `wait` without arguments."""
    return isinstance(part.node, Simple) and [word.value for word in part.node.words] == ["wait"]


def and_or_lists(found: list[Statement]) -> list[list[Statement]]:
    """The statements grouped into and-or lists (POSIX 2.9.3)."""
    lists: list[list[Statement]] = [[]]
    for statement in found:
        lists[-1].append(statement)
        if statement.operator not in ("&&", "||"):
            lists.append([])
    return lists[:-1]


def compounds(node: Node) -> Iterator[Compound]:
    """The compound commands in `node`, including nested ones."""
    if isinstance(node, Compound):
        yield node
        for inner in (*node.test, *node.body):
            yield from compounds(inner)
    elif not isinstance(node, Simple):
        for inner in node.parts:
            yield from compounds(inner)


def simple_nodes(nodes: tuple[Node, ...], outer: tuple[str, ...] = ()) -> Iterator[tuple[Simple, tuple[str, ...]]]:
    """The simple commands in `nodes`, each with the kinds of compound around it (subshell, loop, …)."""
    for node in nodes:
        if isinstance(node, Simple):
            yield node, outer
        elif isinstance(node, Compound):
            kind = "subshell" if node.kind in ("subshell", "coproc") else "loop" if node.kind in LOOPS else node.kind
            yield from simple_nodes((*node.test, *node.body), (*outer, kind))
        else:
            shell = ("subshell",) if isinstance(node, Pipeline) and len(node.parts) > 1 else ()
            yield from simple_nodes(node.parts, (*outer, *shell))


def redirects(*nodes: Node) -> Iterator[Redirect]:
    """The redirects in `nodes`, including nested ones."""
    for node in nodes:
        if isinstance(node, Simple | Compound):
            yield from node.redirects
        if isinstance(node, Compound):
            yield from redirects(*node.test, *node.body)
        elif not isinstance(node, Simple):
            yield from redirects(*node.parts)


def has_heredoc(node: Node) -> bool:
    """Whether a redirect in `node` has a heredoc body."""
    return any(redirect.body for redirect in redirects(node))
