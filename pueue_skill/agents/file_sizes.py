"""The sizes of files that a command names: paths in, FileSizes out. It only asks the file system for sizes, and opens no file.

It asks at most MAX_LOOKS times and stops after BUDGET_S; what it did not reach is missing, or has at least the size that it saw. Paths on
network file systems are left out, since each question may take seconds there.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence

from pueue_skill.agents.event import TIME_LIMIT_S, time_limit_s
from pueue_skill.shell.model import FileSize

MAX_LOOKS = 16
"""Files that are asked for their size, and folders that are listed, for one text."""

BUDGET_S = 0.002
"""The time after which nothing more is asked for, in a hook with the usual time limit; another limit changes it in proportion."""

MAX_LINKS = 8
"""Symbolic links that are followed in one path."""

NETWORK_TYPES = {
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "orangefs", "pvfs2", "smb2", "smb3", "smbfs",
}  # fmt: skip
"""Types of file systems whose files are on other hosts. Types that begin with `fuse.` (sshfs, rclone, s3fs) count as well."""

MOUNTS = "/proc/self/mounts"
ELSEWHERE = {"/Volumes": True, "/Network": True, "/net": True}
"""Where macOS mounts network file systems, and other disks too."""


class Budget:
    """The looks and the time that are left."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.end = clock() + BUDGET_S * time_limit_s() / TIME_LIMIT_S
        self.looks = MAX_LOOKS

    def is_spent(self) -> bool:
        """Return whether the time is up."""
        return self.clock() >= self.end

    def take(self) -> bool:
        """Return whether one more look is allowed, and count it."""
        self.looks -= 1
        return self.looks >= 0 and not self.is_spent()


def measure(paths: Sequence[str], folder: str, clock: Callable[[], float] = time.perf_counter) -> list[FileSize]:
    """Return the sizes of the files, folders and globs in `paths`, as far as the budget goes.

    Relative paths are relative to `folder`, and unknown if it is empty.
    """
    budget = Budget(clock)
    networks = read_mounts(budget)
    found: list[FileSize] = []
    if networks is None:
        return found
    try:
        folder = os.path.abspath(folder) if folder else ""
    except OSError:  # the current folder was removed
        folder = ""
    for path in paths:
        full = os.path.join(folder, os.path.expanduser(path) if path[:2] == "~/" else path)
        if not os.path.isabs(full) or not is_local(full, networks):
            continue
        parent, _, name = full.rpartition("/")
        if any(char in name for char in "*?["):
            size = glob_size(parent, name, budget)
        elif any(char in parent for char in "*?["):
            continue
        else:
            size = path_size(full, budget)
        if size is not None:
            found.append(FileSize(path, *size))
    return found


def path_size(path: str, budget: Budget) -> tuple[int, bool] | None:
    """Return the bytes of a file or of all files in a folder, and whether these are all; None for a missing or a special file."""
    if not budget.take():
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(status.st_mode):
        return status.st_size, True
    return tree_size(path, status.st_dev, budget) if stat.S_ISDIR(status.st_mode) else None


def tree_size(folder: str, device: int, budget: Budget) -> tuple[int, bool]:
    """Return the bytes of the files below a folder, and whether these are all. File systems mounted there are left out."""
    total, folders = 0, [folder]
    while folders:
        if not budget.take():
            return total, False
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if budget.is_spent():
                        return total, False
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
                        folders.append(entry.path)
                    elif stat.S_ISREG(status.st_mode):
                        total += status.st_size
        except OSError:
            return total, False
    return total, True


def glob_size(folder: str, pattern: str, budget: Budget) -> tuple[int, bool] | None:
    """Return the bytes of the files in `folder` that match, and whether these are all; None if none is known to match."""
    from fnmatch import fnmatchcase

    total, matches = 0, 0
    if not budget.take():
        return None
    for path in matching(folder, pattern, budget, fnmatchcase):
        size = path_size(path, budget) if path else None
        if size is None:
            return (total, False) if matches else None
        total, matches = total + size[0], matches + 1
        if not size[1]:
            return total, False
    return (total, True) if matches else None


def matching(folder: str, pattern: str, budget: Budget, match: Callable[[str, str], bool]) -> Iterator[str]:
    """Yield the paths in `folder` that match, and an empty one if the time is up before the end."""
    try:
        with os.scandir(folder or "/") as entries:
            for entry in entries:
                if budget.is_spent():
                    yield ""
                    return
                if match(entry.name, pattern) and (entry.name[0] != "." or pattern[0] == "."):
                    yield entry.path
    except OSError:
        yield ""


def read_mounts(budget: Budget) -> dict[str, bool] | None:
    """Return for each mounted folder whether it is on a network file system; None if the time is up before the end of the list.

    Without /proc: the folders where macOS mounts network file systems.
    """
    text = b""
    try:
        descriptor = os.open(MOUNTS, os.O_RDONLY)
    except OSError:
        return ELSEWHERE
    try:
        while part := os.read(descriptor, 1 << 16):  # at most a page at a time
            text += part
            if budget.is_spent():
                return None
    finally:
        os.close(descriptor)
    mounts: dict[str, bool] = {}
    for line in os.fsdecode(text).splitlines():
        _, point, kind, *_ = line.split(" ")
        mounts[unescaped(point)] = kind in NETWORK_TYPES or kind.startswith("fuse.")
    return mounts


def unescaped(point: str) -> str:
    """Return a folder of the list of mounts, where blanks are octal numbers."""
    for code, char in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        point = point.replace(f"\\{code}", char)
    return point


def is_local(path: str, networks: dict[str, bool]) -> bool:
    """Return whether no part of an absolute path is on a network file system, symbolic links included."""
    if True not in networks.values():
        return True
    done, rest, links = "", [part for part in path.split("/") if part], 0
    while rest:
        part = rest.pop(0)
        if part == ".":
            continue
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        here = f"{done}/{part}"
        if on_network(here, networks):
            return False
        try:
            target = os.readlink(here)
        except OSError:
            done = here
            continue
        links += 1
        if links > MAX_LINKS:
            return False
        rest = [part for part in target.split("/") if part] + rest
        done = "" if target.startswith("/") else done
    return True


def on_network(path: str, networks: dict[str, bool]) -> bool:
    """Return whether the innermost mounted folder around a path is on a network file system."""
    while path not in networks and path:
        path = path.rpartition("/")[0]
    return networks.get(path or "/", False)
