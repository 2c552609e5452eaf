"""Reaches hosts and has them examined: a host in, its checks out; and the fix of a check run. `examine` reads what they answer."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pueue_skill.configuration import config
from pueue_skill.hosts import client, transport
from pueue_skill.hosts.audit import Asking
from pueue_skill.hosts.doctor import examination
from pueue_skill.hosts.doctor.examination import Check
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host

CONNECT_TIMEOUT_S = 15
"""Seconds that ssh has to get through to a host."""


def checks(hosts: Sequence[Host]) -> Iterator[Check]:
    for _, found in client.ask_all(hosts, examined):
        if not isinstance(found, client.Unreachable):
            yield from found


def examined(host: Host) -> list[Check]:
    """What a host itself has to say, and the way to it."""
    found: list[Check] = []
    try:
        if host.ssh:
            found = way(host)
            if found[-1].result == "failure":
                return found
        if not KINDS[host.backend].MANAGED:
            return [*found, of_cluster(host)]
        began = time.time()
        answers = client.run_probes(host, examination.asked(host), secrets.token_hex(16))
        asking = Asking(began, time.time())
        return found + examination.checks(host, answers, asking, str(config.user_file()))
    except client.Unreachable as error:
        reason, _, fix = str(error).partition("\n")
        return [*found, Check(f"ssh to {host.name}", "failure", reason, fix or f"ssh {host.ssh} true")]


def of_cluster(host: Host) -> Check:
    """Check that a queue answers whose health is its operators' affair. Raises Unreachable."""
    kind = KINDS[host.backend]
    version = client.asked(host, kind.versions_script(host), lambda done: done.text.split("\n")[0])
    queue = client.fetch_queue(host)
    return Check(f"{host.backend} of {host.name}", "ok", f"{version}; {len(queue.states)} jobs of yours")


def way(host: Host) -> list[Check]:
    """The way to a host: its control socket, whether ssh gets through, how long that takes."""
    shown = here(f"ssh -G {host.ssh}").text
    match = re.search(r"^controlpath (.+)$", shown, re.MULTILINE)
    path = match[1] if match and match[1] != "none" else ""
    if path and Path(path).is_socket():
        try:
            checked = here(f"ssh -O check {host.ssh}")
            gone = "is gone" if checked.code else ""
        except transport.Timeout:
            gone = "does not answer"
        if gone:
            return [examination.control_socket(host, path, gone)]
    seconds = 0.0
    for _ in range(2):
        started = time.monotonic()
        try:
            done = transport.run(host, "exit 0\n", timeout=CONNECT_TIMEOUT_S, alone=True)
        except transport.Timeout as error:
            return [examination.ssh_failure(host, f"{error}: timed out")]
        seconds = time.monotonic() - started
        if done.code:
            return [examination.ssh_failure(host, done.stderr.decode("utf-8", "replace"))]
        if not path or seconds < examination.SLOW:
            break  # the first connection may only have made the master
    return [examination.speed(host, seconds, bool(path))]


def here(line: str) -> transport.Done:
    """A line of bash, run on this machine: the ssh words of a host are its text. Raises transport.Timeout."""
    return transport.run(Host(LOCAL), f"exec bash -p -c {quote.word(line)}\n", timeout=5)


def mend(check: Check) -> str:
    """Runs the fix of a check; what went wrong, or nothing."""
    try:
        done = transport.run(Host(LOCAL), f"exec bash -p -c {quote.word(check.fix)}\n", timeout=30)
    except transport.Timeout as error:
        return str(error)
    return client.stderr_of(done) or f"exit code {done.code}" if done.code else ""
