"""Batches on Slurm: the jobs of a batch in, scripts that submit them as job arrays out; the answers of these scripts in, results out.

An index file says what each task of an array runs. The preflight script reads which jobs exist (arrays.py); the submission then takes the
lock of submissions and submits nothing if anything else was submitted in between. So it is safe to repeat at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.plan.model import MINIMAL, Job
from pueue_skill.queues.protocol import (
    BatchRequest,
    BatchStatus,
    Capacity,
    Reader,
    RestartRequest,
    SubmittedItem,
    Units,
)
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import REPLY, encoded_files, reply, whole_reply
from pueue_skill.queues.slurm.arrays import Array, Site, plan_arrays, ranges
from pueue_skill.queues.slurm.site import path_of, with_advice
from pueue_skill.queues.slurm.state import id_of, parse_snapshot, status_script
from pueue_skill.queues.slurm.submit import encoded, metadata_of, sbatch_words
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest

PACKS = RESTARTS_IN_PLACE = False

MAX_INLINE_BYTES = 100_000
"""The longest work of a task that the index file holds; longer work is a separate file, because it exceeds an argument."""


def preflight_script(host: Host) -> str:
    return script("queues/slurm/preflight", PQ_PATH=path_of(host))


def read_preflight(answer: str) -> Site:
    max_array_size, _, records = whole_reply(answer).partition("\n")
    return Site(parse_snapshot(records), int(max_array_size))


def submission(request: BatchRequest) -> tuple[str, Reader]:
    host, site = request.host, request.preflight
    jobs = [job for job in request.jobs if isinstance(job, Job)]
    plan = plan_arrays(jobs, site, request.limits, request.restarts, request.replace)
    highest = max([job.priority for job in jobs], default=0)

    def read(answer: str) -> tuple[list[SubmittedItem], bool]:
        results, complete = read_arrays(reply(answer), plan.arrays, host)
        return [*plan.results, *results], complete

    if not plan.arrays:
        return f"echo '{REPLY}'\necho end\n", read
    files: dict[str, bytes] = {}
    arguments: list[str] = []
    for number, array in enumerate(plan.arrays):
        of_array, files_of_array = array_arguments(number, array, host, request.name, highest)
        arguments += of_array
        files |= files_of_array
    text = script(
        "queues/slurm/batch",
        *arguments,
        PQ_PATH=path_of(host),
        PQ_ENTRIES=str(site.snapshot.journal_lines),
        PQ_CWD=jobs[0].cwd or "",
        PQ_SCRIPT=script("queues/slurm/task"),
        PQ_FILES=encoded_files(files),
        PQ_KEPT=" ".join([*MINIMAL, "SLURM_CONF", *request.keep]),
        PQ_DROPPED=" ".join(plan.replaced),
    )
    return text, read


def read_arrays(answer: str, arrays: Sequence[Array], host: Host) -> tuple[list[SubmittedItem], bool]:
    """Return the result for each task from the lines of a submission (sh/batch.sh), and whether the submission ran to its end."""
    results: list[SubmittedItem] = []
    for line in answer.split("\n"):
        if line == "end":
            return results, True
        what, _, arguments = line.partition(" ")
        number, _, detail = arguments.partition(" ")
        if what in ("new", "held", "failed") and number.isdigit():
            error = with_advice(detail.strip(), host)
            results += [
                SubmittedItem(job.key, what, f"{detail}_{index}" if what == "new" else error)
                for index, job in arrays[int(number)].tasks.items()
            ]
    return results, False


def array_arguments(
    number: int, array: Array, host: Host, batch: str, highest: int
) -> tuple[list[str], dict[str, bytes]]:
    """Return the arguments of sh/batch.sh for one array, and the files that it needs in jobs/, by name.

    `highest` is the highest priority in the batch: Slurm lets a user only lower the priority of a job, so that is the default.
    """
    job = next(iter(array.tasks.values()))
    phase = job.key.split(":")[1]
    files: dict[str, bytes] = {}
    lines = []
    for index, task in sorted(array.tasks.items()):
        work = task.command.encode("utf-8", "surrogateescape")
        text = encoded(work)
        if len(work) > MAX_INLINE_BYTES:
            files[digest(work, 32)] = work
            text = f"={digest(work, 32)}"
        lines.append(f"{index}|{task.key}|{encoded((task.label or '').encode('utf-8', 'surrogateescape'))}|{text}\n")
    index_file = "".join(lines).encode()
    name = f"={digest(index_file, 24)}"
    files[f"{name}.index"] = index_file
    words = quote.line(sbatch_words(job._replace(priority=job.priority - highest), host, f"{batch}:{phase}"))
    if job.split_output:
        words = f'"--error=$pq_data/jobs/%A_%a.err" {words}'
    previous = [f"afterany:${{pq_id_{array.previous}:-none}}"] if array.previous is not None else []
    dependencies = ",".join([*array.dependencies, *previous])
    indices = ranges(list(array.tasks)) + (f"%{array.limit}" if array.limit else "")
    metadata = metadata_of(job._replace(command=f"{len(lines)} jobs of {batch}:{phase}", label=None), array.limit)
    return [str(number), name, str(len(lines)), indices, dependencies, metadata, words], files


def batch_script(host: Host, name: str, units: bool) -> str:
    return status_script(host)


def read_batch(answer: str, units: bool) -> BatchStatus:
    snapshot = parse_snapshot(whole_reply(answer))
    return BatchStatus(snapshot.queue, snapshot.exit_codes, set(), Units({}, set()))


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    return script("queues/slurm/cancel", PQ_PATH=path_of(host), PQ_IDS=" ".join(map(id_of, ids)))


def restart_script(request: RestartRequest) -> str:
    """Return a sh script that records which jobs start from scratch at their next run."""
    return script("queues/slurm/refresh", PQ_NAME=request.name, PQ_KEYS="\n".join(request.from_scratch))


def read_restart(answer: str) -> tuple[dict[str, str], bool]:
    reply(answer)
    return {}, True


def item_tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    raise NotImplementedError("Slurm has no units: each item is a task of an array")


def capacity_script(host: Host) -> str:
    return script("queues/slurm/capacity", PQ_PATH=path_of(host))


def read_capacity(answer: str) -> Capacity:
    """Return the limits of the cluster's partitions, and those of the user's accounts and QOS.

    The fields are those of sinfo(1) and sacctmgr(1) in sh/capacity.sh.
    """
    limits = []
    for line in whole_reply(answer).split("\n"):
        match line.split("|"):
            case ["partition", name, up, time, nodes, cpus, memory, gpus]:
                more = f", {gpus}" if gpus not in ("(null)", "") else ""
                limits.append(
                    f"partition {name} ({up}): {nodes} nodes of {cpus} CPUs and {memory} MB{more}; {time} at most"
                )
            case ["limit", name, value]:
                limits.append(f"{name}: {value}")
            case ["account", name, *values] if len(values) == 4:
                text = named_values(("partition", "QOS", "jobs at once", "jobs submitted"), values)
                limits.append(f"account {name}" + (f": {text}" if text else ""))
            case ["qos", name, *values] if len(values) == 3 and any(values):
                limits.append(f"QOS {name}: {named_values(('time', 'jobs at once', 'jobs submitted'), values)}")
    return Capacity(0, limits)


def named_values(names: Sequence[str], values: Sequence[str]) -> str:
    """Return `NAME VALUE` for each value that is not empty, with commas between."""
    return ", ".join([f"{name} {value}" for name, value in zip(names, values, strict=True) if value])
