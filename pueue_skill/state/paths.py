"""Where files of this program lie: its configuration, its data, its cache. Folders out, for the environment of this process.

What platformdirs would say (a test compares them) but for macOS, where data and cache lie as on Linux: the hook's launcher is
a sh script and looks there too. It is not asked because the hook needs a folder on every interesting command.
"""

from __future__ import annotations

import os
import sys

NAME = "pueue-skill"


def config() -> str:
    """The folder of config.toml."""
    return folder("XDG_CONFIG_HOME", "Library/Application Support" if sys.platform == "darwin" else ".config")


def data() -> str:
    """The folder of what is remembered: the store, the log, what sessions wait for."""
    return folder("XDG_DATA_HOME", ".local/share")


def store() -> str:
    """The file of what is remembered, whether it is there or not."""
    return os.path.join(data(), "store.db")


def cache() -> str:
    """The folder of what can be made anew at any time."""
    return folder("XDG_CACHE_HOME", ".cache")


def run() -> str:
    """The folder of sockets, closed to others: gone with the session where the system has such a place, else the cache's."""
    place = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(place, NAME) if place.startswith("/") else os.path.join(cache(), "run")


PROJECT_FILE = ".pueue-skill.toml"


def user_file() -> str:
    """The user's own configuration, whether it is there or not."""
    return os.path.join(config(), "config.toml")


def project_file(folder: str) -> str:
    """The project's configuration: in `folder` or the nearest folder above it; empty where there is none."""
    while True:
        if os.path.isfile(os.path.join(folder, PROJECT_FILE)):
            return os.path.join(folder, PROJECT_FILE)
        above = os.path.dirname(folder)
        if above == folder or not above:
            return ""
        folder = above


def working() -> str | None:
    """The working directory; None where it no longer exists."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def folder(variable: str, usual: str) -> str:
    set_to = os.environ.get(variable, "")
    base = set_to if set_to.startswith("/") else os.path.join(os.path.expanduser("~"), usual)
    return os.path.join(base, NAME)


def slow_programs() -> str:
    return os.path.join(data(), "slow-programs")


def expects_news(session: str) -> bool:
    """Whether the session's marker stands (store.marker, without sqlite)."""
    return bool(session) and os.path.exists(os.path.join(data(), "sessions", os.path.basename(session)))
