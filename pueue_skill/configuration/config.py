"""Loads the configuration files: a folder in, the Config that applies there out. The slow, complete way, with errors for people.

Reads the user's config.toml and the nearest .pueue-skill.toml of the project, checks both against schema.py and merges them. A project's
file comes with somebody else's checkout, so it may only adjust what the user's file contains. A ConfigError names the file, the line, the
key, the expected value and the nearest key. Nothing here writes a file or asks a host. The hook and most commands get the same values
faster, from the cache of settings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pueue_skill.configuration import diagnostics, formats
from pueue_skill.configuration.errors import NEXT_STEP, ConfigError
from pueue_skill.configuration.schema import Config
from pueue_skill.shell import printable, quote
from pueue_skill.shell.model import LOCAL
from pueue_skill.state import paths

MAX_FOREIGN_CHARS = 200
"""The length to which texts from a project's file are cut in messages."""

ALL_KEYS = "All keys: pueue-skill schema config"


class ConfigFile(NamedTuple):
    """A valid file: its path, its content, and the line of each key."""

    name: str
    content: dict[str, Any]
    line_of: Callable[[formats.Path], int | None]


def user_file() -> Path:
    return Path(paths.user_file())


def project_file(folder: Path) -> Path | None:
    """The project's file: in `folder` or the nearest folder above it."""
    file = paths.project_file(str(folder))
    return Path(file) if file else None


def load(folder: Path | None = None) -> Config:
    """Return the configuration for `folder`, by default the current folder. Raises ConfigError."""
    try:
        folder = folder or Path.cwd()
    except FileNotFoundError:
        folder = Path("/")
    config, refused = load_permitted(folder)
    if refused:
        raise ConfigError("\n".join(refused))
    return config


def load_permitted(folder: Path) -> tuple[Config, list[str]]:
    """Return the configuration for `folder` without keys that its project may not set, and an error message for each of these.

    Raises ConfigError if the user's own file is invalid.
    """
    user = user_file()
    read_files = [read(user)] if user.is_file() else []
    user_content = read_files[0].content if read_files else {}
    content: dict[str, Any] = {}
    refused: list[str] = []
    project = project_file(folder)
    if project is not None:
        try:
            read_project = read(project)
            content, refused = restrict_project(read_project, user_content)
            read_files.insert(0, read_project)
        except ConfigError as error:
            refused = [str(error)]
    config = Config.model_validate(merge(user_content, content))
    config._project_programs = len(content.get("programs", []))
    config._program_sources = tuple([source for file in read_files for source in program_sources(file)])
    return config, refused


def program_sources(file: ConfigFile) -> list[str]:
    """Return the file and line of each of its programs."""
    return [f"{file.name}:{file.line_of(('programs', at))}" for at in range(len(file.content.get("programs", ())))]


def read(file: Path) -> ConfigFile:
    """Read a file and check it against the schema. Raises ConfigError."""
    text, content = parse(file)
    try:
        Config.model_validate(content)
    except ValidationError as error:
        problems = diagnostics.problems_of_model(error, content, Config)
        raise ConfigError(
            "\n".join([*diagnostics.report(str(file), problems, formats.locator(str(file), text)), ALL_KEYS])
        ) from None
    return ConfigFile(str(file), content, formats.locator(str(file), text))


def parse(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the text and the content of a TOML file. Raises ConfigError."""
    try:
        text = file.read_text("utf-8")
        return text, formats.parse(str(file), text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}{NEXT_STEP}ls -ld {quote.word(str(file))}") from None
    except formats.FormatError as error:
        raise ConfigError(f"{file}{f':{error.line}' if error.line else ''}: {error}") from None


def load_valid_parts() -> Config:
    """Return the user's configuration without its invalid tables and hosts.

    For `doctor`, which still checks the other hosts of a file with a mistake.
    """
    try:
        _, content = parse(user_file())
        Config.model_validate(content)
    except ConfigError:
        return Config()
    except ValidationError as error:
        for entry in error.errors():
            table, host = str(entry["loc"][0]), entry["loc"][1:2]
            if table == "hosts" and host and isinstance(content.get("hosts"), dict):
                content["hosts"].pop(host[0], None)
            else:
                content.pop(table, None)
    return Config.model_validate(content)


MORE_TO_LESS: Mapping[str, tuple[Any, ...]] = {
    "rules": ("on", "medium", "advice", "off"),
    "hook.mode": ("suggest", "remind", "off"),
    "evidence.record": (True, False),
}
"""Keys by which a project may only reduce what pueue-skill does: their values, from the one that does most to the one that does least."""

PROJECT_KEYS = {*MORE_TO_LESS, "programs", "run.wait", "hosts.*.groups", "hosts.*.group"}
"""The keys that a project may set. `*` is a host in the user's own file."""

REFUSAL_REASONS: Mapping[str, str] = {
    "hosts": "a project may not set how a host is reached, what runs on it or which files are read",
    "notify": "a project may not set targets of notifications",
    "setup": "a project may not set where programs are downloaded",
    "environment": "a project may not set which of your variables jobs get",
    "evidence": "a project may not set which runs are long",
    "hook": "a project may not turn on rewriting",
}
"""Why a project may not set the other keys of a table."""


def restrict_project(file: ConfigFile, user_content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the part of a project's file that may be merged into the user's, and an error message for each other key."""
    allowed: dict[str, Any] = {}
    refused: list[str] = []
    known_hosts = {*user_content.get("hosts", {}), LOCAL}

    def refuse(path: tuple[str, ...], reason: str) -> None:
        line = file.line_of(path)
        place = f"{file.name}:{line}" if line else file.name
        refused.append(f"{place}: {diagnostics.dotted(path)}: {reason}; put it into {user_file()}")

    def allow(path: tuple[str, ...], value: Any) -> None:
        name = ".".join([path[0], "*", *path[2:]]) if path[0] == "hosts" else ".".join(path)
        if path[0] == "hosts" and len(path) == 2 and path[1] not in known_hosts:
            refuse(path, "your own configuration has no such host, and a project may not add one")
        if isinstance(value, dict) and any(known.startswith(f"{name}.") for known in PROJECT_KEYS):
            for key, inner in value.items():
                allow((*path, key), inner)
            return
        if name not in PROJECT_KEYS or (name == "hook.mode" and value == "rewrite"):
            refuse(path, REFUSAL_REASONS.get(path[0], "a project may not set this"))
            return
        if path[0] == "hosts" and path[1] not in known_hosts:
            return
        table = allowed
        for key in path[:-1]:
            table = table.setdefault(key, {})
        table[path[-1]] = reduce(name, value, value_at(user_content, path))

    for key, value in file.content.items():
        allow((key,), value)
    allowed["programs"] = [attribute_to_project(program) for program in allowed.get("programs", [])]
    return allowed, refused


def value_at(content: Any, path: Sequence[str]) -> Any:
    """Return the value of a key, or None without one."""
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def reduce(name: str, project_value: Any, user_value: Any) -> Any:
    """Return the value of a key that both files set: of MORE_TO_LESS the one that does less, otherwise the project's.

    `user_value` is None if the user's file does not set the key.
    """
    if name == "rules":
        return {
            id: last_in_order(MORE_TO_LESS[name], level, value_at(user_value, [id]) or "on")
            for id, level in project_value.items()
        }
    if name not in MORE_TO_LESS or user_value is None:
        return project_value
    return last_in_order(MORE_TO_LESS[name], project_value, user_value)


def last_in_order(order: Sequence[Any], *values: Any) -> Any:
    """Return the one of `values` that is last in `order`. A value that is not in `order` counts as the first."""
    return max(values, key=lambda value: order.index(value) if value in order else -1)


def attribute_to_project(program: dict[str, Any]) -> dict[str, Any]:
    """Return a `programs` entry of a project with a reason that quotes the project, so that nobody takes it for ours."""
    text = printable.line(program.get("reason", ""), MAX_FOREIGN_CHARS).replace('"', "'")
    claim = f'says: "{text}"' if text else f"says that it is {program['size']}"
    return {
        **program,
        "reason": f"{printable.line(program['program'], MAX_FOREIGN_CHARS)} (the project's {paths.PROJECT_FILE} {claim})",
    }


def merge(user: dict[str, Any], project: dict[str, Any]) -> dict[str, Any]:
    """Return `user` with the values of `project` on top, table by table. Lists are concatenated, the project's first."""
    merged = dict(user)
    for key, value in project.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            merged[key] = merge(inner, value)
        elif isinstance(inner, list) and isinstance(value, list):
            merged[key] = value + inner
        else:
            merged[key] = value
    return merged
