"""`timeline`: draws when the jobs of a day or a manifest ran, on the terminal or in files."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path

from pueue_skill.batches import manifest
from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing, streams
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import settings
from pueue_skill.configuration.hosts import select_hosts
from pueue_skill.hosts import poll
from pueue_skill.queues.model import Queue
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.startup.record import NamedTuple
from pueue_skill.views import documents, timeline
from pueue_skill.views.timeline import Bar, Slot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "file", metavar="FILE", nargs="?", help="draw the jobs of this manifest (default: those of a day)"
    )
    scope.add_argument(
        "--day", metavar="YYYY-MM-DD", type=parsing.day, help="draw the jobs of this day (default: today)"
    )
    shared.add_hosts(parser, "draw only this host; may be repeated")
    parser.add_argument("--svg", metavar="FILE", help="write an SVG file instead of drawing on the terminal")
    parser.add_argument("--html", metavar="FILE", help="write an HTML page instead of drawing on the terminal")
    shared.add_json(parser, "timeline", "the jobs by slot, instead of drawing them,")


class JobFilter(NamedTuple):
    """The jobs to draw: those of `hosts` whose keys begin with `key_prefix` and that ran between two times.

    `criterion` says which jobs these are, as the end of a sentence.
    """

    title: str
    criterion: str
    hosts: dict[str, Host]
    begin: dt.datetime
    end: dt.datetime
    key_prefix: str = ""


def main(options: argparse.Namespace) -> int:
    now = dt.datetime.now().astimezone()
    try:
        job_filter = of_manifest(options.file) if options.file else of_day(options.day or now.date())
    except manifest.ManifestError as error:
        return failed(ExitCode.USAGE, str(error))
    bars: list[Bar] = []
    down: dict[str, Exception] = {}
    hosts = select_hosts(options.host, job_filter.hosts)
    for host, queue in poll.fetch_queues(hosts, spare=not options.host):
        if isinstance(queue, Queue):
            bars += bars_of(host, queue, job_filter, now)
        else:
            say(str(queue))
            down[host.name] = queue
    slots = timeline.slots_of(bars)
    if options.json:
        print(
            json.dumps(documents.timeline(job_filter.title, slots, {host.name: host for host in hosts}, down), indent=2)
        )
    elif not bars and len(down) < len(hosts):
        say(f"no job in the queues {job_filter.criterion}")
    code = draw(options, job_filter.title, slots) if bars else ExitCode.DONE
    return code or (ExitCode.UNREACHABLE if down else ExitCode.DONE)


def of_manifest(file: str) -> JobFilter:
    """Return the filter for the jobs of a manifest. Raises ManifestError."""
    batch = manifest.load(Path(file))
    known = settings.current().hosts
    begin, end = (time.replace(tzinfo=dt.UTC) for time in (dt.datetime.min, dt.datetime.max))
    hosts = {name: host_named(name, known) for name in batch.hosts}
    return JobFilter(batch.name, f"belongs to {batch.name} and has run", hosts, begin, end, f"{batch.name}:")


def of_day(day: dt.date) -> JobFilter:
    begin, end = (dt.datetime.combine(day + dt.timedelta(days=days), dt.time()).astimezone() for days in (0, 1))
    return JobFilter(f"{day}", f"ran on {day}", dict(settings.current().hosts), begin, end)


def bars_of(host: Host, queue: Queue, job_filter: JobFilter, now: dt.datetime) -> list[Bar]:
    """Return the bars of a host's jobs, by group."""
    states = [state for state in queue.states if (state.key or "").startswith(job_filter.key_prefix)]
    bars = [bar for state in states if (bar := timeline.bar_of(host.name, state, now))]
    return timeline.clipped(sorted(bars, key=lambda bar: bar.group), job_filter.begin, job_filter.end)


def draw(options: argparse.Namespace, title: str, slots: list[Slot]) -> int:
    """Write the files that the options name; draw on the terminal if they name none, and not --json."""
    axis = timeline.axis_of([bar for slot in slots for bar in slot.bars])
    for file in filter(None, (options.svg, options.html)):
        drawing = timeline.svg(slots, axis) if file == options.svg else timeline.page(title, slots, axis)
        try:
            Path(file).write_text(drawing, "utf-8")
        except OSError as error:
            return failed(ExitCode.USAGE, f"{file} cannot be written: {error.strerror}")
        say(f"wrote {file}")
    if not (options.svg or options.html or options.json):
        from rich.console import Console

        console = Console(highlight=False, file=streams.terminal())
        for line in timeline.lines(slots, axis, console.width):
            console.print(line)
    return ExitCode.DONE
