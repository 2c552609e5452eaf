"""Text that a person or an agent can paste to submit jobs to Slurm: Jobs in, bash text out; such text in, its jobs out."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from pueue_skill.plan.model import Job
from pueue_skill.queues.script import functions, pasted
from pueue_skill.queues.scripts import lines_by_host
from pueue_skill.queues.slurm.state import COMMENT
from pueue_skill.queues.slurm.submit import displayed, sbatch_words, work_of
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

# The folder by the name that the shell used for it, if the node has a folder of that name.
HERE = """$PWD
[ "$(pwd -P)" = "$SLURM_SUBMIT_DIR" ] || pq_folder=$SLURM_SUBMIT_DIR"""


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """Return bash text that submits `jobs` to `host` with sbatch and prints one id per line.

    Raises ValueError for a job that is repeated by a shell loop, an unsuitable key, and NUL.
    """
    lines = [functions("queues/slurm/cluster")]
    if host.path:
        lines.append(f'PATH={":".join(map(quote.path, host.path))}:"$PATH"\n')
    works = {job.key: work_of(job) for job in jobs}
    files = {name: content for _, needed in works.values() for name, content in needed.items()}
    if files:
        lines.append(functions("queues/slurm/store"))
    lines += [stored_file(name, content) for name, content in files.items()]
    needed = {key for job in jobs for key in job.after}
    ids: dict[str, str] = {}
    for job in jobs:
        if job.each:
            raise ValueError("an invocation for Slurm cannot submit the iterations of a shell loop")
        line = " ".join(["sbatch --parsable", *pasted_words(job, host, ids)])
        body = f"#!/bin/sh\npq_token={job.key} pq_folder={folder_of(job)}\n{pasted('queues/slurm/work', **works[job.key][0])}"
        if job.key in needed:
            name = ids[job.key] = f"pq_id{len(ids) + 1}"
            lines.append(quote.heredoc(f"{name}=$({line}", body).rstrip("\n") + f'\n) && echo "${name}" || exit\n')
        else:
            lines.append(quote.heredoc(line, body))
    text = "".join(lines)
    return quote.heredoc(f"ssh {host.ssh} 'sh -s'", text) if host.ssh else f"(\n{text})\n"


def pasted_words(job: Job, host: Host, ids: Mapping[str, str]) -> list[str]:
    """Return the options of sbatch(1) for `job`, as sh source. `ids`: the variables with the ids of other jobs, by key."""
    name, *words = sbatch_words(job, host, job.label or job.key)
    limit = dict(host.groups).get(job.group or "default", 0)
    after = [f"{'afterany' if job.if_failed else 'afterok'}:${ids[key]}" for key in job.after]
    if limit:  # sh/lib/send.sh explains lanes
        lane = int(digest(job.key.encode(), 8), 16) % limit + 1
        name = f"--job-name={displayed(job.group or 'default')}.{lane}"
        after.append("singleton")
    folder = '"$PWD"'
    if job.cwd:
        folder = quote.path(job.cwd).replace("~/", '"$HOME"/', 1) if job.cwd.startswith("~/") else quote.path(job.cwd)
    return [
        quote.word(name),
        f"--chdir={folder}",
        "--export=ALL",
        '--output="$pq_data/jobs/%j.out"',
        *(['--error="$pq_data/jobs/%j.err"'] if job.split_output else []),
        *[quote.word(word) for word in words],
        f"--comment={quote.word(COMMENT + job.key)}",
        *([f"--dependency={','.join(after)}"] if after else []),
    ]


def folder_of(job: Job) -> str:
    """Return the folder of `job`, as sh source that runs in the job; sbatch has changed to a relative one."""
    if not job.cwd:
        return HERE
    return quote.path(job.cwd) if job.cwd.startswith(("/", "~")) else "$(pwd -P)"


def stored_file(name: str, content: bytes) -> str:
    """Return sh text that writes a file into jobs/."""
    written = quote.heredoc(f"store {name}", base64.encodebytes(content).decode())
    return written.replace("\n", " || exit 74\n", 1)


COMMENTED = regex(r"^.*\bsbatch .*--comment='pueue-skill ([A-Za-z0-9:_.@+-]+)'.*$")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """Return the jobs that an invocation in `text` submits, as (ssh words of the host, key, line that submits the job)."""
    return [(ssh, submits[1], line.strip()) for ssh, line in lines_by_host(text) if (submits := COMMENTED.match(line))]
