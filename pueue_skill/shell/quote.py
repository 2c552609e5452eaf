"""The only module that quotes: text in, shell source that yields exactly that text out.

All shell text that leaves this package is built here from whole values; nothing else may add quotes or import shlex.
The forms are those on which sh (POSIX 2.2), bash, zsh and dash agree. fish and tcsh read them differently (measured:
fish a backslash, tcsh `!` and newlines inside single quotes), so remote text goes to a remote `sh -s` on stdin and
never through the login shell.
"""

from __future__ import annotations

import re

from pueue_skill.startup.regex import regex

BARE = regex(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)
# These are special in double quotes (POSIX 2.2.3), `!` only in interactive shells; a newline is merely unreadable.
ACTIVE_IN_DOUBLE = regex(r'[$`\\"!\n]')


def word(value: str) -> str:
    """One word with the value `value`: bare, in single quotes, or in double quotes if that is easier to read.

    Raises ValueError for NUL, which no argument can hold.
    """
    if "\0" in value:
        raise ValueError("a shell word cannot hold a NUL byte")
    if BARE.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    if not ACTIVE_IN_DOUBLE.search(value):
        return f'"{value}"'
    return "'" + value.replace("'", "'\\''") + "'"


def text(value: str) -> str:
    """One word that holds shell text: in double quotes if it contains single quotes and that is easier to read; not
    for `split`."""
    escaped = re.sub(r'([$`"\\])', r"\\\1", value)
    double = "'" in value and not re.search(r"[!\n\0]", value) and len(escaped) - len(value) <= 3 * value.count("'")
    return f'"{escaped}"' if double else word(value)


def line(values: tuple[str, ...] | list[str]) -> str:
    """A command line whose words are `values`."""
    return " ".join([word(value) for value in values])


def nested(value: str, shells: int) -> str:
    """`value` as one word that survives `shells` shells in turn."""
    for _ in range(shells):
        value = word(value)
    return value


def path(value: str) -> str:
    """A path as one word; a leading `~/` stays for the shell to expand."""
    if value.startswith("~/") and len(value) > 2:
        return "~/" + word(value[2:])
    return word(value)


def ansi_c(value: str) -> str:
    """One word in bash's `$'…'`, pure ASCII, for text with bytes that are not UTF-8 (surrogate escapes).

    Raises ValueError for NUL.
    """
    raw = value.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise ValueError("a shell word cannot hold a NUL byte")
    return "$'" + "".join([chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\{b:03o}" for b in raw]) + "'"


def from_ansi_c(text: str) -> str:
    """The value of a word made by `ansi_c`."""
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), text[2:-1].encode("ascii"))
    return raw.decode("utf-8", "surrogateescape")


def heredoc(command: str, body: str) -> str:
    """`command` with `body` on its stdin, byte for byte, as bash text that can be pasted."""
    delimiter = "PUEUE"
    lines = body.split("\n")
    while delimiter in lines:
        delimiter += "_"
    newline = "" if body.endswith("\n") else "\n"
    return f"{command} <<'{delimiter}'\n{body}{newline}{delimiter}\n"


def split(text: str) -> list[str] | None:
    """The words of a line made by `line`, or None for any other line."""
    import shlex  # the hook never splits

    try:
        return shlex.split(text)
    except ValueError:
        return None
