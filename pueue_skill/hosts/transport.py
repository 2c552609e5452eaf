"""Runs scripts on this machine or on a host: a sh script goes in on stdin; its exit code, stdout and stderr come back.

The only module that starts processes. It knows OpenSSH, not queues: it connects as the user's own ssh configuration says, never prompts for
a password, and gives up after a time limit. Commands to the same host share one ssh connection (ControlMaster), whose master process ends
by itself; a user's own sharing settings hold. A broken shared connection slows a command down, but never changes its result, and never
makes a script that changes something run twice.
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

from pueue_skill.shell import quote
from pueue_skill.shell.model import KEEP_SHELL, Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex
from pueue_skill.state import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO, NoReturn

SSH_FAILED = 255
"""ssh's own exit status for a failed connection; a script that ran never returns it."""

SSH = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"

# ssh uses the first value of an option: with these, a dead connection is noticed within the time limit of an answer. A tunnel from the
# user's configuration would stay open as long as the master process.
SHARED = "-o ControlMaster=auto -o ControlPersist=60 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o ClearAllForwardings=yes"
SHARING_OPTIONS = regex(r"(?i)control(master|path|persist)|(?<!\S)-[a-z0-9]*[SM]")
"""ssh options about shared connections. `ssh -G` prints those of a configuration file."""

MAX_SOCKET_PATH_BYTES = 104 - 1 - len(".0123456789abcdef")
"""The longest path of a socket: macOS allows 103 bytes, and ssh first creates it with a longer name."""

QUICK_TIMEOUT_S = 2.0
"""A time limit for what takes milliseconds: `ssh -G`, and the greeting of a master process that is not stopped."""

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
    """The host or its queue did not answer in time; `stdout` is what it had written by then."""

    def __init__(self, message: str, stdout: bytes) -> None:
        super().__init__(message)
        self.stdout = stdout


class Stream(NamedTuple):
    """A running script: its stdout as it arrives, and its end."""

    stdout: IO[bytes]
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def read(self, timeout: float) -> bytes | None:
        """Return what has arrived: empty at the end, None when nothing arrived for `timeout` seconds."""
        ready, _, _ = select.select([self.stdout], [], [], timeout)
        return os.read(self.stdout.fileno(), 1 << 16) if ready else None

    def finish(self) -> Done:
        code = self.process.wait()
        return Done(code, b"", read_all(self.errors))


class SharedConnection(NamedTuple):
    """The connection that commands to one host share (ControlMaster): its socket, and whether it existed before."""

    socket: Path
    existed: bool = False


def command(host: Host, master: SharedConnection | None, script_bytes: int = 0) -> list[str]:
    """Return the command that runs a script from stdin on `host`.

    With `script_bytes`, only so many bytes of stdin are the script, which reads the rest: sh may read more of its script than it has run, so
    otherwise a script cannot share stdin with the programs that it runs. The ssh arguments of a host are shell text (an option may contain `~`
    or a variable, as the user wrote it), so bash reads them.
    """
    text = f'eval "$(dd bs=1 count={script_bytes} 2>/dev/null)"'
    if not host.ssh:
        return ["/bin/sh", "-c", text] if script_bytes else ["/bin/sh", "-s"]
    shared = f"-S {quote.word(str(master.socket))} {SHARED} " if master else ""
    script = quote.nested(
        f"sh -c {quote.word(text)}{KEEP_SHELL}" if script_bytes else f"sh -s{KEEP_SHELL}", 1 + host.hops
    )
    return bash(f"exec ssh {shared}{SSH} {host.ssh} {script}")


def bash(text: str) -> list[str]:
    """Return the command that runs a line of bash, without BASH_ENV, whose relative path would be looked up in the current folder."""
    folders = absolute(os.environ.get("PATH", "")).split(os.pathsep)
    program = next((file for folder in folders if os.access(file := f"{folder}/bash", os.X_OK)), "/bin/bash")
    return [program, "-p", "-c", text]


def absolute(path: str) -> str:
    """Return PATH without relative and empty entries, whose programs depend on the current folder."""
    return os.pathsep.join([folder for folder in path.split(os.pathsep) if folder.startswith("/")]) or os.defpath


def clean_environment() -> dict[str, str]:
    """Return the environment of programs that work for this process, not for a job."""
    return {**os.environ, "PATH": absolute(os.environ.get("PATH", ""))}


def shared_connection(host: Host, limit: float = QUICK_TIMEOUT_S) -> SharedConnection | None:
    """Return the connection that commands to `host` share, or None if each has its own or the user's ssh configuration says how they share.

    `limit` is in seconds.
    """
    if not host.ssh or not host.share or SHARING_OPTIONS.search(host.ssh):
        return None
    from pathlib import Path  # not for the queue of this machine

    folder = Path(paths.run())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    # The name covers all settings of ssh: when one changes, a new connection is opened.
    settings = ssh_configuration(host, limit)
    socket = folder / f"ssh-{digest((host.ssh + settings).encode('utf-8', 'surrogateescape'), 16)}"
    ours = status.st_uid == os.getuid() and status.st_mode & 0o170077 == 0o040000
    fits = len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES and not set(str(socket)) & set(
        "%$"
    )  # characters that ssh expands
    free = "\ncontrolmaster false\n" in settings and "\ncontrolpath " not in settings
    if not (ours and fits and free):
        return None
    return SharedConnection(socket, is_answering(socket, limit))


def ssh_configuration(host: Host, limit: float = QUICK_TIMEOUT_S) -> str:
    """Return what `ssh -G` prints for `host`; empty for this machine, and when it fails or takes longer than `limit` seconds."""
    if not host.ssh:
        return ""
    words, null = bash(f"exec ssh -G {host.ssh}"), subprocess.DEVNULL
    try:
        done = subprocess.run(
            words,
            stdin=null,
            stdout=subprocess.PIPE,
            stderr=null,
            timeout=limit,
            process_group=0,
            env=clean_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "surrogateescape")


def ssh(arguments: Sequence[str], reads: bool) -> NoReturn:
    """Replace this process by ssh with these arguments; unless ssh `reads`, with /dev/null as stdin."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvpe("ssh", ["ssh", *([] if reads else ["-n"]), *arguments], clean_environment())  # noqa: S606


def is_answering(path: Path, limit: float) -> bool:
    """Return whether a master process answers on a socket. The socket of one that hangs is removed; ssh itself removes that of a dead one."""
    from socket import AF_UNIX, socket

    with socket(AF_UNIX) as client:
        client.settimeout(limit)
        try:
            client.connect(str(path))
            return bool(client.recv(1))
        except TimeoutError:
            remove_socket(path)
            return False
        except OSError:
            return False


def remove_socket(path: Path) -> None:
    """Remove a socket, so that the next command opens a connection. Commands that use the old one continue."""
    with suppress(OSError):
        path.unlink()


def run(
    host: Host,
    script: str,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    read_only: bool = False,
    new_connection: bool = False,
    on_output: Callable[[bytes], bool] | None = None,
) -> Done:
    """Run `script` on `host` to its end and return its result. `timeout` is in seconds. Raises Timeout, and OSError when ssh or `cwd` is missing.

    `read_only`: the script only reads, so it is sent once more if an existing shared connection turns out to be broken.
    `new_connection`: do not use a shared connection. `on_output` is called with all of stdout whenever there is more; when it returns True,
    the time limit starts over.
    """
    end = time.monotonic() + timeout
    master = None if new_connection else shared_connection(host, min(QUICK_TIMEOUT_S, timeout / 4))

    def once() -> Done:
        with running_script(host, master, env, cwd) as (process, errors):
            raw = script.encode("utf-8", "surrogateescape")
            stdout = (
                exchange(process, raw, timeout, on_output)
                if on_output
                else process.communicate(raw, end - time.monotonic())[0]
            )
            return Done(process.returncode, stdout, read_all(errors))

    try:
        done = once()
        if read_only and master and master.existed and done.code == SSH_FAILED:
            remove_socket(master.socket)
            done = once()
    except subprocess.TimeoutExpired as error:
        if master:
            remove_socket(master.socket)  # it may be dead; if the host was only slow, a new one is opened
        raise Timeout(f"{host.name} did not answer within {timeout:g} s", error.stdout or b"") from None
    return done


def feed(
    host: Host,
    script: str,
    data: Iterable[bytes],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    on_output: Callable[[bytes], bool],
) -> Done:
    """Run `script` on `host` with `data` as its stdin, passed on as it arrives. An exception raised by `data` ends the script.

    The script has `timeout` seconds to end once it has all data; `on_output` as for `run`. Raises Timeout and OSError as `run` does.
    """
    raw = script.encode("utf-8", "surrogateescape")
    with running_script(host, shared_connection(host), env, cwd, len(raw)) as (process, errors):
        assert process.stdin
        try:
            process.stdin.write(raw)
            for chunk in data:
                process.stdin.write(chunk)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # its answer says why it ended
        try:
            stdout = exchange(process, b"", timeout, on_output)
        except subprocess.TimeoutExpired as error:
            raise Timeout(f"{host.name} did not answer within {timeout:g} s", error.stdout or b"") from None
        return Done(process.returncode, stdout, read_all(errors))


def exchange(
    process: subprocess.Popen[bytes], data: bytes, timeout: float, on_output: Callable[[bytes], bool]
) -> bytes:
    """Write `data` to a process and return its stdout; `on_output` as for `run`. Raises subprocess.TimeoutExpired."""
    end, count, given = time.monotonic() + timeout, 0, data or None
    while True:
        try:
            return process.communicate(given, min(0.5, timeout))[0]
        except subprocess.TimeoutExpired as error:
            given = None
            stdout = error.stdout or b""
            if len(stdout) > count and on_output(stdout):
                end = time.monotonic() + timeout
            elif time.monotonic() >= end:
                raise
            count = len(stdout)


def start_detached(arguments: list[str]) -> None:
    """Start a program that outlives this process, without stdin or output."""
    null = subprocess.DEVNULL
    subprocess.Popen(arguments, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True)


@contextmanager
def stream(host: Host, script: str) -> Iterator[Stream]:
    """Run `script` on `host` and provide its stdout while it runs; leaving the context ends it."""
    with running_script(host, shared_connection(host), None, None) as (process, errors):
        assert process.stdin
        assert process.stdout
        try:
            with process.stdin as stdin:
                stdin.write(script.encode("utf-8", "surrogateescape"))
        except BrokenPipeError:
            pass  # the exit status says what happened
        yield Stream(process.stdout, process, errors)


@contextmanager
def running_script(
    host: Host,
    master: SharedConnection | None,
    env: Mapping[str, str] | None,
    cwd: str | Path | None,
    script_bytes: int = 0,
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start the process that runs a script from its stdin, and provide it with the file of its stderr; leaving the context ends it.

    stderr goes to a file: a process that ssh leaves in the background (an older master process, its ProxyCommand) may keep a pipe open.
    """
    with errors_file() as errors:
        # In a separate process group: Ctrl-C is meant for the command that waits, not for the ssh that carries the answer.
        with STARTING:
            process = subprocess.Popen(
                command(host, master, script_bytes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=clean_environment() if env is None else dict(env),
                cwd=cwd,
                process_group=0,
            )
            RUNNING.add(process)
        if script_bytes and process.stdin and hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # EPERM: the user's limit of pipe buffers is reached (pipe-user-pages-soft)
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
    """Open a file that vanishes with its last user; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b", buffering=0)
    from tempfile import TemporaryFile

    return TemporaryFile(buffering=0)


def read_all(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a running script with its children."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        process.wait()
    RUNNING.discard(process)


def stop_all() -> None:
    """End all running scripts, for a process that exits at once: no script can be started from here on."""
    STARTING.acquire(timeout=3)
    for process in list(RUNNING):
        stop(process)
