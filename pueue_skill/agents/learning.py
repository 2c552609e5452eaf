"""Learns how long commands take: the end of a call in, runs of shapes of its dominant command out, into the store.

A call that did not run freely teaches nothing: one in the background, one that failed at once, one that waits or serves by design, one during
which the machine slept. One that its time limit ended teaches a lower bound.
"""

from __future__ import annotations

import json
import os
import time

from pueue_skill.agents.event import Event
from pueue_skill.configuration import settings as settings_of
from pueue_skill.configuration.settings import Settings
from pueue_skill.plan.analysis import analyse
from pueue_skill.rules.scripts import script_of
from pueue_skill.rules.shapes import dominant, path_of, text_shapes
from pueue_skill.shell.model import Command
from pueue_skill.startup.files import write_atomic
from pueue_skill.startup.locks import try_lock
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import durations, paths, runs

LINES_PER_EVENT = 40
"""Lines of the journal that one hook reads; the next ones read the rest."""


class Call(NamedTuple):
    """A call that ended, as the journal has it."""

    command: str
    cwd: str
    seconds: float
    cut: bool = False


def remember(event: Event, settings: Settings) -> None:
    """Record a call that ran freely. Raises sqlite3.Error, OSError."""
    if not settings.record:
        return
    call = {"cwd": event.cwd, "ms": round(event.seconds * 1000), "command": event.command}
    if event.timed_out or event.kind == "failed":
        call["cut"] = True
    runs.append(json.dumps(call).encode())
    learn()


def ran_freely(event: Event) -> bool:
    """Return whether the duration of a call is that of its command, or a lower bound."""
    if event.seconds <= 0 or slept_s() > 1:
        return False
    if event.timed_out:
        return True  # until then it ran in the foreground
    return not event.background and (event.kind != "failed" or event.seconds >= runs.NOTABLE_S)


def learn(lines: int = LINES_PER_EVENT) -> bool:
    """Read up to `lines` new lines of the journal and store what they teach; return whether there were any.

    Does nothing while another process does it. Raises sqlite3.Error, OSError.
    """
    with try_lock(paths.journal() + ".lock") as mine:
        if not mine:
            return False
        found: list[runs.Run] = []
        journals = runs.unread_lines(lines)
        for _, _, texts in journals:
            for text in texts:
                found += runs_of(text)
        if journals:
            runs.record(found, [(inode, position) for inode, position, _ in journals])
            runs.rotate_journal()
        return bool(journals)


def learn_all() -> None:
    """Read the whole journal. Raises sqlite3.Error, OSError."""
    while os.path.exists(paths.journal()) and learn(1000):
        pass


def prepare() -> None:
    """Create the journal, so that the launcher appends to it, or delete it if the user wants nothing recorded. Raises OSError."""
    if settings_of.load("/").record:
        os.close(runs.open_journal())
        return
    for name in (paths.journal(), paths.journal() + ".old"):
        if os.path.exists(name):
            os.unlink(name)


def runs_of(line: bytes) -> list[runs.Run]:
    """Return the runs that a line of the journal teaches; none if it cannot be read."""
    try:
        found = json.loads(line)
        call = Call(found["command"], found["cwd"], found["ms"] / 1000, bool(found.get("cut")))
        settings = settings_of.load(call.cwd)
    except Exception:  # a line of another version, or cut
        return []
    if not settings.record:
        return []
    return taught(call, settings, paths.project(call.cwd))


def taught(call: Call, settings: Settings, project: str) -> list[runs.Run]:
    """Return the runs of a call: one for each shape of the commands that took the time."""
    analysis = analyse(call.command, settings.hosts, preferences=settings.preferences)
    commands = dominant(analysis.commands, settings.preferences)
    if not commands:
        return []
    flagged = bool(analysis.findings)
    file = script_file(commands[0], call.cwd) if len(commands) == 1 else ""
    mark = durations.mark_of(file) if file else ""
    return [
        runs.Run(shape, call.seconds, call.cut, file if mark else "", mark, flagged)
        for shape in text_shapes(commands, call.cwd, project)
    ]


def script_file(command: Command, cwd: str) -> str:
    """Return the path of the script that a command on this host runs, empty if it runs none."""
    script = script_of(command)[0]
    if not script or command.hosts or not ("/" in script or "." in script):
        return ""
    return path_of(script, command, cwd)


def slept_s() -> float:
    """Return how long the machine slept since this was last asked, in seconds; 0 where that is not known."""
    asleep = total_sleep_s()
    file = os.path.join(paths.data(), "asleep")
    try:
        with open(file, encoding="ascii") as known:
            before = float(known.read())
    except (OSError, ValueError):
        before = None
    if before is None or abs(asleep - before) > 1:
        write_atomic(file, f"{asleep:.3f}".encode())
    return 0.0 if before is None else max(0.0, asleep - before)


def total_sleep_s() -> float:
    """Return how long the machine slept since it started: the clock that counts sleep, minus the one that does not."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return 0.0
    while True:
        awake = time.clock_gettime(time.CLOCK_MONOTONIC)
        both = time.clock_gettime(clock)
        if time.clock_gettime(time.CLOCK_MONOTONIC) - awake < 0.1:  # else this process was stopped in between
            return both - awake
