"""`pueue add -- cd x && work`, which queues only `cd x`: the work that it was meant to queue, with its options."""

from __future__ import annotations

from pueue_skill.facts import options
from pueue_skill.model import Chain, Simple
from pueue_skill.plan.proposal import Proposal, Work, Works
from pueue_skill.remote import Refusal
from pueue_skill.rules.pueue import ADD, added

FIELDS = {
    "-g": "group", "--group": "group", "-l": "label", "--label": "label",
    "-w": "cwd", "--working-directory": "cwd",
}  # fmt: skip


def split_add(proposal: Proposal, works: Works) -> list[Work] | None:
    own = [command for command in proposal.commands if not command.hosts]
    if len(proposal.script.nodes) != 1 or not own or not added(own[0]) or any(c.name == "pueue" for c in own[1:]):
        return None
    node = proposal.script.nodes[0]
    if not isinstance(node, Chain) or not isinstance(node.parts[0], Simple):
        return None
    if "&" in node.operators or own[0].wrappers or len(node.parts) < 2:
        return None
    told: dict[str, str] = {}
    for option, value in options(own[0].words[2:], ADD)[0]:
        if option in FIELDS and value is not None and value.static:
            told[FIELDS[option]] = value.value
        elif option not in ("-p", "--print-task-id"):
            raise Refusal(f"`pueue add {option}` has no place in a job yet")
    words, text = added(own[0]), proposal.script.text
    first = words[0].value if len(words) == 1 else text[words[0].start : words[-1].end]  # pueue joins what it is given
    inner = proposal.inner(first + text[words[-1].end : node.end])
    return [work._replace(**told) for work in works(inner._replace(spread=False))]  # type: ignore[arg-type]
