"""The script that doctor looks at pueue with, by every shell that a host may have, against a stub of pueue."""

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


class Ill(Stubbed):
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
def ill(request: pytest.FixtureRequest, tmp_path: Path) -> Ill:
    return Ill(request.param, tmp_path)


def test_a_host_without_a_configuration(ill: Ill) -> None:
    found = ill.found()
    assert (found.wanted, found.client, found.version) == (str(ill.bin / "pueue"), str(ill.bin / "pueue"), "4.0.4")
    assert (found.home, found.known, found.config, found.state) == (str(ill.home), False, "", 0)
    assert found.data == str(ill.home / ".local/share/pueue")
    assert (found.socket, found.socket_there) == (str(ill.home / "pueue_dev.socket"), False)


@pytest.mark.parametrize(
    ("folder", "known"), [(".cargo/bin", True), ("own/bin", False), (".local/share/mise/shims", False)]
)
def test_a_client_that_is_not_on_path(folder: str, known: bool, ill: Ill) -> None:
    (ill.home / folder).mkdir(parents=True)
    shutil.move(ill.bin / "pueue", ill.home / folder / "pueue")
    found = ill.found()
    if found.client.startswith(str(ill.home)):  # else one of this machine's is found first
        assert (found.wanted, found.client, found.known) == ("", str(ill.home / folder / "pueue"), known)
    found = ill.found(f"~/{folder}/pueue")
    assert found.wanted == str(ill.home / folder / "pueue")


def test_what_the_configuration_says(ill: Ill) -> None:
    config = ill.home / ".config/pueue/pueue.yml"
    config.parent.mkdir(parents=True)
    config.write_text("shared:\n  pueue_directory: ~/its data\n  runtime_directory: null\n  unix_socket_path: '~/s'\n")
    data = ill.home / "its data"
    data.mkdir()
    (data / "state.json").write_text("{}" * 5)
    found = ill.found()
    assert (found.config, found.data, found.socket, found.state) == (str(config), str(data), str(ill.home / "s"), 10)


@pytest.fixture
def daemon(ill: Ill) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a daemon: a program of that name."""
    shutil.copy(real("sleep"), ill.bin / "pueued")
    env = {"HOME": str(ill.home / "its home"), "USER": "other", "XDG_RUNTIME_DIR": "/run/its"}
    process = subprocess.Popen([ill.bin / "pueued", "60"], env=env)
    yield process
    process.kill()
    process.wait()


def test_a_daemon_is_where_its_own_variables_say(ill: Ill, daemon: subprocess.Popen[bytes]) -> None:
    found = ill.found()
    (one,) = [one for one in found.daemons if one.pid == daemon.pid]
    assert (one.data, one.socket) == (f"{ill.home}/its home/.local/share/pueue", "/run/its/pueue_other.socket")
    assert (one.program, one.stopped) == (str(ill.bin / "pueued"), False)
    assert found.data == str(ill.home / ".local/share/pueue"), "the variables of a daemon are its own"
    assert found.start.endswith(f"{ill.bin}/pueued -d >/dev/null 2>&1 </dev/null")


def test_a_daemon_that_is_held(ill: Ill, daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(19)
    assert [one.stopped for one in ill.found().daemons if one.pid == daemon.pid] == [True]
