"""`rules`: lists all rules."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "rules", "the rules")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import RULES

    if options.json:
        from pueue_skill.views import documents

        print(json.dumps(documents.rules(RULES), indent=2))
        return ExitCode.DONE
    width = max([len(rule.name) for rule in RULES])
    for rule in RULES:
        action = "rewrite" if rule.rewrite else "advice"
        print(f"{rule.id}  {rule.name:<{width}} {rule.confidence:<7} {action:<8} {rule.what}")
    return ExitCode.DONE
