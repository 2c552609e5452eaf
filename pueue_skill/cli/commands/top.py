"""`top`: shows the queues on a live screen, drawn by `views.top`."""

from __future__ import annotations

import argparse
import sys

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, failed
from pueue_skill.cli.selection import selected_hosts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", metavar="HOST", nargs="*", type=parsing.host_name, help="show only these hosts")
    shared.add_interval(parser, 2.0, "query the hosts every S seconds (default: 2)")


def main(options: argparse.Namespace) -> int:
    hosts = selected_hosts(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return failed(ExitCode.USAGE, "top needs a terminal. Try: pueue-skill status --watch")
    from pueue_skill.hosts import transport
    from pueue_skill.views import top as screen

    try:
        screen.main(hosts, options.every)
    finally:
        transport.stop_all()
    return ExitCode.DONE
