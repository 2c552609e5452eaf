"""What a Script would run: a Script in, its Commands out, in source order.

Wrappers are removed (sudo, env, nice, timeout, uv run), the texts that another shell reads are parsed in turn (ssh,
bash -c, eval, heredocs), and each command gets its context: loop, pipeline, background, host. Nothing is judged or
expanded here: what only the shell can know stays as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pueue_skill.shell.arguments import basename, option_value, parse_options
from pueue_skill.shell.model import Command, Construct, Detached, Loop, Ssh
from pueue_skill.shell.nested import (
    SESSION_PROGRAMS,
    SHELLS,
    benchmarked,
    carried_command,
    echoed_text,
    fan_out_words,
    find_commands,
    joined_words,
    reads_script,
    session_words,
    shell_text,
)
from pueue_skill.shell.parse import parse
from pueue_skill.shell.remote import Carried
from pueue_skill.shell.ssh_arguments import SSH_PROGRAMS, forks_to_background, host_name, parse_ssh
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Unparsed, Word
from pueue_skill.shell.wrappers import FAN_OUT, asks_for_confirmation, detachment, terminal_option, unwrap
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

VARIABLE = regex(r"\$\{?(\w+)\}?")


NEVER_FAILS = ("echo", "printf", "true", ":", "sleep", "wait", "date")
"""Commands that practically never fail."""

MAX_NESTED_SHELLS = 8
"""Depth of nested shells (ssh, bash -c) that are read; deeper texts are ignored."""


class Context(NamedTuple):
    """The context of a node, passed down during the walk. Most fields are those of Command.

    `origin[i]` is the position in the proposed command of character i of the current text. `fed` is the text that an
    echo earlier in the pipeline feeds to the node, with positions. `variables` are the values that the text assigns at
    its top level, for texts that consist of one such variable.
    """

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
    detached: Detached | None = None
    around: tuple[Redirect, ...] = ()
    path: tuple[Construct, ...] = ()
    variables: Mapping[str, Word] = MappingProxyType({})
    carriers: tuple[str, ...] = ()

    def at(self, start: int, end: int) -> tuple[int, int]:
        """A span of the current text as a span of the proposed command."""
        if start >= end or not self.origin:
            return self.origin[start], self.origin[start]
        return self.origin[start], self.origin[end - 1] + 1

    def step(self, kind: str, start: int, end: int) -> Context:
        """The context inside a construct of the current text."""
        return self._replace(path=(*self.path, Construct(kind, *self.at(start, end))))

    def on(self, host: str, carrier: str) -> Context:
        """The context on another host, to which the program `carrier` leads."""
        return self._replace(hosts=(*self.hosts, host), carriers=(*self.carriers, carrier))

    def substitution(self, start: int, end: int) -> Context:
        """The context inside a substitution."""
        return self.step("substitution", start, end)._replace(
            inside=(*self.inside, "substitution"), pipe=(0, 1), reader=""
        )


def commands(script: Script) -> tuple[Command, ...]:
    """All commands that `script` would run, in order, including nested shells and substitutions."""
    known = {name: value for node in script.nodes for name, value in assignments(node)}
    return tuple(walk_nodes(script.nodes, Context(range(len(script.text) + 1), variables=known)))


def assignments(node: Node) -> Iterator[tuple[str, Word]]:
    """The variables that a statement without a command assigns, with their static values."""
    if isinstance(node, Chain):
        for part in node.parts:
            yield from assignments(part)
    elif isinstance(node, Simple) and (not node.words or node.words[0].value == "export"):
        for word in (*node.assigns, *node.words[1:]):
            name, _, value = word.value.partition("=")
            at = len(name) + 1
            if name.isidentifier() and word.static and value:
                yield name, word._replace(text=value, value=value, origin=word.origin[at:])


def walk_nodes(nodes: tuple[Node, ...], context: Context, cwd: str | None = None) -> Iterator[Command]:
    """The commands of statements on separate lines, each with the `cd` and `exec` redirects before it."""
    for node, reader in zip(nodes, status_readers(nodes, ("\n",) * len(nodes), context.reader), strict=True):
        yield from walk_node(node, context._replace(then="\n", reader=reader), cwd)
        cwd = folder_after(node, cwd)
        context = context._replace(around=(*context.around, *lasting_redirects(node)))


def status_readers(nodes: Sequence[Node], operators: Sequence[str], last: str) -> Iterator[str]:
    """What reads the exit status of each of `nodes`, as in Command.reader; `last` applies to the last node."""
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


def walk_node(node: Node, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands of one node of any kind."""
    if isinstance(node, Simple):
        yield from walk_simple(node, context, cwd)
    elif isinstance(node, Pipeline):
        for i, part in enumerate(node.parts):
            fed = echoed_text(node.parts[i - 1]) if i else None
            reader = context.reader if i + 1 == len(node.parts) else ""
            inner = context.step("pipe", part.start, part.end) if len(node.parts) > 1 else context
            yield from walk_node(part, inner._replace(pipe=(i, len(node.parts)), fed=fed, reader=reader), cwd)
    elif isinstance(node, Chain):
        read = status_readers(node.parts, node.operators, context.reader)
        for i, (part, operator, reader) in enumerate(zip(node.parts, node.operators, read, strict=True)):
            background = context.background or operator == "&"
            inner = list_context(node, i, context)
            inner = inner._replace(background=background, then=operator or context.then, reader=reader)
            yield from walk_node(part, inner, cwd)
            cwd = folder_after(part, cwd)
            context = context._replace(around=(*context.around, *lasting_redirects(part)))
    else:
        yield from walk_compound(node, context, cwd)


def list_context(node: Chain, i: int, context: Context) -> Context:
    """The context of part `i` of a list: its and-or list may be in the background, and may run only under a condition."""
    first, last = i, i
    while first and node.operators[first - 1] in ("&&", "||"):
        first -= 1
    while node.operators[last] in ("&&", "||") and last + 1 < len(node.parts):
        last += 1
    if node.operators[last] == "&":
        context = context.step("background", node.parts[first].start, node.parts[last].end)
    if "||" in node.operators[first:i] or not all(map(always_succeeds, node.parts[first:i])):
        context = context.step("and", node.parts[i].start, node.parts[i].end)
    return context


def always_succeeds(node: Node) -> bool:
    """Whether the command only reports or waits, and cannot fail."""
    return isinstance(node, Simple) and (not node.words or node.words[0].value in NEVER_FAILS)


def folder_after(node: Node, cwd: str | None) -> str | None:
    """The working directory after `node`, as written in a `cd`."""
    if isinstance(node, Chain):
        for part in node.parts:
            cwd = folder_after(part, cwd)
    if isinstance(node, Simple) and len(node.words) == 2 and node.words[0].value in ("cd", "pushd"):
        return node.words[1].value
    return cwd


def lasting_redirects(node: Node) -> tuple[Redirect, ...]:
    """The redirects of an `exec` without a command, which apply to everything after `node`."""
    if isinstance(node, Chain):
        return tuple([redirect for part in node.parts for redirect in lasting_redirects(part)])
    return node.redirects if isinstance(node, Simple) and [word.value for word in node.words] == ["exec"] else ()


def walk_redirects(node: Simple | Compound, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands in substitutions in redirect targets and heredocs."""
    for redirect in node.redirects:
        for word in (redirect.target, redirect.body):
            if word:
                yield from walk_nodes(word.programs, context, cwd)


def walk_compound(node: Compound, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands of a compound command: substitutions in its words, its test, its body."""
    substitution = context.substitution(node.start, node.end)
    for item in node.words:
        yield from walk_nodes(item.programs, substitution, cwd)
    yield from walk_redirects(node, substitution, cwd)
    kind = f"function {node.words[0].value}" if node.kind == "function" else node.kind
    around = (*context.around, *node.redirects)
    stepped = context if node.kind == "group" else context.step(node.kind, node.start, node.end)
    inner = stepped._replace(
        inside=(*context.inside, kind), pipe=(0, 1) if context.pipe[1] == 1 else context.pipe, around=around
    )
    if node.kind == "coproc":
        inner = inner._replace(background=True)
    if node.kind in ("coproc", "function"):
        inner = inner._replace(reader="")
    test = inner._replace(reader=node.kind)
    if node.kind in ("for", "while", "until", "select"):
        items = node.words[1:] if node.kind in ("for", "select") else ()
        loop = Loop(node.kind, items, *context.at(node.start, node.end))
        yield from walk_nodes(node.test, test, cwd)
        inner = inner._replace(loops=(*context.loops, loop))
    else:
        yield from walk_nodes(node.test, test, cwd)
    if node.kind in ("if", "case"):
        for branch in node.body:
            yield from walk_nodes((branch,), inner.step("branch", branch.start, branch.end), cwd)
        return
    yield from walk_nodes(node.body, inner, cwd)


def walk_simple(node: Simple, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands of a simple command: its substitutions, itself, and those it carries."""
    substitution = context.substitution(node.start, node.end)
    for word in (*node.assigns, *node.words):
        yield from walk_nodes(word.programs, substitution, cwd)
    yield from walk_redirects(node, substitution, cwd)
    if node.words:
        start = node.assigns[0].start if node.assigns else node.words[0].start
        yield from walk_words(node.words, node, context, cwd, (), start)


def walk_words(
    words: tuple[Word, ...], node: Simple, context: Context, cwd: str | None, wrappers: tuple[str, ...], start: int
) -> Iterator[Command]:
    """The command in `words` and the commands that it carries."""
    unwrapped = unwrap(words, set_variables(node, context))
    uses, words = unwrapped.uses, unwrapped.words
    wrappers = (*wrappers, *unwrapped.wrappers)
    if not words:
        return
    for host, carrier in unwrapped.hosts:
        context = context.on(host, carrier)
    name = basename(words[0].value)
    carried = carried_command(words)
    detached = context.detached or next(filter(None, map(detachment, uses)), None)
    terminal = next(filter(None, map(terminal_option, uses)), unwrapped.terminal)
    if carried and not terminal and not (opens_shell(carried) and (context.pipe[0] or node.redirects)):
        terminal = carried.terminal
    asks = next((use.name for use in uses if asks_for_confirmation(use)), "")
    end = max(words[-1].end, max([r.end for r in node.redirects if r.end <= node.end], default=0))
    ssh = parse_ssh(words) if name in SSH_PROGRAMS else None
    command = Command(
        name, words, node.assigns, node.redirects, wrappers, context.hosts, context.via, context.loops, context.background, context.pipe,
        context.inside, cwd, context.then, ssh, *context.at(start, end), detached=detached, terminal=terminal, asks=asks,
        reader=context.reader, around=context.around, path=context.path, carriers=context.carriers,
    )  # fmt: skip
    yield command
    if len(context.via) < MAX_NESTED_SHELLS:
        if ssh and forks_to_background(ssh):
            detached = detached or Detached("ssh -f")
        yield from walk_carried(command, carried, node, context._replace(detached=detached), cwd)


def set_variables(node: Simple, context: Context) -> dict[str, str]:
    """The variables that the text sets for a command of this host, with their values as written."""
    found = {} if context.hosts else {name: word.value for name, word in context.variables.items()}
    return found | {name: value for name, _, value in [word.value.partition("=") for word in node.assigns]}


def opens_shell(carried: Carried) -> bool:
    """Whether the carrier has no command, so that a shell elsewhere reads its stdin."""
    return bool(carried.carrier.words) and not (carried.texts or carried.words)


def walk_carried(
    command: Command, carried: Carried | None, node: Simple, context: Context, cwd: str | None
) -> Iterator[Command]:
    """The commands in the texts that `command` passes to another shell, or fans out over."""
    name, words = command.name, command.words
    stepped = (
        context
        if name == "eval"
        else context._replace(path=(*context.path, Construct("text", command.start, command.end)))
    )
    inner = stepped._replace(via=(*context.via, name))
    if command.ssh:
        yield from walk_ssh(command.ssh, node, stepped)
    elif carried:
        yield from walk_elsewhere(carried, node, stepped._replace(via=(*context.via, carried.name)), cwd)
    elif name in SHELLS:
        text = shell_text(words)
        if text:
            yield from walk_text((text.value, text.origin), inner._replace(pipe=(0, 1)), cwd)
        elif reads_script(command):
            yield from walk_heredoc(node, inner, cwd)
    elif name == "eval":
        yield from walk_text(joined_words(words[1:]), inner, cwd)
    elif name in ("at", "batch"):
        yield from walk_heredoc(node, inner._replace(background=True, reader=""), cwd)
    elif name in ("su", "runuser", "script", "flock", "nix-shell"):
        text = option_value(words, {"-c", "--command", "--run"})
        if text:
            yield from walk_text((text.value, text.origin), inner, cwd)
    elif name == "hyperfine":
        for text in benchmarked(words):
            yield from walk_text((text.value, text.origin), inner._replace(pipe=(0, 1)), cwd)
    elif name in SESSION_PROGRAMS:
        yield from walk_session(command, node, inner._replace(background=True, reader=""), cwd)
    elif name in FAN_OUT:
        yield from walk_fan_out(command, node, stepped, cwd)
    elif name in ("find", "fd", "fdfind"):
        loop = Loop("find", (), command.start, command.end)
        inner = context._replace(loops=(*context.loops, loop), pipe=(0, 1))
        for found in find_commands(words):
            yield from walk_words(found, node, inner, cwd, ("find",), found[0].start)


def walk_ssh(ssh: Ssh, node: Simple, context: Context) -> Iterator[Command]:
    """The remote commands of ssh, and those in the script that it reads."""
    host = host_name(ssh.destination.value)
    remote = context.on(host, "ssh")._replace(via=(*context.via, "ssh"), pipe=(0, 1), then="")
    texts = [joined_words(ssh.remote)] if ssh.remote else []
    yield from walk_fed(texts, node, remote, tuple([redirect for redirect in node.redirects if redirect.body]))


def walk_elsewhere(carried: Carried, node: Simple, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands that a carrier runs, on another host or on this one, and those in the script that it reads."""
    inner = context._replace(pipe=(0, 1), then="")
    if not carried.carrier.local:
        inner, cwd = inner.on(carried.host, carried.name), None
    texts = [(text.value, text.origin) for text in carried.texts]
    texts += [joined_words(carried.words)] if carried.words else []
    if texts or opens_shell(carried):
        yield from walk_fed(texts, node, inner, tuple([r for r in node.redirects if r.body or r.op == "<"]), cwd)


def walk_fed(
    texts: list[tuple[str, Sequence[int]]],
    node: Simple,
    context: Context,
    fed: tuple[Redirect, ...],
    cwd: str | None = None,
) -> Iterator[Command]:
    """The commands of `texts`, the only one of which reads `fed`, and those in the script that the last one reads."""
    found = [command for text in texts for command in walk_text(text, context, cwd)]
    at_top = [i for i, c in enumerate(found) if c.hosts == context.hosts and not c.inside and c.via == context.via]
    if len(at_top) == 1 and fed:
        alone = found[at_top[0]]
        found[at_top[0]] = alone._replace(redirects=(*alone.redirects, *fed))
    yield from found
    if not texts or (found and (reads_script(found[-1]) or found[-1].name in ("at", "batch"))):
        yield from walk_heredoc(node, context)


def walk_session(command: Command, node: Simple, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands that tmux, screen or a similar program runs in a detached session."""
    words = session_words(command.words)
    if len(words) == 1:
        yield from walk_text((words[0].value, words[0].origin), context, cwd)
    elif words:
        yield from walk_words(words, node, context, cwd, (command.name,), words[0].start)


def walk_fan_out(command: Command, node: Simple, context: Context, cwd: str | None) -> Iterator[Command]:
    """The commands that xargs or parallel runs for each item."""
    if "--dry-run" in command.args:
        return
    words, items = fan_out_words(command.words)
    loop = Loop(command.name, items, command.start, command.end, runs_several(command))
    inner = context._replace(loops=(*context.loops, loop), pipe=(0, 1))
    in_text = inner._replace(via=(*context.via, command.name))
    if not words:  # parallel without a command runs its items
        for item in items:
            yield from walk_text((item.value, item.origin), in_text, cwd)
    elif len(words) == 1 and " " in words[0].value:
        yield from walk_text((words[0].value, words[0].origin), in_text, cwd)
    else:
        yield from walk_words(words, node, inner, cwd, (command.name,), words[0].start)


def runs_several(command: Command) -> bool:
    """Whether xargs or parallel runs several commands at once."""
    options, _ = parse_options(command.words[1:], FAN_OUT[command.name])
    names = ("-P", "--max-procs") if command.name == "xargs" else ("-j", "--jobs", "-P", "--max-procs")
    jobs = [value.value for name, value in options if name in names and value]
    return jobs[-1] != "1" if jobs else command.name == "parallel"


def walk_text(carried_text: tuple[str, Sequence[int]], context: Context, cwd: str | None = None) -> Iterator[Command]:
    """The commands of a text that another shell reads, given with the position of each character."""
    text, origin = carried_text
    variable = VARIABLE.fullmatch(text)
    if variable and variable[1] in context.variables and not context.hosts[1:]:
        value = context.variables[variable[1]]
        outermost = context._replace(origin=range(max(value.origin) + 2), variables=MappingProxyType({}))
        yield from walk_text((value.value, value.origin), outermost, cwd)
        return
    script = parse(text)
    if isinstance(script, Unparsed) or not origin:
        return
    outer = context.origin
    where = [outer[at] for at in origin]
    where.append(where[-1] + 1)
    yield from walk_nodes(script.nodes, context._replace(origin=where, fed=None), cwd)


def walk_heredoc(node: Simple, context: Context, cwd: str | None = None) -> Iterator[Command]:
    """The commands that a shell reads from a heredoc, a here-string, or an echo earlier in the pipeline."""
    inner = context._replace(via=(*context.via, "heredoc"), pipe=(0, 1), fed=None, then="")
    for redirect in node.redirects:
        body = redirect.target if redirect.op == "<<<" else redirect.body
        if body is not None:
            yield from walk_text((body.value, body.origin), inner, cwd)
    if context.fed:
        yield from walk_text(context.fed, inner, cwd)
