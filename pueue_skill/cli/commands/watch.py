"""`watch`: waits for the jobs of a session and prints the outcome of each."""

from __future__ import annotations

import argparse
import json
import os

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--events", action="store_true", help="print one line for each ended job")
    shared.add_json(output, "outcome", "each ended job on its own line")
    parser.add_argument("--session", metavar="ID", help="watch the jobs of this session (default: the current one)")
    parser.add_argument(
        "--folder", metavar="DIR", help="watch the jobs of this project (default: that of the current folder)"
    )
    shared.add_notify(parser)


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import event as agents
    from pueue_skill.cli import notifications
    from pueue_skill.configuration import settings
    from pueue_skill.jobs import news
    from pueue_skill.notify import compose
    from pueue_skill.state import paths, sessions
    from pueue_skill.views import documents

    session = options.session or agents.session_of(os.environ)
    project = paths.project(options.folder or paths.working() or "/")
    if not session:
        return failed(
            ExitCode.USAGE,
            "no session: this command was not started by an agent. Try: --session ID, or pueue-skill status --watch",
        )
    send = notifications.sender() if options.notify else None
    code = ExitCode.DONE
    for jobs in news.watch(settings.current().hosts, session, project):
        if options.json:
            text = "".join([json.dumps(documents.outcome(job)) + "\n" for job in jobs])
        elif options.events:
            text = "".join([news.describe_in_one_line(job) + "\n" for job in jobs])
        else:
            text = news.notification_of(jobs)
        print(text, end="", flush=True)
        sessions.confirm(session, jobs)
        if send:
            send([notification for job in jobs for notification in compose.of_submitted(job)])
        if any(job.state != "success" for job in jobs):
            code = ExitCode.FINDINGS
    return code
