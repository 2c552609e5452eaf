"""A mapping from names to texts, inside one text: a name in, the rest of its line out.

Most commands look up a few of thousands of names. To create a dictionary of them would take the hook longer than to search the text.
"""

from __future__ import annotations

from collections.abc import Iterator

FEW = 64
"""The searches after which a dictionary is worth its time: of 3082 names, a search takes 6 to 23 µs, and the dictionary 1.1 ms."""


class Index:
    """A mapping whose text has a line `NAME VALUE` for each name, and begins and ends with a line break."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.searches = 0
        self.rows: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.all_rows())

    def get(self, name: str) -> str:
        """The value of a name, empty without one."""
        return self.find(name) or ""

    def find(self, name: str) -> str | None:
        """The value of a name, None without one."""
        if self.searches == FEW:
            self.rows = self.rows or self.all_rows()
            return self.rows.get(name)
        self.searches += 1
        line = f"\n{name}\t"
        at = self.text.find(line)
        return None if at < 0 else self.text[at + len(line) : self.text.index("\n", at + len(line))]

    def all_rows(self) -> dict[str, str]:
        """The values of all names."""
        return dict([line.split("\t", 1) for line in self.text.split("\n")[1:-1]])
