"""The folders and files of this program: configuration, data, cache. The environment of this process in, paths out.

The same as platformdirs (a test compares them), except on macOS, where data and cache are as on Linux, because the hooks' launcher is a
sh script that looks there too. platformdirs is not used because its import would slow down the hook.
"""

from __future__ import annotations

import os
import sys

NAME = "pueue-skill"


def config() -> str:
    """Return the folder of config.toml."""
    return folder("XDG_CONFIG_HOME", "Library/Application Support" if sys.platform == "darwin" else ".config")


def data() -> str:
    """Return the folder of the database, the log and the markers of sessions."""
    return folder("XDG_DATA_HOME", ".local/share")


def store() -> str:
    """Return the path of the database, whether it exists or not."""
    return os.path.join(data(), "store.db")


def has_store() -> bool:
    """Whether anything is remembered yet."""
    return os.path.exists(store())


def cache() -> str:
    """Return the folder of files that can be recreated at any time."""
    return folder("XDG_CACHE_HOME", ".cache")


def run() -> str:
    """Return the folder of sockets: in XDG_RUNTIME_DIR if that is set, else in the cache."""
    place = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(place, NAME) if place.startswith("/") else os.path.join(cache(), "run")


PROJECT_FILE = ".pueue-skill.toml"


def user_file() -> str:
    """Return the path of the user's configuration, whether it exists or not."""
    return os.path.join(config(), "config.toml")


def tool_files() -> list[str]:
    """Return the paths of the user's tool files, sorted."""
    folder = os.path.join(config(), "tools")
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".toml")]
    except OSError:
        return []


def project_file(folder: str) -> str:
    """Return the path of the project's configuration, in `folder` or the nearest folder above it, or an empty text."""
    while True:
        if os.path.isfile(os.path.join(folder, PROJECT_FILE)):
            return os.path.join(folder, PROJECT_FILE)
        above = os.path.dirname(folder)
        if above == folder or not above:
            return ""
        folder = above


def project(folder: str) -> str:
    """Return the project's folder: the nearest folder above `folder` with .git or .pueue-skill.toml, else `folder` itself."""
    at = folder
    while True:
        if any(os.path.lexists(os.path.join(at, name)) for name in (".git", PROJECT_FILE)):
            return at
        above = os.path.dirname(at)
        if above == at or not above:
            return folder
        at = above


def working() -> str | None:
    """Return the working directory, or None if it no longer exists."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def folder(variable: str, default: str) -> str:
    configured = os.environ.get(variable, "")
    base = configured if configured.startswith("/") else os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, NAME)


def slow_programs() -> str:
    """Return the path of the list of commands that were slow here, which the launcher reads: words of a command, a line each."""
    return os.path.join(data(), "slow-programs")


def journal() -> str:
    """Return the path of the journal of calls that ended. The launcher appends quick calls to it if it exists."""
    return os.path.join(data(), "runs.journal")


def delivery_lock() -> str:
    """Return the path of the lock of the process that delivers notifications."""
    return os.path.join(data(), "notifying")


def expects_news(session: str) -> bool:
    """Return whether the session has open jobs, by its marker (sessions.marker_path)."""
    return bool(session) and os.path.exists(os.path.join(data(), "sessions", os.path.basename(session)))
