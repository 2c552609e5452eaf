"""Actions on Slurm jobs: Actions in, one sh script that carries them out; its answer in, the queue before and after out.

Slurm itself checks the state of each job: scancel is given the state in which the job was selected, hold and release apply only to
pending jobs, and ended jobs do not change. A restart submits the files of the job again under the same key, unless that key has a newer
job; `scontrol requeue` would only work for jobs that Slurm has not forgotten. The script holds the lock of submissions.
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
    "pause": "Slurm lets only operators suspend running jobs; kill it, or let it end",
})  # fmt: skip
CALLS = ("kill", "cancel", "stash", "enqueue", "remove")
"""The calls for which sh/act.sh needs only the ids of the jobs."""
GROUP_VERBS: tuple[str, ...] = ()
"""Slurm cannot pause groups: a verb on a group applies to its jobs."""


def action_script(host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
    """Return a sh script that carries out `actions`, for read_actions."""
    ids: dict[str, list[str]] = {}
    for action in actions:
        call = "cancel" if action.call == "withdraw" else action.call
        ids.setdefault(call, []).append(id_of(action.state.id))
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
    """Return the queue before and after the actions. Raises ValueError if there is no answer or it was cut off."""
    files, _, records = whole_reply(answer).partition("\n")
    before, separator, after = records.partition("\nAFTER\n")
    if not separator:
        raise ValueError("the answer was cut off")
    return ActionReply(parse_snapshot(before).queue, parse_snapshot(after).queue, {}, int(files.split()[1]))
