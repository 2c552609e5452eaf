"""`pueue-skill audit`: a host in, what is found there out.

The last audit of each host is kept in the data folder, closed to others, so that the next one can say what has changed.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import config
from pueue_skill.configuration.schema import HostTable
from pueue_skill.hosts import audit, client
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.startup.files import write_atomic
from pueue_skill.state import paths
from pueue_skill.views import audit as view


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", help="the host; local is this machine")
    parser.add_argument("--diff", action="store_true", help="print what has changed since the last audit of the host")
    shared.add_json(parser, "audit", "the report")


def main(options: argparse.Namespace) -> int:
    settings = config.load()
    host = host_named(options.host, settings.by_name())
    table = settings.hosts.get(options.host, HostTable())
    wanted = audit.Wanted(tuple(table.checkpoints), tuple(table.queries.items()), tuple(table.projects))
    began = time.time()
    found = client.run_probes(host, audit.asked(host, wanted), secrets.token_hex(16))
    report = audit.read(host, wanted, found, audit.Asking(began, time.time()))
    before = last(host.name)
    if options.diff and before is None:
        say(f"this is the first audit of {host.name}: there is none to compare it with")
    if options.diff and before:
        report["since"], report["changes"] = before["at"], audit.changes(before, report)
    try:
        keep(report)
    except OSError as error:
        say(f"{error}; the next audit will not be compared with this one")
    print(json.dumps(report, indent=2) if options.json else view.text(report))
    if report["groups"] is None:
        return failed(
            ExitCode.UNREACHABLE,
            f"the queue of {host.name} is not known: {report['unknown']['queue']}\nSee: pueue-skill doctor {host.name}",
        )
    return ExitCode.DONE


def file_of(host: str) -> Path:
    return Path(paths.data()) / "audits" / f"{quote(host, safe='')}.json"


def last(host: str) -> Any:
    """The last audit of a host; None where there is none, or none of this version."""
    try:
        report = json.loads(file_of(host).read_text("utf-8"))
        return report if report["version"] == 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(report: Any) -> None:
    """Raises OSError."""
    write_atomic(file_of(report["host"]), json.dumps(report).encode())
