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
from pueue_skill.startup.files import write_atomic
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import durations, journal, paths
from pueue_skill.state.durations import NOTABLE_S
from pueue_skill.state.locks import try_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.model import Command
    from pueue_skill.state import runs

LINES_PER_EVENT = 200
"""Lines of the journal that one hook reads at most; the next ones read the rest."""

SECONDS_PER_EVENT = 0.15
"""How long a hook analyses lines."""


NO_CONNECTION = "Exit code 255"
"""How Claude Code reports an ssh that could not connect, or lost its connection."""


class Call(NamedTuple):
    """A call that ended, as the journal has it. `began` is the time (since the epoch) before which its script was last changed."""

    command: str
    cwd: str
    seconds: float
    cut: bool
    began: float


def remember(event: Event) -> None:
    """Append a call to the journal, if it ran freely and the user wants it recorded. Raises OSError."""
    if not ran_freely(event) or not settings_of.load(event.cwd).record:
        return
    call = {"cwd": event.cwd, "ms": round(event.seconds * 1000), "command": event.command}
    call["began"] = round(time.time() - event.seconds, 3)
    if event.timed_out or event.kind == "failed":
        call["cut"] = True
    journal.append(json.dumps(call).encode())


def ran_freely(event: Event) -> bool:
    """Return whether the duration of a call is that of its command, or a lower bound."""
    if event.seconds <= 0 or slept_after(time.time() - event.seconds):
        return False
    if event.timed_out:
        return True  # until then it ran in the foreground
    if event.background or event.interrupted or NO_CONNECTION in event.error[:300]:
        return False
    return event.kind != "failed" or event.seconds >= NOTABLE_S


def learn(lines: int = LINES_PER_EVENT, seconds: float = SECONDS_PER_EVENT) -> bool:
    """Read up to `lines` new lines of the journal, for `seconds`, and store what they teach; return whether there are more.

    Does nothing while another process does it. Raises sqlite3.Error, OSError.
    """
    if not os.path.exists(paths.journal()):
        return False
    from pueue_skill.state import runs

    lock = paths.journal() + ".lock"
    with try_lock(lock) as mine:
        if not mine:
            return False
        end = time.monotonic() + seconds
        last = os.stat(lock).st_mtime
        found: list[runs.Run] = []
        positions = runs.positions()
        parts = journal.unread(positions, lines)
        positions = {part.key: part.position for part in parts}
        more = not all(part.ended for part in parts)
        for part in parts:
            for line in part.lines:
                if time.monotonic() > end:
                    more = True
                    break
                found += runs_of(line, last)
                positions[part.key] += len(line)
        if any(part.lines for part in parts):
            runs.record(found, positions)
        if not more:
            os.utime(lock)
            journal.replace_read()
        return more


def learn_all() -> None:
    """Read the whole journal. Raises sqlite3.Error, OSError."""
    while learn(1000, 60):
        pass


def prepare() -> None:
    """Create the journal, so that the launcher appends to it, or delete it if the user wants nothing recorded. Raises OSError."""
    if settings_of.load("/").record:
        journal.create()
    else:
        journal.delete()


def runs_of(line: bytes, last: float) -> list[runs.Run]:
    """Return the runs that a line of the journal teaches; none if it cannot be read.

    A line of the launcher has no time: `last` is when the journal was last read to its end, which was before its call.
    """
    try:
        found = json.loads(line)
        call = Call(
            found["command"], found["cwd"], found["ms"] / 1000, bool(found.get("cut")), float(found.get("began", last))
        )
        settings = settings_of.load(call.cwd)
    except Exception:  # a line of another version, or cut
        return []
    if not settings.record:
        return []
    return taught(call, settings, paths.project(call.cwd))


def taught(call: Call, settings: Settings, project: str) -> list[runs.Run]:
    """Return the runs of a call: one for each shape of the commands that took the time. None if their script has changed since."""
    from pueue_skill.plan.analysis import analyse
    from pueue_skill.rules.shapes import dominant, text_shapes
    from pueue_skill.state import runs

    analysis = analyse(call.command, settings.hosts, preferences=settings.preferences)
    commands = dominant(analysis.commands, settings.preferences)
    if not commands:
        return []
    flagged = bool(analysis.findings)
    file = script_file(commands[0], call.cwd) if len(commands) == 1 else ""
    mark = durations.mark_of(file) if file else ""
    if mark and durations.changed_at(mark) > call.began:
        return []
    cut = call.cut or any("timeout" in command.wrappers for command in commands)
    cut = cut or any(command.name == "head" and command.pipe[0] for command in analysis.commands)
    return [
        runs.Run(shape, call.seconds, cut, file if mark else "", mark, flagged)
        for shape in text_shapes(commands, call.cwd, project)
    ]


def script_file(command: Command, cwd: str) -> str:
    """Return the path of the script that a command on this host runs, empty if it runs none."""
    from pueue_skill.rules.scripts import script_of
    from pueue_skill.rules.shapes import path_of

    script = script_of(command)[0]
    if not script or command.hosts or not ("/" in script or "." in script):
        return ""
    return path_of(script, command, cwd)


def slept_after(began: float) -> bool:
    """Return whether the machine may have slept since `began` (since the epoch). A sleep is noticed at the next event, of any session."""
    asleep = total_sleep_s()
    file = os.path.join(paths.data(), "asleep")
    try:
        with open(file, encoding="ascii") as known:
            before, noticed = map(float, known.read().split())
    except (OSError, ValueError):
        before, noticed = -10.0, 0.0
    if abs(asleep - before) > 1:
        noticed = time.time() if before >= 0 else 0.0
        write_atomic(file, f"{asleep:.3f} {noticed:.3f}".encode())
    return began < noticed


def total_sleep_s() -> float:
    """Return how long the machine slept since it started: the clock that counts sleep, minus the one that does not; 0 where they are unknown."""
    both, awake = getattr(time, "CLOCK_BOOTTIME", None), time.CLOCK_MONOTONIC
    if both is None:  # macOS, whose monotonic clock counts sleep
        both, awake = time.CLOCK_MONOTONIC, getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC)
    while True:
        before = time.clock_gettime(awake)
        counted = time.clock_gettime(both)
        if time.clock_gettime(awake) - before < 0.1:  # else this process was stopped in between
            return counted - before
