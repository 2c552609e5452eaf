"""What users write: config.toml for the user, .pueue-skill.toml for the project, which may adjust what is the user's, and no more.

In: the two files, if they are there. Out: a Config, its hosts as the core's Host. Raises ConfigError, which names the file,
the key and what was expected there. It never writes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from pueue_skill.configuration.environment import job_environment as job_environment
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.state import paths
from pueue_skill.state.literals import NoticeKind

RuleId = Annotated[str, Field(pattern=r"^PQ[0-9]{3}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


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
    backend: Literal["pueue", "slurm"] = Field(
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
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        {}, description="checksums of files there by their names, such as pueue-x86_64-unknown-linux-musl"
    )


class NotifyTable(Table):
    """Where people are told of what has happened in the queues."""

    url: SecretStr = Field(
        description="an URL of apprise, which says what is written to: jsons://, mailto://, ntfys:// …"
    )
    kinds: list[NoticeKind] = Field(
        ["failures", "groups", "batches"],
        alias="for",
        description="what is told: failures: jobs that failed; groups: groups that have run empty; batches: batches that have ended",
    )
    quiet: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
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

    def by_name(self) -> dict[str, Host]:
        """The hosts for the core, this machine among them."""
        found = {LOCAL: Host(LOCAL)}
        for name, table in self.hosts.items():
            ssh = "" if name == LOCAL else table.ssh or quote.word(name)
            pueue = table.pueue or ("" if name == LOCAL else "~/.local/bin/pueue")
            groups, path = tuple(table.groups.items()), tuple(table.path)
            found[name] = Host(
                name, ssh, pueue, table.backend, groups, table.group, path, tuple(table.options), table.share
            )
        return found


def user_file() -> Path:
    return Path(paths.user_file())


def project_file(folder: Path) -> Path | None:
    """The project's file: in `folder` or the nearest folder above it."""
    found = paths.project_file(str(folder))
    return Path(found) if found else None


def load(folder: Path | None = None) -> Config:
    """The configuration that holds in `folder` (the current one when left out). Raises ConfigError."""
    try:
        folder = folder or Path.cwd()
    except FileNotFoundError:
        folder = Path("/")
    found, refused = permitted(folder)
    if refused:
        raise ConfigError("\n".join(refused))
    return found


def permitted(folder: Path) -> tuple[Config, list[str]]:
    """The configuration that holds in `folder` without what its project may not say, and why that is refused.

    Raises ConfigError where the user's own file cannot be used.
    """
    user = user_file()
    below = read(user) if user.is_file() else {}
    project = project_file(folder)
    if project is None:
        return Config.model_validate(below), []
    try:
        content, refused = of_project(project, read(project), below)
    except ConfigError as error:
        return Config.model_validate(below), [str(error)]
    found = Config.model_validate(merge(below, content))
    found._of_project = len(content.get("programs", []))
    return found, refused


def read(file: Path) -> dict[str, Any]:
    """One file's content, valid by itself. Raises ConfigError."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    try:
        Config.model_validate(content)
    except ValidationError as error:
        lines = [
            f"{file}: {'.'.join([printable.line(str(key), SAID) for key in e['loc']])}: {e['msg']}"
            for e in error.errors()
        ]
        raise ConfigError("\n".join([*lines, "All keys: pueue-skill schema config"])) from None
    return content


QUIETER: Mapping[str, tuple[Any, ...]] = {
    "rules": ("on", "medium", "advice", "off"),
    "hook.mode": ("suggest", "remind", "off"),
    "evidence.record": (True, False),
}
"""What a project may say of these only has less done than the user has chosen: the values in that order."""

OF_A_PROJECT = {*QUIETER, "programs", "run.wait", "hosts.*.groups", "hosts.*.group"}
"""The keys that a project may set; of `hosts.*`, those of hosts of the user's own file."""

NOT_A_PROJECTS: Mapping[str, str] = {
    "hosts": "a project may not say how a host is reached, what is run there or which files are read",
    "notify": "a project may not say whom your jobs are told to",
    "setup": "a project may not say where programs come from",
    "environment": "a project may not say which of your variables jobs get",
    "evidence": "a project may not say from when on a run is long",
    "hook": "a project may not have commands rewritten",
}


def of_project(file: Path, content: dict[str, Any], user: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a project's content may add to the user's, and why the rest is refused: a checkout is somebody else's text."""
    allowed: dict[str, Any] = {}
    refused: list[str] = []

    def take(path: tuple[str, ...], value: Any) -> None:
        name = ".".join([path[0], "*", *path[2:]]) if path[0] == "hosts" else ".".join(path)
        if path[0] == "hosts" and len(path) == 2 and path[1] not in {*user.get("hosts", {}), LOCAL}:
            refused.append(
                f"{file}: {'.'.join(path)}: your own configuration has no such host, and a project may not add one"
            )
        if isinstance(value, dict) and any(known.startswith(f"{name}.") for known in OF_A_PROJECT):
            for key, inner in value.items():
                take((*path, key), inner)
            return
        reason = NOT_A_PROJECTS.get(path[0], "a project may not say that")
        if name not in OF_A_PROJECT or (name == "hook.mode" and value == "rewrite"):
            refused.append(f"{file}: {'.'.join(path)}: {reason}")
            return
        if path[0] == "hosts" and path[1] not in {*user.get("hosts", {}), LOCAL}:
            return
        place = allowed
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = quieter(name, value, at(user, path))

    for key, value in content.items():
        take((key,), value)
    allowed["programs"] = [as_said(program) for program in allowed.get("programs", [])]
    return allowed, [f"{why}; put it into {user_file()}" for why in refused]


def at(content: Any, path: Sequence[str]) -> Any:
    """What a file says at a key; None where it says nothing."""
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def quieter(name: str, value: Any, own: Any) -> Any:
    """What holds of a key of which the project says `value` and the user `own` (None: nothing)."""
    if name == "rules":
        return {id: later(QUIETER[name], said, at(own, [id]) or "on") for id, said in value.items()}
    return value if name not in QUIETER or own is None else later(QUIETER[name], value, own)


def later(order: Sequence[Any], *values: Any) -> Any:
    """The one of `values` that comes last in `order`; what is not in it comes first."""
    return max(values, key=lambda value: order.index(value) if value in order else -1)


SAID = 200
"""Characters of a project's text that are shown."""


def as_said(program: dict[str, Any]) -> dict[str, Any]:
    """A project's word on a program, so that nobody takes it for ours."""
    text = printable.line(program.get("reason", ""), SAID).replace('"', "'")
    said = f'says: "{text}"' if text else f"says that it is {program['size']}"
    return {
        **program,
        "reason": f"{printable.line(program['program'], SAID)} (the project's {paths.PROJECT_FILE} {said})",
    }


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, table by table."""
    both = dict(below)
    for key, value in above.items():
        inner = both.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            both[key] = merge(inner, value)
        elif isinstance(inner, list) and isinstance(value, list):
            both[key] = value + inner  # the nearer file's go first
        else:
            both[key] = value
    return both
