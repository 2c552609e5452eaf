"""`batch log`: the output of a job of a batch."""

from __future__ import annotations

import argparse
import json
import sys

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.commands.batch.arguments import say_unreachable
from pueue_skill.cli.console import ExitCode, failed, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.batch import Batch

DEFAULT_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("label", metavar="LABEL", help="the job")
    parser.add_argument(
        "-c",
        "--bytes",
        metavar="N",
        type=parsing.count,
        help=f"print the last N bytes (default: {DEFAULT_BYTES})",
    )
    shared.add_json(parser, "batch-status", "the state of the job, not its output,")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches.states import fetch_states, output_tails
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.queues import outcome
    from pueue_skill.shell import printable
    from pueue_skill.views import documents

    parsing.refuse_together(options, ("--bytes", "--json"))
    items = [item for item in batch.items if options.label in [single.label for single in item.unpacked]]
    if not items:
        return failed(
            ExitCode.USAGE,
            f"{options.file}: no job is called {options.label}; {similar_labels(options.label, batch)}",
        )
    answers = {
        host: answer
        if isinstance(answer, Unreachable)
        else [state for state in answer if state.item.label == options.label]
        for host, answer in fetch_states(batch.manifest, items, batch.hosts).items()
    }
    if options.json:
        print(json.dumps(documents.batch_status(batch.name, answers), indent=2))
        return say_unreachable(answers)
    code = say_unreachable(answers)
    for host, answer in answers.items():
        for state in [] if isinstance(answer, Unreachable) else answer:
            code_words = f", exit {state.exit_code}" if state.exit_code else ""
            status = outcome.STATE_WORDS.get(state.status, state.status)
            say(f"{host} {printable.line(state.item.label)}: {status}{code_words}")
            try:
                output = output_tails(batch.manifest, [state], batch.hosts[host], options.bytes or DEFAULT_BYTES)
            except Unreachable as error:
                say(str(error))
                code = ExitCode.UNREACHABLE
                continue
            sys.stdout.buffer.write(output.get(state.item.key, b""))
            sys.stdout.buffer.flush()
    return code


MAX_LABELS_COMPARED = 2000


def similar_labels(label: str, batch: Batch) -> str:
    """Return a hint with the labels most similar to `label`, or else the first ones."""
    import difflib

    labels = [single.label for item in batch.items for single in item.unpacked]
    similar = difflib.get_close_matches(label, labels[:MAX_LABELS_COMPARED], 3)
    return f"similar names: {', '.join(similar)}" if similar else f"the first names: {', '.join(labels[:3])}"
