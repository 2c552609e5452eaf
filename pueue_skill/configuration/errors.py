"""The error of configuration files, in a module that the hook can import without pydantic."""

from __future__ import annotations

NEXT_STEP = ". Try: "
"""What separates a mistake from the command to type next, in a message that has one."""


class ConfigError(Exception):
    """A configuration file cannot be used. The message has a line for each mistake: FILE:LINE: KEY: what is wrong."""
