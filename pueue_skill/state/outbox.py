"""Notifications for people that are not delivered yet: notifications in, what is pending for a target out.

A notification stays pending until its delivery is recorded, and is recorded once for each target and event.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.startup.record import NamedTuple
from pueue_skill.state.database import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.state.literals import NoticeKind


LOCK_TIMEOUT_S = 20.0
"""How long a writer waits for others: many jobs may end at once, and each outcome must be stored."""


SENT_MEMORY_S = 60 * 86_400.0
"""How long a delivery is remembered, so that the same event is not sent twice."""


class Notification(NamedTuple):
    """A message for people. `event` identifies what happened; `bad` is true for failures."""

    kind: NoticeKind
    event: str
    title: str
    text: str
    bad: bool


class PendingNotification(NamedTuple):
    """A notification that was stored at `at`, in seconds since the epoch."""

    number: int
    at: float
    notice: Notification


def enqueue(target: str, notices: Sequence[Notification], now: float) -> None:
    """Store notifications for a target, except those it already has. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.executemany(
            "insert or ignore into notices (target, at, kind, event, title, text, bad) values (?, ?, ?, ?, ?, ?, ?)",
            [(target, now, *notice) for notice in notices],
        )


def pending(target: str) -> list[PendingNotification]:
    """Return the notifications that are not delivered to a target yet, the oldest first. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        rows = connection.execute(
            "select number, at, kind, event, title, text, bad from notices where target = ? and sent is null order by number",
            (target,),
        )
        return [
            PendingNotification(number, at, Notification(kind, event, title, text, bool(bad)))
            for number, at, kind, event, title, text, bad in rows
        ]


def mark_sent(numbers: Sequence[int], now: float) -> None:
    """Record that notifications were delivered, and delete old records. Raises sqlite3.Error, OSError."""
    with opened(LOCK_TIMEOUT_S) as connection:
        connection.executemany("update notices set sent = ? where number = ?", [(now, number) for number in numbers])
        connection.execute("delete from notices where sent < ?", (now - SENT_MEMORY_S,))
