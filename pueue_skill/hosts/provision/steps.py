"""What is to be done on a host so that it has a queue: a host as it was found and what is wished in, steps out.

Pure: it knows no host, file or network. A step is the call of a function of queues/pueue/sh/lib/provision_steps.sh.
"""

from __future__ import annotations

import base64
import json
import plistlib
import re
from collections.abc import Collection, Mapping, Sequence

from pueue_skill.queues.pueue.provision import HostFacts, SetupStep, remove_stale_id
from pueue_skill.queues.pueue.site import callback
from pueue_skill.shell import quote
from pueue_skill.startup.record import NamedTuple

VERSION = "4.0.4"
RUST = (1, 88)
"""The oldest that builds VERSION."""

URL = f"https://github.com/Nukesor/pueue/releases/download/v{VERSION}"
TARGETS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-musl",
    ("Linux", "aarch64"): "aarch64-unknown-linux-musl",
    ("Darwin", "x86_64"): "x86_64-apple-darwin",
    ("Darwin", "aarch64"): "aarch64-apple-darwin",
}
# As others have pinned them who package these files: those for Linux by two or three of them apart from each other, those for macOS
# by one, whose sums for Linux are the same. A sum that were wrong could only refuse the file of this URL.
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

MANAGERS = {
    "brew": "brew install --quiet pueue",
    "nix": "nix --extra-experimental-features 'nix-command flakes' profile install nixpkgs#pueue",
    "apk": "apk add --quiet pueue",
    "pacman": "pacman --sync --needed --noconfirm pueue",
}
"""How a package manager installs pueue without a question."""
OF_ROOT = ("apk", "pacman")
"""Package managers that only root may use."""

ROOM, ROOM_TO_BUILD = 60_000, 1_500_000
"""KB that the programs need, and that a build of them needs."""


class Refusal(Exception):
    """The host cannot be set up; the message says why, and what to do."""


class Wish(NamedTuple):
    """What a host is to become. `here` is this machine, where the host is another; `pinned` is where its pueue.yml says
    that the socket is, `called` what it says is called at the end of a job. What is named in `without` was tried and cannot be."""

    groups: tuple[tuple[str, int], ...] = ()
    url: str = URL
    sha256: Mapping[str, str] = SHA256
    upgrade: bool = False
    here: HostFacts | None = None
    pinned: str = ""
    called: str = ""
    without: Collection[str] = ()


def steps(found: HostFacts, wish: Wish) -> list[SetupStep]:
    """What is to be done on a host, in this order; nothing where all is as wished. Raises Refusal."""
    made = []
    if found.version and not found.ready and not wish.upgrade and found.daemon_version:
        raise Refusal(
            f"pueue {found.version} is installed ({found.pueue}), and version 4 is needed. It does not read the older queue: "
            "once its jobs are done, give --upgrade"
        )
    if found.daemons and not found.pueue:
        return [source(found, wish)]  # only a client can ask the daemon; the rest is planned then
    if found.place is None and found.daemons:
        raise Refusal(
            f"a pueued runs there (process {', '.join(found.daemons)}) on {found.data} and does not answer. A second one would "
            f"overwrite its queue. End it, and run this again: kill {found.daemons[0]}"
        )
    service = service_of(found, wish)
    running = found.place is not None
    if not found.ready and running:
        if found.unfinished:
            raise Refusal(f"{found.unfinished} jobs of pueue {found.version} are not done; upgrade when they are")
        made.append(retire(found))
        running = False
    if service == "systemd" and not found.linger:
        made.append(linger())
    pueued = found.pueued
    if not found.ready:
        made.append(source(found, wish))
        pueued = f"{found.home}/.local/bin/pueued"
    if not wish.pinned or callback_of(found, wish):
        made.append(configuration(found, wish))
    if service == "systemd" and not (running and found.enabled):
        made.append(unit(found, wish, pueued, running))
    elif service == "launchd" and not (running and found.agent):
        made.append(agent(found, wish, pueued, running))
    elif not service and not running:
        made.append(detached(found, wish, pueued))
    if running and (callback_of(found, wish) or unread(found)) and may_restart(found, wish):
        made.append(restart(found, wish))
    wanted = [(name, limit) for name, limit in wish.groups if found.groups.get(name, (None,))[0] != limit]
    if wanted:
        made.append(groups(wanted))
    return made


def service_of(found: HostFacts, wish: Wish) -> str:
    """What is to start the daemon: systemd (which ends it with the last login, unless the user lingers), launchd, or nothing."""
    if found.systemd and (found.linger or "linger" not in wish.without):
        return "systemd"
    return "launchd" if found.launchd else ""


def retire(found: HostFacts) -> SetupStep:
    what = f"ends the daemon of pueue {found.version}, keeps a copy of its state"
    return SetupStep(
        "old daemon", what, "it has no jobs to do", quote.line(["retire", found.place or "", found.version])
    )


def linger() -> SetupStep:
    return SetupStep(
        "linger", "loginctl enable-linger", "your services run without a login, from boot on", "linger", "linger"
    )


def source(found: HostFacts, wish: Wish) -> SetupStep:
    """The best source of the programs. Raises Refusal when there is none."""

    def one(name: str, what: str, why: str, script: str, brings: str = "") -> SetupStep:
        return SetupStep("pueue", what, why, script, name, brings)

    if 0 <= found.room < ROOM:
        raise Refusal(
            f"{found.room // 1000} MB are free for ~/.local/bin, and pueue needs {ROOM // 1000}: make room there"
        )
    into = f"pueue {VERSION} into ~/.local/bin"
    why = f"version {found.version} is there" if found.version else "it has none"
    if found.version.startswith("4."):
        why = "pueued is missing"
    assets = [asset_of(found, name) for name in PROGRAMS]
    pinned = all(wish.sha256.get(asset) for asset in assets)
    offered: list[SetupStep] = []
    if found.network:
        offered += [one(name, MANAGERS[name], why, package(name)) for name in found.managers]
        if pinned and found.fetch and found.digest:
            script = quote.line(["from_release", *[word for asset in assets for word in (asset, wish.sha256[asset])]])
            offered.append(one("release", f"fetches {into}, checked against its SHA-256 sum", why, script))
        if found.rust and numbers(found.rust) >= RUST and found.room >= ROOM_TO_BUILD:
            build = quote.line(["from_cargo", VERSION])
            offered.append(one("cargo", f"builds {into} with cargo, in some minutes", why, build))
    if wish.here:
        if pinned and wish.here.network:
            way = f"fetches {into} through this machine, checked against its SHA-256 sum"
            offered.append(
                one("download", way, f"{why} and reaches no {wish.url.split('/')[2]}", "from_here", "download")
            )
        if wish.here.ready and (wish.here.os, wish.here.arch) == (found.os, found.arch):
            way = f"copies pueue {wish.here.version} of this machine into ~/.local/bin"
            offered.append(one("copy", way, f"{why} and reaches no network", "from_here", "copy"))
    for step in offered:
        if step.instead not in wish.without:
            return step
    tried = f" ({', '.join(sorted({*wish.without} - {'linger'}))} did not help)" if wish.without else ""
    raise Refusal(
        f"there is no source of pueue {VERSION} for {found.os} {found.arch}{tried}: no network and no package manager that asks no "
        "password, no cargo, nothing to copy from here. Put pueue and pueued into ~/.local/bin there, or name a mirror: setup.url"
    )


def asset_of(found: HostFacts, name: str) -> str:
    """The file of a release that holds a program for a host."""
    return f"{name}-{TARGETS.get((found.os, found.arch), 'no')}"


def package(manager: str) -> str:
    """The call that installs pueue with a package manager."""
    root = "root " if manager in OF_ROOT else ""
    return f"from_package {manager} {root}{MANAGERS[manager]}"


def numbers(version: str) -> tuple[int, ...]:
    return tuple([int(number) for number in re.findall(r"\d+", version)[:3]])


def home_relative(found: HostFacts, path: str) -> str:
    return f"~{path[len(found.home) :]}" if path.startswith(found.home + "/") else path


def runtime_directory(found: HostFacts, wish: Wish) -> str:
    """Where the socket and the process id are to be: where the daemon has them, else where a reboot clears them away."""
    if wish.pinned:
        return wish.pinned
    if found.place is not None and found.ready:
        return found.place or found.data
    return f"/run/user/{found.uid}" if service_of(found, wish) == "systemd" else found.data


def callback_of(found: HostFacts, wish: Wish) -> str:
    """What pueue.yml is to have called at the end of a job: nothing where it has something called, or nobody is to be told there."""
    if not found.teller or wish.called or "callback" in wish.without or "{{" in found.teller:  # as callback refuses it
        return ""
    return callback(found.teller)


def configured(found: HostFacts, wish: Wish) -> str:
    """pueue.yml with the place of the socket pinned, and the callback where there is to be one."""
    text = f"shared:\n  pueue_directory: {json.dumps(found.data)}\n" if found.yaml is None else found.yaml
    if not wish.pinned:
        text = extended(text, "shared", "runtime_directory", runtime_directory(found, wish))
    calls = callback_of(found, wish)
    return extended(text, "daemon", "callback", calls) if calls else text


def configuration(found: HostFacts, wish: Wish) -> SetupStep:
    file, calls = home_relative(found, found.config), callback_of(found, wish)
    lines = {} if wish.pinned else {f"runtime_directory: {runtime_directory(found, wish)}": PINNED}
    lines |= (
        {f"daemon.callback: {calls}": "it tells whom your configuration there names of the ends of jobs"}
        if calls
        else {}
    )
    what = f"writes {file}, with {' and '.join(lines)}"
    if found.yaml is not None:
        what = f"sets {' and '.join(lines)} in {file}, and keeps a copy of it"
    unread = found.daemons if calls and found.place is not None else ()
    words = ["configure", found.config, base64_of(configured(found, wish)), *unread]
    return SetupStep("config", what, "; ".join(lines.values()), quote.line(words))


PINNED = "a client with other variables would not find the daemon, and a second one would overwrite its queue"


def unread(found: HostFacts) -> bool:
    """Whether the daemon that runs was started before its callback was written."""
    return any(f"unread\t{process}" in found.record.splitlines() for process in found.daemons)


def may_restart(found: HostFacts, wish: Wish) -> bool:
    """Whether the daemon has nothing to do, and is one that is started as it was before."""
    ours = found.enabled or "detached" in found.record.splitlines()
    return ours and not found.unfinished and "restart" not in wish.without


def restart(found: HostFacts, wish: Wish) -> SetupStep:
    """Whoever submits through pueue-skill waits meanwhile; what came before is looked for once more."""
    why = "it reads its callback when it starts, and has nothing to do now"
    words = ["restart", runtime_directory(found, wish), found.pueued, "--config", found.config]
    return SetupStep("restart", "starts the daemon anew", why, quote.line(words), "restart")


def extended(text: str, table: str, key: str, value: str) -> str:
    """A pueue.yml with a key in one of its tables, a line of its own; whether that is all that it changes is for the caller to see."""
    line = f"{key}: {json.dumps(value)}"
    there = re.compile(rf"^([ \t]+){key}:[ \t]*(?:null|~)?[ \t]*$", re.MULTILINE)
    if there.search(text):
        return there.sub(lambda match: match[1] + line, text, count=1)
    begin = re.search(rf"^{table}:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*([ \t]*)", text, re.MULTILINE)
    if begin:
        end = text.index("\n", begin.start()) + 1
        return f"{text[:end]}{begin[1] or '  '}{line}\n{text[end:]}"
    newline = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{newline}{table}:\n  {line}\n"


def base64_of(text: str) -> str:
    """A file of a host as the steps take it, in lines, which every program that knows base64 reads."""
    return base64.encodebytes(text.encode("utf-8", "surrogateescape")).decode()


def unit_text(pueued: str, config: str, runtime: str) -> str:
    """The systemd unit. KillMode stays as it is by default: a job that outlived its daemon would be run a second time."""

    def word(value: str) -> str:
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        return f'"{value}"' if re.search(r"[\s'\"\\;]", value) else value

    def argument(value: str) -> str:
        return word(value).replace("$", "$$")

    # What lies in /run is gone after a crash.
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
# A job that runs out of memory is that job's end, not the end of all.
OOMPolicy=continue

[Install]
WantedBy=default.target
"""


def unit(found: HostFacts, wish: Wish, pueued: str, running: bool) -> SetupStep:
    file, runtime = f"{found.home}/.config/systemd/user/pueued.service", runtime_directory(found, wish)
    new = ("", "") if found.unit else (file, base64_of(unit_text(pueued, found.config, runtime)))
    words = ["unit", runtime, *new, "1" if found.enabled else "", "1" if running else ""]
    what, why = "starts pueued as a systemd user unit", "it comes back after a crash and a reboot"
    if running:
        what = "enables a systemd user unit for pueued"
        why = "the daemon that runs goes on; the unit starts it from the next boot on"
    return SetupStep("service", f"{what}, {home_relative(found, found.unit or file)}", why, quote.line(words))


LABEL = "pueue-skill.pueued"


def plist_text(pueued: str, config: str, runtime: str, data: str) -> str:
    agent = {
        "Label": LABEL,
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


def agent(found: HostFacts, wish: Wish, pueued: str, running: bool) -> SetupStep:
    file, runtime = found.agent or f"{found.home}/Library/LaunchAgents/{LABEL}.plist", runtime_directory(found, wish)
    new = "" if found.agent else base64_of(plist_text(pueued, found.config, runtime, found.data))
    why = "it comes back after a crash and a reboot"
    if running:
        why = "the daemon that runs goes on; the agent starts it from the next login on"
    words = ["agent", runtime, file, new, "1" if running else ""]
    return SetupStep(
        "service", f"starts pueued as a launchd agent, {home_relative(found, file)}", why, quote.line(words)
    )


def detached(found: HostFacts, wish: Wish, pueued: str) -> SetupStep:
    words = ["detached", runtime_directory(found, wish), pueued, "--config", found.config]
    why = "there is no service manager to start it"
    return SetupStep("daemon", "starts pueued by itself, apart from ssh", why, quote.line(words))


def groups(wanted: Sequence[tuple[str, int]]) -> SetupStep:
    text = ", ".join([f"{name} {limit or 'without limit'}" for name, limit in wanted])
    words = ["limits", *[word for name, limit in wanted for word in (name, str(limit))]]
    return SetupStep(
        "groups", f"sets how many jobs run at once: {text}", "your configuration says so", quote.line(words)
    )
