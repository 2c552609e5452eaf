"""Checks whether the iterations of a loop are independent: whether each can be a job, in any order.

In: a loop, or a call of xargs or parallel. Out: nothing, or NotQueueable with the reason: a shell state that one
iteration leaves to the next, or a conflict that conflicts.py finds in their words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from pueue_skill.plan.conflicts import check_conflicts
from pueue_skill.plan.iterations import read_iterations
from pueue_skill.plan.loop_input import first_input_reader
from pueue_skill.plan.values import parse_integer, representatives
from pueue_skill.shell.arguments import ArgSpec, parse_options
from pueue_skill.shell.expansion import NAME, UnknownValue, Value, assigned_names, expand_words, mentioned_names
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Compound, Node, Script, Simple
from pueue_skill.shell.walk import Statement, compounds, redirects, simple_nodes, statements
from pueue_skill.startup.regex import regex

MAX_LISTED_ITEMS = 200
"""Items that become jobs of the plan; for longer lists the loop itself submits its jobs."""

EARLY_EXITS = {"break", "return", "exit", "exec", "trap"}
DEMANDED = regex(rf"\$\{{{NAME}(?:\[[^\]]*\])?:?\?")
"""`${x:?}`, which ends the shell if the variable is not set."""
FOLDER_COMMANDS = {"cd", "pushd", "popd"}
SHELL_STATE_COMMANDS = {
    "set",
    "shopt",
    "umask",
    "ulimit",
    "alias",
    "unalias",
    "unset",
    "enable",
    "hash",
    "shift",
    "getopts",
}
"""Commands that change the shell for later iterations."""

IMPLICIT_VARIABLES = frozenset(
    "IFS GLOBIGNORE HOME PATH CDPATH TMPDIR TZ LANG LC_ALL LC_COLLATE LC_CTYPE BASH_ENV POSIXLY_CORRECT".split()
)
"""Variables that affect commands that do not name them: how words expand, and the environment of programs."""

DERIVED_VALUE = regex(
    r"\$\{[^{}]*\}|\$\(\((?:[^()]|\([^()]*\))*\)\)|\$\[[^\]]*\]|\$\((?:basename|dirname)[^()]*\)|`(?:basename|dirname)[^`]*`"
)
"""Expressions that may derive another value from the loop variable."""
COUNTING_LOOP = regex(
    r"\(\(\s*(\w+)\s*=\s*(-?\d+)\s*;\s*\1\s*(<=?)\s*(-?\d+)\s*;\s*(?:\1\+\+|\+\+\1|\1\s*\+=\s*(\d+))\s*\)\)"
)
"""`((i = 0; i < 10; i++))` and similar: a loop that only counts."""


def loop_variables(loop: Compound) -> tuple[str, ...]:
    """The variables that a loop sets in each iteration. Raises NotQueueable for another kind of loop."""
    if loop.kind == "for":
        counted = COUNTING_LOOP.fullmatch(loop.words[0].text)
        if loop.words[0].text.startswith("((") and not counted:
            raise NotQueueable("each iteration may depend on the previous one")
        return (counted[1] if counted else loop.words[0].value,)
    test = statements(loop.test)
    node = test[0].node if len(test) == 1 else None
    if not isinstance(node, Simple) or not node.words or node.words[0].value != "read":
        raise NotQueueable("each iteration may depend on the previous one")
    found, used = parse_options(node.words[1:], ArgSpec("d"))
    if not {name for name, _ in found} <= {"-r", "-d"}:
        raise NotQueueable("each iteration may depend on the previous one")
    return tuple([word.value for word in node.words[1 + used :]]) or ("REPLY",)


def check_independent(scope: Script, loop: Compound, known: Mapping[str, Value]) -> None:
    """Raises NotQueueable unless the iterations of `loop`, part of `scope`, are independent."""
    own = loop_variables(loop)
    check_flow(scope, loop, {*own})
    source = scope.text[loop.body[0].start : loop.body[-1].end]
    side_by_side = statements(loop.body)[-1].operator == "&"
    every = values_by_iteration(loop, known, source)
    check_conflicts(
        read_iterations(scope.text, loop.body, scope, every, own, known, background=side_by_side), side_by_side
    )


def values_by_iteration(loop: Compound, known: Mapping[str, Value], source: str) -> list[Mapping[str, Value]]:
    """The loop variables' values in each iteration, or representatives if only the shell knows them.

    Raises NotQueueable if two iterations are the same.
    """
    items = loop_items(loop, known)
    changes = DERIVED_VALUE.findall(source)
    if items is not None:
        name, values = items
        if len({*values}) < len(values):
            raise NotQueueable(f"two iterations are the same ({max(values, key=values.count)})")
        return [{name: value} for value in values[:MAX_LISTED_ITEMS]]
    names = loop_variables(loop)
    words = [word.value for word in loop.words[1:]] if loop.kind == "for" else []
    used = [name for name in names if re.search(rf"\b{name}\b", source)] or [*names]
    some = {name: representatives(words, changes, name) for name in used}
    first: dict[str, Value] = {name: values[0] for name, values in some.items()}
    return [first, *[{**first, name: value} for name, values in some.items() for value in values[1:]]]


def loop_items(loop: Compound, known: Mapping[str, Value]) -> tuple[str, tuple[str, ...]] | None:
    """The variable of a `for` loop and its values, or None if only the shell knows them.

    Raises NotQueueable for a loop that counts by zero or beyond 64 bits.
    """
    if loop.kind != "for":
        return None
    counted = COUNTING_LOOP.fullmatch(loop.words[0].text)
    if counted:
        name, first, compared, last, step = counted.groups()
        try:
            start, stop, by = [parse_integer(digits) for digits in (first, last, step or "1")]
        except UnknownValue:
            raise NotQueueable("only the shell knows how often the loop runs") from None
        if by == 0:
            raise NotQueueable("the loop may never end")
        numbers = range(start, stop + (compared == "<="), by)
        return name, tuple([str(number) for number in numbers[: MAX_LISTED_ITEMS + 1]])
    found = expand_words(loop.words[1:], known) if len(loop.words) > 1 else None
    return None if found is None else (loop.words[0].value, found)


def check_nested(scope: Script, chain: Sequence[Compound], known: Mapping[str, Value]) -> None:
    """Raises NotQueueable unless nested loops, each the whole body of the one before, are independent together."""
    body = chain[-1].body
    side_by_side = statements(body)[-1].operator == "&"
    source = scope.text[body[0].start : body[-1].end]
    names = tuple([name for loop in chain for name in loop_variables(loop)])
    every = [*itertools.islice(combinations(chain, known, source), MAX_LISTED_ITEMS)]
    check_conflicts(
        read_iterations(scope.text, body, scope, every, names, known, background=side_by_side), side_by_side
    )


def combinations(chain: Sequence[Compound], known: Mapping[str, Value], source: str) -> Iterator[Mapping[str, Value]]:
    """The values of the variables of nested loops, for every combination of their iterations."""
    if not chain:
        yield {}
        return
    for own in values_by_iteration(chain[0], known, source):
        for inner in combinations(chain[1:], {**known, **own}, source):
            yield {**own, **inner}


def check_independent_calls(
    scope: Script,
    source: str,
    items: Sequence[tuple[str, ...]] | None,
    places: tuple[str, ...],
    known: Mapping[str, Value],
) -> None:
    """Raises NotQueueable unless the calls that xargs or parallel makes of `source` are independent.

    In each call the texts `places` are replaced by one of `items`, or by a value that only the shell knows (None).
    """
    if items is not None and len({*items}) < len(items):
        raise NotQueueable(f"two iterations are the same ({' '.join(max(items, key=items.count))})")
    some = representatives((), (), "") if items is None else []
    every = (
        [(value,) * len(places) for value in some]
        if items is None
        else [(*item, *[""] * len(places))[: len(places)] for item in items[:MAX_LISTED_ITEMS]]
    )
    variables = [dict(zip(places, item, strict=True)) for item in every]
    script = parse(source)
    if not isinstance(script, Script):
        raise NotQueueable(f"`{source}` cannot be parsed: {script.reason}")
    check_conflicts(read_iterations(source, script.nodes, scope, variables, places, known, places), False)


def check_flow(scope: Script, loop: Compound, names: set[str]) -> None:
    """Raises NotQueueable if an iteration changes the shell for the next one, or passes it a value."""
    text = scope.text
    body = statements(loop.body)
    if any(part.operator == "&" for part in body[:-1]):
        raise NotQueueable("part of each iteration runs in the background")
    for redirect in loop.redirects:
        if loop.kind == "for" or redirect.op not in ("<", "<<<"):
            raise NotQueueable("all iterations share one input or output")
    for node, around in simple_nodes((*loop.body, *called_functions(scope, loop.body))):
        name = node.words[0].value if node.words else ""
        if "function" in around and name in ("return", "shift", "break", "continue", "getopts"):
            continue
        if name in EARLY_EXITS and "subshell" not in around and not (name == "break" and "loop" in around):
            raise NotQueueable(f"an iteration may end the loop ({name})")
        if name == "kill" and any("$$" in word.text or word.value == "0" for word in node.words):
            raise NotQueueable("an iteration may end the loop (kill)")
        demanded = DEMANDED.search(text[node.start : node.end])
        if demanded and "subshell" not in around:
            raise NotQueueable(f"an iteration may end the loop ({demanded[0]})")
        if name == "continue" and len(node.words) > 1:
            raise NotQueueable("an iteration may end the loop (continue)")
        if name in FOLDER_COMMANDS and "subshell" not in around:
            raise NotQueueable(f"{name} in one iteration changes the folder of the next")
        if name in SHELL_STATE_COMMANDS and "subshell" not in around:
            raise NotQueueable(f"{name} in one iteration applies to the next")
    if loop.kind == "while":
        defined = {function.words[0].value: function for function in function_definitions(scope)}
        reader = first_input_reader(loop.body, defined)
        if reader:
            raise NotQueueable(f"{reader} in an iteration reads the loop's input")
    sets = assigned_names(loop.body)
    set_here = sets - loop_bound_names(loop)
    if "*" in set_here:
        raise NotQueueable("an iteration runs text that only the shell knows")
    if any(redirect.body for redirect in redirects(*loop.body)):
        raise NotQueueable("the loop contains a heredoc")
    if names & sets - loop_bound_names(*loop.body):
        raise NotQueueable("an iteration sets the loop's own variable")
    if any(inner.kind == "function" for node in loop.body for inner in compounds(node)):
        raise NotQueueable("an iteration defines a function")
    first = body[0].node
    if SPECIAL.search(text, first.start, body[-1].node.end) or STATUS.search(text, first.start, first.end):
        raise NotQueueable("an iteration reads $! or $? of the previous one")
    called = {node.words[0].value for node, _ in simple_nodes(loop.body) if node.words}
    left: set[str] = set()
    for function in function_definitions(scope):
        if function.words[0].value in called:
            own = assigned_names(function.body) - local_names(function)
            check_carried(text, statements(function_statements(function)), own)
            left |= own
    check_carried(text, body, set_here | left)


def check_carried(text: str, body: list[Statement], set_here: set[str]) -> None:
    """Raises NotQueueable if a statement reads one of the variables `set_here` that an earlier iteration may have set."""
    known: set[str] = set()
    sure = True
    for i, part in enumerate(body):
        if is_export(part.node) and not (sure and all(only_sets_variables(earlier.node) for earlier in body[: i + 1])):
            raise NotQueueable("a variable that one iteration exports is visible to the next")
        read = names_read(text, part.node)
        if isinstance(part.node, Simple) and not part.node.words and "+=" not in text[part.node.start : part.node.end]:
            read = set().union(*[names_in_value(word.text.partition("=")[2]) for word in part.node.assigns])
        else:
            read = read | IMPLICIT_VARIABLES
        carried = read & (set_here - known)
        if carried:
            raise NotQueueable(f"a value is passed from one iteration to the next (${min(carried)})")
        if sure and isinstance(part.node, Simple):
            known |= assigned_names([part.node])
        sure = part.operator not in ("&&", "||")


def names_in_value(value: str) -> set[str]:
    """The variables that the value of an assignment reads; in an arithmetic expression every name."""
    plain, _, reckoned = value.partition("((")
    return {
        *re.findall(rf"\$\{{?[#!]?({NAME})", value),
        *re.findall(NAME, reckoned),
        *re.findall(rf"\[({NAME})", plain),
    }


def called_functions(scope: Script, nodes: tuple[Node, ...]) -> list[Compound]:
    """The functions of `scope` that `nodes` may call: all, if they call one."""
    functions = function_definitions(scope)
    called = {node.words[0].value for node, _ in simple_nodes(nodes) if node.words}
    return functions if called & {function.words[0].value for function in functions} else []


def function_definitions(scope: Script) -> list[Compound]:
    """The functions defined in `scope`."""
    return [node for top in scope.nodes for node in compounds(top) if node.kind == "function"]


def function_statements(function: Compound) -> tuple[Node, ...]:
    """The statements of a function, without the braces around them."""
    body = function.body
    return body[0].body if len(body) == 1 and isinstance(body[0], Compound) and body[0].kind == "group" else body


def local_names(function: Compound) -> set[str]:
    """The variables that a function declares local."""
    return set().union(*[
        assigned_names([node]) for node, _ in simple_nodes(function.body)
        if node.words and node.words[0].value in ("local", "declare", "typeset")
    ])  # fmt: skip


STATUS = regex(r"\$\{?(?:\?|PIPESTATUS)")
SPECIAL = regex(r"\$(?:_\b|\{_[^\w]|!)")


def is_export(node: Node) -> bool:
    """Whether `node` exports or declares a variable outside a subshell."""
    return any(
        inner.words
        and inner.words[0].value in ("export", "declare", "typeset", "readonly")
        and "subshell" not in around
        for inner, around in simple_nodes((node,))
    )


def only_sets_variables(node: Node) -> bool:
    """Whether a statement only sets or exports variables."""
    if not isinstance(node, Simple):
        return False
    names = node.words[1:] if is_export(node) else node.words
    return (not node.words or is_export(node)) and all(re.match(r"[A-Za-z_]\w*(=|$)", word.text) for word in names)


def has_continue(loop: Compound) -> bool:
    """Whether the loop contains `continue`."""
    return any(node.words and node.words[0].value == "continue" for node, _ in simple_nodes(loop.body))


def names_read(text: str, node: Node) -> set[str]:
    """The variables that `node` reads, except those that its own loops set."""
    return mentioned_names(text, [node]) - loop_bound_names(node)


def loop_bound_names(*nodes: Node) -> set[str]:
    """The variables of the loops in `nodes`, which are set before they are read."""
    found: set[str] = set()
    for node in nodes:
        for loop in compounds(node):
            if loop.kind in ("for", "while", "select"):
                try:
                    found |= {*loop_variables(loop)}
                except NotQueueable:
                    continue
    return found
