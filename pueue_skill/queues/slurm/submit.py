"""Submits single jobs: a Job in, a sh script that calls sbatch out; the answer of that script in, a Submission out.

A job is a script that sbatch reads from stdin. It changes to the job's folder, runs the work by bash or the login shell, and records the
outcome. `invocation` makes a variant to paste, which needs only bash, ssh and sbatch.
"""

from __future__ import annotations

import base64
import json
import re

from pueue_skill.plan.model import Job, Needs
from pueue_skill.queues.model import Submission
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import MAX_ARG_BYTES, SPELLED, check_key, differences, encoded_files, whole_reply
from pueue_skill.queues.slurm.site import path_of
from pueue_skill.queues.slurm.state import decoded, id_of, parse_snapshot
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest

EXISTING = "pueue-skill there before"
"""The line before the folder and environment of this submission, and before the environment of the existing job."""


def work_of(job: Job) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the inputs of the script that runs `job` (sh/work.sh), and the files that it needs in jobs/, by name.

    Raises ValueError if the key cannot name a file, or if the command contains NUL.
    """
    check_key(job.key)
    inputs = {
        "PQ_KEY": job.key, "PQ_SHELL": "login" if job.shell == "login" else "bash", "PQ_WORK": work_text(job), "PQ_FILE": "",
        "PQ_STDIN": "1" if job.stdin else "", "PQ_NICE": str(job.nice or ""),
    }  # fmt: skip
    if inputs["PQ_WORK"] or not job.command:
        return inputs, {}
    content = job.command.encode("utf-8", "surrogateescape")
    return inputs | {"PQ_FILE": digest(content, 32)}, {digest(content, 32): content}


def work_text(job: Job) -> str:
    """Return the text for the -c option of the job's shell; empty if the work must be a file. Raises ValueError for NUL."""
    # sbatch refuses scripts with a carriage return.
    plain = "\r" not in job.command and not any("\udc80" <= char <= "\udcff" for char in job.command)
    text = job.command if plain else SPELLED + quote.ansi_c(job.command) if job.shell != "login" else ""
    return text if len(quote.word(text).encode()) <= MAX_ARG_BYTES else ""


def script_of(job: Job) -> tuple[str, dict[str, bytes]]:
    """Return the script of a job without its first lines, and the files that it needs in jobs/, by name. Raises ValueError."""
    inputs, files = work_of(job)
    return script("queues/slurm/work", **inputs), files


def sbatch_words(job: Job, host: Host, name: str) -> list[str]:
    """Return the options of sbatch(1) for `job`, except for its folder, environment and output."""
    # No job is requeued automatically, and a job whose dependency failed does not stay pending forever.
    words = [f"--job-name={displayed(name)}", "--no-requeue", "--kill-on-invalid-dep=yes", *resources(job.needs)]
    if job.priority < 0:
        words.append(f"--nice={-100 * job.priority}")
    return [*words, *host.options]


def resources(needs: Needs) -> list[str]:
    """Return the options of sbatch(1) for `needs`; memory is rounded up to MiB, time to minutes."""
    words = []
    if needs.cpus:
        words.append(f"--cpus-per-task={needs.cpus}")
    if needs.memory:
        words.append(f"--mem={-(-needs.memory // 2**20)}M")
    if needs.gpus:
        words.append(f"--gpus={needs.gpus}")
    if needs.seconds:
        words.append(
            f"--time={-(-int(needs.seconds) // 60) + 1}"
        )  # a minute more, so that timeout(1) in the job is first
    return words


def displayed(name: str) -> str:
    """Return `name` as squeue and sacct can display it."""
    return re.sub(r"[^\w.:@+=, -]", "_", name)[:60] or "job"


def metadata_of(job: Job, limit: int) -> str:
    """Return the properties of a job that Slurm does not store, for the journal, as JSON in base64."""
    command = job.command.encode("utf-8", "replace").decode()
    short = command if len(command) <= 4000 else command[:4000] + "…"
    metadata = {"group": job.group or "default", "label": job.label, "command": short, "work": digest(definition(job), 16),
                "split": job.split_output, "limit": limit}  # fmt: skip
    return encoded(json.dumps(metadata).encode())


def definition(job: Job) -> bytes:
    """Return what makes a job another job: its shell, its command, and whether it has an input."""
    shell = "bash" if job.shell == "nested" else job.shell
    return "\0".join([shell, job.command, "stdin" if job.stdin else ""]).encode("utf-8", "surrogateescape")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def submit_script(job: Job, host: Host) -> str:
    limit = dict(host.groups).get(job.group or "default", 0)
    work, files = script_of(job)
    return script(
        "queues/slurm/submit",
        *sbatch_words(job, host, job.label or job.key),
        PQ_PATH=path_of(host),
        PQ_KEY=job.key,
        PQ_CWD=job.cwd or "",
        PQ_SCRIPT=work,
        PQ_FILES=encoded_files(files),
        PQ_METADATA=metadata_of(job, limit),
        PQ_APART="1" if job.split_output else "",
        PQ_STDIN="1" if job.stdin else "",
        PQ_AFTER=" ".join(map(id_of, job.after)),
        PQ_AFTER_KIND="afterany" if job.if_failed else "afterok",
        PQ_LANES=f"{limit} {displayed(job.group or 'default')}" if limit else "",
    )


def read_submission(answer: str, job: Job) -> Submission:
    """Return the result of a submit script (sh/submit.sh). Raises ValueError if there is no answer or it was cut off."""
    first, _, body = whole_reply(answer).partition("\n")
    known, status, id = first.split(" ")
    records, *more = body.split(EXISTING + "\n")
    snapshot = parse_snapshot(records)
    state = next((state for state in snapshot.queue.states if state.id == id), None)
    group = next((group for group in snapshot.queue.groups if state and group.name == state.group), None)
    if known == "none":
        return Submission(None, False, f"sbatch failed with exit code {status}", group)
    if state is None or (known == "old" and len(more) != 2):
        raise ValueError("the answer was cut off")
    differs: tuple[str, ...] = ()
    if id in snapshot.digests:  # jobs of an invocation are not in the journal
        folder, _, environment = more[0].partition("\n") if more else ("", "", "")
        before = dict([line.split("=", 1) for line in more[1].split("\n") if "=" in line]) if more else {}
        differs = differences(job, state, decoded(folder), environment, before) if more else ()
        if snapshot.digests[id] != digest(definition(job), 16):
            differs = ("runs another command", *differs)
        if status == "other":
            differs = ("reads another input", *differs)
    return Submission(state, known == "new", "", group, differs)
