"""`rules`: all rules, a line each."""

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
    for one in RULES:
        print(f"{one.id}  {one.name:<24} {one.confidence:<7} {'rewrite' if one.rewrite else 'advice ':<8} {one.what}")
    return ExitCode.DONE
