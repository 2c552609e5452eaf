"""`pueue-skill audit`: a host in, a report out.

The last report of each host is stored in the data folder, unreadable for others, and compared with the next one.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.configuration import config
from pueue_skill.configuration.schema import HostTable
from pueue_skill.hosts import audit, client
from pueue_skill.shell import quote
from pueue_skill.shell.ssh_target import host_named
from pueue_skill.startup.files import write_atomic
from pueue_skill.state import paths
from pueue_skill.views import audit as view


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", type=parsing.host_name, help="the host; local is this machine")
    parser.add_argument("--diff", action="store_true", help="also print the changes since the last audit of the host")
    shared.add_json(parser, "audit", "the report")


def main(options: argparse.Namespace) -> int:
    settings = config.load()
    host = host_named(options.host, settings.by_name())
    table = settings.hosts.get(options.host, HostTable())
    audit_options = audit.AuditOptions(tuple(table.checkpoints), tuple(table.queries.items()), tuple(table.projects))
    sent = time.time()
    results = client.run_probes(host, audit.probes(host, audit_options), secrets.token_hex(16))
    report = audit.report(host, audit_options, results, audit.RequestTimes(sent, time.time()))
    before = load_last(host.name)
    if options.diff and before is None:
        say(f"this is the first audit of {host.name}; there is no earlier one to compare it with")
    if options.diff and before:
        report["since"], report["changes"] = before["at"], audit.changes(before, report)
    try:
        store(report)
    except OSError as error:
        say(f"{error}; the next audit cannot be compared with this one")
    print(json.dumps(report, indent=2) if options.json else view.text(report))
    if report["groups"] is None:
        return failed(
            ExitCode.UNREACHABLE,
            f"the queue of {host.name} is not known: {report['unknown']['queue']}\nTry: pueue-skill doctor {quote.word(host.name)}",
        )
    return ExitCode.DONE


def report_file(host: str) -> Path:
    return Path(paths.data()) / "audits" / f"{percent_encoded(host, safe='')}.json"


def load_last(host: str) -> Any:
    """Return the stored report on a host; None if there is none, or if it has another version."""
    try:
        report = json.loads(report_file(host).read_text("utf-8"))
        return report if report["version"] == 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(report: Any) -> None:
    """Store a report as the last one of its host. Raises OSError."""
    write_atomic(report_file(report["host"]), json.dumps(report).encode())
