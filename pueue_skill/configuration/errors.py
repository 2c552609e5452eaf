"""The error of configuration files, in a module that the hook can import without pydantic."""

from __future__ import annotations


class ConfigError(Exception):
    """A configuration file cannot be used. The message has a line for each mistake: FILE:LINE: KEY: what is wrong."""
