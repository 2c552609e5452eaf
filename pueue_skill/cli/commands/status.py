"""`status`: prints the queues of all hosts in a table or as JSON, once or after each change."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode
from pueue_skill.cli.selection import selected_hosts
from pueue_skill.startup.numbers import integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

    from pueue_skill.hosts.poll import Observation
    from pueue_skill.shell.model import Host
    from pueue_skill.views.reports import HostReport, StatusReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", metavar="HOST", nargs="*", type=parsing.host_name, help="show only these hosts")
    shared.add_json(parser, "status", "the queues")
    parser.add_argument("-w", "--watch", action="store_true", help="show each change until Ctrl-C")
    shared.add_interval(parser, None, "with --watch: query the hosts every S seconds (default: 2)")
    shared.add_notify(parser, "with --watch: ")


def main(options: argparse.Namespace) -> int:
    import datetime as dt

    from pueue_skill.cli import streams
    from pueue_skill.hosts import poll
    from pueue_skill.views import documents
    from pueue_skill.views import status as view

    parsing.refuse(options, ("--notify", "--watch"), ("--every", "--watch"))
    options.every = options.every or 2.0
    hosts = selected_hosts(options)
    if options.watch:
        return watch(hosts, options)
    report = documents.status(poll.fetch_queues(hosts, spare=not options.hosts), dt.datetime.now(dt.UTC))
    if options.json:
        print(json.dumps(report, indent=2))
    elif sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        from rich.console import Console

        console = Console(highlight=False, file=streams.terminal())
        console.print(view.jobs_table(report, dt.datetime.now(dt.UTC), console.width), view.host_lines(report))
    else:
        width = integer(os.environ.get("COLUMNS", ""))
        print(view.text(report, dt.datetime.now(dt.UTC), width), end="")
    return ExitCode.DONE if all(host["reachable"] for host in report["hosts"]) else ExitCode.UNREACHABLE


def watch(hosts: Sequence[Host], options: argparse.Namespace) -> int:
    """Show the queues until interrupted: in place on a terminal, otherwise after each change; with --json, a document on a line each."""
    import datetime as dt

    from rich.console import Console, Group
    from rich.live import Live

    from pueue_skill.cli import notifications, streams
    from pueue_skill.hosts import transport
    from pueue_skill.views import status as view

    observe = notifications.queue_observer() if options.notify else None

    def render(report: StatusReport) -> RenderableType:
        jobs = view.jobs_table(report, dt.datetime.now(dt.UTC), console.width)
        return Group(view.host_lines(report), jobs)  # the most important part first: the screen may be too short

    console = Console(highlight=False, file=streams.terminal())
    printed: list[HostReport] = []
    try:
        if console.is_terminal and not options.json:
            with Live(console=console, auto_refresh=False) as live:
                for report, _ in reports(hosts, options.every, observe):
                    live.update(render(report), refresh=True)
        for report, complete in reports(hosts, options.every, observe):
            current: list[HostReport] = [{**host, "load": ""} for host in report["hosts"]]  # the load always changes
            if complete and current != printed:
                printed = current
                print(json.dumps(report), flush=True) if options.json else console.print(render(report), "")
                sys.stdout.flush()
    finally:
        transport.stop_all()
    return ExitCode.DONE


def reports(
    hosts: Sequence[Host], every: float, observe: Callable[[Observation | None], None] | None
) -> Iterator[tuple[StatusReport, bool]]:
    """Yield a report whenever a host answers, and once a second, with whether all hosts have answered. `observe` gets each observation."""
    import datetime as dt

    from pueue_skill.hosts import poll
    from pueue_skill.views import documents

    latest = {
        host.name: documents.host_report(host, Exception("querying …"), dt.datetime.now(dt.UTC)) for host in hosts
    }
    pending = set(latest)
    for observation in poll.watch(hosts, every):
        if observe:
            observe(observation)
        if observation:
            host = observation.host
            latest[host.name] = documents.host_report(host, observation.answer, dt.datetime.now(dt.UTC))
            pending.discard(host.name)
        yield {"version": documents.VERSION, "hosts": list(latest.values())}, not pending
