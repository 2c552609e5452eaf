"""The result of a health check, and the commands and settings that fix a host. Pure values: nothing here runs a command."""

from __future__ import annotations

from typing import Literal

from pueue_skill.hosts.reports import Severity
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple


class HealthCheck(NamedTuple):
    """The subject of a check, its result, and the cause in words. A field of `doctor --json` for each.

    `fix` is the next command to type or the next thing to do; empty if all is well. The last field says who may run it: a person (empty),
    `doctor --fix` (safe: it ends, removes and trusts nothing that a user could miss), or `doctor --fix --start-groups` (asked).
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


def job_count(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"
