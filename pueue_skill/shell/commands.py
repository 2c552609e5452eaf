"""What a Script would run: Script in, its Commands out, in the order in which they stand.

Wrappers are peeled (sudo, env, nice, timeout, uv run …), texts that another shell will read are read in turn (ssh, bash -c,
eval, heredocs), and each command is given the place where it stands: loop, pipeline, background, host. Nothing is judged
here, and nothing is expanded: what only the shell can know stays as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pueue_skill.shell.arguments import basename, option_value
from pueue_skill.shell.model import Command, Detached, Loop
from pueue_skill.shell.nested import (
    SESSION_PROGRAMS,
    SHELLS,
    echoed_text,
    fan_out_words,
    find_commands,
    joined_words,
    reads_script,
    session_words,
    shell_text,
)
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_arguments import SSH_PROGRAMS, forks_to_background, host_name, parse_ssh
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Unparsed, Word
from pueue_skill.shell.wrappers import FAN_OUT, asks_for_confirmation, detachment, terminal_option, unwrap
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

VARIABLE = regex(r"\$\{?(\w+)\}?")


MAX_NESTED_SHELLS = 8
"""How many shells inside shells are read (ssh, bash -c …); deeper ones are not followed."""


class Context(NamedTuple):
    """Where a node stands; handed down while a Script is walked."""

    origin: Sequence[int]
    hosts: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    loops: tuple[Loop, ...] = ()
    background: bool = False
    pipe: tuple[int, int] = (0, 1)
    inside: tuple[str, ...] = ()
    then: str = ""
    reader: str = ""
    fed: tuple[str, Sequence[int]] | None = None
    """What an echo before it in the pipeline feeds it, with the places of the characters."""
    detached: Detached | None = None
    around: tuple[Redirect, ...] = ()
    variables: Mapping[str, Word] = MappingProxyType({})
    """What the text itself sets at its top, for texts that are nothing but such a variable."""

    def at(self, start: int, end: int) -> tuple[int, int]:
        """A span of the text at hand, as a span of the command that was proposed."""
        if start >= end or not self.origin:
            return self.origin[start], self.origin[start]
        return self.origin[start], self.origin[end - 1] + 1


def commands(script: Script) -> tuple[Command, ...]:
    """All commands that `script` would run, in order, those in nested shells and substitutions included."""
    known = {name: value for node in script.nodes for name, value in assignments(node)}
    return tuple(walk_nodes(script.nodes, Context(range(len(script.text) + 1), variables=known)))


def assignments(node: Node) -> Iterator[tuple[str, Word]]:
    """The variables that `node` sets, for good, to what stands there."""
    if isinstance(node, Chain):
        for part in node.parts:
            yield from assignments(part)
    elif isinstance(node, Simple) and not node.words:
        for word in node.assigns:
            name, _, value = word.value.partition("=")
            at = len(name) + 1
            if name.isidentifier() and word.static and value:
                yield name, word._replace(text=value, value=value, origin=word.origin[at:])


def walk_nodes(nodes: tuple[Node, ...], place: Context, cwd: str | None = None) -> Iterator[Command]:
    for node, reader in zip(nodes, status_readers(nodes, ("\n",) * len(nodes), place.reader), strict=True):
        yield from walk_node(node, place._replace(then="\n", reader=reader), cwd)
        cwd = folder_after(node, cwd)
        place = place._replace(around=(*place.around, *lasting_redirects(node)))


def status_readers(nodes: Sequence[Node], operators: Sequence[str], last: str) -> Iterator[str]:
    """What reads the exit status of each of `nodes`, as Command.reader has it; `last` reads that of the last one."""
    for i, operator in enumerate(operators):
        if operator in ("&&", "||"):
            yield operator
        elif operator == "&":
            yield ""
        elif i + 1 == len(nodes):
            yield last
        else:
            yield "$?" if expands_status(nodes[i + 1]) else ""


def expands_status(node: Node) -> bool:
    """Whether the first command of `node` expands `$?`."""
    if isinstance(node, Chain | Pipeline):
        return bool(node.parts) and expands_status(node.parts[0])
    if isinstance(node, Compound) and node.test:
        return expands_status(node.test[0])
    words = node.words if isinstance(node, Compound) else (*node.assigns, *node.words)
    return any("$?" in word.value and not word.static for word in words)


def walk_node(node: Node, place: Context, cwd: str | None) -> Iterator[Command]:
    if isinstance(node, Simple):
        yield from walk_simple(node, place, cwd)
    elif isinstance(node, Pipeline):
        for i, part in enumerate(node.parts):
            fed = echoed_text(node.parts[i - 1]) if i else None
            reader = place.reader if i + 1 == len(node.parts) else ""
            yield from walk_node(part, place._replace(pipe=(i, len(node.parts)), fed=fed, reader=reader), cwd)
    elif isinstance(node, Chain):
        read = status_readers(node.parts, node.operators, place.reader)
        for part, operator, reader in zip(node.parts, node.operators, read, strict=True):
            background = place.background or operator == "&"
            there = place._replace(background=background, then=operator or place.then, reader=reader)
            yield from walk_node(part, there, cwd)
            cwd = folder_after(part, cwd)
            place = place._replace(around=(*place.around, *lasting_redirects(part)))
    else:
        yield from walk_compound(node, place, cwd)


def folder_after(node: Node, cwd: str | None) -> str | None:
    """The folder in which what follows `node` runs."""
    if isinstance(node, Chain):
        for part in node.parts:
            cwd = folder_after(part, cwd)
    if isinstance(node, Simple) and len(node.words) == 2 and node.words[0].value in ("cd", "pushd"):
        return node.words[1].value
    return cwd


def lasting_redirects(node: Node) -> tuple[Redirect, ...]:
    """The redirects that `exec < file` makes, for good, for what follows `node`."""
    if isinstance(node, Chain):
        return tuple([redirect for part in node.parts for redirect in lasting_redirects(part)])
    return node.redirects if isinstance(node, Simple) and [word.value for word in node.words] == ["exec"] else ()


def walk_redirects(node: Simple | Compound, place: Context, cwd: str | None) -> Iterator[Command]:
    """The substitutions in the targets and heredocs of a command's redirects."""
    for redirect in node.redirects:
        for word in (redirect.target, redirect.body):
            if word:
                yield from walk_nodes(word.programs, place, cwd)


def walk_compound(node: Compound, place: Context, cwd: str | None) -> Iterator[Command]:
    substitution = place._replace(inside=(*place.inside, "substitution"), pipe=(0, 1), reader="")
    for item in node.words:
        yield from walk_nodes(item.programs, substitution, cwd)
    yield from walk_redirects(node, substitution, cwd)
    kind = f"function {node.words[0].value}" if node.kind == "function" else node.kind
    around = (*place.around, *node.redirects)
    inner = place._replace(
        inside=(*place.inside, kind), pipe=(0, 1) if place.pipe[1] == 1 else place.pipe, around=around
    )
    if node.kind == "coproc":
        inner = inner._replace(background=True)
    if node.kind in ("coproc", "function"):
        inner = inner._replace(reader="")
    test = inner._replace(reader=node.kind)
    if node.kind in ("for", "while", "until", "select"):
        items = node.words[1:] if node.kind in ("for", "select") else ()
        loop = Loop(node.kind, items, *place.at(node.start, node.end))
        yield from walk_nodes(node.test, test, cwd)
        inner = inner._replace(loops=(*place.loops, loop))
    else:
        yield from walk_nodes(node.test, test, cwd)
    yield from walk_nodes(node.body, inner, cwd)


def walk_simple(node: Simple, place: Context, cwd: str | None) -> Iterator[Command]:
    substitution = place._replace(inside=(*place.inside, "substitution"), pipe=(0, 1), reader="")
    for word in (*node.assigns, *node.words):
        yield from walk_nodes(word.programs, substitution, cwd)
    yield from walk_redirects(node, substitution, cwd)
    if node.words:
        start = node.assigns[0].start if node.assigns else node.words[0].start
        yield from walk_words(node.words, node, place, cwd, (), start)


def walk_words(
    words: tuple[Word, ...], node: Simple, place: Context, cwd: str | None, wrappers: tuple[str, ...], start: int
) -> Iterator[Command]:
    """The command in `words`, and those that it carries."""
    peeled_off, uses, words = unwrap(words)
    wrappers = (*wrappers, *peeled_off)
    if not words:
        return
    name = basename(words[0].value)
    detached = place.detached or next(filter(None, map(detachment, uses)), None)
    terminal = next(filter(None, map(terminal_option, uses)), "")
    asks = next((use.name for use in uses if asks_for_confirmation(use)), "")
    end = max(words[-1].end, max([r.end for r in node.redirects if r.end <= node.end], default=0))
    ssh = parse_ssh(words) if name in SSH_PROGRAMS else None
    command = Command(
        name, words, node.assigns, node.redirects, wrappers, place.hosts, place.via, place.loops, place.background, place.pipe,
        place.inside, cwd, place.then, ssh, *place.at(start, end), detached=detached, terminal=terminal, asks=asks,
        reader=place.reader, around=place.around,
    )  # fmt: skip
    yield command
    if len(place.via) < MAX_NESTED_SHELLS:
        if ssh and forks_to_background(ssh):
            detached = detached or Detached("ssh -f")
        yield from walk_carried(command, node, place._replace(detached=detached), cwd)


def walk_carried(command: Command, node: Simple, place: Context, cwd: str | None) -> Iterator[Command]:
    """The commands in the texts that `command` hands to another shell, or fans out over."""
    name, words = command.name, command.words
    if command.ssh:
        host = host_name(command.ssh.destination.value)
        there = place._replace(hosts=(*place.hosts, host), via=(*place.via, "ssh"), pipe=(0, 1), then="")
        inner = list(walk_text(joined_words(command.ssh.remote), there)) if command.ssh.remote else []
        at_top = [i for i, c in enumerate(inner) if c.hosts == there.hosts and not c.inside and c.via == there.via]
        bodies = tuple([redirect for redirect in node.redirects if redirect.body])
        if len(at_top) == 1 and bodies:  # what ssh reads, its one command reads
            alone = inner[at_top[0]]
            inner[at_top[0]] = alone._replace(redirects=(*alone.redirects, *bodies))
        yield from inner
        if not command.ssh.remote or (inner and (reads_script(inner[-1]) or inner[-1].name in ("at", "batch"))):
            yield from walk_heredoc(node, there)
    elif name in SHELLS:
        text = shell_text(words)
        if text:
            yield from walk_text((text.value, text.origin), place._replace(via=(*place.via, name), pipe=(0, 1)), cwd)
        elif reads_script(command):
            yield from walk_heredoc(node, place._replace(via=(*place.via, name)), cwd)
    elif name == "eval":
        yield from walk_text(joined_words(words[1:]), place._replace(via=(*place.via, "eval")), cwd)
    elif name in ("at", "batch"):
        yield from walk_heredoc(node, place._replace(background=True, via=(*place.via, name), reader=""), cwd)
    elif name in ("su", "runuser", "script", "flock", "watch", "nix-shell"):
        text = option_value(words, {"-c", "--command", "--run"})
        if text:
            yield from walk_text((text.value, text.origin), place._replace(via=(*place.via, name)), cwd)
    elif name in SESSION_PROGRAMS:
        detached = session_words(words)
        if detached:
            there = place._replace(background=True, via=(*place.via, name), reader="")
            if len(detached) == 1:
                yield from walk_text((detached[0].value, detached[0].origin), there, cwd)
            else:
                yield from walk_words(detached, node, there, cwd, (name,), detached[0].start)
    elif name in FAN_OUT:
        inner_words, items = fan_out_words(words)
        if "--dry-run" not in command.args:
            loop = Loop(name, items, command.start, command.end)
            there = place._replace(loops=(*place.loops, loop), pipe=(0, 1))
            if not inner_words:  # parallel with nothing to run runs its items
                for item in items:
                    yield from walk_text((item.value, item.origin), there._replace(via=(*place.via, name)), cwd)
            elif len(inner_words) == 1 and " " in inner_words[0].value:
                via = there._replace(via=(*place.via, name))
                yield from walk_text((inner_words[0].value, inner_words[0].origin), via, cwd)
            else:
                yield from walk_words(inner_words, node, there, cwd, (name,), inner_words[0].start)
    elif name in ("find", "fd", "fdfind"):
        for inner_words in find_commands(words):
            loop = Loop("find", (), command.start, command.end)
            there = place._replace(loops=(*place.loops, loop), pipe=(0, 1))
            yield from walk_words(inner_words, node, there, cwd, ("find",), inner_words[0].start)


def walk_text(carried_text: tuple[str, Sequence[int]], place: Context, cwd: str | None = None) -> Iterator[Command]:
    text, origin = carried_text
    variable = VARIABLE.fullmatch(text)
    if variable and variable[1] in place.variables and not place.hosts[1:]:
        value = place.variables[variable[1]]
        outermost = place._replace(origin=range(max(value.origin) + 2), variables=MappingProxyType({}))
        yield from walk_text((value.value, value.origin), outermost, cwd)
        return
    script = parse(text)
    if isinstance(script, Unparsed) or not origin:
        return
    outer = place.origin
    where = [outer[at] for at in origin]
    where.append(where[-1] + 1)
    yield from walk_nodes(script.nodes, place._replace(origin=where, fed=None), cwd)


def walk_heredoc(node: Simple, place: Context, cwd: str | None = None) -> Iterator[Command]:
    """The commands in what a shell reads from a heredoc, a here-string, or an echo before it."""
    inner = place._replace(via=(*place.via, "heredoc"), pipe=(0, 1), fed=None, then="")
    for redirect in node.redirects:
        body = redirect.target if redirect.op == "<<<" else redirect.body
        if body is not None:
            yield from walk_text((body.value, body.origin), inner, cwd)
    if place.fed:
        yield from walk_text(place.fed, inner, cwd)
