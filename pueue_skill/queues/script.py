"""Loads shell scripts: the name of a script and its inputs in, sh text out.

A script is a file `PACKAGE/sh/NAME.sh` of pueue_skill. It begins with a comment that says what it reads and prints, then declares its
inputs: `: "${PQ_KEY:?}" "${PQ_PATH?}"`, where only a bare `?` permits an empty value. A line `. queues/sh/lib/lock.sh` includes a
file of shared functions, which may declare inputs too. Lines that hold only a comment are dropped from the text: bash reads it byte
by byte. The module reads only files of this package, each once, and knows no queue and no host.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pueue_skill.shell import quote
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

ROOT = __file__.rpartition("/queues/")[0]
COMMENT = regex(r"(?m)^ *#.*\n")
"""A comment on its own line. No quoted text or heredoc of a script may have such a line: tests/queues/test_scripts.py proves it."""
DECLARATION = regex(r'(?m)^: (?="\$\{PQ_).*')
INPUT = regex(r'"\$\{(PQ_[A-Z0-9_]+)(:?)\?\}"')
INCLUDE = regex(r"(?m)^\. (\S+/sh/lib/\S+)\n")
UNREAD = regex(r'(?m)^(?:: "\$\{PQ_.*|)\n')
"""Lines that a person who reads a pasted script does not need: declarations and blank lines."""


class LoadedScript(NamedTuple):
    """A script with its includes in place and without comment lines. `inputs`: by name, whether the value may be empty."""

    text: str
    inputs: dict[str, bool]


def script(name: str, /, *arguments: str, **inputs: str) -> str:
    """Return the sh text of `PACKAGE/sh/NAME.sh`, named `PACKAGE/NAME`, after an assignment per input and a `set` for its arguments.

    A name with a dot is that of the file: `queues/pueue/unit.bash`. Raises TypeError for an input that is missing or not declared,
    ValueError for NUL, and for an empty value that the script does not permit.
    """
    loaded = load_named(name)
    return assignments(name, loaded, arguments, inputs) + loaded.text


def pasted(name: str, /, **inputs: str) -> str:
    """As `script`, without declarations and blank lines: for text that a person reads and pastes."""
    loaded = load_named(name)
    return assignments(name, loaded, (), inputs) + UNREAD.sub("", loaded.text)


def assignments(name: str, loaded: LoadedScript, arguments: tuple[str, ...], inputs: Mapping[str, str]) -> str:
    """Return the lines that set the inputs and arguments of a script. Raises as `script` does."""
    if inputs.keys() != loaded.inputs.keys():
        wrong = [f"does not declare {key}" for key in inputs.keys() - loaded.inputs.keys()]
        wrong += [f"needs {key}" for key in loaded.inputs.keys() - inputs.keys()]
        raise TypeError(f"the script {name} {', '.join(sorted(wrong))}")
    empty = [key for key, value in inputs.items() if not value and not loaded.inputs[key]]
    if empty:
        raise ValueError(f"the script {name} needs a value for {', '.join(empty)}")
    words = f"set -- {quote.line(arguments)}\n" if arguments else ""
    return "".join([f"{key}={quote.word(value)}\n" for key, value in inputs.items()]) + words


def load_named(name: str) -> LoadedScript:
    package, _, file = name.rpartition("/")
    return load(f"{package}/sh/{file if '.' in file else f'{file}.sh'}")


def functions(name: str) -> str:
    """Return the functions of `PACKAGE/sh/lib/NAME.sh`, named `PACKAGE/NAME`, for text that a person reads and pastes.

    Raises ValueError for a file with inputs or includes.
    """
    package, _, file = name.rpartition("/")
    path = f"{package}/sh/lib/{file}.sh"
    if load(path).inputs or INCLUDE.search(source(path)):
        raise ValueError(f"the functions {name} need inputs or other files")
    return load(path).text.lstrip("\n")


@cache
def load(path: str) -> LoadedScript:
    """Load the script in a file; shared functions take the place of the lines that include them."""
    text = COMMENT.sub("", included(path, set()))
    declared = [line for line in text.split("\n") if DECLARATION.match(line)]
    return LoadedScript(text, {key: not colon for line in declared for key, colon in INPUT.findall(line)})


def included(path: str, seen: set[str]) -> str:
    """Return the text of a file with the files that it includes, each once, where it is first included."""
    seen.add(path)
    pieces = INCLUDE.split(source(path))  # text and path by turns
    return "".join([
        piece if not i % 2 else "" if piece in seen else included(piece, seen) for i, piece in enumerate(pieces)
    ])  # fmt: skip


@cache
def source(path: str) -> str:
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost the hook more than the file
        return file.read()
