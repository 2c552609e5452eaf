"""Converts bashlex's tree to a Script.

In: a text that `parse` found readable. Out: a Script, or Refused. bashlex refuses much valid bash and misreads some (see test_parse).
This module refuses everything that bashlex is known to misread, and every tree that does not account for the whole text.
"""

from __future__ import annotations

import re

from pueue_skill.shell.parse import tables
from pueue_skill.shell.parse.expansions import expansions_of
from pueue_skill.shell.parse.lines import heredoc_body
from pueue_skill.shell.parse.source import DEPTH, Refused, Source, Substitution
from pueue_skill.shell.parse.words import ORDINARY, literal_word, plain_word, scan_parts, skip_substitution, word_of
from pueue_skill.shell.syntax import Chain, Comment, Compound, Node, Pipeline, Redirect, Script, Simple, Word
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEFTOVER = regex(r"(?:\s|\\\n|;)*")
NOTHING = regex(r"(?:\s|\\\n|#[^\n]*+)*+")  # possessive: a line of `#` could be divided in too many ways
COMMENT = regex(r"#[^\n]*")
BREAKS = " \t\n|&;()<>`"
ASSIGNS = regex(r"[A-Za-z_]\w*(?:\[|\+?=)", re.ASCII)
DESCRIPTOR = regex(r"&(?:[ \t]|\\\n)*(\d+|-)(?:\\\n)*\Z", re.ASCII)
ARITHMETIC = regex(r"\((?:\\\n)*\(")
INSIDE = regex(r"\$\(|`|[<>]\(")
# bashlex misreads these, and its tree does not show it. What the tree shows is checked below.
MISREAD = (
    (
        regex(r"\{(?:\w|\\\n)++(?:\[[^]\s]*\])?(?:\\\n)*\}(?:\\\n)*[<>]", re.ASCII),
        "a redirect to a descriptor in a variable",
    ),
    (regex(r"\$\\\n"), "an expansion that a line's end parts"),
    (regex(r"(?<![;&|])[;&][ \t]*\\\n"), "a line continuation after `;` or `&`"),
    (regex(r"^[^\n<]*(?:<<[^\n<]*){17}", re.MULTILINE), "so many heredocs on a line"),
    (regex(r"(?<!\\)(?:\\\\)*\\\Z"), "a backslash at the end"),
)


def known_substitution(source: Source, i: int, quoted: bool) -> Substitution:
    """Return the substitution at `i` as bashlex found it, or else as delimited by its brackets."""
    return source.known.get(i) or skip_substitution(source, i, quoted)


def read(text: str) -> Script:
    """Return the Script for `text`. Raises Refused for everything that bashlex refuses, with any exception."""
    for pattern, what in MISREAD:
        if pattern.search(text):
            raise Refused(f"bashlex does not read {what}")
    if NOTHING.fullmatch(text):
        return Script(text, (), BashlexConversion(text).comments(), "bashlex")
    parser = tables.load()
    try:
        trees = parser.parse(text)
    except RecursionError:
        raise Refused("the command is nested too deep for bashlex") from None
    except Exception as error:
        # ParsingError in most cases; AttributeError, NotImplementedError, AssertionError, TypeError and IndexError occur too.
        what = str(error) if type(error).__name__ in ("ParsingError", "NotImplementedError") else type(error).__name__
        raise Refused(f"bashlex does not read this: {what}") from None
    reading = BashlexConversion(text)
    nodes = tuple([reading.node(tree) for tree in trees])
    return Script(text, nodes, reading.comments(), "bashlex")


class BashlexConversion:
    """The conversion of a tree: the text, and the spans that the tree accounts for.

    `within` is the text up to the backtick that ends the innermost substitution, where a word ends too.
    """

    def __init__(self, text: str) -> None:
        self.text = self.within = text
        self.depth = 0
        self.spans: list[tuple[int, int]] = []
        self.bodies: list[tuple[int, int]] = []

    def node(self, tree: Any) -> Node:
        convert = getattr(self, f"on_{tree.kind}", None)
        if convert is None:
            raise Refused(f"bashlex gives a {tree.kind} here, which has no place in the model")
        self.depth += tree.kind in ("compound", "function", "commandsubstitution", "processsubstitution")
        if self.depth > DEPTH:
            raise Refused(f"the command is nested more than {DEPTH} levels deep")
        result: Node = convert(tree)
        self.depth -= tree.kind in ("compound", "function", "commandsubstitution", "processsubstitution")
        return result

    def word(self, tree: Any) -> Word:
        """Return the word, after a check that it contains exactly the programs outside its single quotes: bashlex also parses inside them."""
        start, end = tree.pos
        self.spans.append((start, end))
        if self.text[end : end + 1] not in BREAKS:
            raise Refused("bashlex misplaces the end of a word")
        while self.text[start:end].endswith("\\\n"):
            end -= 2
        plain = None if tree.parts else plain_word(self.within, start)
        if plain and plain.end == end:
            return plain
        known = self.substitutions(tree)
        parts = scan_parts(Source(self.within, known_substitution, 0, known), start, ORDINARY).parts
        word = word_of(self.text, start, parts)
        if word.end != end:
            raise Refused("bashlex misplaces the end of a word")
        begun = []
        for at, stop, _ in expansions_of(parts):
            opener = self.text[at : at + 2]
            if opener == "$[" or self.text.startswith("$((", at):
                raise Refused("bashlex does not read arithmetic")
            if opener == "${" and INSIDE.search(self.text, at, stop):
                raise Refused("bashlex does not read a command substitution inside ${…}")
            if opener[0] == "`" or opener[1:] == "(":
                begun.append(at)
        if begun != list(known):
            raise Refused("bashlex misses a command substitution, or sees one in quotes")
        return word

    def substitutions(self, tree: Any) -> dict[int, Substitution]:
        """Return the substitutions in a word, by the positions of their starts."""
        found = {}
        for part in tree.parts:
            if not hasattr(part, "command"):
                continue
            start, end = part.pos
            if "\\" in self.text[start:end] and self.text[start] == "`":
                raise Refused("bashlex does not read backslashes between backticks")
            if self.text[end - 1] not in ")`":
                raise Refused("bashlex misplaces the end of a command substitution")
            if self.text[part.command.pos[1] : end - 1].strip(" \t\n;"):
                raise Refused("bashlex reads only the first line of a command substitution")
            outer = self.within
            if self.text[start] == "`":
                self.within = self.text[: end - 1]
            found[start] = Substitution(end, (self.node(part.command),))
            self.within = outer
        return found

    def on_command(self, tree: Any) -> Simple:
        assigns: list[Word] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        for part in tree.parts:
            if part.kind == "assignment" and not words:
                if not ASSIGNS.match(self.text, *part.pos):
                    raise Refused("bashlex takes a command for an assignment")
                assigns.append(self.word(part))
            elif part.kind in ("word", "assignment"):
                if not words and ASSIGNS.match(self.text[slice(*part.pos)].replace("\\\n", "")):
                    raise Refused("bashlex takes an assignment for a command")
                words.append(self.word(part))
            elif part.kind == "redirect":
                redirects.append(self.redirect(part))
            else:
                raise Refused(f"bashlex gives a {part.kind} in a command")
        end = max([word.end for word in assigns + words] + [redirect.end for redirect in redirects])
        return Simple(tuple(assigns), tuple(words), tuple(redirects), tree.pos[0], end)

    def redirect(self, tree: Any) -> Redirect:
        start = tree.pos[0]
        fd = None if tree.input is None else str(tree.input)
        if not hasattr(tree.output, "pos"):
            self.spans.append(tree.pos)
            number = DESCRIPTOR.search(self.text, *tree.pos)
            if number is None:
                raise Refused("bashlex misplaces a descriptor")
            target = literal_word(self.text, *number.span(1))
            return Redirect(tree.type, fd, target, None, start, target.end)
        target = self.word(tree.output)
        self.spans.append((start, target.start))
        body = self.heredoc(tree, target) if tree.heredoc is not None else None
        if body is None and tree.type in ("<<", "<<-"):
            raise Refused("a heredoc has no body")
        return Redirect(tree.type, fd, target, body, start, target.end)

    def heredoc(self, tree: Any, delimiter: Word) -> Word:
        start, end = tree.heredoc.pos
        if self.text[start:end] != tree.heredoc.value or self.text.endswith("\\\n", 0, start):
            raise Refused("bashlex misplaces a heredoc")
        self.bodies.append((start, end))
        body_end = self.text.rfind("\n", start, end) + 1 if "\n" in self.text[start:end] else start
        strip = tree.type == "<<-"
        if self.text[body_end:end].lstrip("\t" if strip else "") != delimiter.value:
            raise Refused("a heredoc does not end with its delimiter")
        quoted = delimiter.text != delimiter.value
        body = self.text[start:body_end]
        if not quoted and ("$(" in body or "`" in body):
            raise Refused("bashlex does not read substitutions in a heredoc")
        if not quoted and "\\\n" in body:
            raise Refused("bashlex does not join the lines of a heredoc")
        return heredoc_body(self.text, start, body_end, strip, quoted)

    def on_pipeline(self, tree: Any) -> Pipeline:
        parts = []
        prefix = []
        for part in tree.parts:
            if part.kind in ("pipe", "reservedword"):
                self.spans.append(part.pos)
                if part.kind == "reservedword":
                    prefix.append(part.word)
            else:
                parts.append(self.node(part))
        return Pipeline(tuple(parts), tree.pos[0], parts[-1].end, tuple(prefix))

    def on_list(self, tree: Any) -> Chain:
        parts: list[Node] = []
        operators: list[str] = []
        end = 0
        for part in tree.parts:
            if part.kind == "operator":
                self.spans.append(part.pos)
                operators.append(part.op)
                end = part.pos[1]
            else:
                parts.append(self.node(part))
                end = parts[-1].end
        if len(operators) < len(parts):
            operators.append("")
        return Chain(tuple(parts), tuple(operators), tree.pos[0], end)

    def on_compound(self, tree: Any) -> Compound:
        first = tree.list[0]
        heredocs = len(self.bodies)
        if first.kind == "reservedword":
            kind = {"(": "subshell", "{": "group"}.get(first.word)
            if kind is None:
                raise Refused(f"bashlex gives a compound command that begins with {first.word}")
            if ARITHMETIC.match(self.text, tree.pos[0]):
                raise Refused("bashlex does not read arithmetic")
            words: tuple[Word, ...] = ()
            test: tuple[Node, ...] = ()
            body = self.parts(tree.list)
        elif len(tree.list) == 1 and first.kind in ("for", "while", "until", "if"):
            kind = first.kind
            words, test, body = self.clauses(first)
        else:
            raise Refused(f"bashlex gives a compound command that begins with {first.kind}")
        if len(self.bodies) > heredocs:
            raise Refused("bashlex reads the body of a heredoc in a compound command as commands")
        redirects = tuple([self.redirect(part) for part in tree.redirects])
        end = redirects[-1].end if redirects else tree.pos[1]
        return Compound(kind, words, test, body, redirects, tree.pos[0], end)

    def clauses(self, tree: Any) -> tuple[tuple[Word, ...], tuple[Node, ...], tuple[Node, ...]]:
        """Return the words, the condition and the body of a for, while, until or if."""
        words: list[Word] = []
        test: list[Node] = []
        body: list[Node] = []
        into = test
        for part in tree.parts:
            if part.kind == "reservedword":
                self.spans.append(part.pos)
                into = test if part.word in ("while", "until", "if", "elif") else body
            elif part.kind == "word":
                words.append(self.word(part))
            else:
                into.append(self.node(part))
        return tuple(words), tuple(test), tuple(body)

    def parts(self, trees: Any) -> tuple[Node, ...]:
        nodes = []
        for part in trees:
            if part.kind == "reservedword":
                self.spans.append(part.pos)
            else:
                nodes.append(self.node(part))
        return tuple(nodes)

    def on_function(self, tree: Any) -> Compound:
        for part in tree.parts:
            if part.kind == "reservedword":
                self.spans.append(part.pos)
        name, body = self.word(tree.name), self.node(tree.body)
        return Compound("function", (name,), (), (body,), (), tree.pos[0], body.end)

    def comments(self) -> tuple[Comment, ...]:
        """Return the comments between the spans. Raises Refused if there is anything else there except blanks and `;`."""
        found: list[Comment] = []
        at = 0
        for start, end in [*sorted(self.spans + self.bodies), (len(self.text), len(self.text))]:
            while at < start:
                at = LEFTOVER.match(self.text, at, start).end()  # type: ignore[union-attr]
                if at >= start:
                    break
                comment = COMMENT.match(self.text, at, start)
                if comment is None:
                    raise Refused(f"bashlex leaves {self.text[at:start].split()[0]!r} out")
                found.append(Comment(comment[0], at, comment.end()))
                at = comment.end()
            at = max(at, end)
        return tuple(found)
