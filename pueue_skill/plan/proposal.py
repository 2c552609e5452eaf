"""The input and output of the plan's rows: a Proposal in, the Work of one or more jobs out, or NotQueueable.

The rows are the modules of this package in the order of planner.ROWS; each returns None for a text of another form. A
row that finds a simpler proposal inside (the command in ssh, the work after nohup) asks for the work of that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pueue_skill.plan.work import Work as Work
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
    """A script, and the host and shell that would run it. `flagged` are the spans of findings, set only for the
    outermost script.

    `spread`: its loops may become one job per iteration. `fed`: its stdin is connected. `program`: the command that
    calls pueue-skill in this shell. `explicit`: the user queues the text with `run`, so everything that it prints belongs
    to it, except after nohup or setsid.
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
    explicit: bool = False

    def inner(self, text: str, here: Host | None = None, shell: Shell | None = None) -> Proposal:
        """The proposal of another text, contained in this one. Raises NotQueueable if it cannot be parsed."""
        script = parse(text)
        if isinstance(script, Unparsed):
            raise NotQueueable(f"`{first_line(text)}` cannot be parsed: {script.reason}")
        return self._replace(
            script=script, commands=commands_of(script), here=here or self.here, shell=shell or self.shell, flagged=()
        )


Works: TypeAlias = "Callable[[Proposal], list[Work]]"
"""The work of a proposal, from the first row that applies. Raises NotQueueable."""


def command_at(proposal: Proposal, node: Node) -> Command | None:
    """The Command that is `node` itself, not one that another program carries; None without one."""
    if not isinstance(node, Simple) or not node.words:
        return None
    for command in proposal.commands:
        if "substitution" in command.inside:
            continue  # inside the node's words
        if not command.via and command.words and node.words[0].start <= command.words[0].start < node.end:
            return command
    return None


def first_line(text: str) -> str:
    """The first line of `text`, at most 40 characters."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 40 else line[:37] + "..."
