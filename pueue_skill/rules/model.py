"""The other input of rules, a user's preferences, and their output, Findings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.literals import Confidence, Size


class Program(NamedTuple):
    """A configured program: with all of `arguments` among its words it is long or quick, with the reason `why`.

    `sure` is false if a project configures it and not the user: its findings have medium confidence at most.
    """

    program: str
    arguments: tuple[str, ...]
    size: Size
    why: str
    sure: bool = True


class Preferences(NamedTuple):
    """The user's configuration and run history, as far as rules use them.

    `rules` maps rule IDs to off, medium or advice. `durations` maps the shape of a command to the seconds of its last
    runs, the latest last. A run of at least `long` seconds is long.
    """

    rules: Mapping[str, str] = MappingProxyType({})
    programs: tuple[Program, ...] = ()
    durations: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    long: float = 30


class Finding(NamedTuple):
    """The result of a rule for a span. `rule` is its ID; `rewrite`: the plan may act on it."""

    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int
    rewrite: bool = True
