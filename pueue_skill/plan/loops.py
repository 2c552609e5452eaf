"""Loops as jobs: one job per iteration, with the iteration's values filled in and as its label.

A list is split into loops and the statements between them. Setup goes into every later job; statements after a loop
depend on all of its jobs. If iterations are not shown to be independent, the loop stays one job, with the reason:
values passed on, one output file, `break`, `set -e`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pueue_skill.plan.background import waits_for_background
from pueue_skill.plan.conflicts import check_setup
from pueue_skill.plan.detached import is_chatter
from pueue_skill.plan.fan_out import fan_out_work, label_for
from pueue_skill.plan.independence import (
    EARLY_EXITS,
    FOLDER_COMMANDS,
    IMPLICIT_VARIABLES,
    MAX_LISTED_ITEMS,
    SHELL_STATE_COMMANDS,
    called_functions,
    check_independent,
    check_nested,
    has_continue,
    is_export,
    loop_items,
    loop_variables,
    names_read,
)
from pueue_skill.plan.model import Each
from pueue_skill.plan.preamble import only_prepares, sets_option
from pueue_skill.plan.proposal import Proposal, Work, Works
from pueue_skill.rules.cost import weigh
from pueue_skill.shell import quote
from pueue_skill.shell.expansion import Value, after_assignments, assigned_names, mentioned_names, substitute
from pueue_skill.shell.parse import parse
from pueue_skill.shell.secrets import holds_secret
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Compound, Node, Pipeline, Script, Simple, Word
from pueue_skill.shell.walk import Statement, and_or_lists, has_heredoc, is_wait, separator, simple_nodes, statements
from pueue_skill.shell.wrappers import only_as_written
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

READS_STATUS = regex(r"\$\{?(?:\?|!|PIPESTATUS)")
"""Expansions that read the exit status or the process of earlier work."""

OTHER_EXPANSION = regex(
    r"\bIFS\+?=|\bset\s+[-+]\w*[Bf]|\bnoglob|\bbraceexpand|\bshopt\b|\b(?:declare|typeset)\s+-\w*[inlu]"
)
"""Setup that changes how words expand."""

EXPORTS = regex(r"\bset\s+-\w*a|\ballexport|\b(?:export|declare|typeset)\b")
"""Setup that may export a loop variable to programs."""


class Iteration(NamedTuple):
    """The source of one iteration's body with its values filled in, and the values."""

    text: str
    values: tuple[str, ...]


class Segment(NamedTuple):
    """A part of a list: a loop, or the statements between loops. `before` is the setup that it needs, `known` its
    variables."""

    statements: list[Statement]
    loop: Node | None
    before: str
    known: Mapping[str, Value]

    @property
    def start(self) -> int:
        return self.statements[0].node.start

    @property
    def end(self) -> int:
        return self.statements[-1].node.end


def loop_work(proposal: Proposal, works: Works) -> list[Work] | None:
    """The jobs of a list with loops, or None without one. Raises NotQueueable with the reason why the list stays one
    job."""
    found = statements(proposal.script.nodes)
    if not proposal.spread or not any(is_loop(proposal, part.node) for part in found):
        return None
    parts = list(segments(proposal, found))
    jobs: list[Work] = []
    last: tuple[int, ...] = ()
    ended = 0  # the statements before it have their jobs
    in_background = False
    for part in parts:
        operator = found[ended - 1].operator if ended else ""
        if operator not in ("", "&&", ";", "\n"):
            raise NotQueueable(f"the next command does not wait for the end of the previous one ({operator})")
        between = found[ended : found.index(part.statements[0])]
        always = in_background or operator != "&&" or any(is_wait(s) and s.operator != "&&" for s in between)
        if last and READS_STATUS.search(proposal.script.text, part.start, part.end):
            raise NotQueueable("a command after the loop reads its exit status")
        if part.loop is None:
            text = part.before + proposal.script.text[part.start : part.end]
            made = works(proposal.inner(text)._replace(spread=False))
        else:
            made = segment_work(proposal, part, part.loop, works)
        if len(made) == 0:
            continue
        if last and any(work.each for work in made):
            raise NotQueueable("the loop's items are known only after the work before it")
        if last and len({work.host for work in [*jobs, *made]}) > 1:
            raise NotQueueable("a command after the loop runs on another host")
        if last and any(work.each for work in jobs):
            raise NotQueueable("a command after the loop has to wait for iterations that only the shell knows")
        at = len(jobs)
        jobs += [work._replace(after=last or work.after, if_failed=bool(last) and always) for work in made]
        last = tuple(range(at, len(jobs)))
        ended = found.index(part.statements[-1]) + 1
        in_background = part.loop is not None and not waits(proposal, part.start, part.end)
        if in_background:
            if is_chatter([statement for statement in found[ended:] if not is_wait(statement)]):
                break
            check_wait_follows(proposal, part, found[ended])
    return jobs


def waits(proposal: Proposal, start: int, end: int) -> bool:
    """Whether a part of the text waits for the work that it puts in the background."""
    return waits_for_background(proposal.script, [c for c in proposal.commands if start <= c.start < end])


def check_wait_follows(proposal: Proposal, part: Segment, following: Statement) -> None:
    """Raises NotQueueable unless the statement after a loop waits for the iterations, which run in the background."""
    if not is_wait(following) or not waits(proposal, part.start, following.node.end):
        raise NotQueueable("the next command does not wait for the iterations in the background")


def segments(proposal: Proposal, found: list[Statement]) -> Iterator[Segment]:
    """The loops of a list and the statements between them, each with the setup before it. Raises NotQueueable."""
    if sets_option(found, "errexit", "e"):
        raise NotQueueable("set -e stops the loop at the first iteration that fails")
    text = proposal.script.text
    nodes = [statement.node for statement in found]
    unset = mentioned_names(text, nodes) - assigned_names(nodes)
    if unset and sets_option(found, "nounset", "u"):
        raise NotQueueable(f"set -u stops the loop if a variable is not set (${min(unset)})")
    setup = ""  # setup of earlier and-or lists, with its final operator
    known: dict[str, Value] = {}
    between: list[Statement] = []
    before = ""
    later = names_read_later(text, found)
    for parts in and_or_lists(found):
        own = setup
        loops = [i for i, part in enumerate(parts) if is_loop(proposal, part.node)]
        if loops and "||" in [part.operator for part in parts[loops[0] :]]:
            raise NotQueueable("a command after the loop runs only if the loop fails (||)")
        for i, part in enumerate(parts):
            node, prepared = part.node, only_prepares(parts[: i + 1])
            if has_heredoc(node):
                raise NotQueueable("the list contains a heredoc")
            if is_loop(proposal, node):
                if between:
                    yield Segment(between, None, before, known)
                if part is not found[-1]:
                    check_leaves_nothing(node, later[node.start])
                yield Segment([part], node, setup_before(parts[:i], setup, own), dict(known))
                between = []
                continue
            if prepared:
                after = after_assignments(node, known)
                known = after if after is not None else {} if assigned_names([node]) else known
                own += text[node.start : node.end] + separator(part.operator)
                if not between:
                    continue
            elif not is_wait(part):
                check_carries_nothing(proposal.script, part, later[part.node.start], part is found[-1])
            if is_wait(part) and not between:
                if part.operator in ("||", "&"):
                    raise NotQueueable(f"the next command does not follow the wait ({part.operator})")
                continue
            if not between:
                before = own if prepared else setup_before(parts[:i], setup, own)
            between = [*between, part]
        if only_prepares(parts):
            setup = own
        else:
            prepared_here = [p for j, p in enumerate(parts) if only_prepares(parts[: j + 1])]
            setup += "".join([text[p.node.start : p.node.end] + "\n" for p in prepared_here])
        if loops and between:  # the next list runs even if this one does not
            yield Segment(between, None, before, known)
            between = []
    if between:
        yield Segment(between, None, before, known)


def setup_before(parts: list[Statement], setup: str, own: str) -> str:
    """The setup for the statement after `parts` of its list: `own` includes that of `parts`. Raises NotQueueable."""
    if own != setup and not only_prepares(parts) and "||" in [part.operator for part in parts]:
        raise NotQueueable("only the shell knows which setup runs (||)")
    return own


def check_leaves_nothing(loop: Node, later: set[str]) -> None:
    """Raises NotQueueable if a loop changes the shell for the commands after it."""
    if assigned_names([loop]) & (later | IMPLICIT_VARIABLES):
        raise NotQueueable("a command after the loop reads a variable that the loop sets")
    if is_export(loop):
        raise NotQueueable("a variable that the loop exports is visible to the commands after it")


def names_read_later(text: str, found: list[Statement]) -> dict[int, set[str]]:
    """By the start of a statement, the variables that later statements read."""
    later: dict[int, set[str]] = {}
    names: set[str] = set()
    for part in reversed(found):
        later[part.node.start] = set(names)
        names |= names_read(text, part.node)
    return later


def check_carries_nothing(scope: Script, part: Statement, later: set[str], is_last: bool) -> None:
    """Raises NotQueueable if work in `part` changes the shell for later statements, or sets variables that these read."""
    nodes = (part.node, *called_functions(scope, (part.node,)))
    names = assigned_names(nodes)
    if names & (later | (frozenset() if is_last else IMPLICIT_VARIABLES)) or "*" in names:
        raise NotQueueable("a later command reads a variable that an earlier one sets")
    for inner, around in simple_nodes(nodes):
        name = inner.words[0].value if inner.words else ""
        if "subshell" in around or (name == "return" and "function" in around):
            continue
        lasting = {*EARLY_EXITS, *FOLDER_COMMANDS, *(() if is_last else SHELL_STATE_COMMANDS)}
        if name in lasting:
            raise NotQueueable(f"{name} affects the commands after it")
        if is_export(inner) and not is_last:
            raise NotQueueable("a variable that one command exports is visible to those after it")


def is_loop(proposal: Proposal, node: Node) -> bool:
    """Whether `node` is a loop or fan-out over work that is not known to be quick."""
    if isinstance(node, Pipeline):
        if node.prefix or len(node.parts) < 2:
            return False
        head, last = node.parts[:-1], node.parts[-1]
        if not all(isinstance(part, Simple) for part in head):
            return False
        return (isinstance(last, Compound) and last.kind == "while" and has_long_body(proposal, last)) or (
            isinstance(last, Simple) and is_fan_out(proposal, last)
        )
    if isinstance(node, Simple):
        return is_fan_out(proposal, node)
    return isinstance(node, Compound) and node.kind in ("for", "while") and has_long_body(proposal, node)


def is_fan_out(proposal: Proposal, node: Simple) -> bool:
    """Whether `node` is an xargs or parallel over work that is not known to be quick."""
    return (
        bool(node.words)
        and node.words[0].value.rpartition("/")[2] in ("xargs", "parallel")
        and has_long_body(proposal, node)
    )


def has_long_body(proposal: Proposal, node: Node) -> bool:
    """Whether a loop in `node` runs a local command that is not known to be quick."""
    inside = [c for c in proposal.commands if c.loops and any(node.start <= loop.start < node.end for loop in c.loops)]
    return any(weigh(command).size != "quick" and not command.ssh for command in inside)


def segment_work(proposal: Proposal, part: Segment, loop: Node, works: Works) -> list[Work]:
    """The jobs of one loop, or the one job with which the loop itself submits a job per iteration. Raises
    NotQueueable."""
    last = loop.parts[-1] if isinstance(loop, Pipeline) else loop
    if isinstance(last, Simple):
        if OTHER_EXPANSION.search(part.before):
            raise NotQueueable("the setup changes how words expand")
        return fan_out_work(proposal, loop, last, part.before, part.known)
    if not isinstance(last, Compound):
        return []
    check_setup(part.before)
    check_independent(proposal.script, last, part.known)
    chain = loops_within(proposal.script, last, part.known)
    if len(chain) > 1:
        check_nested(proposal.script, chain, part.known)
    if proposal.shell == "login" and any(is_split(word) for word in last.words[1:]):
        raise NotQueueable("the loop's items depend on the host's login shell")
    known_items = not isinstance(loop, Pipeline) and not OTHER_EXPANSION.search(part.before)
    iterations = iterations_of(proposal.script, last, part.known, part.before) if known_items else None
    if iterations is None or len(iterations) > MAX_LISTED_ITEMS:
        return [submitting_loop(proposal, loop, chain, part.before)]
    jobs: list[Work] = []
    for iteration in iterations:
        jobs += [
            work._replace(label=work.label or label_for(iteration.values))
            for work in iteration_work(proposal, part, iteration, works)
        ]
    return jobs


def is_split(word: Word) -> bool:
    """Whether an item is an unquoted variable, which not every shell splits."""
    return re.search(r"\$\{?\w", re.sub(r"\"[^\"]*\"|'[^']*'", "", word.text)) is not None


def iteration_work(proposal: Proposal, part: Segment, iteration: Iteration, works: Works) -> list[Work]:
    """The jobs of one iteration. Raises NotQueueable."""
    inner = proposal.inner(iteration.text)._replace(spread=False)
    if any(command.ssh and not only_as_written(command) for command in inner.commands):
        if not sets_only_variables(part):
            raise NotQueueable("the loop needs this host's setup, and its work runs on another host")
        return works(inner)
    grouped = part.before.endswith("&& ") and len(statements(inner.script.nodes)) > 1
    body = f"{{\n{iteration.text}\n}}" if grouped else iteration.text
    return works(proposal.inner(part.before + body, shell="bash")._replace(spread=False))


def sets_only_variables(part: Segment) -> bool:
    """Whether the setup only sets variables, whose values are already filled in, and shell options."""
    setup = parse(part.before.rstrip(" &;\n"))
    return not part.before.strip() or (
        isinstance(setup, Script)
        and all(
            isinstance(s.node, Simple) and (not s.node.words or s.node.words[0].value in ("set", "shopt", "export"))
            for s in statements(setup.nodes)
        )
    )


def iterations_of(
    scope: Script,
    loop: Compound,
    known: Mapping[str, Value],
    before: str,
    outer: Mapping[str, str] = MappingProxyType({}),
) -> list[Iteration] | None:
    """The iterations of a `for` loop and of a loop that is its body, or None if only the shell knows the items.

    The list stops after MAX_LISTED_ITEMS + 1 iterations.
    """
    found = loop_items(loop, known)
    if found is None:
        return None
    name, items = found
    inner = loop_within(scope, loop, known)
    iterations: list[Iteration] = []
    for item in items[: MAX_LISTED_ITEMS + 1]:
        values = {**outer, name: item}
        nested = iterations_of(scope, inner, {**known, **values}, before, values) if inner else None
        iterations += (
            [Iteration(iteration_source(scope, loop, values, before), tuple(values.values()))]
            if nested is None
            else nested
        )
        if len(iterations) > MAX_LISTED_ITEMS:
            break
    return iterations


def loops_within(scope: Script, loop: Compound, known: Mapping[str, Value]) -> list[Compound]:
    """`loop` and the nested loops that are each the whole body of the one before, with independent iterations."""
    inner = loop_within(scope, loop, known)
    return [loop, *(loops_within(scope, inner, known) if inner else ())]


def loop_within(scope: Script, loop: Compound, known: Mapping[str, Value]) -> Compound | None:
    """The `for` loop that is the whole body of `loop`, if its iterations are independent; else None."""
    body = statements(loop.body)
    node = body[0].node if len(body) == 1 and body[0].operator != "&" else None
    if not isinstance(node, Compound) or node.kind != "for":
        return None
    try:
        check_independent(scope, node, known)
    except NotQueueable:
        return None
    return node


def iteration_source(scope: Script, loop: Compound, values: Mapping[str, str], before: str) -> str:
    """The source of one iteration's body: the values in place of the variables or, if that is not safe, a loop of one
    iteration.

    A variable that is exported, as one in capitals may be, is visible to the programs of the iteration. A body that sets IFS
    changes how its words are split.
    """
    text, body = scope.text, statements(loop.body)
    over_ssh = any(node.words and node.words[0].value == "ssh" for node, _ in simple_nodes(loop.body))
    exported = EXPORTS.search(before) or any(name != name.lower() for name in values)
    sources = [substitute(text, part.node, values) for part in body]
    splits = "IFS" in assigned_names([*loop.body, *called_functions(scope, loop.body)])
    if None not in sources and not has_continue(loop) and not splits and (over_ssh or not exported):
        return "".join(
            [
                (source or "") + (separator(part.operator) if part is not body[-1] else "")
                for part, source in zip(body, sources, strict=True)
            ]
        )
    source_text = body_source(text, body)
    for name, value in reversed(list(values.items())):
        source_text = f"for {name} in {quote.word(value)}; do\n{source_text}\ndone"
    return source_text


def body_source(text: str, body: list[Statement]) -> str:
    """The source of a loop's body, without the operator after it."""
    return text[body[0].node.start : body[-1].node.end]


def submitting_loop(proposal: Proposal, loop: Node, chain: Sequence[Compound], before: str) -> Work:
    """The same loop, submitting one job per iteration. Raises NotQueueable."""
    text = proposal.script.text
    if any(c.ssh and loop.start <= c.start < loop.end for c in proposal.commands):
        raise NotQueueable("only the shell knows the loop's items")
    if isinstance(loop, Pipeline) and any(weigh(c).size == "long" for c in proposal.commands
                                          if loop.start <= c.start < chain[0].start):  # fmt: skip
        raise NotQueueable("the command that feeds the loop runs long itself")
    innermost = chain[-1]
    names = [name for inner_loop in chain for name in loop_variables(inner_loop)]
    body = statements(innermost.body)
    body_text = body_source(text, body)
    if has_continue(innermost):
        body_text = f'for {names[-1]} in "${names[-1]}"; do\n{body_text}\ndone'
    tail = text[body[-1].node.end : loop.end].lstrip(" \t\n;&")
    each = Each(before + text[loop.start : body[0].node.start], tail, tuple(names))
    label = None if any(map(holds_secret, names)) else label_for(tuple([f"${name}" for name in names]))
    return Work(proposal.here, before + body_text, "bash", label=label, each=each)
