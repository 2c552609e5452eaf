"""Which hosts do not answer: outcomes of connections in; out, which hosts to skip, and for how long."""

from __future__ import annotations

import time

from pueue_skill.startup.backoff import pause_s
from pueue_skill.state.database import opened, path

FIRST_REST_S = 5.0
"""Seconds for which a host that kept a command waiting is not asked with all others, the first time; longer each time."""


LONGEST_REST_S = 120.0
"""The longest such time, in seconds."""


NOTICEABLE_WAIT_S = 1.0
"""A host is skipped later only if it kept a command waiting for this long; a quick refusal costs nothing."""


def record_answer(host: str, reason: str, seconds: float = 0) -> None:
    """Record the answer of a host: `reason` is empty, or says why there was none, after `seconds`. Raises sqlite3.Error, OSError."""
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


def unreachable_hosts() -> dict[str, str]:
    """Return the hosts that did not answer the last time, with the reason. Raises sqlite3.Error, OSError."""
    with opened() as connection:
        return dict(connection.execute("select host, reason from down"))


def skipped_hosts() -> dict[str, tuple[str, float]]:
    """Return the hosts to skip for now, each with the reason and the seconds left."""
    if not path().exists():
        return {}
    now = time.time()
    with opened() as connection:
        # After a clock was set back, a host is not skipped for longer.
        rows = connection.execute(
            "select host, reason, rests from down where rests between ? and ?", (now, now + LONGEST_REST_S)
        )
        return {host: (reason, rests - now) for host, reason, rests in rows}
