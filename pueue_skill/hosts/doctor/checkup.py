"""Runs the health checks of hosts: hosts in, HealthChecks out; and runs the fix of a check. The other modules parse the answers."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pueue_skill.configuration import config
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.audit import RequestTimes
from pueue_skill.hosts.doctor import connection, examination
from pueue_skill.hosts.doctor.health_check import HealthCheck
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.words import counted

CONNECT_TIMEOUT_S = 15
"""The time limit of a connection to a host."""

COMMAND_TIMEOUT_S = 5
"""The time limit of an ssh command that opens no connection."""

FIX_TIMEOUT_S = 30


def checks(hosts: Sequence[Host]) -> Iterator[HealthCheck]:
    """Yield the health checks of hosts, which are examined at the same time."""
    for _, host_checks in client.ask_all(hosts, examine):
        if not isinstance(host_checks, client.Unreachable):
            yield from host_checks


def examine(host: Host) -> list[HealthCheck]:
    """Check the connection to a host, and its queue."""
    health_checks: list[HealthCheck] = []
    try:
        if host.ssh:
            health_checks = [check_connection(host)]
            if health_checks[-1].result == "failure":
                return health_checks
        if not KINDS[host.backend].MANAGED:
            return [*health_checks, check_unmanaged_queue(host)]
        sent = time.time()
        results = client.run_probes(host, examination.probes(host), secrets.token_hex(16))
        times = RequestTimes(sent, time.time())
        return health_checks + examination.checks(host, results, times, str(config.user_file()))
    except client.Unreachable as error:
        reason, _, fix = str(error).partition("\n")
        return [*health_checks, HealthCheck(f"ssh to {host.name}", "failure", reason, fix or f"ssh {host.ssh} true")]


def check_unmanaged_queue(host: Host) -> HealthCheck:
    """Check only that a queue answers: its operators look after it. Raises Unreachable."""
    kind = KINDS[host.backend]
    version = client.ask(host, kind.versions_script(host), lambda done: done.text.split("\n")[0])
    queue = client.fetch_queue(host)
    return HealthCheck(
        f"{host.backend} of {host.name}", "ok", f"{version}; {counted(len(queue.states), 'job')} of yours"
    )


def check_connection(host: Host) -> HealthCheck:
    """Check the control socket of a host, that ssh can connect, and how long that takes."""
    settings = run_here(f"ssh -G {host.ssh}").text
    match = re.search(r"^controlpath (.+)$", settings, re.MULTILINE)
    path = match[1] if match and match[1] != "none" else ""
    if path and Path(path).is_socket():
        try:
            problem = "is gone" if run_here(f"ssh -O check {host.ssh}").code else ""
        except transport.Timeout:
            problem = "does not answer"
        if problem:
            return connection.control_socket_check(host, path, problem)
    seconds = 0.0
    for _ in range(2):
        started = time.monotonic()
        try:
            done = transport.run(host, "exit 0\n", timeout=CONNECT_TIMEOUT_S, new_connection=True)
        except transport.Timeout as error:
            return connection.failure_check(host, f"{error}: timed out")
        seconds = time.monotonic() - started
        if done.code:
            return connection.failure_check(host, done.stderr.decode("utf-8", "replace"))
        if not path or seconds < connection.SLOW_CONNECTION_S:
            break  # otherwise the first connection may only have started the master process
    return connection.speed_check(host, seconds, bool(path))


def run_here(line: str, timeout: float = COMMAND_TIMEOUT_S) -> transport.Done:
    """Run a line of bash on this machine; the ssh arguments of a host are shell text. Raises transport.Timeout."""
    return transport.run(Host(LOCAL), f"exec bash -p -c {quote.word(line)}\n", timeout=timeout)


def apply_fix(check: HealthCheck) -> str:
    """Run the fix of a check; return its error, or an empty string."""
    try:
        done = run_here(check.fix, FIX_TIMEOUT_S)
    except transport.Timeout as error:
        return str(error)
    return client.stderr_of(done) or f"exit code {done.code}" if done.code else ""
