"""Finds files with shell text: a folder in, the paths of the files below it that `check` reads out.

Folders of tools and packages, files that git ignores and symbolic links are skipped. git itself is not run; the user's own
list of ignored files (core.excludesFile) is not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pueue_skill.lint import sources
from pueue_skill.startup.record import NamedTuple

SKIPPED_FOLDERS = {
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "__pycache__",
    "site-packages",
}
SHELL_FILE = re.compile(r"\.(sh|bash|dash|ksh|zsh|bats|sbatch|slurm|pbs)$")
MAX_FIRST_LINE_BYTES = 128


class Pattern(NamedTuple):
    """A line of a .gitignore: paths relative to its folder that it matches, only folders or also files, and whether it
    includes them again (`!`)."""

    matches: re.Pattern[str]
    only_folders: bool
    includes: bool


class Ignored(NamedTuple):
    """The patterns of a folder's .gitignore."""

    folder: Path
    patterns: tuple[Pattern, ...]


def files_below(folder: str) -> Iterator[str]:
    """The files below `folder` with shell text, sorted, as paths that begin with `folder`. Raises OSError if the folder
    itself cannot be read."""
    root = Path(folder).absolute()
    os.scandir(root).close()
    prefix = "" if folder == "." else folder.rstrip("/") + "/"
    for path in walk(root, ignored_above(root)):
        yield prefix + path.relative_to(root).as_posix()


def walk(folder: Path, ignored: tuple[Ignored, ...]) -> Iterator[Path]:
    """The files below a folder, with the patterns that apply to it."""
    ignored = (*ignored, *ignored_in(folder, ".gitignore"))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = folder / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.is_symlink() or is_ignored(path, is_folder, ignored):
            continue
        if is_folder and entry.name not in SKIPPED_FOLDERS:
            yield from walk(path, ignored)
        elif entry.is_file() and has_shell_text(path):
            yield path


def has_shell_text(path: Path) -> bool:
    """Whether `check` reads a file of this kind, by its name or its `#!` line."""
    if SHELL_FILE.search(path.name):
        return True
    reader = sources.reader_of(path.as_posix())
    if reader is not sources.script:
        return reader in sources.SHELL_READERS
    if "." in path.name.lstrip("."):
        return False
    try:
        with path.open("rb") as file:
            start = file.read(MAX_FIRST_LINE_BYTES).decode("utf-8", "replace")
    except OSError:
        return False
    return start.startswith("#!") and sources.is_shell(start)


# What git ignores (gitignore(5))


def ignored_above(folder: Path) -> tuple[Ignored, ...]:
    """The patterns of the folders between the repository's root and `folder`; none outside a repository."""
    above = [*reversed(folder.parents), folder]
    roots = [i for i, parent in enumerate(above) if (parent / ".git").exists()]
    if not roots:
        return ()
    root = roots[-1]
    own = ignored_in(above[root], ".git/info/exclude")
    return (*own, *[found for parent in above[root:-1] for found in ignored_in(parent, ".gitignore")])


def ignored_in(folder: Path, name: str) -> tuple[Ignored, ...]:
    """The patterns in the file `name` of a folder; none without such a file."""
    try:
        lines = (folder / name).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return (Ignored(folder, tuple([pattern for line in lines for pattern in patterns_in(line)])),)


def is_ignored(path: Path, is_folder: bool, ignored: tuple[Ignored, ...]) -> bool:
    """Whether git ignores the path, whose folder it does not ignore: the last pattern that matches decides."""
    for folder, patterns in reversed(ignored):
        relative = path.relative_to(folder).as_posix()
        for pattern in reversed(patterns):
            if (is_folder or not pattern.only_folders) and pattern.matches.fullmatch(relative):
                return not pattern.includes
    return False


def patterns_in(line: str) -> Iterator[Pattern]:
    """The pattern of a line, or none for a blank line, a comment or an invalid pattern."""
    text = re.sub(r"(?<!\\) +$", "", line)
    if not text or text.startswith("#"):
        return
    includes = text.startswith("!")
    text = text[includes:]
    only_folders = text.endswith("/")
    text = text.rstrip("/") if only_folders else text
    anchored = "/" in text
    expression = glob_expression(text.removeprefix("/"))
    try:
        yield Pattern(re.compile(expression if anchored else f"(?:.*/)?{expression}", re.S), only_folders, includes)
    except re.error:
        return


GLOB_PART = re.compile(r"(?:^|(?<=/))\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\\.|.", re.S)


def glob_expression(text: str) -> str:
    """A regular expression for a pattern of gitignore(5)."""
    parts = []
    for match in GLOB_PART.finditer(text):
        glob = match[0]
        if glob == "**/":
            parts.append("(?:.*/)?")
        elif glob == "/**":
            parts.append("/.*")
        elif glob[0] == "*":
            parts.append("[^/]*")
        elif glob == "?":
            parts.append("[^/]")
        elif glob[0] == "[" and len(glob) > 1:
            negated = glob[1] in "!^"
            members = glob[1 + negated : -1].replace("[", "\\[")
            parts.append(f"(?!/)[{'^' if negated else ''}{members}]")
        else:
            parts.append(re.escape(glob[-1]))
    return "".join(parts)
