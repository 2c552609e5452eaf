"""The kinds of queue, each a module that meets the Protocol Backend: Job -> shell text, a queue's answers -> State.

All of it is pure text: the scripts that a backend gives are run by transport (sh, the script on standard input, here or
on a host), what they print is handed back to the backend. A new kind of queue is a module and one line in BACKENDS.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.plan.model import Plan
from pueue_skill.queues.pueue import backend as pueue
from pueue_skill.queues.slurm import backend as slurm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.protocol import Backend

BACKENDS: Mapping[str, Backend] = {"pueue": pueue, "slurm": slurm}


def invocation(plan: Plan) -> str | None:
    """The shell text that submits `plan`, or takes its command's place; None where only advice is safe."""
    if plan.in_place is not None:
        return plan.in_place.rstrip("\n") + "\n"
    text = ""
    for host in plan.hosts:
        jobs = tuple([job for job in plan.jobs if job.host == host.name])
        try:
            text += BACKENDS[host.backend].invocation(jobs, host)
        except ValueError:
            return None
    return text or None
