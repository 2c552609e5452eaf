"""A command that is typed on a host, beside the same one of `pueue-skill`."""

from __future__ import annotations

import subprocess

from real import Daemon

Bytes = subprocess.CompletedProcess[bytes]


def at(host: Daemon, *command: str, stdin: bytes = b"") -> Bytes:
    return subprocess.run(command, env=host.env, input=stdin, capture_output=True, timeout=60)
