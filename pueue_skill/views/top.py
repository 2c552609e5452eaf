"""`top`: the queues of all hosts on one live screen, with the log of the chosen job, and verbs on keys.

Hosts are asked, and acted on, in threads that nothing waits for, so one that hangs freezes nothing and keeps nobody from leaving. What
they tell is made into rows there too; the screen only sorts and filters them, and renders those that are on it. Acts are those of
jobs.actions: what is done is done to the job that was on the screen, or to none.
"""

from __future__ import annotations

import datetime as dt
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
from pueue_skill.startup.record import NamedTuple
from pueue_skill.views import documents, tables
from pueue_skill.views import status as status_view
from pueue_skill.views.reports import HostReport, StateReport

CONSOLE = Console()  # rich wants one to make segments of text; nothing is printed by it

TAIL = 8_000
"""Bytes of the end of the chosen job's output that are shown."""

SETTLED = 0.25
"""Seconds that a job must be the chosen one before its output is asked for."""

RANKS = {"running": 0, "paused": 0, "queued": 1, "stashed": 1}
"""What comes first: what runs, then what waits, then what has ended, the last one first."""

SHOWN: tuple[str, ...] = ("all", "open", "failed")


class Row(NamedTuple):
    """A job on the screen; `text` is what a filter looks in."""

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


class Seen(NamedTuple):
    """What one host has told, ready for the screen; `queue` is None where it does not answer."""

    report: HostReport
    queue: Queue | None
    rows: list[Row]


def seen(host: Host, answer: Queue | Exception) -> Seen:
    report = documents.host_report(host, answer, dt.datetime.now(dt.UTC))
    if not isinstance(answer, Queue):
        return Seen(report, None, [])
    rows = []
    for state, job in zip(answer.states, report["jobs"], strict=True):
        words = (job["name"], status_view.state_words(job), state.group, state.label or "", state.command)
        rows.append(Row(host, state, job, " ".join(words).lower()))
    return Seen(report, answer, rows)


def arranged(rows: Sequence[Row], words: str, shown: str) -> list[Row]:
    """The rows in which all of `words` stand, and that are `shown`, in the order of the screen."""
    wanted = words.lower().split()
    kept = [
        row
        for row in rows
        if all(word in row.text for word in wanted)
        and (shown == "all" or (row.failed if shown == "failed" else row.state.status != "done"))
    ]
    ended = [row for row in kept if row.state.status == "done"]
    ended.sort(key=lambda row: row.state.ended or "", reverse=True)
    return sorted([row for row in kept if row.state.status != "done"], key=lambda row: RANKS[row.state.status]) + ended


class Jobs(ScrollView, can_focus=True):
    """The jobs, a row each, of which only those on the screen are rendered."""

    DEFAULT_CSS = "Jobs { height: 1fr; min-height: 4; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000000)", show=False),
        Binding("end", "move(1000000000)", show=False),
    ]

    class Moved(Message):
        """Another job is the chosen one."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.cursor = 0

    @property
    def chosen(self) -> Row | None:
        return self.rows[self.cursor] if self.rows else None

    def put(self, rows: list[Row]) -> None:
        """Shows other rows; the chosen job stays the chosen one while it is there."""
        before = self.chosen
        self.rows = rows
        if before:
            places = (i for i, row in enumerate(rows) if row.identity == before.identity)
            self.cursor = next(places, min(self.cursor, max(0, len(rows) - 1)))
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        self.refresh()
        if (before and before.identity) != (self.chosen and self.chosen.identity):
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.choose(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.choose(self.cursor + by * max(1, self.size.height - 2))

    def choose(self, place: int) -> None:
        place = max(0, min(place, len(self.rows) - 1))
        if place != self.cursor:
            self.cursor = place
            self.post_message(self.Moved())
        self.scroll_to_region(Region(0, place, 1, 2), animate=False, force=True)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.choose(event.y - 1 + self.scroll_offset.y)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)

    def render_line(self, y: int) -> Strip:
        """The first line is the head, which stays where it is."""
        width = self.size.width
        if y == 0:
            return strip([(name, Style(bold=True)) for name in columns(width)], width, self.rich_style)
        place = y - 1 + self.scroll_offset.y
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        job = self.rows[place].job
        words = {
            "job": job["name"],
            "state": status_view.state_words(job),
            "group": job["group"],
            "label": job["label"] or "",
            "time": status_view.run_time(job, dt.datetime.now(dt.UTC)),
            "command": status_view.first_line(job["command"]),
        }
        color = status_view.STYLES.get(job["result"] or job["status"])
        styles = {"state": Style(color=color)} if color else {}
        base = self.rich_style + Style(reverse=place == self.cursor)
        return strip([(words[name], styles.get(name, Style())) for name in columns(width)], width, base)


def columns(width: int) -> dict[str, int]:
    """The columns of the table of jobs, and how wide each is; what the last one gets is the rest."""
    if width < status_view.NARROW_COLUMNS:
        return {"job": 14, "state": max(8, width - 34), "time": 7, "label": 0}
    if width < 100:
        return {"job": 14, "state": 16, "group": 8, "label": 16, "time": 7, "command": 0}
    return {"job": 18, "state": 18, "group": 10, "label": 20, "time": 7, "command": 0}


def strip(cells: Sequence[tuple[str, Style]], width: int, base: Style) -> Strip:
    line = Text(no_wrap=True)
    for (words, style), wide in zip(cells, columns(width).values(), strict=True):
        cell = Text(printable.line(words), style=style)
        if wide:
            cell.truncate(wide - 1, overflow="ellipsis", pad=True)
            cell.append(" ")
        line.append_text(cell)
    line.truncate(width, overflow="ellipsis", pad=True)
    plain = [Segment(segment.text, base + (segment.style or Style())) for segment in line.render(CONSOLE)]
    return Strip(plain, width)


class Follow(Screen[None]):
    """A job's output as it comes, on all of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f", "dismiss", "back")]

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row
        self.left = threading.Event()

    def compose(self) -> ComposeResult:
        yield Static(f"{name_with_label(self.row.host.name, self.row.state)}", id="title", markup=False)
        yield Log(max_lines=10_000)
        yield Footer()

    def on_mount(self) -> None:
        apart(self.read)

    def on_unmount(self) -> None:
        self.left.set()

    def read(self) -> None:
        try:
            for event in output.follow(self.row.state, self.row.host):
                if self.left.is_set():
                    return
                if isinstance(event, output.Output):
                    self.say(readable(event.data))
                elif isinstance(event, output.Lost):
                    self.say(printable.safe(f"\n[{event.reason}; trying again]\n"))
                elif isinstance(event, JobState) and event.status == "done":
                    self.say(f"\n[{outcome.adjective(event.result, event.exit_code)}]\n")
        except (Unreachable, OSError) as error:
            self.say(printable.safe(f"\n[{error}]\n"))

    def say(self, text: str) -> None:
        told(self.app, lambda: self.query_one(Log).write(text) if self.is_attached else None)


class Ask(ModalScreen[bool]):
    """A question that is answered with y or n."""

    DEFAULT_CSS = """
    Ask { align: center middle; }
    Ask Vertical { width: auto; max-width: 90%; height: auto; border: round $warning; padding: 0 1; background: $surface; }
    Ask Static { width: auto; }
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
    """All queues on one screen."""

    CSS = """
    #hosts { height: auto; max-height: 30%; overflow-y: auto; }
    #filter { display: none; height: 1; border: none; padding: 0; }
    #about { height: 1; text-style: bold; }
    #log { height: 30%; overflow: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "follow"),
        Binding("k", "kill", "kill"),
        Binding("r", "verb('restart')", "restart"),
        Binding("p", "pause", "pause/start"),
        Binding("P", "pause_group", "…its group"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("s", "show", "all/open/failed"),
        Binding("escape", "clear", show=False),
        Binding("q", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, hosts: Sequence[Host], every: float = 2.0) -> None:
        super().__init__()
        self.hosts, self.every = hosts, every
        self.known = {host.name: seen(host, Exception("asked …")) for host in hosts}
        self.words, self.shown = "", "all"
        self.since: dict[str, float] = {}
        self.waits_for: Row | None = None
        self.left = threading.Event()
        # They are held here, for what comes from a thread may come when the screen is already being taken down.
        self.jobs = Jobs()
        self.hosts_line, self.about_line, self.log_lines = (
            Static(id=name, markup=False) for name in ("hosts", "about", "log")
        )
        self.filter = Input(placeholder="words that stand in a job's line", id="filter")

    def compose(self) -> ComposeResult:
        yield from (self.hosts_line, self.filter, self.jobs, self.about_line, self.log_lines, Footer())

    def on_mount(self) -> None:
        self.jobs.focus()
        self.draw()
        apart(self.look)

    def on_unmount(self) -> None:
        self.left.set()

    # What comes in.

    def look(self) -> None:
        for look in poll.watch(self.hosts, self.every):
            if self.left.is_set():
                return
            if look:
                told(self, self.answered, seen(look.host, look.answer), look.asked)

    def answered(self, now: Seen, asked: float) -> None:
        """Takes up what a host has told; not what it was asked for before an act of which the end is known."""
        name = now.report["host"]
        if asked < self.since.get(name, 0):
            return
        before, self.known[name] = self.known.get(name), now
        if before and now.queue is None:  # what is known of its jobs stays on the screen
            self.known[name] = now._replace(rows=before.rows)
        self.draw()
        row = self.jobs.chosen
        if row and row.host.name == name and row.state.status in ("running", "paused"):
            self.ask_log(row)

    def draw(self) -> None:
        hosts = [one.report for one in self.known.values()]
        self.hosts_line.update(status_view.hosts_lines({"version": documents.VERSION, "hosts": hosts}))
        self.arrange()

    def arrange(self) -> None:
        rows = [row for one in self.known.values() for row in one.rows]
        kept = arranged(rows, self.words, self.shown)
        self.jobs.put(kept)
        self.about()

    def about(self) -> None:
        row = self.jobs.chosen
        filtered = f"{self.shown} jobs" if self.shown != "all" else "jobs"
        filtered += f" with {self.words!r}" if self.words else ""
        of = f"{len(self.jobs.rows)} {filtered}"
        self.about_line.update(f"{name_with_label(row.host.name, row.state)} · {of}" if row else of)

    # The log of the chosen job.

    def on_jobs_moved(self) -> None:
        self.about()
        self.log_lines.update("")
        self.set_timer(SETTLED, self.settled)
        self.waits_for = self.jobs.chosen

    def settled(self) -> None:
        row = self.jobs.chosen
        if row and self.waits_for and row.identity == self.waits_for.identity:
            self.ask_log(row)

    def ask_log(self, row: Row) -> None:
        def ask() -> None:
            try:
                text = readable(client.fetch_tails(row.host, [row.state], TAIL).get(row.state.id, b""))
            except (Unreachable, OSError) as error:
                text = printable.safe(str(error))
            told(self, self.log_came, row, text)

        apart(ask)

    def log_came(self, row: Row, text: str) -> None:
        now = self.jobs.chosen
        if now and now.identity == row.identity:
            lines = text.rstrip("\n").split("\n")
            self.log_lines.update("\n".join(lines[-max(1, self.log_lines.size.height) :]))

    # What the keys do.

    def action_follow(self) -> None:
        if row := self.jobs.chosen:
            self.push_screen(Follow(row))

    def action_kill(self) -> None:
        row = self.jobs.chosen
        if row:
            question = Ask(f"Kill {name_with_label(row.host.name, row.state)}?")
            self.push_screen(question, lambda yes: self.act("kill", row) if yes else None)

    def action_verb(self, verb: str) -> None:
        if row := self.jobs.chosen:
            self.act(verb, row)

    def action_pause(self) -> None:
        if row := self.jobs.chosen:
            self.act("start" if row.state.status in ("paused", "stashed") else "pause", row)

    def action_pause_group(self) -> None:
        row = self.jobs.chosen
        queue = self.known[row.host.name].queue if row else None
        if row and queue:
            group = next(group for group in queue.groups if group.name == row.state.group)
            self.act("pause" if group.status == "running" else "start", row, group.name)

    def act(self, verb: str, row: Row, group: str = "") -> None:
        """Does what `verb` says to a job, or to a group, as it was on the screen."""
        host, queue = row.host, self.known[row.host.name].queue
        if queue is None:
            self.notify(f"{host.name} does not answer", severity="error", markup=False)
            return
        choice = Selector(group=group) if group else Selector((row.job["name"],))
        states = tuple(actions.matching(queue, None, group)) if group else (row.state,)

        def do() -> None:
            planned = job_actions.plan_actions(verb, choice, [Selection(host, queue, states)])
            told(self, self.acted, verb, host, job_actions.act(verb, choice, planned)[host.name])

        apart(do)

    def acted(self, verb: str, host: Host, result: HostResult | Unreachable) -> None:
        if isinstance(result, Unreachable):
            self.notify(printable.safe(str(result)), severity="error", markup=False)
            return
        for kind, text in tables.told(verb, host.name, result):
            self.notify(text, severity="information" if kind == "done" else "warning", markup=False)
        if result.queue:
            self.since[host.name] = time.monotonic()
            self.answered(seen(host, result.queue), self.since[host.name])

    def action_filter(self) -> None:
        self.filter.display = True
        self.filter.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.words = event.value
        self.arrange()

    def on_input_submitted(self) -> None:
        self.filter.display = bool(self.words)
        self.jobs.focus()

    def action_clear(self) -> None:
        self.filter.value = ""
        self.filter.display = False
        self.jobs.focus()

    def action_show(self) -> None:
        self.shown = SHOWN[(SHOWN.index(self.shown) + 1) % len(SHOWN)]
        self.arrange()


def apart(work: Callable[[], None]) -> None:
    """Runs what may take long in a thread that nothing waits for, not even the end of the process."""
    threading.Thread(target=work, daemon=True).start()


def told(app: App[None], function: Callable[..., object], *values: object) -> None:
    """Has the screen's own thread call `function`; once the screen is left, nobody does."""
    with suppress(RuntimeError):
        app.call_later(function, *values)


def readable(output: bytes) -> str:
    """Output without what would draw on the screen by itself."""
    text = framing.ANSI.sub("", output.decode("utf-8", "replace").replace("\r\n", "\n"))
    # What a carriage return wrote over (a progress bar) was not left standing.
    lines = [line.rstrip("\r").rpartition("\r")[2].expandtabs() for line in text.split("\n")]
    return printable.safe("\n".join(lines))


def main(hosts: Sequence[Host], every: float) -> None:
    Top(hosts, every).run()
