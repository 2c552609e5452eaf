"""The queues of all hosts as a table for rich, or as text without rich, whose import takes several times as long as a query of pueue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from pueue_skill.queues.outcome import adjective
from pueue_skill.shell import printable
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.words import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

    from pueue_skill.views.reports import GroupReport, HostReport, StateReport, StatusReport, StuckReport

MAX_LISTED = 30
"""The longest complete list of a host's jobs; of longer ones only the jobs that matter are listed."""

NARROW_COLUMNS = 70
"""On a narrower terminal, the table has fewer columns."""

MAX_COMMAND_CHARS = 200
MIN_CUT_CHARS = 10

GAP = "  "
"""The text between two columns, as in rich's tables."""

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
    """One line of text and its rich style."""

    text: str
    style: str = ""


def jobs_table(report: StatusReport, now: dt.datetime, width: int) -> RenderableType:
    """Return the jobs of all queues as a table for rich, for a terminal of this width."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    names = column_names(width)
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


def host_lines(report: StatusReport) -> RenderableType:
    """Return the groups and stuck jobs of each host as lines for rich."""
    from rich.console import Group
    from rich.text import Text

    return Group(*[Text(text, style=style) for text, style in host_cells(report)])


def text(report: StatusReport, now: dt.datetime, width: int | None) -> str:
    """Return jobs and hosts as text. Only long commands are cut, unless a `width` is given, into which every line must fit."""
    names = column_names(width or NARROW_COLUMNS)
    table = [{name: name for name in names}, *[{name: row[name].text for name in names} for row in rows(report, now)]]
    widths = {name: max(display_width(row[name]) for row in table) for name in names}
    excess = sum(widths.values()) + len(GAP) * (len(names) - 1) - width if width else 0
    widths["command"] = min(widths.get("command", 0), MAX_COMMAND_CHARS)
    for name in ("command", "label", "group", "state"):
        if excess > 0 and widths.get(name, 0) > MIN_CUT_CHARS:
            narrower = max(MIN_CUT_CHARS, widths[name] - excess)
            excess -= widths[name] - narrower
            widths[name] = narrower
    lines = [GAP.join([padded(row[name], widths[name]) for name in names]).rstrip() for row in table]
    lines = lines if len(table) > 1 else []
    lines += [*unlisted(report), *[cell.text for cell in host_cells(report)]]
    if width:
        import textwrap

        lines = [part for line in lines for part in (textwrap.wrap(line, width) if len(line) > width else [line])]
    return "".join([f"{line}\n" for line in lines])


def column_names(width: int) -> tuple[str, ...]:
    if width < NARROW_COLUMNS:
        return ("job", "state", "label", "time")
    return ("job", "state", "group", "label", "time", "command")


def display_width(text: str) -> int:
    """Return how many columns a text takes on a terminal: two for each wide (CJK) character, none for combining characters."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum([0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text])


def padded(text: str, width: int) -> str:
    """Return `text`, padded or cut to exactly `width` columns."""
    columns = display_width(text)
    if columns > width:
        while display_width(text) > width - 1:
            text = text[:-1]
        text, columns = f"{text}…", display_width(text) + 1
    return text + " " * (width - columns)


def rows(report: StatusReport, now: dt.datetime) -> Iterator[dict[str, Cell]]:
    """Yield the listed jobs of all hosts, each as cells by column."""
    for host in report["hosts"]:
        for job in listed(host["jobs"]):
            yield {
                "job": Cell(printable.line(job["name"])),
                "state": Cell(describe_state(job), STYLES.get(job["result"] or job["status"], "")),
                "group": Cell(printable.line(job["group"])),
                "label": Cell(printable.line(job["label"] or "")),
                "time": Cell(run_time(job, now)),
                "command": Cell(first_line(job["command"])),
            }


def unlisted(report: StatusReport) -> list[str]:
    """Return a line for each host with jobs that are not listed."""
    counts = {host["host"]: len(host["jobs"]) - len(listed(host["jobs"])) for host in report["hosts"]}
    return [
        f"{name}: {counted(count, 'more job')}: pueue-skill status --json" for name, count in counts.items() if count
    ]


def listed(jobs: Sequence[StateReport]) -> Sequence[StateReport]:
    """Return the jobs of a queue that get a row: all of a few; of many, running jobs, the next ones, and those that ended last."""
    if len(jobs) <= MAX_LISTED:
        return jobs
    third = MAX_LISTED // 3
    running = [job for job in jobs if job["status"] in ("running", "paused")]
    waiting = [job for job in jobs if job["status"] in ("queued", "stashed")]
    done = sorted([job for job in jobs if job["status"] == "done"], key=lambda job: job["ended"] or "")
    names = {job["name"] for job in [*running[:MAX_LISTED], *waiting[:third], *done[-third:]]}
    return [job for job in jobs if job["name"] in names]


def host_cells(report: StatusReport) -> Iterator[Cell]:
    """Yield a line for each host, and one for each reason why jobs there are stuck."""
    for host in report["hosts"]:
        if not host["reachable"]:
            known = host["reason"].startswith(f"{host['host']} ")  # as the subject of the sentence
            yield Cell(printable.safe(host["reason"] if known else f"{host['host']}: {host['reason']}"), "red")
            continue
        groups = ", ".join([describe_group(group) for group in host["groups"]])
        recent = f"; ended in the last hour: {host['ended']}" if host["ended"] else "" if host["jobs"] else "; no jobs"
        recent += f", of which failed: {host['failed']}" if host["failed"] else ""
        yield Cell(printable.line(f"{host['host']}: {groups}{recent}"))
        for stuck in host["stuck"]:
            yield Cell(printable.line(f"  {describe_stuck(stuck, host)}"), "yellow")


def describe_stuck(stuck: StuckReport, host: HostReport) -> str:
    """Return which jobs of a host do not run and why, with the command that makes them run."""
    names, several = stuck["jobs"], len(stuck["jobs"]) > 1
    jobs = counted(len(names), "job") if several else names[0]
    reason = f": {stuck['why']}"
    if stuck["kind"] == "dependency":
        skipped = all(job["status"] == "done" for job in host["jobs"] if job["name"] in names)
        verb = (
            ("were skipped" if several else "was skipped") if skipped else "do not run" if several else "does not run"
        )
        reason = f" {verb} because {stuck['why']}"
    return f"{jobs}{reason}" + (f". Try: {stuck['fix']}" if stuck["fix"] else "")


def describe_group(group: GroupReport) -> str:
    """Return a group's used and available slots, and its queued, succeeded and failed jobs, such as `p1 2/4 +12 ✓7 ✗1 paused`."""
    words = f"{printable.line(group['name'], 60)} {group['running'] + group['paused']}/{group['limit'] or '∞'}"
    words += f" +{group['queued']}" if group["queued"] else ""
    words += f" ✓{group['success']}" if group["success"] else ""
    words += f" ✗{group['failed']}" if group["failed"] else ""
    return words + (f" {group['status']}" if group["status"] != "running" else "")


def describe_state(job: StateReport) -> str:
    if job["status"] != "done":
        return job["status"]
    return adjective(job["result"], job["exit_code"])


def run_time(job: StateReport, now: dt.datetime) -> str:
    """Return how long the job ran, or has been running."""
    if not job["started"] or job["result"] in ("dependency", "spawn"):
        return ""
    end = dt.datetime.fromisoformat(job["ended"]) if job["ended"] else now
    seconds = max(0, int((end - dt.datetime.fromisoformat(job["started"])).total_seconds()))
    return printable.duration(seconds)


def first_line(command: str) -> str:
    line, newline, _ = command.strip().partition("\n")
    return printable.line(line) + (" …" if newline else "")
