"""`batch submit`: add the missing jobs of a batch to the queues of their hosts."""

from __future__ import annotations

import argparse
import json
from collections import Counter

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import add_phase, say_unreachable
from pueue_skill.cli.console import ExitCode, say
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.model import ItemResult

WORDS = {
    "added": "added",
    "present": "already in the queue",
    "ended": "already ended",
    "changed": "changed",
    "blocked": "blocked",
    "failed": "failed to be added",
}
"""The words for each result in the line of a host, in this order."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phase(parser)
    parser.add_argument(
        "--replace",
        action="store_true",
        help="resubmit jobs whose definition has changed (running jobs are left as is)",
    )
    shared.add_json(parser, "batch-acts", "the result for each job")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches import submission
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.views import documents

    answers = submission.submit(*batch, options.replace)
    results = {
        host: answer if isinstance(answer, Unreachable) else submission.results_of(batch.items, answer)
        for host, answer in answers.items()
    }
    if options.json:
        print(json.dumps(documents.batch_acts(batch.name, "submit", False, results), indent=2))
    code = say_unreachable(results)
    if code:
        say("submit again once these hosts answer: jobs that are already in a queue are not added twice")
    for host, answer in results.items():
        if isinstance(answer, Unreachable):
            continue
        if not options.json:
            print_results(host, answer)
        if any(result.did in ("changed", "blocked", "failed") for result in answer):
            code = max(code, ExitCode.FINDINGS)
    return code


def print_results(host: str, results: Sequence[ItemResult]) -> None:
    """Print the number of jobs with each result on stdout, and a line for each changed or missing job on stderr."""
    from pueue_skill.shell import printable

    counts: Counter[str] = Counter()
    for result in results:
        counts[result.did] += result.jobs
    print(f"{host}: {', '.join([f'{counts[did]} {words}' for did, words in WORDS.items() if counts[did]])}")
    for result in results:
        label = printable.line(result.item.label)
        if result.did == "changed" and result.item.members:
            what = "it, unless its unit runs" if result.jobs == 1 else "them, unless their units run"
            say(
                f"{host}: the definition of {counted(result.jobs, 'job')} of {label} has changed. --replace resubmits {what}"
            )
        elif result.did == "changed":
            say(
                f"{host}: the definition of {label} ({host}:{result.id}) has changed. --replace resubmits it, unless it runs"
            )
        elif result.did in ("blocked", "failed"):
            say(f"{host}: {label} was not added: {printable.line(result.why)}")
