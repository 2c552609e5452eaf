"""Plans the setup of a host: facts about the host and a SetupRequest in, the missing steps out.

Pure: it reads no file and contacts no host. A step calls a function of queues/pueue/sh/lib/provision_steps.sh.
"""

from __future__ import annotations

import base64
import json
import plistlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from pueue_skill.queues.pueue.provision import HostFacts, SetupStep, remove_stale_id
from pueue_skill.queues.pueue.site import callback
from pueue_skill.shell import quote
from pueue_skill.shell.ssh_target import REMOTE_PUEUE
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.words import counted

VERSION = "4.0.4"
MIN_RUST = (1, 88)
"""The oldest version of Rust that builds VERSION."""

RELEASE_URL = f"https://github.com/Nukesor/pueue/releases/download/v{VERSION}"
TARGETS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-musl",
    ("Linux", "aarch64"): "aarch64-unknown-linux-musl",
    ("Darwin", "x86_64"): "x86_64-apple-darwin",
    ("Darwin", "aarch64"): "aarch64-apple-darwin",
}
# Checksums as pinned by people who package these files: for Linux by two or three of them independently, for macOS by one of these. A wrong
# checksum could only reject the file.
SHA256 = {
    "pueue-x86_64-unknown-linux-musl": "c1b10d7e4e62211075ddd0e1dc3e8cbfc5a43d662cb3be7402a28504e23fcb51",
    "pueued-x86_64-unknown-linux-musl": "5afeff6adbafb909e8d54e2caff158e6966c2adffa2c09e60fd631cc51b60390",
    "pueue-aarch64-unknown-linux-musl": "759bf5100a51024997111c6913aaf3330a0cdfd893ff552dcf429ae9b5e01e09",
    "pueued-aarch64-unknown-linux-musl": "332c5ef74270b64aeaf04894c8c04826f3422eb7d50dbd1a8e0706d74a42f653",
    "pueue-x86_64-apple-darwin": "c5b89a2f9f9d355b33880735a1f12a8b8d09002f95cc7d2e5f3294e313fb8540",
    "pueued-x86_64-apple-darwin": "4de7c4790989198007c6c0789c56606237d0456a2ce3666b5a0b198478c06263",
    "pueue-aarch64-apple-darwin": "7780dbd21e3a4106e88a57396d6dc2dbcbbae253c7e00d92d994902896b8cb82",
    "pueued-aarch64-apple-darwin": "bf5a1151d70c328dd036fb6d786fba53a68d8574c12391d04db3d08b04079205",
}
PROGRAMS = ("pueue", "pueued")
FOLDER = REMOTE_PUEUE.rpartition("/")[0]
"""The folder into which setup installs them: $pq_bin in queues/sh/lib/folders.sh."""

PACKAGE_MANAGERS = {
    "brew": "brew install --quiet pueue",
    "nix": "nix --extra-experimental-features 'nix-command flakes' profile install nixpkgs#pueue",
    "apk": "apk add --quiet pueue",
    "pacman": "pacman --sync --needed --noconfirm pueue",
}
"""The command of each package manager that installs pueue without a prompt."""
ROOT_MANAGERS = ("apk", "pacman")
"""Package managers that only root may use."""

INSTALL_KB, BUILD_KB = 60_000, 1_500_000
"""Free disk space that the programs need, and that a build with cargo needs."""


class CannotSetUp(Exception):
    """The host cannot be set up. The message has the reason and what to do."""


def unfinished_jobs(count: int, of: str = "") -> str:
    """Return how many jobs have not ended, such as `1 job has not ended`; `of` follows the noun."""
    return f"{counted(count, 'job')}{of} {'has' if count == 1 else 'have'} not ended"


class SetupRequest(NamedTuple):
    """The state that a host should reach, and facts that are not the host's own.

    `local` has the facts about this machine, if the host is another. `pinned_directory` is where the host's pueue.yml puts the socket, and
    `existing_callback` is its callback. `excluded` names sources and optional steps that failed before.
    """

    groups: tuple[tuple[str, int], ...] = ()
    url: str = RELEASE_URL
    sha256: Mapping[str, str] = SHA256
    upgrade: bool = False
    local: HostFacts | None = None
    pinned_directory: str = ""
    existing_callback: str = ""
    excluded: Collection[str] = ()


def plan_steps(facts: HostFacts, request: SetupRequest) -> list[SetupStep]:
    """Return the missing steps in the order in which they must run. Raises CannotSetUp."""
    if facts.version and not facts.ready and not request.upgrade and facts.daemon_version:
        raise CannotSetUp(
            f"pueue {facts.version} is installed ({facts.pueue}), but version 4 is required. Version 4 cannot read the older queue: "
            "pass --upgrade once its jobs have ended"
        )
    if facts.daemons and not facts.pueue:
        return [install_step(facts, request)]  # a client is needed to examine the daemon; the next round plans the rest
    if facts.place is None and facts.daemons:
        raise CannotSetUp(
            f"a pueued runs there (process {', '.join(facts.daemons)}) on {facts.data} and does not answer. A second daemon would "
            f"overwrite its queue. End it on the host, then run setup again: kill {facts.daemons[0]}"
        )
    steps = []
    service = choose_service(facts, request)
    running = facts.place is not None
    if not facts.ready and running:
        if facts.unfinished:
            raise CannotSetUp(
                f"{unfinished_jobs(facts.unfinished, f' of pueue {facts.version}')}; upgrade when no job is left"
            )
        steps.append(retire_step(facts))
        running = False
    if service == "systemd" and not facts.linger:
        steps.append(linger_step())
    pueued = facts.pueued
    if not facts.ready:
        steps.append(install_step(facts, request))
        pueued = f"{REMOTE_PUEUE.replace('~', facts.home, 1)}d"
    if not request.pinned_directory or new_callback(facts, request):
        steps.append(config_step(facts, request))
    if service == "systemd" and not (running and facts.enabled):
        steps.append(unit_step(facts, request, pueued, running))
    elif service == "launchd" and not (running and facts.agent):
        steps.append(agent_step(facts, request, pueued, running))
    elif not service and not running:
        steps.append(daemon_step(facts, request, pueued))
    if running and (new_callback(facts, request) or has_unread_callback(facts)) and may_restart(facts, request):
        steps.append(restart_step(facts, request))
    limits = [(name, limit) for name, limit in request.groups if facts.groups.get(name, (None,))[0] != limit]
    if limits:
        steps.append(limits_step(limits))
    return steps


def choose_service(facts: HostFacts, request: SetupRequest) -> str:
    """Return what starts the daemon: systemd, launchd, or nothing.

    Without lingering, systemd would end the daemon with the user's last login.
    """
    if facts.systemd and (facts.linger or "linger" not in request.excluded):
        return "systemd"
    return "launchd" if facts.launchd else ""


def retire_step(facts: HostFacts) -> SetupStep:
    what = f"stops the daemon of pueue {facts.version} and keeps a copy of its state"
    return SetupStep(
        "old daemon", what, "its jobs have ended", quote.line(["retire", facts.place or "", facts.version])
    )


def linger_step() -> SetupStep:
    return SetupStep(
        "linger", "loginctl enable-linger", "your services then run without a login, from boot", "linger", "linger"
    )


def install_step(facts: HostFacts, request: SetupRequest) -> SetupStep:
    """Return the step that installs pueue from the best source that has not failed. Raises CannotSetUp without one."""
    if 0 <= facts.room < INSTALL_KB:
        raise CannotSetUp(
            f"{facts.room // 1000} MB are free for {FOLDER}, and pueue needs {INSTALL_KB // 1000}: free some space"
        )
    for step in install_steps(facts, request):
        if step.instead not in request.excluded:
            return step
    failed = ", ".join(sorted({*request.excluded} - {"linger"}))
    tried = f" (tried: {failed})" if failed else ""
    raise CannotSetUp(
        f"there is no source of pueue {VERSION} for {facts.os} {facts.arch}{tried}: the host "
        "has no network access, no package manager that works without a password, and no cargo, and this machine has no pueue to copy. "
        f"Put pueue and pueued into {FOLDER} on the host, or configure a mirror: setup.url"
    )


def install_steps(facts: HostFacts, request: SetupRequest) -> Iterator[SetupStep]:
    """Yield a step for each available source of pueue, the best first."""

    def step(source: str, what: str, script: str, brings: str = "", lacking: str = "") -> SetupStep:
        why = f"{reason(facts)}; no access to {lacking}" if lacking else reason(facts)
        return SetupStep("pueue", what, why, script, source, brings)

    pueue = f"pueue {VERSION} into {FOLDER}"
    verified = "checked against its SHA-256 checksum"
    assets = [asset_name(facts, name) for name in PROGRAMS]
    has_checksums = all(request.sha256.get(asset) for asset in assets)
    if facts.network:
        for name in facts.managers:
            yield step(name, PACKAGE_MANAGERS[name], from_package(name))
        if has_checksums and facts.fetch and facts.digest:
            script = quote.line(
                ["from_release", *[word for asset in assets for word in (asset, request.sha256[asset])]]
            )
            yield step("release", f"fetches {pueue}, {verified}", script)
        if facts.rust and version_numbers(facts.rust) >= MIN_RUST and facts.room >= BUILD_KB:
            build = quote.line(["from_cargo", VERSION])
            yield step("cargo", f"builds {pueue} with cargo, which takes a few minutes", build)
    local = request.local
    if local and has_checksums and local.network:
        what, server = f"fetches {pueue} through this machine, {verified}", request.url.split("/")[2]
        yield step("download", what, "from_here", "download", server)
    if local and local.ready and (local.os, local.arch) == (facts.os, facts.arch):
        what = f"copies pueue {local.version} of this machine into {FOLDER}"
        yield step("copy", what, "from_here", "copy", "the network")


def reason(facts: HostFacts) -> str:
    """Return why pueue must be installed."""
    if facts.version.startswith("4."):
        return "pueued is missing"
    return f"version {facts.version} is installed" if facts.version else "pueue is not installed"


def asset_name(facts: HostFacts, program: str) -> str:
    """Return the name of the release's file with a program for a host."""
    return f"{program}-{TARGETS.get((facts.os, facts.arch), 'no')}"


def from_package(manager: str) -> str:
    """Return the script that installs pueue with a package manager."""
    root = "root " if manager in ROOT_MANAGERS else ""
    return f"from_package {manager} {root}{PACKAGE_MANAGERS[manager]}"


def version_numbers(version: str) -> tuple[int, ...]:
    return tuple([int(number) for number in re.findall(r"\d+", version)[:3]])


def home_relative(facts: HostFacts, path: str) -> str:
    return f"~{path[len(facts.home) :]}" if path.startswith(facts.home + "/") else path


def runtime_directory(facts: HostFacts, request: SetupRequest) -> str:
    """Return the folder for the socket and the process ID: the daemon's present one, otherwise one that a reboot clears if possible."""
    if request.pinned_directory:
        return request.pinned_directory
    if facts.place is not None and facts.ready:
        return facts.place or facts.data
    return f"/run/user/{facts.uid}" if choose_service(facts, request) == "systemd" else facts.data


def new_callback(facts: HostFacts, request: SetupRequest) -> str:
    """Return the callback to write into pueue.yml; empty if it has one, or the host's pueue-skill has no targets of notifications."""
    if (
        not facts.teller
        or request.existing_callback
        or "callback" in request.excluded
        or "{{" in facts.teller  # callback() rejects it
    ):
        return ""
    return callback(facts.teller)


def new_yaml(facts: HostFacts, request: SetupRequest) -> str:
    """Return pueue.yml with the folder of the socket and the callback added."""
    text = f"shared:\n  pueue_directory: {json.dumps(facts.data)}\n" if facts.yaml is None else facts.yaml
    if not request.pinned_directory:
        text = add_yaml_key(text, "shared", "runtime_directory", runtime_directory(facts, request))
    command = new_callback(facts, request)
    return add_yaml_key(text, "daemon", "callback", command) if command else text


PIN_REASON = (
    "a client with another XDG_RUNTIME_DIR would not find the daemon, and a second daemon would overwrite its queue"
)
CALLBACK_REASON = "pueue-skill on the host then sends notifications to its configured targets when jobs end"


def config_step(facts: HostFacts, request: SetupRequest) -> SetupStep:
    file, command = home_relative(facts, facts.config), new_callback(facts, request)
    lines = {}
    if not request.pinned_directory:
        lines[f"runtime_directory: {runtime_directory(facts, request)}"] = PIN_REASON
    if command:
        lines[f"daemon.callback: {command}"] = CALLBACK_REASON
    what = f"writes {file} with {' and '.join(lines)}"
    if facts.yaml is not None:
        what = f"sets {' and '.join(lines)} in {file} and keeps a copy of it"
    unread = facts.daemons if command and facts.place is not None else ()
    words = ["configure", facts.config, base64_lines(new_yaml(facts, request)), *unread]
    return SetupStep("config", what, "; ".join(lines.values()), quote.line(words))


def has_unread_callback(facts: HostFacts) -> bool:
    """Return whether the running daemon started before its callback was written."""
    return any(f"unread\t{process}" in facts.record.splitlines() for process in facts.daemons)


def may_restart(facts: HostFacts, request: SetupRequest) -> bool:
    """Return whether the daemon has no unfinished jobs and a restart would start it the way it was started before."""
    ours = facts.enabled or "detached" in facts.record.splitlines()
    return ours and not facts.unfinished and "restart" not in request.excluded


def restart_step(facts: HostFacts, request: SetupRequest) -> SetupStep:
    """Return the step that restarts the daemon, unless it finds new jobs. pueue-skill submits no jobs during the restart."""
    why = "it reads the callback when it starts, and it has no unfinished jobs"
    words = ["restart", runtime_directory(facts, request), facts.pueued, "--config", facts.config]
    return SetupStep("restart", "restarts the daemon", why, quote.line(words), "restart")


def add_yaml_key(text: str, table: str, key: str, value: str) -> str:
    """Return a pueue.yml with a line for a key in one of its tables. The caller must check that nothing else has changed."""
    line = f"{key}: {json.dumps(value)}"
    empty = re.compile(rf"^([ \t]+){key}:[ \t]*(?:null|~)?[ \t]*$", re.MULTILINE)
    if empty.search(text):
        return empty.sub(lambda match: match[1] + line, text, count=1)
    begin = re.search(rf"^{table}:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*([ \t]*)", text, re.MULTILINE)
    if begin:
        end = text.index("\n", begin.start()) + 1
        return f"{text[:end]}{begin[1] or '  '}{line}\n{text[end:]}"
    newline = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{newline}{table}:\n  {line}\n"


def base64_lines(text: str) -> str:
    """Return the content of a file in lines of base64, which every base64 program of a host accepts."""
    return base64.encodebytes(text.encode("utf-8", "surrogateescape")).decode()


def unit_text(pueued: str, config: str, runtime: str) -> str:
    """Return the systemd unit of the daemon.

    It keeps the default of KillMode, which also kills the daemon's jobs: a job that survived its daemon would run a second time.
    """

    def word(value: str) -> str:
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        return f'"{value}"' if re.search(r"[\s'\"\\;]", value) else value

    def argument(value: str) -> str:
        return word(value).replace("$", "$$")

    # A reboot clears /run, so the process ID there cannot be stale.
    first = (
        ""
        if runtime.startswith("/run/")
        else f"ExecStartPre=/bin/sh -c {argument(remove_stale_id(f'{runtime}/pueue.pid'))}\n"
    )
    return f"""[Unit]
Description=pueue daemon (pueue-skill setup)

[Service]
{first}ExecStart={word(pueued)} --config {argument(config)}
Restart=on-failure
# If a job runs out of memory, only this job ends.
OOMPolicy=continue

[Install]
WantedBy=default.target
"""


def unit_step(facts: HostFacts, request: SetupRequest, pueued: str, running: bool) -> SetupStep:
    """Return the step that makes the daemon a systemd user unit; `running`: the unit takes over at the next boot."""
    file, runtime = f"{facts.home}/.config/systemd/user/pueued.service", runtime_directory(facts, request)
    new = ("", "") if facts.unit else (file, base64_lines(unit_text(pueued, facts.config, runtime)))
    words = ["unit", runtime, *new, "1" if facts.enabled else "", "1" if running else ""]
    what, why = "starts pueued as a systemd user unit", "it starts again after a crash or a reboot"
    if running:
        what = "enables a systemd user unit for pueued"
        why = "the running daemon continues; the unit starts it from the next boot"
    return SetupStep("service", f"{what}, {home_relative(facts, facts.unit or file)}", why, quote.line(words))


AGENT_LABEL = "pueue-skill.pueued"


def plist_text(pueued: str, config: str, runtime: str, data: str) -> str:
    """Return the property list of the daemon's launchd agent."""
    agent = {
        "Label": AGENT_LABEL,
        "ProgramArguments": [
            "/bin/sh",
            "-c",
            f"{remove_stale_id(f'{runtime}/pueue.pid')}; exec {quote.line([pueued, '--config', config])}",
        ],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "StandardOutPath": f"{data}/pueued.log",
        "StandardErrorPath": f"{data}/pueued.log",
    }
    return plistlib.dumps(agent).decode()


def agent_step(facts: HostFacts, request: SetupRequest, pueued: str, running: bool) -> SetupStep:
    """Return the step that makes the daemon a launchd agent; `running`: the agent takes over at the next login."""
    file = facts.agent or f"{facts.home}/Library/LaunchAgents/{AGENT_LABEL}.plist"
    runtime = runtime_directory(facts, request)
    new = "" if facts.agent else base64_lines(plist_text(pueued, facts.config, runtime, facts.data))
    why = "it starts again after a crash or a reboot"
    if running:
        why = "the running daemon continues; the agent starts it from the next login"
    words = ["agent", runtime, file, new, "1" if running else ""]
    return SetupStep(
        "service", f"starts pueued as a launchd agent, {home_relative(facts, file)}", why, quote.line(words)
    )


def daemon_step(facts: HostFacts, request: SetupRequest, pueued: str) -> SetupStep:
    words = ["detached", runtime_directory(facts, request), pueued, "--config", facts.config]
    why = "there is no service manager to start it"
    return SetupStep("daemon", "starts pueued, detached from ssh", why, quote.line(words))


def limits_step(limits: Sequence[tuple[str, int]]) -> SetupStep:
    text = ", ".join([f"{name} {limit or 'without limit'}" for name, limit in limits])
    words = ["limits", *[word for name, limit in limits for word in (name, str(limit))]]
    return SetupStep("groups", f"sets how many jobs run at once: {text}", "as in your configuration", quote.line(words))
