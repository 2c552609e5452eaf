"""`batch cancel`: kill and remove the jobs of a batch that have not ended."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import say_unreachable
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.model import ItemResult
    from pueue_skill.batches.states import ItemState


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_json(parser, "batch-acts", "the cancelled jobs")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches import actions
    from pueue_skill.batches.states import fetch_states, reachable
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.views import documents

    answers = fetch_states(*batch)
    states = reachable(answers)
    cancelled = actions.cancel(states, batch.hosts)
    results = {**answers, **cancelled}
    if options.json:
        acts = {
            host: answer if isinstance(answer, Unreachable) else [*map(result_of, answer)]
            for host, answer in results.items()
        }
        print(json.dumps(documents.batch_acts(batch.name, "cancel", False, acts), indent=2))
    code = say_unreachable(results)
    for host, answer in cancelled.items():
        if not isinstance(answer, Unreachable) and not options.json:
            ended = sum(state.item.host == host and not state.is_cancellable for state in states)
            print(f"{host}: {counted(len(answer), 'job')} cancelled, {ended} left as is (ended or not submitted)")
    return code


def result_of(state: ItemState) -> ItemResult:
    from pueue_skill.batches.model import ItemResult

    return ItemResult(state.item, "cancelled", 1, state.job.id if state.job else "")
