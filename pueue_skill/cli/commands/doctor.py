"""`doctor`: what keeps hooks, store and queues from working, and with --fix what is safe to do about it done."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, say

if TYPE_CHECKING:
    from pueue_skill.hosts.doctor.examination import Check
    from pueue_skill.shell.model import Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hosts",
        metavar="HOST",
        nargs="*",
        help="check only the queues of these hosts (default: this machine's hooks and all hosts)",
    )
    parser.add_argument(
        "--fix", action="store_true", help="apply fixes that are safe: start a daemon, remove a dead control socket"
    )
    parser.add_argument(
        "--start-groups", action="store_true", help="with --fix: also start paused groups without failed jobs"
    )
    shared.add_json(parser, "doctor", "the checks")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import config
    from pueue_skill.configuration.errors import ConfigError
    from pueue_skill.hosts.doctor import runner
    from pueue_skill.shell.ssh_target import host_named
    from pueue_skill.views import tables

    parsing.refuse(options, ("--start-groups", "--fix"))
    try:
        known = config.load().by_name()
    except ConfigError:
        known = config.load_valid_parts().by_name()  # one of the checks reports the mistakes
    hosts = [host_named(name, known) for name in options.hosts] if options.hosts else list(known.values())
    look = runner.checks if options.hosts else checks
    found = list(look(hosts))
    if options.fix:
        safe = ("safe", "asked") if options.start_groups else ("safe",)
        wrong = [check for check in found if check.mend in safe]
        for check in wrong:
            say(f"{check.name}: {tables.plain(check.what)}; runs: {tables.plain(check.fix)}")
            complaint = runner.mend(check)
            if complaint:
                say(f"{check.name}: {tables.plain(complaint)}")
        for pause in (0.0, 0.5, 1.0, 2.0) if wrong else ():  # a daemon that was started does not answer at once
            time.sleep(pause)
            found = list(look(hosts))
            left = {(check.name, check.fix) for check in found}
            if not any((check.name, check.fix) in left for check in wrong):
                break
        for check in wrong:
            say(f"{check.name}: {'not mended' if (check.name, check.fix) in left else 'mended'}")
    if options.json:
        print(json.dumps({"version": 1, "checks": [check._asdict() for check in found]}, indent=2))
    else:
        for check in found:
            print(
                f"{check.result:<8} {check.name}: {tables.plain(check.what)}"
                + (f"\n         → {tables.plain(check.fix)}" if check.fix else "")
            )
    return ExitCode.FINDINGS if any(check.result == "failure" for check in found) else ExitCode.DONE


def checks(hosts: Sequence[Host]) -> Iterator[Check]:
    """Of this machine, of whom is told, and of each host, which are asked at the same time."""
    from pueue_skill.agents import doctor as of_machine
    from pueue_skill.hosts.doctor import runner
    from pueue_skill.notify import doctor as of_targets

    yield from of_machine.checks()
    yield from of_targets.checks()
    yield from runner.checks(hosts)
