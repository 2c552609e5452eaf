"""What the rows of the plan take and give: a Proposal in, the Work of one or more jobs out, or a Refusal.

The rows are the modules beside this one, in the order of ROWS in the package; each answers None for what is not its own.
A row that finds a simpler proposal inside (what ssh carries, what nohup detaches) asks for the work in that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pueue_skill.plan.model import Each
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.model import Command, Host
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Node, Script, Simple, Unparsed
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.plan.literals import Shell


class Proposal(NamedTuple):
    """A script, where it would run, and by which shell. `flagged` are the spans of findings, of the outermost script only.

    `spread`: whether loops in it may become a job a turn. `fed`: whether something is on its standard input. `program`: how this
    shell calls pueue-skill.
    """

    script: Script
    commands: tuple[Command, ...]
    hosts: Mapping[str, Host]
    here: Host
    shell: Shell = "bash"
    spread: bool = False
    flagged: tuple[tuple[int, int], ...] = ()
    fed: bool = False
    program: str = "pueue-skill"

    def inner(self, text: str, here: Host | None = None, shell: Shell | None = None) -> Proposal:
        """The proposal of another text, which this one holds. Raises Refusal when it cannot be read."""
        script = parse(text)
        if isinstance(script, Unparsed):
            raise NotQueueable(f"`{first_line(text)}` is not understood: {script.reason}")
        return self._replace(
            script=script, commands=commands_of(script), here=here or self.here, shell=shell or self.shell, flagged=()
        )


class Work(NamedTuple):
    """Text for one job. `after` are the places of other Works in the same list; `note` says what was not done, and why."""

    host: Host
    text: str
    shell: Shell = "bash"
    group: str | None = None
    label: str | None = None
    cwd: str | None = None
    after: tuple[int, ...] = ()
    if_failed: bool = False
    each: Each | None = None
    note: str = ""


Works: TypeAlias = "Callable[[Proposal], list[Work]]"
"""The work in a proposal, by whichever row it belongs to. Raises Refusal."""


def command_at(proposal: Proposal, node: Node) -> Command | None:
    """The Command of a simple command that stands in the text itself, its wrappers not peeled by another program."""
    if not isinstance(node, Simple) or not node.words:
        return None
    for command in proposal.commands:
        if "substitution" in command.inside:
            continue  # that is in its words
        if not command.via and command.words and node.words[0].start <= command.words[0].start < node.end:
            return command
    return None


def first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 40 else line[:37] + "..."
