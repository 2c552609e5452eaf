"""The results of actions on jobs (kill, restart, clean, pause, start) as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pueue_skill.queues.actions import name_with_label, start_command
from pueue_skill.shell import printable
from pueue_skill.startup.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pueue_skill.jobs.actions import HostResult

PARTICIPLES = {
    "kill": "killed",
    "cancel": "cancelled",
    "withdraw": "cancelled",
    "restart": "restarted",
    "remove": "removed",
    "pause": "paused",
    "stash": "stashed",
    "start": "resumed",
    "enqueue": "queued",
}
"""The word for a completed action, by the queue's own verb."""


def lines(verb: str, host: str, result: HostResult, would: str = "") -> Iterator[tuple[bool, str]]:
    """Yield a line for each result on one host, with whether it is a completed action; `would` precedes the action of a dry run."""
    if result.group:
        group = printable.line(result.group)
        yield True, f"{host}: group {group} {would}{'started' if verb == 'start' else 'paused'}"
    for job in result.results:
        name = name_with_label(host, job.action.state)
        if job.status in ("done", "planned"):
            yield True, f"{name} {would}{PARTICIPLES[job.action.call]}"
        elif job.status == "failed":
            yield False, f"{name}: {job.why}"
        else:
            yield False, f"{name} is left as is: {job.why}"
    if result.files:
        yield True, f"{host}: {counted(result.files, 'file')} of removed jobs deleted"
    for group, queued in result.paused_groups if verb != "pause" else ():
        waiting = f": {counted(queued, 'queued job')} wait{'s' if queued == 1 else ''}" if queued else ""
        yield (
            False,
            f"group {printable.line(group)} of {host} is paused{waiting}; start it with: "
            f"pueue-skill {start_command(host, group)}",
        )
