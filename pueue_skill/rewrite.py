"""A proposed command replaced by its job: an event and its analysis in, a Reply with the new command out, or None.

The client checks its permissions against the new text only. So nothing is rewritten that the user's rules deny or ask about,
nor where they cannot be known, nor where the rewritten text would be allowed and the original not (permissions.py).
"""

from __future__ import annotations

from pueue_skill import permissions, quote
from pueue_skill.agents import Event, Reply
from pueue_skill.analysis import Analysis
from pueue_skill.answers import SHOWN, program, said
from pueue_skill.backends import invocation
from pueue_skill.model import LOCAL
from pueue_skill.settings import Settings


def rewritten(event: Event, analysis: Analysis, settings: Settings) -> Reply | None:
    plan = analysis.plan
    text = invocation(plan)
    if event.agent != "claude" or not text or len(text) > SHOWN:
        return None
    jobs = plan.jobs
    one_here = len(jobs) == 1 and jobs[0].host == LOCAL and not jobs[0].each
    if one_here:
        # It waits a while, so that the output of a short job is there at once, and the store knows of the job. The job is the whole
        # line, so nothing that follows depends on its exit code.
        job = jobs[0]
        said_of_it = [("--group", job.group), ("--label", job.label), ("--cwd", job.cwd)]
        options = "".join([f" {option}={quote.word(value)}" for option, value in said_of_it if value])
        text = f"{program()} run --or-detach{options} -- {quote.word(job.command)}\n"
    if permissions.obstacle(event, analysis, text):
        return None
    if plan.in_place is not None:
        done = "its ssh runs the remote command as a job of the queue there, waits, and gives output and exit status"
    elif one_here:
        done = "it is a job of the queue now; its output is given if it ends soon, else how to follow it"
    elif len(jobs) == 1 and not jobs[0].each:
        done = f"it is a job of the queue of {jobs[0].host} now, and its id was printed"
    else:
        done = f"it is {'a job a turn' if any(job.each for job in jobs) else f'{len(jobs)} jobs'} in the queue now; the ids were printed"
    context = (
        f"pueue-skill: the command was rewritten: {done}. It was run as\n```bash\n{text}```\nbecause\n{said(analysis)}\n"
        "When a job ends, you are told. `# pueue: skip` at the end of a command keeps it as it is.\n"
    )
    return Reply(context=context, command=text.rstrip("\n"))
