"""`run`: a command in, queued, waited for; its output and exit code out."""

from __future__ import annotations

import argparse
import os

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import GONE, ExitCode, failed, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="local", help="the host whose queue takes it (default: this machine)")
    parser.add_argument(
        "--cwd", metavar="DIR", help="the folder that the job runs in (default: this one; on a host, its home)"
    )
    parser.add_argument(
        "--after",
        metavar="JOB",
        action="append",
        default=[],
        help="a job of the same host that must succeed first: HOST:ID, a label or a key; may be repeated",
    )
    shared.add_job(parser)
    parser.add_argument(
        "--split-output", action="store_true", help="keep standard error apart from the output, in a file of its own"
    )
    parser.add_argument("--env", choices=("full", "minimal"), help="the variables that a job on this machine gets")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--wait",
        metavar="S",
        type=shared.seconds,
        help="wait at most S seconds, then exit 75 (default: run.wait of the configuration, 20)",
    )
    how.add_argument("--detach", action="store_true", help="only queue it and print HOST:ID")
    how.add_argument("--follow", action="store_true", help="wait however long it takes")
    shared.add_or_detach(parser)
    # As in a call of a subcommand, what follows the first word belongs to the command, options too.
    parser.add_argument(
        "command",
        metavar="CMD",
        nargs=argparse.PARSER,
        help="one argument is shell text, several are words of a command; options of run stand before it",
    )


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import caller
    from pueue_skill.cli.submitting import submitted
    from pueue_skill.configuration import settings
    from pueue_skill.configuration.environment import job_environment
    from pueue_skill.jobs import submission
    from pueue_skill.plan.plain import plain_plan
    from pueue_skill.shell import quote
    from pueue_skill.shell.model import LOCAL

    known = settings.current()
    words = options.command[1:] if options.command[0] == "--" else options.command  # Python 3.13 removes it itself
    if options.typed[-len(words) - 1] != "--" and (misplaced := of_run(words)):
        return failed(ExitCode.USAGE, misplaced)
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


def of_run(words: list[str]) -> str:
    """Why `words`, before which there is no `--`, seem to hold options of run; empty when they do not."""
    from pueue_skill.jobs import select

    if select.is_id(words[0].rpartition(":")[2]) and "--" in words:
        return f"--after takes one job: repeat it, as in --after {words[0]}; or put -- before the command"
    if len(words) > 1 and words[1].startswith("--") and any(char in words[0] for char in " ;|&<>"):
        return f"{words[1]} stands after the command: put options of run before it; or put -- before the command"
    return ""
