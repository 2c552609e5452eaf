"""`run`: a command in, queued, waited for; its output and exit code out."""

from __future__ import annotations

import argparse
import os

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import GONE, ExitCode, failed, say
from pueue_skill.startup.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="local", help="submit to the queue of this host (default: this machine)")
    parser.add_argument(
        "--cwd", metavar="DIR", help="run the job in this folder (default: the current one; on a host, its home)"
    )
    parser.add_argument(
        "--after",
        metavar="JOB",
        action="append",
        default=[],
        help="run only after this job of the same host has succeeded: HOST:ID, a label or a key; may be repeated",
    )
    shared.add_job(parser, short=True)
    parser.add_argument("--split-output", action="store_true", help="keep stderr apart from stdout, in a second file")
    parser.add_argument(
        "--env",
        choices=("full", "minimal"),
        help="pass these variables to a job on this machine (default: environment.mode of the configuration)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--wait",
        metavar="S",
        type=parsing.seconds,
        help="wait at most S seconds, then exit 75 (default: run.wait of the configuration, 20)",
    )
    how.add_argument("-d", "--detach", action="store_true", help="print HOST:ID and exit once the job is queued")
    how.add_argument("-f", "--follow", action="store_true", help="wait until the job ends, without a timeout")
    shared.add_or_detach(parser)
    shared.add_command(parser, "one argument is shell text, several are words of a command")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import caller
    from pueue_skill.cli.runner import submitted
    from pueue_skill.configuration import settings
    from pueue_skill.configuration.environment import job_environment
    from pueue_skill.jobs import submission
    from pueue_skill.plan.plain import plain_plan
    from pueue_skill.shell import quote
    from pueue_skill.shell.model import LOCAL

    known = settings.current()
    words = shared.command_of(options)
    parsing.refuse_together(options, ("--or-detach", "--follow"))
    text = words[0] if len(words) == 1 else quote.line(words)
    cwd = options.cwd
    if options.host == LOCAL:
        try:
            cwd = cwd if cwd and cwd.startswith("/") else caller.here(cwd or "")
        except FileNotFoundError:
            return failed(ExitCode.NOT_RUN, f"not queued: {GONE}, or name one: pueue-skill run --cwd DIR -- CMD")
        if not os.path.isdir(cwd):
            return failed(ExitCode.NOT_RUN, f"not queued: there is no folder {cwd}")
    plan = plain_plan(text, known.hosts, options.host, cwd)
    if plan is None:
        from pueue_skill.plan.planner import plan_for_run
        from pueue_skill.shell.parse import parse

        plan = plan_for_run(text, parse(text), known.hosts, options.host, cwd)
    host, job = plan.hosts[0], plan.jobs[0]
    if options.env and host.ssh:
        raise UsageError(f"--env does nothing on {host.name}: a job there gets the variables of its daemon")
    job = job._replace(after=submission.dependencies(options.after, host, known.hosts))
    env = None
    if not host.ssh:
        wanted = known.environment._replace(mode=options.env or known.environment.mode)
        env, left_out = caller.storable(job_environment(wanted, os.environ))
        for name in left_out:
            say(f"the variable {name} is not handed on: it is not UTF-8, and pueue takes nothing else")
        job = job._replace(umask=caller.umask(), nice=os.getpriority(os.PRIO_PROCESS, 0))
        if env.get("SHLVL", "0") == "0":  # bash would take itself for a child of sshd, and read its start-up files
            env["SHLVL"] = "1"
    limit = None if options.follow else known.wait if options.wait is None else options.wait
    return submitted(options, job, host, limit, env, cwd if not host.ssh else None)
