"""`notify`, and --notify of the commands that watch: what has happened in, exit code out."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import config
from pueue_skill.configuration.schema import Config, NotifyTable
from pueue_skill.hosts import client, poll
from pueue_skill.notify import compose, deliver
from pueue_skill.notify.deliver import NoApprise, Sent
from pueue_skill.queues.model import Queue
from pueue_skill.shell.model import LOCAL
from pueue_skill.startup.errors import UsageError
from pueue_skill.state import database, log
from pueue_skill.state.outbox import Notification

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.views.reports import NotificationsReport

AGAIN = 60.0
"""Seconds after which what could not be sent is tried again by a command that goes on."""

NONE = "nobody is to be told: the configuration has no [[notify]]. Its keys: pueue-skill schema config; an example: examples/config.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--test", action="store_true", help="send a message to each target; print which failed and why")
    how.add_argument(
        "--callback",
        metavar="ID",
        type=parsing.job_id,
        help="notify of an ended job of this machine; for daemon.callback in pueue.yml",
    )
    parser.add_argument("--result", metavar="WORD", help="with --callback: the job's result, in pueue's word")
    shared.add_json(parser, "notifications", "the messages")


def main(options: argparse.Namespace) -> int:
    parsing.refuse(options, ("--result", "--callback"))
    settings = config.load()
    if not settings.notify:
        return failed(ExitCode.USAGE, NONE)
    try:
        if options.test:
            return test(settings.notify, options.json)
        found = []
        if options.callback is not None:
            found = of_callback(settings, options.callback, options.result or "unknown")
        sent = deliver.notify(settings.notify, found, now())
        if options.json:
            print_json(sent)
        return told(sent)
    except NoApprise as error:
        if options.callback is not None:
            log.write("notify", str(error))
        return failed(ExitCode.USAGE, str(error))


def print_json(sent: Sequence[Sent]) -> None:
    report: NotificationsReport = {
        "version": 1,
        "messages": [
            {"to": one.to, "sent": not one.why, "reason": one.why, "kept": bool(one.why) and one.kept} for one in sent
        ],
    }
    print(json.dumps(report, indent=2))


def test(targets: Sequence[NotifyTable], as_json: bool) -> int:
    """Send a message to each target, whatever it wants and whatever the hour. Such a message is not kept."""
    tried = []
    for target in targets:
        name = compose.shown_host(LOCAL)
        sent = deliver.send(
            target, f"pueue-skill on {name}", f"This is how pueue-skill on {name} will tell you.", False
        )
        tried.append(sent._replace(kept=False))
        if not as_json:
            print(f"{sent.to}: {f'failed: {sent.why}' if sent.why else 'sent'}", flush=True)
    if as_json:
        print_json(tried)
    return ExitCode.FINDINGS if any(one.why for one in tried) else ExitCode.DONE


def of_callback(settings: Config, id: int, result: str) -> list[Notification]:
    """What is to be told of a job of this machine whose end pueue has called for."""
    kinds = {kind for target in settings.notify for kind in target.kinds}
    if result == "Success" and "groups" not in kinds:
        return []  # before the queue is asked: many short jobs may end at once
    name = compose.shown_host(LOCAL)
    try:
        queue = client.fetch_queue(settings.by_name()[LOCAL])
    except client.Unreachable as error:
        log.write("notify", str(error))
        return compose.of_forgotten_job(name, id, result, time.time())
    ended = [state for state in queue.states if state.id == str(id) and state.status == "done"]
    return (
        compose.of_ended_jobs(name, queue, ended) if ended else compose.of_forgotten_job(name, id, result, time.time())
    )


def told(sent: Sequence[Sent]) -> int:
    for one in sent:
        if one.why:
            then = "it is kept, and sent by the next call" if one.kept else f"nor could it be kept in {database.path()}"
            text = f"{one.to} was not told: {one.why} ({then})"
            log.write("notify", text)
            say(text)
    return ExitCode.FINDINGS if any(one.why for one in sent) else ExitCode.DONE


def now() -> dt.datetime:
    return dt.datetime.now()


def teller() -> Callable[[Sequence[Notification]], None]:
    """What a command that watches tells people by, again and again; also with nothing new, so that what waits is sent in time.

    Raises UsageError if there is no target, or apprise is not installed.
    """
    targets = config.load().notify
    if not targets:
        raise UsageError(NONE)
    try:
        deliver.import_apprise()
    except NoApprise as error:
        raise UsageError(str(error)) from None
    last = -AGAIN
    known: set[str] = set()

    def tell(found: Sequence[Notification]) -> None:
        nonlocal last
        found = [notice for notice in found if notice.event not in known]
        known.update([notice.event for notice in found])
        if found or time.monotonic() - last >= AGAIN:
            told(deliver.notify(targets, found, now()))
            last = time.monotonic()

    return tell


def queue_watcher() -> Callable[[poll.Observation | None], None]:
    """What tells people of the queues, given each look at one. Raises UsageError."""
    tell = teller()
    before: dict[str, Queue] = {}

    def heard(look: poll.Observation | None) -> None:
        found: list[Notification] = []
        if look and isinstance(look.answer, Queue):
            name = look.host.name
            if name in before:
                found = compose.events_since(compose.shown_host(name), before[name], look.answer)
            before[name] = look.answer
        tell(found)

    return heard
