"""The commands of each iteration: a loop's source and variables in, its commands with their values out.

The source is parsed once, with a mark (a private-use character) for each expansion that this shell makes, in a word, a
substitution or the text for another shell. So text in single quotes is known to be constant, and the words of all
iterations come from the same commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pueue_skill.plan.values import expand, expand_path_commands, known_text
from pueue_skill.shell.arguments import basename
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.expansion import DECLARING_BUILTINS, Value
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SHELLS, joined_words, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.parse.words import Refused, expansion_spans
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Word
from pueue_skill.shell.walk import compounds, statements
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

Variables: TypeAlias = "Mapping[str, Value]"
EnclosingRedirect: TypeAlias = "tuple[Redirect, tuple[str, ...]]"

FIRST_MARK = 0x100000
ANY_MARK = "[\U00100000-\U0010fffd]"
MARK = regex(ANY_MARK)
PROGRAM = ("`", "<(", ">(")
POSITIONAL = regex(r"\$(?:\{([0-9@*])\}|([0-9@*]))")
UNSAFE = regex(r"[\s'\"\\$`;&|<>(){}*?~#!]")
MAX_CALL_DEPTH = 3
"""Depth of functions that call functions."""


class Iterations(NamedTuple):
    """Commands with marks in their words, and the values of the marks.

    `wrappers[i]` is the text before the words of `commands[i]`. `around` are redirects of enclosing compound commands
    (`{ …; } > log`), with the hosts on which they apply. `sources[m]` is the source of mark m, `values[n][m]` its value
    in iteration n. `names` are the loop variables.
    """

    commands: tuple[Command, ...]
    wrappers: tuple[str, ...]
    around: tuple[EnclosingRedirect, ...]
    sources: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]

    def of(self, text: str) -> tuple[str, ...]:
        """The value of `text` in each iteration."""
        if not MARK.search(text) and "mktemp" not in text:
            return (text,) * len(self.values)
        return tuple([expand_path_commands(fill_marks(text, values), turn) for turn, values in enumerate(self.values)])

    def mark(self, name: str) -> str:
        """The mark of a variable that is an expansion by itself; empty without one."""
        found = [i for i, source in enumerate(self.sources) if source in (name, f"${name}", f"${{{name}}}")]
        return chr(FIRST_MARK + found[0]) if found else ""

    def differs(self, *texts: str) -> bool:
        """Whether `texts`, taken together, are certainly different in every iteration."""
        values = [*zip(*[map(known_text, self.of(text)) for text in texts], strict=True)]
        return len({*values}) == len(self.values)

    def same(self, text: str) -> bool:
        """Whether `text` is the same in all iterations."""
        return len({*self.of(text)}) == 1

    def written(self, text: str) -> str:
        """`text` as written in the source."""
        return fill_marks(text, self.sources)


def fill_marks(text: str, values: Sequence[str]) -> str:
    """`text` with `values` in place of its marks."""
    return MARK.sub(lambda mark: values[ord(mark[0]) - FIRST_MARK], text)


class Marker:
    """Replaces expansions by marks; `sources[i]` is the source of mark i.

    `given` are texts that another program replaces (xargs); they get marks too.
    """

    def __init__(self, given: Sequence[str]) -> None:
        self.given = given
        self.sources: list[str] = []

    def mark(self, expansion: str) -> str:
        """The mark of an expansion, the same for the same source."""
        if expansion not in self.sources:
            self.sources.append(expansion)
        return chr(FIRST_MARK + self.sources.index(expansion))

    def read(self, text: str, nodes: tuple[Node, ...], end: str = "", arguments: Sequence[str] | None = None) -> Script:
        """The Script of `nodes` and `end` with marks; `arguments` replace `$1` …. Raises NotQueueable."""
        marked, at = "", nodes[0].start
        try:
            spans = sorted({*expansions(text, nodes)})
        except Refused as refused:
            raise NotQueueable(str(refused)) from None
        for start, stop in spans:
            if start < at:
                continue
            positional = POSITIONAL.fullmatch(text, start, stop)
            if positional is not None and arguments is not None:
                expansion = positional_value(positional, arguments)
            else:
                expansion = self.mark(text[start:stop])
            marked += text[at:start] + expansion
            at = stop
        marked += text[at : statements(nodes)[-1].node.end] + end
        for placeholder in self.given:
            marked = marked.replace(placeholder, self.mark(placeholder))
        script = parse(marked)
        if not isinstance(script, Script):
            raise NotQueueable(f"an iteration cannot be parsed: {script.reason}")
        return script


def read_iterations(
    text: str,
    nodes: tuple[Node, ...],
    scope: Script,
    variables: Sequence[Variables],
    names: tuple[str, ...],
    known: Variables,
    given: Sequence[str] = (),
    background: bool = False,
) -> Iterations:
    """The Iterations of `nodes` of `text`, one for each of `variables`.

    The shell knows the variables `known` and the functions of `scope`. `given` are texts that another program replaces
    (xargs). `background`: an `&` follows the text. Raises NotQueueable for a text that cannot be parsed.
    """
    if MARK.search(text) or MARK.search(scope.text):
        raise NotQueueable("the loop contains private-use characters")
    marker = Marker(given)
    functions = {node.words[0].value: node for top in scope.nodes for node in compounds(top) if node.kind == "function"}
    scripts = [marker.read(text, nodes, " &" if background else "")]
    commands: list[Command] = []
    wrappers: list[str] = []
    pending = [(scripts[0], 0, False)]
    while pending:
        script, depth, side_by_side = pending.pop(0)
        for command in with_arguments(commands_of(script)):
            commands.append(command._replace(background=command.background or side_by_side))
            wrappers.append("" if command.via else script.text[command.start : command.words[0].start])
            function = functions.get(command.name)
            if function is not None and function.body and depth < MAX_CALL_DEPTH:
                arguments = [UNSAFE.sub("_", word.value) for word in command.words]
                inner = marker.read(scope.text, function.body, arguments=arguments)
                scripts.append(inner)
                pending.append((inner, depth + 1, side_by_side or command.background))
    assigned = [pair for script in scripts for pair in assignments(script.nodes)]
    around: list[EnclosingRedirect] = [
        (redirect, ()) for script in scripts for redirect in enclosing_redirects(script.nodes)
    ]
    around += [
        (redirect, command.hosts + hosts) for command in commands for redirect, hosts in carried_redirects(command)
    ]
    values = tuple([source_values(own, known, assigned, marker.sources) for own in variables])
    return Iterations(tuple(commands), tuple(wrappers), tuple(around), tuple(marker.sources), values, names)


def source_values(
    own: Variables, known: Variables, assigned: Sequence[tuple[str, str]], sources: Sequence[str]
) -> tuple[str, ...]:
    """The value of each source in one iteration, including the variables that the iteration sets."""
    values: dict[str, Value] = {**known, **own}
    set_here: dict[str, list[str]] = {}
    for name, text in assigned:
        text = expand_path_commands(fill_marks(text, [expand(source, values) for source in sources]), 0)
        set_here[name] = [*set_here.get(name, ()), text]
        texts = set_here[name]
        if name not in own:
            values[name] = text if len({*texts}) == 1 else f"$({' | '.join(texts)})"
    return tuple([expand(source, values) for source in sources])


def positional_value(positional: re.Match[str], arguments: Sequence[str]) -> str:
    """The value of `$1`, `$@` …, for the words of a call."""
    which = positional[1] or positional[2]
    if which in "@*":
        return " ".join(arguments[1:])
    return arguments[int(which)] if int(which) < len(arguments) else ""


def with_arguments(commands: Iterable[Command]) -> Iterator[Command]:
    """The commands; those in a `sh -c` script get its arguments in place of `$1` …."""
    given: list[str] | None = None
    for command in commands:
        if command.name in SHELLS and shell_text(command.words):
            values = [word.value for word in command.words]
            text = shell_text(command.words)
            given = values[next(i for i, word in enumerate(command.words) if word is text) + 1 :]
        elif given is not None and command.via and command.via[-1] in SHELLS:
            arguments = given or [""]

            def argument(word: Word, arguments: Sequence[str] = arguments) -> Word:
                return word._replace(value=POSITIONAL.sub(lambda match: positional_value(match, arguments), word.value))

            yield command._replace(
                words=tuple(map(argument, command.words)), assigns=tuple(map(argument, command.assigns)),
                redirects=tuple([r._replace(target=argument(r.target)) if r.target else r for r in command.redirects]),
            )  # fmt: skip
            continue
        yield command


def enclosing_redirects(nodes: Iterable[Node]) -> Iterator[Redirect]:
    """The redirects of compound commands, and those without a command."""
    for node in nodes:
        if isinstance(node, Simple):
            yield from () if node.words else node.redirects
        elif isinstance(node, Compound):
            yield from node.redirects
            yield from enclosing_redirects((*node.test, *node.body))
        else:
            yield from enclosing_redirects(node.parts)


def carried_redirects(command: Command) -> Iterator[EnclosingRedirect]:
    """The enclosing redirects in a text that `command` passes to another shell."""
    text: str | None = None
    hosts: tuple[str, ...] = ()
    if command.ssh:
        text, hosts = (
            joined_words(command.ssh.remote)[0] if command.ssh.remote else None,
            (command.ssh.destination.value,),
        )
    elif command.name in SHELLS:
        word = shell_text(command.words)
        text = word.value if word else None
    elif command.name == "eval":
        text = joined_words(command.words[1:])[0]
    script = parse(text) if text else None
    if isinstance(script, Script):
        yield from [(redirect, hosts) for redirect in enclosing_redirects(script.nodes)]


def expansions(text: str, nodes: Iterable[Node]) -> Iterator[tuple[int, int]]:
    """The spans of this shell's expansions in `nodes`, including those in its substitutions. Raises Refused."""
    for node in nodes:
        if isinstance(node, Chain | Pipeline):
            yield from expansions(text, node.parts)
            continue
        words = [*node.words, *[r.target for r in node.redirects if r.target]]
        words += node.assigns if isinstance(node, Simple) else ()
        for word in words:
            for start, stop in expansion_spans(text, word.start, word.end):
                if not text.startswith(PROGRAM, start) and (text[start + 1] != "(" or text.startswith("$((", start)):
                    yield start, stop
            yield from expansions(text, word.programs)
        if isinstance(node, Compound):
            yield from expansions(text, (*node.test, *node.body))


def assignments(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """The variables that are set, in order, each with the text of its value; read variables get a unique text."""
    for node in nodes:
        if isinstance(node, Chain | Pipeline):
            yield from assignments(node.parts)
        elif isinstance(node, Compound):
            if node.kind in ("for", "select") and node.words and node.words[0].text.isidentifier():
                items = " ".join([word.value for word in node.words[1:]])
                yield node.words[0].text, f"$(one of {items})"
            yield from assignments((*node.test, *node.body))
        else:
            name = basename(node.words[0].value) if node.words else ""
            words: Sequence[Word] = node.assigns if not name else node.words[1:] if name in DECLARING_BUILTINS else ()
            for word in words:
                variable, equals, value = word.value.partition("=")
                if equals and variable.rstrip("+").isidentifier():
                    yield variable.rstrip("+"), value if variable[-1] != "+" else f"$({value})"
            if name in ("read", "mapfile", "readarray"):
                fed = " ".join([r.target.value for r in node.redirects if r.target])
                for word in node.words[1:]:
                    if word.value.isidentifier():
                        yield word.value, f"$(read {word.value} {fed})"
