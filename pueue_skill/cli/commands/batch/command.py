"""`batch`: an action and a manifest in, exit code out. Each action is a module of this package."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from pueue_skill.cli.console import ExitCode, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ACTIONS = {
    "check": ("check the manifest", "check rangebar.toml"),
    "plan": (
        "print the jobs, their dependencies, the memory that they need, and which are in the queue already",
        "plan rangebar.toml populate --svg plan.svg",
    ),
    "submit": ("add the missing jobs; safe to repeat", "submit rangebar.toml"),
    "status": ("print progress by phase and group", "status rangebar.toml"),
    "watch": ("print progress until the batch is done; exit 1 if a job failed", "watch rangebar.toml"),
    "resume": ("restart, in place, failed jobs that may succeed now", "resume rangebar.toml --because killed"),
    "log": ("print the output of a job", "log rangebar.toml BTCUSDT@250"),
    "cancel": ("kill and remove the jobs that have not ended", "cancel rangebar.toml"),
}
"""The help and an example of each action."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", dest="action")
    for name, (help, example) in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"example:\n  pueue-skill batch {example}",
        )
        action.add_argument("file", metavar="FILE", help="the manifest: TOML, YAML or JSON (pueue-skill schema batch)")
        module_of(name).add_arguments(action)


def module_of(action: str) -> Any:
    return import_module(f"pueue_skill.cli.commands.batch.{action}")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.batches.batch import load_batch, select_phase
    from pueue_skill.batches.manifest import ManifestError
    from pueue_skill.batches.model import BatchError
    from pueue_skill.cli.commands.batch import check
    from pueue_skill.configuration import settings

    try:
        batch = load_batch(Path(options.file), settings.current().hosts)
        if getattr(options, "phase", None):
            batch = select_phase(batch, options.phase)
    except ManifestError as error:
        message = str(error)
    except BatchError as error:
        message = f"{options.file}: {error}"
    except RecursionError:
        message = f"{options.file}: too many phases depend on each other in a chain"
    else:
        code: int = module_of(options.action).main(options, batch)
        return code
    if options.action == "check" and options.json:
        check.print_errors(options.file, message)
    return failed(ExitCode.USAGE, message)
