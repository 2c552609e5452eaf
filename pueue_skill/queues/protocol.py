"""The boundary of a kind of queue: the Protocol that its package implements, and the values passed in both directions.

Types that only one kind of queue uses stay in its package. Nothing here knows a queue.
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
    from pueue_skill.queues.model import JobState, Submission
    from pueue_skill.shell.model import Host


class ActionReply(NamedTuple):
    """The queue before and after actions.

    `survivors`: process ids of jobs to restart that still run, by key. `files`: how many left-over files were removed.
    """

    before: Queue
    after: Queue
    survivors: dict[str, str]
    files: int


class Pack(NamedTuple):
    """Items of a batch, as (key, bash text), to be packed into units.

    Each unit has `share` items and runs `slots` of them at once. `job` has the properties that the items share.
    """

    job: Job
    items: tuple[tuple[str, str], ...]
    share: int
    slots: int

    @property
    def key(self) -> str:
        return self.job.key


class Units(NamedTuple):
    """The units of packs: the key of each item's unit, by the key of the item; and the keys of the items that run now."""

    owner: dict[str, str]
    running: set[str]


class SubmittedItem(NamedTuple):
    """The result of a submission for one job of a batch.

    `what` is new; old (it was in the queue before); ended (it has left the queue; `detail` is its exit code); changed (the queue has
    another definition of it, with the id `detail`); held (a job that it depends on failed and has left the queue); or failed (`detail`
    is the error). For a pack it is pack, and `detail` has the numbers of its new, old, ended and changed items; each of its units has
    a separate result: new, held or failed.
    """

    key: str
    what: str
    detail: str


class BatchRequest(NamedTuple):
    """A submission of a batch to one host.

    `jobs` are the batch's jobs on this host, `name` is the name of the batch. `limits`: the groups to create if they are missing, with
    their slots; `keep`: the environment variables that jobs get. With `replace`, jobs whose definition has changed are submitted again.
    `timeout_s` limits the submission on its host. `preflight` is the value of read_preflight, if the queue has a preflight_script.
    `restarts`: the ids, by key, of ended jobs to run again.
    """

    jobs: Sequence[Job | Pack]
    host: Host
    name: str
    limits: Mapping[str, int]
    keep: Sequence[str]
    replace: bool
    timeout_s: int
    preflight: Preflight = None
    restarts: Mapping[str, str] = MappingProxyType({})


class BatchStatus(NamedTuple):
    """A batch on one host: its queue, all exit codes of each job by key, the newest last, the keys of items marked to run again, the units."""

    queue: Queue
    exit_codes: dict[str, list[int]]
    reruns: set[str]
    units: Units


class RestartRequest(NamedTuple):
    """Ended jobs of a batch on one host that are to run again.

    `tasks`: (id, key) of the jobs in the queue. `from_scratch`: the keys of items that start over instead of resuming. `rerun_items`: the
    keys of ended items that their units are to run again.
    """

    host: Host
    name: str
    tasks: Sequence[tuple[str, str]]
    from_scratch: Sequence[str]
    rerun_items: Sequence[str] = ()


class Capacity(NamedTuple):
    """How much work fits on a host: `memory` for all jobs, in bytes (0: unknown, or limited for each job); `limits` as text."""

    memory: int
    limits: list[str]


Reader = Callable[[str], tuple[list[SubmittedItem], bool]]
"""Returns the result for each job that a submission reached, and whether it ran to its end. Raises ValueError if there is no answer."""

if TYPE_CHECKING:
    Preflight: TypeAlias = Any
    """What a submission needs to know first; each kind of queue has its own type for it."""

    class Kind(Protocol):
        """A kind of queue. Members named `…_script` return a sh script that runs on the queue's host; `read_…` parse its answer.

        A `read_…` raises ValueError if there is no answer or it was cut off.
        """

        # Submission
        def invocation(self, jobs: tuple[Job, ...], host: Host) -> str:
            """Return shell text that submits `jobs` and prints one id per line; it needs only the queue's client and ssh.

            Raises ValueError if no such text exists.
            """

        def submissions(self, text: str) -> list[tuple[str, str, str]]:
            """Return the jobs that an invocation in `text` submits, as (ssh words of the host, key, command)."""

        def submit_script(self, job: Job, host: Host) -> str:
            """Submit `job` unless the queue has a job with its key."""

        def read_submission(self, answer: str, job: Job) -> Submission: ...

        @property
        def ALLOCATORS(self) -> tuple[str, ...]:
            """Programs that allocate resources from this queue themselves, so that they cannot be part of a job."""

        @property
        def MANAGED(self) -> bool:
            """Whether the user runs the queue's daemon, so that `setup` creates it and `doctor` examines it; otherwise operators do."""

        @property
        def RECORDS_OUTCOMES(self) -> bool:
            """Whether the queue's scripts record the outcome of each job; otherwise the jobs of a batch do so themselves."""

        # State
        @property
        def ID(self) -> Pattern[str]:
            """The form of a job id."""

        def status_script(self, host: Host) -> str:
            """Print the queue: its groups and all jobs of the user."""

        def read_status(self, answer: str) -> Queue: ...

        # Output
        def follow_script(self, state: JobState, host: Host, offset: int, errors_offset: int) -> str:
            """Write a job's output and its states until it ends, in the frames that jobs.output reads.

            The offsets, in bytes, are those in its stdout and, if that is kept separately, in its stderr.
            """

        def read_state(self, answer: str) -> JobState | None:
            """Return the state in one frame of a follow script; None if the job is no longer in the queue."""

        def tails_script(self, states: Sequence[JobState], host: Host, count: int) -> str:
            """Write the last `count` bytes of the output of each job, for scripts.read_tails."""

        def failures_script(self, host: Host, jobs: int, count: int) -> str:
            """Write the same as tails_script, for the newest `jobs` jobs that did not succeed."""

        # The host
        def versions_script(self, host: Host) -> str:
            """Print the name and version of each program of the queue, one per line."""

        def data_folder(self) -> str:
            """Return sh text that sets $pq_data to the folder of the queue's files."""

        def explain_failure(self, host: Host, code: int, stderr: str) -> str:
            """Return why a script gave no answer, from its exit code and stderr, and what to do."""

        def with_advice(self, error: str, host: Host) -> str:
            """Return an error of the queue, with what to do about it."""

        # Actions
        @property
        def UNSUPPORTED(self) -> Mapping[str, str]:
            """The calls of actions.Action that this queue does not have, each with the reason; {job} stands for the job."""

        @property
        def GROUP_VERBS(self) -> tuple[str, ...]:
            """The verbs that the queue can apply to a whole group."""

        def action_script(self, host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
            """Carry out `actions`, each only if its job is still as it was when selected, and print the queue before and after.

            With `group`, `verb` is applied to that group instead of single jobs.
            """

        def read_actions(self, answer: str) -> ActionReply: ...

        # Batches
        @property
        def PACKS(self) -> bool:
            """Whether many jobs are packed into units, because the queue becomes slow with one task per job."""

        def preflight_script(self, host: Host) -> str:
            """Print what a submission needs to know first; empty if it needs nothing."""

        def read_preflight(self, answer: str) -> Preflight: ...

        def submission(self, request: BatchRequest) -> tuple[str, Reader]:
            """Return a sh script that submits the missing jobs of a batch, and the function that reads its answer."""

        def batch_script(self, host: Host, name: str, units: bool) -> str:
            """Print what read_batch needs; `units`: for packs too."""

        def read_batch(self, answer: str, units: bool) -> BatchStatus: ...

        @property
        def RESTARTS_IN_PLACE(self) -> bool:
            """Whether restart_script restarts the jobs; otherwise it records which start from scratch, and they are resubmitted."""

        def restart_script(self, request: RestartRequest) -> str:
            """Restart ended jobs of a batch in one call, so that dependent jobs keep their order."""

        def read_restart(self, answer: str) -> tuple[dict[str, str], bool]:
            """Return the process ids of jobs that still run, by key; and whether all other jobs were restarted."""

        def item_tails_script(self, host: Host, name: str, keys: Sequence[str], count: int) -> str:
            """Write the last `count` bytes of the output of items of packs, by key, for scripts.read_tails."""

        def cancel_script(self, host: Host, ids: Sequence[str]) -> str:
            """Kill jobs and remove them from the queue."""

        # Capacity
        def capacity_script(self, host: Host) -> str:
            """Print how much work fits on the host at once."""

        def read_capacity(self, answer: str) -> Capacity: ...
