"""The real parts that tests use: pueue daemons and ssh hosts, private to one test session, and their cleanup.

Everything is below one short folder in /tmp (the path of a unix socket has at most 107 bytes), has that folder in its environment, and is
ended by process ID. If a program is not installed, the tests that need it are skipped, or fail if PUEUE_SKILL_REQUIRE_ALL is set.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import get_pueue
import pytest

T = TypeVar("T")
Text = subprocess.CompletedProcess[str]

REQUIRE_ALL = bool(os.environ.get("PUEUE_SKILL_REQUIRE_ALL"))
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"


SYSTEM_FOLDERS = [Path("/usr/bin"), Path("/usr/local/bin"), Path("/opt/homebrew/bin")]
"""System folders in which every host on this machine would find pueue."""

HIDE = """cd "$1" && shift && mount -t tmpfs memory "$PWD" && cd "$PWD" || exit
while [ "$1" != -- ]; do
  layer=$(mktemp -d -p "$PWD") && mkdir "$layer/new" "$layer/work" || exit
  mount -t overlay pueue-less -o "lowerdir=$1,upperdir=$layer/new,workdir=$layer/work" "$1" || exit
  rm -f "$1/pueue" "$1/pueued"
  shift
done
shift
exec "$@"
"""
"""Runs a command in a mount namespace in which some folders contain no pueue; $1 is a folder for the overlays."""

pueue_folder = functools.cache(get_pueue.find)


def without_pueue(scratch: Path, *command: str | Path) -> list[str | Path]:
    """Return a command that runs `command` with no pueue in the system's folders, whether this machine has one there or not.

    `scratch` is an empty folder. Needs root; hosts of other users see that pueue.
    """
    there = [folder for folder in SYSTEM_FOLDERS if (folder / "pueue").exists() or (folder / "pueued").exists()]
    if not there or os.getuid():
        return [*command]
    enter = [real("unshare"), "--mount", "--propagation", "private", "sh", "-c", HIDE, "sh"]
    return [*enter, scratch, *there, "--", *command]


def real(name: str) -> str:
    """Return the path of a program. Without it the test is skipped, or fails if PUEUE_SKILL_REQUIRE_ALL is set."""
    if name in ("pueue", "pueued"):
        folder = pueue_folder()
        found = str(folder / name) if folder else None
    else:
        found = shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM_PATH}")
    if found:
        return found
    if REQUIRE_ALL:
        pytest.fail(f"{name} is missing, and PUEUE_SKILL_REQUIRE_ALL is set")
    pytest.skip(f"{name} is missing")


def until(question: Callable[[], T], what: str, seconds: float = 30, longest_pause: float = 0.3) -> T:
    """Return the first true answer. Raises TimeoutError after `seconds`.

    The pause after a question is twice as long as the question took (in seconds, at most `longest_pause`), because a question that starts
    programs slows down the work that it waits for.
    """
    limit = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if answer := question():
            return answer
        ended = time.monotonic()
        if ended > limit:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(min(max(0.02, 2 * (ended - began)), longest_pause))


def processes() -> dict[int, tuple[int, str]]:
    """Return the parent and program name of every process except zombies."""
    if Path("/proc/self/stat").exists():  # a slim Debian has no ps
        rows = []
        for folder in Path("/proc").glob("[0-9]*"):  # a pattern with more in it fails when one ends meanwhile
            with contextlib.suppress(OSError):
                head, _, tail = (folder / "stat").read_text(errors="replace").rpartition(")")
                state, parent, *_ = tail.split()
                rows.append([folder.name, parent, state, head.partition("(")[2]])
    else:
        ps = ["ps", "-A", "-o", "pid=,ppid=,state=,comm="]
        listing = subprocess.run(ps, capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 3) for line in listing.splitlines()]
    return {int(pid): (int(parent), Path(name).name) for pid, parent, state, name in rows if state[0] != "Z"}


def descendants(pid: int) -> list[int]:
    table = processes()
    found = [pid]
    for one in found:
        found += [child for child, (parent, _) in table.items() if parent == one]
    return found[1:]


def strays(root: Path) -> list[int]:
    """Return the processes with their folder below `root` or with `root` in their environment (Linux only)."""
    found = []
    for pid in processes():
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{pid}")
            if (folder / "cwd").readlink().is_relative_to(root) or os.fsencode(root) in (
                folder / "environ"
            ).read_bytes():
                found.append(pid)
    return found


def masters(root: Path) -> list[int]:
    """Return ssh's shared connections with a socket below `root`, by their titles; they end by themselves after a minute."""
    found = []
    for pid, (_, name) in processes().items():
        with contextlib.suppress(OSError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            if name == "ssh" and b"[mux]" in title and os.fsencode(root) in title:
                found.append(pid)
    return found


def kill(pids: Iterable[int]) -> None:
    pids = set(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not pids & set(processes()), f"the end of {pids}")


class Lab:
    """The folder of one test session: the client's files, and all processes that the session started."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="pq-", dir="/tmp")).resolve()
        self.client = self.root / "client"
        self.bin = self.client / "bin"
        self.bin.mkdir(parents=True)
        (self.client / "run").mkdir(mode=0o700)
        (self.client / ".ssh").mkdir(mode=0o700)
        self.started: list[subprocess.Popen[bytes]] = []
        self.env = {
            "HOME": str(self.client),
            "USER": getpass.getuser(),
            "LOGNAME": getpass.getuser(),
            "SHELL": real("bash"),
            "LANG": "C.UTF-8",
            # The command pueue-skill is in the interpreter's folder.
            "PATH": f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(self.client / "run"),
            "PUEUE_SKILL_HOOK_LIMIT": "30",  # as in conftest
        }

    def program(self, name: str) -> Path:
        """Return the path of a copy of pueue or pueued, since hosts may not see the original folder."""
        copy = self.root / "programs" / name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(real(name), copy)
        return copy

    def key(self) -> Path:
        """Return the client's ssh key, which is created at the first use, with an `ssh` on the client's PATH."""
        key = self.client / ".ssh/id"
        if not key.exists():
            subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            shim = self.bin / "ssh"  # ssh itself would read the config of the home that the passwd file names
            shim.write_text(f'#!/bin/sh\nexec {real("ssh")} -F {self.client}/.ssh/config "$@"\n')
            shim.chmod(0o755)
        return key

    def key_of(self, host: str, key: Path) -> None:
        """Create a host key that the client knows."""
        subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with (self.client / ".ssh/known_hosts").open("a") as file:
            file.write(f"{host} {key.with_suffix('.pub').read_text()}")

    def knows(self, host: str, reached: str) -> None:
        """Add a host to the client's ssh configuration, or replace the host of that name."""
        ssh = self.client / ".ssh"
        config = ssh / "config"
        others = re.sub(rf"(?m)^Host {re.escape(host)}\n(?: .*\n)*", "", config.read_text() if config.exists() else "")
        whole = ssh / "config.new"  # other processes are reading the old file
        whole.write_text(
            f"{others}Host {host}\n{reached} HostKeyAlias {host}\n IdentityFile {ssh}/id\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {ssh}/known_hosts\n GlobalKnownHostsFile /dev/null\n BatchMode yes\n ConnectTimeout 5\n"
        )
        whole.replace(config)

    def start(self, *command: str | Path, env: dict[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a process that this lab started, and its children."""
        below = descendants(process.pid)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        kill(below)

    def close(self, grace: float = 3) -> None:
        """Remove the folder; processes that still run after `grace` seconds are killed, and are an error."""
        left = {process.pid for process in self.started if process.poll() is None}
        kill(masters(self.root))
        with contextlib.suppress(TimeoutError):
            until(lambda: not strays(self.root), "processes to end", grace)
        table = processes()
        left |= set(strays(self.root)) & set(table)
        kill(left)
        shutil.rmtree(self.root)
        assert not left, f"left running: {[(pid, table[pid][1]) for pid in left]}"


class Daemon:
    """A separate pueued; `env` is the environment of its clients."""

    def __init__(self, lab: Lab, home: Path, env: dict[str, str], groups: dict[str, int]) -> None:
        self.lab, self.home, self.env = lab, home, env
        self.pueue_env = env
        self.pueue_path = str(lab.program("pueue"))
        self.log = home / "pueued.log"
        daemon = lab.start(lab.program("pueued"), env=env, cwd=home, log=self.log)
        until(lambda: self.answers() or daemon.poll() is not None, "pueued")
        assert daemon.poll() is None, self.log.read_text()
        self.daemon: subprocess.Popen[bytes] | None = daemon
        for group, slots in groups.items():
            if group == "default":
                self.pueue("parallel", "--group", group, str(slots))
            else:
                self.pueue("group", "add", "--parallel", str(slots), group)

    def run(self, *args: str) -> Text:
        command = [self.pueue_path, *args]
        return subprocess.run(command, env=self.pueue_env, cwd=self.home, capture_output=True, text=True, timeout=30)

    def answers(self) -> bool:
        return self.run("group", "--json").returncode == 0

    def pueue(self, *args: str) -> str:
        """Run `pueue ARGS`, and return its stdout."""
        done = self.run(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tasks(self) -> dict[int, dict[str, Any]]:
        return {int(task): state for task, state in json.loads(self.pueue("status", "--json"))["tasks"].items()}

    def status(self, task: int | str) -> str:
        """Return pueue's word for the status of a task, such as Queued, Running or Done."""
        (name,) = self.tasks()[int(task)]["status"]
        return str(name)

    def reaches(self, task: int | str, status: str, seconds: float = 30) -> None:
        """Wait until a task has this status; pueue starts and ends tasks in rounds of 0.3 s."""
        until(lambda: self.status(task) == status, f"task {task} {status}", seconds)

    def result(self, task: int | str, seconds: float = 30) -> Any:
        """Return the result of a task once it has ended: "Success", {"Failed": 7}, "Killed" …"""
        return until(lambda: self.tasks()[int(task)]["status"].get("Done"), f"task {task}", seconds)["result"]

    def crash(self, jobs: bool = True) -> None:
        """Kill the daemon, with `jobs` its jobs too, and start another with running groups."""
        assert self.daemon
        kill([self.daemon.pid, *(descendants(self.daemon.pid) if jobs else ())])
        self.daemon.wait()
        self.again()
        self.pueue("start", "--all")  # after a crash they come back paused

    def again(self) -> None:
        """Start another daemon after one has ended."""
        self.daemon = self.lab.start(self.lab.program("pueued"), env=self.pueue_env, cwd=self.home, log=self.log)
        until(self.answers, "pueued")

    def groups(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pueue("group", "--json"))
        return found

    def remove(self, tasks: Iterable[int]) -> None:
        """End tasks, and remove them from the queue."""
        if left := set(tasks):
            ids = [*map(str, left)]

            def gone() -> bool:
                self.run("kill", *ids)  # again: one that waited may have begun in the place of one that was killed
                self.run("remove", *ids)
                return not left & set(self.tasks())

            until(gone, f"no task of {left}")

    def remove_group(self, group: str) -> None:
        """End and remove the tasks of a group, then the group."""
        self.remove(id for id, task in self.tasks().items() if task["group"] == group)
        self.pueue("group", "remove", group)

    def stop(self) -> None:
        if self.daemon:
            self.lab.end(self.daemon)


def local(lab: Lab, **settings: Any) -> Daemon:
    """Return a daemon on the client's machine with all files below the lab's folder; `settings` are for the daemon in pueue.yml."""
    home = lab.root / "local"
    home.mkdir()
    config = home / "pueue.yml"
    shared = {"pueue_directory": str(home), "runtime_directory": str(home), "use_unix_socket": True}
    config.write_text(json.dumps({"shared": shared, "daemon": settings}))  # JSON is YAML
    for name in ("pueue", "pueued"):
        (lab.bin / name).symlink_to(lab.program(name))
    return Daemon(lab, home, lab.env | {"PUEUE_CONFIG_PATH": str(config)}, {"default": 4})


class Host(Daemon):
    """A host with an sshd and a pueued: over ssh the environment is minimal, and pueue is neither on PATH nor in the system's folders.

    The sshd runs as the user of the tests, on loopback, and gives the host a separate home. `env` is the client's: the `ssh` on its PATH
    knows the host by name. `path` is a folder at the front of the host's PATH, `login` are lines of sh at the beginning of every login, and
    `passed` are variables that the client sends. An `empty` host has neither pueue nor a daemon. `limits` are settings of the sshd, by
    default too high to matter.
    """

    def __init__(
        self,
        lab: Lab,
        name: str,
        groups: dict[str, int],
        shell: str = "bash",
        *,
        path: Path | None = None,
        login: str = "",
        passed: str = "",
        empty: bool = False,
        limits: str = "MaxStartups 100:30:200\nMaxSessions 100",
    ) -> None:
        self.name = name
        sshd, shell = real("sshd"), real(shell)
        if (lab.root / name).exists():  # a test that is run once more
            (lab.root / name).rename(lab.root / f"{name}.{time.time_ns()}")
        home, etc = lab.root / name / "home", lab.root / name / "etc"
        home.mkdir(parents=True)
        etc.mkdir()
        if not empty:
            (home / ".local/bin").mkdir(parents=True)
            for program in ("pueue", "pueued"):
                (home / ".local/bin" / program).symlink_to(lab.program(program))
        bare = {key: lab.env[key] for key in ("USER", "LOGNAME")}
        bare |= {"HOME": str(home), "SHELL": shell, "PATH": SYSTEM_PATH}

        key, self.config = lab.key(), lab.client / ".ssh/config"
        lab.key_of(name, etc / "key")
        script = etc / "login"
        script.write_text(
            f'#!/bin/bash\n{login}cd "$HOME" || exit\n'
            '[ -n "${SSH_ORIGINAL_COMMAND+x}" ] || exec "$SHELL" -l\n'
            "command=$SSH_ORIGINAL_COMMAND; unset SSH_ORIGINAL_COMMAND OLDPWD SHLVL _\n"
            'exec -a "${SHELL##*/}" "$SHELL" -c "$command"\n'  # under the name that sshd gives it
        )
        script.chmod(0o755)
        if os.getuid() == 0:  # the package's service makes it, and there need not be a service
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (etc / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {etc}/key\nPidFile none\nAuthorizedKeysFile {key}.pub\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"{limits}\nPrintMotd no\nPrintLastLog no\n"
            f"SetEnv HOME={home} SHELL={shell} PATH={f'{path}:' if path else ''}{SYSTEM_PATH}\nForceCommand {script}\n"
            + (f"AcceptEnv {passed}\n" if passed else "")
        )
        self.sshd_log = etc / "sshd.log"
        (etc / "scratch").mkdir()
        command = without_pueue(etc / "scratch", sshd, "-D", "-e", "-f", etc / "sshd_config")
        self.sshd = lab.start(*command, env=bare, cwd=home, log=self.sshd_log)
        reached = f" HostName 127.0.0.1\n Port {self.port}\n User {bare['USER']}\n"
        lab.knows(name, reached + (f" SendEnv {passed}\n" if passed else ""))
        until(lambda: self.sshd.poll() is not None or "listening on" in self.sshd_log.read_text(), "sshd")
        assert self.sshd.poll() is None, self.sshd_log.read_text()
        self.daemon = None
        if empty:
            self.lab, self.home, self.pueue_env, self.pueue_path = lab, home, bare, str(home / ".local/bin/pueue")
        else:
            super().__init__(lab, home, bare, groups)
        self.env = lab.env

    def ssh(self, command: str, **options: Any) -> Text:
        """Run `ssh NAME COMMAND` over a separate connection."""
        options = {"stdin": subprocess.DEVNULL, "timeout": 30} | options
        ssh: list[str | Path] = [self.lab.bin / "ssh", self.name, command]
        return subprocess.run(ssh, env=self.env, capture_output=True, text=True, **options)

    def kill_connections(self) -> int:
        """Kill every live connection, as a lost network or a crash would; return the number of processes."""
        table = processes()
        pids = [pid for pid in descendants(self.sshd.pid) if table.get(pid, (0, ""))[1].startswith("sshd")]
        kill(pids)
        return len(pids)

    def stop(self) -> None:
        self.kill_connections()
        self.lab.end(self.sshd)
        super().stop()
        kill(strays(self.home))
