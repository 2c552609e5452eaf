"""`status`: the queues of all hosts in a table, as JSON, or watched."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode
from pueue_skill.cli.selection import chosen_hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

    from pueue_skill.hosts.poll import Observation
    from pueue_skill.shell.model import Host
    from pueue_skill.views.reports import HostReport, StatusReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", metavar="HOST", nargs="*", help="show only these hosts")
    shared.add_json(parser, "status", "the queues")
    parser.add_argument("-w", "--watch", action="store_true", help="show each change until Ctrl-C")
    shared.add_interval(parser, None, "with --watch: ask every S seconds (default: 2)")
    shared.add_notify(parser, "with --watch: ")


def main(options: argparse.Namespace) -> int:
    import datetime as dt

    from pueue_skill.cli import streams
    from pueue_skill.hosts import poll
    from pueue_skill.views import documents
    from pueue_skill.views import status as view

    parsing.refuse(options, ("--notify", "--watch"), ("--every", "--watch"))
    options.every = options.every or 2.0
    asked = chosen_hosts(options)
    if options.watch:
        return watch_status(asked, options)
    report = documents.status(poll.fetch_queues(asked, spare=not options.hosts), dt.datetime.now(dt.UTC))
    if options.json:
        print(json.dumps(report, indent=2))
    elif sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        from rich.console import Console

        console = Console(highlight=False, file=streams.drawing())
        console.print(view.jobs_table(report, dt.datetime.now(dt.UTC), console.width), view.hosts_lines(report))
    else:
        width = os.environ.get("COLUMNS", "")
        print(view.text(report, dt.datetime.now(dt.UTC), int(width) if width.isdecimal() else None), end="")
    return ExitCode.DONE if all(host["reachable"] for host in report["hosts"]) else ExitCode.UNREACHABLE


def watch_status(hosts: Sequence[Host], options: argparse.Namespace) -> int:
    """Show the queues until interrupted: in place on a terminal, else whenever something changes. With --json, one report a line."""
    import datetime as dt

    from rich.console import Console, Group
    from rich.live import Live

    from pueue_skill.cli import notifications, streams
    from pueue_skill.hosts import transport
    from pueue_skill.views import status as view

    heard = notifications.queue_observer() if options.notify else lambda look: None

    def drawn(report: StatusReport) -> RenderableType:
        jobs = view.jobs_table(report, dt.datetime.now(dt.UTC), console.width)
        return Group(view.hosts_lines(report), jobs)  # what matters most first: a screen may be too short

    console = Console(highlight=False, file=streams.drawing())
    shown: list[HostReport] = []
    try:
        if console.is_terminal and not options.json:
            with Live(console=console, auto_refresh=False) as live:
                for report, _ in looks(hosts, options.every, heard):
                    live.update(drawn(report), refresh=True)
        for report, whole in looks(hosts, options.every, heard):
            told: list[HostReport] = [
                {**host, "load": ""} for host in report["hosts"]
            ]  # a load is never the same twice
            if whole and told != shown:
                shown = told
                print(json.dumps(report), flush=True) if options.json else console.print(drawn(report), "")
                sys.stdout.flush()
    finally:
        transport.stop_all()
    return ExitCode.DONE


def looks(
    hosts: Sequence[Host], every: float, heard: Callable[[Observation | None], None]
) -> Iterator[tuple[StatusReport, bool]]:
    """Yield a report whenever a host answers, and once a second, with whether all have answered once. `heard` gets each observation."""
    import datetime as dt

    from pueue_skill.hosts import poll
    from pueue_skill.views import documents

    known = {host.name: documents.host_report(host, Exception("asked …"), dt.datetime.now(dt.UTC)) for host in hosts}
    silent = set(known)
    for look in poll.watch(hosts, every):
        heard(look)
        if look:
            known[look.host.name] = documents.host_report(look.host, look.answer, dt.datetime.now(dt.UTC))
            silent.discard(look.host.name)
        yield {"version": documents.VERSION, "hosts": list(known.values())}, not silent
