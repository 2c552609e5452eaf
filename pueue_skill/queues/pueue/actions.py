"""Acts on tasks of pueue 4: what is to be done with which tasks to one sh script, and what that prints to what became of them.

pueue uses ids again and its exit codes say little, so sh/act.sh looks at the queue before it acts, and again afterwards.
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
"""The verbs that pueue knows for a whole group too: those that set it paused or running."""


def action_script(host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
    """A sh script that does what `actions` say, and answers for read_actions. With `group` that is what `verb` does to the whole group."""
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
    """What an act script answered. Raises ValueError when it is no answer."""
    *survivors, files, before, after = whole_reply(answer).removesuffix("\n").split("\n")
    pids = [line.split() for line in survivors]
    return ActionReply(read_queue(before), read_queue(after), {key: pid for _, pid, key in pids}, int(files.split()[1]))
