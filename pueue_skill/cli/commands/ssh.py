"""`ssh`: the words of a call of ssh in, its remote command run as a job on that host; output and exit code as ssh's."""

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
        help="keep stdout and stderr in one file, in their order (default: apart, as ssh prints them)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--wait",
        metavar="S",
        type=parsing.seconds,
        help="wait at most S seconds, then exit 75 (default: wait until the job ends)",
    )
    how.add_argument("--detach", action="store_true", help="print HOST:ID and exit once the job is queued")
    shared.add_or_detach(parser)
    parser.add_argument(
        "command", metavar="ARG", nargs="*", help="options of ssh, the host and the remote command, as ssh takes them"
    )


def separated(arguments: list[str]) -> list[str]:
    """The arguments of `ssh` with `--` between its own options, which are long, and those of ssh."""
    at = 1
    while at < len(arguments) and arguments[at].startswith("--") and arguments[at] != "--":
        at += 2 if arguments[at] in ("--wait", "--group", "--label", "--key", "--stdin-limit") else 1
    if "-h" in arguments[1:2]:
        return arguments
    return [*arguments[:at], "--", *arguments[at:]]


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli.runner import submitted
    from pueue_skill.configuration import settings
    from pueue_skill.hosts import client, transport
    from pueue_skill.plan.model import Job
    from pueue_skill.shell import quote, ssh_target
    from pueue_skill.shell.model import LOGIN_SHELL
    from pueue_skill.shell.ssh_arguments import parse_ssh
    from pueue_skill.shell.syntax import Word

    if not options.detach:
        parsing.refuse(options, ("--or-detach", "--wait"))
    words = tuple([Word(quote.word(value), value, True, 0, 0) for value in ["ssh", *options.command]])
    call = parse_ssh(words)
    if call is None:
        return failed(ExitCode.USAGE, "ssh is given no host. Type: pueue-skill ssh [options of ssh] HOST COMMAND")
    try:
        host, command = ssh_target.final_destination(call, settings.current().hosts)
    except ssh_target.NotQueueable as refusal:
        return failed(
            ExitCode.USAGE, f"{refusal}: that is for ssh itself. Type: {quote.line(['ssh', *options.command])}"
        )
    away = ssh_target.configured_obstacle(transport.ssh_configuration(host))
    if away:
        say(f"not queued, but run by ssh itself: the configuration for {host.name} says {away}")
        transport.ssh(options.command, options.stdin)
    if command is None and not options.stdin:
        return failed(
            ExitCode.USAGE, f"{host.name} is given no command: add one, or --stdin for a script on standard input"
        )
    job = Job("", host.name, host.backend, host.group or None, None, None, command or "", shell="login")
    if command is None:
        job = job._replace(command=f"exec {LOGIN_SHELL} -l", shell="nested")
    try:
        return submitted(options, job, host, options.wait)
    except client.NoConnection as error:
        return failed(ExitCode.SSH_FAILED, str(error))
