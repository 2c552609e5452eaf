"""Repairs a `pueue add` that queues something other than intended: the Work that it was meant to queue, with its
options.

`pueue add -- cd x && work` queues only `cd x`; `pueue add -- sh -c 'a; b'` loses its quotes.
"""

from __future__ import annotations

from pueue_skill.plan.proposal import Proposal, Work, Works, command_at
from pueue_skill.rules.pueue import ADD_SPEC, added_words, misread_words, quoted_words, script_index, with_script
from pueue_skill.shell.arguments import parse_options
from pueue_skill.shell.model import Command
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Chain, Simple

FIELDS = {
    "-g": "group", "--group": "group", "-l": "label", "--label": "label",
    "-w": "cwd", "--working-directory": "cwd",
}  # fmt: skip


def pueue_add(proposal: Proposal, works: Works) -> list[Work] | None:
    """The work that the `pueue add` of a text was meant to queue, or None for another text. Raises NotQueueable."""
    if len(proposal.script.nodes) != 1:
        return None
    node = proposal.script.nodes[0]
    first = node.parts[0] if isinstance(node, Chain) else node
    command = command_at(proposal, first)
    if (
        command is None
        or not added_words(command)
        or [c.name for c in proposal.commands if not c.hosts].count("pueue") > 1
    ):
        return None
    if not isinstance(first, Simple) or command.wrappers or first.redirects:
        return None
    text = split_text(proposal, node, command) if isinstance(node, Chain) else joined_text(proposal, command)
    if text is None:
        return None
    if first.assigns:
        raise NotQueueable("it sets variables for `pueue add` itself")
    fields: dict[str, str] = {}
    for option, value in parse_options(command.words[2:], ADD_SPEC)[0]:
        if option in FIELDS and value is not None and value.static:
            fields[FIELDS[option]] = value.value
        elif option not in ("-p", "--print-task-id"):
            raise NotQueueable(f"`pueue add {option}` is not supported for a job")
    inner = proposal.inner(text, shell="bash")._replace(spread=False)
    return [work._replace(**fields) for work in works(inner)]  # type: ignore[arg-type]


def split_text(proposal: Proposal, node: Chain, command: Command) -> str | None:
    """The intended text of a list that begins with `pueue add`, or None."""
    if "&" in node.operators or len(node.parts) < 2:
        return None
    words, text = added_words(command), proposal.script.text
    at = script_index(words)
    if at is not None:
        return with_script(words[:at], text[words[at].start : node.end])
    first = words[0].value if len(words) == 1 else text[words[0].start : words[-1].end]  # pueue joins its arguments
    return first + text[words[-1].end : node.end]


def joined_text(proposal: Proposal, command: Command) -> str | None:
    """The intended text of a `pueue add` with several words, or None. Raises NotQueueable if only the shell knows
    them."""
    words = added_words(command)
    at = script_index(words)
    if at is not None:
        return with_script(words[:at], proposal.script.text[words[at].start : words[-1].end])
    if not misread_words(words):
        return None
    text = quoted_words(words)
    if text is None:
        raise NotQueueable("only your shell can expand the words of `pueue add`")
    return text
