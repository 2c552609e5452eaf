"""Text from elsewhere, made fit to be shown: any text in, text that no terminal and no reader mistakes for something else out.

Labels, names of groups and folders, commands, and what hosts say are other people's: they may hold escape sequences, line ends that
forge a line of ours, or marks that turn the direction of writing. What is shown of them goes through here; a job's own output does not.
"""

from __future__ import annotations

REPLACED = "\ufffd"


def safe(text: str, but: str = "\n\t") -> str:
    """`text` with REPLACED for each character that a terminal would act on or not show; the characters of `but` stay."""
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() or char in but else REPLACED for char in text])


def line(text: str, longest: int = 0) -> str:
    """`text` as one line: blanks for line ends and tabs, and cut to `longest` characters where that is given."""
    if not text.isprintable():
        text = safe(" ".join(text.split()), "")
    return text if not longest or len(text) <= longest else text[: longest - 1] + "…"
