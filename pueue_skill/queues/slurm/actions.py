"""Acts on jobs of Slurm: what is to be done with which jobs to one sh script, and what that prints to what became of them.

Slurm itself looks before it actions: scancel is given the state in which a job was chosen, hold and release concern only what waits, and
what has ended stays ended. A restart is a submission of the same files under the same key, unless there is a newer one: Slurm's own
requeue is for what it still knows. It holds the lock of submissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from pueue_skill.queues.actions import Action
from pueue_skill.queues.protocol import ActionReply
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.queues.slurm.site import path_of
from pueue_skill.queues.slurm.state import id_of, parse_snapshot
from pueue_skill.shell.model import Host

UNSUPPORTED = MappingProxyType({
    "pause": "Slurm suspends what runs for its operators only; kill it, or let it end",
})  # fmt: skip
CALLS = ("kill", "cancel", "stash", "enqueue", "remove")
"""What sh/action.sh does with jobs that it is given by their ids alone."""
GROUP_VERBS: tuple[str, ...] = ()
"""Slurm has no groups that could be paused: what is meant by one are its jobs."""


def action_script(host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
    """A sh script that does what `actions` say, and answers for read_actions."""
    ids: dict[str, list[str]] = {}
    for action in actions:
        ids.setdefault("cancel" if action.call == "withdraw" else action.call, []).append(id_of(action.state.id))
    restarts = [
        " ".join(map(id_of, [action.state.id, *action.state.after])) for action in actions if action.call == "restart"
    ]
    return script(
        "queues/slurm/act",
        PQ_PATH=path_of(host),
        PQ_RESTART="\n".join(restarts),
        **{f"PQ_{call.upper()}": " ".join(ids.get(call, [])) for call in CALLS},
    )


def read_actions(answer: str) -> ActionReply:
    """What an act script answered. Raises ValueError when it is no answer."""
    files, _, rest = whole_reply(answer).partition("\n")
    before, found, after = rest.partition("\nAFTER\n")
    if not found:
        raise ValueError("the answer was cut off")
    return ActionReply(parse_snapshot(before).queue, parse_snapshot(after).queue, {}, int(files.split()[1]))
