"""The error that every package may raise for what its caller asked: a sentence for people, and the command that may help."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class UsageError(Exception):
    """What was asked for cannot be: no job or host is called so, options contradict each other, a value is out of range.

    The message says what and where. `hint` is a command to type, empty where the message says enough.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]}\nTry: {self.hint}" if self.hint else f"{self.args[0]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that `name` is not known: the known name nearest to it, as a question; empty where none is near."""
    import difflib  # an error may take its time

    found = difflib.get_close_matches(name, list(known), 1)
    return f". Did you mean {found[0]}?" if found else ""
