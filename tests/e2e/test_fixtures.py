"""The fixtures: real daemons, real ssh and real hosts, without the user's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import get_pueue
import pytest
import real
from real import Daemon, Host, Lab, until


def test_no_test_sees_the_users_environment(home: Path, lab: Lab) -> None:
    assert Path.home() == home
    assert home.is_relative_to(lab.root)
    assert not list(home.iterdir())
    kept = {name for name in os.environ if name.startswith(("CLAUDE", "PUEUE", "XDG_"))}
    assert kept == {"XDG_RUNTIME_DIR", "PUEUE_SKILL_HOOK_LIMIT"}


def test_a_local_job_runs(pueued: Daemon, tmp_path: Path) -> None:
    command = ["pueue", "add", "--print-task-id", "--", 'pwd; echo "$HOME"; exit 7']
    task = subprocess.run(command, env=pueued.env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert pueued.result(task) == {"Failed": 7}
    log = pueued.home / "task_logs" / f"{task.strip()}.log"
    assert log.read_text() == f"{tmp_path}\n{pueued.env['HOME']}\n"


def test_a_job_added_over_ssh_runs_on_that_host_only(bigblack: Host, littleblack: Host) -> None:
    task = bigblack.ssh("~/.local/bin/pueue add -p -g p1 --label only-big -- 'pwd > where'").stdout
    assert bigblack.result(task) == "Success"
    assert (bigblack.home / "where").read_text() == f"{bigblack.home}\n"
    assert "only-big" in [task["label"] for task in bigblack.tasks().values()]
    assert "only-big" not in [task["label"] for task in littleblack.tasks().values()]
    assert littleblack.ssh("pwd").stdout == f"{littleblack.home}\n"


def test_a_login_has_a_minimal_environment(bigblack: Host) -> None:
    assert bigblack.ssh("command -v pueue").returncode == 1
    names = {line.partition("=")[0] for line in bigblack.ssh("env").stdout.splitlines()}
    assert {"HOME", "PATH", "SSH_CONNECTION", "USER"} <= names
    assert not [name for name in names if name.startswith(("CLAUDE", "PUEUE", "XDG_", "LC_", "LANG"))]


def test_ssh_returns_bytes_and_exit_code(bigblack: Host) -> None:
    done = bigblack.ssh("cat; exit 7", stdin=None, input="in\n")
    assert (done.stdout, done.returncode) == ("in\n", 7)


def test_a_job_outlives_a_cut_connection(bigblack: Host) -> None:
    add = "~/.local/bin/pueue add -p -- 'until [ -e go ]; do sleep 0.1; done'; cat"
    command, pipe = [str(bigblack.lab.bin / "ssh"), "bigblack", add], subprocess.PIPE
    with subprocess.Popen(command, env=bigblack.env, stdin=pipe, stdout=pipe) as ssh:
        assert ssh.stdout
        task = ssh.stdout.readline()
        assert bigblack.kill_connections() > 0
        assert ssh.wait(10) == 255
    (bigblack.home / "go").touch()
    assert bigblack.result(task.decode()) == "Success"


def test_a_missing_program_skips_or_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "REQUIRE_ALL", False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is missing"):
        real.real("no-such-program")
    monkeypatch.setattr(real, "REQUIRE_ALL", True)
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        real.real("no-such-program")


def test_processes_left_by_a_test_are_killed_and_reported() -> None:
    lab = Lab()
    stray = subprocess.Popen(["sleep", "60"], env=lab.env)
    with pytest.raises(AssertionError, match="sleep"):
        lab.close(grace=0)
    stray.wait(5)
    assert not lab.root.exists()


def test_weird_folders_exist(weird_tmp_path: Path) -> None:
    assert subprocess.run(["pwd"], cwd=weird_tmp_path, capture_output=True, check=True).stdout


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("pueue", "pueued", "taken"),
    [
        ("echo pueue 4.0.4", "echo pueued 4.1.0", True),
        ("echo pueue 3.4.1", "echo pueued 3.4.1", False),
        ("echo pueue 4.0.4", "exit 1", False),
        ("echo pueue 4.0.4", "kill -9 $$", False),
        ("printf '\\377'", "echo pueued 4.0.4", False),
    ],
)
def test_only_a_complete_pueue_4_is_used(tmp_path: Path, pueue: str, pueued: str, taken: bool) -> None:
    program(tmp_path / "pueue", pueue)
    program(tmp_path / "pueued", pueued)
    assert get_pueue.usable(tmp_path) is taken


def test_cargo_works_without_its_rustup_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "rustup-user"
    proxy = program(there / ".cargo/bin/cargo", f'[ "$RUSTUP_HOME" = {there}/.rustup ] && echo cargo 1.95.0')
    monkeypatch.setenv("PATH", f"{proxy.parent}:/usr/bin:/bin")
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    found = get_pueue.cargo()
    assert found
    assert found[0] == proxy
    assert found[1]["RUSTUP_HOME"] == f"{there}/.rustup"


def test_pueue_is_built_once_and_installed_completely(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two concurrent builds with a stub of cargo; the first attempt fails."""
    cargo = """
[ "$1" = --version ] && exec echo cargo 1.95.0
echo build >> BUILDS
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin"; printf '#!/bin/sh\\necho pueue 4.0.4\\n' > "$2/bin/pueue"; chmod +x "$2/bin/pueue"
[ "$(wc -l < BUILDS)" -gt 1 ] || exit 1
sleep 0.5; cp "$2/bin/pueue" "$2/bin/pueued"
""".replace("BUILDS", str(tmp_path / "builds"))
    env = {"HOME": str(home), "PATH": f"{program(tmp_path / 'bin/cargo', cargo).parent}:/usr/bin:/bin"}
    get = [sys.executable, get_pueue.__file__]
    broken = subprocess.run(get, env=env, capture_output=True, text=True)
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "could not build" in broken.stderr
    both = [subprocess.Popen(get, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    folder = home / ".cache/pueue-skill/pueue-4.0.4/bin"
    assert [process.communicate(timeout=20)[0] for process in both] == [f"{folder}\n"] * 2
    assert (tmp_path / "builds").read_text() == "build\n" * 2
    assert sorted(path.name for path in folder.parent.parent.iterdir()) == ["lock", "pueue-4.0.4"]


def test_sockets_have_short_paths(bigblack: Host) -> None:
    found = until(lambda: list(bigblack.home.glob(".local/share/pueue/*.socket")), "the socket")
    assert len(os.fsencode(found[0])) < 100
