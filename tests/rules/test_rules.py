"""The rules: their good and bad examples are their tests."""

from __future__ import annotations

import pytest

from pueue_skill.rules import gate
from pueue_skill.rules.model import Finding
from pueue_skill.rules.registry import FAMILIES, RULES, findings
from pueue_skill.rules.rule import Rule
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Host
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

HOSTS = {"bigblack": Host("bigblack", "bigblack", "~/.local/bin/pueue")}
GOOD = [pytest.param(rule, text, id=f"{rule.id} {text[:50]}") for rule in RULES for text in rule.good]
BAD = [pytest.param(rule, text, id=f"{rule.id} {text[:50]}") for rule in RULES for text in rule.bad]


def found(text: str) -> tuple[Finding, ...]:
    script = parse(text)
    assert isinstance(script, Script), script
    return findings(commands(script), HOSTS)


@pytest.mark.parametrize(("rule", "text"), GOOD)
def test_good_examples_are_not_flagged(rule: Rule, text: str) -> None:
    assert found(text) == ()


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_bad_examples_are_flagged(rule: Rule, text: str) -> None:
    assert rule.id in [finding.rule for finding in found(text)]


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_the_gate_passes_every_flagged_example(rule: Rule, text: str) -> None:
    assert gate.interesting(text)


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_the_span_of_a_finding_is_inside_the_text(rule: Rule, text: str) -> None:
    for finding in found(text):
        assert 0 <= finding.start < finding.end <= len(text)


def test_ids_and_names() -> None:
    assert [rule.id for rule in RULES] == sorted({rule.id for rule in RULES})
    assert len({rule.name for rule in RULES}) == len(RULES)
    for family in FAMILIES:
        assert len(family.RULES) >= 2
        assert len({rule.id[:3] for rule in family.RULES}) == 1


MENTIONS = [
    "grep -r populate_cache .",
    'git commit -m "bulk_insert"',
    "cat populate_cache.py",
    "echo 'ssh bigblack python train.py'",
    "cat > job.sh <<E\nssh bigblack 'python train.py'\npueue add -- cd x && y\nE\n",
    "git log --grep='nohup python train.py &'",
    "# python train.py\nls",
    "python -c 'print(\"train.py --epochs 3\")'",
    "rg 'pueue add -- cd' docs",
    "ls train.py populate_cache.py",
    "wc -l backfill.py; head -5 train.log",
    "python train.py --host x --help",
    "ssh bigblack 'grep -c populate_cache *.py'",
    "generate_name() { echo $RANDOM; }; generate_name",
    "train() { python train.py; }; type train",
]


@pytest.mark.parametrize("text", MENTIONS)
def test_a_mentioned_command_is_not_flagged(text: str) -> None:
    assert found(text) == ()


def test_help_exempts_only_as_an_option() -> None:
    assert found("python train.py --host gpu-1 --status-file s.json")
    assert not found("python train.py --status")
