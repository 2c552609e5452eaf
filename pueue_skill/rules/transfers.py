"""Copies, downloads, archives and compression of unknown size: a Command in, a Weight or None out."""

from __future__ import annotations

import re

from pueue_skill.rules.archives import parse_tar
from pueue_skill.rules.arguments import split_arguments
from pueue_skill.rules.data_programs import CLOUD_COPIES, COMPRESSORS, DOWNLOADERS, TARS
from pueue_skill.rules.model import Weight
from pueue_skill.rules.sizes import OPTIONS, has_output, is_called_large, is_remote, parse_size
from pueue_skill.rules.table import has_argument, operands
from pueue_skill.rules.words import BIG_DOWNLOADS, BIG_FILES
from pueue_skill.shell.model import Command
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.regex import regex

ARCHIVES = (".zip", ".tgz", ".tar.gz", ".tar.xz", ".7z", ".rar", ".csv", ".jsonl", ".sql", ".gz", ".xz")
DATA_WORDS = {"dataset", "datasets", "corpus", "corpora", "dump", "dumps"}
"""Words in a URL of data rather than of a program's release."""

RELEASE = regex(
    r"[-_](?:v\d|\d{1,3}\.\d).*\.(?:t?[gx]z|tbz2?|tar\.\w+|zip|7z|whl|deb|rpm|dmg|jar)$|"
    r"[-_.](?:linux|darwin|macos|windows|x86_64|amd64|arm64|aarch64)\b.*\.(?:t?[gx]z|tbz2?|tar\.\w+|zip|7z)$",
    re.IGNORECASE,
)
"""The archive of a program's version or platform: `tool-1.2.tar.gz`, `tool-linux-arm64.zip`."""

SOURCE_FOLDERS = set(
    "src source sources scripts script doc docs lib include config conf etc test tests demo demos example examples templates patches".split()
)
SOURCE_EXCLUDES = {
    ".git",
    "*.o",
    "*.a",
    "*.pyc",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    "target",
    "build",
    "dist",
    ".mypy_cache",
}
SOURCE_SUFFIXES = tuple(
    ".c .h .cc .cpp .hpp .py .sh .js .ts .go .rs .java .rb .pl .lua .md .txt .toml .yaml .yml .json .cfg .conf .ini .patch .html .css".split()
)
"""What shows that a copied tree or glob is source text: the name of its folder, the excluded files, the suffix of its files."""

MIN_PART_BYTES = 512 * 1024**2
"""Parts of at least this size are made only of larger files."""


def weigh_transfer(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a program that moves or packs data: long for trees and big files, quick for a listing or a small file."""
    name = command.name
    if name in DOWNLOADERS:
        return weigh_download(command, args)
    if name in CLOUD_COPIES:
        return weigh_cloud_copy(command, args)
    if name in ("rsync", "scp"):
        return weigh_copy(command)
    if name in TARS:
        return weigh_tar(command)
    if name == "cp":
        recursive = has_argument(args, "-a") or has_argument(args, "-r") or has_argument(args, "-R")
        big = any(re.match(r"/(data|mnt|srv|media|backup|archive|lake|scratch)\b", arg) for arg in operands(args))
        return Weight("long", "a transfer") if recursive and big else None
    if name == "split":
        return weigh_split(command)
    if name == "dd":
        return weigh_dd(command)
    if name == "ffmpeg" and not has_output(args):
        return Weight("quick", "only shows what files contain")
    if name in ("unzip", "7z", "7za", "7zz") and any(map(RELEASE.search, operands(args))):
        return Weight("unknown", "the archive of a release")
    if COMPRESSORS.get(name, "-d").isalnum():
        if any(loop.parallel for loop in command.loops):
            return Weight("long", "compression of many files")
        if is_called_large(command):
            return Weight("long", "compression of a large file", confidence="medium")
    return None


def weigh_tar(command: Command) -> Weight | None:
    """The Weight of tar: long unless it only lists, reads what a pipe delivers, or reads the archive of a release."""
    call = parse_tar(command.words[1:])
    if call is None or call.mode not in "cruAx":
        return None
    if call.mode == "x" and call.archive is None:
        fed = any(redirect.op == "<" for redirect in command.redirects)
        return Weight("long", "archive work") if fed else Weight("unknown", "tar reads a pipe")
    if call.mode == "x" and call.archive and RELEASE.search(call.archive.value):
        return Weight("unknown", "the archive of a release")
    return Weight("long", "archive work")


def weigh_dd(command: Command) -> Weight | None:
    """The Weight of dd without a file for its input: that of the pipe, unless it fills a device."""
    names = [arg.partition("=")[0] for arg in command.args]
    if "if" in names or any(arg.startswith("of=/dev/") for arg in command.args):
        return None
    return Weight("unknown", "dd reads a pipe")


def weigh_download(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of curl and wget: long for a list, for data, and for what may have to be resumed."""
    if command.name == "curl":
        if has_argument(args, "-I") or has_argument(args, "--head") or has_argument(args, "-r"):
            return None
        saves = (
            has_argument(args, "-O") or has_argument(args, "--remote-name") or has_argument(args, "--remote-name-all")
        )
        resumes = has_argument(args, "-C") or has_argument(args, "--continue-at")
    else:
        if has_argument(args, "--spider"):
            return None
        saves = True
        whole_sites = (
            "-c",
            "--continue",
            "-r",
            "--recursive",
            "-m",
            "--mirror",
            "-i",
            "--input-file",
            "-b",
            "--background",
        )
        resumes = any(has_argument(args, option) for option in whole_sites)
    addresses = [arg.partition("?")[0].lower() for arg in operands(args)]
    if resumes or any(address.endswith(BIG_DOWNLOADS) and not RELEASE.search(address) for address in addresses):
        return Weight("long", "a big download")
    if any(address.endswith(ARCHIVES) and DATA_WORDS & set(re.split(r"[^a-z]+", address)) for address in addresses):
        return Weight("long", "a download of data", confidence="medium")
    if saves and any(loop.parallel for loop in command.loops):
        return Weight("long", "a download of many files", confidence="medium")
    return None


def weigh_cloud_copy(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a copy from or to an object store."""
    words = operands(args)
    group = CLOUD_COPIES[command.name]
    if group:
        if group not in words[:4]:
            return None
        words = words[words.index(group) + 1 :]
    if words[:1] not in (["cp"], ["mv"]) or len(words) < 3:
        return None
    if has_argument(args, "-r") or has_argument(args, "-R") or has_argument(args, "--recursive") or "-m" in args:
        return Weight("long", "a transfer")
    if any("*" in source or source.lower().endswith(BIG_FILES) for source in words[1:-1]):
        return Weight("long", "a transfer")
    return Weight("quick", "a small copy") if words[1] != "-" else None


def weigh_copy(command: Command) -> Weight | None:
    """The Weight of rsync and scp, which copy folders only with -r or -a."""
    options, words = split_arguments(command.words[1:], OPTIONS[command.name])
    names = {option for option, _ in options}
    if command.name == "rsync" and "-n" in names:
        return Weight("quick", "a dry run")
    if len(words) < 2 or "--list-only" in names:
        return Weight("quick", "a listing")
    recursive = bool(names & {"-r", "-a", "-R", "--archive", "--recursive"})
    excluded = {value.value.strip("/") for option, value in options if option == "--exclude" and value}
    sources = [word for word in words[:-1] if not is_release(word)]
    if any(is_tree(word, recursive) or word.value.lower().endswith(BIG_FILES) for word in sources):
        return (
            Weight("unknown", "a copy of a source tree") if excluded & SOURCE_EXCLUDES else Weight("long", "a transfer")
        )
    return Weight("quick", "a small copy")


def is_release(word: Word) -> bool:
    """Whether a file is the archive of a release."""
    return RELEASE.search(word.value.rpartition("/")[2]) is not None


def is_tree(word: Word, recursive: bool) -> bool:
    """Whether the source of a copy is a folder or many files, by its name: files have a suffix, or are called file. Source text is
    small."""
    path = word.value.rpartition(":")[2] if is_remote(word.value) else word.value
    last = path.rstrip("/").rpartition("/")[2]
    if last.lower().endswith(SOURCE_SUFFIXES) or last.lower() in SOURCE_FOLDERS:
        return False
    if any(char in last for char in "*?["):
        return True
    if not recursive or re.search("file(?!s)", last.lower()):
        return False
    return path.endswith("/") or "." not in last.lstrip(".") or any(char in last for char in "{$")


def weigh_split(command: Command) -> Weight | None:
    """The Weight of split: long if its parts are large."""
    options, _ = split_arguments(command.words[1:], OPTIONS["split"])
    size = next((value.value for option, value in options if option in ("-b", "--bytes") and value), "")
    part = parse_size(size)
    if part and part >= MIN_PART_BYTES:
        return Weight("long", f"a split into parts of {size}", confidence="medium")
    return None
