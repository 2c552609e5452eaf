"""`pueue-skill doctor`: hosts in, health checks of hooks, database, notifications and queues out; with --fix, safe fixes are applied."""

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
    from collections.abc import Callable

    from pueue_skill.hosts.doctor.health_check import HealthCheck
    from pueue_skill.shell.model import Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hosts",
        metavar="HOST",
        nargs="*",
        type=parsing.host_name,
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
    from pueue_skill.hosts.doctor import checkup
    from pueue_skill.shell.ssh_target import host_named
    from pueue_skill.views.audit import plain

    parsing.refuse(options, ("--start-groups", "--fix"))
    try:
        known = config.load().by_name()
    except ConfigError:
        known = config.load_valid_parts().by_name()  # one of the checks reports the mistakes
    hosts = [host_named(name, known) for name in options.hosts] if options.hosts else list(known.values())
    run_checks = checkup.checks if options.hosts else all_checks
    checks = list(run_checks(hosts))
    if options.fix:
        fixable = ("safe", "asked") if options.start_groups else ("safe",)
        to_fix = [check for check in checks if check.mend in fixable]
        if to_fix:
            checks = fix(to_fix, lambda: list(run_checks(hosts)))
    if options.json:
        print(json.dumps({"version": 1, "checks": [check._asdict() for check in checks]}, indent=2))
    else:
        for check in checks:
            print(
                f"{check.result:<8} {check.name}: {plain(check.what)}"
                + (f"\n         → {plain(check.fix)}" if check.fix else "")
            )
    return ExitCode.FINDINGS if any(check.result == "failure" for check in checks) else ExitCode.DONE


RECHECK_PAUSES_S = (0.0, 0.5, 1.0, 2.0)
"""The pauses before the checks run again: a daemon takes a moment to start."""


def fix(to_fix: Sequence[HealthCheck], run_checks: Callable[[], list[HealthCheck]]) -> list[HealthCheck]:
    """Announce and apply the fixes of checks, run all checks again, and report what is fixed. Returns the new checks."""
    from pueue_skill.hosts.doctor import checkup
    from pueue_skill.views.audit import plain

    for check in to_fix:
        say(f"{check.name}: {plain(check.what)}; runs: {plain(check.fix)}")
        error = checkup.apply_fix(check)
        if error:
            say(f"{check.name}: {plain(error)}")
    for pause in RECHECK_PAUSES_S:
        time.sleep(pause)
        checks = run_checks()
        remaining = {(check.name, check.fix) for check in checks}
        if not any((check.name, check.fix) in remaining for check in to_fix):
            break
    for check in to_fix:
        say(f"{check.name}: {'not fixed' if (check.name, check.fix) in remaining else 'fixed'}")
    return checks


def all_checks(hosts: Sequence[Host]) -> Iterator[HealthCheck]:
    """Yield the checks of this machine, of the targets of notifications, and of hosts."""
    from pueue_skill.agents import doctor as agents_doctor
    from pueue_skill.hosts.doctor import checkup
    from pueue_skill.notify import doctor as notify_doctor

    yield from agents_doctor.checks()
    yield from notify_doctor.checks()
    yield from checkup.checks(hosts)
