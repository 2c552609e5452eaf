"""`clean`: one of the `actions`, which can keep failed jobs."""

from __future__ import annotations

import argparse

from pueue_skill.cli import actions
from pueue_skill.cli import options as shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    parser.add_argument("--successful-only", action="store_true", help="keep those that failed")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON (pueue-skill schema acts)")


def main(options: argparse.Namespace) -> int:
    return actions.main(options)
