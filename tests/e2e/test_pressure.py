"""Concurrent submissions, locks held by live and dead processes, and restarted daemons: on real queues, local and over ssh."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from real import Daemon, Host, Lab, descendants, kill, local, masters, processes, until

pytestmark = pytest.mark.timeout(600)

MANY = 40


@pytest.fixture(scope="module")
def pressed() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    kill(masters(lab.root))
    lab.close()


@pytest.fixture(scope="module")
def here(pressed: Lab) -> Iterator[Daemon]:
    daemon = local(pressed)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def usual(pressed: Lab) -> Iterator[Host]:
    """A host whose sshd has its default limits."""
    host = Host(pressed, "usual", {"default": 4}, limits="MaxStartups 10:30:100\nMaxSessions 10")
    yield host
    host.stop()


@pytest.fixture(params=["local", pytest.param("usual", marks=pytest.mark.long)])
def queue(request: pytest.FixtureRequest, here: Daemon) -> Iterator[tuple[str, Daemon]]:
    """The name of a host, and its running daemon, which has no jobs after the test."""
    daemon: Daemon = here if request.param == "local" else request.getfixturevalue("usual")
    yield request.param, daemon
    kill([run.process.pid for run in Run.started if run.process.poll() is None])
    Run.started.clear()
    if not daemon.answers():
        daemon.again()
    daemon.pueue("start", "--all")
    daemon.remove(daemon.tasks())


class Run:
    """`pueue-skill WORD...` as a running process; its output is available while it runs."""

    started: ClassVar[list[Run]] = []

    def __init__(self, env: dict[str, str], *words: str) -> None:
        self.process = subprocess.Popen(
            ["pueue-skill", *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(self)
        self.said = ""
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stderr
        with self.process.stderr as said:
            for line in said:
                self.said += line

    def says(self, text: str) -> None:
        until(lambda: text in self.said or self.process.poll() is not None, repr(text), 60)
        assert text in self.said

    def end(self) -> tuple[int, str]:
        """Return the exit code and output."""
        assert self.process.stdout
        with self.process.stdout as output:
            text = output.read()
        self.listener.join()
        return self.process.wait(), text


def test_concurrent_submissions_are_all_queued_and_reported(queue: tuple[str, Daemon]) -> None:
    host, daemon = queue
    runs = [
        Run(daemon.lab.env | daemon.env, "run", "--host", host, "--follow", "--", f"echo {n}; exit {n % 3}")
        for n in range(MANY)
    ]
    found = [run.end() for run in runs]
    assert found == [(n % 3, f"{n}\n") for n in range(MANY)], Counter([run.said for run in runs])
    assert len(daemon.tasks()) == MANY
    assert not any("not known" in run.said for run in runs)


class Held:
    """A process that holds the lock of a queue until it is killed."""

    def __init__(self, daemon: Daemon) -> None:
        folder = daemon.home if daemon.home.name == "local" else daemon.home / ".local/share/pueue"
        text = "exec 9>>$1/pueue-skill.lock; flock 9; echo held; exec sleep 300"
        self.process = subprocess.Popen(["sh", "-c", text, "sh", str(folder)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def die(self) -> None:
        assert self.process.stdout
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_waiting_for_the_lock_is_reported(queue: tuple[str, Daemon]) -> None:
    """The kernel releases the lock of a process that dies."""
    host, daemon = queue
    holder = Held(daemon)
    run = Run(daemon.env, "run", "--host", host, "--follow", "--", "echo out; exit 7")
    run.says("waiting for 1 other submission\n")
    assert daemon.tasks() == {}
    holder.die()
    assert run.end() == (7, "out\n")


def test_actions_wait_for_the_lock(queue: tuple[str, Daemon]) -> None:
    host, daemon = queue
    id = daemon.pueue("add", "--print-task-id", "--", "sleep 300")
    until(lambda: "Running" in daemon.tasks()[int(id)]["status"], "the task")
    holder = Held(daemon)
    verb = (
        Run(daemon.env, "kill", f"{host}:{id}") if host == "local" else Run(configured(daemon), "kill", f"{host}:{id}")
    )
    until(lambda: waiters(daemon) or verb.process.poll() is not None, "one that waits", 60)
    assert waiters(daemon), verb.said
    holder.die()
    assert verb.end()[0] == 0, verb.said
    assert daemon.result(id) == "Killed"


def configured(daemon: Daemon) -> dict[str, str]:
    folder = daemon.lab.client / ".config/pueue-skill"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text("[hosts.usual]\n")
    return daemon.env


def waiters(daemon: Daemon) -> list[int]:
    """Return the processes of flock that wait for a lock of the lab."""
    found = []
    for pid, (_, name) in processes().items():
        if name == "flock":
            try:
                if os.fsencode(daemon.lab.root) in Path(f"/proc/{pid}/environ").read_bytes():
                    found.append(pid)
            except OSError:
                pass
    return found


def test_an_interrupted_wait_for_the_lock_queues_nothing(queue: tuple[str, Daemon]) -> None:
    """Its remaining script on the host, whose output nobody reads, queues nothing either."""
    host, daemon = queue
    holder = Held(daemon)
    run = Run(daemon.env, "run", "--host", host, "--follow", "--", "true")
    run.says("waiting for 1 other submission\n")
    run.process.send_signal(signal.SIGINT)
    assert run.end()[0] == 130
    shells = [holder.process.pid]
    until(lambda: not [pid for pid in lock_shells(daemon) if pid not in shells], "the end of its shell there")
    holder.die()
    until(lambda: not waiters(daemon), "no waiter")
    assert daemon.tasks() == {}


def lock_shells(daemon: Daemon) -> list[int]:
    """Return the shells of the lab that have the lock's file open."""
    found = []
    for pid, (_, name) in processes().items():
        if name in ("sh", "dash", "bash"):
            try:
                files = [file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()]
                if any(file.name == "pueue-skill.lock" and file.is_relative_to(daemon.lab.root) for file in files):
                    found.append(pid)
            except OSError:
                pass
    return found


@pytest.mark.parametrize("queue", ["local"], indirect=True)  # a host has the programs of the system
def test_without_flock_perl_takes_the_lock(queue: tuple[str, Daemon], tmp_path: Path) -> None:
    _, daemon = queue
    for folder in ("/bin", "/usr/bin", "/usr/local/bin", daemon.lab.bin, Path(sys.executable).parent):
        for program in Path(folder).iterdir():
            if program.name != "flock" and not (tmp_path / program.name).exists():
                (tmp_path / program.name).symlink_to(program)
    env = daemon.env | {"PATH": str(tmp_path)}
    holder = Held(daemon)
    run = Run(env, "run", "--follow", "--", "exit 7")
    run.says("waiting for 1 other submission\n")
    holder.die()
    assert run.end()[0] == 7
    key = f"perl-{os.getpid()}"
    racers = [Run(env, "run", "--key", key, "--follow", "--", f"echo ran >>{tmp_path}/ran") for _ in range(4)]
    assert [racer.end()[0] for racer in racers] == [0] * 4
    assert (tmp_path / "ran").read_text() == "ran\n"


def follows(run: Run, daemon: Daemon) -> bool:
    """Return whether the script that follows a job has reached its first pause."""
    sshd = [daemon.sshd.pid] if isinstance(daemon, Host) else []
    table = processes()
    return any(table.get(pid, (0, ""))[1] == "sleep" for one in [run.process.pid, *sshd] for pid in descendants(one))


WAYS = {"run": ("run", "--follow", "--"), "wait": ("wait",), "log": ("log", "--follow")}


def follower(way: str, host: str, daemon: Daemon, command: str) -> Run:
    """Commands that submit and follow a job, or follow an existing one."""
    env = configured(daemon)
    if way == "run":
        return Run(env, "run", "--host", host, "--follow", "--", command)
    done = subprocess.run(
        ["pueue-skill", "run", "--host", host, "--detach", "--", command], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return Run(env, *WAYS[way], done.stdout.strip())


def stopped(daemon: Daemon, how: str) -> None:
    """End the daemon: as an administrator does, which ends its jobs, or by kill -9, which they survive."""
    assert daemon.daemon
    if how == "stop":
        daemon.lab.end(daemon.daemon)
    else:
        kill([daemon.daemon.pid])
        daemon.daemon.wait()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_running_job_whose_daemon_is_restarted(queue: tuple[str, Daemon], way: str, how: str, tmp_path: Path) -> None:
    """The outcome is the one that the queue reports afterwards: the daemon killed the job, or it died with the daemon."""
    host, daemon = queue
    run = follower(way, host, daemon, f"echo $$ >{tmp_path}/pid; exec sleep 300")
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the job")
    pid = int((tmp_path / "pid").read_text())
    until(lambda: follows(run, daemon), "its pause", 60)
    stopped(daemon, how)
    if how == "crash":
        run.says("trying again")
    daemon.again()
    assert run.end()[0] == 137, run.said
    assert "was killed in the queue, or its daemon ended" in run.said
    if how == "crash":
        kill([pid])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_queued_job_whose_daemon_is_restarted(queue: tuple[str, Daemon], way: str, how: str, tmp_path: Path) -> None:
    """The job runs once its group is started, which is paused after the restart, and that is reported."""
    host, daemon = queue
    daemon.pueue("pause", "--group", "default")
    run = follower(way, host, daemon, f"echo ran >>{tmp_path}/ran; echo out; exit 7")
    until(lambda: follows(run, daemon), "its pause", 60)
    stopped(daemon, how)
    run.says("trying again")
    daemon.again()
    run.says("waits until it is started")
    assert run.process.poll() is None
    daemon.pueue("start", "--all")
    assert run.end() == (7, "" if way == "wait" else "out\n"), run.said
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_submission_waits_for_a_restarting_daemon(queue: tuple[str, Daemon]) -> None:
    host, daemon = queue
    stopped(daemon, "stop")
    run = Run(daemon.env, "run", "--host", host, "--follow", "--", "exit 7")
    run.says("trying again")
    daemon.again()
    assert run.end()[0] == 7, run.said


def test_a_submission_to_a_stopped_daemon_queues_nothing(queue: tuple[str, Daemon]) -> None:
    host, daemon = queue
    stopped(daemon, "stop")
    run = Run(daemon.env, "run", "--host", host, "--follow", "--", "exit 7")
    assert run.end()[0] == 125
    assert "not queued: the daemon of" in run.said
    assert "not known" not in run.said
