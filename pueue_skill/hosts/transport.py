"""Runs scripts here or on a host: a sh script goes in on standard input, exit code and output come back.

The only module that starts processes. It knows OpenSSH, not queues: a host is reached as the user's own ssh configuration
says, never asked for a password, and given up after a bounded time. The calls of a host share one connection: ssh leaves a
master in the background, which ends by itself; where the user has said how connections are shared, that holds. A master that
is broken costs a call its speed, never its answer, and never has a script run twice that does more than read.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pueue_skill.shell import quote
from pueue_skill.shell.login import KEEP_SHELL
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

SSH_FAILED = 255
"""ssh's own exit status for "could not connect"; a script that was started never gives it."""

SSH = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"

# The first word counts with ssh: a link that is dead is noticed within the time that a host has for an answer. A tunnel of the
# user's configuration would be held for as long as the master stays.
SHARED = "-o ControlMaster=auto -o ControlPersist=60 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o ClearAllForwardings=yes"
SAID = regex(r"(?i)control(master|path|persist)|(?<!\S)-[a-z0-9]*[SM]")
"""Words of a host that are about sharing. What a configuration file says of it is told by `ssh -G`."""

MAX_SOCKET_PATH_BYTES = 104 - 1 - len(".0123456789abcdef")
"""Bytes of a socket's path: macOS has room for 103, and ssh makes it under a longer name first."""

QUICK_TIMEOUT_S = 2.0
"""Seconds for what takes milliseconds: `ssh -G`, and the greeting of a master that was not stopped."""

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
    errors: IO[bytes]

    def read(self, timeout: float) -> bytes | None:
        """What has come: empty at the end, None when nothing came for `timeout` seconds."""
        ready, _, _ = select.select([self.stdout], [], [], timeout)
        return os.read(self.stdout.fileno(), 1 << 16) if ready else None

    def finish(self) -> Done:
        code = self.process.wait()
        return Done(code, b"", whole(self.errors))


class Master(NamedTuple):
    """The connection that the calls of a host share: its socket, and whether it was there before."""

    socket: Path
    there: bool = False


def command(host: Host, master: Master | None, fed: int = 0) -> list[str]:
    """What runs a script from standard input on `host`; with `fed` its first `fed` bytes are the script, and it reads the rest.

    sh may read more of its script than it has run: it cannot share the input with what it runs.

    The ssh words of a host are shell text (an option may hold `~` or a variable, as it was proposed), so bash reads them.
    """
    text = f'eval "$(dd bs=1 count={fed} 2>/dev/null)"'
    if not host.ssh:
        return ["/bin/sh", "-c", text] if fed else ["/bin/sh", "-s"]
    shared = f"-S {quote.word(str(master.socket))} {SHARED} " if master else ""
    script = quote.nested(f"sh -c {quote.word(text)}{KEEP_SHELL}" if fed else f"sh -s{KEEP_SHELL}", 1 + host.hops)
    return bash(f"exec ssh {shared}{SSH} {host.ssh} {script}")


def bash(text: str) -> list[str]:
    """What runs a line of bash; without a start-up file (BASH_ENV), which a relative name would look for in the current folder."""
    folders = absolute(os.environ.get("PATH", "")).split(os.pathsep)
    program = next((file for folder in folders if os.access(file := f"{folder}/bash", os.X_OK)), "/bin/bash")
    return [program, "-p", "-c", text]


def absolute(path: str) -> str:
    """PATH without relative and empty entries: what those lead to depends on the current folder, which may be anybody's."""
    return os.pathsep.join([folder for folder in path.split(os.pathsep) if folder.startswith("/")]) or os.defpath


def own_environment() -> dict[str, str]:
    """What programs get that work for this process, and not for a job."""
    return {**os.environ, "PATH": absolute(os.environ.get("PATH", ""))}


def master_of(host: Host, limit: float = QUICK_TIMEOUT_S) -> Master | None:
    """The connection that calls of `host` share, as far as that is known within `limit` seconds; None where each has its own, or the
    user's configuration says how they share."""
    if not host.ssh or not host.share or SAID.search(host.ssh):
        return None
    folder = Path(paths.run())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    # All that ssh goes by is in the name: where one word of it changes, another connection is made.
    shown = configuration(host, limit)
    socket = folder / f"ssh-{digest((host.ssh + shown).encode('utf-8', 'surrogateescape'), 16)}"
    ours = found.st_uid == os.getuid() and found.st_mode & 0o170077 == 0o040000
    fits = len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES and not set(str(socket)) & set(
        "%$"
    )  # which ssh would read
    free = "\ncontrolmaster false\n" in shown and "\ncontrolpath " not in shown
    if not (ours and fits and free):
        return None
    return Master(socket, greets(socket, limit))


def configuration(host: Host, limit: float = QUICK_TIMEOUT_S) -> str:
    """What `ssh -G` prints of the options for `host`; empty when it fails, for this machine, and after `limit` seconds."""
    if not host.ssh:
        return ""
    asked, null = bash(f"exec ssh -G {host.ssh}"), subprocess.DEVNULL
    try:
        shown = subprocess.run(
            asked,
            stdin=null,
            stdout=subprocess.PIPE,
            stderr=null,
            timeout=limit,
            process_group=0,
            env=own_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if shown.returncode else shown.stdout.decode("utf-8", "surrogateescape")


def ssh(arguments: Sequence[str], reads: bool) -> NoReturn:
    """Becomes ssh with these arguments; unless it `reads`, with nothing on its standard input."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvpe("ssh", ["ssh", *([] if reads else ["-n"]), *arguments], own_environment())  # noqa: S606


def greets(path: Path, limit: float) -> bool:
    """Whether a master answers at a socket. One that hangs is taken away; one that is gone ssh itself takes away."""
    from socket import AF_UNIX, socket

    with socket(AF_UNIX) as client:
        client.settimeout(limit)
        try:
            client.connect(str(path))
            return bool(client.recv(1))
        except TimeoutError:
            leave(path)
            return False
        except OSError:
            return False


def leave(path: Path) -> None:
    """Takes a socket away: the next call makes another. What goes through its master goes on."""
    with suppress(OSError):
        path.unlink()


def run(
    host: Host,
    script: str,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    again: bool = False,
    alone: bool = False,
    heard: Callable[[bytes], bool] | None = None,
) -> Done:
    """Runs `script` on `host` to its end. Raises Timeout (seconds), OSError when ssh or the folder is missing.

    `again`: the script only reads, and is sent once more where a connection that was there turns out to be broken. `alone`: over
    a connection of its own. `heard` is given all that the script has written whenever that is more; where it says so,
    its time limit starts over.
    """
    end = time.monotonic() + timeout
    master = None if alone else master_of(host, min(QUICK_TIMEOUT_S, timeout / 4))

    def once() -> Done:
        with started(host, master, env, cwd) as (process, errors):
            raw = script.encode("utf-8", "surrogateescape")
            stdout = (
                listened(process, raw, timeout, heard) if heard else process.communicate(raw, end - time.monotonic())[0]
            )
            return Done(process.returncode, stdout, whole(errors))

    try:
        done = once()
        if again and master and master.there and done.code == SSH_FAILED:
            leave(master.socket)
            done = once()
    except subprocess.TimeoutExpired as error:
        if master:
            leave(master.socket)  # its link may be dead; where the host was only slow, a new one is made
        raise Timeout(f"{host.name} did not answer within {timeout:g} s", error.stdout or b"") from None
    return done


def feed(
    host: Host,
    script: str,
    data: Iterable[bytes],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    heard: Callable[[bytes], bool],
) -> Done:
    """Runs `script` on `host` with `data` on its standard input, handed on as it comes. An exception that `data` raises ends it.

    It has `timeout` seconds to end once it has all; `heard` as for `run`. Raises Timeout, OSError as `run` does.
    """
    raw = script.encode("utf-8", "surrogateescape")
    with started(host, master_of(host), env, cwd, len(raw)) as (process, errors):
        assert process.stdin
        try:
            process.stdin.write(raw)
            for chunk in data:
                process.stdin.write(chunk)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # its answer says why it has ended
        try:
            stdout = listened(process, b"", timeout, heard)
        except subprocess.TimeoutExpired as error:
            raise Timeout(f"{host.name} did not answer within {timeout:g} s", error.stdout or b"") from None
        return Done(process.returncode, stdout, whole(errors))


def listened(process: subprocess.Popen[bytes], data: bytes, timeout: float, heard: Callable[[bytes], bool]) -> bytes:
    """What a process writes that is given `data`; `heard` as for `run`. Raises subprocess.TimeoutExpired."""
    end, count, given = time.monotonic() + timeout, 0, data or None
    while True:
        try:
            return process.communicate(given, min(0.5, timeout))[0]
        except subprocess.TimeoutExpired as error:
            given = None
            said = error.stdout or b""
            if len(said) > count and heard(said):
                end = time.monotonic() + timeout
            elif time.monotonic() >= end:
                raise
            count = len(said)


def detached(arguments: list[str]) -> None:
    """Starts a program that goes on by itself, whatever becomes of this process; it has no standard input or output."""
    null = subprocess.DEVNULL
    subprocess.Popen(arguments, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True)


@contextmanager
def stream(host: Host, script: str) -> Iterator[Stream]:
    """Runs `script` on `host` and gives its output while it runs; leaving the context ends it."""
    with started(host, master_of(host), None, None) as (process, errors):
        assert process.stdin
        assert process.stdout
        try:
            with process.stdin as stdin:
                stdin.write(script.encode("utf-8", "surrogateescape"))
        except BrokenPipeError:
            pass  # the exit status says what happened
        yield Stream(process.stdout, process, errors)


@contextmanager
def started(
    host: Host, master: Master | None, env: Mapping[str, str] | None, cwd: Path | None, fed: int = 0
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """What runs a script from its standard input, and the file of its errors; leaving the context ends it.

    Errors go to a file, since what ssh leaves in the background (an older master, the ProxyCommand of one) may hold them open:
    a pipe of them would not end before it.
    """
    with errors_file() as errors:
        # In a process group of its own: Ctrl-C is for the one who waits, not for the ssh that carries the answer.
        with STARTING:
            process = subprocess.Popen(
                command(host, master, fed),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=own_environment() if env is None else dict(env),
                cwd=cwd,
                process_group=0,
            )
            RUNNING.add(process)
        if fed and process.stdin and hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # EPERM: the user's pipes hold as much as they may (pipe-user-pages-soft)
                fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, 1 << 20)
        try:
            yield process, errors
        finally:
            stop(process)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()


def errors_file() -> IO[bytes]:
    """A file that is gone with whoever has it open; in memory, where there are such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b", buffering=0)
    from tempfile import TemporaryFile

    return TemporaryFile(buffering=0)


def whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


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
