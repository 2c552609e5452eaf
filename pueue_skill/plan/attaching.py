"""Alternatives for texts that are left as is because a tool detaches its work or asks for a terminal: a Proposal in, a
text without those options out."""

from __future__ import annotations

from collections.abc import Iterator

from pueue_skill.plan.markers import text_of
from pueue_skill.plan.proposal import Proposal
from pueue_skill.shell.syntax import Simple, Word
from pueue_skill.shell.walk import simple_nodes
from pueue_skill.shell.wrappers import FAN_OUT, ToolUse, detachment, terminal_option, unwrap


def attached_text(proposal: Proposal) -> str:
    """The outermost proposal's text, changed so that every tool waits for its work and needs no terminal; empty
    without such tools."""
    edits = [edit for node, _ in simple_nodes(proposal.script.nodes) for edit in attaching_edits(node)]
    text = text_of(proposal.script)
    if not edits or not proposal.flagged or text != proposal.script.text:
        return ""
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def attaching_edits(node: Simple) -> Iterator[tuple[int, int, str]]:
    """The edits, (start, end, text), after which the tools of a command wait for their work and need no terminal."""
    for use in unwrap(node.words)[1]:
        if use.name in FAN_OUT or (detachment(use) is None and not terminal_option(use)):
            continue  # xargs -p is meant to ask
        names = {*use.behavior.detaches.split(), *use.behavior.terminal.split()}
        remaining: list[Word] = []
        for word in use.options:
            rest = without_options(word, use, names)
            remaining += [word._replace(text=rest, value=rest)] if rest else []
            if rest != word.text:
                yield (word.start - (not rest), word.end, rest)
        if detachment(use._replace(options=tuple(remaining))) and use.behavior.waits:
            yield (use.end, use.end, f" {use.behavior.waits.split()[0]}")


def without_options(word: Word, use: ToolUse, names: set[str]) -> str:
    """The source of a word without those of its options that are in `names`."""
    value = word.value
    if word.text != value or value[:1] != "-":
        return word.text
    if value.partition("=")[0] in names:
        return ""
    if value[:2] == "--":
        return value
    letters = ""
    for i, letter in enumerate(value[1:], 1):
        if letter in use.spec.short or letter == "=":
            return f"-{letters}{value[i:]}"
        letters += "" if f"-{letter}" in names else letter
    return f"-{letters}" if letters else ""
