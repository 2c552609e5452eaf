"""`setup` on hosts whose PID 1 is a real systemd: a service that comes back after a crash and a boot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from booted import Booted
from provision import bare_names, setup, tree, well
from real import Daemon, Lab, until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def boots(lab: Lab, pueued: Daemon) -> Iterator[Callable[..., Booted]]:
    made: list[Booted] = []

    def host(**options: bool) -> Booted:
        made.append(Booted(lab, next(bare_names), **options))
        return made[-1]

    yield host
    for one in made:
        one.stop()


@pytest.mark.long
def test_with_systemd_it_is_a_service_that_comes_back(boots: Callable[..., Booted]) -> None:
    """Over an ssh that has no session: no XDG_RUNTIME_DIR, no user manager until the user lingers."""
    host = boots()
    assert [line.split()[1] for line in well(host.name, env=host.env).splitlines()[1:5]] == ["linger:", "pueue:", "config:", "service:"]  # fmt: skip
    assert host.systemctl("is-enabled", "pueued") == "enabled"
    for name, value in {"OOMPolicy": "continue", "KillMode": "control-group", "NRestarts": "0"}.items():
        assert host.systemctl(f"show --property {name} --value pueued") == value
    after = tree(host.home)
    assert "nothing was changed" in well(host.name, env=host.env)
    assert tree(host.home) == after

    pueue = "~/.local/bin/pueue"
    assert host.ssh(f"{pueue} add -p -- 'exec sleep 60'; {pueue} add -p -- true").returncode == 0
    until(lambda: host.inside("pgrep", "-f", "sleep 60").stdout, "the job")
    host.inside("pkill", "-KILL", "-x", "pueued")
    until(lambda: host.systemctl("show --property NRestarts --value pueued") == "1", "the new daemon")
    until(lambda: host.ssh(f"{pueue} status").returncode == 0, "its answer")
    assert host.inside("pgrep", "-f", "sleep 60").stdout == ""
    tasks = json.loads(host.ssh(f"{pueue} status --json").stdout)["tasks"]
    assert tasks["0"]["status"]["Done"]["result"] == "Killed"

    host.cut_power()
    host.boot()
    until(lambda: host.ssh(f"{pueue} status").returncode == 0, "the daemon after a boot")
    assert "nothing was changed" in well(host.name, env=host.env)
    host.ssh(f"{pueue} start; {pueue} wait")

    well(host.name, "--remove", env=host.env)
    assert host.inside("pgrep", "pueued").stdout == ""
    assert not list((host.root / "linger").iterdir())
    assert set(tree(host.home)) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_where_only_an_administrator_may_let_it_linger(boots: Callable[..., Booted]) -> None:
    """A unit would end with the last login, and all jobs with it: a daemon by itself does not."""
    host = boots(may_linger=False)
    done = setup(host.name, env=host.env)
    assert done.returncode == 0, done.stderr
    assert "then daemon: starts pueued, detached from ssh" in done.stderr
    assert "sudo loginctl enable-linger dev" in done.stderr
    daemon = host.inside("pgrep", "pueued").stdout
    assert daemon
    assert host.ssh("~/.local/bin/pueue status").returncode == 0

    host.inside("loginctl", "enable-linger", "dev")
    assert "the running daemon continues" in well(host.name, env=host.env)
    assert host.inside("pgrep", "pueued").stdout == daemon
    assert "nothing was changed" in well(host.name, env=host.env)
    # Its process id outlives the power cut, and may be another's after it.
    assert "\nExecStartPre=" in (host.home / ".config/systemd/user/pueued.service").read_text()
    host.cut_power()
    host.boot()
    until(lambda: host.systemctl("is-active", "pueued") == "active", "the service")
    assert host.ssh("~/.local/bin/pueue status").returncode == 0
    well(host.name, "--remove", env=host.env)
    assert list((host.root / "linger").iterdir())  # it was the administrator's


@pytest.mark.long
def test_a_unit_of_the_users_own_is_used_as_it_is(boots: Callable[..., Booted]) -> None:
    host = boots()
    unit = host.home / ".config/systemd/user/pueued.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=%h/.local/bin/pueued -v\n[Install]\nWantedBy=default.target\n")
    host.inside("chown", "-R", "dev:", "/home/dev")
    before = tree(host.home)
    well(host.name, env=host.env)
    assert host.systemctl("is-active", "pueued") == "active"
    well(host.name, "--remove", env=host.env)
    assert {name: sum for name, sum in tree(host.home).items() if not name.startswith(".local")} == before


@pytest.mark.long
def test_a_service_is_started_anew_for_its_callback(boots: Callable[..., Booted]) -> None:
    """With a stand-in for pueue-skill, as this one is not there after a boot."""
    host = boots()
    well(host.name, env=host.env)
    before = host.systemctl("show --property MainPID --value pueued")
    program, file = host.home / ".local/bin/pueue-skill", host.home / ".config/pueue-skill/config.toml"
    program.write_text('#!/bin/sh\necho "$*" >>"$HOME/told"\n')
    program.chmod(0o755)
    file.parent.mkdir()
    file.write_text('[[notify]]\nurl = "json://127.0.0.1"\n')
    host.inside("chown", "-R", "dev:", "/home/dev")
    assert "restart: restarts the daemon" in well(host.name, env=host.env)
    assert host.systemctl("show --property MainPID --value pueued") != before
    assert host.ssh("~/.local/bin/pueue add -- exit 3").returncode == 0
    told = host.home / "told"
    until(lambda: told.exists() and "--result Failed" in told.read_text(), "the call")
    assert "nothing was changed" in well(host.name, env=host.env)
