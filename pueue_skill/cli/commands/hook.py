"""`hook`: an agent's event on stdin, the hook's reply on stdout; it always exits 0."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", metavar="EVENT", help="the event's name, e.g. PostToolUse")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import hook

    return hook.main([options.event])
