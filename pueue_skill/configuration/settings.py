"""The configuration as plain values, from a cache: a folder in, the Settings that apply there out, without importing pydantic.

For the hook and the commands that must start fast. The cache holds, marshaled, the values of config.py for two configuration files, together
with the paths, times and sizes of these files. If the files have changed, config.py loads them and the cache is written again. This module
knows neither keys nor formats, and it cannot say which key a value is from.
"""

from __future__ import annotations

import binascii
import marshal
import os

from pueue_skill import __version__
from pueue_skill.plan.model import Environment
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.rules.table import Entry
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Settings(NamedTuple):
    """The configuration that applies in a folder.

    `mode` is empty if the configuration does not set `hook.mode`. `long` and `wait` are in seconds. `refused` has an error message for each
    key of the project's file that was ignored, and for each tool file.
    """

    hosts: dict[str, Host]
    preferences: Preferences
    record: bool = True
    long: float = 60.0
    mode: str = ""
    wait: float = 20.0
    environment: Environment = Environment()
    refused: tuple[str, ...] = ()


def load_strictly(folder: str) -> Settings:
    """Return the settings for `folder`. Raises ConfigError, also for a key that the project may not set."""
    settings = load(folder)
    if settings.refused:
        from pueue_skill.configuration.errors import ConfigError

        raise ConfigError("\n".join(settings.refused))
    return settings


def current() -> Settings:
    """Return the settings for the working directory. Raises ConfigError as `load_strictly` does."""
    return load_strictly(paths.working() or "/")


def load(folder: str) -> Settings:
    """Return the settings for `folder`. Keys that the project may not set are ignored and logged.

    Raises ConfigError if the user's own file is invalid. An invalid tool file is ignored and logged.
    """
    user, project = paths.user_file(), paths.project_file(folder)
    version = [f"{__version__} {len(Settings._fields)} {len(Host._fields)}", *stamp(user), *stamp(project)]
    for file in (os.path.join(paths.config(), "tools"), *paths.tool_files()):
        version += stamp(file)
    if len(version) == 1:
        return Settings({LOCAL: Host(LOCAL)}, Preferences())
    name = f"settings-{binascii.crc32(repr((user, project)).encode('utf-8', 'surrogateescape')):08x}.marshal"
    cache = os.path.join(paths.cache(), name)
    packed = read(cache, version)
    if packed is not None:
        return unpack(packed)
    from pathlib import Path

    from pueue_skill.configuration import config, tools
    from pueue_skill.state import log

    loaded, refused = config.load_permitted(Path(folder))
    known, broken = tools.user_tools()
    refused += broken
    for reason in refused:
        log.write("configuration", f"ignored: {reason}")
    settings = Settings(
        loaded.by_name(),
        loaded.preferences({})._replace(tools=known),
        loaded.evidence.record,
        float(loaded.evidence.long),
        loaded.hook.mode or "",
        float(loaded.run.wait),
        loaded.job_environment(),
        tuple(refused),
    )
    write(cache, version, settings)
    return settings


def stamp(file: str) -> list[Any]:
    """Return what identifies the content of a file, and who may read it: path, times, size, inode; nothing if there is no file."""
    try:
        stat = os.stat(file)
    except OSError:
        return []
    return [file, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino]


def read(cache: str, version: list[Any]) -> Any:
    """Return the packed settings of a cache file, or None if the file is missing, broken, another user's or of another version."""
    try:
        with open(cache, "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            content = marshal.loads(file.read())
        return content[1] if content[0] == version else None
    except (OSError, ValueError, EOFError, TypeError, IndexError, KeyError):
        return None


def write(cache: str, version: list[Any], settings: Settings) -> None:
    """Write a cache file. Does nothing if the folder is not writable."""
    programs = [tuple(program) for program in settings.preferences.programs]
    tools = {name: [tuple(entry) for entry in entries] for name, entries in settings.preferences.tools.items()}
    packed: Any = (
        [tuple(host) for host in settings.hosts.values()],
        (dict(settings.preferences.rules), programs, settings.preferences.long, tools),
        (*settings[2:6], tuple(settings.environment), settings.refused),
    )
    try:
        from pueue_skill.startup.files import write_atomic

        write_atomic(cache, marshal.dumps((version, packed)))
    except (OSError, ValueError):
        pass


def unpack(packed: Any) -> Settings:
    hosts, (rules, programs, long, tools), (record, evidence, mode, wait, environment, refused) = packed
    by_name = {host.name: host for host in [Host(*values) for values in hosts]}
    entries = {name: tuple([Entry(*values) for values in found]) for name, found in tools.items()}
    preferences = Preferences(rules, tuple([Program(*values) for values in programs]), {}, long, tools=entries)
    return Settings(by_name, preferences, record, evidence, mode, wait, Environment(*environment), refused)
