"""Many hosts at once over shared connections: real sshds, and masters that are killed, stopped or the user's own.

Whatever happens to a connection, a command gets its answer, no host hides another's answer, and changes are not sent twice.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, Host, Lab, kill, masters, until

from pueue_skill.hosts import poll, transport
from pueue_skill.jobs import news
from pueue_skill.shell.model import Host as Where
from pueue_skill.state import reachability, sessions

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="masters are recognized by their titles in /proc"),
]
Text = subprocess.CompletedProcess[str]
names = (f"host{number}" for number in itertools.count(1))

HELD = """#!/bin/sh
echo "$1" >>"$HOME/calls"
if [ "$(cat "$HOME/hold" 2>/dev/null)" = "$1" ]; then
  touch "$HOME/held"
  while [ -e "$HOME/hold" ]; do sleep 0.02; done
fi
exec PUEUE "$@"
"""


class Client:
    """The client: its configuration, and its commands for a host without earlier queries."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.env = lab.env | {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
        self.sockets = lab.client / "run/pueue-skill"
        (folder / "config/pueue-skill").mkdir(parents=True)

    def configure(self, text: str) -> None:
        (self.folder / "config/pueue-skill/config.toml").write_text(text)

    def __call__(self, *words: str) -> Text:
        """Run a command until it has ended and no process holds its output open."""
        return subprocess.run(["pueue-skill", *words], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=90)  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(["pueue-skill", *words], env=self.env, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)  # fmt: skip

    def master(self) -> int:
        (found,) = masters(self.lab.root)
        return found


@pytest.fixture
def client(lab: Lab, tmp_path: Path) -> Iterator[Client]:
    kill(masters(lab.root))
    yield Client(lab, tmp_path)
    kill(masters(lab.root))


@pytest.fixture
def host(lab: Lab, client: Client) -> Iterator[Host]:
    """A host in the client's configuration. `calls` in its home has a line for each call of pueue; a call waits while its verb is in `hold`."""
    made = Host(lab, next(names), {"default": 4})
    program = made.home / ".local/bin/pueue"
    target = program.resolve()
    program.unlink()
    program.write_text(HELD.replace("PUEUE", str(target)))
    program.chmod(0o755)
    client.configure(f"[hosts.{made.name}]\n")
    yield made
    made.stop()


def connections(host: Host) -> int:
    return host.sshd_log.read_text().count("Accepted publickey")


def calls(host: Host, verb: str) -> int:
    file = host.home / "calls"
    return file.read_text().split().count(verb) if file.exists() else 0


def well(done: Text) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# One connection


def test_commands_share_one_connection_that_keeps_no_stream_open(client: Client, host: Host) -> None:
    for _ in range(3):
        well(client("status", host.name))
    assert client("run", "--host", host.name, "--follow", "--", "echo out; exit 3").stdout == "out\n"
    assert connections(host) == 1
    master = client.master()
    assert {str(Path(f"/proc/{master}/fd/{number}").readlink()) for number in range(3)} == {"/dev/null"}
    assert client.sockets.stat().st_mode & 0o777 == 0o700


def test_a_proxy_command_keeps_no_stream_open(client: Client, host: Host, lab: Lab, littleblack: Host) -> None:
    """The proxy command runs as long as the master."""
    client.configure(f"[hosts.{host.name}]\n[hosts.{littleblack.name}]\n")
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"Host {host.name}\n ProxyCommand {lab.bin}/ssh -o ControlPath=none -W %h:%p {littleblack.name}\n")
    for _ in range(2):
        well(client("status", host.name))
    assert connections(host) == 1


@pytest.mark.parametrize("how", ["configured", "folder open to others", "no room for its name", "said to ssh"])
def test_without_sharing_each_command_has_its_own_connection(
    client: Client, host: Host, how: str, tmp_path: Path
) -> None:
    if how == "configured":
        client.configure(f"[hosts.{host.name}]\nshare = false\n")
    elif how == "said to ssh":
        client.configure(f'[hosts.{host.name}]\nssh = "-o ControlMaster=no {host.name}"\n')
    else:
        place = tmp_path / ("x" * 100 if how.startswith("no room") else "run")
        (place / "pueue-skill").mkdir(parents=True)
        (place / "pueue-skill").chmod(0o755 if how.startswith("folder") else 0o700)
        client.env["XDG_RUNTIME_DIR"] = str(place)
    for _ in range(2):
        well(client("status", host.name))
    assert connections(host) == 2
    assert masters(client.lab.root) == []


def test_other_ssh_options_use_another_connection(client: Client, host: Host) -> None:
    client.configure(f'[hosts.{host.name}]\n[hosts.other]\nssh = "-o SendEnv=LANG {host.name}"\n')
    for name in (host.name, "other", host.name, "other"):
        well(client("status", name))
    assert connections(host) == 2


def test_the_users_own_shared_connection_is_used(client: Client, host: Host, lab: Lab) -> None:
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"Host {host.name}\n ControlMaster auto\n ControlPath {lab.client}/.ssh/%C\n ControlPersist 60\n")
    before = set(client.sockets.glob("*"))
    for _ in range(2):
        well(client("status", host.name))
    assert connections(host) == 1
    assert set(client.sockets.glob("*")) == before
    said = subprocess.run([lab.bin / "ssh", "-O", "check", host.name], env=client.env, capture_output=True, text=True)
    assert f"pid={client.master()}" in said.stderr


def test_a_shared_connection_opens_no_forwarding_of_the_user(client: Client, host: Host, lab: Lab) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with (lab.client / ".ssh/config").open("a") as config:
            config.write(f"Host {host.name}\n LocalForward {port} 127.0.0.1:1\n")
    well(client("status", host.name))
    assert client.master()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


# Masters that break


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_stopped_master_is_replaced(client: Client, host: Host, how: signal.Signals) -> None:
    well(client("status", host.name))
    master = client.master()
    os.kill(master, how)
    for _ in range(2):
        well(client("status", host.name))
    assert connections(host) == 2
    kill([master])


def test_a_query_is_repeated_when_the_master_is_killed(client: Client, host: Host) -> None:
    well(client("status", host.name))
    (host.home / "hold").write_text("status")
    before = calls(host, "status")
    with client.start("status", "--json", host.name) as asking:
        until((host.home / "held").exists, "the question", 30)
        kill([client.master()])
        (host.home / "hold").unlink()
        out, said = asking.communicate(timeout=60)
    assert (asking.returncode, said) == (0, "")
    assert json.loads(out)["hosts"][0]["reachable"]
    assert calls(host, "status") == before + 2


def test_a_change_is_not_repeated_when_the_master_is_killed(client: Client, host: Host) -> None:
    task = host.pueue("add", "-p", "--", "sleep 600")
    well(client("status", host.name))
    host.reaches(task, "Running")
    (host.home / "hold").write_text("kill")
    with client.start("kill", f"{host.name}:{task}") as killing:
        until((host.home / "held").exists, "the call", 30)
        kill([client.master()])
        _, said = killing.communicate(timeout=60)
    (host.home / "hold").unlink()
    assert killing.returncode == 4
    assert "The result of the action is unknown" in said
    well(client("status", host.name))
    assert host.result(task) == "Killed"
    assert calls(host, "kill") == 1


def test_a_submission_is_one_job_when_the_master_is_killed(client: Client, host: Host) -> None:
    well(client("status", host.name))
    (host.home / "hold").write_text("add")
    with client.start("run", "--host", host.name, "--wait", "30", "--", "echo $$ >>ran") as submitting:
        until((host.home / "held").exists, "the submission", 30)
        kill([client.master()])
        (host.home / "hold").unlink()
        submitting.communicate(timeout=60)
    assert submitting.returncode == 0
    assert calls(host, "add") == 1
    assert len(host.tasks()) == 1
    assert len((host.home / "ran").read_text().split()) == 1


# Many hosts


@pytest.fixture
def silent(lab: Lab) -> Iterator[tuple[str, socket.socket]]:
    """A host that accepts connections but never sends anything, and its listening socket."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        name = next(names)
        lab.knows(name, f" HostName 127.0.0.1\n Port {listening.getsockname()[1]}\n")
        yield name, listening


def came(listening: socket.socket) -> int:
    """Return the number of connections since the last call."""
    listening.setblocking(False)
    taken = []
    try:
        while True:
            taken.append(listening.accept()[0])
    except BlockingIOError:
        pass
    for one in taken:
        one.close()
    return len(taken)


@pytest.mark.timeout(180)
def test_a_host_that_hangs_hides_no_other_and_is_then_skipped(
    client: Client,
    silent: tuple[str, socket.socket],
    host: Host,
    pueued: Daemon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, listening = silent
    monkeypatch.setenv("XDG_DATA_HOME", client.env["XDG_DATA_HOME"])
    client.env["PUEUE_CONFIG_PATH"] = pueued.env["PUEUE_CONFIG_PATH"]
    client.configure(f"[hosts.{name}]\n[hosts.{host.name}]\n")

    def reached() -> dict[str, str]:
        done = client("status", "--json")
        assert done.returncode == 4, done.stderr
        hosts = {one["host"]: one for one in json.loads(done.stdout)["hosts"]}
        assert {one: found["reachable"] for one, found in hosts.items()} == {
            "local": True,
            name: False,
            host.name: True,
        }
        return {one: found["reason"] for one, found in hosts.items()}

    assert "timed out" in reached()[name]
    assert came(listening) == 1
    assert client("status", name).returncode == 4  # a named host is asked nevertheless
    assert came(listening) == 1
    for _ in range(2):  # the pause must be longer than the rest of the test takes on a busy machine
        reachability.record_answer(name, "timed out", 10)
    assert "It is asked again in" in reached()[name]
    assert client("timeline").returncode == 4
    assert came(listening) == 0


def test_a_host_that_refuses_at_once_is_not_skipped() -> None:
    reachability.record_answer("far", "refused", 0.01)
    assert (reachability.unreachable_hosts(), reachability.skipped_hosts()) == ({"far": "refused"}, {})


def test_pauses_grow_until_the_host_answers() -> None:
    found = []
    for _ in range(8):
        reachability.record_answer("far", "timed out", 10)
        found.append(round(reachability.skipped_hosts()["far"][1] / 5))
    assert found == [1, 2, 4, 8, 16, 24, 24, 24]
    asked: list[str] = []
    spared = poll.ask_all(["far", "near"], asked.append)
    assert asked == ["near"]
    assert "It is asked again in" in str(spared[0][1])
    assert poll.ask_all(["far"], asked.append, spare=False) == [("far", None)]
    assert (reachability.unreachable_hosts(), reachability.skipped_hosts()) == ({}, {})


def test_skipped_hosts_are_not_waited_for() -> None:
    sessions.record_submission(sessions.Submitted("far", "k", "far", "", "pueue", "s", "/p", "true", time.time()))
    reachability.record_answer("far", "timed out", 10)
    reachability.record_answer("far", "timed out", 10)
    news.wait_for("s", "/p", time.time(), 3600)
    assert list(news.refresh({}, sessions.open_jobs())) == ["far"]


def test_ssh_options_that_control_sharing() -> None:
    said = ["-S none h", "-o ControlPath=none h", "-oControlMaster=no h", "-vM h", "-p 22 -S /x h"]
    other = ["h", "-p 2222 dev@h", "-i ~/.ssh/id_S h", "-o ServerAliveInterval=3 h", "dev@HOST-S"]
    assert [bool(transport.SHARING_OPTIONS.search(words)) for words in [*said, *other]] == [True] * 5 + [False] * 5
    assert transport.shared_connection(Where("h", "-S none h")) is None
