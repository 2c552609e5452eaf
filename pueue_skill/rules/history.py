"""What earlier runs say about a command: its shapes and the seconds of their runs in, an Estimate out."""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.startup.record import NamedTuple

ENOUGH_RUNS = 2
"""Runs of a shape from which it is preferred to a more general one."""

FADING = 0.8
"""The weight of a run relative to the one after it."""


NEVER = float("inf")


class Estimate(NamedTuple):
    """How long a command takes, in seconds: the median and the 90th percentile of `runs` runs, recent ones weighing more.

    `ceiling` is that percentile if runs that were cut short never ended: below it, the command ends.
    """

    p50: float
    p90: float
    runs: int
    shape: str
    ceiling: float


def estimate(shapes: tuple[str, ...], durations: Mapping[str, tuple[float, ...]]) -> Estimate | None:
    """The estimate by the most specific of `shapes` with enough runs, else by the run of the same words; None without either.

    `durations` has the seconds of the runs of each shape, the latest last; negative if the run was cut short after that time.
    """
    known = [name for name in shapes if durations.get(name)]
    if not known:
        return None
    name = next((name for name in known if len(durations[name]) >= ENOUGH_RUNS), known[0] if "#" in known[0] else "")
    return summary(durations[name], name) if name else None


def summary(runs: tuple[float, ...], shape: str = "") -> Estimate:
    """The estimate by at least one run, the latest last."""
    seconds = tuple(map(abs, runs))
    ceiling = quantile(tuple([run if run >= 0 else NEVER for run in runs]), 0.9)
    return Estimate(quantile(seconds, 0.5), quantile(seconds, 0.9), len(runs), shape, ceiling)


def quantile(runs: tuple[float, ...], share: float) -> float:
    """The shortest run that `share` of the weight of all runs does not exceed."""
    weighted = sorted([(seconds, FADING ** (len(runs) - 1 - i)) for i, seconds in enumerate(runs)])
    wanted = share * sum([weight for _, weight in weighted])
    for seconds, weight in weighted:
        wanted -= weight
        if wanted <= 1e-9:
            return seconds
    return weighted[-1][0]
