"""Arguments and messages that several actions of `batch` share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from pueue_skill.cli.console import ExitCode, say


def add_phase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("phase", metavar="PHASE", nargs="?", help="only this phase and the phases that it depends on")


def say_unreachable(answers: Mapping[str, object]) -> int:
    """Print why hosts did not answer, and return the exit code for that."""
    from pueue_skill.hosts.client import Unreachable

    code = ExitCode.DONE
    for answer in answers.values():
        if isinstance(answer, Unreachable):
            say(str(answer))
            code = ExitCode.UNREACHABLE
    return code
