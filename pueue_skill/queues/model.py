"""What a queue reports, the same for every kind of queue: its groups, its jobs, and the result of a submission."""

from __future__ import annotations

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.literals import Result, Status


class State(NamedTuple):
    """Where a job stands, as every backend reports it.

    status: queued, stashed, running, paused or done. result (when done): success, failed, killed, dependency, spawn or
    unknown; `exit_code` is the job's own where the backend knows one. Times are RFC 3339 text as the backend gave them.
    `errors` is where its standard error is kept, as sh source, when that is apart from its output. `due` is when a stashed one is
    to be queued by itself, where that is so.
    """

    id: str
    key: str | None
    status: Status
    result: Result | None
    exit_code: int | None
    detail: str
    group: str
    label: str | None
    cwd: str
    command: str
    after: tuple[str, ...]
    created: str
    started: str | None
    ended: str | None
    errors: str = ""
    due: str | None = None
    waits: tuple[str, ...] = ()


class Group(NamedTuple):
    """A group of a queue: `limit` jobs at once (0: no limit), `status` running or paused."""

    name: str
    limit: int
    status: str


class Queue(NamedTuple):
    """All that a queue tells of itself; `load` is that of its machine (uptime(1), 1 minute), empty where it is not told."""

    groups: tuple[Group, ...]
    states: tuple[State, ...]
    load: str = ""


class Submission(NamedTuple):
    """What became of a submission.

    `state` is None when the job is not in the queue; `error` then says why. `new` is false when a job with the same key
    was there before. `group` is the job's group where it is known. `differs` says how the job that was there before is another than
    the one that was to be submitted, in parts of a sentence.
    """

    state: State | None
    new: bool
    error: str
    group: Group | None
    differs: tuple[str, ...] = ()
