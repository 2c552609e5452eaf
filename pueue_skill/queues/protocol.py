"""The boundary of a kind of queue: the Protocol that its package meets, and the values that cross it in both directions.

Values of one kind of queue alone stay in its package. Nothing here knows a queue.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import Queue
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from re import Pattern
    from typing import Any, Protocol, TypeAlias

    from pueue_skill.queues.actions import Action
    from pueue_skill.queues.model import State, Submission
    from pueue_skill.shell.model import Host


class Looked(NamedTuple):
    """The queue before and after an act; processes that still run of jobs that were to be restarted, by key; files removed."""

    before: Queue
    after: Queue
    survivors: dict[str, str]
    files: int


class Pack(NamedTuple):
    """Items, (key, bash text) each, for units of `share` items of which each runs `slots` at once; `job` is what they have in common."""

    job: Job
    items: tuple[tuple[str, str], ...]
    share: int
    slots: int

    @property
    def key(self) -> str:
        return self.job.key


class Units(NamedTuple):
    """What units there are: the unit of each item, by keys; and which items are worked on."""

    owner: dict[str, str]
    running: set[str]


class SubmittedItem(NamedTuple):
    """What became of a job of a batch in one submission.

    `what` is new, old (it is in the queue), ended (it is no longer there, and `detail` is its exit code), changed (another
    definition of it is there, of id `detail`), held (a job that it comes after has failed and is gone) or failed. Of a pack it is
    pack: `detail` says how many of its items are new, old, ended and changed; and new, held or failed for each of its units.
    """

    key: str
    what: str
    detail: str


class BatchRequest(NamedTuple):
    """A submission of a batch to one host.

    `jobs` are those of the batch there, `name` is the batch's. `limits` are the groups to make or set, with their numbers of slots,
    `keep` the environment variables that jobs get. With `replace`, jobs whose definition has changed are submitted again. `again` are
    the ids, by key, of ended jobs that are to run once more. `timeout_s` bounds the submission on its host. `known` is what
    read_known has read, where the queue has a known_script.
    """

    jobs: Sequence[Job | Pack]
    host: Host
    name: str
    limits: Mapping[str, int]
    keep: Sequence[str]
    replace: bool
    timeout_s: int
    known: Known = None
    again: Mapping[str, str] = MappingProxyType({})


class BatchStatus(NamedTuple):
    """A batch on one host: its queue, the exit codes with which each job has ended, the jobs of units that begin again, the units."""

    queue: Queue
    ended: dict[str, list[int]]
    again: set[str]
    units: Units


class RestartRequest(NamedTuple):
    """Ended jobs of a batch on one host that are to run once more.

    `tasks` are (id, key) of those in the queue, `begins_anew` the keys of items that are not to go on from where they stopped,
    `again` the keys of items of units that have ended and are taken up once more.
    """

    host: Host
    name: str
    tasks: Sequence[tuple[str, str]]
    begins_anew: Sequence[str]
    again: Sequence[str] = ()


class Capacity(NamedTuple):
    """How much work fits on a host: `memory` in bytes for all jobs (0: unknown, or each has its own); `limits` in words."""

    memory: int
    limits: list[str]


Reader = Callable[[str], tuple[list[SubmittedItem], bool]]
"""Reads what became of each job that a submission came to, and whether it came to its end. Raises ValueError without an answer."""

if TYPE_CHECKING:
    Known: TypeAlias = Any
    """What a submission has to know beforehand; each kind of queue has a type of its own for it."""

    class Kind(Protocol):
        """A kind of queue. Members named `…_script` return a sh script, which runs where the queue is reached; `read_…` its answer.

        A `read_…` raises ValueError for an answer that was cut off, or is none.
        """

        # Submission
        def invocation(self, jobs: tuple[Job, ...], host: Host) -> str:
            """Return shell text that submits `jobs` with nothing but the queue's client and ssh, and prints an id a line. Raises
            ValueError where there is no such text."""

        def submissions(self, text: str) -> list[tuple[str, str, str]]:
            """Return what an invocation within `text` submits: (ssh words of the host, key, command) of each job."""

        def submit_script(self, job: Job, host: Host) -> str:
            """Add `job` unless a job has its key."""

        def read_submission(self, answer: str, job: Job) -> Submission: ...

        @property
        def ALLOCATORS(self) -> tuple[str, ...]:
            """Programs that ask this queue for resources of their own, so that they cannot be part of a job."""

        @property
        def MANAGED(self) -> bool:
            """Whether the user runs the queue's daemon, so that `setup` makes it and `doctor` examines it; else its operators do."""

        @property
        def KEEPS_ENDS(self) -> bool:
            """Whether the queue's scripts write down how each job ended; else a batch's jobs do that themselves."""

        # State
        @property
        def ID(self) -> Pattern[str]:
            """What an id of a job looks like."""

        def status_script(self, host: Host) -> str:
            """Print the queue: its groups and all of the user's jobs."""

        def read_status(self, answer: str) -> Queue: ...

        # Output
        def follow_script(self, state: State, host: Host, offset: int, errors_offset: int) -> str:
            """Write the job's output, and its standard error where that is apart, from these byte offsets on, and its states, framed as
            jobs.output reads them, until it ends."""

        def read_state(self, answer: str) -> State | None:
            """Return the state in one frame of a follow script, or None when the job is gone."""

        def tails_script(self, states: Sequence[State], host: Host, count: int) -> str:
            """Write the last `count` bytes of the outputs of jobs, for scripts.read_tails."""

        def failures_script(self, host: Host, jobs: int, count: int) -> str:
            """As tails_script, for the last `jobs` that did not succeed, whichever these are."""

        # The place
        def versions_script(self, host: Host) -> str:
            """Print a line with name and version of each program of the queue."""

        def where(self) -> str:
            """Return sh text that sets $data to the folder in which the queue keeps its files."""

        def trouble(self, host: Host, code: int, said: str) -> str:
            """Return why a script gave no answer, by its exit code and stderr, and what to do."""

        def advised(self, said: str, host: Host) -> str:
            """Return an error of the queue's own with what to do about it."""

        # Actions
        @property
        def CANNOT(self) -> Mapping[str, str]:
            """Calls of actions.Act that this queue does not have, and why; {job} is the job."""

        @property
        def OF_GROUPS(self) -> tuple[str, ...]:
            """The verbs that it knows for a whole group too."""

        def act_script(self, host: Host, acts: Sequence[Action], group: str = "", verb: str = "") -> str:
            """Carry out `acts`, each only while its job is as it was chosen, and print the queue before and after."""

        def read_acts(self, answer: str) -> Looked: ...

        # Batches
        @property
        def PACKS(self) -> bool:
            """Whether many jobs are packed into units for it, since a task each would be too much."""

        def known_script(self, host: Host) -> str:
            """Print what a submission has to know beforehand; empty where that is nothing."""

        def read_known(self, answer: str) -> Known: ...

        def submission(self, request: BatchRequest) -> tuple[str, Reader]:
            """Return a sh script that adds the missing jobs of a batch, and what reads its answer."""

        def batch_script(self, host: Host, name: str, units: bool) -> str:
            """Print all that read_batch needs; `units`: those of packs too."""

        def read_batch(self, answer: str, units: bool) -> BatchStatus: ...

        @property
        def RESTARTS_IN_PLACE(self) -> bool:
            """Whether restart_script starts the jobs; else it only records which start from scratch, and they are submitted once more."""

        def restart_script(self, request: RestartRequest) -> str:
            """Start ended jobs of a batch once more, all in one call, so that chains of them keep their order."""

        def read_restart(self, answer: str) -> tuple[dict[str, str], bool]:
            """Return the keys of jobs that still run, with their processes; and whether all others were started."""

        def item_tails_script(self, host: Host, name: str, keys: Sequence[str], count: int) -> str:
            """Write the last `count` bytes of what items of packs wrote, by key, for scripts.read_tails."""

        def cancel_script(self, host: Host, ids: Sequence[str]) -> str:
            """End and remove jobs."""

        # Capacity
        def capacity_script(self, host: Host) -> str:
            """Print how much work fits there at once."""

        def read_capacity(self, answer: str) -> Capacity: ...
