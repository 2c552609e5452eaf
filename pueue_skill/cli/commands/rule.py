"""`rule`: explains a rule."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the rule's ID, such as PQ101")
    shared.add_json(parser, "rules", "the rule")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import BY_ID

    rule = BY_ID.get(options.id.upper())
    if rule is None:
        return failed(ExitCode.USAGE, f"there is no rule {options.id}. See: pueue-skill rules")
    if options.json:
        from pueue_skill.views import documents

        print(json.dumps(documents.rules([rule]), indent=2))
        return ExitCode.DONE
    print(rule.page())
    return ExitCode.DONE
