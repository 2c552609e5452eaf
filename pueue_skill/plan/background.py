"""Whether a text waits for the work that it puts in the background: its Commands in, yes or no out.

A shell waits only for its own children: not for those of a subshell or of another shell, and not after `disown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pueue_skill.shell.commands import NEVER_FAILS
from pueue_skill.shell.model import Command, Construct
from pueue_skill.shell.syntax import Script, Unparsed, Word
from pueue_skill.startup.regex import regex

OWN_SHELL = ("subshell", "coproc", "substitution", "pipe", "background", "text")
"""Steps to another process, whose children are not those of the shell around it."""
LOOPS = ("for", "while", "until", "select")
SAVES_ID = regex(r"[\s;]*&[\s;]*(\w+)(\+?)=(\(?)([^\n;&|]*\$\{?!)")
"""The `&` after a list and an assignment of `$!`."""
NAMED = regex(r"\$(?:(\w+)|\{(\w+)(\[[@*]\])?\})")


def waits_for_background(script: Script | Unparsed, commands: Sequence[Command]) -> bool:
    """Whether the text waits for all its background work. `commands` are the Commands of `script`, or some of them."""
    for i, command in enumerate(commands):
        jobs = [at for at, step in enumerate(command.path) if step.kind in ("background", "coproc")]
        if command.background and not jobs:
            return False  # at, tmux and similar
        if not all(is_awaited(script.text, commands, i, at) for at in jobs):
            return False
    return True


def is_awaited(text: str, commands: Sequence[Command], i: int, at: int) -> bool:
    """Whether a `wait` certainly follows the background list that is step `at` of the path to command `i`."""
    around, job = commands[i].path[:at], commands[i].path[at]
    shell = shell_of(around)
    errexit = any(sets_errexit(command) for command in commands[:i] if shell_of(command.path) == shell)
    for j, command in enumerate(commands[i + 1 :], i + 1):
        if shell_of(command.path) != shell:
            continue
        for path, words in waited_words(command, commands[j + 1 :], errexit):
            inside = around[len(path) :]
            if around[: len(path)] == path and waits_for_ids(text, words, job, inside, commands, command):
                return is_called_before(commands, inside, commands[i], j)
        may_fail = command.name not in NEVER_FAILS or (command.name == "wait" and bool(command.args))
        if ends_or_disowns(command) or (errexit and may_fail and not command.reader):
            return False
    return False


def waited_words(
    command: Command, later: Sequence[Command], errexit: bool
) -> Iterator[tuple[tuple[Construct, ...], Sequence[Word]]]:
    """The words that a `wait` waits for, each time with the path to what waits: the command, or the loop over them.

    `for p in "${pids[@]}"; do wait "$p"; done` waits for all items, unless the loop ends early.
    """
    if command.name != "wait" or any(arg[:1] == "-" for arg in command.args):
        return
    path = command.path
    yield path, command.words[1:]
    if path[-1:] and path[-1].kind == "for" and len(command.args) == 1 and command.loops[-1].items and not errexit:
        inside = [other for other in later if other.path[: len(path)] == path]
        if not any(other.name == "break" or ends_or_disowns(other) for other in inside):
            yield path[:-1], command.loops[-1].items


def shell_of(path: tuple[Construct, ...]) -> tuple[Construct, ...]:
    """The path to the process that runs a command with this path."""
    own = [i for i, step in enumerate(path) if step.kind in OWN_SHELL]
    return path[: own[-1] + 1] if own else ()


def ends_or_disowns(command: Command) -> bool:
    """Whether the command removes jobs from the shell or ends it."""
    if command.name == "disown":
        return command.args[:1] != ("-h",)
    return command.name in ("exit", "return") or "exec" in command.wrappers


def sets_errexit(command: Command) -> bool:
    """Whether the command is `set -e`."""
    return command.name == "set" and any(
        arg == "errexit" or (arg[:1] == "-" and arg[:2] != "--" and "e" in arg) for arg in command.args
    )


def waits_for_ids(
    text: str,
    words: Sequence[Word],
    job: Construct,
    inside: tuple[Construct, ...],
    commands: Sequence[Command],
    waiting: Command,
) -> bool:
    """Whether a `wait` with these words waits for `job`: without words, with all ids, or with those that the text saved.

    `inside` are the steps around the job that are not around the `wait`.
    """
    sources = [word.text for word in words]
    if not sources or sources == ["$(jobs -p)"]:
        return True
    repeated = any(step.kind in (*LOOPS, "function") for step in inside)
    if sources in (["$!"], ['"$!"']):
        others = [step for command in commands for step in command.path if step.kind == "background"]
        return not repeated and not any(job.end <= step.start < waiting.start for step in others)
    saved = SAVES_ID.match(text, job.end)
    if not saved:
        return False
    name, more, array, value = saved.groups()
    if repeated and not more and not re.search(rf"\$\{{?{name}\b", value):
        return False
    later = re.findall(rf"\b{name}=([^\n;&|]*)", text[saved.end() : waiting.start])
    if any(not re.search(rf"\$\{{?{name}\b", set_later) for set_later in later):
        return False
    found = [(match, source) for source in sources for match in NAMED.finditer(source)]
    return any(
        (match[1] or match[2]) == name and bool(match[3]) == bool(array) and (array or not repeated or source[0] != '"')
        for match, source in found
    )


def is_called_before(
    commands: Sequence[Command], inside: tuple[Construct, ...], command: Command, waiting: int
) -> bool:
    """Whether the `wait` follows all calls of the functions around the job, made by the same shell."""
    if not any(step.kind == "function" for step in inside):
        return True
    names = {word.split()[1] for word in command.inside if word.startswith("function ")}
    calls = [(j, call) for j, call in enumerate(commands) if call.name in names]
    shell = shell_of(commands[waiting].path)
    return all(j < waiting and shell_of(call.path) == shell for j, call in calls)
