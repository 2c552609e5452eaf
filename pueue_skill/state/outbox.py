"""TODO."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.startup.record import NamedTuple
from pueue_skill.state.database import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pueue_skill.state.literals import NoticeKind

    Identity: TypeAlias = tuple[str, str, str]
    """The key, id and creation time of a job in its queue: ids are used again, and the same text submitted twice has one key."""


LOCK_TIMEOUT_S = 20.0
"""Seconds that a notice waits for others who write: many jobs may end at once, and none of their ends may be lost."""


SENT_MEMORY_S = 60 * 86_400.0
"""Seconds for which it is remembered that a notice was sent, so that it is not sent again."""


class Notice(NamedTuple):
    """Something that people are to be told, once: `event` is the same whoever notices it. `bad`: something failed."""

    kind: NoticeKind
    event: str
    title: str
    text: str
    bad: bool


class Kept(NamedTuple):
    """A notice that was kept at `at`, in seconds of the epoch."""

    number: int
    at: float
    notice: Notice


def keep(target: str, notices: Sequence[Notice], now: float) -> None:
    """Keeps what a target is to be told, unless it has been kept before. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.executemany(
            "insert or ignore into notices (target, at, kind, event, title, text, bad) values (?, ?, ?, ?, ?, ?, ?)",
            [(target, now, *notice) for notice in notices],
        )


def kept(target: str) -> list[Kept]:
    """What a target has not been told yet, the oldest first."""
    with opened(LOCK_TIMEOUT_S) as connection:
        rows = connection.execute(
            "select number, at, kind, event, title, text, bad from notices where target = ? and sent is null order by number",
            (target,),
        )
        return [
            Kept(number, at, Notice(kind, event, title, text, bool(bad)))
            for number, at, kind, event, title, text, bad in rows
        ]


def told_of(numbers: Sequence[int], now: float) -> None:
    """Remembers that notices were sent, and forgets those of long ago."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.executemany("update notices set sent = ? where number = ?", [(now, number) for number in numbers])
        connection.execute("delete from notices where sent < ?", (now - SENT_MEMORY_S,))
