"""PQ7: commands whose earlier runs on this host were long."""

from __future__ import annotations

from pueue_skill.rules.history import Estimate, estimate
from pueue_skill.rules.model import CALL_LIMIT_S, Preferences
from pueue_skill.rules.rule import Hit, Rule, RuleContext, Slow, hit_at
from pueue_skill.rules.scripts import script_of
from pueue_skill.rules.shapes import base_words, dominant, telling_shapes
from pueue_skill.shell.model import Command
from pueue_skill.shell.printable import duration

MIN_QUICK_RUNS = 3
"""Runs after which a measured duration overrules what the tables say of a command."""

MEDIAN_SHARE = 1 / 3
"""The share of a long duration that the median of the runs must reach, so that one slow run among many short ones flags nothing.

Measured with `make replay` on sessions of four projects: at 1/2, 68 % of the repeated long commands were named before they ran, at 1/3 74 %,
while the share of flagged short ones was 0.6 and 0.8 %.
"""


def past_runs(command: Command, preferences: Preferences) -> Estimate | None:
    """The estimate by the earlier runs of a command, or None."""
    if not preferences.durations:
        return None
    return estimate(telling_shapes((command,), preferences.folder, preferences.project), preferences.durations)


def same_runs(command: Command, preferences: Preferences) -> Estimate | None:
    """The estimate by the earlier runs of the same words, or None."""
    exact = telling_shapes((command,), preferences.folder, preferences.project)[:1]
    return estimate(exact, preferences.durations)


def fits_call(command: Command, preferences: Preferences) -> bool:
    """Whether enough earlier runs of the same words show that the command ends well within the call's time limit: those of other values
    (`--epochs 1`) say little."""
    runs = same_runs(command, preferences)
    return runs is not None and runs.runs >= MIN_QUICK_RUNS and runs.ceiling < near_limit(preferences)


def slow_before(commands: tuple[Command, ...], preferences: Preferences) -> dict[int, Slow]:
    """What ran long before, by the position of the command: each command, and the first of those that take the time of the text together."""
    if not preferences.durations:
        return {}
    found = {}
    for i, command in enumerate(commands):
        runs = past_runs(command, preferences)
        if runs and is_slow(runs, preferences):
            found[i] = Slow(short_form(command), runs)
    together = dominant(commands, preferences)
    if len(together) > 1 and (first := commands.index(together[0])) not in found:
        runs = estimate(telling_shapes(together, preferences.folder, preferences.project), preferences.durations)
        if runs and is_slow(runs, preferences):
            found[first] = Slow("this", runs)
    return found


def short_form(command: Command) -> str:
    """A command for a message: "`npm run build`", "`ls` on gpu"."""
    script, _ = script_of(command)
    words = base_words(command, script)
    if script and command.words[0].value != script:
        before = command.args[: command.args.index(script)] if script in command.args else ()
        words = [command.name, *[word for word in before if word in ("run", "-m")], script]
    return f"`{' '.join(words)}`{f' on {command.hosts[-1]}' if command.hosts else ''}"


def is_slow(runs: Estimate, preferences: Preferences) -> bool:
    """Whether runs come near the call's time limit, and are not mostly short."""
    least = near_limit(preferences)
    return runs.p90 >= least and runs.p50 >= least * MEDIAN_SHARE


def near_limit(preferences: Preferences) -> float:
    """The seconds from which a run is near the call's time limit."""
    return preferences.long * preferences.limit / CALL_LIMIT_S


def check_slow_before(command: Command, context: RuleContext) -> Hit | None:
    if (
        context.slow is None
        or command.loops
        or not command.attached
        or context.slow.runs.p50 < context.preferences.limit
    ):
        return None
    subject, runs = context.slow
    limit = duration(context.preferences.limit)
    return hit_at(command, f"{subject} {took(runs)}, longer than the time limit of the call ({limit})")


def check_near_limit(command: Command, context: RuleContext) -> Hit | None:
    if (
        context.slow is None
        or command.loops
        or not command.attached
        or context.slow.runs.p50 >= context.preferences.limit
    ):
        return None
    subject, runs = context.slow
    limit = duration(context.preferences.limit)
    return hit_at(command, f"{subject} {took(runs)}, near the time limit of the call ({limit})")


def check_slow_in_loop(command: Command, context: RuleContext) -> Hit | None:
    if context.slow is None or not command.loops or command.detached:
        return None
    return hit_at(command.loops[0], f"each iteration of the loop {took(context.slow.runs)}")


def took(runs: Estimate) -> str:
    """Earlier runs for a message: "took 4m the last time", "usually takes 4m, and up to 6m (5 runs)"."""
    if runs.runs == 1:
        return f"took {duration(runs.p50)} the last time"
    low, high = duration(runs.p50), duration(runs.p90)
    return f"usually takes {low}{'' if low == high else f', and up to {high}'} ({runs.runs} runs)"


WHY = "A command whose last runs took minutes will take minutes again; the durations are from this host."

RULES = (
    Rule(
        id="PQ701",
        name="slow-before",
        what="Looks for commands whose last runs on this host took longer than the call's time limit (120 s unless it says so).",
        why=WHY,
        instead="Queue the line as one job.",
        anchors=(),
        confidence="high",
        rewrite=True,
        attended=True,
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
        attended=True,
        check=check_slow_in_loop,
        bad=(),
        good=("for y in 2023 2024; do echo $y; done",),
    ),
    Rule(
        id="PQ703",
        name="near-the-limit",
        what="Looks for commands of whose last runs on this host a tenth took more than half of the call's time limit (evidence.long in the configuration: 60 s of 120).",
        why="A call that reaches its time limit is ended, or moved to the background and ended there.",
        instead="Give the call a longer timeout, or queue the line as one job.",
        anchors=(),
        confidence="medium",
        rewrite=False,
        check=check_near_limit,
        bad=(),
        good=("./build-report --year 2024",),
    ),
)
