"""The result of a health check, and the commands and settings that fix a host. Pure values: nothing here runs a command."""

from __future__ import annotations

from typing import Literal

from pueue_skill.hosts.reports import Severity
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple


class HealthCheck(NamedTuple):
    """A check: its subject, its result, and the cause in words. The fields are the keys of `doctor --json`.

    `fix` is the next command to type or the next thing to do; empty if all is well. `mend` says who may run it: `doctor --fix` (safe), only
    `doctor --fix --start-groups` (asked), or only a person (empty), because it ends a job, removes something or trusts somebody.
    """

    name: str
    result: Severity
    what: str
    fix: str = ""
    mend: Literal["", "safe", "asked"] = ""


class Fixes(NamedTuple):
    """Makes the fixes for a host; `config_file` is the user's configuration file."""

    host: Host
    config_file: str

    def command(self, command: str) -> str:
        """Return the command line for this machine that runs `command` on the host. A login shell may not know `2>`, so sh reads that."""
        if not self.host.ssh:
            return command
        return f"ssh {self.host.ssh} {quote.word(f'sh -c {quote.word(command)}' if '2>' in command else command)}"

    def setting(self, key: str, value: str) -> str:
        """Return the instruction to set a key of the host in the user's configuration; `value` is TOML."""
        return f"in {self.config_file}, under [hosts.{self.host.name}]: {key} = {value}"
