"""`setup` on hosts with systemd as PID 1: a service that starts again after a crash or a reboot."""

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
def test_the_service_starts_again_after_a_crash_or_a_reboot(boots: Callable[..., Booted]) -> None:
    """Over ssh without a login session: no XDG_RUNTIME_DIR, and no user manager before lingering is enabled."""
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
def test_a_host_where_only_an_administrator_may_enable_lingering(boots: Callable[..., Booted]) -> None:
    """A unit and its jobs would end with the last login; a detached daemon does not."""
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
    # The file with its process ID survives the power cut, and another process may then have this ID.
    assert "\nExecStartPre=" in (host.home / ".config/systemd/user/pueued.service").read_text()
    host.cut_power()
    host.boot()
    until(lambda: host.systemctl("is-active", "pueued") == "active", "the service")
    assert host.ssh("~/.local/bin/pueue status").returncode == 0
    well(host.name, "--remove", env=host.env)
    assert list((host.root / "linger").iterdir())  # the administrator enabled it


@pytest.mark.long
def test_the_users_own_unit_is_used_unchanged(boots: Callable[..., Booted]) -> None:
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
def test_a_service_is_restarted_for_its_callback(boots: Callable[..., Booted]) -> None:
    """With a script in place of pueue-skill, which does not exist on a booted host."""
    host = boots()
    well(host.name, env=host.env)
    before = host.systemctl("show --property MainPID --value pueued")
    program, file = host.home / ".local/bin/pueue-skill", host.home / ".config/pueue-skill/config.toml"
    program.write_text('#!/bin/sh\necho "$*" >>"$HOME/calls"\n')
    program.chmod(0o755)
    file.parent.mkdir()
    file.write_text('[[notify]]\nurl = "json://127.0.0.1"\n')
    host.inside("chown", "-R", "dev:", "/home/dev")
    assert "restart: restarts the daemon" in well(host.name, env=host.env)
    assert host.systemctl("show --property MainPID --value pueued") != before
    assert host.ssh("~/.local/bin/pueue add -- exit 3").returncode == 0
    calls = host.home / "calls"
    until(lambda: calls.exists() and "--result Failed" in calls.read_text(), "the call")
    assert "nothing was changed" in well(host.name, env=host.env)
