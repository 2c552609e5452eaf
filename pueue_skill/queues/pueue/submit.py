"""The submission of a job to pueue 4: a Job in, a sh script out; its answer in, a Submission out.

An `add` that failed may have added the job nevertheless, so the script looks for the key in the queue before and after.
"""

from __future__ import annotations

import base64
import json

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import Submission
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.queues.pueue.task import add_arguments, task
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import differences, encoded_files, whole_reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host


def submit_script(job: Job, host: Host) -> str:
    """Return a sh script that adds `job` unless the queue has its key. Raises ValueError for a job that pueue cannot run."""
    text, files = task(job)
    limits = dict(host.groups)
    return script(
        "queues/pueue/submit",
        PQ_PUEUE=host.pueue or "",
        PQ_PATH=":".join(host.path),
        PQ_KEY=job.key,
        PQ_ADD=add_arguments(job, quote.word(text)),
        PQ_CWD=job.cwd or "",
        PQ_SHELL=job.shell if host.ssh else "inherited",
        PQ_FILES=encoded_files(files),
        PQ_GROUPS=f"{limits[job.group]} {job.group}" if job.group in limits else "",
        PQ_STDIN="1" if job.stdin else "",
        PQ_APART="1" if job.split_output else "",
    )


def read_submission(answer: str, job: Job) -> Submission:
    """Parse the answer of submit_script. Raises ValueError if it is incomplete."""
    lines = (
        whole_reply(answer).removesuffix("\n").split("\n")
    )  # not splitlines: values may contain other line separators
    before, after = read_queue(lines[1]), read_queue(lines[2])
    states = [state for state in after.states if state.key == job.key]
    group = next((group for group in after.groups if group.name == (job.group or "default")), None)
    if not states:
        return Submission(None, False, f"pueue add failed with exit code {lines[0]}", group)
    known = {(state.id, state.created) for state in before.states if state.key == job.key}
    state = max(states, key=lambda state: state.created)
    if (state.id, state.created) not in known:
        return Submission(state, True, "", group)
    entry = json.loads(lines[2])["tasks"][state.id]
    folder = base64.b64decode(lines[3]).decode("utf-8", "surrogateescape")
    differs = differences(job, state, folder, "\n".join(lines[4:]), entry["envs"])
    if entry["command"] != task(job)[0]:
        differs = ("runs another command", *differs)
    if lines[0] == "other":
        differs = ("reads another input", *differs)
    return Submission(state, False, "", group, differs)
