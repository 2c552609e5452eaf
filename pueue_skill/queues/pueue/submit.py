"""The submission of a job to pueue 4: a Job to a sh script, and its answer to a Submission.

pueue's exit codes are not believed: an `add` that failed may have added, so the queue is asked by key before and after.
"""

from __future__ import annotations

import base64
import json

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import Submission
from pueue_skill.queues.pueue.invocation import PUT, bare_text, client, put
from pueue_skill.queues.pueue.site import head, path_before
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.queues.pueue.task import (
    FOLDER,
    add_arguments,
    task,
)
from pueue_skill.queues.scripts import (
    ADDS,
    ENVIRONMENT,
    KNOWN,
    LOCK,
    REPLY,
    TAKE,
    differences,
    reply,
)
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

# Where a job of that key is there, it has to read the same.
FED = r"""pq_part="{input}.$$"
(umask 077 && mkdir -p "{folder}") && take "$pq_part"
pq_fed=$?
"""
KEEP = r"""[ "$pq_fed" = 0 ] && mv "$pq_part" "{input}" || exit 74
"""
SAME = r"""    if [ "$pq_fed" = 0 ] && ! cmp -s "$pq_part" "{input}"; then pq_status=other; fi
"""
SUBMIT = r"""{{
{lock}known() {{ ask status --json {query}; }}
pq_before=$(known) || exit 69
pq_status=0 pq_folder= pq_environment=
case $pq_before in
  *'"tasks":{{}}'*)
{files}    if [ "$pq_status" = 0 ]; then
      echo '{adds}'
      {client} {add} </dev/null >/dev/null || pq_status=$?
    fi
    exec 9>&-
    pq_after=$(known) ;;
  *)
{same}    exec 9>&-
    pq_after=$pq_before
    pq_folder=$(cd -- {folder} 2>/dev/null && pwd -P) || pq_folder={folder}
    pq_environment=$({awk} {environment} </dev/null) ;;
esac
pq_folder=$(printf %s "$pq_folder" | base64 | tr -d '\n')
printf '%s\n%s\n%s\n%s\n%s\n%s\n' '{reply}' "$pq_status" "$pq_before" "$pq_after" "$pq_folder" "$pq_environment"
}}
"""


def submit_script(job: Job, host: Host) -> str:
    text, files = task(job)
    where = {"input": f"{FOLDER}/{job.key}.in", "folder": FOLDER}
    keep = [KEEP.format(**where).rstrip("\n")] if job.stdin else []
    lines = [*folder_for(job), *keep, *map(put, files, files.values())]
    inherits = not host.ssh or job.shell == "bash"
    return (
        head(host)
        + (f"PATH={path_before(host)}\n" if host.path else "")
        + ("export SHLVL=1\n" if host.ssh and inherits else "" if inherits else bare_text(host, KNOWN))
        + (PUT if files else "")
        + (TAKE.format(key=job.key) + FED.format(**where) if job.stdin else "")
        + SUBMIT.format(
            same=SAME.format(**where) if job.stdin else "",
            lock=LOCK,
            adds=ADDS,
            query=quote.word(f"command%=env PUEUE_SKILL_KEY={job.key} "),
            files="\n".join(["(", *lines, ") || pq_status=$?", ""]) if lines else "",
            client=client(job, host, '"$pq_pueue"'),
            add=add_arguments(job, quote.text(text)),
            folder=quote.path(job.cwd) if job.cwd else ".",
            awk=client(job, host, "awk"),
            environment=ENVIRONMENT,
            reply=REPLY,
        )
    )


def folder_for(job: Job) -> list[str]:
    """sh text that makes the folder that a job writes to, without what an earlier job of the same key wrote there."""
    file = f'"{FOLDER}/{job.key}.err"'
    return [f'(umask 077 && mkdir -p "{FOLDER}" && rm -f {file}) || exit 74'] if job.split_output else []


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    lines = reply(answer).split("\n")  # not splitlines: text may hold other ends of lines
    if len(lines) < 5:
        raise ValueError("the answer was cut off")
    before, after = read_queue(lines[1]), read_queue(lines[2])
    there = [state for state in after.states if state.key == job.key]
    group = next((group for group in after.groups if group.name == (job.group or "default")), None)
    if not there:
        return Submission(None, False, f"pueue add failed with exit code {lines[0]}", group)
    was = {(state.id, state.created) for state in before.states if state.key == job.key}
    state = max(there, key=lambda state: state.created)
    if (state.id, state.created) not in was:
        return Submission(state, True, "", group)
    entry = json.loads(lines[2])["tasks"][state.id]
    folder = base64.b64decode(lines[3]).decode("utf-8", "surrogateescape")
    differs = differences(job, state, folder, "\n".join(lines[4:]), entry["envs"])
    if entry["command"] != task(job)[0]:
        differs = ("runs another command", *differs)
    if lines[0] == "other":
        differs = ("reads another input", *differs)
    return Submission(state, False, "", group, differs)
