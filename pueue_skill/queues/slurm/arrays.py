"""Groups the missing jobs of a batch into Slurm job arrays: jobs and the site's current jobs in, an ArrayPlan out.

Jobs of one phase with the same group, resources, folder and dependencies share an array, with %N if the group has a limit. An array that
would exceed the site's MaxArraySize is split; with a limit, its parts run one after the other. An array depends on whole arrays or
single tasks (afterok), or each of its tasks on the task with the same number in another array (aftercorr).

See sbatch(1), --array and --dependency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import JobState
from pueue_skill.queues.protocol import SubmittedItem
from pueue_skill.queues.slurm.state import Snapshot, id_of
from pueue_skill.startup.record import NamedTuple


class Site(NamedTuple):
    """The jobs of a cluster before a submission, and its MaxArraySize: the indices of an array are below it."""

    snapshot: Snapshot
    max_array_size: int


class Array(NamedTuple):
    """Jobs to submit as one array.

    `tasks`: the jobs by index. `dependencies`: as sbatch takes them, in sh source that refers to the ids of other arrays. `limit`: how many
    tasks run at once (0: no limit). `previous`: the number of the array that must end first, because both share a limit.
    """

    tasks: dict[int, Job]
    dependencies: tuple[str, ...]
    limit: int
    previous: int | None = None


class ArrayPlan(NamedTuple):
    """The arrays to submit, numbered by position; the results for jobs that are not submitted; the ids of jobs that are replaced."""

    arrays: list[Array]
    results: list[SubmittedItem]
    replaced: list[str]


class OpenDependencies(NamedTuple):
    """What a job depends on: `words` for sbatch; `task`, the one (array, index) whose index the job can share; `held`, the key of a
    dependency that can no longer succeed, so that the job cannot be submitted.
    """

    words: tuple[str, ...]
    task: tuple[int, int] | None = None
    held: str = ""


def plan_arrays(
    jobs: Sequence[Job], site: Site, limits: Mapping[str, int], restarts: Mapping[str, str], replace: bool
) -> ArrayPlan:
    """Return how to submit `jobs`, in which dependencies come first.

    `limits`: slots by group. `restarts`: the ids, by key, of ended jobs to run again. `replace`: submit jobs whose definition has changed.
    """
    planner = Planner(site, limits, restarts, replace)
    for job in jobs:
        planner.add(job)
    return planner.plan


class Planner:
    """Adds jobs one by one to the arrays of a plan."""

    def __init__(self, site: Site, limits: Mapping[str, int], restarts: Mapping[str, str], replace: bool) -> None:
        self.site, self.limits, self.restarts, self.replace = site, limits, restarts, replace
        self.plan = ArrayPlan([], [], [])
        self.submitted = {state.key: state for state in site.snapshot.queue.states if state.key}
        self.by_item = {item_of(key): state for key, state in self.submitted.items()}
        self.tasks: dict[str, tuple[int, int]] = {}  # array and index of each added job, by key
        self.numbers: dict[tuple[object, ...], list[int]] = {}  # the arrays of jobs with the same properties

    def add(self, job: Job) -> None:
        """Add `job` to an array, or its result to the plan if it is not to be submitted."""
        result = self.existing(job)
        if result:
            self.plan.results.append(result)
            return
        dependencies = self.dependencies_of(job)
        if dependencies.held:
            self.plan.results.append(SubmittedItem(job.key, "held", dependencies.held))
            return
        number, index = self.place(job, dependencies)
        self.plan.arrays[number].tasks[index] = job
        self.tasks[job.key] = number, index

    def existing(self, job: Job) -> SubmittedItem | None:
        """Return the result for a job that is in the queue or has ended; None if it is to be submitted."""
        state, other = self.submitted.get(job.key), self.by_item.get(item_of(job.key))
        if state:
            restarted = self.restarts.get(job.key) == state.id
            return None if restarted else SubmittedItem(job.key, "old", state.id)
        if other:
            if not self.replace or other.status in ("running", "paused"):
                return SubmittedItem(job.key, "changed", other.id)
            self.plan.replaced.append(other.id)
            return None
        codes = self.site.snapshot.exit_codes.get(job.key)
        return SubmittedItem(job.key, "ended", str(codes[-1])) if codes else None

    def dependencies_of(self, job: Job) -> OpenDependencies:
        """Return the dependencies of a job that have not succeeded yet.

        Slurm treats a dependency on a job that it has forgotten as satisfied, so none may refer to such a job.
        """
        snapshot = self.site.snapshot
        words: dict[str, None] = {}
        tasks: dict[int, list[int]] = {}
        for key in job.after:
            if key in self.tasks:
                number, index = self.tasks[key]
                tasks.setdefault(number, []).append(index)
                continue
            state = self.submitted.get(key)
            if succeeded(state, snapshot.exit_codes.get(key)):
                continue
            if state is None or (state.status == "done" and state.id not in snapshot.live_ids):
                return OpenDependencies((), held=key)
            words[f"afterok:{id_of(state.id)}"] = None
        shared = None
        for number, indices in tasks.items():
            if len(indices) == len(self.plan.arrays[number].tasks):
                words[f"afterok:{id_variable(number)}"] = None
            elif len(indices) == 1 and not shared:
                shared = number, indices[0]
            else:
                words |= dict.fromkeys([f"afterok:{id_variable(number)}_{index}" for index in indices])
        return OpenDependencies(tuple(words), shared)

    def place(self, job: Job, dependencies: OpenDependencies) -> tuple[int, int]:
        """Return the array and index for a job, after creating the array if necessary."""
        words, task, _ = dependencies
        properties = (job.key.split(":")[1], job.group, job.priority, job.needs, job.cwd, words, task and task[0])
        numbers = self.numbers.setdefault(properties, [])
        if task:
            index = task[1]
            number = next((number for number in numbers if index not in self.plan.arrays[number].tasks), None)
            words = (*words, f"aftercorr:{id_variable(task[0])}")
        else:
            index = len(self.plan.arrays[numbers[-1]].tasks) if numbers else 0
            fits = bool(numbers) and index < self.site.max_array_size - 1
            number, index = (numbers[-1], index) if fits else (None, 0)
        if number is None:
            limit = self.limits.get(job.group or "default", 0)
            number = len(self.plan.arrays)
            self.plan.arrays.append(Array({}, words, limit, numbers[-1] if numbers and limit else None))
            numbers.append(number)
        return number, index


def item_of(key: str) -> str:
    """Return the key of a batch's job without the digest of its definition."""
    return key.rpartition(":")[0]


def succeeded(state: JobState | None, exit_codes: Sequence[int] | None) -> bool:
    """Return whether a job has succeeded; `state` is None if it is no longer in the queue."""
    if state:
        return state.result == "success"
    return exit_codes is not None and exit_codes[-1] == 0


def id_variable(number: int) -> str:
    """Return sh source for the id of an array of the same submission; `none` if that was not submitted (sh/batch.sh)."""
    return f"${{pq_id_{number}:-none}}"


def ranges(indices: Sequence[int]) -> str:
    """Return indices as `sbatch --array` takes them: 0-3,7."""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join([f"{first}-{last}" if last > first else str(first) for first, last in runs])
