"""`batch watch`: the progress of a batch until it is done."""

from __future__ import annotations

import argparse
import json
import time

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import add_phase, say_unreachable
from pueue_skill.cli.console import ExitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.states import ItemState, StatesByHost
    from pueue_skill.views.reports import BatchReport

POLL_INTERVAL_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phase(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--events", action="store_true", help="print a line for each change")
    shared.add_json(output, "batch-status", "the jobs, in one line at the start and after each change,")
    shared.add_notify(parser)
    shared.add_interval(parser, POLL_INTERVAL_S, f"ask every S seconds (default: {POLL_INTERVAL_S:g})")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches.states import fetch_states, reachable
    from pueue_skill.cli import notifications
    from pueue_skill.notify import compose

    show = Lines() if options.json else Changes() if options.events else Progress()
    notify = notifications.sender() if options.notify else None
    while True:
        answers = fetch_states(*batch)
        states = reachable(answers)
        show(batch.name, answers, states)
        is_complete = say_unreachable(answers) == ExitCode.DONE
        if notify:
            notify(compose.of_batch(batch.name, states, is_complete))
        if is_complete and not any(state.is_open for state in states):
            return ExitCode.DONE if all(state.status == "success" for state in states) else ExitCode.FINDINGS
        time.sleep(options.every)


class Lines:
    """Prints a JSON document per line: the first, and each that differs from the one before."""

    def __init__(self) -> None:
        self.last: BatchReport | None = None

    def __call__(self, name: str, answers: StatesByHost, states: Sequence[ItemState]) -> None:
        from pueue_skill.views import documents

        report = documents.batch_status(name, answers)
        if report != self.last:
            print(json.dumps(report), flush=True)
        self.last = report


class Changes:
    """Prints a line for each job whose status has changed, except jobs that are queued at the start."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}

    def __call__(self, name: str, answers: StatesByHost, states: Sequence[ItemState]) -> None:
        from pueue_skill.queues.outcome import STATE_WORDS
        from pueue_skill.shell import printable

        for state in states:
            key, status = state.item.key, state.status
            is_first_queued = status == "queued" and key not in self.statuses
            if self.statuses.get(key, "missing") != status and not is_first_queued:
                exit_code = f", exit {state.exit_code}" if status == "failed" else ""
                print(
                    f"{state.item.host} {printable.line(state.item.label)}: {STATE_WORDS.get(status, status)}{exit_code}",
                    flush=True,
                )
            self.statuses[key] = status


class Progress:
    """Prints the table of `batch status` with the rate and the ETA."""

    def __init__(self) -> None:
        from rich.console import Console

        from pueue_skill.cli import streams

        self.console = Console(highlight=False, file=streams.terminal())
        self.started = time.monotonic()
        self.ended_at_start: int | None = None

    def __call__(self, name: str, answers: StatesByHost, states: Sequence[ItemState]) -> None:
        from pueue_skill.views import batch as batch_view
        from pueue_skill.views import documents

        ended = sum(not state.is_open and state.status not in ("missing", "changed") for state in states)
        if self.ended_at_start is None:
            self.ended_at_start = ended
        rate = (ended - self.ended_at_start) / max(1e-9, time.monotonic() - self.started)
        eta_s = (len(states) - ended) / rate if rate > 0 else None
        self.console.print(batch_view.progress(documents.batch_status(name, answers), rate, eta_s))
