"""`schema`: the JSON Schema of a file or an output."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli.console import ExitCode

NAMES = "acts audit batch batch-status check config doctor setup status suggestion".split()
"""The names of schemas.SCHEMAS, which takes long to import."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "schema",
        metavar="NAME",
        choices=NAMES,
        help=f"{', '.join(NAMES[:-1])} or {NAMES[-1]}",
    )


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli.schemas import SCHEMAS

    print(json.dumps(SCHEMAS[options.schema](), indent=2))
    return ExitCode.DONE
