"""Return the parsers of all commands by name, such as `pueue-skill batch plan`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pueue_skill.cli import main
from pueue_skill.cli.parsing import Parser


def subcommands(parser: argparse.ArgumentParser) -> Iterator[Parser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                assert isinstance(one, Parser)
                yield one
                yield from subcommands(one)


PARSERS = {one.prog: one for one in subcommands(main.parser())}
