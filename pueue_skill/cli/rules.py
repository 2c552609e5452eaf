"""`rules`: all rules, a line each."""

from __future__ import annotations

import argparse

from pueue_skill.cli.console import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def main(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import RULES

    for one in RULES:
        print(f"{one.id}  {one.name:<24} {one.confidence:<7} {'rewrite' if one.rewrite else 'advice ':<8} {one.what}")
    return ExitCode.DONE
