"""What rules take beside Commands, and what they give: a user's preferences, and Findings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.literals import Confidence, Size


class Program(NamedTuple):
    """What a user says of a program: with all of `arguments` among its words it is long or quick, for a reason.

    `sure` is false where it is not the user who says it, but a project: then a finding is of medium confidence at most.
    """

    program: str
    arguments: tuple[str, ...]
    size: Size
    why: str
    sure: bool = True


class Preferences(NamedTuple):
    """What is configured and remembered of how commands are judged.

    `rules` maps rule IDs to off, medium or advice. `durations` maps the shape of a command to the seconds of its last
    runs, the latest last; from `long` seconds on a run is long.
    """

    rules: Mapping[str, str] = MappingProxyType({})
    programs: tuple[Program, ...] = ()
    durations: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    long: float = 30


class Finding(NamedTuple):
    """What a rule says about a span. `rule` is its ID; `rewrite`: whether the plan may act on it."""

    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int
    rewrite: bool = True
