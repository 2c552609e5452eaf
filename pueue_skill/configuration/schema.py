"""The tables and keys of a configuration file, as pydantic models: TOML content in, a Config out.

`make gen` writes the published schema from these models. A Config converts itself to the values of other packages: hosts, preferences of
the rules, the environment of jobs. Nothing here reads a file or knows which file a value is from; config.py does.
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


def program_name(name: str) -> str:
    if not name or name.split() != [name]:
        raise own_mistake("a name is one word")
    if "/" in name:
        raise own_mistake(f"a name has no folder: {name.rstrip('/').rpartition('/')[2]}")
    return name


def known_kind(name: str) -> str:
    if name not in KINDS:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(KINDS)})
    return name


RuleId = Annotated[
    str,
    AfterValidator(known_rule),
    Field(
        json_schema_extra={
            "title": "rule ID",
            "enum": sorted(BY_ID),
            "enumDescriptions": [BY_ID[id].name for id in sorted(BY_ID)],
        }
    ),
]
ProgramName = Annotated[str, AfterValidator(program_name)]
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


class ConfigTable(BaseModel):
    """A table of a configuration file. An unknown key is an error, and so is a text for a number or for true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class HostTable(ConfigTable):
    """A host with a queue."""

    ssh: str = Field(
        "",
        description="arguments of ssh, options first, as shell text, such as a name in your ssh configuration; default: the host's name",
    )
    pueue: str = Field(
        "", description="path of the pueue client on the host; default: searched for on PATH and in the usual folders"
    )
    share: bool = Field(
        True,
        description="whether calls to the host share one ssh connection, which stays open for a minute; a ControlMaster or ControlPath "
        "for the host in your ssh configuration takes precedence",
    )
    backend: QueueKind = Field(
        "pueue", description="kind of queue: pueue, or slurm for a login node of a cluster or any host with sbatch"
    )
    options: list[str] = Field(
        [], description="with slurm: additional sbatch options for all jobs of the host, such as --partition=long"
    )
    groups: dict[Name, Annotated[int, Field(ge=0)]] = Field(
        {},
        description="groups of the host, and how many jobs each runs at once (0: no limit); a group is created when a job needs it",
    )
    group: Name | Literal[""] = Field("", description="group of jobs that name none")
    path: list[str] = Field([], description="folders to prepend to the PATH of jobs on the host, such as ~/.cargo/bin")
    checkpoints: list[str] = Field(
        [],
        description="files that `audit` counts and whose newest it shows: paths with * and ?, or folders",
    )
    queries: dict[Name, str] = Field(
        {}, description="commands by name that `audit` runs on the host and whose output it shows, such as a row count"
    )
    projects: list[str] = Field([], description="git checkouts on the host whose commit `audit` shows")


class RunTable(ConfigTable):
    """Settings of `run`."""

    wait: Annotated[float, Field(ge=0)] = Field(20, description="seconds that `run` waits for a job before it exits")


class EnvironmentTable(ConfigTable):
    """The caller's variables that a job on this machine gets."""

    mode: Literal["full", "minimal"] = Field(
        "full",
        description="full: all except those of the agent client and the terminal; minimal: PATH, HOME, the locale and `keep`",
    )
    keep: list[str] = Field([], description="variables that are always passed to a job")
    drop: list[str] = Field([], description="variables that are never passed to a job")


class ProgramTable(ConfigTable):
    """A program that the rules do not know, or misjudge."""

    program: ProgramName = Field(description="name of the program, without a folder")
    arguments: list[str] = Field([], description="words that must all be among its arguments")
    size: Literal["long", "quick", "server", "wait"] = Field(
        description="whether the program runs long, ends quickly, serves until it is stopped, or waits for something else"
    )
    reason: str = Field("", description="what the program does, as a noun: a reindex")


class EvidenceTable(ConfigTable):
    """Durations of commands on this machine, which the rules use."""

    record: bool = Field(True, description="whether the hook records durations")
    long: Annotated[float, Field(gt=0)] = Field(
        60,
        description="seconds from which a run is long, for a call with a time limit of 120 s; for others, in proportion",
    )


class HookTable(ConfigTable):
    """Settings of the agent hooks."""

    mode: Literal["off", "remind", "suggest", "rewrite"] | None = Field(
        None,
        description="before a command runs: off: print nothing; remind: tell the agent how to queue it; suggest: deny it once, with "
        "the invocation to run instead; rewrite: queue it instead if that surely keeps its meaning (default: the mode chosen at "
        "installation, otherwise remind)",
    )


class SetupTable(ConfigTable):
    """Where `setup` downloads pueue."""

    url: str = Field("", description="URL of the folder with the files of a pueue release, for a mirror")
    sha256: dict[str, Sha256] = Field(
        {}, description="checksums of the mirror's files by name, such as pueue-x86_64-unknown-linux-musl"
    )


class NotifyTable(ConfigTable):
    """A target of notifications."""

    url: SecretStr = Field(description="apprise URL of the target: jsons://, mailto://, ntfys:// …")
    kinds: list[NoticeKind] = Field(
        ["failures", "groups", "batches"],
        alias="for",
        description="kinds of notifications: failures: failed jobs; groups: groups that became empty; batches: batches that ended",
    )
    quiet: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        json_schema_extra={"patternErrorMessage": "expected two times of the day, such as 22:00-07:00"},
        description="quiet hours, such as 22:00-07:00: their notifications are sent afterwards, as one message",
    )


class Config(ConfigTable):
    """Configuration of pueue-skill."""

    rules: dict[RuleId, Literal["on", "off", "medium", "advice"]] = Field(
        {}, description="rules by ID: off, medium (lower confidence), advice (no rewrite); default: on"
    )
    programs: list[ProgramTable] = Field([], description="programs that the rules do not know, or misjudge")
    evidence: EvidenceTable = EvidenceTable()

    hosts: dict[Name, HostTable] = Field({}, description="hosts with queues, by name; `local` is this machine")
    run: RunTable = RunTable()
    setup: SetupTable = SetupTable()
    notify: list[NotifyTable] = Field([], description="targets of notifications; only allowed in the user's own file")
    hook: HookTable = HookTable()
    environment: EnvironmentTable = EnvironmentTable()

    _project_programs: int = 0
    """How many of `programs`, counted from the first, are from a project's file."""

    _program_sources: tuple[str, ...] = ()
    """The file and line of each of `programs`."""

    def preferences(self, durations: Mapping[str, tuple[float, ...]]) -> Preferences:
        """Return what the rules take into account. `durations` has the seconds of earlier runs, by shape of the command."""
        sources = self._program_sources or ("",) * len(self.programs)
        known = [
            Program(
                table.program,
                tuple(table.arguments),
                table.size,
                table.reason or "a program of your configuration",
                number >= self._project_programs,
                source,
            )
            for number, (table, source) in enumerate(zip(self.programs, sources, strict=True))
        ]
        return Preferences(self.rules, tuple(known), durations, self.evidence.long)

    def job_environment(self) -> Environment:
        """Return which variables the jobs on this machine get."""
        return Environment(self.environment.mode, tuple(self.environment.keep), tuple(self.environment.drop))

    def by_name(self) -> dict[str, Host]:
        """Return all hosts by name, including this machine."""
        hosts = {LOCAL: Host(LOCAL)}
        for name, table in self.hosts.items():
            ssh = "" if name == LOCAL else table.ssh or quote.word(name)
            pueue = table.pueue or ("" if name == LOCAL else REMOTE_PUEUE)
            groups, path = tuple(table.groups.items()), tuple(table.path)
            hosts[name] = Host(
                name, ssh, pueue, table.backend, groups, table.group, path, tuple(table.options), table.share,
                allocators=KINDS[table.backend].ALLOCATORS,
            )  # fmt: skip
        return hosts
