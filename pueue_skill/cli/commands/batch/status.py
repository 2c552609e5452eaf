"""`batch status`: the progress of a batch by phase and group."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import add_phase, say_unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.batch import Batch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phase(parser)
    shared.add_json(parser, "batch-status", "the jobs")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches.states import fetch_states
    from pueue_skill.cli import streams
    from pueue_skill.views import batch as batch_view
    from pueue_skill.views import documents

    answers = fetch_states(*batch)
    report = documents.batch_status(batch.name, answers)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        Console(highlight=False, file=streams.terminal()).print(batch_view.status(report))
    return say_unreachable(answers)
