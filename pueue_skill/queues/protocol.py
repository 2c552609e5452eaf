"""The boundary of a kind of queue: the Protocols that its modules meet, and the values that cross it in both directions.

Values of one kind of queue alone stay in its package. Nothing here knows a queue.
"""

from __future__ import annotations

from collections.abc import Callable

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import Queue
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from re import Pattern
    from typing import Any, Protocol

    from pueue_skill.queues.actions import Act
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


Reader = Callable[[str], tuple[list[SubmittedItem], bool]]
"""Reads what became of each job that a submission came to, and whether it came to its end. Raises ValueError without an answer."""

if TYPE_CHECKING:
    Known = Any
    """What a submission has to know beforehand; each kind of queue has a type of its own for it."""

    class Backend(Protocol):
        """What every kind of queue can: registry.BACKENDS."""

        @property
        def ID(self) -> Pattern[str]:
            """What an id of a job looks like."""

        def invocation(self, jobs: tuple[Job, ...], host: Host) -> str:
            """Shell text that queues `jobs` with nothing but the queue's client and ssh, and prints an id a line."""

        def submissions(self, text: str) -> list[tuple[str, str, str]]:
            """What an invocation within `text` queues: (ssh words of the host, key, command) of each job."""

        def submit_script(self, job: Job, host: Host) -> str:
            """A sh script that adds `job` unless its key is there, and answers for read_submission."""

        def read_submission(self, answer: str, job: Job) -> Submission: ...

        def follow_script(self, state: State, host: Host, offset: int, errors_offset: int) -> str:
            """A sh script that writes the job's output, and its standard error where that is apart, from the bytes `offset` and
            `errors_offset` on, and its states, framed as runtime.follow reads."""

        def read_state(self, answer: str) -> State | None:
            """The state in one frame of a follow script, or None when the job is gone."""

        def tails_script(self, states: Sequence[State], host: Host, count: int) -> str:
            """A sh script that writes the last `count` bytes of the outputs of jobs, for read_tails."""

        def failures_script(self, host: Host, jobs: int, count: int) -> str:
            """As tails_script, for the last `jobs` that did not succeed, whichever these are."""

        def versions_script(self, host: Host) -> str:
            """A sh script that prints a line with name and version of each program of the queue."""

        def where(self) -> str:
            """sh text that sets $data to the folder in which the queue keeps its files."""

        def read_tails(self, answer: bytes) -> dict[str, bytes]:
            """The ends of outputs by the ids of their jobs. Raises ValueError when the answer was cut off."""

        def status_script(self, host: Host) -> str: ...

        def read_status(self, answer: str) -> Queue: ...

        def trouble(self, host: Host, code: int, said: str) -> str:
            """Why a script got no answer, by its exit code and what it said, and what to do."""

        def advised(self, said: str, host: Host) -> str:
            """An error of the queue's own with what to do about it."""

    class Acting(Protocol):
        """What is done with jobs that are there: jobs.actions.ACTING."""

        @property
        def CANNOT(self) -> Mapping[str, str]:
            """Calls of actions.Act that this queue does not have, and why; {job} is the job."""

        @property
        def OF_GROUPS(self) -> tuple[str, ...]:
            """The verbs that it knows for a whole group too."""

        def act_script(self, host: Host, acts: Sequence[Act], group: str = "", verb: str = "") -> str: ...

        def read_acts(self, answer: str) -> Looked: ...

    class Batching(Protocol):
        """Batches: batches.submission.BATCHING."""

        @property
        def PACKS(self) -> bool:
            """Whether many jobs are packed into units for it, since a task each would be too much."""

        def known_script(self, host: Host) -> str:
            """A sh script that answers what a submission has to know beforehand; empty where that is nothing."""

        def read_known(self, answer: str) -> Known: ...

        def submission(
            self,
            jobs: Sequence[Job | Pack],
            host: Host,
            name: str,
            limits: Mapping[str, int],
            keep: Sequence[str],
            replace: bool,
            limit: int,
            known: Known,
            again: Mapping[str, str],
        ) -> tuple[str, Reader]:
            """A sh script that adds what is missing of `jobs`, and what reads its answer. `limit` is in seconds; `again` are jobs that
            have ended and are to run once more, their ids by key."""

        def batch_script(self, host: Host, name: str, units: bool) -> str: ...

        def read_batch(self, answer: str, units: bool) -> tuple[Queue, dict[str, list[int]], set[str], Units]:
            """The queue, the exit codes with which each job has ended, the units' jobs that begin again, the units."""

        def cancel_script(self, host: Host, ids: Sequence[str]) -> str: ...

        def capacity_script(self, host: Host) -> str:
            """A sh script that answers how much work fits there at once."""

        def read_capacity(self, answer: str) -> tuple[int, list[str]]:
            """The bytes of memory that all jobs share (0: not told, or each has its own), and lines on the site's limits."""
