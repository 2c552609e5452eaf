"""TODO."""

from __future__ import annotations

import time

from pueue_skill.startup.backoff import pause_s
from pueue_skill.state.database import opened, path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Identity: TypeAlias = tuple[str, str, str]
    """The key, id and creation time of a job in its queue: ids are used again, and the same text submitted twice has one key."""


FIRST_REST_S = 5.0
"""Seconds for which a host that kept a command waiting is not asked with all others, the first time; longer each time."""


LONGEST_REST_S = 120.0
"""The longest such time, in seconds."""


NOTICEABLE_WAIT_S = 1.0
"""Seconds from which on a host was waited for; one that says at once that it is down costs nobody anything."""


def host_answered(host: str, reason: str, seconds: float = 0) -> None:
    """Remembers whether a host has answered: with "" it has, else why not, after how many seconds."""
    now = time.time()
    with opened() as connection:
        if reason:
            connection.execute("insert or ignore into down (host, reason, since) values (?, ?, ?)", (host, reason, now))
            tries, waited = (
                connection.execute("select tries from down where host = ?", (host,)).fetchone()[0],
                seconds >= NOTICEABLE_WAIT_S,
            )
            rests = now + pause_s(tries + 1, FIRST_REST_S, LONGEST_REST_S) if waited else 0
            connection.execute(
                "update down set reason = ?, tries = ?, rests = ? where host = ?",
                (reason, tries + 1 if waited else 0, rests, host),
            )
        else:
            connection.execute("delete from down where host = ?", (host,))


def down() -> dict[str, str]:
    """The hosts that did not answer when they were asked last, and why."""
    with opened() as connection:
        return dict(connection.execute("select host, reason from down"))


def resting() -> dict[str, tuple[str, float]]:
    """The hosts that are left alone for a while, since they were waited for in vain: why, and for how many seconds more."""
    if not path().exists():
        return {}
    now = time.time()
    with opened() as connection:
        # A clock that was set back must not have a host left alone for longer.
        rows = connection.execute(
            "select host, reason, rests from down where rests between ? and ?", (now, now + LONGEST_REST_S)
        )
        return {host: (reason, rests - now) for host, reason, rests in rows}
