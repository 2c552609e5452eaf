"""`watch`: waits for the jobs of a session, and says how each has ended."""

from __future__ import annotations

import argparse
import os

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events", action="store_true", help="print a line a job and never exit, for a client that passes lines on"
    )
    parser.add_argument("--session", metavar="ID", help="watch this session (default: the one that this runs in)")
    parser.add_argument(
        "--folder", metavar="DIR", help="watch the jobs of this project (default: the current folder's)"
    )
    shared.add_notify(parser)


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import event as agents
    from pueue_skill.cli import notifications
    from pueue_skill.configuration import settings
    from pueue_skill.jobs import news
    from pueue_skill.notify import compose
    from pueue_skill.state import paths, sessions

    session = options.session or agents.session_of(os.environ)
    project = news.project_of(options.folder or paths.working() or "/")
    if not session:
        return failed(
            ExitCode.USAGE, "this runs in no session: give one with --session ID. All queues: pueue-skill status"
        )
    tell = notifications.sender() if options.notify else lambda found: None
    code = ExitCode.DONE
    for jobs in news.watch(settings.current().hosts, session, project):
        if options.events:
            print("\n".join([news.describe_in_one_line(job) for job in jobs]), flush=True)
        else:
            print(news.notification_of(jobs), end="", flush=True)
        sessions.confirm(session, jobs)
        tell([notice for job in jobs for notice in compose.of_submitted(job)])
        if any(job.state != "success" for job in jobs):
            code = ExitCode.FINDINGS
    return code
