"""Checks the [[notify]] targets of the configuration: a check for each target out. Nothing is sent."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator

from pueue_skill.configuration import config
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.hosts.doctor.health_check import HealthCheck
from pueue_skill.notify import deliver
from pueue_skill.startup.words import counted
from pueue_skill.state import outbox


def checks() -> Iterator[HealthCheck]:
    """Return a check for each target; of its URL, only the part that anyone may read."""
    try:
        targets = config.load().notify
        for number, target in enumerate(targets, 1):
            name, to = f"notify {number}", deliver.visible_url(target)
            waiting = (
                []
                if deliver.is_quiet(target.quiet, dt.datetime.now().time())
                else outbox.pending(deliver.target_id(target))
            )
            if deliver.service_of(target) is None:
                yield HealthCheck(
                    name,
                    "failure",
                    f"{to}: apprise does not know this kind of URL, or the URL is incomplete",
                    "see `apprise --details`",
                )
            elif waiting:
                yield HealthCheck(
                    name, "warning", f"{to}: {counted(len(waiting), 'notification')} not sent yet", "pueue-skill notify"
                )
            else:
                yield HealthCheck(name, "ok", to)
    except deliver.NoApprise as error:
        yield HealthCheck(
            "notify",
            "failure",
            "notifications are sent by apprise, which is not installed",
            str(error).partition(": ")[2],
        )
    except (ConfigError, sqlite3.Error, OSError):
        return  # reported by another check
