"""The queues of all hosts, for people: a report in; a table for rich, or text for what is no terminal, out.

The text needs no table library, whose import takes several times as long as the queue of this machine to answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from pueue_skill.queues.outcome import adjective
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

    from pueue_skill.views.reports import GroupReport, StateReport, StatusReport

MAX_LISTED = 30
"""Jobs of a host that are listed whatever their state; of more, those that run, and the ends of the others."""

NARROW_COLUMNS = 70
"""Columns of a terminal below which the table has only what tells jobs apart."""

MAX_COMMAND_CHARS = 200
MIN_CUT_CHARS = 10

GAP = "  "
"""Between two columns, as rich has it."""

STYLES = {
    "success": "green",
    "running": "cyan",
    "failed": "red",
    "killed": "red",
    "dependency": "red",
    "spawn": "red",
    "paused": "yellow",
}


class Cell(NamedTuple):
    """Text on one line and its style, in rich's words."""

    text: str
    style: str = ""


def jobs_table(report: StatusReport, now: dt.datetime, width: int) -> RenderableType:
    """The jobs of all queues in one table of at most `width` columns, for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    names = columns(width)
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(
            name, no_wrap=name in ("job", "time") or (name == "state" and width >= NARROW_COLUMNS),
            overflow="fold" if name == "command" else "ellipsis",
        )  # fmt: skip
    for row in rows(report, now):
        table.add_row(*[Text(row[name].text, style=row[name].style) for name in names])
    more = [Text(line, style="dim") for line in unlisted(report)]
    return Group(*([table] if table.row_count else []), *more)


def hosts_lines(report: StatusReport) -> RenderableType:
    """Each host in a line or two, and what is stuck there, for rich."""
    from rich.console import Group
    from rich.text import Text

    return Group(*[Text(text, style=style) for text, style in lines_of_hosts(report)])


def text(report: StatusReport, now: dt.datetime, width: int | None) -> str:
    """The same as text: nothing is cut but long commands, unless it is to fit into `width` columns."""
    names = columns(width or NARROW_COLUMNS)
    table = [{name: name for name in names}, *[{name: row[name].text for name in names} for row in rows(report, now)]]
    widths = {name: max(columns_of(row[name]) for row in table) for name in names}
    excess = sum(widths.values()) + len(GAP) * (len(names) - 1) - width if width else 0
    widths["command"] = min(widths.get("command", 0), MAX_COMMAND_CHARS)
    for name in ("command", "label", "group", "state"):
        if excess > 0 and widths.get(name, 0) > MIN_CUT_CHARS:
            narrower = max(MIN_CUT_CHARS, widths[name] - excess)
            excess -= widths[name] - narrower
            widths[name] = narrower
    lines = [GAP.join([padded(row[name], widths[name]) for name in names]).rstrip() for row in table]
    lines = lines if len(table) > 1 else []
    lines += [*unlisted(report), *[cell.text for cell in lines_of_hosts(report)]]
    if width:
        import textwrap

        lines = [part for line in lines for part in (textwrap.wrap(line, width) if len(line) > width else [line])]
    return "".join([f"{line}\n" for line in lines])


def columns(width: int) -> tuple[str, ...]:
    if width < NARROW_COLUMNS:
        return ("job", "state", "label", "time")
    return ("job", "state", "group", "label", "time", "command")


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese, Japanese and Korean characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum([0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text])


def padded(text: str, width: int) -> str:
    """`text` in exactly `width` columns, cut where it is longer."""
    taken = columns_of(text)
    if taken > width:
        while columns_of(text) > width - 1:
            text = text[:-1]
        text, taken = f"{text}…", columns_of(text) + 1
    return text + " " * (width - taken)


def rows(report: StatusReport, now: dt.datetime) -> Iterator[dict[str, Cell]]:
    """The listed jobs of all hosts: a cell for each column."""
    for host in report["hosts"]:
        for job in listed(host["jobs"]):
            yield {
                "job": Cell(printable.line(job["name"])),
                "state": Cell(state_words(job), STYLES.get(job["result"] or job["status"], "")),
                "group": Cell(printable.line(job["group"])),
                "label": Cell(printable.line(job["label"] or "")),
                "time": Cell(run_time(job, now)),
                "command": Cell(first_line(job["command"])),
            }


def unlisted(report: StatusReport) -> list[str]:
    """A line for each host of whose jobs not all are listed."""
    counts = {host["host"]: len(host["jobs"]) - len(listed(host["jobs"])) for host in report["hosts"]}
    return [f"{name}: {count} more jobs: pueue-skill status --json" for name, count in counts.items() if count]


def listed(jobs: Sequence[StateReport]) -> Sequence[StateReport]:
    """Those of a queue's jobs that are worth a row: all of a few; of many those that run, that are next, and that ended last."""
    if len(jobs) <= MAX_LISTED:
        return jobs
    third = MAX_LISTED // 3
    runs = [job for job in jobs if job["status"] in ("running", "paused")]
    waits = [job for job in jobs if job["status"] in ("queued", "stashed")]
    done = sorted([job for job in jobs if job["status"] == "done"], key=lambda job: job["ended"] or "")
    chosen = {job["name"] for job in [*runs[:MAX_LISTED], *waits[:third], *done[-third:]]}
    return [job for job in jobs if job["name"] in chosen]


def lines_of_hosts(report: StatusReport) -> Iterator[Cell]:
    for host in report["hosts"]:
        if not host["reachable"]:
            yield Cell(printable.safe(f"{host['host']}: {host['reason']}"), "red")
            continue
        groups = ", ".join([group_words(group) for group in host["groups"]])
        rest = f"; ended in the last hour: {host['ended']}" if host["ended"] else "" if host["jobs"] else "; no jobs"
        rest += f", of which failed: {host['failed']}" if host["failed"] else ""
        yield Cell(printable.line(f"{host['host']}: {groups}{rest}"))
        for one in host["stuck"]:
            names = one["jobs"][0] if len(one["jobs"]) == 1 else f"{len(one['jobs'])} jobs"
            fix = f". {one['fix']}" if one["fix"] else ""
            yield Cell(printable.line(f"  {names}: {one['why']}{fix}"), "yellow")


def group_words(group: GroupReport) -> str:
    """A group's slots that are taken, what waits, and how many jobs have succeeded and failed: `p1 2/4 +12 ✓7 paused`."""
    words = f"{printable.line(group['name'], 60)} {group['running'] + group['paused']}/{group['limit'] or '∞'}"
    words += f" +{group['queued']}" if group["queued"] else ""
    words += f" ✓{group['success']}" if group["success"] else ""
    words += f" ✗{group['failed']}" if group["failed"] else ""
    return words + (f" {group['status']}" if group["status"] != "running" else "")


def state_words(job: StateReport) -> str:
    if job["status"] != "done":
        return job["status"]
    return adjective(job["result"], job["exit_code"])


def run_time(job: StateReport, now: dt.datetime) -> str:
    """How long the job ran, or has been running."""
    if not job["started"] or job["result"] in ("dependency", "spawn"):
        return ""
    end = dt.datetime.fromisoformat(job["ended"]) if job["ended"] else now
    seconds = max(0, int((end - dt.datetime.fromisoformat(job["started"])).total_seconds()))
    return printable.duration(seconds)


def first_line(command: str) -> str:
    line, newline, _ = command.strip().partition("\n")
    return printable.line(line) + (" …" if newline else "")
