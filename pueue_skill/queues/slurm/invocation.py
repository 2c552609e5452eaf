"""What a person or an agent can paste to submit jobs to Slurm: Jobs in, bash text out, and back."""

from __future__ import annotations

from pueue_skill.plan.model import Job
from pueue_skill.queues.scripts import (
    by_host,
)
from pueue_skill.queues.slurm.site import FOLDER, path_before
from pueue_skill.queues.slurm.state import COMMENT
from pueue_skill.queues.slurm.submit import put, script_of, shown, words_of
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

CLUSTER = f"""pq_data="{FOLDER}/$(scontrol show config | sed -n 's/^ClusterName *= *//p')"
mkdir -p "$pq_data/jobs" && chmod 700 "$pq_data" || exit
"""


# The folder by the name that the shell had for it, unless the node has none of that name.
HERE = """$PWD
[ "$(pwd -P)" = "$SLURM_SUBMIT_DIR" ] || pq_folder=$SLURM_SUBMIT_DIR"""


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """bash text that queues `jobs` on `host` with sbatch and prints an id a line. Raises ValueError when it cannot be text."""
    text = CLUSTER + (f"PATH={path_before(host)}\n" if host.path else "")
    needed = {key for job in jobs for key in job.after}
    ids: dict[str, str] = {}
    limits = dict(host.groups)
    for job in jobs:
        if job.each:
            raise ValueError("the turns of a loop that only the shell knows are no jobs of Slurm yet")
        script, files = script_of(job)
        text += "".join([put(name, content) for name, content in files.items()])
        words = words_of(job, host, job.label or job.key)
        words[2] = f"--chdir={quote.path(job.cwd)}" if job.cwd else '--chdir="$PWD"'
        if job.cwd and job.cwd.startswith("~/"):
            words[2] = f"--chdir={quote.path(job.cwd)}".replace("~/", '"$HOME"/', 1)
        words.append(f"--comment={quote.word(f'{COMMENT}{job.key}')}")
        after = [f"{'afterany' if job.if_failed else 'afterok'}:${ids[key]}" for key in job.after]
        limit = limits.get(job.group or "default", 0)
        if limit:
            lane = int(digest(job.key.encode(), 8), 16) % limit + 1
            words[1] = f"--job-name={quote.word(shown(job.group or 'default'))}.{lane}"
            after.append("singleton")
        if after:
            words.append(f"--dependency={','.join(after)}")
        line = " ".join(["sbatch --parsable", *[word for word in words[1:] if word]])
        folder = HERE
        if job.cwd:  # one that is relative has been entered by sbatch
            folder = quote.path(job.cwd) if job.cwd.startswith(("/", "~")) else "$(pwd -P)"
        body = f"#!/bin/sh\npq_token={job.key} pq_folder={folder}\n{script}"
        if job.key in needed:
            name = ids[job.key] = f"pq_id{len(ids) + 1}"
            text += quote.heredoc(f"{name}=$({line}", body).rstrip("\n") + f'\n) && echo "${name}" || exit\n'
        else:
            text += quote.heredoc(line, body)
    return quote.heredoc(f"ssh {host.ssh} 'sh -s'", text) if host.ssh else f"(\n{text})\n"


COMMENTED = regex(r"^.*\bsbatch .*--comment='pueue-skill ([A-Za-z0-9:_.@+-]+)'.*$")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """The jobs that an invocation in `text` queues: the ssh words of their host, their key, and the line that submits each."""
    return [(ssh, submits[1], line.strip()) for ssh, line in by_host(text) if (submits := COMMENTED.match(line))]
