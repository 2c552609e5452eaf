"""States of Slurm jobs: the records that sh/lib/records.sh prints in, a Snapshot with a JobState for each job out.

Slurm forgets a job soon after its end (MinJobAge in slurm.conf(5)) and may keep no accounts. So the outcome of a job is determined from
squeue, from the last state that squeue had for it (the file `seen`), and from the exit record that the job itself wrote. This module does
not know how a job is submitted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.queues.slurm.site import path_of
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.literals import Result, Status

ID = regex(r"\d+(?:_\d+)?")
COMMENT = "pueue-skill "
"""Precedes the token in the comment of a job."""


def id_of(id: str) -> str:
    """Return `id`, safe for use in sh source. Raises ValueError if it is not the id of a Slurm job or array task."""
    if not ID.fullmatch(id):
        raise ValueError(f"{id!r} is not the id of a Slurm job")
    return id


def status_script(host: Host) -> str:
    return script("queues/slurm/status", PQ_PATH=path_of(host))


def read_status(answer: str) -> Queue:
    return parse_snapshot(whole_reply(answer)).queue


class Attempt(NamedTuple):
    """A submission in the journal.

    `epoch`: its time, in seconds since the epoch. `array`: the name of its index file in jobs/, or `-`. `dependency`: as sbatch takes it.
    `metadata`: properties of the job that Slurm does not store (submit.metadata_of).
    """

    epoch: str
    array: str
    dependency: str
    cwd: str
    metadata: dict[str, object]


class SlurmJob(NamedTuple):
    """A job as squeue(1) describes it. `wait_status` is that of wait(2). Times are in seconds since the epoch."""

    status: str
    reason: str
    wait_status: int
    submitted: str
    began: str
    ended: str
    nodes: str
    comment: str
    name: str


class ExitRecord(NamedTuple):
    """What a job recorded at its end. `code`: the exit code, or spawn if its folder did not exist. Times are in seconds since the epoch."""

    key: str
    code: str
    began: str
    ended: str
    token: str


class Snapshot(NamedTuple):
    """The jobs of the user on a cluster.

    `exit_codes`: all exit codes of each job by key, the newest last. `digests`: digests of the work of jobs, by id. `live_ids`: the ids that
    squeue has. `journal_lines`: the length of the journal.
    """

    queue: Queue
    exit_codes: dict[str, list[int]]
    digests: dict[str, str]
    live_ids: set[str]
    journal_lines: int


Items = dict[str, tuple[str, str]]
"""Key and label of each task of an array, by its index."""


class Owner(NamedTuple):
    """The submission of a job, by its token, and the job's key and label; all empty for a job that pueue-skill did not submit."""

    token: str = ""
    key: str = ""
    label: str = ""


class Records:
    """The records that sh/lib/records.sh prints, by kind. An incomplete line is ignored."""

    def __init__(self, text: str) -> None:
        self.attempts: dict[str, Attempt] = {}  # by token
        self.ids: dict[str, str] = {}  # by token
        self.items: dict[str, Items] = {}  # by token
        self.live: dict[str, SlurmJob] = {}
        self.seen: dict[str, SlurmJob] = {}
        self.exits: dict[str, ExitRecord] = {}
        self.removed: set[str] = set()
        self.load = ""
        self.journal_lines = 0
        self.open_items: Items = {}  # those of the last `items` line
        for line in text.split("\n"):
            self.add(line)
        self.adopt()

    def add(self, line: str) -> None:
        self.journal_lines += line.partition("|")[0] in ("try", "id", "gone")
        match line.split("|"):
            case ["try", token, epoch, _, array, dependency, cwd, metadata]:
                described = json.loads(base64.b64decode(metadata))
                self.attempts[token] = Attempt(epoch, array, dependency, decoded(cwd), described)
            case ["id", token, id]:
                self.ids[token] = id
            case ["gone", id, *_]:
                self.removed.add(id)
            case ["items", token, *_]:
                self.open_items = self.items.setdefault(token, {})
            case ["item", index, key, label]:
                self.open_items[index] = key, decoded(label)
            case ["job" | "seen" as kind, id, status, reason, raw, submitted, began, ended, nodes, comment, *name, _]:
                jobs = self.live if kind == "job" else self.seen
                job = SlurmJob(status, reason, int(raw or 0), submitted, began, ended, nodes, comment, "|".join(name))
                jobs.update(dict.fromkeys(expanded(id), job))
            case ["ended", id, key, code, began, ended, token]:
                self.exits[id] = ExitRecord(key, code, began, ended, token)
            case ["load", load, *_]:
                self.load = load

    def adopt(self) -> None:
        """Add the ids of submissions whose answer was lost, and of those that an invocation made."""
        for id, job in self.live.items():
            if job.comment.startswith(COMMENT):
                self.ids.setdefault(own_token(job.comment.removeprefix(COMMENT), id), base(id))
        for id, exit in self.exits.items():
            self.ids.setdefault(own_token(exit.token, id), base(id))

    def owners(self) -> dict[str, Owner]:
        """Return the owners of the jobs and array tasks that pueue-skill submitted, by id."""
        return {
            (f"{id}_{index}" if index else id): Owner(token, key, label)
            for token, id in self.ids.items()
            for index, (key, label) in (self.items.get(token) or {"": (token.partition("#")[0], "")}).items()
        }


def parse_snapshot(text: str) -> Snapshot:
    """Return the jobs from the records that sh/lib/records.sh prints. Raises ValueError for a malformed record."""
    records = Records(text)
    owners = records.owners()
    states = mark_skipped([state_of(id, owners.get(id, Owner()), records) for id in shown_ids(records, owners)])
    attempts = records.attempts
    limits = {str(attempt.metadata["group"]): int(str(attempt.metadata["limit"])) for attempt in attempts.values()}
    groups = {state.group: limits.get(state.group, 0) for state in states} or {"default": 0}
    digests = {records.ids[token]: str(attempts[token].metadata["work"]) for token in attempts if token in records.ids}
    queue = Queue(tuple([Group(name, limit, "running") for name, limit in groups.items()]), tuple(states), records.load)
    return Snapshot(queue, exit_codes(records), digests, set(records.live), records.journal_lines)


def shown_ids(records: Records, owners: Mapping[str, Owner]) -> list[str]:
    """Return the ids of the jobs to show, in order: those that pueue-skill submitted, and the user's other jobs.

    Removed jobs are hidden, and a restarted job hides its earlier run. An invocation that was run twice made two jobs, and both are shown.
    """
    newest = {owner.key: id for id, owner in owners.items() if owner.token in records.attempts}
    pasted = [id for id, owner in owners.items() if owner.token not in records.attempts]
    shown = {id for id in [*newest.values(), *pasted] if id not in records.removed and base(id) not in records.removed}
    others = [id for id in records.live if id not in owners and base(id) not in records.ids.values()]
    return sorted({*shown, *others}, key=order)


def exit_codes(records: Records) -> dict[str, list[int]]:
    """Return the exit codes that jobs recorded, by key, the newest last; 126 for a job that could not start."""
    codes: dict[str, list[int]] = {}
    for exit in sorted(records.exits.values(), key=lambda exit: exit.ended):
        codes.setdefault(exit.key, []).append(int(exit.code) if exit.code.isdigit() else 126)
    return codes


TASK_LIST = regex(r"(\d+)_\[([^\]%]*)(?:%\d+)?\]")


def expanded(id: str) -> Iterable[str]:
    """Return the ids of the tasks in `7_[0-3,9%2]`, squeue's id for tasks that have not started; any other id by itself."""
    match = TASK_LIST.fullmatch(id)
    if not match:
        return (id,)
    ids = []
    for part in match[2].split(","):
        first, _, end = part.partition("-")
        last, _, step = end.partition(":")
        ids += [f"{match[1]}_{i}" for i in range(int(first), int(last or first) + 1, int(step or 1))]
    return ids


def own_token(token: str, id: str) -> str:
    """Return the token of a job. The token of jobs that an invocation made is only their key; the id makes it unique."""
    return token if "#" in token else f"{token}#{base(id)}"


def base(id: str) -> str:
    """Return the id of a task's array; for any other job, its id."""
    return id.partition("_")[0]


def order(id: str) -> tuple[int, int]:
    numbers = [int(part) for part in re.findall(r"\d+", id)]
    return numbers[0], numbers[1] if len(numbers) > 1 else -1


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def time_of(epoch: str) -> str | None:
    """Return seconds since the epoch as a time in RFC 3339, UTC; None if `epoch` is not a number."""
    from datetime import UTC, datetime  # not at the start of a hook, which only makes invocations

    return datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z") if epoch.isdigit() else None


def state_of(id: str, owner: Owner, records: Records) -> JobState:
    """Return the state of a job from its records."""
    attempt, exit = records.attempts.get(owner.token), records.exits.get(id)
    job = records.live.get(id) or records.seen.get(id)
    metadata = attempt.metadata if attempt else {}
    # squeue has a start time even for a job that was cancelled before it started, but then no nodes.
    began = job.began if job and job.nodes not in ("", "None assigned") else ""
    status, result, code, detail = outcome_of(job, exit)
    name = owner.label or metadata.get("label") or (job.name if job and not attempt else "")
    created = attempt.epoch if attempt else job.submitted if job else exit.began if exit else "0"
    return JobState(
        id=id, key=owner.key or None, status=status, result=result, exit_code=code, detail=detail,
        group=str(metadata.get("group", "default")), label=str(name) or None, cwd=attempt.cwd if attempt else "",
        command=str(metadata.get("command", "")), after=parents(attempt.dependency if attempt else "", id, records),
        created=time_of(created) or "",
        started=time_of(exit.began if exit else began if status != "queued" else ""),
        ended=time_of(exit.ended if exit else job.ended if job and status == "done" else ""),
        errors=f"jobs/{id}.err" if metadata.get("split") else "",
    )  # fmt: skip


class StatusAndResult(NamedTuple):
    """The fields of a JobState of the same names."""

    status: Status
    result: Result | None = None
    exit_code: int | None = None
    detail: str = ""


QUEUED = {"PENDING", "REQUEUED", "REQUEUE_FED", "CONFIGURING", "POWER_UP_NODE"}
HELD = {"JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue", "BeginTime"}
USUAL_REASONS = {"None", "Dependency", "JobArrayTaskLimit"}
"""Reasons for pending that are not worth reporting. See squeue(1), JOB REASON CODES."""
PAUSED = {"SUSPENDED", "STOPPED"}
KILLED = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "its time limit was reached",
    "DEADLINE": "its deadline was reached",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node could not be started",
    "PREEMPTED": "preempted by other work",
}
"""The states of jobs that Slurm or a user ended, with the words for people. See squeue(1), JOB STATE CODES."""
BY_SIGNAL = (137, 143)
"""Exit codes for SIGKILL and SIGTERM, which Slurm sends to end a job."""


def outcome_of(job: SlurmJob | None, exit: ExitRecord | None) -> StatusAndResult:
    """Return the status and result of a job from its state in Slurm and its exit record.

    The recorded exit code counts, unless it is that of a signal that Slurm may have sent.
    """
    code = int(exit.code) if exit and exit.code.isdigit() else None
    if exit and exit.code == "spawn":
        return StatusAndResult("done", "spawn", None, "No such file or directory")
    if job and job.status == "CANCELLED" and job.reason == "DependencyNeverSatisfied":
        return StatusAndResult("done", "dependency")
    if job and job.status in KILLED and code in (None, *BY_SIGNAL):
        node = f" ({job.nodes})" if job.nodes and job.status == "NODE_FAIL" else ""
        return StatusAndResult("done", "killed", None, KILLED[job.status] + node)
    if code in BY_SIGNAL and job and job.status in ("RUNNING", "COMPLETING"):
        return StatusAndResult("running")  # Slurm will report shortly whether it ended the job
    if code is not None:
        detail = "out of memory" if job and job.status == "OUT_OF_MEMORY" else ""
        return StatusAndResult("done", "failed" if code else "success", code, detail)
    return outcome_in_slurm(job) if job else StatusAndResult("done", "unknown")


def outcome_in_slurm(job: SlurmJob) -> StatusAndResult:
    """Return the status and result of a job that has no exit record."""
    status, reason, signal = job.status, job.reason, job.wait_status % 128
    if status == "COMPLETED":
        return StatusAndResult("done", "success", 0)
    if status == "FAILED" and reason == "BadConstraints":  # for an array, sbatch does not report this
        return StatusAndResult("done", "spawn", None, "no node has the requested resources (BadConstraints)")
    if status == "FAILED":
        return StatusAndResult("done", "failed", 128 + signal if signal else job.wait_status // 256)
    if status in ("REQUEUE_HOLD", "SPECIAL_EXIT") or (status in QUEUED and reason in HELD):
        return StatusAndResult("stashed")
    if status in QUEUED:
        return StatusAndResult("queued", detail="" if reason in USUAL_REASONS else reason)
    return StatusAndResult("paused" if status in PAUSED else "running")


PARENT = regex(r"(afterok|afterany|aftercorr)((?::\d+(?:_\d+)?)+)")
MAX_PARENT_TASKS = 64
"""The largest array whose tasks are listed one by one as dependencies of a job."""


def parents(dependency: str, id: str, records: Records) -> tuple[str, ...]:
    """Return the ids of a job's dependencies. The id of a large array stands for all of its tasks."""
    tasks = {records.ids[token]: items for token, items in records.items.items() if token in records.ids}
    return tuple(
        [
            parent
            for match in PARENT.finditer(dependency)
            for listed in match[2][1:].split(":")
            for parent in parents_in(match[1], listed, id, tasks.get(listed))
        ]
    )


def parents_in(kind: str, parent: str, id: str, tasks: Items | None) -> Iterator[str]:
    """Yield the ids that `parent` stands for in a dependency of job `id`.

    `kind` is sbatch's word for the dependency; `tasks` are those of `parent` if that is an array.
    """
    if kind == "aftercorr":
        yield f"{parent}_{id.partition('_')[2]}"
    elif tasks is not None and "" not in tasks and len(tasks) <= MAX_PARENT_TASKS:
        yield from [f"{parent}_{index}" for index in tasks]
    else:
        yield parent


def mark_skipped(states: list[JobState]) -> list[JobState]:
    """Return the states, with the result dependency for jobs that Slurm forgot without a record and whose dependency failed."""
    by_id = {state.id: state for state in states}
    marked = []
    for state in states:  # dependencies have lower ids
        if state.result == "unknown" and any(
            parent.status == "done" and parent.result != "success" for id in state.after if (parent := by_id.get(id))
        ):
            state = by_id[state.id] = state._replace(result="dependency")
        marked.append(state)
    return marked
