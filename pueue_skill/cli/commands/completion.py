"""`completion`: a shell's name in, the script that completes commands, options and files in that shell out."""

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
    kinds = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in actions(parser):
        if action.metavar in kinds:
            action.complete = kinds[action.metavar]
    print(shtab.complete(parser, shell=options.shell), end="")
    return ExitCode.DONE


def actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """Return the arguments of a parser and of the commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions(below)
