"""Jobs in, sh scripts that submit them with sbatch out; what such a script answers in, a Submission out.

A job is a script that sbatch reads from standard input: it goes to its folder, has bash (or the login shell) run the work, and writes
down how that ended. `invocation` is the form of it that needs only bash, ssh and sbatch, and can be pasted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from pueue_skill.plan.model import Job, Needs
from pueue_skill.queues.model import Submission
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import MAX_ARG_BYTES, SPELLED, differences, whole_reply
from pueue_skill.queues.slurm.site import path_of
from pueue_skill.queues.slurm.state import decoded, id_of, parse_snapshot
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest

AGAIN = "pueue-skill there before"
"""The line before what a submission would have been, and before the environment of the job that was there."""


def work_of(job: Job) -> tuple[dict[str, str], dict[str, bytes]]:
    """The inputs of the script that runs `job` (sh/work.sh), and the files by name that it needs in jobs/. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9:_.@+-]{1,200}", job.key):  # it names a file
        raise ValueError(f"the key {job.key!r} may hold letters, digits and : _ . @ + - only, at most 200")
    inputs = {
        "PQ_KEY": job.key, "PQ_SHELL": "login" if job.shell == "login" else "bash", "PQ_WORK": work_text(job), "PQ_FILE": "",
        "PQ_STDIN": "1" if job.stdin else "", "PQ_NICE": str(job.nice or ""),
    }  # fmt: skip
    if inputs["PQ_WORK"] or not job.command:
        return inputs, {}
    content = job.command.encode("utf-8", "surrogateescape")
    return inputs | {"PQ_FILE": digest(content, 32)}, {digest(content, 32): content}


def work_text(job: Job) -> str:
    """What the job's shell is given with -c; empty where that cannot be, and the work lies in a file. Raises ValueError for NUL."""
    plain = "\r" not in job.command and not any(
        "\udc80" <= char <= "\udcff" for char in job.command
    )  # sbatch takes no CR
    text = job.command if plain else SPELLED + quote.ansi_c(job.command) if job.shell != "login" else ""
    return text if len(quote.word(text).encode()) <= MAX_ARG_BYTES else ""


def script_of(job: Job) -> tuple[str, dict[str, bytes]]:
    """The script of one job but for its first lines, and the files that it needs. Raises ValueError."""
    inputs, files = work_of(job)
    return script("queues/slurm/work", **inputs), files


def words_of(job: Job, host: Host, name: str) -> list[str]:
    """The words of sbatch for `job`, but for its folder, environment and output."""
    # Nothing runs twice by itself; what can never start does not wait for ever.
    words = [f"--job-name={shown(name)}", "--no-requeue", "--kill-on-invalid-dep=yes", *resources(job.needs)]
    if job.priority < 0:
        words.append(f"--nice={-100 * job.priority}")
    return [*words, *host.options]


def resources(needs: Needs) -> list[str]:
    words = []
    if needs.cpus:
        words.append(f"--cpus-per-task={needs.cpus}")
    if needs.memory:
        words.append(f"--mem={-(-needs.memory // 2**20)}M")
    if needs.gpus:
        words.append(f"--gpus={needs.gpus}")
    if needs.seconds:
        words.append(f"--time={-(-int(needs.seconds) // 60) + 1}")  # minutes; timeout(1) in the job comes first
    return words


def shown(name: str) -> str:
    """A name that Slurm's lists can hold."""
    return re.sub(r"[^\w.:@+=, -]", "_", name)[:60] or "job"


def metadata_of(job: Job, limit: int) -> str:
    """What Slurm has no place for, in base64."""
    command = job.command.encode("utf-8", "replace").decode()
    short = command if len(command) <= 4000 else command[:4000] + "…"
    said = {"group": job.group or "default", "label": job.label, "command": short, "work": digest(defined(job), 16),
            "split": job.split_output, "limit": limit}  # fmt: skip
    return encoded(json.dumps(said).encode())


def defined(job: Job) -> bytes:
    shell = "bash" if job.shell == "nested" else job.shell
    return "\0".join([shell, job.command, "stdin" if job.stdin else ""]).encode("utf-8", "surrogateescape")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def files_of(files: Mapping[str, bytes]) -> str:
    """Files for jobs/ as scripts take them: words by turns the name of one and its content in base64."""
    return " ".join([f"{name} {encoded(content)}" for name, content in files.items()])


def submit_script(job: Job, host: Host) -> str:
    limit = dict(host.groups).get(job.group or "default", 0)
    work, files = script_of(job)
    return script(
        "queues/slurm/submit",
        *words_of(job, host, job.label or job.key),
        PQ_PATH=path_of(host),
        PQ_KEY=job.key,
        PQ_CWD=job.cwd or "",
        PQ_SCRIPT=work,
        PQ_FILES=files_of(files),
        PQ_METADATA=metadata_of(job, limit),
        PQ_APART="1" if job.split_output else "",
        PQ_STDIN="1" if job.stdin else "",
        PQ_AFTER=" ".join(map(id_of, job.after)),
        PQ_AFTER_KIND="afterany" if job.if_failed else "afterok",
        PQ_LANES=f"{limit} {shown(job.group or 'default')}" if limit else "",
    )


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    first, _, rest = whole_reply(answer).partition("\n")
    known, status, id = first.split(" ")
    rest, *more = rest.split(AGAIN + "\n")
    snapshot = parse_snapshot(rest)
    state = next((state for state in snapshot.queue.states if state.id == id), None)
    group = next((group for group in snapshot.queue.groups if state and group.name == state.group), None)
    if known == "none":
        return Submission(None, False, f"sbatch failed with exit code {status}", group)
    if state is None or (known == "old" and len(more) != 2):
        raise ValueError("the answer was cut off")
    differs: tuple[str, ...] = ()
    if id in snapshot.digests:  # what an invocation has submitted is not written down
        folder, _, environment = more[0].partition("\n") if more else ("", "", "")
        before = dict([line.split("=", 1) for line in more[1].split("\n") if "=" in line]) if more else {}
        differs = differences(job, state, decoded(folder), environment, before) if more else ()
        if snapshot.digests[id] != digest(defined(job), 16):
            differs = ("runs another command", *differs)
        if status == "other":
            differs = ("reads another input", *differs)
    return Submission(state, known == "new", "", group, differs)
