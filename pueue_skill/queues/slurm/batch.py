"""Batches on Slurm: the jobs of a batch, and what is there already, to job arrays; and what Slurm prints to what became of each.

Jobs of one phase that share a group, their needs and what they come after are one array, with %N where the group has a limit, and
an index file that says what each of its tasks runs. Above the site's MaxArraySize they are several, in turn where there is a limit. An
array comes after whole arrays or single tasks (afterok), or task by task after those of another (aftercorr). What is there already is
read beforehand; the script then takes the lock of submissions and does nothing at all if anything was submitted meanwhile: so it may
be made again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import MINIMAL, Job
from pueue_skill.queues.model import JobState
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
from pueue_skill.queues.scripts import REPLY, reply, whole_reply
from pueue_skill.queues.slurm.site import path_of, with_advice
from pueue_skill.queues.slurm.state import Snapshot, id_of, parse_snapshot, status_script
from pueue_skill.queues.slurm.submit import encoded, files_of, metadata_of, words_of
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple

PACKS = RESTARTS_IN_PLACE = False


class Site(NamedTuple):
    """What was there before a submission; `max_array_size` is the site's MaxArraySize."""

    snapshot: Snapshot
    max_array_size: int


def preflight_script(host: Host) -> str:
    return script("queues/slurm/known", PQ_PATH=path_of(host))


def read_preflight(answer: str) -> Site:
    largest, _, rest = whole_reply(answer).partition("\n")
    return Site(parse_snapshot(rest), int(largest))


class Array(NamedTuple):
    """Jobs that are submitted at once, by their places; `after` is shell source for what sbatch is to wait for, in its words."""

    tasks: dict[int, Job]
    after: tuple[str, ...]
    limit: int
    before: int | None = None
    """The array, by its number, that must have ended first, where a limit holds for both."""


def arrays(
    jobs: Sequence[Job], site: Site, limits: Mapping[str, int], again: Mapping[str, str], replace: bool
) -> tuple[list[Array], list[SubmittedItem], list[str]]:
    """What is missing of `jobs`, in arrays; what became of the others; and the ids of those whose place others take."""
    by_key = {state.key: state for state in site.snapshot.queue.states if state.key}
    names = {key.rpartition(":")[0]: state for key, state in by_key.items()}
    outcomes: list[SubmittedItem] = []
    dropped: list[str] = []
    made: list[Array] = []
    at: dict[str, tuple[int, int]] = {}  # array and place of those that are submitted
    kinds: dict[tuple[object, ...], list[int]] = {}  # the arrays of a kind
    for job in jobs:
        state, was = by_key.get(job.key), names.get(job.key.rpartition(":")[0])
        if state and again.get(job.key) != state.id:
            outcomes.append(SubmittedItem(job.key, "old", state.id))
            continue
        if not state and was:
            if not replace or was.status in ("running", "paused"):
                outcomes.append(SubmittedItem(job.key, "changed", was.id))
                continue
            dropped.append(was.id)
        elif not state and job.key in site.snapshot.exit_codes:
            outcomes.append(SubmittedItem(job.key, "ended", str(site.snapshot.exit_codes[job.key][-1])))
            continue
        after, one, held = waits_for(job, by_key, site.snapshot, at, made, again)
        if held:
            outcomes.append(SubmittedItem(job.key, "held", held))
            continue
        kind = (job.key.split(":")[1], job.group, job.priority, job.needs, job.cwd, after, one and one[0])
        there = kinds.setdefault(kind, [])
        if one:
            place = one[1]
            number = next((number for number in there if place not in made[number].tasks), None)
        else:
            place = len(made[there[-1]].tasks) if there else 0
            number = there[-1] if there and place < site.max_array_size - 1 else None
        if number is None:
            words = (*after, f"aftercorr:${{pq_id_{one[0]}:-none}}") if one else after
            limit = limits.get(job.group or "default", 0)
            number, place = len(made), place if one else 0
            made.append(Array({}, words, limit, there[-1] if there and limit else None))
            there.append(number)
        made[number].tasks[place] = job
        at[job.key] = number, place
    return made, outcomes, dropped


def waits_for(
    job: Job,
    by_key: Mapping[str, JobState],
    snapshot: Snapshot,
    at: Mapping[str, tuple[int, int]],
    made: Sequence[Array],
    again: Mapping[str, str],
) -> tuple[tuple[str, ...], tuple[int, int] | None, str]:
    """What a job waits for: in sbatch's words, the one task of another array whose place it shares, and what keeps it from being
    submitted at all. Slurm takes what it has forgotten for done, so nothing is to wait for that."""
    words: dict[str, None] = {}
    tasks: dict[int, list[int]] = {}
    for key in job.after:
        if key in at:
            number, place = at[key]
            tasks.setdefault(number, []).append(place)
            continue
        state = by_key.get(key)
        ended = snapshot.exit_codes.get(key)
        if (state and state.result == "success") or (not state and ended and ended[-1] == 0):
            continue
        if state is None or (state.status == "done" and state.id not in snapshot.live_ids):
            return (), None, key
        words[f"afterok:{id_of(state.id)}"] = None
    one = None
    for number, places in tasks.items():
        if len(places) == len(made[number].tasks):
            words[f"afterok:${{pq_id_{number}:-none}}"] = None
        elif len(places) == 1 and not one:
            one = number, places[0]
        else:
            words |= dict.fromkeys([f"afterok:${{pq_id_{number}:-none}}_{place}" for place in places])
    return tuple(words), one, ""


def ranges(places: Sequence[int]) -> str:
    """Numbers as --array takes them: 0-3,7."""
    found: list[list[int]] = []
    for place in sorted(places):
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return ",".join([f"{first}-{last}" if last > first else str(first) for first, last in found])


def submission(request: BatchRequest) -> tuple[str, Reader]:
    host, known = request.host, request.preflight
    plain = [job for job in request.jobs if isinstance(job, Job)]
    made, outcomes, dropped = arrays(plain, known, request.limits, request.restarts, request.replace)
    highest = max([job.priority for job in plain], default=0)

    def read(answer: str) -> tuple[list[SubmittedItem], bool]:
        found, whole = read_arrays(reply(answer), made, host)
        return [*outcomes, *found], whole

    if not made:
        return f"echo '{REPLY}'\necho end\n", read
    files: dict[str, bytes] = {}
    words: list[str] = []
    for number, array in enumerate(made):
        more, needed = array_arguments(number, array, host, request.name, highest)
        words += more
        files |= needed
    text = script(
        "queues/slurm/batch",
        *words,
        PQ_PATH=path_of(host),
        PQ_ENTRIES=str(known.snapshot.journal_lines),
        PQ_CWD=plain[0].cwd or "",
        PQ_SCRIPT=script("queues/slurm/task"),
        PQ_FILES=files_of(files),
        PQ_KEPT=" ".join([*MINIMAL, "SLURM_CONF", *request.keep]),
        PQ_DROPPED=" ".join(dropped),
    )
    return text, read


def read_arrays(answer: str, made: Sequence[Array], host: Host) -> tuple[list[SubmittedItem], bool]:
    """What became of each task, by what a submission says of arrays; and whether it came to its end."""
    found: list[SubmittedItem] = []
    for line in answer.split("\n"):
        if line == "end":
            return found, True
        what, _, rest = line.partition(" ")
        number, _, detail = rest.partition(" ")
        if what in ("new", "held", "failed") and number.isdigit():
            said = with_advice(detail.strip(), host)
            found += [
                SubmittedItem(job.key, what, f"{detail}_{task}" if what == "new" else said)
                for task, job in made[int(number)].tasks.items()
            ]
    return found, False


MAX_INLINE_BYTES = 100_000
"""Bytes of a task's work up to which it stands in the index, from where it becomes an argument."""


def array_arguments(
    number: int, array: Array, host: Host, batch: str, highest: int
) -> tuple[list[str], dict[str, bytes]]:
    """An array as the script of a submission takes it (sh/batch.sh), and the files that it needs in jobs/."""
    job = next(iter(array.tasks.values()))
    phase = job.key.split(":")[1]
    files: dict[str, bytes] = {}
    lines = []
    for place, task in sorted(array.tasks.items()):
        work = task.command.encode("utf-8", "surrogateescape")
        text = encoded(work)
        if len(work) > MAX_INLINE_BYTES:
            files[digest(work, 32)] = work
            text = f"={digest(work, 32)}"
        lines.append(f"{place}|{task.key}|{encoded((task.label or '').encode('utf-8', 'surrogateescape'))}|{text}\n")
    index = "".join(lines).encode()
    name = f"={digest(index, 24)}"
    files[f"{name}.index"] = index
    words = quote.line(words_of(job._replace(priority=job.priority - highest), host, f"{batch}:{phase}"))
    if job.split_output:
        words = f'"--error=$pq_data/jobs/%A_%a.err" {words}'
    after = [*array.after, *([f"afterany:${{pq_id_{array.before}:-none}}"] if array.before is not None else [])]
    tasks = ranges(list(array.tasks)) + (f"%{array.limit}" if array.limit else "")
    metadata = metadata_of(job._replace(command=f"{len(lines)} jobs of {batch}:{phase}", label=None), array.limit)
    return [str(number), name, str(len(lines)), tasks, ",".join(after), metadata, words], files


def batch_script(host: Host, name: str, units: bool) -> str:
    return status_script(host)


def read_batch(answer: str, units: bool) -> BatchStatus:
    snapshot = parse_snapshot(whole_reply(answer))
    return BatchStatus(snapshot.queue, snapshot.exit_codes, set(), Units({}, set()))


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    known = [id_of(id) for id in ids]
    return script("queues/slurm/cancel", PQ_PATH=path_of(host), PQ_IDS=" ".join(known))


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
    lines = []
    for line in whole_reply(answer).split("\n"):
        what, *rest = line.split("|")
        if what == "partition" and len(rest) == 7:
            name, up, time, nodes, cpus, memory, gpus = rest
            more = f", {gpus}" if gpus not in ("(null)", "") else ""
            lines.append(f"partition {name} ({up}): {nodes} nodes of {cpus} CPUs and {memory} MB{more}; {time} at most")
        elif what == "limit":
            lines.append(f"{rest[0]}: {rest[1]}")
        elif what == "account" and len(rest) == 5:
            said = [
                f"{name} {value}"
                for name, value in zip(("partition", "QOS", "jobs at once", "jobs submitted"), rest[1:], strict=True)
                if value
            ]
            lines.append(f"account {rest[0]}" + (f": {', '.join(said)}" if said else ""))
        elif what == "qos" and len(rest) == 4 and any(rest[1:]):
            said = [
                f"{name} {value}"
                for name, value in zip(("time", "jobs at once", "jobs submitted"), rest[1:], strict=True)
                if value
            ]
            lines.append(f"QOS {rest[0]}: {', '.join(said)}")
    return Capacity(0, lines)
