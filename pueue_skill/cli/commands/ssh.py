"""`ssh`: runs the remote command of an ssh command as a job on that host; output and exit code are those of ssh."""

from __future__ import annotations

import argparse

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, failed, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_job(parser, short=False)
    parser.add_argument(
        "--merge-output",
        dest="split_output",
        action="store_false",
        help="keep stdout and stderr in one file, in their order (default: separate, as ssh prints them)",
    )
    shared.add_waiting(parser, "wait until the job ends")
    parser.set_defaults(json=False)
    parser.add_argument(
        "command", metavar="ARG", nargs="*", help="ssh options, the host and the remote command, as for ssh"
    )


def separated(arguments: list[str]) -> list[str]:
    """Return the arguments of `ssh` with `--` between its own options, which are long, and those of ssh."""
    end = 1
    while end < len(arguments) and arguments[end].startswith("--") and arguments[end] != "--":
        end += 2 if arguments[end] in ("--wait", "--group", "--label", "--key", "--stdin-limit") else 1
    if "-h" in arguments[1:2]:
        return arguments
    return [*arguments[:end], "--", *arguments[end:]]


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli.runner import run_job
    from pueue_skill.configuration import settings
    from pueue_skill.hosts import client, transport
    from pueue_skill.jobs import select
    from pueue_skill.plan.model import Job
    from pueue_skill.shell import quote, ssh_target
    from pueue_skill.shell.model import LOGIN_SHELL
    from pueue_skill.shell.ssh_arguments import parse_ssh
    from pueue_skill.shell.syntax import Word

    parsing.refuse_together(options, ("--or-detach", "--detach"))
    parsing.refuse(options, ("--or-detach", "--wait"))
    words = tuple([Word(quote.word(value), value, True, 0, 0) for value in ["ssh", *options.command]])
    call = parse_ssh(words)
    if call is None:
        return failed(ExitCode.USAGE, "no host is given. Try: pueue-skill ssh [SSH OPTION]... HOST COMMAND")
    if not select.is_host_name(call.destination.value):
        return failed(ExitCode.USAGE, f"{call.destination.value!r} is not the name of a host")
    try:
        host, command = ssh_target.final_destination(call, settings.current().hosts)
    except ssh_target.NotQueueable as refusal:
        return failed(ExitCode.USAGE, f"not queued: {refusal}. Try: {quote.line(['ssh', *options.command])}")
    obstacle = ssh_target.configured_obstacle(transport.ssh_configuration(host))
    if obstacle:
        say(f"not queued, but run by ssh: the ssh configuration of {host.name} has {obstacle}")
        transport.ssh(options.command, options.stdin)
    if command is None and not options.stdin:
        return failed(ExitCode.USAGE, f"no command is given for {host.name}. Add one, or --stdin for a script on stdin")
    job = Job("", host.name, host.backend, host.group or None, None, None, command or "", shell="login")
    if command is None:
        job = job._replace(command=f"exec {LOGIN_SHELL} -l", shell="nested")
    try:
        return run_job(options, job, host, options.wait)
    except client.NoConnection as error:
        return failed(ExitCode.SSH_FAILED, str(error))
