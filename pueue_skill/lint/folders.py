"""Finds files with shell text: a folder in, the paths of the files below it that `check` reads out.

Folders of tools and packages, files that git ignores and symbolic links are skipped. git itself is not run; the user's own
list of ignored files (core.excludesFile) is not read.
"""

from __future__ import annotations

import codecs
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
        content = (folder / name).read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError:
        return ()
    lines = [as_bytes(line.removesuffix(b"\r")) for line in content.split(b"\n")]
    return (Ignored(folder, tuple([pattern for line in lines for pattern in patterns_in(line)])),)


def as_bytes(text: bytes) -> str:
    """The text as git compares it: each byte is a character."""
    return text.decode("latin-1")


def is_ignored(path: Path, is_folder: bool, ignored: tuple[Ignored, ...]) -> bool:
    """Whether git ignores the path, whose folder it does not ignore: the last pattern that matches decides."""
    for folder, patterns in reversed(ignored):
        relative = as_bytes(os.fsencode(path.relative_to(folder).as_posix()))
        for pattern in reversed(patterns):
            if (is_folder or not pattern.only_folders) and pattern.matches.fullmatch(relative):
                return not pattern.includes
    return False


def patterns_in(line: str) -> Iterator[Pattern]:
    """The pattern of a line, or none for a blank line, a comment or an invalid pattern."""
    text = line.rstrip(" ")
    backslashes = len(text) - len(text.rstrip("\\"))
    if backslashes % 2 and text != line:
        text += " "
    if not text or text.startswith("#"):
        return
    includes = text.startswith("!")
    text = text[includes:]
    only_folders = text.endswith("/")
    text = text.removesuffix("/")
    glob = text.removeprefix("/")
    if not glob:
        return
    try:
        expression = expression_of(glob, anchored="/" in text)
    except ValueError:
        return
    yield Pattern(re.compile(expression, re.S), only_folders, includes)


CLASSES = {
    "alnum": "A-Za-z0-9", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z",
    "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t\n\r", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
"""The names in `[[:alpha:]]`, with their members as in a regular expression."""
TOKEN = re.compile(r"(\*+)|(\?)|\[([!^]?+)((?>\[:\w*:\]|\\.|[^\\])(?:\[:\w*:\]|\\.|[^\]\\])*+)\]|\\(.)|(.)", re.S)
"""Stars, a question mark, a set of characters, an escaped character, another one: a `[` that is not closed, or a last `\\`."""
MEMBER = re.compile(r"\[:(\w*):\]|(\\.|[^\\])-(\\.|[^\]\\])|(\\.|.)", re.S)
STAR, STARS = "[^/]*", "**"


def expression_of(text: str, anchored: bool) -> str:
    """A regular expression for a pattern, without `!` and the last slash; `anchored` to the folder, or for a name in any folder.
    Raises ValueError for a pattern that git rejects.

    Its time is linear in the length of a name: a star before others takes the first place that fits, and never another one.
    """
    parts: list[list[str]] = [[]]
    for match in TOKEN.finditer(text):
        stars, question, negated, members, escaped, char = match.groups()
        char = escaped or char
        if char == "/":
            parts.append([])
        elif stars:
            parts[-1].append(stars)
        elif question:
            parts[-1].append("[^/]")
        elif members:
            parts[-1].append(set_of(members, bool(negated)))
        elif match[0] in ("[", "\\"):
            raise ValueError(f"{match[0]} is not complete")
        else:
            parts[-1].append(re.escape(char))
    runs: list[list[str]] = [[]] if anchored else [[], []]
    for part in parts:
        if len(part) == 1 and part[0][:2] == STARS:
            runs.append([])
        else:
            runs[-1].append(part_of(part))
    if len(runs) == 1:
        return "/".join(runs[0])
    first, *middle, last = ["/".join(run) for run in runs]
    folders = [f"(?>(?:[^/]*/)*?{run}/)" for run in middle if run]
    return "".join([f"{first}/" if first else "", *folders, f"(?:[^/]*/)*{last}" if last else ".*"])


def part_of(tokens: list[str]) -> str:
    """A regular expression for the tokens between two slashes."""
    pieces = [""]
    for token in tokens:
        if token[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += token
    if len(pieces) == 1:
        return pieces[0]
    first, *middle, last = pieces
    return "".join([first, *[f"(?>{STAR}?{piece})" for piece in middle if piece], STAR, last])


def set_of(members: str, negated: bool) -> str:
    """A regular expression for a character in `[members]`, or not in it. Raises ValueError for an unknown class."""
    pieces = []
    for name, start, end, char in MEMBER.findall(members):
        if char or start:
            low, high = (char or start)[-1], (char or end)[-1]
            pieces.append(re.escape(low))
            pieces += [f"{re.escape(low)}-{re.escape(high)}"] if low <= high else []
        elif name not in CLASSES:
            raise ValueError(f"[:{name}:] is no class")
        else:
            pieces.append(CLASSES[name])
    return f"(?!/)[{'^' if negated else ''}{''.join(pieces)}]"
