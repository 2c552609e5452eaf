"""A host's examination: its Probes out; their ProbeResults in, Checks out, each with its cause and what to do about it.

`fix` is a command line for this machine wherever one mends it. What runs unasked is safe: it takes nothing away and can be taken back;
what a person must know first is said with it. It looks at texts alone; how a host is reached and asked is doctor's.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pueue_skill.hosts import audit
from pueue_skill.hosts.audit import Asking
from pueue_skill.hosts.reports import Severity
from pueue_skill.queues import actions, framing, outcome
from pueue_skill.queues.framing import Probe, ProbeResult
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.pueue import health as pueue_health
from pueue_skill.queues.pueue.health import Daemon, HealthReport
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import read_tails
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.shell.printable import byte_size
from pueue_skill.shell.secrets import masked
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

Mend = Literal["", "safe", "asked"]
"""Who may run a fix: a person; `doctor --fix`; `doctor --fix --start-groups`."""

SMALL = 50_000_000
"""Bytes on a disk with fewer of which pueued may not be able to save its queue, and then ends."""
BIG = 10_000_000
"""Bytes of a queue's state, which is written whole at every change: an add then takes more than 0.05 s."""
SKEW = 5
"""Seconds by which clocks may differ."""
SLOW = 2.0
"""Seconds that a connection may take."""
RECENT = 24 * 3600
"""Seconds for which the end of a job is looked at."""
LONG = 60
"""Seconds after which work that runs in an ssh connection is shown."""


class Check(NamedTuple):
    """`fix` is the next thing to type or do; empty when all is well."""

    name: str
    result: Severity
    what: str
    fix: str = ""
    mend: Mend = ""


QUEUE_TIMEOUT = "pq_timeout_s=6\n"
"""The timeout of each call of the queue's client here: a daemon that takes longer is not well."""


def asked(host: Host) -> tuple[Probe, ...]:
    kind = KINDS[host.backend]
    return (
        Probe("clock", script("hosts/clock")),
        Probe("found", pueue_health.script(host), 20),
        Probe("disks", kind.data_folder() + script("hosts/disks"), 10),
        Probe("programs", script("hosts/programs", PQ_PATH=":".join(host.path)), 10, 200_000),
        Probe("work", script("hosts/processes"), 10, 2_000_000),
        Probe("queue", QUEUE_TIMEOUT + kind.status_script(host), 10, 100_000_000),
        Probe("failures", QUEUE_TIMEOUT + kind.failures_script(host, audit.FAILURES, 500), 10),
    )


def checks(host: Host, answers: Mapping[str, ProbeResult], asking: Asking, config_file: str) -> list[Check]:
    """What the answers of `host` say. `config_file` is where its configuration is written."""
    by_name = {part.name: part for part in asked(host)}

    def text(name: str) -> str:
        return "" if framing.problem(answers.get(name), by_name[name]) else answers[name].text

    kind = KINDS[host.backend]
    at = Place(host, config_file)
    now = int(text("clock")) if text("clock").strip().isdigit() else int(asking.ended)
    try:
        found = pueue_health.read(text("found"))
    except ValueError:
        lacking = framing.problem(answers.get("found"), by_name["found"]) or "what it answers is not understood"
        return [Check(f"pueue of {host.name}", "failure", lacking, f"pueue-skill audit {host.name}")]
    try:
        queue = kind.read_status(text("queue"))
    except ValueError:
        queue = None
    made = [
        *client(at, found),
        *disk(at, found, text("disks")),
        *clock(at, audit.ahead(now, asking)),
        *work(at, text("work")),
    ]
    if found.client:
        why = framing.problem(answers.get("queue"), by_name["queue"])
        made += [*daemon(at, found, queue, why), *state(at, found)]
    if queue is not None:
        try:
            tails = read_tails(answers["failures"].data) if text("failures") else {}
        except ValueError:
            tails = {}
        made += [*groups(at, found, queue), *waiting(at, queue)]
        made += failures(at, found, queue, tails, text("programs").splitlines(), now)
    return [check._replace(what=masked(check.what)) for check in made]


class Place(NamedTuple):
    """A host, for what is to be typed."""

    host: Host
    config_file: str

    def line(self, command: str) -> str:
        """A command line of this machine that runs `command` there, by sh where a login shell may read it in its own way."""
        if not self.host.ssh:
            return command
        return f"ssh {self.host.ssh} {quote.word(f'sh -c {quote.word(command)}' if '2>' in command else command)}"

    def set(self, key: str, value: str) -> str:
        return f"in {self.config_file}, under [hosts.{self.host.name}]: {key} = {value}"


def client(at: Place, found: HealthReport) -> list[Check]:
    name, wanted = f"pueue of {at.host.name}", at.host.pueue or "pueue"
    if found.wanted:
        return [Check(name, "ok", f"{found.version or 'no version'}; {found.wanted}")]
    if found.client:
        what = f"{wanted} is not found there; pueue {found.version} is at {found.client}, which is not on the PATH of a bare ssh command"
        if not at.host.ssh:
            what = f"pueue {found.version} is at {found.client}, which is not on your PATH"
        return [
            Check(name, "warning" if found.known else "failure", what, at.set("pueue", f'"{found.client}"')),
        ]
    install = quote.line(["pueue-skill", "setup", at.host.name])
    return [
        Check(
            name,
            "failure",
            f"pueue is nowhere to be found there, on PATH or in the usual folders (looked for {wanted})",
            install,
        )
    ]


class Daemons(NamedTuple):
    """What was seen of the daemons that keep the client's queue, `own`: `queue` is what one answers, None with `why` it does not."""

    at: Place
    found: HealthReport
    queue: Queue | None
    why: str
    own: tuple[Daemon, ...]

    @property
    def one(self) -> Daemon:
        return self.own[0]

    def check(self, result: Severity, what: str, fix: str = "", mend: Mend = "") -> Check:
        return Check(f"daemon of {self.at.host.name}", result, what, fix, mend)


def daemon(at: Place, found: HealthReport, queue: Queue | None, why: str) -> list[Check]:
    """The first cause that applies; nothing where no client could ask the daemon."""
    seen = Daemons(at, found, queue, why, tuple([one for one in found.daemons if one.data == found.data]))
    if len(seen.own) == 1 and not found.wanted and not found.known:
        return []
    return [next(made(seen) for applies, made in CAUSES if applies(seen))]


def is_apart(seen: Daemons) -> bool:
    """Whether the daemon and the client are of versions that do not belong together."""
    versions = (seen.own[0].version, seen.found.version) if seen.own else ("", "")
    return all(versions) and minor(versions[0]) != minor(versions[1])


def several(seen: Daemons) -> Check:
    reached = [one for one in seen.own if one.socket == seen.found.socket]
    others = [one for one in seen.own if one not in reached[:1]]
    shown = ", ".join([f"{one.pid} ({one.socket})" for one in seen.own])
    what = (
        f"{len(seen.own)} daemons keep their queue in {seen.found.data} and overwrite each other's: {shown}. What runs in the one that "
        "is ended ends with it: wait for its jobs first"
    )
    return seen.check("failure", what, seen.at.line(f"kill {' '.join([str(one.pid) for one in others])}"))


def answers_apart(seen: Daemons) -> Check:
    what = f"pueued {seen.one.version} answers pueue {seen.found.version}; they should be of one version"
    return seen.check("warning", what, restart(seen.at, seen.found, seen.one))


def answers(seen: Daemons) -> Check:
    return seen.check("ok", f"it answers{f'; pueued {seen.one.version}, process {seen.one.pid}' if seen.own else ''}")


def is_not_running(seen: Daemons) -> Check:
    found = seen.found
    cause = f"there is no socket {found.socket}"
    if found.socket_there:
        cause = f"it has died and left its socket behind ({found.socket})"
    elif not found.config:
        cause = "it was never started: it has no configuration yet"
    if found.start:
        return seen.check("failure", f"pueued is not running; {cause}", seen.at.line(found.start), "safe")
    setup = quote.line(["pueue-skill", "setup", seen.at.host.name])
    return seen.check("failure", f"pueued is not running, and not found beside {found.client}; {cause}", setup)


def is_stopped(seen: Daemons) -> Check:
    what = f"pueued is held by a signal (process {seen.one.pid})"
    return seen.check("failure", what, seen.at.line(f"kill -CONT {seen.one.pid}"), "safe")


def is_too_old(seen: Daemons) -> Check:
    what = (
        f"pueue {seen.found.version} and pueued {seen.one.version} (process {seen.one.pid}) do not understand each other. When nothing of "
        "its queue runs any more, start the new one; it begins with an empty queue, and what the old one kept is set aside"
    )
    return seen.check("failure", what, restart(seen.at, seen.found, seen.one))


def client_is_too_old(seen: Daemons) -> Check:
    what = f"pueue {seen.found.version} is older than pueued {seen.one.version} (process {seen.one.pid}), and does not understand it"
    return seen.check("failure", what, seen.at.set("pueue", f'"{seen.one.program.removesuffix("d")}"'))


def listens_elsewhere(seen: Daemons) -> Check:
    one, config = seen.one, seen.found.config
    folder = one.socket.rpartition("/")[0]
    what = (
        f"pueued runs (process {one.pid}) and listens at {one.socket}, but a client looks at {seen.found.socket}: they were started with "
        "different XDG_RUNTIME_DIR. Do not start a second one"
    )
    edit = f"sed -i.before 's|^\\( *\\)runtime_directory:.*|\\1runtime_directory: {folder}|' {quote.word(config)}"
    fix = seen.at.line(edit) if config else f"set runtime_directory to {folder} in pueue.yml there"
    return seen.check("failure", what, fix)


def hangs(seen: Daemons) -> Check:
    what = f"pueued runs (process {seen.one.pid}) and does not answer: {seen.why}. What it runs ends with it"
    return seen.check("failure", what, restart(seen.at, seen.found, seen.one))


CAUSES: tuple[tuple[Callable[[Daemons], object], Callable[[Daemons], Check]], ...] = (
    (lambda seen: len(seen.own) > 1, several),
    (lambda seen: seen.queue is not None and is_apart(seen), answers_apart),
    (lambda seen: seen.queue is not None, answers),
    (lambda seen: not seen.own, is_not_running),
    (lambda seen: seen.one.stopped, is_stopped),
    (lambda seen: is_apart(seen) and minor(seen.one.version) < minor(seen.found.version), is_too_old),
    (is_apart, client_is_too_old),
    (lambda seen: seen.one.socket != seen.found.socket, listens_elsewhere),
    (lambda seen: True, hangs),
)
"""How the daemon may stand, the first that applies."""


def minor(version: str) -> tuple[int, ...]:
    return tuple([int(number) for number in regex(r"\d+").findall(version)[:2]])


def restart(at: Place, found: HealthReport, one: Daemon) -> str:
    """Ends a daemon and starts the installed one; its state is copied first."""
    kept = f"cp {quote.word(f'{found.data}/state.json')} {quote.word(f'{found.data}/state.json.of-{one.version}')}"
    return at.line(
        f"{kept}; kill {one.pid}; while kill -0 {one.pid} 2>/dev/null; do sleep 0.1; done; {found.start or 'pueued -d'}"
    )


def state(at: Place, found: HealthReport) -> list[Check]:
    if found.state < BIG:
        return []
    what = (
        f"the queue's state has {byte_size(found.state)}, all of which is written at every change, and every answer carries it: jobs that "
        "are done are to be taken out (with their logs), and variables of whoever adds jobs are kept with each"
    )
    fix = at.line(f"{quote.path(found.client)} clean --successful-only")
    return [Check(f"state of {at.host.name}", "warning", what, fix)]


def disk(at: Place, found: HealthReport, text: str) -> list[Check]:
    try:
        rows = audit.disks(text)
    except ValueError:
        return []
    name = f"disk of {at.host.name}"
    made = []
    for one in rows:
        if one["free"] < min(SMALL, one["size"] // 20):
            what = (
                f"{byte_size(one['free'])} of {byte_size(one['size'])} are free for the {one['path'].replace(' and ', ' and the ')} "
                f"({one['mount']}): pueued ends when it cannot save its queue. Make room; this shows what is large"
            )
            folder = quote.word(found.data) if one["path"] == "queue" else "~"
            made.append(Check(name, "failure", what, at.line(f"du -xak {folder} | sort -n | tail -n 20")))
    return made or [
        Check(name, "ok", ", ".join([f"{byte_size(one['free'])} free for the {one['path']}" for one in rows]))
    ]


def clock(at: Place, ahead: int) -> list[Check]:
    if not at.host.ssh or abs(ahead) <= SKEW:
        return []
    what = f"its clock is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} this one: times of jobs and of files cannot be compared"
    return [Check(f"clock of {at.host.name}", "warning", what, at.line("sudo timedatectl set-ntp true"))]


ROW = regex(r" *(\d+) +(\d+) +(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+) +(.+)")


def work(at: Place, text: str) -> list[Check]:
    """What runs directly in an ssh connection without a terminal: it is lost with it."""
    table = {}
    for line in text.splitlines():
        row = ROW.fullmatch(line)
        if row:
            days, hours, minutes, seconds = [int(row[i] or 0) for i in (3, 4, 5, 6)]
            table[int(row[1])] = (int(row[2]), ((days * 24 + hours) * 60 + minutes) * 60 + seconds, row[7])
    children = {parent for parent, _, _ in table.values()}
    found = []
    for pid, (parent, seconds, command) in table.items():
        if pid in children or seconds < LONG:
            continue
        above = []
        while parent in table:
            above.append(table[parent][2])
            parent = table[parent][0]
        if any(one.startswith("sshd") and "@notty" in one for one in above) and not any(
            "pueued" in one for one in above
        ):
            found.append(f"{command[:100]} (process {pid})")
    if not found:
        return []
    what = f"{found[0]} runs in an ssh connection, and is lost with it" + (
        f"; so do {len(found) - 1} more" if found[1:] else ""
    )
    return [
        Check(
            f"work on {at.host.name}",
            "warning",
            what,
            f"queue it the next time: pueue-skill run --host {at.host.name} -- COMMAND",
        )
    ]


def groups(at: Place, found: HealthReport, queue: Queue) -> list[Check]:
    """Groups that are paused, or run fewer at once than the configuration says."""
    made = []
    name, pueue = f"queue of {at.host.name}", quote.path(found.client)
    wanted = dict(at.host.groups)
    for group in queue.groups:
        inside = [one for one in queue.states if one.group == group.name]
        waits = [one for one in inside if one.status in ("queued", "paused")]
        bad = [one for one in inside if one.result in ("failed", "spawn")]
        if group.status != "running":
            what = f"group {group.name} is {group.status}; {len(waits)} jobs wait in it"
            what += (
                f". {len(bad)} have failed in it: look at them before it is started"
                if bad
                else ". Nothing in it has failed, so that it is safe to start"
            )
            start = f"pueue-skill {actions.start_command(at.host.name, group.name)}"
            made.append(Check(name, "warning", what, start, "" if bad else "asked"))
        limit = wanted.get(group.name)
        if limit is not None and group.limit and (group.limit < limit or not limit):
            what = f"group {group.name} runs {group.limit} at once, and the configuration says {limit or 'any number'}"
            made.append(
                Check(name, "warning", what, at.line(f"{pueue} parallel --group {quote.word(group.name)} {limit}"))
            )
    return made or [Check(name, "ok", f"{len(queue.states)} jobs")]


def waiting(at: Place, queue: Queue) -> list[Check]:
    """Why jobs do not run; paused groups are not said again."""
    made = []
    name, jobs = f"jobs of {at.host.name}", outcome.by_id(queue)
    for kind, why, fix, ids in actions.stuck_jobs(at.host.name, queue):
        shown = outcome.job_names([jobs[id] for id in ids], at.host)
        if kind == "dependency":
            verb = "do not run: " if any(jobs[id].status != "done" for id in ids) else "skipped: "
            made.append(Check(name, "warning", f"{shown} {verb}{why}. Mend that first", fix))
        elif kind == "limit":
            group = jobs[ids[0]].group
            held = [f"{at.host.name}:{one.id}" for one in queue.states if (one.group, one.status) == (group, "paused")]
            if held:
                why += f", {len(held)} of them by jobs that are paused"
                fix = " ".join(["pueue-skill start", *held])
            made.append(Check(name, "warning" if held else "ok", f"{shown}: {why}", fix))
        elif kind != "group":
            made.append(Check(name, "warning" if fix else "ok", f"{shown}: {why}", fix))
    return made


NOT_FOUND = regex(
    r"(?:: |^)(?:line \d+: |\d+: )?([^\s:]+): (?:command )?not found|command not found: (\S+)|Unknown command: (\S+)",
    re.MULTILINE,
)
NOT_RUN = regex(r"(?:: |^)(?:line \d+: |\d+: )?([^\s:]+): Permission denied|permission denied: (\S+)", re.MULTILINE)


def failures(
    at: Place, found: HealthReport, queue: Queue, tails: Mapping[str, bytes], programs: Sequence[str], now: int
) -> list[Check]:
    """Jobs of late that failed before they had begun."""
    made: dict[str, Check] = {}
    name, pueue, jobs = f"jobs of {at.host.name}", quote.path(found.client), outcome.by_id(queue)
    for one in queue.states:
        if not outcome.failed(one) or since(one, now) > RECENT:
            continue
        what = f"{at.host.name}:{one.id}: {outcome.failure_reason(one, at.host, jobs)}"
        again = f"{pueue} restart --in-place {one.id}"
        said = tails.get(one.id, b"").decode("utf-8", "replace")
        if one.result == "spawn" and outcome.NOT_THERE.search(one.detail):
            made[one.id] = Check(name, "warning", what, at.line(f"mkdir -p {quote.word(one.cwd)} && {again}"))
        elif one.exit_code == 127:
            match = NOT_FOUND.search(said)
            program = next((group for group in match.groups() if group), "") if match else ""
            there = [path for path in programs if path.rpartition("/")[2] == program]
            if there:
                folder = there[0].rpartition("/")[0]
                folder = f"~{folder.removeprefix(found.home)}" if folder.startswith(f"{found.home}/") else folder
                folders = ", ".join([f'"{path}"' for path in [folder, *at.host.path]])
                what += f": {program}, which is at {there[0]}, where PATH does not lead to"
                made[program] = Check(name, "warning", what, at.set("path", f"[{folders}]"))
            else:
                what += f": {program}" if program else ""
                made[program or one.id] = Check(
                    name,
                    "warning",
                    what,
                    f"install it there, or name it by its path; see: pueue-skill log {at.host.name}:{one.id}",
                )
        elif one.exit_code == 126:
            match = NOT_RUN.search(said)
            program = next((group for group in match.groups() if group), "") if match else ""
            if program:
                what += f": {program}"
                chmod = f"cd {quote.word(one.cwd)} && chmod +x {quote.word(program)} && {again}"
                made[program] = Check(name, "warning", what, at.line(chmod))
    return list(made.values())


def since(state: JobState, now: int) -> float:
    try:
        return now - dt.datetime.fromisoformat(state.ended or state.created).timestamp()
    except ValueError:
        return 0


SSH = (
    # What ssh says, what it means, what to do; {ssh}: the words that lead there, {name}: the host, {remove}: what ssh proposes.
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", "its key is not the one that is known: it was set up anew, or somebody is in between. Ask whoever runs it before",
     "{remove} && ssh -o StrictHostKeyChecking=accept-new {ssh} true"),
    (r"Host key verification failed", "its key is not known here. Compare the fingerprint with the one that its console shows",
     "ssh -o StrictHostKeyChecking=accept-new {ssh} true"),
    (r"Permission denied", "it does not take your key", "ssh-copy-id {ssh}"),
    (r"Could not resolve hostname", "its name leads to no address", "in ~/.ssh/config, under Host {name}: HostName ADDRESS"),
    (r"Connection refused", "nothing listens there: sshd is down, or at another port",
     "start sshd there, or, in ~/.ssh/config, under Host {name}: Port NUMBER"),
    (r"timed out|No route to host|Network is unreachable|unreachable", "there is no way to it: it is off, or the network is",
     "ssh -v {ssh} true"),
)  # fmt: skip
REMOVE = regex(r'^\s*(ssh-keygen -f "[^"`$\\]+" -R "[^"`$\\]+")$', re.MULTILINE)


def ssh_failure(host: Host, said: str) -> Check:
    """Why ssh did not get through."""
    name, said = f"ssh to {host.name}", said.replace("\r", "")
    remove = REMOVE.search(said)
    last = said.strip().splitlines()[-1:] or ["no word"]
    for pattern, what, fix in SSH:
        if regex(pattern).search(said):
            line = fix.format(
                ssh=host.ssh, name=host.name, remove=remove[1].strip() if remove else f"ssh-keygen -R {host.name}"
            )
            return Check(name, "failure", f"{what} ({last[0].strip()})", line)
    return Check(name, "failure", last[0].strip(), f"ssh -v {host.ssh} true")


def speed(host: Host, seconds: float, shared: bool) -> Check:
    """What the time of a connection says; `shared` where connections go through a master."""
    name = f"ssh to {host.name}"
    if seconds < SLOW:
        return Check(name, "ok", f"{seconds:.2f} s")
    what = f"a connection takes {seconds:.1f} s"
    if shared:
        return Check(
            name,
            "warning",
            f"{what}, through a master too: what its login shell reads may be slow",
            f"ssh -v {host.ssh} true",
        )
    lines = "ControlMaster auto, ControlPath ~/.ssh/%C, ControlPersist 10m"
    return Check(
        name, "warning", f"{what}; a master pays that once", f"in ~/.ssh/config, under Host {host.name}: {lines}"
    )


def control_socket(host: Host, path: str, said: str) -> Check:
    """A control socket that stands there without a master that answers."""
    what = f"the master behind {path} {said}: connections wait for it, or are made anew each time"
    return Check(f"ssh to {host.name}", "failure", what, f"rm {quote.word(path)}", "safe")
