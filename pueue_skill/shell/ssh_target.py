"""Where an ssh command connects to: an Ssh and the configured hosts in, a Host and the remote command out, or
NotQueueable.

Options are passed on as written; those that ask for a terminal, or for something other than a command, cannot apply to
a job. A remote command that is itself only an ssh command is followed to the last host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pueue_skill.shell import quote
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import LOCAL, Host, Ssh
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_arguments import host_name
from pueue_skill.shell.syntax import Simple, Unparsed
from pueue_skill.shell.walk import only_node

REMOTE_PUEUE = "~/.local/bin/pueue"
"""The assumed path of pueue on a host without configuration: the PATH of a bare ssh command does not include it."""

TERMINAL_OPTIONS = {"-t", "-tt"}
NO_COMMAND_OPTIONS = {"-N", "-W", "-O", "-G", "-V", "-Q", "-s"}

AGENT_FORWARDING = "forwards your ssh agent, which is lost with the connection: a job would not have it"
X11_FORWARDING = "forwards your X11 display, which is lost with the connection: a job would not have it"
KERBEROS_DELEGATION = (
    "passes on your Kerberos credentials, which are lost with the connection: a job would not have them"
)
CONTROL_MASTER = "makes its connection the master for later ssh commands, and a job has none"
TUNNEL = "opens a tunnel, which is lost with the connection: a job would not have it"
CONNECTION_OPTIONS: Mapping[str, str] = {
    "-A": AGENT_FORWARDING, "-X": X11_FORWARDING, "-Y": X11_FORWARDING, "-K": KERBEROS_DELEGATION, "-M": CONTROL_MASTER, "-L": TUNNEL, "-R": TUNNEL, "-D": TUNNEL, "-w": TUNNEL,
}  # fmt: skip
"""Options with which the work needs the caller's connection, and why a job cannot have it."""

CONFIGURED_OPTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "requesttty": ("asks for a terminal, which a job does not have", ("no", "auto")),
    "remotecommand": ("sets its own remote command", ("none",)),
    "sessiontype": ("does not run a command", ("default",)),
    "localforward": (TUNNEL, ()),
    "remoteforward": (TUNNEL, ()),
    "dynamicforward": (TUNNEL, ()),
    "tunnel": (TUNNEL, ("no",)),
    "forwardagent": (AGENT_FORWARDING, ("no",)),
    "forwardx11": (X11_FORWARDING, ("no",)),
    "gssapidelegatecredentials": (KERBEROS_DELEGATION, ("no",)),
    "controlmaster": (CONTROL_MASTER, ("no", "auto", "autoask")),
    "permitlocalcommand": ("runs a command on this host for each connection", ("no",)),
}
"""Options of -o, or of ssh's configuration, that cannot apply to a job: the reason, and the values that are fine."""
CALLER_ONLY = ("localforward", "dynamicforward", "controlmaster")
"""Options that affect only the caller when they come from the host's configuration: the remote command is the same."""


class NotQueueable(Exception):
    """The work cannot be queued without changing its meaning; the message is the reason, for users.

    `cure` is a text with the intended effect that can be queued, empty without one.
    """

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(reason)
        self.cure = cure


class NoOtherForm(NotQueueable):
    """Nor can the text be rewritten in place."""


def select_hosts(names: Sequence[str], hosts: Mapping[str, Host]) -> list[Host]:
    """The configured hosts with these names; all hosts if `names` is empty. Raises UsageError for an unknown name."""
    unknown = [name for name in names if name not in hosts]
    if unknown:
        from pueue_skill.startup.errors import UsageError, did_you_mean

        raise UsageError(
            f"no host is called {unknown[0]}; configured: {', '.join(hosts)}{did_you_mean(unknown[0], hosts)}"
        )
    return [hosts[name] for name in names or hosts]


def host_named(name: str, hosts: Mapping[str, Host]) -> Host:
    """The configured host of that name, or a host that only ssh's own configuration knows."""
    known = hosts.get(name)
    if known:
        return known
    if name == LOCAL:
        return Host(LOCAL)
    return Host(name, quote.word(name), REMOTE_PUEUE)


def remote_host(ssh: Ssh, hosts: Mapping[str, Host]) -> Host:
    """The host that `ssh` connects to, with the same options. Raises NotQueueable."""
    options = []
    for name, value in ssh.options:
        if name in TERMINAL_OPTIONS:
            raise NotQueueable("ssh -t asks for a terminal, which a job does not have")
        if name in NO_COMMAND_OPTIONS:
            raise NotQueueable(f"ssh {name} does not run a command")
        if name in CONNECTION_OPTIONS:
            raise NotQueueable(f"ssh {name} {CONNECTION_OPTIONS[name]}")
        if name == "-o" and value is not None:
            option, *given = re.split(r"\s*=\s*|\s+", value.value.strip().lower(), maxsplit=1)
            reason = obstacle(option, " ".join(given))
            if reason:
                raise NotQueueable(f"ssh -o {quote.word(value.value)} {reason}")
            if not value.static and "$" in option:
                raise NotQueueable("only your shell knows an ssh option")
            if option in ("stdinnull", "forkafterauthentication"):
                continue
        if value is not None and value.programs:
            raise NotQueueable("an ssh option contains a command substitution")
        if name not in ("-n", "-f"):
            options.append(name if value is None else f"{name} {value.text}")
    if ssh.destination.programs or not ssh.destination.static:
        raise NotQueueable("only your shell knows the host's name")
    configured = host_named(host_name(ssh.destination.value), hosts)
    return configured._replace(ssh=" ".join([*options, ssh.destination.text]))


def obstacle(option: str, value: str) -> str:
    """Why an option of ssh's configuration (name and value in lower case) cannot apply to a job; empty if it can."""
    reason, fine = CONFIGURED_OPTIONS.get(option, ("", ()))
    return "" if value in fine else reason


def configured_obstacle(configuration: str) -> str:
    """The first line of `ssh -G` output that prevents a job, with the reason; empty without one."""
    for line in configuration.splitlines():
        option, _, value = line.lower().partition(" ")
        value = {"false": "no", "true": "yes"}.get(value, value)
        reason = "" if option in CALLER_ONLY else obstacle(option, value)
        if reason:
            return f"{line}: ssh {reason}"
    return ""


def final_destination(ssh: Ssh, hosts: Mapping[str, Host]) -> tuple[Host, str | None]:
    """The last host on the way and the command that it runs: `ssh a ssh b work` runs on b. Raises NotQueueable."""
    host, payload = remote_host(ssh, hosts), ssh.payload
    shells = 1
    while payload is not None:
        script = parse(payload)
        if isinstance(script, Unparsed):
            break
        node = only_node(script)
        if not isinstance(node, Simple) or node.redirects or node.assigns:
            break
        own = [command for command in commands(script) if not command.via and not command.inside]
        if len(own) != 1 or own[0].ssh is None or own[0].wrappers or not own[0].ssh.static:
            break
        inner = remote_host(own[0].ssh, hosts)
        host = inner._replace(ssh=f"{host.ssh} {quote.nested('ssh ' + inner.ssh, shells)}", hops=shells)
        payload = own[0].ssh.payload
        shells += 1
    return host, payload
