"""How ssh reads its arguments: words in, options, destination and payload out. `ssh_target` resolves the destination."""

from __future__ import annotations

from pueue_skill.shell.arguments import ArgSpec, basename, parse_options
from pueue_skill.shell.model import Ssh
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.regex import regex

SSH_PROGRAMS = {"ssh", "slogin", "autossh"}

SSH_VALUE_OPTIONS = "BbcDEeFIiJLlmOopPQRSWw"

FORK_OPTION = regex(r"(?i)\s*ForkAfterAuthentication(\s*=\s*|\s+)yes\s*")


def parse_ssh(words: tuple[Word, ...]) -> Ssh | None:
    """The arguments of ssh in `words`, as ssh(1) reads them; None without a destination.

    Options may precede and follow the destination; the remaining words are joined by spaces.
    """
    spec = ArgSpec(SSH_VALUE_OPTIONS + ("M" if basename(words[0].value) == "autossh" else ""))
    found, used = parse_options(words[1:], spec)
    rest = words[1 + used :]
    if not rest:
        return None
    destination, rest = rest[0], rest[1:]
    more, used = parse_options(rest, spec)
    remote = rest[used:]
    if spec.short != SSH_VALUE_OPTIONS:  # the monitoring port is autossh's own
        found = [(name, value) for name, value in found if name != "-M"]
    static = all(word.static for word in remote)
    payload = " ".join([word.value for word in remote]) if remote else None
    return Ssh((*found, *more), destination, remote, payload, static)


def forks_to_background(ssh: Ssh) -> bool:
    """Whether ssh returns once it is connected (-f) while the remote command continues."""
    return any(
        name == "-f" or (name == "-o" and value is not None and FORK_OPTION.fullmatch(value.value))
        for name, value in ssh.options
    )


def host_name(destination: str) -> str:
    """The host in `user@host` or `scheme://user@host:port/path`."""
    scheme, _, rest = destination.rpartition("://")
    host = rest.rpartition("@")[2]
    return host.partition("/")[0].partition(":")[0] if scheme else host
