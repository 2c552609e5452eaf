"""Marker comments: `# pueue: skip` and `# pueue: queue` anywhere in a command override the rules."""

from __future__ import annotations

from pueue_skill.shell.syntax import Script
from pueue_skill.startup.regex import regex

MARKER = regex(r"#+\s*pueue:\s*(skip|queue)\b")


def marker_of(script: Script) -> str | None:
    """The word of the last marker comment, or None."""
    markers = [match[1] for match in map(MARKER.match, [comment.text for comment in script.comments]) if match]
    return markers[-1] if markers else None


def text_of(script: Script) -> str:
    """The script's text without marker comments, and without lines that contain nothing else."""
    text = script.text
    for comment in reversed(script.comments):
        if MARKER.match(comment.text):
            line = text.rfind("\n", 0, comment.start) + 1
            alone = not text[line : comment.start].strip()
            end = comment.end + 1 if alone else comment.end
            text = text[: line if alone else comment.start] + text[end:]
    return trimmed(text)


def trimmed(text: str) -> str:
    """`text` without surrounding blanks and newlines, as the shell defines them.

    A blank or newline after a backslash stays: it is part of a word, or a line continuation.
    """
    text = text.lstrip(" \t\n")
    stripped = text.rstrip(" \t\n")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return text[: len(stripped) + backslashes % 2]
