"""What an audit and `doctor` report of a host: types of plain dictionaries, from which the published schemas are made."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from pueue_skill.queues.literals import Result

Severity = Literal["ok", "warning", "failure"]


class GroupAudit(TypedDict):
    """A group and its jobs by state: queued, stashed, running, paused, or the result of those that are done."""

    name: str
    limit: int
    status: str
    jobs: dict[str, int]


class FailureReport(TypedDict):
    """A job that did not succeed: why, and the end of its output, with secrets masked. `name` is HOST:ID."""

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
    """The files of a pattern: how many, their bytes, and the newest one, with its age in seconds and how it begins."""

    pattern: str
    count: int
    size: int
    newest: str | None
    newest_size: int | None
    newest_age: int | None
    newest_time: int | None
    head: str


class QueryReport(TypedDict):
    """What a command of the configuration answered, with secrets masked."""

    name: str
    answer: str


class DiskReport(TypedDict):
    """A file system, in bytes; `path` is what was asked for."""

    path: str
    mount: str
    size: int
    free: int


class GpuReport(TypedDict):
    """A graphics card; memory in bytes, use in per cent, temperature in degrees Celsius, each None where it does not tell."""

    index: str
    name: str
    driver: str
    used: int | None
    memory: int | None
    memory_used: int | None
    temperature: int | None


class ProjectReport(TypedDict):
    """A checkout: what it stands at, and how many files differ from that. `branch` is empty where HEAD is on none."""

    path: str
    commit: str
    branch: str
    committed: str
    subject: str
    changed: int


class MemoryReport(TypedDict):
    """In bytes; `available` is what programs can still have."""

    size: int
    available: int
    swap: int
    swap_used: int


class AuditReport(TypedDict):
    """All that an audit has found on a host. What could not be learnt is None or missing, and `unknown` says why, by name.

    `clock` is how many seconds the host's clock is ahead, `booted` when it was started in seconds of the epoch, `failed` how many
    jobs did not succeed (`failures` are the last of them). `changes` are those since the audit of `since`.
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


class CheckReport(TypedDict):
    """One check: what was found, and what to do about it (empty when all is well). `mend` says who may: `doctor --fix` (safe), with
    --start-groups too (asked), or a person alone (empty)."""

    name: str
    result: Severity
    what: str
    fix: str
    mend: Literal["", "safe", "asked"]


class DoctorReport(TypedDict):
    """What keeps pueue-skill from working."""

    version: Literal[1]
    checks: list[CheckReport]
