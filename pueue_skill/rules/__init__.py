"""The rules, by family, in the order of their IDs: Commands in, Findings out.

A new family is one file and one line in FAMILIES; a new rule one entry in its file. The gate is generated from the rules'
anchors (tools/gen.py), so that a text that no rule can flag is never parsed.
"""

from __future__ import annotations

from pueue_skill.model import Command, Finding
from pueue_skill.rules import background, loops, programs, pueue, ssh
from pueue_skill.rules.rule import Rule

FAMILIES = (ssh, loops, programs, background, pueue)
RULES: tuple[Rule, ...] = tuple([rule for family in FAMILIES for rule in family.RULES])
BY_ID = {rule.id: rule for rule in RULES}


def findings(commands: tuple[Command, ...]) -> tuple[Finding, ...]:
    """What the rules say of `commands`, in the order of their spans; one finding a rule and span."""
    found: dict[tuple[str, int, int], Finding] = {}
    for i, command in enumerate(commands):
        for rule in RULES:
            finding = rule.find(command, commands[i + 1 :])
            if finding:
                found.setdefault((finding.rule, finding.start, finding.end), finding)
    return tuple(sorted(found.values(), key=lambda finding: (finding.start, finding.end, finding.rule)))
