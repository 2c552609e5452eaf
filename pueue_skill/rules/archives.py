"""Calls of tar by their structure: Words in, the TarCall out, and its Weight where sizes are unknown."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.rules.arguments import split_arguments
from pueue_skill.shell.arguments import ArgSpec
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple

OPTIONS = ArgSpec(
    "bCfFgHIKLNTVX",
    "blocking-factor directory file info-script new-volume-script listed-incremental format use-compress-program starting-file tape-length newer "
    "after-date files-from label exclude-from exclude strip-components transform xform owner group mode mtime suffix checkpoint-action "
    "record-size rsh-command to-command newer-mtime warning sort",
)
"""The options with a value of GNU tar 1.34."""

MODES = {
    "--create": "c", "--append": "r", "--update": "u", "--catenate": "A", "--concatenate": "A",
    "--extract": "x", "--get": "x", "--list": "t", "--diff": "d", "--compare": "d", "--delete": "D",
}  # fmt: skip
FORMS = {
    "-z": "gzip", "--gzip": "gzip", "--gunzip": "gzip", "-j": "bzip2", "--bzip2": "bzip2", "-J": "xz", "--xz": "xz", "--lzma": "xz", "--lzip": "xz",
    "--zstd": "zstd",
}  # fmt: skip
COMPRESS_PROGRAMS = {"gzip": "gzip", "pigz": "gzip", "zstd": "zstd", "zstdmt": "zstd", "lz4": "lz4", "xz": "xz", "pixz": "xz", "bzip2": "bzip2", "pbzip2": "bzip2", "lbzip2": "bzip2"}  # fmt: skip
SUFFIXES = {
    ".gz": "gzip", ".tgz": "gzip", ".bz2": "bzip2", ".tbz": "bzip2", ".tbz2": "bzip2", ".xz": "xz", ".txz": "xz", ".lzma": "xz",
    ".zst": "zstd", ".tzst": "zstd", ".lz4": "lz4",
}  # fmt: skip


class TarCall(NamedTuple):
    """A call of tar: `mode` is the letter of its operation, `form` the compression (a key of sizes.RATES).

    `archive` is None for stdin or stdout. `folders[i]` is the last `-C` before `operands[i]`. `listed`: a file names more operands. With
    `filtered`, options exclude files.
    """

    mode: str
    form: str
    archive: Word | None
    operands: tuple[Word, ...]
    folders: tuple[Word | None, ...]
    listed: bool
    filtered: bool


def parse_tar(words: Sequence[Word]) -> TarCall | None:
    """The call in the words after `tar`; None without an operation."""
    words = modern_words(words)
    options, operands = split_arguments(words, OPTIONS)
    names = [name for name, _ in options]
    values = {name: value for name, value in options if value}
    mode = next(
        (
            MODES.get(name, name[1:])
            for name in names
            if name in MODES or name in ("-c", "-r", "-u", "-A", "-x", "-t", "-d")
        ),
        "",
    )
    if not mode:
        return None
    archive = values.get("-f") or values.get("--file")
    if archive and archive.value == "-":
        archive = None
    form = next((FORMS[name] for name in names if name in FORMS), "")
    program = values.get("-I") or values.get("--use-compress-program")
    if program:
        form = COMPRESS_PROGRAMS.get(program.value.split()[0].rpartition("/")[2] if program.value.split() else "", form)
    elif archive and not form and (mode in "xtd" or "-a" in names or "--auto-compress" in names):
        form = next((kind for suffix, kind in SUFFIXES.items() if archive.value.lower().endswith(suffix)), "")
    return TarCall(
        mode,
        form,
        archive,
        tuple(operands),
        tuple([folder_before(word, options) for word in operands]),
        "-T" in names or "--files-from" in names,
        bool({"-X", "-N", "-g", "--listed-incremental", "--newer", "--after-date", "--newer-mtime"} & set(names))
        or any(name.startswith("--exclude") for name in names),
    )


def modern_words(words: Sequence[Word]) -> list[Word]:
    """The words with the traditional first word (`xzf FILE`) written as options, each followed by its value."""
    if not words or not words[0].value.isalpha() or not words[0].static:
        return list(words)
    first, rest = words[0], list(words[1:])
    found = []
    for letter in first.value:
        found.append(first._replace(text=f"-{letter}", value=f"-{letter}"))
        if letter in OPTIONS.short and rest:
            found.append(rest.pop(0))
    return [*found, *rest]


def folder_before(word: Word, options: Sequence[tuple[str, Word | None]]) -> Word | None:
    """The value of the last `-C` that is written before `word`."""
    folders = [value for name, value in options if name in ("-C", "--directory") and value and value.start < word.start]
    return folders[-1] if folders else None
