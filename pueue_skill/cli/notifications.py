"""Notifications to the [[notify]] targets, for `notify` and the commands that watch: events in, sent messages out.

A message that could not be sent is printed on stderr and logged.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence

from pueue_skill.cli.console import say
from pueue_skill.configuration import config
from pueue_skill.hosts import poll
from pueue_skill.notify import compose, deliver
from pueue_skill.notify.deliver import NoApprise, Sent
from pueue_skill.queues.model import Queue
from pueue_skill.startup.errors import UsageError
from pueue_skill.state import database, log
from pueue_skill.state.outbox import Notification

RETRY_INTERVAL_S = 60.0
"""A command that watches sends pending notifications again after this time."""

NO_TARGET = (
    "the configuration has no [[notify]] target. Its keys: pueue-skill schema config; an example: examples/config.toml"
)


def report_unsent(results: Sequence[Sent]) -> None:
    """Print and log each message that could not be sent."""
    for result in results:
        if result.why:
            then = (
                "it is sent again with the next command"
                if result.kept
                else f"it could not be stored in {database.path()}"
            )
            text = f"{result.to} was not notified: {result.why} ({then})"
            log.write("notify", text)
            say(text)


def sender() -> Callable[[Sequence[Notification]], None]:
    """Return a function that sends notifications, each event once. Call it without new ones too: it then retries pending ones.

    Raises UsageError if there is no target, or apprise is not installed.
    """
    targets = config.load().notify
    if not targets:
        raise UsageError(NO_TARGET)
    try:
        deliver.import_apprise()
    except NoApprise as error:
        raise UsageError(str(error)) from None
    last = -RETRY_INTERVAL_S
    known: set[str] = set()

    def send(notifications: Sequence[Notification]) -> None:
        nonlocal last
        new = [notification for notification in notifications if notification.event not in known]
        known.update([notification.event for notification in new])
        if new or time.monotonic() - last >= RETRY_INTERVAL_S:
            report_unsent(deliver.notify(targets, new, dt.datetime.now()))
            last = time.monotonic()

    return send


def queue_observer() -> Callable[[poll.Observation | None], None]:
    """Return a function that sends notifications of what changed in a queue since its previous observation. Raises UsageError."""
    send = sender()
    before: dict[str, Queue] = {}

    def observe(observation: poll.Observation | None) -> None:
        events: list[Notification] = []
        if observation and isinstance(observation.answer, Queue):
            name = observation.host.name
            if name in before:
                events = compose.events_since(compose.shown_host(name), before[name], observation.answer)
            before[name] = observation.answer
        send(events)

    return observe
