"""The types of what `--json` prints; the published schemas are made of them.

Imported for types and for schemas only: what reads TypedDict, and what the words of a field are, takes longer to import than Python to
start.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

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
    """A job of a plan. It comes after those whose keys are in `after` have succeeded or, with `if_failed`, have ended.

    `each` is the head of a loop whose items only the shell knows: then it is a job a turn, and `command` is that of every one.
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
    """What becomes of a command. Positions are character offsets into `command`.

    With `in_place` the invocation takes the command's place where it stands: it waits, and gives its output and exit status.
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
    """A group: of its `limit` slots (0: no limit) `running` and `paused` jobs take one each. `queued` are those put aside too."""

    name: str
    limit: int
    status: str
    running: int
    paused: int
    queued: int
    success: int
    failed: int


class StuckReport(TypedDict):
    """Jobs that do not run for one reason, and what to type so that they do (empty where it is only to be waited for)."""

    kind: StuckKind
    why: str
    fix: str
    jobs: list[str]


class StateReport(TypedDict):
    """A job in a queue. `name` is HOST:ID; `command` is the work without what the queue puts around it."""

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
    """The queue of a host; `ended` and `failed` count the jobs that have ended in the last hour."""

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
    """The queues of all hosts that were asked."""

    version: Literal[1]
    hosts: list[HostReport]


class JobsReport(TypedDict):
    """Jobs that were named or selected, as their queues have them."""

    version: Literal[1]
    jobs: list[StateReport]


class HistoryReport(TypedDict):
    """Run times in seconds by the shape of the command, the oldest first; with --forget only how many were deleted."""

    version: Literal[1]
    shapes: dict[str, list[float]]
    forgotten: int


class ChangeReport(TypedDict):
    """A settings file of an agent: `did` is planned with --dry-run; `backup` is where the old content is, null without one."""

    file: str
    did: Literal["wrote", "removed", "planned"]
    backup: str | None
    diff: str


class ChangesReport(TypedDict):
    """What install or uninstall changed; nothing where the settings were so already."""

    version: Literal[1]
    verb: Literal["install", "uninstall"]
    agent: str
    scope: Literal["user", "project"]
    dry_run: bool
    changes: list[ChangeReport]
    notes: list[str]


class SentReport(TypedDict):
    """A message to a target, without the secrets of its URL; `reason` says why it was not sent, and `kept` whether it will be again."""

    to: str
    sent: bool
    reason: str
    kept: bool


class NotificationsReport(TypedDict):
    """The messages that notify sent, or tried to send."""

    version: Literal[1]
    messages: list[SentReport]


class RuleReport(TypedDict):
    """A rule; `rewrite`: whether commands are rewritten because of it, or only advised on."""

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
    """The jobs of one phase in one group of one host, counted by where they stand."""

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
    """A job of a batch. `standing`: missing, changed, queued, stashed, paused, running, success, failed, killed, dependency, spawn
    or unknown; not known, where its host does not answer. `name` is HOST:ID, empty where it is not in the queue. `pack` is the key of
    all those that units work through together; empty for a job of its own."""

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
    """How far a batch is."""

    version: Literal[1]
    batch: str
    unreachable: dict[str, str]
    phases: list[PhaseReport]
    jobs: list[BatchJobReport]


class ActReport(TypedDict):
    """What became of a job. `did`: done, left (nothing was to be done), refused, changed (it is no longer what it was when it was
    chosen), failed, or planned with --dry-run; `call` is the queue's own verb, empty where nothing is done; `status` is that of
    afterwards, null where the job is no longer in the queue."""

    name: str
    key: str | None
    label: str | None
    group: str
    call: str
    did: ActionStatus
    why: str
    status: Status | None


class HaltedReport(TypedDict):
    """A group that is paused, and how many jobs wait in it."""

    name: str
    queued: int


class HostActsReport(TypedDict):
    """What became of the jobs of one host; `group` is its group that was acted on as a whole, `files` how many left-over files of
    jobs that are gone were removed."""

    host: str
    reachable: bool
    reason: str
    group: str
    paused: list[HaltedReport]
    files: int
    jobs: list[ActReport]


class ActsReport(TypedDict):
    """What became of the jobs that kill, restart, clean, pause or start was given."""

    version: Literal[1]
    verb: Literal["kill", "restart", "clean", "pause", "start"]
    dry_run: bool
    hosts: list[HostActsReport]


class SetupStepReport(TypedDict):
    name: str
    what: str
    why: str


class ProofReport(TypedDict):
    """The job that was run to prove the queue; `why` says why it proves nothing, and is empty where it does."""

    job: str
    exit_code: int | None
    output: str
    why: str


class SetupReport(TypedDict):
    """A host and its queue. `done` is false where the steps are only planned; with `removed` they are what was taken back."""

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
