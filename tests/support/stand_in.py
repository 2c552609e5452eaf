"""A command run by ssh on a host, and by `pueue-skill ssh`."""

from __future__ import annotations

import subprocess

from real import Daemon

Bytes = subprocess.CompletedProcess[bytes]


def at(host: Daemon, *command: str, stdin: bytes = b"") -> Bytes:
    return subprocess.run(command, env=host.env, input=stdin, capture_output=True, timeout=60)
