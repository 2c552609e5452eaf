"""`batch plan`: the jobs of a batch, their dependencies, and the memory that they need."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pueue_skill.cli import options as shared
from pueue_skill.cli.commands.batch.arguments import add_phase, say_unreachable
from pueue_skill.cli.console import say
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pueue_skill.batches.batch import Batch
    from pueue_skill.batches.states import ItemState
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.queues.protocol import Capacity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phase(parser)
    shared.add_json(parser, "batch-status", "the jobs")
    parser.add_argument("--svg", metavar="FILE", help="write the dependencies as an SVG file too")


def main(options: argparse.Namespace, batch: Batch) -> int:
    from pueue_skill.batches.states import fetch_capacity, fetch_states
    from pueue_skill.cli import streams
    from pueue_skill.hosts import client
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.views import batch as batch_view
    from pueue_skill.views import documents

    answers = fetch_states(*batch)
    states = {
        host: unknown_states(batch, host) if isinstance(answer, Unreachable) else answer
        for host, answer in answers.items()
    }
    report = documents.batch_status(batch.name, states)
    if options.svg:
        Path(options.svg).write_text(batch_view.picture(batch.items), "utf-8")
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False, file=streams.terminal())
        console.print(batch_view.table(report))
        console.print(batch_view.tree(batch.items))
        answered = [host for host, answer in answers.items() if not isinstance(answer, Unreachable)]
        capacities = dict(client.ask_all(answered, lambda host: fetch_capacity(batch.hosts[host])))
        for host in batch.hosts:
            for line in demand_lines(batch, host, capacities.get(host)):
                say(f"{host}: {line}")
    return say_unreachable(answers)


def unknown_states(batch: Batch, host: str) -> list[ItemState]:
    """Return the states of the jobs of a host that did not answer."""
    from pueue_skill.batches.states import ItemState

    return [
        ItemState(single._replace(after=item.after), "not known", pack=item.key if item.members else "")
        for item in batch.items
        if item.host == host
        for single in item.unpacked
    ]


def demand_lines(batch: Batch, host: str, answer: Capacity | Unreachable | None) -> Iterator[str]:
    """Yield the number of jobs that run at once on a host, and their memory, compared with the host's; and its other limits.

    `answer` is the host's capacity, if it has answered.
    """
    from pueue_skill.batches.groups import peak_demand
    from pueue_skill.hosts.client import Unreachable

    items = [item for item in batch.items if item.host == host]
    demand = peak_demand(batch.manifest, items, batch.hosts[host])
    line = f"{counted(sum([len(item.unpacked) for item in items]), 'job')}, at most {demand.jobs} at once"
    capacity, limits = (0, []) if answer is None or isinstance(answer, Unreachable) else answer
    if demand.memory:
        line += f", which need {gibibytes(demand.memory)} of memory"
    if demand.memory and capacity:
        largest = max(item.memory for item in items)
        line += f"; the host has {gibibytes(capacity)}, enough for {capacity // largest} of the largest jobs"
        if demand.memory > capacity:
            line += f". That is {gibibytes(demand.memory - capacity)} too little: lower the limits of the groups"
    yield line
    yield from limits


def gibibytes(size: int) -> str:
    """Return a size in the unit of G in manifests."""
    return f"{size / 2**30:.1f} GiB"
