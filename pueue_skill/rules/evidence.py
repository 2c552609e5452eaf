"""PQ7: what earlier runs on this machine have shown."""

from __future__ import annotations

from pueue_skill.rules.cost import shape
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.shell.model import Command
from pueue_skill.shell.printable import duration

MIN_RUNS = {"long": 2, "quick": 3}
"""Runs that must agree before they are believed."""

MAX_QUICK_S = 10.0
"""A command that always ended within this many seconds is quick, whatever a rule of medium confidence suspects."""


def past_runs(command: Command, preferences: Preferences) -> tuple[float, ...]:
    return preferences.durations.get(shape(command), ()) if preferences.durations else ()


def always_quick(command: Command, preferences: Preferences) -> bool:
    runs = past_runs(command, preferences)
    return len(runs) >= MIN_RUNS["quick"] and max(runs) < MAX_QUICK_S


def slow_runs(command: Command, preferences: Preferences) -> tuple[float, ...]:
    """The last runs, up to three, when all of them were long; else none."""
    runs = past_runs(command, preferences)[-3:]
    return runs if len(runs) >= MIN_RUNS["long"] and min(runs) >= preferences.long else ()


def check_slow_before(command: Command, around: RuleContext) -> Hit | None:
    runs = slow_runs(command, around.preferences)
    if not runs or command.loops or not command.attached:
        return None
    return hit_at(command, f"last {len(runs)} runs: {durations_text(runs)}")


def check_slow_in_loop(command: Command, around: RuleContext) -> Hit | None:
    runs = slow_runs(command, around.preferences)
    if not runs or not command.loops or command.detached:
        return None
    return hit_at(command.loops[0], f"each iteration takes long: last {len(runs)} runs {durations_text(runs)}")


def durations_text(runs: tuple[float, ...]) -> str:
    return ", ".join([duration(run) for run in runs])


WHY = "A command whose last runs took minutes will take minutes again; the durations are from this host."

RULES = (
    Rule(
        id="PQ701",
        name="slow-before",
        what="Looks for commands whose last runs on this host were long (evidence.long in the configuration, 30 s).",
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
        what="Looks for loops over commands whose last runs on this host were long.",
        why=WHY,
        instead="One job per item, in a group with a limit.",
        anchors=(),
        confidence="high",
        rewrite=True,
        check=check_slow_in_loop,
        bad=(),
        good=("for y in 2023 2024; do echo $y; done",),
    ),
)
