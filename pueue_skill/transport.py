"""Runs scripts here or on a host: a sh script goes in on standard input, exit code and output come back.

The only module that starts processes. It knows OpenSSH, not queues: a host is reached as the user's own ssh configuration
says, never asked for a password, and given up after a bounded time.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pueue_skill.model import Host
from pueue_skill.record import NamedTuple

UNREACHABLE = 255
"""ssh's own exit status for "could not connect"; a script that was started never gives it."""

SSH = "exec ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"


RUNNING: set[subprocess.Popen[bytes]] = set()
STARTING = threading.Lock()


class Done(NamedTuple):
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "surrogateescape")


class Timeout(Exception):
    """The host or its queue did not answer in time; `stdout` is what it had said by then."""

    def __init__(self, message: str, stdout: bytes) -> None:
        super().__init__(message)
        self.stdout = stdout


class Stream(NamedTuple):
    """A script that is running: its output as it comes, and its end."""

    stdout: IO[bytes]
    process: subprocess.Popen[bytes]

    def read(self, timeout: float) -> bytes | None:
        """What has come: empty at the end, None when nothing came for `timeout` seconds."""
        ready, _, _ = select.select([self.stdout], [], [], timeout)
        return os.read(self.stdout.fileno(), 1 << 16) if ready else None

    def finish(self) -> Done:
        stderr = self.process.stderr.read() if self.process.stderr else b""
        return Done(self.process.wait(), b"", stderr)


def command(host: Host) -> list[str]:
    """What runs a script from standard input on `host`.

    The ssh words of a host are shell text (an option may hold `~` or a variable, as it was proposed), so bash reads them.
    """
    return ["bash", "-c", f"{SSH} {host.ssh} 'sh -s'"] if host.ssh else ["sh", "-s"]


def run(
    host: Host,
    script: str,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Done:
    """Runs `script` on `host` to its end. Raises Timeout (seconds), OSError when ssh or the folder is missing."""
    process = start(host, env, cwd)
    try:
        stdout, stderr = process.communicate(script.encode("utf-8", "surrogateescape"), timeout)
    except subprocess.TimeoutExpired as error:
        raise Timeout(f"{host.name} did not answer within {timeout:g} s", error.stdout or b"") from None
    finally:
        stop(process)
    return Done(process.returncode, stdout, stderr)


def detached(arguments: list[str]) -> None:
    """Starts a program that goes on by itself, whatever becomes of this process; it has no standard input or output."""
    null = subprocess.DEVNULL
    subprocess.Popen(arguments, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True)


@contextmanager
def stream(host: Host, script: str) -> Iterator[Stream]:
    """Runs `script` on `host` and gives its output while it runs; leaving the context ends it."""
    process = start(host, None, None)
    try:
        assert process.stdin
        assert process.stdout
        try:
            with process.stdin as stdin:
                stdin.write(script.encode("utf-8", "surrogateescape"))
        except BrokenPipeError:
            pass  # the exit status says what happened
        yield Stream(process.stdout, process)
    finally:
        stop(process)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def start(host: Host, env: Mapping[str, str] | None, cwd: Path | None) -> subprocess.Popen[bytes]:
    # In a process group of its own: Ctrl-C is for the one who waits, not for the ssh that carries the answer.
    with STARTING:
        process = subprocess.Popen(
            command(host),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            process_group=0,
        )
        RUNNING.add(process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a script that is still running, its children with it."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        process.wait()
    RUNNING.discard(process)


def stop_all() -> None:
    """Ends all that is running, for a process that leaves in the midst of it: nothing can be started from here on."""
    STARTING.acquire(timeout=3)
    for process in list(RUNNING):
        stop(process)
