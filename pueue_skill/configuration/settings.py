"""What the hook goes by: the configuration of a folder in, as the core's values, without pydantic where nothing has changed.

What config.load makes of the two files is kept, marshalled, in the cache folder under the files' paths, times and sizes. Where
there is no such record, or it does not fit, config is imported the slow way and the record is written for the next time.
"""

from __future__ import annotations

import binascii
import marshal
import os

from pueue_skill import __version__
from pueue_skill.plan.model import Environment
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.record import NamedTuple
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Settings(NamedTuple):
    """`mode` is empty where the configuration does not say; `long` and `wait` are in seconds; `refused`: why what the project says was
    left out."""

    hosts: dict[str, Host]
    preferences: Preferences
    record: bool = True
    long: float = 30.0
    mode: str = ""
    wait: float = 20.0
    environment: Environment = Environment()
    refused: tuple[str, ...] = ()


def whole(folder: str) -> Settings:
    """The settings that hold in `folder`, for a command of the user's. Raises ConfigError, also for what a project may not say."""
    settings = load(folder)
    if settings.refused:
        from pueue_skill.configuration.errors import ConfigError

        raise ConfigError("\n".join(settings.refused))
    return settings


def current() -> Settings:
    """The settings that hold in the working directory, for a command of the user's. Raises ConfigError as `whole` does."""
    return whole(paths.working() or "/")


def load(folder: str) -> Settings:
    """The settings that hold in `folder`; what its project may not say is left out, and the log says why. Raises ConfigError
    where the user's own file cannot be used."""
    user, project = paths.user_file(), paths.project_file(folder)
    state = [f"{__version__} {len(Settings._fields)} {len(Host._fields)}", *stamp(user), *stamp(project)]
    if len(state) == 1:
        return Settings({LOCAL: Host(LOCAL)}, Preferences())
    name = f"settings-{binascii.crc32(repr((user, project)).encode('utf-8', 'surrogateescape')):08x}.marshal"
    cache = os.path.join(paths.cache(), name)
    kept = read(cache, state)
    if kept is not None:
        return unpacked(kept)
    from pathlib import Path

    from pueue_skill.configuration import config
    from pueue_skill.state import log

    loaded, refused = config.permitted(Path(folder))
    for reason in refused:
        log.write("configuration", f"left out: {reason}")
    settings = Settings(
        loaded.by_name(),
        loaded.preferences({}),
        loaded.evidence.record,
        float(loaded.evidence.long),
        loaded.hook.mode or "",
        float(loaded.run.wait),
        loaded.job_environment(),
        tuple(refused),
    )
    write(cache, state, settings)
    return settings


def stamp(file: str) -> list[Any]:
    try:
        stat = os.stat(file)
    except OSError:
        return []
    return [file, stat.st_mtime_ns, stat.st_size, stat.st_ino]


def read(cache: str, state: list[Any]) -> Any:
    """What is kept, when it is our own and of this state, else None."""
    try:
        with open(cache, "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            kept = marshal.loads(file.read())
        return kept[1] if kept[0] == state else None
    except (OSError, ValueError, EOFError, TypeError, IndexError, KeyError):
        return None


def write(cache: str, state: list[Any], settings: Settings) -> None:
    """Keeps the settings; a folder that cannot be written is no error."""
    programs = [tuple(program) for program in settings.preferences.programs]
    packed: Any = (
        [tuple(host) for host in settings.hosts.values()],
        (dict(settings.preferences.rules), programs, settings.preferences.long),
        (*settings[2:6], tuple(settings.environment), settings.refused),
    )
    try:
        from pueue_skill.startup.files import write_atomic

        write_atomic(cache, marshal.dumps((state, packed)))
    except (OSError, ValueError):
        pass


def unpacked(packed: Any) -> Settings:
    hosts, (rules, programs, long), (record, evidence, mode, wait, environment, refused) = packed
    found = [Host(*host) for host in hosts]
    preferences = Preferences(rules, tuple([Program(*program) for program in programs]), {}, long)
    return Settings(
        {host.name: host for host in found},
        preferences,
        record,
        evidence,
        mode,
        wait,
        Environment(*environment),
        refused,
    )
