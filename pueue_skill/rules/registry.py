"""The rules, by family, in the order of their IDs: Commands in, Findings out.

A new family is one file and one line in FAMILIES; a new rule is one entry in its file. The gate is generated from the
rules' anchors (tools/gen.py), so that a text that no rule can flag is never parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pueue_skill.rules import background, evidence, loops, paths, programs, pueue, ssh, waiting
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import NO_PREFERENCES, Finding, Preferences
from pueue_skill.rules.rule import Rule, RuleContext
from pueue_skill.shell.model import Command, Host

FAMILIES = (ssh, loops, programs, background, pueue, waiting, evidence, paths)
RULES: tuple[Rule, ...] = tuple([rule for family in FAMILIES for rule in family.RULES])
BY_ID = {rule.id: rule for rule in RULES}
ABOUT_DURATION = tuple([rule.id for family in (ssh, programs) for rule in family.RULES])
"""The rules that rest on how long one run of a command takes: what was measured here overrules them."""


def findings(
    commands: tuple[Command, ...],
    hosts: Mapping[str, Host] = MappingProxyType({}),
    preferences: Preferences = NO_PREFERENCES,
) -> tuple[Finding, ...]:
    """The findings for `commands`, sorted by span; at most one for each rule and span."""
    found: dict[tuple[str, int, int], Finding] = {}
    called = {f"function {command.name}" for command in commands}
    defined = {place for command in commands for place in command.inside if place.startswith("function ")}
    slow = evidence.slow_before(commands, preferences)
    for i, command in enumerate(commands):
        if f"function {command.words[0].value}" in defined:
            continue  # a call of a function in the text, whose body is checked itself
        if any(place.startswith("function ") and place not in called for place in command.inside):
            continue  # in a function that is not called
        weight = weigh(command, preferences)
        context = RuleContext(commands, i, hosts, weight, preferences, slow.get(i))
        for rule in RULES:
            setting = preferences.rules.get(rule.id)
            finding = None if setting == "off" else rule.find(command, context)
            if finding is None or (rule.id in ABOUT_DURATION and evidence.fits_call(command, preferences)):
                continue
            if setting == "medium" or not context.weight.sure or context.weight.confidence == "medium":
                finding = finding._replace(confidence="medium")
            elif setting == "advice":
                finding = finding._replace(rewrite=False)
            found.setdefault((finding.rule, finding.start, finding.end), finding)
    return tuple(sorted(found.values(), key=lambda finding: (finding.start, finding.end, finding.rule)))
