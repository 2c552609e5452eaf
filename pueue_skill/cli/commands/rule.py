"""`rule`: explains a rule."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed
from pueue_skill.startup.errors import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="the ID or name of the rule, such as PQ101 or long-remote-work")
    shared.add_json(parser, "rules", "the rule")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import BY_ID

    names = {rule.name: rule for rule in BY_ID.values()}
    rule = BY_ID.get(options.rule.upper()) or names.get(options.rule.lower())
    if rule is None:
        near = did_you_mean(options.rule.lower(), names)
        return failed(ExitCode.USAGE, f"there is no rule {options.rule}{near or '.'} See: pueue-skill rules")
    if options.json:
        from pueue_skill.views import documents

        print(json.dumps(documents.rules([rule]), indent=2))
        return ExitCode.DONE
    print(rule.page())
    return ExitCode.DONE
