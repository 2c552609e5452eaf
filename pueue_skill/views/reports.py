"""The types of the documents of `--json`, from which the published schemas are generated.

Imported only for types and for schemas: importing typing_extensions takes longer than starting Python.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic supports typing's own only from Python 3.12 on

from pueue_skill.batches.literals import ItemDid
from pueue_skill.jobs.literals import ActionStatus
from pueue_skill.plan.literals import Verdict
from pueue_skill.queues.literals import Result, Status, StuckKind
from pueue_skill.rules.literals import Confidence
from pueue_skill.shell.literals import Parser


class FindingReport(TypedDict):
    rule: str
    name: str
    message: str
    confidence: Confidence
    start: int
    end: int


class JobReport(TypedDict):
    """A job of a plan. It runs once the jobs whose keys are in `after` have succeeded or, with `if_failed`, have ended.

    `each` is the head of a loop whose items only the shell knows: there is one job per iteration, each with this `command`.
    """

    key: str
    host: str
    backend: str
    group: str | None
    label: str | None
    cwd: str | None
    command: str
    after: list[str]
    if_failed: bool
    each: str | None


class SuggestionReport(TypedDict):
    """The rewrite of a command, or the reason for none. Positions are character offsets in `command`.

    With `in_place`, the invocation can replace the command anywhere: it waits for the job and returns its output and exit status.
    """

    version: Literal[1]
    command: str
    verdict: Verdict
    reason: str
    parser: Parser | None
    findings: list[FindingReport]
    jobs: list[JobReport]
    invocation: str | None
    in_place: bool


class GroupReport(TypedDict):
    """A group with `limit` slots (0: no limit). `running` and `paused` jobs use one slot each; `queued` includes stashed jobs."""

    name: str
    limit: int
    status: str
    running: int
    paused: int
    queued: int
    success: int
    failed: int


class StuckReport(TypedDict):
    """Jobs that do not run for the same reason. `fix`: the command that makes them run; empty if there is only waiting."""

    kind: StuckKind
    why: str
    fix: str
    jobs: list[str]


class StateReport(TypedDict):
    """A job in a queue. `name` is HOST:ID; `command` is the job's own, without the text that pueue-skill adds."""

    name: str
    key: str | None
    status: Status
    result: Result | None
    exit_code: int | None
    detail: str
    group: str
    label: str | None
    cwd: str
    command: str
    after: list[str]
    created: str
    started: str | None
    ended: str | None
    due: str | None


class HostReport(TypedDict):
    """The queue of a host. `ended` and `failed` count the jobs that ended in the last hour."""

    host: str
    reachable: bool
    reason: str
    load: str
    groups: list[GroupReport]
    stuck: list[StuckReport]
    ended: int
    failed: int
    jobs: list[StateReport]


class StatusReport(TypedDict):
    """The queues of the selected hosts."""

    version: Literal[1]
    hosts: list[HostReport]


class JobsReport(TypedDict):
    """The selected jobs with their states; for `wait`, those that ended, with their outcomes."""

    version: Literal[1]
    jobs: list[StateReport]


class RunReport(TypedDict):
    """The job that `run` submitted, with its last known state. `already_queued`: the queue had a job with its key before."""

    version: Literal[1]
    host: str
    id: str
    already_queued: bool
    job: StateReport


class OutcomeReport(TypedDict):
    """The outcome of a job that a session submitted. A lost job is no longer in its queue; without an `id`, it was never found there.

    `seconds` is its run time, `tail` the end of its output with secrets masked.
    """

    version: Literal[1]
    host: str
    id: str | None
    key: str
    label: str | None
    group: str
    command: str
    result: Result | Literal["lost"]
    exit_code: int | None
    seconds: float | None
    ended: str | None
    tail: str


class SlotReport(TypedDict):
    """Jobs that ran one after the other; `number` counts the slots of a group of a host from 1."""

    host: str
    group: str
    number: int
    jobs: list[StateReport]


class TimelineReport(TypedDict):
    """When the jobs of a day or of a batch ran; `title` is the day or the name of the batch. `unreachable` has a reason for each host."""

    version: Literal[1]
    title: str
    unreachable: dict[str, str]
    slots: list[SlotReport]


class RunTimesReport(TypedDict):
    """Run times in seconds, oldest first, with their median and 90th percentile, in which recent runs weigh more."""

    p50: float
    p90: float
    runs: list[float]


class HistoryReport(TypedDict):
    """Run times by the shape of the command; with --forget, only the number of deleted ones."""

    version: Literal[1]
    shapes: dict[str, RunTimesReport]
    forgotten: int


class ChangeReport(TypedDict):
    """A change of an agent's settings file. `did` is `planned` with --dry-run. `backup`: the copy of the old file, null without one."""

    file: str
    did: Literal["wrote", "removed", "planned"]
    backup: str | None
    diff: str


class ChangesReport(TypedDict):
    """The changes made by install or uninstall; empty if there was nothing to change."""

    version: Literal[1]
    verb: Literal["install", "uninstall"]
    agent: str
    scope: Literal["user", "project"]
    dry_run: bool
    changes: list[ChangeReport]
    notes: list[str]


class SentReport(TypedDict):
    """A message to a target, whose URL is shown without secrets. `reason`: why it was not sent. `kept`: the next command sends it again."""

    to: str
    sent: bool
    reason: str
    kept: bool


class NotificationsReport(TypedDict):
    """The messages that notify sent or tried to send."""

    version: Literal[1]
    messages: list[SentReport]


class RuleReport(TypedDict):
    """A rule. `rewrite`: whether its findings may lead to a rewrite; otherwise they are only advice."""

    id: str
    name: str
    confidence: Confidence
    rewrite: bool
    what: str
    why: str
    instead: str
    bad: list[str]
    good: list[str]


class RulesReport(TypedDict):
    """Rules, in the order of their IDs."""

    version: Literal[1]
    rules: list[RuleReport]


class PhaseReport(TypedDict):
    """The jobs of one phase in one group of one host, counted by state."""

    phase: str
    host: str
    group: str
    jobs: int
    missing: int
    changed: int
    waiting: int
    running: int
    success: int
    failed: int


class BatchJobReport(TypedDict):
    """A job of a batch. `standing` is missing, changed (the queue has another definition), queued, stashed, paused, running, success,
    failed, killed, dependency, spawn (it failed to start) or unknown; not known if its host did not answer. `name` is HOST:ID, empty
    if the job is not in the queue. `kind` is item, check or end (a job between two phases). `pack` is the key of the pack of a job
    that runs in a unit, else empty. `tries` counts its ended runs, `after` has the keys of its dependencies."""

    key: str
    pack: str
    name: str
    host: str
    phase: str
    kind: str
    label: str
    group: str
    standing: str
    exit_code: int | None
    tries: int
    after: list[str]


class BatchReport(TypedDict):
    """The progress of a batch, and the state of each job; `unreachable` has the reason for each host that did not answer."""

    version: Literal[1]
    batch: str
    unreachable: dict[str, str]
    phases: list[PhaseReport]
    jobs: list[BatchJobReport]


class PhaseSizeReport(TypedDict):
    """A phase of a manifest: its jobs on all hosts, its checks, and the phases that it depends on."""

    phase: str
    jobs: int
    checks: int
    after: list[str]


class BatchCheckReport(TypedDict):
    """A manifest. `jobs` includes checks and jobs between phases. An invalid manifest has `errors`, no phases, and null as `batch`."""

    version: Literal[1]
    file: str
    batch: str | None
    hosts: list[str]
    jobs: int
    phases: list[PhaseSizeReport]
    errors: list[str]


class BatchActReport(TypedDict):
    """The result of an action for a job of a batch, or for `count` jobs of a pack.

    `did` of submit is added, present (the job is in the queue already), ended (the job ended before; `why` has its exit code), changed
    (the queue has the job `name` with another definition), blocked (a dependency failed and is no longer in the queue) or failed. `did`
    of resume is restarted, planned with --dry-run, left (as is; `why` says why) or failed. `did` of cancel is cancelled. `name` is
    HOST:ID, empty if it is unknown or the job is not in the queue.
    """

    key: str
    name: str
    phase: str
    kind: str
    label: str
    group: str
    did: ItemDid
    count: int
    why: str


class HostBatchActsReport(TypedDict):
    """The results for the jobs of one host; `reason` says why an unreachable host did not answer."""

    host: str
    reachable: bool
    reason: str
    jobs: list[BatchActReport]


class BatchActsReport(TypedDict):
    """What batch submit, resume or cancel did. Resume lists failed jobs only, cancel the cancelled jobs only."""

    version: Literal[1]
    batch: str
    verb: Literal["submit", "resume", "cancel"]
    dry_run: bool
    hosts: list[HostBatchActsReport]


class ActReport(TypedDict):
    """The result for a job. `did`: done, left (there was nothing to do), refused, changed (the job changed after it was selected),
    failed, or planned with --dry-run. `call`: the queue's own verb, empty if nothing is done. `status`: that after the action, null if
    the job is no longer in the queue."""

    name: str
    key: str | None
    label: str | None
    group: str
    call: str
    did: ActionStatus
    why: str
    status: Status | None


class HaltedReport(TypedDict):
    """A paused group, and the number of jobs that wait in it."""

    name: str
    queued: int


class HostActsReport(TypedDict):
    """The results for the jobs of one host. `group`: the group that was acted on as a whole. `files`: the number of removed files that
    belonged to removed jobs."""

    host: str
    reachable: bool
    reason: str
    group: str
    paused: list[HaltedReport]
    files: int
    jobs: list[ActReport]


class ActsReport(TypedDict):
    """The results of kill, restart, clean, pause or start."""

    version: Literal[1]
    verb: Literal["kill", "restart", "clean", "pause", "start"]
    dry_run: bool
    hosts: list[HostActsReport]


class SetupStepReport(TypedDict):
    name: str
    what: str
    why: str


class ProofReport(TypedDict):
    """The test job of a setup. `why`: why the test failed, empty if it succeeded."""

    job: str
    exit_code: int | None
    output: str
    why: str


class SetupReport(TypedDict):
    """A host and its queue. `done` is false if the steps are only planned. With `removed`, the steps undo a setup."""

    version: Literal[1]
    host: str
    done: bool
    removed: bool
    os: str
    arch: str
    libc: str
    shell: str
    pueue: str
    pueue_version: str
    daemon: bool
    service: Literal["systemd", "launchd", ""]
    steps: list[SetupStepReport]
    proof: ProofReport | None
    notes: list[str]
