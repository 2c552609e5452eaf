"""Examines a host with a pueue queue: the probes to run on it out; their results in, health checks out.

The checks are in daemon.py, job_problems.py and system.py, which only see texts; checkup.py connects to the host. A fix is a command line for
this machine if possible. Fixes that `doctor --fix` runs are safe and can be undone; other checks state what a person must know first.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.hosts import audit
from pueue_skill.hosts.audit import RequestTimes
from pueue_skill.hosts.doctor import daemon, job_problems, system
from pueue_skill.hosts.doctor.health_check import Fixes, HealthCheck
from pueue_skill.queues import framing
from pueue_skill.queues.framing import Probe, ProbeResult
from pueue_skill.queues.pueue import health as pueue_health
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import read_tails
from pueue_skill.shell.model import Host
from pueue_skill.shell.secrets import masked

TAIL_BYTES = 500
"""How much of the end of a failed job's output is read: enough for the shell's error message."""

QUEUE_TIMEOUT = "pq_timeout_s=6\n"
"""Sets the time limit of the queue's client in a script: a daemon that takes longer is not healthy."""


def probes(host: Host) -> tuple[Probe, ...]:
    """Return the probes of an examination."""
    kind = KINDS[host.backend]
    return (
        Probe("clock", script("hosts/clock")),
        Probe("daemon", pueue_health.script(host), 20),
        Probe("disks", kind.data_folder() + script("hosts/disks"), 10),
        Probe("programs", script("hosts/programs", PQ_PATH=":".join(host.path)), 10, 200_000),
        Probe("processes", script("hosts/processes"), 10, 2_000_000),
        Probe("queue", QUEUE_TIMEOUT + kind.status_script(host), 10, 100_000_000),
        Probe("failures", QUEUE_TIMEOUT + kind.failures_script(host, audit.MAX_FAILURES, TAIL_BYTES), 10),
    )


def checks(host: Host, results: Mapping[str, ProbeResult], times: RequestTimes, config_file: str) -> list[HealthCheck]:
    """Return the health checks of `host` for the results of its probes."""
    by_name = {probe.name: probe for probe in probes(host)}

    def text(name: str) -> str:
        return "" if framing.problem(results.get(name), by_name[name]) else results[name].text

    kind = KINDS[host.backend]
    fixes = Fixes(host, config_file)
    now = int(text("clock")) if text("clock").strip().isdigit() else int(times.answered)
    try:
        facts = pueue_health.read(text("daemon"))
    except ValueError:
        problem = framing.problem(results.get("daemon"), by_name["daemon"]) or "cannot parse the answer of the host"
        return [HealthCheck(f"pueue of {host.name}", "failure", problem, f"pueue-skill audit {host.name}")]
    try:
        queue = kind.read_status(text("queue"))
    except ValueError:
        queue = None
    health_checks = [
        daemon.client_check(fixes, facts),
        *system.disk_checks(fixes, facts, text("disks")),
        *system.clock_checks(fixes, audit.clock_offset_s(now, times)),
        *system.process_checks(fixes, text("processes")),
    ]
    if facts.client:
        problem = framing.problem(results.get("queue"), by_name["queue"])
        health_checks += [*daemon.daemon_checks(fixes, facts, queue, problem), *daemon.state_size_checks(fixes, facts)]
    if queue is not None:
        try:
            tails = read_tails(results["failures"].data) if text("failures") else {}
        except ValueError:
            tails = {}
        health_checks += [*job_problems.group_checks(fixes, facts, queue), *job_problems.stuck_checks(fixes, queue)]
        health_checks += job_problems.failure_checks(fixes, facts, queue, tails, text("programs").splitlines(), now)
    return [check._replace(what=masked(check.what)) for check in health_checks]
