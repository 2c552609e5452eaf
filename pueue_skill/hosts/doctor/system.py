"""Checks the disks, the clock and the processes of a host: the output of scripts in, health checks out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pueue_skill.hosts import audit
from pueue_skill.hosts.doctor.health_check import Fixes, HealthCheck
from pueue_skill.queues.pueue.health import HealthReport
from pueue_skill.shell import quote
from pueue_skill.shell.printable import byte_size
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

MIN_FREE_BYTES = 50_000_000
"""With less free space (on small disks: a twentieth), pueued may be unable to save its queue, and then exits."""

MAX_CLOCK_OFFSET_S = 5

LONG_PROCESS_S = 60
"""From this age on, work that runs in an ssh connection is reported."""

MAX_COMMAND_CHARS = 100


def disk_checks(fixes: Fixes, facts: HealthReport, text: str) -> list[HealthCheck]:
    """Check the free space for the home and for the queue; `text` is the output of sh/disks.sh."""
    try:
        disks = audit.parse_disks(text)
    except ValueError:
        return []
    name = f"disk of {fixes.host.name}"
    full = []
    for disk in disks:
        if disk["free"] < min(MIN_FREE_BYTES, disk["size"] // 20):
            what = (
                f"{byte_size(disk['free'])} of {byte_size(disk['size'])} are free for the {disk['path'].replace(' and ', ' and the ')} "
                f"({disk['mount']}): pueued exits when it cannot save its queue. Free some space; the command lists the largest files"
            )
            folder = quote.word(facts.data) if disk["path"] == "queue" else "~"
            fix = fixes.command(f"du -xak {folder} | sort -n | tail -n 20")
            full.append(HealthCheck(name, "failure", what, fix))
    free = ", ".join([f"{byte_size(disk['free'])} free for the {disk['path']}" for disk in disks])
    return full or [HealthCheck(name, "ok", free)]


def clock_checks(fixes: Fixes, offset_s: int) -> list[HealthCheck]:
    """Check the clock of a host, which is `offset_s` ahead of this machine's."""
    if not fixes.host.ssh or abs(offset_s) <= MAX_CLOCK_OFFSET_S:
        return []
    what = (
        f"its clock is {abs(offset_s)} s {'ahead of' if offset_s > 0 else 'behind'} this machine's: times of jobs and files cannot be "
        "compared"
    )
    fix = fixes.command("sudo timedatectl set-ntp true")
    return [HealthCheck(f"clock of {fixes.host.name}", "warning", what, fix)]


class Process(NamedTuple):
    parent: int
    age_s: int
    command: str


PROCESS = regex(r" *(\d+) +(\d+) +(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+) +(.+)")
"""A line of sh/processes.sh: ID, parent, elapsed time as [[DAYS-]HOURS:]MINUTES:SECONDS, command."""


def parse_processes(text: str) -> dict[int, Process]:
    """Return the processes of a host by ID."""
    processes = {}
    for line in text.splitlines():
        match = PROCESS.fullmatch(line)
        if match:
            days, hours, minutes, seconds = [int(match[i] or 0) for i in (3, 4, 5, 6)]
            age_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
            processes[int(match[1])] = Process(int(match[2]), age_s, match[7])
    return processes


def process_checks(fixes: Fixes, text: str) -> list[HealthCheck]:
    """Check for work that runs directly in an ssh connection without a terminal and is lost with the connection."""
    host = fixes.host.name
    work = list(unqueued_work(parse_processes(text)))
    if not work:
        return []
    others = len(work) - 1
    more = f", like {others} other process{'' if others == 1 else 'es'}" if others else ""
    what = f"{work[0]} runs in an ssh connection and is lost with it{more}"
    fix = f"next time, queue it: pueue-skill run --host {host} -- COMMAND"
    return [HealthCheck(f"work on {host}", "warning", what, fix)]


def unqueued_work(processes: Mapping[int, Process]) -> Iterator[str]:
    """Yield the long-running processes without children below an sshd without a terminal, except those below pueued."""
    parents = {process.parent for process in processes.values()}
    for pid, process in processes.items():
        if pid in parents or process.age_s < LONG_PROCESS_S:
            continue
        ancestors = list(ancestor_commands(process, processes))
        in_connection = any(command.startswith("sshd") and "@notty" in command for command in ancestors)
        if in_connection and not any("pueued" in command for command in ancestors):
            yield f"{process.command[:MAX_COMMAND_CHARS]} (process {pid})"


def ancestor_commands(process: Process, processes: Mapping[int, Process]) -> Iterator[str]:
    while process.parent in processes:
        process = processes[process.parent]
        yield process.command
