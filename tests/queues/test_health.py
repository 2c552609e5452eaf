"""The script with which doctor examines pueue, run by every shell of a host against a stub of pueue."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import real
from stubbed import SHELLS, Stubbed

from pueue_skill.queues.pueue import health
from pueue_skill.queues.pueue.health import HealthReport
from pueue_skill.shell.model import Host


class Sandbox(Stubbed):
    """A home with a stub of pueue 4."""

    def __init__(self, shell: str, folder: Path) -> None:
        super().__init__(shell, folder)
        (self.stub / "--version").write_text("echo pueue 4.0.4")

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "USER": "dev", "SHELL": "/bin/false"}

    def found(self, pueue: str = "") -> HealthReport:
        done = self(health.script(Host("h", pueue=pueue)))
        assert (done.returncode, done.stderr) == (0, "")
        return health.read(done.stdout)


@pytest.fixture(params=SHELLS)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Sandbox:
    return Sandbox(request.param, tmp_path)


def test_a_host_without_a_configuration(sandbox: Sandbox) -> None:
    found = sandbox.found()
    assert (found.configured_client, found.client, found.version) == (
        str(sandbox.bin / "pueue"),
        str(sandbox.bin / "pueue"),
        "4.0.4",
    )
    assert (found.home, found.found_by_default, found.config, found.state_bytes) == (str(sandbox.home), False, "", 0)
    assert found.data == str(sandbox.home / ".local/share/pueue")
    assert (found.socket, found.has_socket) == (str(sandbox.home / "pueue_dev.socket"), False)


@pytest.mark.parametrize(
    ("folder", "known"), [(".cargo/bin", True), ("own/bin", False), (".local/share/mise/shims", False)]
)
def test_a_client_that_is_not_on_path(folder: str, known: bool, sandbox: Sandbox) -> None:
    (sandbox.home / folder).mkdir(parents=True)
    shutil.move(sandbox.bin / "pueue", sandbox.home / folder / "pueue")
    found = sandbox.found()
    if found.client.startswith(str(sandbox.home)):  # else one of this machine's is found first
        assert (found.configured_client, found.client, found.found_by_default) == (
            "",
            str(sandbox.home / folder / "pueue"),
            known,
        )
    found = sandbox.found(f"~/{folder}/pueue")
    assert found.configured_client == str(sandbox.home / folder / "pueue")


def test_paths_of_the_configuration(sandbox: Sandbox) -> None:
    config = sandbox.home / ".config/pueue/pueue.yml"
    config.parent.mkdir(parents=True)
    config.write_text("shared:\n  pueue_directory: ~/its data\n  runtime_directory: null\n  unix_socket_path: '~/s'\n")
    data = sandbox.home / "its data"
    data.mkdir()
    (data / "state.json").write_text("{}" * 5)
    found = sandbox.found()
    assert (found.config, found.data, found.socket, found.state_bytes) == (
        str(config),
        str(data),
        str(sandbox.home / "s"),
        10,
    )


@pytest.fixture
def daemon(sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a daemon: a program of that name."""
    shutil.copy(real("sleep"), sandbox.bin / "pueued")
    env = {"HOME": str(sandbox.home / "its home"), "USER": "other", "XDG_RUNTIME_DIR": "/run/its"}
    process = subprocess.Popen([sandbox.bin / "pueued", "60"], env=env)
    yield process
    process.kill()
    process.wait()


def test_the_paths_of_a_daemon_follow_its_environment(sandbox: Sandbox, daemon: subprocess.Popen[bytes]) -> None:
    found = sandbox.found()
    (one,) = [one for one in found.daemons if one.pid == daemon.pid]
    assert (one.data, one.socket) == (f"{sandbox.home}/its home/.local/share/pueue", "/run/its/pueue_other.socket")
    assert (one.program, one.stopped) == (str(sandbox.bin / "pueued"), False)
    assert found.data == str(sandbox.home / ".local/share/pueue"), "the variables of a daemon are its own"
    assert found.start_command.endswith(f"{sandbox.bin}/pueued -d >/dev/null 2>&1 </dev/null")


def test_a_stopped_daemon(sandbox: Sandbox, daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(19)
    assert [one.stopped for one in sandbox.found().daemons if one.pid == daemon.pid] == [True]
