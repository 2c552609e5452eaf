"""`timeline`: a day or a manifest in, a picture of when its jobs ran out, on the terminal or in files."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from pueue_skill.batches import manifest
from pueue_skill.cli import parsing, streams
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import settings
from pueue_skill.hosts import poll
from pueue_skill.queues.model import Queue
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named, select_hosts
from pueue_skill.views import timeline
from pueue_skill.views.timeline import Bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "file", metavar="FILE", nargs="?", help="draw the jobs of this manifest (default: those of a day)"
    )
    which.add_argument(
        "--day", metavar="YYYY-MM-DD", type=parsing.day, help="draw the jobs of this day (default: today)"
    )
    parser.add_argument(
        "--host", metavar="NAME", action="append", default=[], help="draw only this host; may be repeated"
    )
    parser.add_argument("--svg", metavar="FILE", help="write an SVG file instead of drawing on the terminal")
    parser.add_argument("--html", metavar="FILE", help="write an HTML page instead of drawing on the terminal")


def main(options: argparse.Namespace) -> int:
    now = dt.datetime.now().astimezone()
    hosts: Mapping[str, Host] = settings.current().hosts
    begin, end = (time.replace(tzinfo=dt.UTC) for time in (dt.datetime.min, dt.datetime.max))
    keys = ""
    if options.file:
        try:
            made = manifest.load(Path(options.file))
        except manifest.ManifestError as error:
            return failed(ExitCode.USAGE, str(error))
        title, keys = made.name, f"{made.name}:"  # what the keys of a batch's jobs and units begin with
        hosts = {name: host_named(name, hosts) for name in made.hosts}
    else:
        day = options.day or now.date()
        begin, end = (dt.datetime.combine(day + dt.timedelta(days=n), dt.time()).astimezone() for n in (0, 1))
        title = f"{day}"
    answers = poll.fetch_queues(select_hosts(options.host, hosts), spare=not options.host)
    bars: list[Bar] = []
    code = ExitCode.DONE
    for host, queue in answers:
        if not isinstance(queue, Queue):
            say(str(queue))
            code = ExitCode.UNREACHABLE
            continue
        found = [timeline.bar(host.name, state, now) for state in queue.states if (state.key or "").startswith(keys)]
        bars += timeline.within(sorted([one for one in found if one], key=lambda one: one.group), begin, end)
    if not bars:
        say(f"no job of {title} has run, or it is no longer in a queue")
        return code
    laid, shown = timeline.slots(bars), timeline.axis(bars)
    drawn = {options.svg: timeline.svg(laid, shown), options.html: timeline.page(title, laid, shown)}
    for file in filter(None, (options.svg, options.html)):
        try:
            Path(file).write_text(drawn[file], "utf-8")
        except OSError as error:
            return failed(ExitCode.USAGE, f"{file} cannot be written: {error.strerror}")
        say(f"wrote {file}")
    if not (options.svg or options.html):
        from rich.console import Console

        console = Console(highlight=False, file=streams.drawing())
        for line in timeline.lines(laid, shown, console.width):
            console.print(line)
    return code
