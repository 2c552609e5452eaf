"""Checks the ssh connection to a host: what ssh printed or how long it took in, health checks out. checkup.py runs ssh."""

from __future__ import annotations

import re

from pueue_skill.hosts.doctor.health_check import HealthCheck
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.regex import regex

SLOW_CONNECTION_S = 2.0

FAILURES = (
    # What ssh prints, what it means, and the fix with {ssh}: the host's ssh arguments, {name}: its name, {remove}: the command that ssh prints.
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", "the host key has changed: the host was reinstalled, or somebody intercepts the connection. Ask its administrator first",
     "{remove} && ssh -o StrictHostKeyChecking=accept-new {ssh} true"),
    (r"Host key verification failed", "the host key is not known. Compare its fingerprint with the one on the host's console first",
     "ssh -o StrictHostKeyChecking=accept-new {ssh} true"),
    (r"Permission denied", "the host does not accept your key", "ssh-copy-id {ssh}"),
    (r"Could not resolve hostname", "the hostname does not resolve", "in ~/.ssh/config, under Host {name}: HostName ADDRESS"),
    (r"Connection refused", "sshd is not running, or listens on another port",
     "start sshd on the host, or, in ~/.ssh/config, under Host {name}: Port NUMBER"),
    (r"timed out|No route to host|Network is unreachable|unreachable", "the host or the network is down",
     "ssh -v {ssh} true"),
)  # fmt: skip
REMOVE_KEY = regex(r'^\s*(ssh-keygen -f "[^"`$\\]+" -R "[^"`$\\]+")$', re.MULTILINE)


def failure_check(host: Host, stderr: str) -> HealthCheck:
    """Return the check for an ssh command that failed."""
    name, stderr = f"ssh to {host.name}", stderr.replace("\r", "")
    remove = REMOVE_KEY.search(stderr)
    last = (stderr.strip().splitlines() or ["ssh printed no error"])[-1].strip()
    for pattern, what, fix in FAILURES:
        if regex(pattern).search(stderr):
            command = fix.format(
                ssh=host.ssh, name=host.name, remove=remove[1].strip() if remove else f"ssh-keygen -R {host.name}"
            )
            return HealthCheck(name, "failure", f"{what} ({last})", command)
    return HealthCheck(name, "failure", last, f"ssh -v {host.ssh} true")


def speed_check(host: Host, seconds: float, shared: bool) -> HealthCheck:
    """Check how long a connection takes; `shared`: the user's ssh configuration shares connections to the host."""
    name = f"ssh to {host.name}"
    if seconds < SLOW_CONNECTION_S:
        return HealthCheck(name, "ok", f"{seconds:.2f} s")
    what = f"a connection takes {seconds:.1f} s"
    if shared:
        what += ", even a shared one: the startup files of the login shell may be slow"
        return HealthCheck(name, "warning", what, f"ssh -v {host.ssh} true")
    lines = "ControlMaster auto, ControlPath ~/.ssh/%C, ControlPersist 10m"
    what += "; if connections are shared, only the first is slow"
    return HealthCheck(name, "warning", what, f"in ~/.ssh/config, under Host {host.name}: {lines}")


def control_socket_check(host: Host, path: str, problem: str) -> HealthCheck:
    """Return the check for a control socket whose master process does not answer."""
    what = f"the master process of the control socket {path} {problem}: ssh waits for it, or opens a new connection each time"
    return HealthCheck(f"ssh to {host.name}", "failure", what, f"rm {quote.word(path)}", "safe")
