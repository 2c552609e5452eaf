"""`run`: queues a command, waits for the job, prints its output, and returns its exit code."""

from __future__ import annotations

import argparse
import os

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import NO_WORKING_DIRECTORY, ExitCode, failed, say
from pueue_skill.startup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.configuration.settings import Settings
    from pueue_skill.plan.model import Job
    from pueue_skill.shell.model import Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        type=parsing.host_name,
        default="local",
        help="submit to the queue of this host (default: this machine)",
    )
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
    parser.add_argument("--split-output", action="store_true", help="write the job's stderr to a separate file")
    parser.add_argument(
        "--env",
        choices=("full", "minimal"),
        help="pass these variables to a job on this machine (default: environment.mode of the configuration)",
    )
    shared.add_waiting(parser, "run.wait of the configuration, 20", short=True, follow=True)
    shared.add_quiet(parser, "print only the job's output, errors and warnings")
    shared.add_json(parser, "run", "the job, with its output on stderr,")
    shared.add_command(parser, "one argument is shell text, several are words of a command")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli.runner import run_job
    from pueue_skill.configuration import settings
    from pueue_skill.jobs import submission
    from pueue_skill.shell.model import LOCAL
    from pueue_skill.startup.files import umask

    current = settings.current()
    words = shared.command_of(options)
    refuse_option_as_command(words)
    parsing.refuse_together(options, ("--or-detach", "--follow"), ("--or-detach", "--detach"))
    cwd = options.cwd
    if options.host == LOCAL:
        try:
            cwd = local_folder(options.cwd)
        except FileNotFoundError as error:
            return failed(ExitCode.NOT_RUN, f"not queued: {error}")
    host, job = planned_job(words, current, options.host, cwd)
    if options.env and host.ssh:
        raise UsageError(f"--env does nothing on {host.name}: a job there gets the variables of its daemon")
    job = job._replace(after=submission.dependencies(options.after, host, current.hosts))
    env = None
    if not host.ssh:
        env = environment(current, options.env)
        job = job._replace(umask=umask(), nice=os.getpriority(os.PRIO_PROCESS, 0))
    wait_s = None if options.follow else current.wait if options.wait is None else options.wait
    return run_job(options, job, host, wait_s, env, cwd if not host.ssh else None)


def refuse_option_as_command(words: list[str]) -> None:
    """Raise UsageError if bash would not take the first word as a command."""
    if not words or not words[0].strip():
        raise UsageError("the command is empty", "pueue-skill run --help")
    if words == ["-"]:
        raise UsageError("run does not read the command from stdin", 'pueue-skill run -- "$(cat)"')
    if words[0].startswith(("-", "+")):
        word = words[0].split()[0]
        raise UsageError(
            f"{word} is not a command: put options of run before the command and before --; "
            f"a program of that name needs its path, such as ./{word}"
        )


def local_folder(cwd: str | None) -> str:
    """Return the absolute path of --cwd. Raises FileNotFoundError, with a message."""
    from pueue_skill.cli import caller

    try:
        folder = cwd if cwd and cwd.startswith("/") else caller.working_directory(cwd or "")
    except FileNotFoundError:
        raise FileNotFoundError(f"{NO_WORKING_DIRECTORY}, or name one: pueue-skill run --cwd DIR -- CMD") from None
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder}")
    return folder


def planned_job(words: list[str], current: Settings, host: str, cwd: str | None) -> tuple[Host, Job]:
    """Return the job of a command and its host, which an ssh command changes."""
    from pueue_skill.plan.plain import plain_plan
    from pueue_skill.shell import quote

    text = words[0] if len(words) == 1 else quote.line(words)
    plan = plain_plan(text, current.hosts, host, cwd)
    if plan is None:
        # Imported on demand: most commands need no parser.
        from pueue_skill.plan.planner import plan_for_run
        from pueue_skill.shell.parse import parse

        plan = plan_for_run(text, parse(text), current.hosts, host, cwd)
    return plan.hosts[0], plan.jobs[0]


def environment(current: Settings, mode: str | None) -> dict[str, str]:
    """Return the variables of this process for a job on this machine; print which cannot be passed."""
    from pueue_skill.cli import caller
    from pueue_skill.configuration.environment import job_environment

    wanted = current.environment._replace(mode=mode or current.environment.mode)
    env, left_out = caller.storable(job_environment(wanted, os.environ))
    for name in left_out:
        say(f"the variable {name} is not passed to the job: it is not UTF-8, which pueue requires")
    if env.get("SHLVL", "0") == "0":  # otherwise bash assumes that sshd started it, and reads its start-up files
        env["SHLVL"] = "1"
    return env
