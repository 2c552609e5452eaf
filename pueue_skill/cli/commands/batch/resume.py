"""`batch resume`: restart the failed jobs of a batch that may succeed now."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import say_unreachable
from pueue_skill.cli.console import ExitCode, failed, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.resume import Decision
    from pueue_skill.batches.states import ItemState
    from pueue_skill.hosts.client import Unreachable

FROM_SCRATCH = ("corrupt", "output-fix")
"""Reasons after which jobs start from scratch, not from their checkpoints."""

FIXED = ("corrupt", "output-fix", "internal-fix")
"""Reasons that say that the cause of failures is fixed."""

WORDS = {
    "restart": "restart",
    "restart_after": "restart after its dependencies",
    "wait": "left as is",
    "leave": "left as is",
}

MAX_TAILS = 5
"""Jobs of a host that are left as is, and whose output is shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--because",
        choices=("killed", "internal-fix", "corrupt", "output-fix"),
        help="why the jobs failed: after killed and internal-fix, jobs resume from their checkpoints; after corrupt and output-fix,"
        " they start from scratch (default: restart only jobs that were killed, and checks)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be done without doing it")
    shared.add_json(parser, "batch-acts", "the failed jobs and what was done")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches import actions
    from pueue_skill.batches.resume import decide
    from pueue_skill.batches.states import fetch_states, reachable
    from pueue_skill.hosts.client import Unreachable

    refresh = options.because in FROM_SCRATCH
    if refresh and not batch.manifest.refresh:
        return failed(
            ExitCode.USAGE,
            f'{options.file}: no refresh, so jobs cannot start from scratch. Add, for example: refresh = "--force-refresh"',
        )
    answers = fetch_states(*batch)
    decisions = {
        host: decide(batch.manifest, answer, options.because in FIXED, refresh)
        for host, answer in answers.items()
        if not isinstance(answer, Unreachable)
    }
    if not options.json:
        for host, host_decisions in decisions.items():
            print_decisions(host, host_decisions)
            print_tails(
                options.file,
                batch,
                host,
                [decision.state for decision in host_decisions if decision.verdict == "leave"],
            )
        print_next(options, batch, [decision for of_host in decisions.values() for decision in of_host])
    selected = [
        decision.state for host_decisions in decisions.values() for decision in host_decisions if decision.restarts
    ]
    restarted: Mapping[str, dict[str, str] | Unreachable] = {}
    if selected and not options.dry_run:
        restarted = actions.restart(batch.manifest, selected, reachable(answers), batch.hosts, refresh)
    if options.json:
        print_json(options, batch, {**answers, **restarted}, decisions)
    else:
        print_survivors(options.file, selected, restarted)
    code = say_unreachable({**answers, **restarted})
    is_left = any(
        not (decision.restarts and decision.state.job)
        for host_decisions in decisions.values()
        for decision in host_decisions
    )
    if is_left or any(survivors for survivors in restarted.values() if not isinstance(survivors, Unreachable)):
        code = max(code, ExitCode.FINDINGS)
    return code


def print_decisions(host: str, decisions: Sequence[Decision]) -> None:
    """Print a line for each failed job: on stdout, except jobs that wait for a sibling."""
    from pueue_skill.shell import printable

    for decision in decisions:
        line = f"{host} {printable.line(decision.state.item.label)}: {WORDS[decision.verdict]}: {decision.reason}"
        if decision.verdict == "wait":
            say(line)
        else:
            print(line)


def print_tails(file: str, batch: Batch, host: str, states: Sequence[ItemState]) -> None:
    """Print the end of the output of the first jobs that have run, and how to print all of it."""
    from pueue_skill.batches.states import output_tails
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.jobs.news import TAIL_BYTES, visible_tail
    from pueue_skill.shell import printable, quote

    ended = [state for state in states if state.exit_code is not None]
    try:
        tails = output_tails(batch.manifest, ended[:MAX_TAILS], batch.hosts[host], TAIL_BYTES)
    except Unreachable as error:
        return say(str(error))
    for state in ended[:MAX_TAILS]:
        tail = visible_tail(tails.get(state.item.key, b""))
        words = f"the end of its output:\n{tail}" if tail else "no output is left"
        say(f"{host} {printable.line(state.item.label)}: {words}")
    if ended:
        say(f"all output of a job: pueue-skill batch log {quote.word(file)} LABEL")


def print_next(options: argparse.Namespace, batch: Batch, decisions: Sequence[Decision]) -> None:
    """Print how to restart jobs that are left as is because they would fail again, if there are any."""
    from pueue_skill.shell import quote

    if options.because not in FIXED and any(
        decision.verdict == "leave" and decision.state.job and decision.state.exit_code is not None
        for decision in decisions
    ):
        scratch = ", or --because output-fix to start from scratch" if batch.manifest.refresh else ""
        say(
            f"once the cause is fixed: pueue-skill batch resume {quote.word(options.file)} --because internal-fix{scratch}"
        )


def print_survivors(
    file: str, selected: Sequence[ItemState], restarted: Mapping[str, dict[str, str] | Unreachable]
) -> None:
    """Print which jobs were not restarted, and why."""
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.shell import printable, quote

    if not selected:
        say("no job to restart")
    if any(state.job is None and isinstance(restarted.get(state.item.host), dict) for state in selected):
        say(f"some jobs no longer belong to a unit. Try: pueue-skill batch submit {quote.word(file)}")
    labels = {state.job.key: state.item.label for state in selected if state.job and not state.pack}
    for host, survivors in restarted.items():
        if isinstance(survivors, Unreachable):
            continue
        for key, pid in survivors.items():
            say(
                f"{host} {printable.line(labels.get(key, key))}: not restarted: its process {pid} still runs. Kill it first"
            )


def print_json(
    options: argparse.Namespace,
    batch: Batch,
    answers: Mapping[str, object],
    decisions: Mapping[str, Sequence[Decision]],
) -> None:
    """Print the document: `answers` are the survivors of each host, its states if nothing was restarted, or why it did not answer."""
    from pueue_skill.batches.resume import results_of
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.views import documents

    results = {
        host: answer
        if isinstance(answer, Unreachable)
        else results_of(decisions[host], answer if isinstance(answer, dict) else {}, options.dry_run)
        for host, answer in answers.items()
    }
    print(json.dumps(documents.batch_acts(batch.name, "resume", options.dry_run, results), indent=2))
