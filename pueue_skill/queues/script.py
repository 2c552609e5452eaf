"""Loads shell scripts: the name of a script and its inputs in, sh text out.

A script is a file `PACKAGE/sh/NAME.sh` of pueue_skill. It begins with a comment that says what it reads and what it prints, then
declares its inputs: `: "${PQ_KEY:?}" "${PQ_PATH?}"`, of which only those with a bare `?` may be empty. A line `. queues/sh/lib/lock.sh`
stands for that file of shared functions, which may declare inputs too. This module reads only files of its own package, each once,
and knows no queue and no host.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pueue_skill.shell import quote
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

ROOT = __file__.rpartition("/queues/")[0]
DECLARATION = regex(r'(?m)^: (?="\$\{PQ_).*')
INPUT = regex(r'"\$\{(PQ_[A-Z0-9_]+)(:?)\?\}"')
INCLUDE = regex(r"(?m)^\. (\S+/sh/lib/\S+)\n")
BESIDE_CODE = regex(r'(?m)^(?: *#.*|: "\$\{PQ_.*|)\n')
HEAD = regex(r'(?:#.*\n)*\n?(?:: "\$\{PQ_.*\n)*')


class Script(NamedTuple):
    """A script with its includes in place; `inputs` says by name whether a value may be empty."""

    text: str
    inputs: dict[str, bool]


def script(name: str, /, *arguments: str, **inputs: str) -> str:
    """The sh text of `PACKAGE/sh/NAME.sh`, named `PACKAGE/NAME`, after an assignment for each input and one `set` for its arguments.

    A name with a dot (`queues/pueue/unit.bash`) is that of the file itself. Raises TypeError for an input that the script does not
    declare and for one that is missing, ValueError for an empty value where the script needs one and for a value with NUL.
    """
    found = named(name)
    return given(name, found, arguments, inputs) + found.text


def pasted(name: str, /, **inputs: str) -> str:
    """As `script`, without comments and declarations, for text that a person reads."""
    found = named(name)
    return given(name, found, (), inputs) + BESIDE_CODE.sub("", found.text)


def given(name: str, found: Script, arguments: tuple[str, ...], inputs: Mapping[str, str]) -> str:
    """The lines that stand before a script. Raises as `script` does."""
    if inputs.keys() != found.inputs.keys():
        wrong = [f"does not declare {key}" for key in inputs.keys() - found.inputs.keys()]
        wrong += [f"needs {key}" for key in found.inputs.keys() - inputs.keys()]
        raise TypeError(f"the script {name} {', '.join(sorted(wrong))}")
    empty = [key for key, value in inputs.items() if not value and not found.inputs[key]]
    if empty:
        raise ValueError(f"the script {name} needs a value for {', '.join(empty)}")
    words = f"set -- {quote.line(arguments)}\n" if arguments else ""
    return "".join([f"{key}={quote.word(value)}\n" for key, value in inputs.items()]) + words


def named(name: str) -> Script:
    package, _, file = name.rpartition("/")
    return load(f"{package}/sh/{file if '.' in file else f'{file}.sh'}")


def functions(name: str) -> str:
    """The sh text of the shared functions `PACKAGE/sh/lib/NAME.sh`, named `PACKAGE/NAME`, for text that a person reads.

    Without the comment that the file begins with; a file with inputs or includes cannot be asked for (ValueError).
    """
    package, _, file = name.rpartition("/")
    text = source(f"{package}/sh/lib/{file}.sh")
    if DECLARATION.search(text) or INCLUDE.search(text):
        raise ValueError(f"the functions {name} do not stand alone")
    return HEAD.sub("", text, count=1)


@cache
def load(path: str) -> Script:
    """The script in that file, with the shared functions in place of the lines that include them."""
    text = included(path, set())
    declared = [line for line in text.split("\n") if DECLARATION.match(line)]
    return Script(text, {key: not colon for line in declared for key, colon in INPUT.findall(line)})


def included(path: str, seen: set[str]) -> str:
    """The text of a file, each file that it includes in place of the first line that does."""
    seen.add(path)
    pieces = INCLUDE.split(source(path))  # text and path by turns
    return "".join([
        piece if not i % 2 else "" if piece in seen else included(piece, seen) for i, piece in enumerate(pieces)
    ])  # fmt: skip


@cache
def source(path: str) -> str:
    """The text of a file of this package."""
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost the hook more than the file
        return file.read()
