"""Batches on pueue 4: the jobs of a batch in, one sh script out; its answer in, the result of each job's submission out.

The script takes the lock that every submission takes, reads the queue once, and adds the missing jobs, dependencies first. It may be
cut off at any point: the next run adds the rest and nothing else. It also reads the batch's journal, in which the jobs record their
exit codes, so that jobs which were removed from the queue do not run again.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.plan.model import MINIMAL, Job
from pueue_skill.queues.protocol import (
    BatchRequest,
    BatchStatus,
    Capacity,
    Pack,
    Reader,
    RestartRequest,
    SubmittedItem,
    Units,
)
from pueue_skill.queues.pueue import units as pueue_units
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.queues.pueue.task import task, task_words
from pueue_skill.queues.pueue.units import item_tails_script as item_tails_script
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import encoded_files, reply, whole_reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

PACKS = RESTARTS_IN_PLACE = True

MANY = 1000
"""Succeeded jobs of a batch from which on a submission first removes them from the queue."""


def preflight_script(host: Host) -> str:
    """Return no script: the submission reads the queue itself."""
    return ""


def read_preflight(answer: str) -> None:
    return None


def submission(request: BatchRequest) -> tuple[str, Reader]:
    return submit_script(request), lambda answer: read_outcomes(answer, request.jobs)


def submit_script(request: BatchRequest) -> str:
    """Return a sh script that adds the missing jobs; read_outcomes parses its answer. Raises ValueError for a job that pueue cannot run."""
    jobs, host, name, limits = request.jobs, request.host, request.name, request.limits
    places = {job.key: i for i, job in enumerate(jobs)}
    files: dict[str, bytes] = {}
    lines = []
    packs = []
    for i, job in enumerate(jobs):
        common = job.job if isinstance(job, Pack) else job
        after = " ".join([str(places[key]) for key in common.after])
        if isinstance(job, Pack):
            packs.append((i, job))
            lines.append(f"pack {i} '{after}' {pueue_units.words_of(job)}")
            continue
        text, needed = task(job)
        files |= needed
        lines.append(f"job {i} {job.key} '{after}' {task_words(job, quote.text(text), ())}")
    if packs:
        files[pueue_units.runner_name()] = pueue_units.runner()
    return script(
        "queues/pueue/batch_submit",
        PQ_PUEUE=host.pueue or "",
        PQ_PATH=":".join(host.path),
        PQ_BATCH=name,
        PQ_KEYS="\n".join([f"{i} {key}" for key, i in places.items()]),
        PQ_JOBS="\n".join(lines),
        PQ_GROUPS="\n".join([f"{limits[group]} {group}" for group in limits if group != "default"]),
        PQ_KEEP=" ".join([*MINIMAL, *request.keep]),
        PQ_FILES=encoded_files(files),
        PQ_ITEMS=pueue_units.items_of(packs) if packs else "",
        PQ_SHARES=" ".join([f"{index} {pack.share}" for index, pack in packs]),
        PQ_REPLACE="1" if request.replace else "",
        PQ_MANY=str(MANY),
        PQ_LIMIT=str(request.timeout_s),
    )


def read_outcomes(answer: str, jobs: Sequence[Job | Pack]) -> tuple[list[SubmittedItem], bool]:
    """Return the result for each job that the script reached, and whether it reached its end. Raises ValueError without an answer."""
    items: list[SubmittedItem] = []
    for line in reply(answer).split("\n"):
        if line == "end":
            return items, True
        what, _, words = line.partition(" ")
        index, _, detail = words.partition(" ")
        if index.isdigit() and what in ("new", "old", "ended", "changed", "held", "failed", "pack"):
            items.append(SubmittedItem(jobs[int(index)].key, what, detail.strip()))
    return items, False


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    """Return a sh script that kills and removes tasks."""
    return script("queues/pueue/cancel", PQ_PUEUE=host.pueue or "", PQ_IDS=" ".join([str(int(id)) for id in ids]))


def restart_script(request: RestartRequest) -> str:
    """Return a sh script that restarts tasks in place, with one pueue command so that dependent tasks keep their order."""
    return script(
        "queues/pueue/batch_restart",
        PQ_PUEUE=request.host.pueue or "",
        PQ_BATCH=request.name,
        PQ_TASKS=" ".join([f"{int(id)}={key}" for id, key in request.tasks]),
        PQ_REFRESH="\n".join(request.from_scratch),
        PQ_AGAIN="\n".join(request.rerun_items),
    )


def read_restart(answer: str) -> tuple[dict[str, str], bool]:
    """Return the process ids of jobs that still run, by key; and whether the other jobs were restarted."""
    lines = reply(answer).split("\n")
    survivors = {words[1]: words[2] for words in map(str.split, lines) if len(words) == 3 and words[0] == "survivor"}
    return survivors, "end" in lines and "failed" not in lines


def batch_script(host: Host, name: str, units: bool) -> str:
    """Return a sh script that prints the queue and the journal of a batch, with `units` also its units; read_batch parses its answer."""
    return script("queues/pueue/batch_status", PQ_PUEUE=host.pueue or "", PQ_BATCH=name, PQ_UNITS="1" if units else "")


def read_batch(answer: str, units: bool) -> BatchStatus:
    status, _, journal = whole_reply(answer).partition("\n")
    batch_units = Units({}, set())
    if units:
        batch_units, journal = pueue_units.read_units(journal)
    return BatchStatus(read_queue(status), *read_journal(journal), batch_units)


def read_journal(text: str) -> tuple[dict[str, list[int]], set[str]]:
    """Return the exit codes of each run of each job, by key, oldest first; and the keys of items that units run again."""
    exit_codes: dict[str, list[int]] = {}
    again: set[str] = set()
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 3 and words[0] == "ended" and words[2].isdigit():
            exit_codes.setdefault(words[1], []).append(int(words[2]))
            again.discard(words[1])
        elif len(words) == 2 and words[0] == "again":
            again.add(words[1])
    return exit_codes, again


def capacity_script(host: Host) -> str:
    return script("queues/pueue/capacity")


def read_capacity(answer: str) -> Capacity:
    words = whole_reply(answer).split()
    return Capacity(int(float(words[-1])) if words and words[-1].replace(".", "").isdigit() else 0, [])
