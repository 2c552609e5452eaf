"""`top`: the queues of all hosts on a live screen, with the log of the selected job, and keys for actions on jobs.

Queries and actions run in threads that nothing waits for, so a host that hangs neither freezes the screen nor delays its end. The
threads also create the rows; the screen only sorts and filters them, and renders the visible ones. An action applies to the job that was
on the screen, or to none.
"""

from __future__ import annotations

import datetime as dt
import functools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer, Input, Log, Static

from pueue_skill.hosts import client, poll
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import actions as job_actions
from pueue_skill.jobs import output
from pueue_skill.jobs.actions import HostResult, Selection, Selector
from pueue_skill.queues import actions, framing, outcome
from pueue_skill.queues.actions import name_with_label
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell import printable
from pueue_skill.shell.model import Host
from pueue_skill.startup.errors import UsageError
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.words import counted
from pueue_skill.views import actions as actions_view
from pueue_skill.views import documents
from pueue_skill.views import status as status_view
from pueue_skill.views.reports import HostReport, StateReport

CONSOLE = Console()  # rich needs one to split text into segments; it prints nothing

LOG_TAIL_BYTES = 8_000
"""How much of the selected job's output is fetched."""

LOG_DELAY_S = 0.25
"""How long a job must be selected before its output is fetched."""

RANKS = {"running": 0, "paused": 0, "queued": 1, "stashed": 1}
"""The order of jobs that have not ended, by status. Ended jobs follow, the last one first."""

FILTERS: tuple[str, ...] = ("all", "open", "failed")


class JobRow(NamedTuple):
    """A job on the screen. `text`: the text that a filter searches."""

    host: Host
    state: JobState
    job: StateReport
    text: str

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.host.name, self.state.id, self.state.created

    @property
    def failed(self) -> bool:
        return outcome.failed(self.state)


class HostRows(NamedTuple):
    """The last answer of a host and its rows. `queue` is None if the host does not answer."""

    report: HostReport
    queue: Queue | None
    rows: list[JobRow]


def host_rows(host: Host, answer: Queue | Exception) -> HostRows:
    report = documents.host_report(host, answer, dt.datetime.now(dt.UTC))
    if not isinstance(answer, Queue):
        return HostRows(report, None, [])
    rows = []
    for state, job in zip(answer.states, report["jobs"], strict=True):
        words = (job["name"], status_view.describe_state(job), state.group, state.label or "", state.command)
        rows.append(JobRow(host, state, job, " ".join(words).lower()))
    return HostRows(report, answer, rows)


def arranged(rows: Sequence[JobRow], words: str, status_filter: str) -> list[JobRow]:
    """Return the rows that contain all of `words` and match one of FILTERS, in the order of the screen."""
    wanted = words.lower().split()
    matching = [
        row
        for row in rows
        if all(word in row.text for word in wanted)
        and (status_filter == "all" or (row.failed if status_filter == "failed" else row.state.status != "done"))
    ]
    ended = [row for row in matching if row.state.status == "done"]
    ended.sort(key=lambda row: row.state.ended or "", reverse=True)
    return (
        sorted([row for row in matching if row.state.status != "done"], key=lambda row: RANKS[row.state.status]) + ended
    )


class JobList(ScrollView, can_focus=True):
    """A list of jobs, of which only the visible rows are rendered."""

    DEFAULT_CSS = "JobList { height: 1fr; min-height: 4; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000000)", show=False),
        Binding("end", "move(1000000000)", show=False),
    ]

    class Moved(Message):
        """Another job was selected."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[JobRow] = []
        self.cursor = 0

    @property
    def selected(self) -> JobRow | None:
        return self.rows[self.cursor] if self.rows else None

    def set_rows(self, rows: list[JobRow]) -> None:
        """Show other rows. The selected job stays selected if it is among them."""
        before = self.selected
        self.rows = rows
        if before:
            indexes = (index for index, row in enumerate(rows) if row.identity == before.identity)
            self.cursor = next(indexes, min(self.cursor, max(0, len(rows) - 1)))
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        self.refresh()
        if (before and before.identity) != (self.selected and self.selected.identity):
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.select_row(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.select_row(self.cursor + by * max(1, self.size.height - 2))

    def select_row(self, index: int) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        if index != self.cursor:
            self.cursor = index
            self.post_message(self.Moved())
        self.scroll_to_region(Region(0, index, 1, 2), animate=False, force=True)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.select_row(event.y - 1 + self.scroll_offset.y)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen; the first is the header, which does not scroll."""
        width = self.size.width
        if y == 0:
            return strip([(name, Style(bold=True)) for name in column_widths(width)], width, self.rich_style)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        job = self.rows[index].job
        texts = {
            "job": job["name"],
            "state": status_view.describe_state(job),
            "group": job["group"],
            "label": job["label"] or "",
            "time": status_view.run_time(job, dt.datetime.now(dt.UTC)),
            "command": status_view.first_line(job["command"]),
        }
        color = status_view.STYLES.get(job["result"] or job["status"])
        styles = {"state": Style(color=color)} if color else {}
        base = self.rich_style + Style(reverse=index == self.cursor)
        return strip([(texts[name], styles.get(name, Style())) for name in column_widths(width)], width, base)


def column_widths(width: int) -> dict[str, int]:
    """Return the columns of the list and their widths; 0 for the last one, which gets the remaining width."""
    if width < status_view.NARROW_COLUMNS:
        return {"job": 14, "state": max(8, width - 34), "time": 7, "label": 0}
    if width < 100:
        return {"job": 14, "state": 16, "group": 8, "label": 16, "time": 7, "command": 0}
    return {"job": 18, "state": 18, "group": 10, "label": 20, "time": 7, "command": 0}


def strip(cells: Sequence[tuple[str, Style]], width: int, base: Style) -> Strip:
    """Return a row of the list; `base` is the style below those of the cells."""
    line = Text(no_wrap=True)
    for (text, style), column_width in zip(cells, column_widths(width).values(), strict=True):
        cell = Text(printable.line(text), style=style)
        if column_width:
            cell.truncate(column_width - 1, overflow="ellipsis", pad=True)
            cell.append(" ")
        line.append_text(cell)
    line.truncate(width, overflow="ellipsis", pad=True)
    return Strip([Segment(part.text, base + (part.style or Style())) for part in line.render(CONSOLE)], width)


class FollowScreen(Screen[None]):
    """The output of a job as it arrives, on the whole screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f", "dismiss", "back")]

    def __init__(self, row: JobRow) -> None:
        super().__init__()
        self.row = row
        self.closed = threading.Event()

    def compose(self) -> ComposeResult:
        yield Static(f"{name_with_label(self.row.host.name, self.row.state)}", id="title", markup=False)
        yield Log(max_lines=10_000)
        yield Footer()

    def on_mount(self) -> None:
        run_in_thread(self.follow)

    def on_unmount(self) -> None:
        self.closed.set()

    def follow(self) -> None:
        """Write the job's output until the job ends or the screen is closed; runs in a thread."""
        try:
            for event in output.follow(self.row.state, self.row.host):
                if self.closed.is_set():
                    return
                if isinstance(event, output.Output):
                    self.write(readable(event.data))
                elif isinstance(event, output.ConnectionLost):
                    self.write(printable.safe(f"\n[{event.reason}; trying again]\n"))
                elif isinstance(event, JobState) and event.status == "done":
                    self.write(f"\n[{outcome.adjective(event.result, event.exit_code)}]\n")
        except (Unreachable, OSError) as error:
            self.write(printable.safe(f"\n[{error}]\n"))

    def write(self, text: str) -> None:
        call_in_app(self.app, lambda: self.query_one(Log).write(text) if self.is_attached else None)


class ConfirmScreen(ModalScreen[bool]):
    """A question that the user answers with y or n."""

    DEFAULT_CSS = """
    ConfirmScreen { align: center middle; }
    ConfirmScreen Vertical { width: auto; max-width: 90%; height: auto; border: round $warning; padding: 0 1; background: $surface; }
    ConfirmScreen Static { width: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes"),
        Binding("n,escape", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(f"{self.question}  y / n", markup=False)


class Top(App[None]):
    """The queues of all hosts on one screen."""

    CSS = """
    #hosts { height: auto; max-height: 30%; overflow-y: auto; }
    #filter { display: none; height: 1; border: none; padding: 0; }
    #title { height: 1; text-style: bold; }
    #log { height: 30%; overflow: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "follow"),
        Binding("k", "kill", "kill"),
        Binding("r", "restart", "restart"),
        Binding("p", "pause", "pause/start"),
        Binding("P", "pause_group", "…its group"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("s", "status_filter", "all/open/failed"),
        Binding("escape", "clear", show=False),
        Binding("q", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, hosts: Sequence[Host], every: float = 2.0) -> None:
        super().__init__()
        self.hosts, self.every = hosts, every
        self.by_host = {host.name: host_rows(host, Exception("querying …")) for host in hosts}
        self.words, self.status_filter = "", "all"
        self.acted_at: dict[str, float] = {}
        self.log_pending: JobRow | None = None
        self.closed = threading.Event()
        # Kept here rather than queried: threads may call when the screen is already being removed.
        self.jobs = JobList()
        self.hosts_panel, self.title_line, self.log_panel = (
            Static(id=name, markup=False) for name in ("hosts", "title", "log")
        )
        self.filter = Input(placeholder="words in the row of a job", id="filter")

    def compose(self) -> ComposeResult:
        yield from (self.hosts_panel, self.filter, self.jobs, self.title_line, self.log_panel, Footer())

    def on_mount(self) -> None:
        self.jobs.focus()
        self.update_screen()
        run_in_thread(self.query_hosts)

    def on_unmount(self) -> None:
        self.closed.set()

    # Answers of hosts.

    def query_hosts(self) -> None:
        """Query the hosts until the screen is closed; runs in a thread."""
        for observation in poll.watch(self.hosts, self.every):
            if self.closed.is_set():
                return
            if observation:
                rows = host_rows(observation.host, observation.answer)
                call_in_app(self, self.update_host, rows, observation.asked)

    def update_host(self, rows: HostRows, asked: float) -> None:
        """Show the answer of a host to a query of the time `asked`, unless an action there has completed since."""
        name = rows.report["host"]
        if asked < self.acted_at.get(name, 0):
            return
        before, self.by_host[name] = self.by_host.get(name), rows
        if before and rows.queue is None:  # its last known jobs stay on the screen
            self.by_host[name] = rows._replace(rows=before.rows)
        self.update_screen()
        row = self.jobs.selected
        if row and row.host.name == name and row.state.status in ("running", "paused"):
            self.fetch_log(row)

    def update_screen(self) -> None:
        hosts = [rows.report for rows in self.by_host.values()]
        self.hosts_panel.update(status_view.host_lines({"version": documents.VERSION, "hosts": hosts}))
        self.update_rows()

    def update_rows(self) -> None:
        rows = [row for host in self.by_host.values() for row in host.rows]
        self.jobs.set_rows(arranged(rows, self.words, self.status_filter))
        self.update_title()

    def update_title(self) -> None:
        """Show the name of the selected job, and the number of listed jobs."""
        row = self.jobs.selected
        kind = f"{self.status_filter} job" if self.status_filter != "all" else "job"
        count = counted(len(self.jobs.rows), kind) + (f" with {self.words!r}" if self.words else "")
        self.title_line.update(f"{name_with_label(row.host.name, row.state)} · {count}" if row else count)

    # The log of the selected job.

    def on_job_list_moved(self) -> None:
        self.update_title()
        self.log_panel.update("")
        self.set_timer(LOG_DELAY_S, self.fetch_pending_log)
        self.log_pending = self.jobs.selected

    def fetch_pending_log(self) -> None:
        """Fetch the log of the selected job if the selection has not moved again."""
        row = self.jobs.selected
        if row and self.log_pending and row.identity == self.log_pending.identity:
            self.fetch_log(row)

    def fetch_log(self, row: JobRow) -> None:
        def fetch() -> None:
            try:
                tails = client.fetch_tails(row.host, [row.state], LOG_TAIL_BYTES)
                text = readable(tails.get(row.state.id, b""))
            except (Unreachable, OSError) as error:
                text = printable.safe(str(error))
            call_in_app(self, self.show_log, row, text)

        run_in_thread(fetch)

    def show_log(self, row: JobRow, text: str) -> None:
        selected = self.jobs.selected
        if selected and selected.identity == row.identity:
            lines = text.rstrip("\n").split("\n")
            self.log_panel.update("\n".join(lines[-max(1, self.log_panel.size.height) :]))

    # Keys.

    def action_follow(self) -> None:
        if row := self.jobs.selected:
            self.push_screen(FollowScreen(row))

    def action_kill(self) -> None:
        row = self.jobs.selected
        if row:
            question = ConfirmScreen(f"Kill {name_with_label(row.host.name, row.state)}?")
            self.push_screen(question, lambda yes: self.act("kill", row) if yes else None)

    def action_restart(self) -> None:
        if row := self.jobs.selected:
            self.act("restart", row)

    def action_pause(self) -> None:
        if row := self.jobs.selected:
            self.act("start" if row.state.status in ("paused", "stashed") else "pause", row)

    def action_pause_group(self) -> None:
        row = self.jobs.selected
        queue = self.by_host[row.host.name].queue if row else None
        if row and queue:
            group = next(group for group in queue.groups if group.name == row.state.group)
            self.act("pause" if group.status == "running" else "start", row, group.name)

    def act(self, verb: str, row: JobRow, group: str = "") -> None:
        """Carry out `verb` on a job, or on a group, as it was on the screen."""
        host, queue = row.host, self.by_host[row.host.name].queue
        if queue is None:
            self.notify(f"{host.name} does not answer", severity="error", markup=False)
            return
        selector = Selector(group=group) if group else Selector((row.job["name"],))
        states = tuple(actions.matching(queue, None, group)) if group else (row.state,)

        def act() -> None:
            try:
                planned = job_actions.plan_actions(verb, selector, [Selection(host, queue, states)])
            except UsageError as error:
                reason = str(error).partition("\n")[0].removesuffix(". There is:")
                call_in_app(self, functools.partial(self.notify, reason, severity="warning", markup=False))
                return
            call_in_app(self, self.show_result, verb, host, job_actions.act(verb, selector, planned)[host.name])

        run_in_thread(act)

    def show_result(self, verb: str, host: Host, result: HostResult | Unreachable) -> None:
        if isinstance(result, Unreachable):
            self.notify(printable.safe(str(result)), severity="error", markup=False)
            return
        for done, line in actions_view.lines(verb, host.name, result):
            self.notify(line, severity="information" if done else "warning", markup=False)
        if result.queue:
            self.acted_at[host.name] = time.monotonic()
            self.update_host(host_rows(host, result.queue), self.acted_at[host.name])

    def action_filter(self) -> None:
        self.filter.display = True
        self.filter.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.words = event.value
        self.update_rows()

    def on_input_submitted(self) -> None:
        self.filter.display = bool(self.words)
        self.jobs.focus()

    def action_clear(self) -> None:
        self.filter.value = ""
        self.filter.display = False
        self.jobs.focus()

    def action_status_filter(self) -> None:
        self.status_filter = FILTERS[(FILTERS.index(self.status_filter) + 1) % len(FILTERS)]
        self.update_rows()


def run_in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread that nothing waits for, not even the end of the process."""
    threading.Thread(target=work, daemon=True).start()


def call_in_app(app: App[None], function: Callable[..., object], *values: object) -> None:
    """Call `function` in the thread of the screen, unless the screen is closed."""
    with suppress(RuntimeError):
        app.call_later(function, *values)


def readable(output: bytes) -> str:
    """Return output as text without terminal control sequences."""
    text = framing.ANSI.sub("", output.decode("utf-8", "replace").replace("\r\n", "\n"))
    # A progress bar overwrites its line after each carriage return: only the last state was visible.
    lines = [line.rstrip("\r").rpartition("\r")[2].expandtabs() for line in text.split("\n")]
    return printable.safe("\n".join(lines))


def main(hosts: Sequence[Host], every: float) -> None:
    Top(hosts, every).run()
