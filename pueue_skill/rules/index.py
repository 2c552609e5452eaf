"""A mapping from names to texts, inside one text: a name in, the rest of its line out.

Most commands look up a few of thousands of names. To create a dictionary of them would take the hook longer than to search the text.
"""

from __future__ import annotations

from collections.abc import Iterator


class Index:
    """A mapping whose text has a line `NAME VALUE` for each name, and begins and ends with a line break."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __contains__(self, name: str) -> bool:
        return f"\n{name}\t" in self.text

    def __iter__(self) -> Iterator[str]:
        return iter([line.partition("\t")[0] for line in self.text.split("\n")[1:-1]])

    def get(self, name: str) -> str:
        """The value of a name, empty without one."""
        return self.text.partition(f"\n{name}\t")[2].partition("\n")[0]
