"""Selects configured hosts by name: names in, Hosts out, or what to add to the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pueue_skill.shell import ssh_target
from pueue_skill.shell.model import Host
from pueue_skill.startup.errors import UsageError
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths

BARE_KEY = regex(r"[A-Za-z0-9_-]+")


def select_hosts(names: Sequence[str], hosts: Mapping[str, Host]) -> list[Host]:
    """Return the configured hosts with these names; all hosts if `names` is empty. Raises UsageError for an unknown name."""
    try:
        return ssh_target.select_hosts(names, hosts)
    except UsageError as error:
        unknown = next(name for name in names if name not in hosts)
        end = "" if str(error).endswith("?") else "."
        raise UsageError(
            f"{error}{end} To add a host, add this line to {paths.user_file()}: {table_of(unknown)}"
        ) from None


def table_of(name: str) -> str:
    """Return the line of config.toml that configures the host `name`."""
    return f"[hosts.{name if BARE_KEY.fullmatch(name) else json.dumps(name)}]"
