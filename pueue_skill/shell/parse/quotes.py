"""Decodes the backslash escapes in `$'…'`.

In: a text and the position of `$'`. Out: the characters, each with its position in the text. The module knows no words.
Source: QUOTING in bash(1), ansicstr in bash's lib/sh/strtrans.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pueue_skill.shell.parse.source import Refused
from pueue_skill.startup.regex import regex

ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n",
    "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
NUMERIC = regex(r"[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|c(?:\\\\?|.)", re.DOTALL)
INSIDE = regex(r"(?:[^\\']+|\\.)*+'", re.DOTALL)
BYTES = regex("[\udc80-\udcff]{2}")


def scan_ansi_c(text: str, i: int) -> tuple[int, str, tuple[int, ...]]:
    """Return the end of the `$'…'` at `i`, its value, and the position of each character. A NUL byte ends the value.

    Bytes outside ASCII become surrogate escapes. Raises Refused without a closing quote.
    """
    inside = INSIDE.match(text, i + 2)
    if inside is None:
        raise Refused(f"the quote at character {i + 1} is not closed")
    value: list[str] = []
    origin: list[int] = []
    at, close = i + 2, inside.end() - 1
    while at < close:
        char, end = scan_escape(text, at, close) if text[at] == "\\" else (text[at], at + 1)
        if char == "\0":
            break
        value.append(char)
        origin.extend([at] * len(char))
        at = end
    return close + 1, "".join(value), tuple(origin)


def scan_escape(text: str, i: int, close: int) -> tuple[str, int]:
    """Return the value and the end of the escape that begins with the backslash at `i`; the closing quote is at `close`."""
    numeric = NUMERIC.match(text, i + 1, close)
    if numeric:
        return numeric_escape(numeric[0]), numeric.end()
    return ESCAPES.get(text[i + 1], "\\" + text[i + 1]), i + 2


def numeric_escape(escape: str) -> str:
    if escape[0] == "c":
        return "\x7f" if escape[1] == "?" else chr(ord(escape[1]) & 0x1F)
    if escape[0] in "uU":
        code = int(escape[1:], 16)
        return chr(code) if code < 0x110000 else ""
    byte = int(escape[1:], 16) if escape[0] == "x" else int(escape, 8) & 0xFF
    return chr(byte) if byte < 128 else bytes([byte]).decode("utf-8", "surrogateescape")


def join_bytes(value: str, origin: Sequence[int]) -> tuple[str, Sequence[int]]:
    """Bytes that were written one by one (`$'\\xc3\\xa9'`) joined to characters."""
    joined: list[str] = []
    where: list[int] = []
    at = 0
    for char in value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"):
        joined.append(char)
        where.append(origin[at])
        at += 1 if value[at] == char else len(char.encode("utf-8"))
    return "".join(joined), tuple(where)
