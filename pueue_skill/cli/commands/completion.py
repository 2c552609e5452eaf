"""`completion`: prints the script that completes commands, options and files in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from pueue_skill.cli.console import ExitCode

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")


def main(options: argparse.Namespace) -> int:
    import shtab

    parser = options.parser()
    completers = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in actions(parser):
        if action.metavar in completers:
            action.complete = completers[action.metavar]
    print(shtab.complete(parser, shell=options.shell), end="")
    return ExitCode.DONE


def actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from actions(command)
