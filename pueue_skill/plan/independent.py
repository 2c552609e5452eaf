"""Whether the turns of a loop can be jobs of their own: in any order, each without the others.

In: a loop. Out: nothing, or a Refusal that says what ties its turns together. A value that goes from one turn to the next, a
file that all of them write, a turn that may end the loop or move the next one.
"""

from __future__ import annotations

import re

from pueue_skill.expand import assigned, mentions
from pueue_skill.facts import Wrapper, options
from pueue_skill.model import Compound, Node, Simple
from pueue_skill.nodes import compounds, redirects, simple_nodes, statements
from pueue_skill.plan.setup import writes
from pueue_skill.regex import regex
from pueue_skill.remote import Refusal

ENDS_EARLY = {"break", "return", "exit", "exec", "trap"}
MOVES = {"cd", "pushd", "popd"}
STAYS = {"set", "shopt", "umask", "ulimit", "alias", "unalias", "unset", "enable", "hash", "shift", "getopts"}
"""What changes the shell for the turns that follow."""

PUTS = {"cp", "mv", "ln", "install", "rsync", "scp"}
CHANGES = {"rm", "touch", "truncate", "sed", "mkdir", "rmdir", "git", "patch", "unzip", "dd"}
"""Programs that put a file somewhere (their last operand), and that change those that they name."""
COUNTED = regex(
    r"\(\(\s*(\w+)\s*=\s*(-?\d+)\s*;\s*\1\s*(<=?)\s*(-?\d+)\s*;\s*(?:\1\+\+|\+\+\1|\1\s*\+=\s*(\d+))\s*\)\)"
)
"""`((i = 0; i < 10; i++))` and its like: a loop that only counts."""


def names_of(loop: Compound) -> tuple[str, ...]:
    """The variables that a loop sets each turn. Raises Refusal for a loop that turns on something else."""
    if loop.kind == "for":
        counted = COUNTED.fullmatch(loop.words[0].text)
        if loop.words[0].text.startswith("((") and not counted:
            raise Refusal("each turn may depend on the one before")
        return (counted[1] if counted else loop.words[0].value,)
    test = statements(loop.test)
    node = test[0].node if len(test) == 1 else None
    if not isinstance(node, Simple) or not node.words or node.words[0].value != "read":
        raise Refusal("each turn may depend on the one before")
    found, used = options(node.words[1:], Wrapper("d"))
    if not {name for name, _ in found} <= {"-r", "-d"}:
        raise Refusal("each turn may depend on the one before")
    return tuple([word.value for word in node.words[1 + used :]]) or ("REPLY",)


def independent(text: str, loop: Compound) -> None:
    """Raises Refusal unless the turns of `loop` can be run in any order and each by itself."""
    own = {*names_of(loop)}
    body = statements(loop.body)
    if any(part.operator == "&" for part in body[:-1]):
        raise Refusal("part of each turn is put in the background")
    for redirect in loop.redirects:
        if loop.kind == "for" or redirect.op not in ("<", "<<<"):
            raise Refusal("all turns share one input or output")
    for node, place in simple_nodes(loop.body):
        name = node.words[0].value if node.words else ""
        if name in ENDS_EARLY and "subshell" not in place and not (name == "break" and "loop" in place):
            raise Refusal(f"a turn may end the loop ({name})")
        if name == "continue" and len(node.words) > 1:
            raise Refusal("a turn may end the loop (continue)")
        if name in MOVES and "subshell" not in place:
            raise Refusal(f"{name} in one turn moves the next one")
        if name in STAYS and "subshell" not in place:
            raise Refusal(f"{name} in one turn holds for the next one")
    sets, loops = assigned(loop.body), bound(loop)
    set_here = sets - loops
    if "*" in set_here:
        raise Refusal("a turn runs text that only the shell knows")
    told = own | set_here | loops
    for redirect in redirects(*loop.body):
        if redirect.body:
            raise Refusal("a heredoc stands in the loop")
        if writes(redirect) and not (redirect.target and names_in(redirect.target.text) & told):
            raise Refusal("every turn writes to the same file")
    for node, _ in simple_nodes(loop.body):
        fixed = fixed_files(node, told)
        if fixed:
            raise Refusal(f"every turn changes {fixed[-1]}")
        if node.words and node.words[0].value == "tee":
            files = [w for w in node.words[1:] if w.value[:1] != "-" and not w.value.startswith("/dev/")]
            if any(not names_in(word.text) & told for word in files):
                raise Refusal("every turn writes to the same file")
    if own & sets - bound(*loop.body):
        raise Refusal("a turn sets the loop's own variable")
    if any(inner.kind == "function" for node in loop.body for inner in compounds(node)):
        raise Refusal("a turn defines a function")
    if SPECIAL.search(text, body[0].node.start, body[-1].node.end):
        raise Refusal("a turn reads what the shell says of the one before")
    known: set[str] = set()
    sure = True
    for i, part in enumerate(body):
        if exports(part.node) and not (sure and all(sets_only(one.node) for one in body[: i + 1])):
            raise Refusal("a variable that one turn exports is seen by the next one")
        carried = reads(text, part.node) & (set_here - known)
        if carried:
            raise Refusal(f"a value goes from one turn to the next (${min(carried)})")
        if sure and isinstance(part.node, Simple):
            known |= assigned([part.node])
        sure = part.operator not in ("&&", "||")


SPECIAL = regex(r"\$(?:_\b|\{_[^\w]|!)")


def exports(node: Node) -> bool:
    return any(
        inner.words and inner.words[0].value in ("export", "declare", "typeset", "readonly") and "subshell" not in place
        for inner, place in simple_nodes((node,))
    )


def sets_only(node: Node) -> bool:
    """Whether a statement only sets or exports variables by their names."""
    if not isinstance(node, Simple):
        return False
    names = node.words[1:] if exports(node) else node.words
    return (not node.words or exports(node)) and all(re.match(r"[A-Za-z_]\w*(=|$)", word.text) for word in names)


def fixed_files(node: Simple, told: set[str]) -> list[str]:
    """The files that a command puts or changes, whatever the turn."""
    name = node.words[0].value.rpartition("/")[2] if node.words else ""
    operands = [word for word in node.words[1:] if word.value[:1] != "-"]
    if name == "mkdir" and any(word.value in ("-p", "--parents") for word in node.words):
        return []
    if name == "sed" and not any(word.value[:2] in ("-i", "--") for word in node.words):
        return []
    chosen = operands[-1:] if name in PUTS else operands if name in CHANGES else []
    return [word.value for word in chosen if not names_in(word.text) & told]


def continues(loop: Compound) -> bool:
    return any(node.words and node.words[0].value == "continue" for node, _ in simple_nodes(loop.body))


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\$\{?[#!]?(\w+)", text))


def reads(text: str, node: Node) -> set[str]:
    """The variables that `node` reads and does not set first itself, as a loop does its own."""
    return mentions(text, [node]) - bound(node)


def bound(*nodes: Node) -> set[str]:
    """The variables of the loops in `nodes`, which are set before they are read."""
    found: set[str] = set()
    for node in nodes:
        for loop in compounds(node):
            if loop.kind in ("for", "while", "select"):
                try:
                    found |= {*names_of(loop)}
                except Refusal:
                    continue
    return found
