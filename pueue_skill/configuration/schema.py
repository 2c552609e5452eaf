"""The keys of config.toml and .pueue-skill.toml as pydantic tables: what may be written, its defaults, and the pipe's values made of it.

The published schema is made from these tables. They know no file; files.py reads those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticKnownError

from pueue_skill.configuration.diagnostics import own_mistake
from pueue_skill.plan.model import Environment
from pueue_skill.queues.registry import KINDS
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.rules.registry import BY_ID
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.shell.ssh_target import REMOTE_PUEUE
from pueue_skill.state.literals import NoticeKind


def known_rule(id: str) -> str:
    if id not in BY_ID:
        raise own_mistake("unknown rule ID")
    return id


def known_kind(name: str) -> str:
    if name not in KINDS:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(KINDS)})
    return name


RuleId = Annotated[
    str,
    AfterValidator(known_rule),
    Field(json_schema_extra={"title": "rule ID", "enum": sorted(BY_ID)}),
]
QueueKind = Annotated[str, AfterValidator(known_kind), Field(json_schema_extra={"enum": list(KINDS)})]
Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        json_schema_extra={"patternErrorMessage": "expected a name of letters, digits, ., _ and -"},
    ),
]

Sha256 = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$",
        json_schema_extra={"patternErrorMessage": "expected a SHA-256 checksum of 64 digits 0-9 and a-f"},
    ),
]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HostTable(Table):
    """A host with a queue."""

    ssh: str = Field(
        "",
        description="what ssh is given: a name of your ssh configuration, options before it if need be; the host's name when left out",
    )
    pueue: str = Field(
        "", description="the pueue client's path there; looked for in PATH and the usual places when left out"
    )
    share: bool = Field(
        True,
        description="whether calls share one connection of ssh, which stays open for a minute; where your ssh configuration has a "
        "ControlMaster or ControlPath for the host, that holds",
    )
    backend: QueueKind = Field(
        "pueue", description="the kind of queue; slurm: a cluster's login node, or a machine with sbatch"
    )
    options: list[str] = Field(
        [], description="with slurm: further options of sbatch for all jobs there, such as --partition=long"
    )
    groups: dict[Name, Annotated[int, Field(ge=0)]] = Field(
        {},
        description="the groups there, and how many jobs each runs at once (0: no limit); made when a job needs them",
    )
    group: Name | Literal[""] = Field("", description="the group for jobs that name none")
    path: list[str] = Field([], description="folders before the PATH of jobs there, such as ~/.cargo/bin")
    checkpoints: list[str] = Field(
        [], description="files there that an audit counts, and shows the newest of: paths with * and ?, or folders"
    )
    queries: dict[Name, str] = Field(
        {}, description="commands by name that an audit runs there and shows the answers of, such as a count of rows"
    )
    projects: list[str] = Field([], description="folders there whose git commit an audit shows")


class RunTable(Table):
    """How `run` behaves."""

    wait: Annotated[float, Field(ge=0)] = Field(20, description="seconds to wait for a job before it is left to itself")


class EnvironmentTable(Table):
    """Which of your variables a job on this machine gets."""

    mode: Literal["full", "minimal"] = Field(
        "full",
        description="full: all but those of the agent client and the terminal; minimal: PATH, HOME, the locale and `keep`",
    )
    keep: list[str] = Field([], description="variables that are handed on in any case")
    drop: list[str] = Field([], description="variables that are never handed on")


class ProgramTable(Table):
    """A program of yours, and how long it runs."""

    program: str = Field(description="the program's name, without folder")
    arguments: list[str] = Field([], description="words that must all be among its arguments")
    size: Literal["long", "quick"] = Field(description="whether it runs long or ends at once")
    reason: str = Field("", description="what it does, as in: a reindex")


class EvidenceTable(Table):
    """What is learnt from how long commands took here."""

    record: bool = Field(True, description="whether the hook records durations")
    long: Annotated[float, Field(gt=0)] = Field(30, description="seconds from which on a run was long")


class HookTable(Table):
    """How the hooks of an agent behave."""

    mode: Literal["off", "remind", "suggest", "rewrite"] | None = Field(
        None,
        description="before a command runs: off: say nothing; remind: tell the agent how to queue it; suggest: deny it once, with "
        "the invocation to run instead; rewrite: queue it in its place where that surely keeps the meaning (default: what was "
        "chosen at installation, else remind)",
    )


class SetupTable(Table):
    """Where `setup` has pueue from."""

    url: str = Field("", description="the folder with the files of pueue's release, for a mirror of your own")
    sha256: dict[str, Sha256] = Field(
        {}, description="checksums of files there by their names, such as pueue-x86_64-unknown-linux-musl"
    )


class NotifyTable(Table):
    """A target of notifications."""

    url: SecretStr = Field(
        description="an URL of apprise, which says what is written to: jsons://, mailto://, ntfys:// …"
    )
    kinds: list[NoticeKind] = Field(
        ["failures", "groups", "batches"],
        alias="for",
        description="kinds of notifications: failures: failed jobs; groups: groups that became empty; batches: batches that ended",
    )
    quiet: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        json_schema_extra={"patternErrorMessage": "expected two times of the day, such as 22:00-07:00"},
        description="hours of the day, as in 22:00-07:00, in which nothing is sent; it is kept, and sent as one message afterwards",
    )


class Config(Table):
    """pueue-skill's configuration."""

    rules: dict[RuleId, Literal["on", "off", "medium", "advice"]] = Field(
        {}, description="rules by ID: off, medium (less sure), advice (no rewrite); on is the default"
    )
    programs: list[ProgramTable] = Field([], description="programs that the rules do not know, or know wrongly")
    evidence: EvidenceTable = EvidenceTable()

    hosts: dict[Name, HostTable] = Field({}, description="the hosts with queues, by name; `local` is this machine")
    run: RunTable = RunTable()
    setup: SetupTable = SetupTable()
    notify: list[NotifyTable] = Field([], description="where people are told; only in your own file")
    hook: HookTable = HookTable()
    environment: EnvironmentTable = EnvironmentTable()

    _of_project: int = 0
    """How many of `programs`, from the first on, a project has said."""

    def preferences(self, durations: Mapping[str, tuple[float, ...]]) -> Preferences:
        """What the core is to go by, with what is remembered of earlier runs."""
        known = [
            Program(table.program, tuple(table.arguments), table.size, table.reason or "what you said of it", sure)
            for number, table in enumerate(self.programs)
            for sure in [number >= self._of_project]
        ]
        return Preferences(self.rules, tuple(known), durations, self.evidence.long)

    def job_environment(self) -> Environment:
        """Which variables the jobs of this machine get."""
        return Environment(self.environment.mode, tuple(self.environment.keep), tuple(self.environment.drop))

    def by_name(self) -> dict[str, Host]:
        """The hosts for the core, this machine among them."""
        found = {LOCAL: Host(LOCAL)}
        for name, table in self.hosts.items():
            ssh = "" if name == LOCAL else table.ssh or quote.word(name)
            pueue = table.pueue or ("" if name == LOCAL else REMOTE_PUEUE)
            groups, path = tuple(table.groups.items()), tuple(table.path)
            found[name] = Host(
                name, ssh, pueue, table.backend, groups, table.group, path, tuple(table.options), table.share,
                allocators=KINDS[table.backend].ALLOCATORS,
            )  # fmt: skip
        return found
