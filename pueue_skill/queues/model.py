"""What a queue reports, the same for every kind of queue: its groups, its jobs, and the result of a submission."""

from __future__ import annotations

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.literals import Result, Status


class JobState(NamedTuple):
    """The state of a job.

    `status`: queued, stashed, running, paused or done. `result`, once it is done: success, failed, killed, dependency, spawn or unknown.
    `exit_code`: that of its command, if the queue knows it. `detail`: what else the queue reports of the status or result. `after`: the
    ids of its dependencies. `waits`: the ids of jobs whose end its command waits for. `created`, `started`, `ended` and `due` are times
    in RFC 3339; `due`: when the queue enqueues a stashed job by itself. `errors`: the path of its stderr, as sh source, if stderr is
    kept separately.
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
    """A group of a queue. `limit`: how many of its jobs run at once (0: no limit). `status`: running or paused."""

    name: str
    limit: int
    status: str


class Queue(NamedTuple):
    """The groups and jobs of a queue. `load`: the load average of its host over one minute (uptime(1)); empty if unknown."""

    groups: tuple[Group, ...]
    states: tuple[JobState, ...]
    load: str = ""


class Submission(NamedTuple):
    """The result of a submission.

    `state` is None if the job is not in the queue; `error` is the reason. `new` is false if the queue had a job with the same key.
    `group` is the job's group, if known. `differs`: how the job in the queue differs from the submitted one, as predicates such as
    "has the group a, not b".
    """

    state: JobState | None
    new: bool
    error: str
    group: Group | None
    differs: tuple[str, ...] = ()
