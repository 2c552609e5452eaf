"""Checks the pueue client and the daemon of a host: the facts of queues/pueue/health.py in, health checks out."""

from __future__ import annotations

from collections.abc import Callable

from pueue_skill.hosts.doctor.health_check import Fixes, HealthCheck
from pueue_skill.hosts.reports import Severity
from pueue_skill.queues.model import Queue
from pueue_skill.queues.pueue.health import Daemon, HealthReport
from pueue_skill.shell import quote
from pueue_skill.shell.printable import byte_size
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

LARGE_STATE_BYTES = 10_000_000
"""From this size of the queue's state on, an add takes more than 0.05 s: pueued writes the whole state at every change."""


def client_check(fixes: Fixes, facts: HealthReport) -> HealthCheck:
    """Check that the configured client exists, or that one is on PATH."""
    host = fixes.host
    name, configured = f"pueue of {host.name}", host.pueue or "pueue"
    if facts.configured_client:
        return HealthCheck(name, "ok", f"{facts.version or 'unknown version'}; {facts.configured_client}")
    if not facts.client:
        what = f"pueue is not installed: it is neither on PATH nor in the usual folders (looked for {configured})"
        if host.pueue and not host.ssh:
            what = f"the configured path {configured} does not exist, and pueue is neither on PATH nor in the usual folders"
        return HealthCheck(name, "failure", what, quote.line(["pueue-skill", "setup", host.name]))
    what = f"pueue {facts.version} is at {facts.client}, which is not on your PATH"
    if host.pueue and not host.ssh:
        what = f"the configured path {configured} does not exist; pueue {facts.version} is at {facts.client}"
    elif host.ssh:
        what = (
            f"{configured} was not found on the host; pueue {facts.version} is at {facts.client}, which is not on the PATH of ssh "
            "commands"
        )
    return HealthCheck(
        name, "warning" if facts.found_by_default else "failure", what, fixes.setting("pueue", f'"{facts.client}"')
    )


class DaemonState(NamedTuple):
    """The state of a daemon, as far as it could be determined. `daemons` are the processes that use the client's queue.

    `queue` is what the daemon answered; if it is None, `problem` says why.
    """

    fixes: Fixes
    facts: HealthReport
    queue: Queue | None
    problem: str
    daemons: tuple[Daemon, ...]

    @property
    def daemon(self) -> Daemon:
        return self.daemons[0]

    def check(self, result: Severity, what: str, fix: str = "", safe: bool = False) -> HealthCheck:
        return HealthCheck(f"daemon of {self.fixes.host.name}", result, what, fix, "safe" if safe else "")


def daemon_checks(fixes: Fixes, facts: HealthReport, queue: Queue | None, problem: str) -> list[HealthCheck]:
    """Check the daemon: the first of CAUSES that applies. Nothing if the host has no client that could ask the daemon."""
    daemons = tuple([daemon for daemon in facts.daemons if daemon.data == facts.data])
    if len(daemons) == 1 and not facts.configured_client and not facts.found_by_default:
        return []
    state = DaemonState(fixes, facts, queue, problem, daemons)
    return [next(check(state) for applies, check in CAUSES if applies(state))]


def several_daemons(state: DaemonState) -> HealthCheck:
    reached = [daemon for daemon in state.daemons if daemon.socket == state.facts.socket]
    others = [daemon for daemon in state.daemons if daemon not in reached[:1]]
    shown = ", ".join([f"{daemon.pid} ({daemon.socket})" for daemon in state.daemons])
    what = (
        f"{len(state.daemons)} daemons use the queue in {state.facts.data} and overwrite each other's changes: {shown}. Killing a daemon "
        "kills its jobs: wait for them first"
    )
    return state.check("failure", what, state.fixes.command(f"kill {' '.join([str(other.pid) for other in others])}"))


def answers_with_other_version(state: DaemonState) -> HealthCheck:
    what = f"pueued {state.daemon.version} answers pueue {state.facts.version}, but both should have the same version"
    return state.check("warning", what, restart(state))


def answers(state: DaemonState) -> HealthCheck:
    process = f"; pueued {state.daemon.version}, process {state.daemon.pid}" if state.daemons else ""
    return state.check("ok", f"it answers{process}")


def is_down(state: DaemonState) -> HealthCheck:
    facts = state.facts
    cause = f"there is no socket {facts.socket}"
    if facts.has_socket:
        cause = f"it died and left its socket behind ({facts.socket})"
    elif not facts.config:
        cause = "it was never started: it has no configuration"
    if facts.start_command:
        return state.check(
            "failure", f"pueued is not running; {cause}", state.fixes.command(facts.start_command), safe=True
        )
    setup = quote.line(["pueue-skill", "setup", state.fixes.host.name])
    return state.check("failure", f"pueued is not running and not installed next to {facts.client}; {cause}", setup)


def is_stopped(state: DaemonState) -> HealthCheck:
    what = f"pueued is stopped by a signal (process {state.daemon.pid})"
    return state.check("failure", what, state.fixes.command(f"kill -CONT {state.daemon.pid}"), safe=True)


def daemon_is_too_old(state: DaemonState) -> HealthCheck:
    old = state.daemon
    what = (
        f"pueue {state.facts.version} cannot use the older pueued {old.version} (process {old.pid}). Once its jobs have ended, start the "
        "new daemon: it begins with an empty queue, and the command keeps a copy of the old state"
    )
    return state.check("failure", what, restart(state))


def client_is_too_old(state: DaemonState) -> HealthCheck:
    new = state.daemon
    what = f"pueue {state.facts.version} is older than pueued {new.version} (process {new.pid}) and cannot use it"
    return state.check("failure", what, state.fixes.setting("pueue", f'"{new.program.removesuffix("d")}"'))


def listens_elsewhere(state: DaemonState) -> HealthCheck:
    daemon, config = state.daemon, state.facts.config
    folder = daemon.socket.rpartition("/")[0]
    what = (
        f"pueued runs (process {daemon.pid}) and listens on {daemon.socket}, but clients connect to {state.facts.socket}: their "
        "XDG_RUNTIME_DIR differs. Do not start a second daemon"
    )
    edit = f"sed -i.before 's|^\\( *\\)runtime_directory:.*|\\1runtime_directory: {folder}|' {quote.word(config)}"
    fix = state.fixes.command(edit) if config else f"set runtime_directory to {folder} in pueue.yml on the host"
    return state.check("failure", what, fix)


def hangs(state: DaemonState) -> HealthCheck:
    what = (
        f"pueued runs (process {state.daemon.pid}) but does not answer: {state.problem}. Restarting it kills its jobs"
    )
    return state.check("failure", what, restart(state))


CAUSES: tuple[tuple[Callable[[DaemonState], object], Callable[[DaemonState], HealthCheck]], ...] = (
    (lambda state: len(state.daemons) > 1, several_daemons),
    (lambda state: state.queue is not None and versions_differ(state), answers_with_other_version),
    (lambda state: state.queue is not None, answers),
    (lambda state: not state.daemons, is_down),
    (lambda state: state.daemon.stopped, is_stopped),
    (lambda state: versions_differ(state) and minor(state.daemon.version) < minor(state.facts.version), daemon_is_too_old),
    (lambda state: versions_differ(state), client_is_too_old),
    (lambda state: state.daemon.socket != state.facts.socket, listens_elsewhere),
    (lambda state: True, hangs),
)  # fmt: skip
"""The conditions of a daemon and their checks. Each condition can rely on the earlier ones being false."""


def versions_differ(state: DaemonState) -> bool:
    """Return whether the daemon and the client have different minor versions."""
    versions = (state.daemon.version, state.facts.version) if state.daemons else ("", "")
    return all(versions) and minor(versions[0]) != minor(versions[1])


def minor(version: str) -> tuple[int, ...]:
    return tuple([int(number) for number in regex(r"\d+").findall(version)[:2]])


def restart(state: DaemonState) -> str:
    """Return the command that copies the state of the daemon, ends it, and starts the installed one."""
    facts, daemon = state.facts, state.daemon
    backup = f"cp {quote.word(f'{facts.data}/state.json')} {quote.word(f'{facts.data}/state.json.of-{daemon.version}')}"
    end = f"kill {daemon.pid}; while kill -0 {daemon.pid} 2>/dev/null; do sleep 0.1; done"
    return state.fixes.command(f"{backup}; {end}; {facts.start_command or 'pueued -d'}")


def state_size_checks(fixes: Fixes, facts: HealthReport) -> list[HealthCheck]:
    """Check the size of the queue's state."""
    if facts.state_bytes < LARGE_STATE_BYTES:
        return []
    what = (
        f"the queue's state has {byte_size(facts.state_bytes)}, which pueued writes at every change and sends for every status. Remove succeeded "
        "jobs, including their logs; every job also stores the environment of the command that added it"
    )
    fix = fixes.command(f"{quote.path(facts.client)} clean --successful-only")
    return [HealthCheck(f"state of {fixes.host.name}", "warning", what, fix)]
