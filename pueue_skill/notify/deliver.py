"""Tells people what has happened: notices and the targets of the configuration in, messages sent by apprise out.

A notice is kept in the store before anything is sent, once for each target and event, and is done with when apprise has said
yes: a receiver that is down, the quiet hours of a target or a process that dies only make it wait for the next call. All that
waits for a target goes as one message. One process sends at a time; another leaves its notices to that one, which looks again
when it has done. The only importer of apprise. An URL holds secrets, so that no more of it is shown than scheme and host.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pueue_skill.configuration.schema import NotifyTable
from pueue_skill.notify import compose
from pueue_skill.shell.secrets import MASK
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import outbox, paths
from pueue_skill.state.outbox import Notification

if TYPE_CHECKING:
    import apprise

DELIVERY_TIMEOUT_S = 10.0
"""Seconds that a receiver has for one message."""

PARTS = regex(r"[/:@?&=,]+")


class Sent(NamedTuple):
    """What became of a message to the target that is shown as `to`; `why` is empty where apprise said yes. `kept`: it waits for the
    next call otherwise."""

    to: str
    why: str
    kept: bool = True


class NoApprise(Exception):
    """The package that sends is not installed; the message says what to type."""


def tell(targets: Sequence[NotifyTable], found: Sequence[Notification], now: dt.datetime) -> list[Sent]:
    """Keeps notices for the targets that want their kinds, and sends what is kept; what was tried."""
    wanted = [(target, [notice for notice in found if notice.kind in target.kinds]) for target in targets]
    try:
        for target, these in wanted:
            if these:
                outbox.enqueue(mark(target), these, now.timestamp())
    except (sqlite3.Error, OSError):
        # The disk may be full, which is just what somebody should hear of.
        unkept = [(target, [(now.timestamp(), notice) for notice in these]) for target, these in wanted if these]
        return [send(target, *compose.message(these))._replace(kept=False) for target, these in unkept]
    return deliver(targets, now)


def deliver(targets: Sequence[NotifyTable], now: dt.datetime) -> list[Sent]:
    """Sends what is kept, but to targets whose quiet hours it is; what was tried."""
    awake = [target for target in targets if not quiet(target.quiet, now.time())]
    tried: dict[int, Sent] = {}
    while any(one.number not in tried for target in awake for one in outbox.pending(mark(target))):
        with sole() as mine:
            if not mine:
                break
            for target in awake:
                kept = outbox.pending(mark(target))
                if all(one.number in tried for one in kept):
                    continue
                sent = send(target, *compose.message([(one.at, one.notice) for one in kept]))
                if not sent.why:
                    outbox.mark_sent([one.number for one in kept], now.timestamp())
                tried |= {one.number: sent for one in kept}
    return list(dict.fromkeys(tried.values()))


def quiet(hours: str, time: dt.time) -> bool:
    """Whether `time` is within `hours`, which may go over midnight."""
    if not hours:
        return False
    begin, end = map(dt.time.fromisoformat, hours.split("-"))
    return begin <= time < end if begin <= end else time >= begin or time < end


@contextmanager
def sole() -> Iterator[bool]:
    """Whether no other process of the user's sends; then none does in this context. It ends with the process, however that ends."""
    file = Path(paths.data()) / "notifying"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def send(target: NotifyTable, title: str, text: str, bad: bool) -> Sent:
    """Sends one message. Raises NoApprise."""
    apprise = library()
    service = service_of(target)
    to = shown(target)
    if service is None:
        return Sent(to, "apprise does not know such an URL, or it is not whole; see pueue-skill doctor")
    one = apprise.Apprise()
    one.add(service)
    said = one.notify(
        body=text,
        title=title,
        body_format=apprise.NotifyFormat.TEXT,  # so that it is escaped where a service reads HTML or Markdown
        notify_type=apprise.NotifyType.FAILURE if bad else apprise.NotifyType.SUCCESS,
        timeout=DELIVERY_TIMEOUT_S,
    )
    if said:
        return Sent(to, "")
    words = [entry.message for entry in said.logs()] or [f"no answer within {DELIVERY_TIMEOUT_S:g} s"]
    return Sent(to, without(target, " ".join(words)))


def library() -> Any:
    """apprise. Raises NoApprise."""
    try:
        import apprise
    except ImportError:
        raise NoApprise(
            "notices are sent by apprise, which is not installed: uv tool install 'pueue-skill[notify]', or for pipx: "
            "pipx inject pueue-skill apprise"
        ) from None
    return apprise


def service_of(target: NotifyTable) -> apprise.NotifyBase | None:
    """What apprise makes of a target's URL. Raises NoApprise."""
    made: apprise.NotifyBase | None = library().Apprise.instantiate(target.url.get_secret_value())
    return made


def shown(target: NotifyTable) -> str:
    """As much of a target's URL as may be read by anybody: scheme, and host where the service has one in all its URLs (in others
    a token or a topic stands in its place)."""
    scheme = target.url.get_secret_value().partition("://")[0]
    service = service_of(target)
    templates: tuple[str, ...] = service.templates if service else ()
    if service and all("{host}" in template for template in templates):
        return f"{scheme}://{service.host}"
    return f"{scheme}://…"


def without(target: NotifyTable, words: str) -> str:
    """What apprise said of a target, without what its URL holds and may not be shown."""
    url, open_ = target.url.get_secret_value(), shown(target)
    for part in sorted({*PARTS.split(url), *PARTS.split(unquote(url))}, key=len, reverse=True):
        if len(part) > 2 and part not in open_:
            words = words.replace(part, MASK)
    return compose.plain(words, 300)


def mark(target: NotifyTable) -> str:
    """What a target is called in the store."""
    return digest(target.url.get_secret_value().encode("utf-8", "surrogateescape"), 32)
