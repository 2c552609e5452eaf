"""PQ7: what earlier runs on this machine have shown."""

from __future__ import annotations

from pueue_skill.rules.cost import shape
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.rule import Around, Hit, Rule, on
from pueue_skill.shell.model import Command
from pueue_skill.shell.printable import duration

ENOUGH = {"long": 2, "quick": 3}
"""Runs that must agree before they are believed."""

SECONDS = 10.0
"""A command that always ended within this many seconds is quick, whatever a rule of medium confidence suspects."""


def remembered(command: Command, preferences: Preferences) -> tuple[float, ...]:
    return preferences.durations.get(shape(command), ()) if preferences.durations else ()


def always_quick(command: Command, preferences: Preferences) -> bool:
    runs = remembered(command, preferences)
    return len(runs) >= ENOUGH["quick"] and max(runs) < SECONDS


def slow_runs(command: Command, preferences: Preferences) -> tuple[float, ...]:
    """The last runs, up to three, when all of them were long; else none."""
    runs = remembered(command, preferences)[-3:]
    return runs if len(runs) >= ENOUGH["long"] and min(runs) >= preferences.long else ()


def check_slow_before(command: Command, around: Around) -> Hit | None:
    runs = slow_runs(command, around.preferences)
    if not runs or command.loops or not command.attached:
        return None
    return on(command, f"last {len(runs)} runs: {figures(runs)}")


def check_slow_in_loop(command: Command, around: Around) -> Hit | None:
    runs = slow_runs(command, around.preferences)
    if not runs or not command.loops or command.detached:
        return None
    return on(command.loops[0], f"each turn takes long: last {len(runs)} runs {figures(runs)}")


def figures(runs: tuple[float, ...]) -> str:
    return ", ".join([duration(run) for run in runs])


WHY = "What took minutes the last times will take minutes again; the figures are from this machine."

RULES = (
    Rule(
        id="PQ701",
        name="slow-before",
        what="Looks for commands whose last runs on this machine were long (evidence.long in the configuration, 30 s).",
        why=WHY,
        instead="Queue the line as one job.",
        anchors=(),
        confidence="high",
        rewrite=True,
        check=check_slow_before,
        bad=(),
        good=("./build-report --year 2024",),
    ),
    Rule(
        id="PQ702",
        name="loop-over-what-was-slow",
        what="Looks for loops over commands whose last runs on this machine were long.",
        why=WHY,
        instead="One job an item, in a group with a limit.",
        anchors=(),
        confidence="high",
        rewrite=True,
        check=check_slow_in_loop,
        bad=(),
        good=("for y in 2023 2024; do echo $y; done",),
    ),
)
