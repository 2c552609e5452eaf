"""Actions on jobs of pueue 4: actions in, one sh script out; its answer in, the queue before and after the actions out.

pueue reuses ids and its exit codes say little, so sh/act.sh reads the queue before it acts, and again afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.queues.actions import UNSUPPORTED, Action
from pueue_skill.queues.protocol import ActionReply
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.shell.model import Host

__all__ = ["GROUP_VERBS", "UNSUPPORTED", "action_script", "read_actions"]

GROUP_VERBS = ("kill", "pause", "start")
"""Verbs that pueue applies to a whole group too; they pause or start the group itself."""


def action_script(host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
    """Return a sh script that carries out `actions`, or with `group` applies `verb` to the whole group; read_actions parses its answer."""
    wanted = [
        f"want {action.call} {int(action.state.id)} {action.state.created} {action.state.status.capitalize()} {action.state.key or '-'} "
        + ",".join(action.requires)
        for action in actions
    ]
    return script(
        "queues/pueue/act",
        PQ_PUEUE=host.pueue or "",
        PQ_WANTED="\n".join(wanted),
        PQ_CALLS=" ".join(dict.fromkeys([action.call for action in actions])),
        PQ_GROUP=group,
        PQ_VERB=verb if group else "",
    )


def read_actions(answer: str) -> ActionReply:
    """Parse the answer of action_script. Raises ValueError if it is incomplete."""
    *survivors, files, before, after = whole_reply(answer).removesuffix("\n").split("\n")
    pids = [line.split() for line in survivors]
    return ActionReply(read_queue(before), read_queue(after), {key: pid for _, pid, key in pids}, int(files.split()[1]))
