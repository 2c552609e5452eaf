"""States of Slurm jobs: one look at the journal, at the jobs' own exit records and at squeue in, a Snapshot with a JobState a job out.

Slurm forgets a job soon after its end (MinJobAge) and may keep no accounts, so a job's outcome is put together from what Slurm says
now, from what it said last (the file `seen`) and from what the job itself has written down. It must not know how a job is submitted.
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
"""Before the token in the comment of a job."""


def id_of(id: str) -> str:
    """An id as it may stand in sh source. Raises ValueError."""
    if not ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a Slurm job")
    return id


def status_script(host: Host) -> str:
    return script("queues/slurm/status", PQ_PATH=path_of(host))


def read_status(answer: str) -> Queue:
    """The queue in the answer of a status script. Raises ValueError when it is none."""
    return parse_snapshot(whole_reply(answer)).queue


class Attempt(NamedTuple):
    """A submission as the journal has it: `epoch` in seconds, `array` the name of its items in jobs/ or `-`, `dependency` in sbatch's
    words, `metadata` what Slurm has no place for (submit.metadata_of)."""

    epoch: str
    array: str
    dependency: str
    cwd: str
    metadata: dict[str, object]


class SlurmJob(NamedTuple):
    """A job as Slurm describes it. `wait_status` is that of wait(2); times are in seconds of the epoch."""

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
    """What a job has written down itself at its end: `code` is a number, or spawn when its folder was not there."""

    key: str
    code: str
    began: str
    ended: str
    token: str


class Snapshot(NamedTuple):
    """All that one look tells. `exit_codes` are those with which each job, by its key, has ended, the last one last; `digests` those of
    what jobs run, by id; `live_ids` the ids that Slurm itself still knows; `journal_lines` the length of the journal."""

    queue: Queue
    exit_codes: dict[str, list[int]]
    digests: dict[str, str]
    live_ids: set[str]
    journal_lines: int


Items = dict[str, tuple[str, str]]
"""Key and label of each task of an array, by its number."""


class Records:
    """The lines of a look, by their kinds; a line that was cut off is left out."""

    def __init__(self, text: str) -> None:
        self.attempts: dict[str, Attempt] = {}
        self.ids: dict[str, str] = {}  # by token
        self.items: dict[str, Items] = {}  # by token
        self.live: dict[str, SlurmJob] = {}
        self.seen: dict[str, SlurmJob] = {}
        self.exits: dict[str, ExitRecord] = {}
        self.gone: set[str] = set()
        self.load = ""
        self.journal_lines = 0
        self.listed: Items = {}
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
                self.gone.add(id)
            case ["items", token, *_]:
                self.listed = self.items.setdefault(token, {})
            case ["item", number, key, label]:
                self.listed[number] = key, decoded(label)
            case ["job" | "seen" as kind, id, status, reason, raw, submitted, began, ended, nodes, comment, *name, _]:
                jobs = self.live if kind == "job" else self.seen
                job = SlurmJob(status, reason, int(raw or 0), submitted, began, ended, nodes, comment, "|".join(name))
                jobs.update(dict.fromkeys(expanded(id), job))
            case ["ended", id, key, code, began, ended, token]:
                self.exits[id] = ExitRecord(key, code, began, ended, token)
            case ["load", load, *_]:
                self.load = load

    def adopt(self) -> None:
        """Takes up submissions whose answer was lost, and those that an invocation made."""
        for id, job in self.live.items():
            if job.comment.startswith(COMMENT):
                self.ids.setdefault(own_token(job.comment.removeprefix(COMMENT), id), base(id))
        for id, exit in self.exits.items():
            self.ids.setdefault(own_token(exit.token, id), base(id))

    def ours(self) -> dict[str, tuple[str, str, str]]:
        """Token, key and label of each job and array task that was submitted through here, by id."""
        return {
            (f"{id}_{number}" if number else id): (token, key, label)
            for token, id in self.ids.items()
            for number, (key, label) in (self.items.get(token) or {"": (token.partition("#")[0], "")}).items()
        }


def parse_snapshot(text: str) -> Snapshot:
    """What the lines of a look say. Raises ValueError for lines that no look writes."""
    records = Records(text)
    ours = records.ours()
    states = given_up([state_of(id, ours.get(id, ("", "", "")), records) for id in shown_ids(records, ours)])
    limits = {str(one.metadata["group"]): int(str(one.metadata["limit"])) for one in records.attempts.values()}
    groups = {state.group: limits.get(state.group, 0) for state in states} or {"default": 0}
    digests = {
        records.ids[token]: str(one.metadata["work"]) for token, one in records.attempts.items() if token in records.ids
    }
    queue = Queue(tuple([Group(name, limit, "running") for name, limit in groups.items()]), tuple(states), records.load)
    return Snapshot(queue, exit_codes(records), digests, set(records.live), records.journal_lines)


def shown_ids(records: Records, ours: Mapping[str, tuple[str, str, str]]) -> list[str]:
    """The ids of the jobs that are shown, in their order: ours, unless hidden or cleaned, and others of the same user.

    A job that was restarted hides the one before it. An invocation that was typed again has made another job, which hides none.
    """
    newest = {key: id for id, (token, key, _) in ours.items() if token in records.attempts}
    typed = [id for id, (token, _, _) in ours.items() if token not in records.attempts]
    mine = {id for id in [*newest.values(), *typed] if id not in records.gone and base(id) not in records.gone}
    others = [id for id in records.live if id not in ours and base(id) not in records.ids.values()]
    return sorted({*mine, *others}, key=order)


def exit_codes(records: Records) -> dict[str, list[int]]:
    """The exit codes that jobs have written down, by key, the last one last; 126 for one that could not start."""
    found: dict[str, list[int]] = {}
    for exit in sorted(records.exits.values(), key=lambda exit: exit.ended):
        found.setdefault(exit.key, []).append(int(exit.code) if exit.code.isdigit() else 126)
    return found


LISTED = regex(r"(\d+)_\[([^\]%]*)(?:%\d+)?\]")


def expanded(id: str) -> Iterable[str]:
    """The ids in `7_[0-3,9%2]`."""
    match = LISTED.fullmatch(id)
    if not match:
        return (id,)
    found = []
    for part in match[2].split(","):
        first, _, rest = part.partition("-")
        last, _, step = rest.partition(":")
        found += [f"{match[1]}_{i}" for i in range(int(first), int(last or first) + 1, int(step or 1))]
    return found


def own_token(token: str, id: str) -> str:
    """The token of job `id`. The jobs of an invocation all bear its key; the id tells them apart."""
    return token if "#" in token else f"{token}#{base(id)}"


def base(id: str) -> str:
    """The id of the array that a task belongs to; a job's own id otherwise."""
    return id.partition("_")[0]


def order(id: str) -> tuple[int, int]:
    numbers = [int(part) for part in re.findall(r"\d+", id)]
    return numbers[0], numbers[1] if len(numbers) > 1 else -1


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def time_of(epoch: str) -> str | None:
    """Seconds of the epoch as an ISO 8601 time in UTC."""
    from datetime import UTC, datetime  # not at the start of a hook, which only makes invocations

    return datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z") if epoch.isdigit() else None


def state_of(id: str, unit: tuple[str, str, str], records: Records) -> JobState:
    """The state of job `id`; `unit` is its token, key and label, empty for a job that was not submitted through here."""
    token, key, label = unit
    made, exit = records.attempts.get(token), records.exits.get(id)
    job = records.live.get(id) or records.seen.get(id)
    metadata = made.metadata if made else {}
    # A job that was cancelled in the queue never began, whatever Slurm says.
    began = job.began if job and job.nodes not in ("", "None assigned") else ""
    status, result, code, detail = outcome_of(job, exit)
    name = label or metadata.get("label") or (job.name if job and not made else "")
    return JobState(
        id=id, key=key or None, status=status, result=result, exit_code=code, detail=detail,
        group=str(metadata.get("group", "default")), label=str(name) or None, cwd=made.cwd if made else "",
        command=str(metadata.get("command", "")), after=parents(made.dependency if made else "", id, records),
        created=time_of(made.epoch if made else job.submitted if job else exit.began if exit else "0") or "",
        started=time_of(exit.began if exit else began if status != "queued" else ""),
        ended=time_of(exit.ended if exit else job.ended if job and status == "done" else ""),
        errors=f"jobs/{id}.err" if metadata.get("split") else "",
    )  # fmt: skip


Outcome = tuple["Status", "Result | None", int | None, str]
"""Status, result, exit code and detail of a job."""

QUEUED = {"PENDING", "REQUEUED", "REQUEUE_FED", "CONFIGURING", "POWER_UP_NODE"}
HELD = {"JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue", "BeginTime"}
USUAL_REASONS = {"None", "Dependency", "JobArrayTaskLimit"}
"""Why a job waits, where that is nothing that a person must know."""
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
"""What ends a job from outside, in Slurm's words and for people."""
BY_SIGNAL = (137, 143)
"""Exit codes of SIGKILL and SIGTERM, which Slurm sends when it ends a job."""


def outcome_of(job: SlurmJob | None, exit: ExitRecord | None) -> Outcome:
    """What Slurm and the job itself say together: the job's own exit code counts, unless a signal of Slurm's may have ended it."""
    own = int(exit.code) if exit and exit.code.isdigit() else None
    if exit and exit.code == "spawn":
        return "done", "spawn", None, "No such file or directory"
    if job and job.status == "CANCELLED" and job.reason == "DependencyNeverSatisfied":
        return "done", "dependency", None, ""
    if job and job.status in KILLED and own in (None, *BY_SIGNAL):
        node = f" ({job.nodes})" if job.nodes and job.status == "NODE_FAIL" else ""
        return "done", "killed", None, KILLED[job.status] + node
    if own in BY_SIGNAL and job and job.status in ("RUNNING", "COMPLETING"):
        return "running", None, None, ""  # Slurm is about to say whether it has ended it
    if own is not None:
        detail = "out of memory" if job and job.status == "OUT_OF_MEMORY" else ""
        return "done", "failed" if own else "success", own, detail
    return outcome_in_slurm(job) if job else ("done", "unknown", None, "")


def outcome_in_slurm(job: SlurmJob) -> Outcome:
    """What Slurm alone says of a job that has written nothing down."""
    status, reason, signal = job.status, job.reason, job.wait_status % 128
    if status == "COMPLETED":
        return "done", "success", 0, ""
    if status == "FAILED" and reason == "BadConstraints":  # of an array this is not said when it is submitted
        return "done", "spawn", None, "no node has what it asks for (BadConstraints)"
    if status == "FAILED":
        return "done", "failed", 128 + signal if signal else job.wait_status // 256, ""
    if status in ("REQUEUE_HOLD", "SPECIAL_EXIT") or (status in QUEUED and reason in HELD):
        return "stashed", None, None, ""
    if status in QUEUED:
        return "queued", None, None, "" if reason in USUAL_REASONS else reason
    return "paused" if status in PAUSED else "running", None, None, ""


PARENT = regex(r"(afterok|afterany|aftercorr)((?::\d+(?:_\d+)?)+)")
MAX_PARENT_TASKS = 64
"""Tasks of an array up to which they are named one by one as what a job depends on."""


def parents(dependency: str, id: str, records: Records) -> tuple[str, ...]:
    """The ids of what a job depends on; of a large array its own id stands for all of its tasks."""
    tasks = {records.ids[token]: items for token, items in records.items.items() if token in records.ids}
    return tuple(
        [
            parent
            for match in PARENT.finditer(dependency)
            for one in match[2][1:].split(":")
            for parent in parents_in(match[1], one, id, tasks.get(one))
        ]
    )


def parents_in(kind: str, parent: str, id: str, tasks: Items | None) -> Iterator[str]:
    if kind == "aftercorr":
        yield f"{parent}_{id.partition('_')[2]}"
    elif tasks is not None and "" not in tasks and len(tasks) <= MAX_PARENT_TASKS:
        yield from [f"{parent}_{number}" for number in tasks]
    else:
        yield parent


def given_up(states: list[JobState]) -> list[JobState]:
    """Of what Slurm has forgotten before anybody looked, jobs that depend on a failed one: those that it has ended unrun."""
    by_id = {state.id: state for state in states}
    found = []
    for state in states:  # parents have lower ids
        if state.result == "unknown" and any(
            parent.status == "done" and parent.result != "success" for id in state.after if (parent := by_id.get(id))
        ):
            state = by_id[state.id] = state._replace(result="dependency")
        found.append(state)
    return found
