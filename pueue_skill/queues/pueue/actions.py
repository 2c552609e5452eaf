"""Acts on tasks of pueue 4: what is to be done with which tasks to one sh script, and what that prints to what became of them.

pueue uses ids again and its exit codes say little, so sh/act.sh looks at the queue before it acts, and again afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.queues.actions import CANNOT, Action
from pueue_skill.queues.protocol import Looked
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.shell.model import Host

__all__ = ["CANNOT", "OF_GROUPS", "act_script", "read_acts"]

OF_GROUPS = ("kill", "pause", "start")
"""The verbs that pueue knows for a whole group too: those that set it paused or running."""


def act_script(host: Host, acts: Sequence[Action], group: str = "", verb: str = "") -> str:
    """A sh script that does what `acts` say, and answers for read_acts. With `group` that is what `verb` does to the whole group."""
    wanted = [
        f"want {act.call} {int(act.state.id)} {act.state.created} {act.state.status.capitalize()} {act.state.key or '-'} "
        + ",".join(act.with_)
        for act in acts
    ]
    return script(
        "queues/pueue/act",
        PQ_PUEUE=host.pueue or "",
        PQ_WANTED="\n".join(wanted),
        PQ_CALLS=" ".join(dict.fromkeys([act.call for act in acts])),
        PQ_GROUP=group,
        PQ_VERB=verb if group else "",
    )


def read_acts(answer: str) -> Looked:
    """What an act script answered. Raises ValueError when it is no answer."""
    *survivors, files, before, after = whole_reply(answer).removesuffix("\n").split("\n")
    pids = [line.split() for line in survivors]
    return Looked(read_queue(before), read_queue(after), {key: pid for _, pid, key in pids}, int(files.split()[1]))
