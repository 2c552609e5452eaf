"""PQ7: commands whose earlier runs on this host were long."""

from __future__ import annotations

from pueue_skill.rules.cost import shape
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.shell.model import Command
from pueue_skill.shell.printable import duration

MIN_RUNS = {"long": 2, "quick": 3}
"""Runs that must agree."""

MAX_QUICK_S = 10.0
"""A command that always ended within this many seconds is quick, even if a rule of medium confidence flags it."""


def past_runs(command: Command, preferences: Preferences) -> tuple[float, ...]:
    """The durations of the command's last runs, in seconds, the latest last."""
    return preferences.durations.get(shape(command), ()) if preferences.durations else ()


def always_quick(command: Command, preferences: Preferences) -> bool:
    """Whether all of the last runs were quick."""
    runs = past_runs(command, preferences)
    return len(runs) >= MIN_RUNS["quick"] and max(runs) < MAX_QUICK_S


def slow_runs(command: Command, preferences: Preferences) -> tuple[float, ...]:
    """The durations of up to three last runs if all were long; otherwise empty."""
    runs = past_runs(command, preferences)[-3:]
    return runs if len(runs) >= MIN_RUNS["long"] and min(runs) >= preferences.long else ()


def check_slow_before(command: Command, context: RuleContext) -> Hit | None:
    runs = slow_runs(command, context.preferences)
    if not runs or command.loops or not command.attached:
        return None
    return hit_at(command, f"last {len(runs)} runs: {durations_text(runs)}")


def check_slow_in_loop(command: Command, context: RuleContext) -> Hit | None:
    runs = slow_runs(command, context.preferences)
    if not runs or not command.loops or command.detached:
        return None
    return hit_at(command.loops[0], f"each iteration takes long: last {len(runs)} runs {durations_text(runs)}")


def durations_text(runs: tuple[float, ...]) -> str:
    """Durations for a message: "4m, 6m, 5m"."""
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
