"""The error of configuration files, which the hook can import without pydantic."""

from __future__ import annotations


class ConfigError(Exception):
    """A configuration file cannot be used; the message is for people."""
