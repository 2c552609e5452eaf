"""The reports of `audit` and `doctor`: types of plain dictionaries. `make gen` writes the published schemas from them."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic accepts typing.TypedDict only from Python 3.12

from pueue_skill.queues.literals import Result

Severity = Literal["ok", "warning", "failure"]


class GroupAudit(TypedDict):
    """A group, with the number of its jobs by state: queued, stashed, running, paused, or their result."""

    name: str
    limit: int
    status: str
    jobs: dict[str, int]


class FailureReport(TypedDict):
    """A job that did not succeed, with the cause and the end of its output; secrets are masked. `name` is HOST:ID."""

    name: str
    label: str | None
    group: str
    command: str
    result: Result | None
    exit_code: int | None
    why: str
    created: str
    ended: str | None
    tail: str


class CheckpointReport(TypedDict):
    """The files of a pattern: their number and size in bytes, and the newest file with its age in seconds and its beginning."""

    pattern: str
    count: int
    size: int
    newest: str | None
    newest_size: int | None
    newest_age: int | None
    newest_time: int | None
    head: str


class QueryReport(TypedDict):
    """The output of a configured command; secrets are masked."""

    name: str
    answer: str


class DiskReport(TypedDict):
    """A file system; sizes are in bytes. `path` is home, queue, or both."""

    path: str
    mount: str
    size: int
    free: int


class GpuReport(TypedDict):
    """A GPU: use in percent, memory in bytes, temperature in °C. A value that it does not report is null."""

    index: str
    name: str
    driver: str
    used: int | None
    memory: int | None
    memory_used: int | None
    temperature: int | None


class ProjectReport(TypedDict):
    """A git checkout: its commit, and how many files have uncommitted changes. `branch` is empty if HEAD is detached."""

    path: str
    commit: str
    branch: str
    committed: str
    subject: str
    changed: int


class MemoryReport(TypedDict):
    """Memory in bytes; `available` is how much programs can still use."""

    size: int
    available: int
    swap: int
    swap_used: int


class AuditReport(TypedDict):
    """The audit of a host. Values that could not be determined are null or missing; `unknown` has the reasons by name.

    `clock` is by how many seconds the host's clock is ahead, `booted` the time of its last boot in seconds since the epoch, `failed` the number
    of jobs that did not succeed; `failures` has the last of them. `changes` are those since the audit at the time `since`.
    """

    version: Literal[1]
    host: str
    at: str
    clock: int | None
    booted: int | None
    groups: list[GroupAudit] | None
    failed: int | None
    failures: list[FailureReport]
    checkpoints: list[CheckpointReport]
    queries: list[QueryReport]
    load: list[float] | None
    processors: int | None
    memory: MemoryReport | None
    disks: list[DiskReport]
    gpus: list[GpuReport]
    projects: list[ProjectReport]
    versions: dict[str, str]
    unknown: dict[str, str]
    since: str | None
    changes: list[str]


class HealthCheckReport(TypedDict):
    """A check: its subject, its result, the cause in words, and the fix, which is empty if all is well.

    `mend` says who may run the fix: `doctor --fix` (safe), only `doctor --fix --start-groups` (asked), or only a person (empty).
    """

    name: str
    result: Severity
    what: str
    fix: str
    mend: Literal["", "safe", "asked"]


class DoctorReport(TypedDict):
    """The health checks of hooks, notifications and queues."""

    version: Literal[1]
    checks: list[HealthCheckReport]
