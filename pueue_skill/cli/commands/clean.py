"""`clean`: an action on jobs that can keep failed jobs."""

from __future__ import annotations

import argparse

from pueue_skill.cli.commands import actions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions.add_arguments(parser)
    parser.add_argument("--successful-only", action="store_true", help="keep failed jobs")


def main(options: argparse.Namespace) -> int:
    return actions.main(options, options.successful_only)
