"""`notify`: sends pending notifications, the notification of a job that pueue's callback names, or test messages."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Sequence

from pueue_skill.cli import notifications, parsing
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed
from pueue_skill.configuration import config
from pueue_skill.configuration.schema import Config, NotifyTable
from pueue_skill.hosts import client
from pueue_skill.notify import compose, deliver
from pueue_skill.notify.deliver import NoApprise, Sent
from pueue_skill.shell.model import LOCAL
from pueue_skill.state import log
from pueue_skill.state.outbox import Notification

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.views.reports import NotificationsReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--test", action="store_true", help="send a message to each target; print which failed and why")
    mode.add_argument(
        "--callback",
        metavar="ID",
        type=parsing.job_id,
        help="send the notification of this ended job of this machine; for daemon.callback in pueue.yml",
    )
    parser.add_argument("--result", metavar="WORD", help="with --callback: the job's result, in pueue's words")
    shared.add_json(parser, "notifications", "the messages")


def main(options: argparse.Namespace) -> int:
    parsing.refuse(options, ("--result", "--callback"))
    settings = config.load()
    if not settings.notify:
        return failed(ExitCode.USAGE, notifications.NO_TARGET)
    try:
        if options.test:
            return send_tests(settings.notify, options.json)
        new = []
        if options.callback is not None:
            new = of_callback(settings, options.callback, options.result or "unknown")
        results = deliver.notify(settings.notify, new, dt.datetime.now())
    except NoApprise as error:
        if options.callback is not None:
            log.write("notify", str(error))
        return failed(ExitCode.USAGE, str(error))
    if options.json:
        print_json(results)
    notifications.report_unsent(results)
    return exit_code(results)


def exit_code(results: Sequence[Sent]) -> int:
    return ExitCode.FINDINGS if any(result.why for result in results) else ExitCode.DONE


def print_json(results: Sequence[Sent]) -> None:
    report: NotificationsReport = {
        "version": 1,
        "messages": [
            {
                "to": result.to, "sent": not result.why, "reason": result.why,
                "kept": bool(result.why) and result.kept,
            }
            for result in results
        ],
    }  # fmt: skip
    print(json.dumps(report, indent=2))


def send_tests(targets: Sequence[NotifyTable], as_json: bool) -> int:
    """Send a message to each target, whatever its kinds and quiet hours. A failed test message is not sent again."""
    results = []
    for target in targets:
        name = compose.shown_host(LOCAL)
        result = deliver.send(
            target, f"pueue-skill on {name}", f"This is a test notification from pueue-skill on {name}.", False
        )
        results.append(result._replace(kept=False))
        if not as_json:
            print(f"{result.to}: {f'failed: {result.why}' if result.why else 'sent'}", flush=True)
    if as_json:
        print_json(results)
    return exit_code(results)


def of_callback(settings: Config, id: int, result: str) -> list[Notification]:
    """Return the notifications of a job of this machine for whose end pueue ran its callback."""
    kinds = {kind for target in settings.notify for kind in target.kinds}
    if result == "Success" and "groups" not in kinds:
        return []  # without a query: many short jobs may end at once
    name = compose.shown_host(LOCAL)
    try:
        queue = client.fetch_queue(settings.by_name()[LOCAL])
    except client.Unreachable as error:
        log.write("notify", str(error))
        return compose.of_forgotten_job(name, id, result, time.time())
    ended = [state for state in queue.states if state.id == str(id) and state.status == "done"]
    if ended:
        return compose.of_ended_jobs(name, queue, ended)
    return compose.of_forgotten_job(name, id, result, time.time())
