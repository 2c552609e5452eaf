"""`setup` on hosts with running daemons: no queue gets a second daemon."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import get_pueue
import pytest
import yaml
from provision import copy_pueue, daemons, setup, tree, well
from real import REQUIRE_ALL, Host, Lab, real, until

pytestmark = pytest.mark.timeout(240)
OLD = get_pueue.find_old()  # before a test's own HOME hides it


@pytest.mark.long
def test_the_daemon_is_found_with_and_without_xdg_runtime_dir(make: Callable[..., Host], tmp_path: Path) -> None:
    """Some hosts set it for ssh commands, others do not, and cron never does."""
    host = make(login=f'[ ! -e "$HOME/session" ] || export XDG_RUNTIME_DIR={tmp_path}\n')
    well(host.name, env=host.env)
    (host.home / "session").touch()
    assert "nothing was changed" in well(host.name, env=host.env)
    for way in ("touch session", "rm session"):
        assert host.ssh(f"{way}; ~/.local/bin/pueue add -p -- true").returncode == 0
    assert len(daemons(host)) == 1
    assert len(host.tasks()) == 2


@pytest.mark.long
def test_a_daemon_in_a_login_session_keeps_its_directories(make: Callable[..., Host], lab: Lab, tmp_path: Path) -> None:
    """It was started with XDG_RUNTIME_DIR, so an ssh command without it would not find the daemon."""
    host = make()
    place = host.home / "run"
    place.mkdir()
    env = host.pueue_env | {"XDG_RUNTIME_DIR": str(place)}
    theirs = lab.start(real("pueued"), env=env, cwd=host.home, log=host.home / "log")
    file = host.home / ".config/pueue/pueue.yml"
    until(lambda: list(place.glob("*.socket")), "the daemon")
    settings = file.read_text().replace("pause_group_on_failure: false", "pause_group_on_failure: true # mine")
    file.write_text(settings)

    done = setup(host.name, env=host.env)
    assert done.returncode == 0, done.stderr
    assert "then config: sets runtime_directory" in done.stderr
    assert "daemon:" not in done.stdout + done.stderr
    assert daemons(host) == [theirs.pid]
    assert "pause_group_on_failure: true # mine" in file.read_text()
    expected = yaml.safe_load(settings)
    expected["shared"]["runtime_directory"] = str(place)
    assert yaml.safe_load(file.read_text()) == expected
    assert host.tasks() == {}

    assert "nothing was changed" in well(host.name, env=host.env)
    well(host.name, "--remove", env=host.env)
    assert file.read_text() == settings
    assert not list(file.parent.glob("*before*"))
    assert theirs.poll() is None
    lab.end(theirs)


@pytest.mark.long
def test_a_daemon_with_another_queue_is_left_as_is(bare: Host, lab: Lab) -> None:
    other = bare.home / "other"
    other.mkdir()
    config = other / "pueue.yml"
    config.write_text(json.dumps({"shared": {"pueue_directory": str(other), "runtime_directory": str(other)}}))
    command = [real("pueued"), "--config", config]
    theirs = lab.start(*command, env=bare.pueue_env, cwd=bare.home, log=other / "log")
    until(lambda: list(other.glob("*.socket")), "the daemon")
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert f"process {theirs.pid}, {config}) has its own queue; it was left as is" in done.stderr
    assert len(daemons(bare)) == 2
    well(bare.name, "--remove", env=bare.env)
    assert theirs.poll() is None
    lab.end(theirs)


@pytest.mark.parametrize("why", ["its socket is gone", "it hangs"])
@pytest.mark.long
def test_no_second_daemon_next_to_one_that_does_not_answer(bare: Host, lab: Lab, why: str) -> None:
    theirs = lab.start(real("pueued"), env=bare.pueue_env, cwd=bare.home, log=bare.home / "log")
    socket = until(lambda: list(bare.home.glob(".local/share/pueue/*.socket")), "the daemon")
    if why == "it hangs":
        theirs.send_signal(signal.SIGSTOP)
    else:
        socket[0].unlink()
    copy_pueue(Path(real("pueue")).parent, bare.home / ".local/bin")
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 1
    assert f"a pueued runs there (process {theirs.pid})" in done.stderr
    assert "overwrite its queue" in done.stderr
    assert tree(bare.home) == before
    theirs.send_signal(signal.SIGCONT)
    if why == "its socket is gone":
        match = re.search(r"setup again: (kill \d+)", done.stderr)
        assert match
        bare.ssh(match[1])
        until(lambda: theirs.poll() is not None, "its end")
        assert "a test job succeeded" in well(bare.name, env=bare.env)
    lab.end(theirs)


@pytest.mark.long
def test_an_older_pueue_is_reported_and_left_as_is(bare: Host) -> None:
    if not OLD:
        (pytest.fail if REQUIRE_ALL else pytest.skip)("pueue 3 is missing: python tools/get_pueue.py old")
    copy_pueue(OLD, bare.home / ".local/bin")
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 1
    assert "pueue 3.4.1 is installed" in done.stderr
    assert "--upgrade" in done.stderr
    assert "version 3.4.1 is installed" in well(bare.name, "--upgrade", "--dry-run", env=bare.env)
    assert tree(bare.home) == before
    assert "version 3.4.1 is installed" in well(bare.name, "--upgrade", env=bare.env)
    assert bare.pueue("--version") == "pueue 4.0.4"
    well(bare.name, "--remove", env=bare.env)
    assert bare.pueue("--version").startswith("pueue 3.4.1")
    assert {name: sum for name, sum in tree(bare.home).items() if name in before} == before
