"""Delivers notifications: notifications and the configured targets in, messages sent by apprise out. The only importer of apprise.

A notification is stored before anything is sent, once for each target and event, and is done when apprise has confirmed its delivery: if a
receiver is down, a target has quiet hours, or the process dies, it waits for the next command. All pending notifications of a target
go out as one message. One process sends at a time; another leaves its notifications to it. A URL contains secrets, so only its
scheme and host are shown.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pueue_skill.configuration.schema import NotifyTable
from pueue_skill.notify import compose
from pueue_skill.shell.secrets import MASK
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import outbox, paths
from pueue_skill.state.locks import try_lock
from pueue_skill.state.outbox import Notification

if TYPE_CHECKING:
    import apprise

DELIVERY_TIMEOUT_S = 10.0
"""How long a receiver may take for one message."""

PARTS = regex(r"[/:@?&=,]+")


class Sent(NamedTuple):
    """The result of a message to the target shown as `to`; `why` is empty after a success. `kept`: the next command sends it again."""

    to: str
    why: str
    kept: bool = True


class NoApprise(Exception):
    """apprise is not installed; the message says what to type."""


def notify(targets: Sequence[NotifyTable], found: Sequence[Notification], now: dt.datetime) -> list[Sent]:
    """Store notifications for the targets that want their kinds, and deliver what is pending; return the results."""
    wanted = [(target, [notice for notice in found if notice.kind in target.kinds]) for target in targets]
    try:
        for target, these in wanted:
            if these:
                outbox.enqueue(target_id(target), these, now.timestamp())
    except (sqlite3.Error, OSError):
        # The disk may be full: that is worth a notification.
        unkept = [(target, [(now.timestamp(), notice) for notice in these]) for target, these in wanted if these]
        return [send(target, *compose.message(these))._replace(kept=False) for target, these in unkept]
    return deliver_pending(targets, now)


def deliver_pending(targets: Sequence[NotifyTable], now: dt.datetime) -> list[Sent]:
    """Deliver what is pending, except to targets in their quiet hours; return the results."""
    awake = [target for target in targets if not is_quiet(target.quiet, now.time())]
    tried: dict[int, Sent] = {}
    while any(one.number not in tried for target in awake for one in outbox.pending(target_id(target))):
        with try_lock(paths.delivery_lock()) as mine:
            if not mine:
                break
            for target in awake:
                kept = outbox.pending(target_id(target))
                if all(one.number in tried for one in kept):
                    continue
                sent = send(target, *compose.message([(one.at, one.notice) for one in kept]))
                if not sent.why:
                    outbox.mark_sent([one.number for one in kept], now.timestamp())
                tried |= {one.number: sent for one in kept}
    return list(dict.fromkeys(tried.values()))


def is_quiet(hours: str, time: dt.time) -> bool:
    """Return whether `time` is within `hours`, which may span midnight."""
    if not hours:
        return False
    begin, end = map(dt.time.fromisoformat, hours.split("-"))
    return begin <= time < end if begin <= end else time >= begin or time < end


def send(target: NotifyTable, title: str, text: str, bad: bool) -> Sent:
    """Send one message. Raises NoApprise."""
    apprise = import_apprise()
    service = service_of(target)
    to = visible_url(target)
    if service is None:
        return Sent(to, "apprise does not know this kind of URL, or the URL is incomplete; see pueue-skill doctor")
    one = apprise.Apprise()
    one.add(service)
    said = one.notify(
        body=text,
        title=title,
        body_format=apprise.NotifyFormat.TEXT,  # so that it is escaped for a service that reads HTML or Markdown
        notify_type=apprise.NotifyType.FAILURE if bad else apprise.NotifyType.SUCCESS,
        timeout=DELIVERY_TIMEOUT_S,
    )
    if said:
        return Sent(to, "")
    words = [entry.message for entry in said.logs()] or [f"no answer within {DELIVERY_TIMEOUT_S:g} s"]
    return Sent(to, without_secrets(target, " ".join(words)))


def import_apprise() -> Any:
    """Return apprise. Raises NoApprise."""
    try:
        import apprise
    except ImportError:
        raise NoApprise(
            "notifications are sent by apprise, which is not installed: uv tool install 'pueue-skill[notify]', or for pipx: "
            "pipx inject pueue-skill apprise"
        ) from None
    return apprise


def service_of(target: NotifyTable) -> apprise.NotifyBase | None:
    """Return apprise's service for a target's URL, or None. Raises NoApprise."""
    made: apprise.NotifyBase | None = import_apprise().Apprise.instantiate(target.url.get_secret_value())
    return made


def visible_url(target: NotifyTable) -> str:
    """Return the part of a target's URL that anyone may read: its scheme, and its host if the service has one in all its URLs (in others, a token or
    a topic is in its place).
    """
    scheme = target.url.get_secret_value().partition("://")[0]
    service = service_of(target)
    templates: tuple[str, ...] = service.templates if service else ()
    if service and all("{host}" in template for template in templates):
        return f"{scheme}://{service.host}"
    return f"{scheme}://…"


def without_secrets(target: NotifyTable, words: str) -> str:
    """Return a message of apprise about a target, without the hidden parts of its URL."""
    url, open_ = target.url.get_secret_value(), visible_url(target)
    for part in sorted({*PARTS.split(url), *PARTS.split(unquote(url))}, key=len, reverse=True):
        if len(part) > 2 and part not in open_:
            words = words.replace(part, MASK)
    return compose.plain(words, 300)


def target_id(target: NotifyTable) -> str:
    """Return the name of a target in the database."""
    return digest(target.url.get_secret_value().encode("utf-8", "surrogateescape"), 32)
