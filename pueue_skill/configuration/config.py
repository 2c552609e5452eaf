"""The user's and the project's configuration file in, the Config that holds in a folder out.

A project's file may only adjust what the user's file has. Raises ConfigError, which names the file, the line, the key, what was expected and
the nearest key. It never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pueue_skill.configuration import diagnostics, formats
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.configuration.schema import Config
from pueue_skill.shell import printable
from pueue_skill.shell.model import LOCAL
from pueue_skill.state import paths

MAX_FOREIGN_CHARS = 200
"""How much is shown of a text that a project gives."""

ALL_KEYS = "All keys: pueue-skill schema config"


class ConfigFile(NamedTuple):
    """A file that has been read and fits the schema."""

    name: str
    content: dict[str, Any]
    line_of: Callable[[formats.Path], int | None]


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
    """The configuration that holds in `folder` without what its project may not set, and why that is refused.

    Raises ConfigError where the user's own file cannot be used.
    """
    user = user_file()
    below = read(user).content if user.is_file() else {}
    project = project_file(folder)
    if project is None:
        return Config.model_validate(below), []
    try:
        content, refused = of_project(read(project), below)
    except ConfigError as error:
        return Config.model_validate(below), [str(error)]
    found = Config.model_validate(merge(below, content))
    found._of_project = len(content.get("programs", []))
    return found, refused


def read(file: Path) -> ConfigFile:
    """One file's content, valid by itself. Raises ConfigError."""
    text, content = parsed(file)
    try:
        Config.model_validate(content)
    except ValidationError as error:
        problems = diagnostics.problems_of_model(error, content, Config)
        raise ConfigError(
            "\n".join([*diagnostics.report(str(file), problems, formats.locator(str(file), text)), ALL_KEYS])
        ) from None
    return ConfigFile(str(file), content, formats.locator(str(file), text))


def parsed(file: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and its content. Raises ConfigError."""
    try:
        text = file.read_text("utf-8")
        return text, formats.parse(str(file), text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except formats.FormatError as error:
        raise ConfigError(f"{file}{f':{error.line}' if error.line else ''}: {error}") from None


def usable() -> Config:
    """The user's configuration without the tables and hosts that hold a mistake, for `doctor`: one mistake must not hide every host."""
    try:
        _, content = parsed(user_file())
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


def of_project(file: ConfigFile, user: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a project's file may add to the user's content, and why the rest is refused: a checkout is somebody else's text."""
    allowed: dict[str, Any] = {}
    refused: list[str] = []
    known_hosts = {*user.get("hosts", {}), LOCAL}

    def refuse(path: tuple[str, ...], reason: str) -> None:
        line = file.line_of(path)
        place = f"{file.name}:{line}" if line else file.name
        refused.append(f"{place}: {diagnostics.dotted(path)}: {reason}; put it into {user_file()}")

    def take(path: tuple[str, ...], value: Any) -> None:
        name = ".".join([path[0], "*", *path[2:]]) if path[0] == "hosts" else ".".join(path)
        if path[0] == "hosts" and len(path) == 2 and path[1] not in known_hosts:
            refuse(path, "your own configuration has no such host, and a project may not add one")
        if isinstance(value, dict) and any(known.startswith(f"{name}.") for known in OF_A_PROJECT):
            for key, inner in value.items():
                take((*path, key), inner)
            return
        if name not in OF_A_PROJECT or (name == "hook.mode" and value == "rewrite"):
            refuse(path, NOT_A_PROJECTS.get(path[0], "a project may not set this"))
            return
        if path[0] == "hosts" and path[1] not in known_hosts:
            return
        place = allowed
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = quieter(name, value, at(user, path))

    for key, value in file.content.items():
        take((key,), value)
    allowed["programs"] = [as_said(program) for program in allowed.get("programs", [])]
    return allowed, refused


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


def as_said(program: dict[str, Any]) -> dict[str, Any]:
    """A project's word on a program, so that nobody takes it for ours."""
    text = printable.line(program.get("reason", ""), MAX_FOREIGN_CHARS).replace('"', "'")
    said = f'says: "{text}"' if text else f"says that it is {program['size']}"
    return {
        **program,
        "reason": f"{printable.line(program['program'], MAX_FOREIGN_CHARS)} (the project's {paths.PROJECT_FILE} {said})",
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
