"""Converts tree-sitter-bash's tree to a Script.

In: a text that `parse` found readable. Out: the Script that bashlex_reader would give if bashlex could read it, or Refused. tree-sitter
reads the skeleton of the text; its tree says only which compound command contains which tokens. This module groups lists, pipelines and
redirects, which tree-sitter's grammar joins in another order than bash (`a && b > f` is a redirected list to it). A tree with an error or
a missing node is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import tree_sitter
import tree_sitter_bash

from pueue_skill.shell.parse.skeleton import Skeleton, read_program
from pueue_skill.shell.parse.source import Refused, Source
from pueue_skill.shell.parse.substitutions import read_substitution
from pueue_skill.shell.parse.tokens import Before, Token
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

COMPOUND = {
    "subshell": "subshell",
    "compound_statement": "group",
    "if_statement": "if",
    "while_statement": "while",
    "for_statement": "for",
    "case_statement": "case",
}
# The reserved words and parentheses of a compound command, in order: tree-sitter takes some for words where it does not expect them
# (`do x; do y; done`).
SHAPES = regex(
    r"\( \) |\{ \} |(?:while|until|for|select) do done |if then (?:elif then )*(?:else )?fi |case (?:pattern (?:;; )?)*esac "
)
LIST = {";", "&", "&&", "||", "\n"}


class PlacedCompound(NamedTuple):
    """A compound command among tokens, and its first token."""

    node: Compound
    first: Token


Item = Token | PlacedCompound


def read(text: str) -> Script:
    """Return the Script for `text`. Raises Refused for a text that bash or tree-sitter does not accept."""
    try:
        skeleton = read_program(Source(text, partial(read_substitution, nodes), 0, {}))
        return Script(text, nodes(skeleton), tuple(skeleton.comments), "tree-sitter")
    except RecursionError:
        raise Refused("the command is nested too deep") from None


@cache
def parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def nodes(skeleton: Skeleton) -> tuple[Node, ...]:
    """Return the nodes for a skeleton, one for each line, as bash reads them."""
    if not skeleton.tokens:
        return ()
    items = TreeConversion(skeleton).items()
    found: list[Node] = []
    line: list[Item] = []
    for item in items:
        ends = isinstance(item, Token) and item.kind == "newline"
        if not ends:
            line.append(item)
        if ends or (isinstance(item, Token) and item.last):
            found.append(block(line))
            line = []
    if line:
        found.append(block(line))
    return tuple(found)


class TreeConversion:
    """The conversion of tree-sitter's tree for a skeleton to the skeleton's tokens."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.tree = parser().parse(skeleton.shown())

    def items(self) -> list[Item]:
        root = self.tree.root_node
        if root.has_error:
            raise self.refused(root)
        return self.within(root, [])

    def refused(self, node: tree_sitter.Node) -> Refused:
        while node.type != "ERROR" and not node.is_missing:
            node = next(child for child in node.children if child.has_error or child.is_missing)
        places = [place for place in self.skeleton.tokens if place >= node.start_byte]
        if node.is_missing or not places:
            return Refused(f"the command is not complete: a {node.type!r} or more is missing")
        token = self.skeleton.tokens[places[0]]
        return Refused(f"{(token.text or token.kind)!r} at character {token.start} is not expected there")

    def within(self, node: tree_sitter.Node, into: list[Item]) -> list[Item]:
        """Return the tokens and compound commands in `node`, in order, without tree-sitter's groups."""
        tokens = self.skeleton.tokens
        # Without recursion: the tree of `a && b && c …` is as deep as the list is long.
        rest = node.children[::-1]
        while rest:
            child = rest.pop()
            if not child.child_count:
                token = tokens.get(child.start_byte)
                if token is not None:
                    into.append(token)
            elif child.type in COMPOUND:
                into.append(self.compound(COMPOUND[child.type], child))
            else:
                rest.extend(child.children[::-1])
        return into

    def compound(self, kind: str, node: tree_sitter.Node) -> PlacedCompound:
        items = self.within(node, [])
        first, last = items[0], items[-1]
        if not (isinstance(first, Token) and isinstance(last, Token)):
            raise Refused(f"tree-sitter gives a {node.type} without its beginning or end")
        words = first.words
        if kind == "for":
            kind = first.kind
        elif kind == "while":
            kind = first.text
        parts: list[tuple[str, list[Item]]] = []
        for item in items[:-1]:
            if isinstance(item, Token) and (item.kind in ("key", "for", "select", "case", "pattern")):
                parts.append((item.text or item.kind, []))
                if item.kind == "pattern":
                    words = (*words, *item.words)
            elif isinstance(item, Token) and item.text == ";;":
                parts.append((";;", []))
            else:
                parts[-1][1].append(item)
        shape = "".join([f"{key} " for key, _ in parts]) + f"{last.text} "
        if not SHAPES.fullmatch(shape):
            raise Refused(f"the command that begins at character {first.start} reads {shape.strip()!r}")
        test: list[Node] = []
        body: list[Node] = []
        for key, inner in parts:
            if key in ("for", "select", "case", ";;") or (key == "pattern" and not inner):
                if inner:
                    raise Refused(f"tree-sitter gives a command where there is none after {key}")
                continue
            (test if key in ("if", "elif", "while", "until") else body).append(block(inner))
        return PlacedCompound(Compound(kind, words, tuple(test), tuple(body), (), first.start, last.end), first)


def block(items: Sequence[Item]) -> Node:
    """Return one node for a list of commands: a Chain if there are several, or if an operator follows."""
    parts: list[Node] = []
    operators: list[str] = []
    current: list[Item] = []
    end = 0
    for item in items:
        if isinstance(item, Token) and item.text in LIST:
            parts.append(pipeline(current))
            operators.append(item.text)
            end = item.end
            current = []
        else:
            current.append(item)
    if current or not parts:
        parts.append(pipeline(current))
        operators.append("")
        end = parts[-1].end
    if len(parts) == 1 and operators[0] in ("", "\n"):
        return parts[0]
    return Chain(tuple(parts), tuple(operators), parts[0].start, end)


def pipeline(items: Sequence[Item]) -> Node:
    if not items:
        raise Refused("a command is missing: an operator or reserved word stands where one should")
    before = before_of(items[0])
    prefix = [word for word in before if word.kind in ("!", "time", "time -p")]
    parts: list[Node] = []
    current: list[Item] = []
    for item in items:
        if isinstance(item, Token) and item.kind == "operator":
            parts.append(command(current))
            current = []
        else:
            current.append(item)
    if not (len(current) == 1 and isinstance(current[0], Token) and current[0].kind == "nothing"):
        parts.append(command(current))
    if len(parts) == 1 and not prefix:
        return parts[0]
    start = prefix[0].start if prefix else parts[0].start
    end = parts[-1].end if parts else current[0].end  # type: ignore[union-attr]
    return Pipeline(tuple(parts), start, end, tuple([word.kind for word in prefix]))


def before_of(item: Item) -> tuple[Before, ...]:
    return item.first.before if isinstance(item, PlacedCompound) else item.before


def command(items: Sequence[Item]) -> Node:
    if not items:
        raise Refused("a command is missing in a pipeline")
    first = items[0]
    node: Simple | Compound
    if isinstance(first, PlacedCompound):
        node = redirected(first.node, items[1:])
    elif first.kind in ("test", "arith"):
        node = redirected(Compound(first.kind, first.words, (), (), (), first.start, first.end), items[1:])
    else:
        node = simple(items)
    for word in reversed(before_of(first)):
        if word.kind in ("function", "coproc"):
            node = Compound(word.kind, word.words, (), (node,), (), word.start, node.end)
    return node


def redirected(node: Compound, items: Sequence[Item]) -> Compound:
    redirects: list[Redirect] = []
    for item in items:
        if isinstance(item, PlacedCompound) or item.redirect is None:
            raise Refused("a word follows a compound command")
        redirects.append(item.redirect)
    return node._replace(redirects=tuple(redirects), end=items[-1].end) if redirects else node  # type: ignore[union-attr]


def simple(items: Sequence[Item]) -> Simple:
    assigns: list[Word] = []
    words: list[Word] = []
    redirects: list[Redirect] = []
    for item in items:
        if isinstance(item, PlacedCompound):
            raise Refused("a compound command stands among the words of a command")
        if item.redirect is not None:
            redirects.append(item.redirect)
        elif item.kind == "assign":
            assigns.extend(item.words)
        elif item.kind == "word":
            words.extend(item.words)
        else:
            raise Refused(f"{(item.text or item.kind)!r} at character {item.start} is not expected there")
    return Simple(tuple(assigns), tuple(words), tuple(redirects), items[0].start, items[-1].end)  # type: ignore[union-attr]
