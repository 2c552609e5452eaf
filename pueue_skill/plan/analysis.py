"""The whole analysis in one call: a proposed text in, the result of every stage out."""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.plan.model import Plan
from pueue_skill.plan.planner import marker_of, plan
from pueue_skill.rules.data_programs import SIZED
from pueue_skill.rules.model import NO_PREFERENCES, Finding, Preferences
from pueue_skill.rules.registry import findings
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import LOCAL, Command, Host
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script, Unparsed
from pueue_skill.startup.record import NamedTuple


class Analysis(NamedTuple):
    """The result of each stage for one text."""

    script: Script | Unparsed
    commands: tuple[Command, ...]
    findings: tuple[Finding, ...]
    plan: Plan


TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.sizes import Measure


def analyse(
    text: str,
    hosts: Mapping[str, Host],
    target: str = LOCAL,
    cwd: str | None = None,
    preferences: Preferences = NO_PREFERENCES,
    group: str | None = None,
    program: str = "pueue-skill",
    measure: Measure | None = None,
) -> Analysis:
    """The analysis of `text`, proposed on this host. Local work goes to the host `target`, folder `cwd`, group
    `group`.

    `program` is the command that calls pueue-skill in the shell for which the text is meant. `measure` returns the sizes of files that
    the text names; without it, none is known.
    """
    script = parse(text)
    try:
        script_commands = commands(script) if isinstance(script, Script) else ()
    except RecursionError:
        script, script_commands = Unparsed(text, "its shells are nested too deeply"), ()
    if measure and any(command.name in SIZED for command in script_commands):
        from pueue_skill.rules.sizes import with_sizes

        script_commands = with_sizes(script_commands, measure)
    skipped = isinstance(script, Script) and marker_of(script) == "skip"
    rule_findings = () if skipped else findings(script_commands, hosts, preferences)
    return Analysis(
        script,
        script_commands,
        rule_findings,
        plan(script, script_commands, rule_findings, hosts, target, cwd, group, program, preferences),
    )
