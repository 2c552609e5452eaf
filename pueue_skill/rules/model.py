"""The other input of rules, a user's preferences, and their output, Findings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pueue_skill.rules.literals import Confidence, Size


class Program(NamedTuple):
    """A configured program: with all of `arguments` among its words it has this size, with the reason `why`.

    `sure` is false if a project configures it and not the user: its findings have medium confidence at most. `source` names the
    file and the entry.
    """

    program: str
    arguments: tuple[str, ...]
    size: Size
    why: str
    sure: bool = True
    source: str = ""


LONG_S = 60.0
"""The duration from which a run is long, unless the configuration says otherwise."""


CALL_LIMIT_S = 120.0
"""The time limit of a call that sets none, in seconds, as in Claude Code."""


class Preferences(NamedTuple):
    """The user's configuration, and facts about the call: the run history, its folder, project and time limit.

    `rules` maps rule IDs to off, medium or advice. `durations` maps the shape of a command to the seconds of its last
    runs, the latest last. A run of `limit` seconds does not fit into the call; one of `long` seconds comes near the
    limit CALL_LIMIT_S, and proportionally to another one. `tools` has the entries of the user's tool files, by program, as in rules.known.
    """

    rules: Mapping[str, str] = MappingProxyType({})
    programs: tuple[Program, ...] = ()
    durations: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    long: float = LONG_S
    limit: float = CALL_LIMIT_S
    folder: str = ""
    project: str = ""
    tools: Mapping[str, tuple[Any, ...]] = MappingProxyType({})


NO_PREFERENCES = Preferences()


class Weight(NamedTuple):
    """How long a command takes: long, quick or unknown; a server (`server`) and a wait for something else (`wait`) run for as
    long as they are needed and belong in no queue slot.

    `why` completes "this is …". `sure` is false if only a project's configuration says so. `confidence` limits that of findings.
    `source` is the file and line, or the entry, that decided; empty for what is decided in code.
    """

    size: Size | Literal["unknown"]
    why: str
    sure: bool = True
    confidence: Confidence = "high"
    source: str = ""


class Finding(NamedTuple):
    """The result of a rule for a span. `rule` is its ID; `rewrite`: the plan may act on it."""

    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int
    rewrite: bool = True
