"""`batch check`: whether a manifest describes a batch, and the size of its phases."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, say
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.batch import Batch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "batch-check", "the phases, or the errors,")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.views import documents

    report = documents.batch_check(options.file, batch)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        jobs, phases = counted(report["jobs"], "job"), counted(len(report["phases"]), "phase")
        say(f"{options.file}: {jobs} in {phases} on {', '.join(report['hosts'])}")
    return ExitCode.DONE


def print_errors(file: str, message: str) -> None:
    """Print the JSON document of an invalid manifest."""
    from pueue_skill.views import documents

    print(json.dumps(documents.invalid_batch(file, message.splitlines()), indent=2))
