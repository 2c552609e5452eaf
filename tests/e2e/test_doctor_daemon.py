"""`doctor` and the programs of pueue: a daemon that is down, stopped, old or started twice, and a missing client."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from pathlib import Path

import get_pueue
import pytest
from doctor import (
    call,
    configure,
    daemon_of,
    only,
    typed,
    well,
    written,
)
from real import REQUIRE_ALL, Host, real, until

from pueue_skill.hosts.doctor import daemon
from pueue_skill.hosts.doctor.health_check import Fixes
from pueue_skill.queues.pueue.health import HealthReport
from pueue_skill.shell.model import Host as Known

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]
OLD = get_pueue.find_old()  # before a test's own HOME hides it


# The daemon.


@pytest.mark.parametrize("how", ["killed", "shut down", "never started"])
def test_a_daemon_that_is_down_is_started(how: str, env: dict[str, str], ill: Host) -> None:
    if how == "killed":
        ill.daemon.kill()
        words = "it died and left its socket behind"
    else:
        ill.pueue("shutdown")
        words = "there is no socket"
    ill.daemon.wait()
    if how == "never started":
        shutil.rmtree(ill.home / ".config")
        shutil.rmtree(ill.home / ".local/share/pueue")
        words = "it was never started"
    check = only(env, ill, "daemon of", "pueued is not running", words)
    assert check["mend"] == "safe"
    done = call("doctor", "--fix", ill.name, env=env)
    assert done.returncode == 0
    assert f"runs: {check['fix']}" in done.stderr, "announced"
    assert f"daemon of {ill.name}: fixed" in done.stderr, "checked afterwards"
    assert ill.answers()
    well(env, ill)
    ill.pueue("shutdown")
    until(lambda: not ill.answers(), "its end")
    typed(only(env, ill, "daemon of")["fix"], env)
    until(ill.answers, "the daemon")


def test_a_stopped_daemon(env: dict[str, str], ill: Host) -> None:
    ill.daemon.send_signal(signal.SIGSTOP)
    check = only(env, ill, "daemon of", "stopped by a signal")
    typed(check["fix"], env)
    well(env, ill)


def test_a_daemon_on_another_socket(env: dict[str, str], ill: Host) -> None:
    ill.lab.end(ill.daemon)
    run = ill.home / "run"
    run.mkdir()
    other = ill.lab.start(
        real("pueued"), env=ill.pueue_env | {"XDG_RUNTIME_DIR": str(run)}, cwd=ill.home, log=ill.home / "other.log"
    )
    until(lambda: list(run.glob("*.socket")), "its socket")
    check = only(env, ill, "daemon of", "listens on", str(run), "Do not start a second daemon")
    assert check["mend"] == ""
    typed(check["fix"], env)
    well(env, ill)
    assert ill.answers()
    assert daemon_of(ill) == [other.pid]
    ill.lab.end(other)


def test_two_daemons_on_one_queue(env: dict[str, str], ill: Host) -> None:
    run = ill.home / "run"
    run.mkdir()
    other = ill.lab.start(
        real("pueued"), env=ill.pueue_env | {"XDG_RUNTIME_DIR": str(run)}, cwd=ill.home, log=ill.home / "other.log"
    )
    until(lambda: list(run.glob("*.socket")), "its socket")
    check = only(env, ill, "daemon of", "2 daemons use the queue in", str(other.pid), str(ill.daemon.pid))
    assert check["mend"] == ""
    typed(check["fix"], env)
    other.wait(10)
    well(env, ill)
    assert daemon_of(ill) == [ill.daemon.pid], "the fix keeps the daemon that clients reach"


def old() -> Path:
    if not OLD and REQUIRE_ALL:
        pytest.fail("pueue 3 is missing, and PUEUE_SKILL_REQUIRE_ALL is set")
    return OLD or pytest.skip("pueue 3 is missing: tools/get_pueue.py old")


def test_an_old_daemon(env: dict[str, str], ill: Host) -> None:
    folder = old()
    ill.pueue("shutdown")
    ill.daemon.wait()
    (ill.home / ".local/share/pueue/state.json").unlink()
    ill.daemon = ill.lab.start(str(folder / "pueued"), env=ill.pueue_env, cwd=ill.home, log=ill.log)
    socket = ill.home / ".local/share/pueue"
    until(lambda: list(socket.glob("*.socket")), "its socket")
    subprocess.run([folder / "pueue", "add", "true"], env=ill.pueue_env, check=True, capture_output=True)
    check = only(env, ill, "daemon of", "cannot use the older pueued 3.4.1", "empty queue")
    assert check["mend"] == "", "its jobs would be killed"
    reaper = threading.Thread(target=ill.daemon.wait)  # as init does
    reaper.start()
    typed(check["fix"], env)
    reaper.join()
    until(ill.answers, "the new daemon")
    well(env, ill)
    assert '"tasks"' in (socket / "state.json.of-3.4.1").read_text()


def test_an_old_client(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    client = ill.home / ".local/bin/pueue"
    client.unlink()
    client.symlink_to(old() / "pueue")
    written(only(env, ill, "daemon of", "pueue 3.4.1 is older than pueued")["fix"], tmp_path)
    well(env, ill)


def test_a_daemon_whose_socket_is_gone(env: dict[str, str], ill: Host) -> None:
    (socket,) = ill.home.glob(".local/share/pueue/*.socket")
    socket.unlink()
    check = only(env, ill, "daemon of", f"pueued runs (process {ill.daemon.pid}) but does not answer")
    assert check["mend"] == "", "its jobs would be killed"
    reaper = threading.Thread(target=ill.daemon.wait)
    reaper.start()
    typed(check["fix"], env)
    reaper.join()
    until(ill.answers, "the new daemon")
    well(env, ill)


# The client.


def test_a_client_in_another_folder(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    (ill.home / "odd").mkdir()
    (ill.home / ".local/bin").rename(ill.home / "odd/bin")
    check = only(env, ill, "pueue of", "~/.local/bin/pueue was not found on the host", f"{ill.home}/odd/bin/pueue")
    assert check["result"] == "failure"
    written(check["fix"], tmp_path)
    well(env, ill)


def test_a_client_that_only_a_login_shell_finds(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    (ill.home / ".local/bin").rename(ill.home / "x")
    (ill.home / ".profile").write_text('PATH="$HOME/x:$PATH"\n')
    written(only(env, ill, "pueue of", f"{ill.home}/x/pueue")["fix"], tmp_path)
    well(env, ill)


def test_a_configured_client_that_does_not_exist(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    configure(tmp_path, f'[hosts.{ill.name}]\npueue = "/opt/none/pueue"\n')
    check = only(env, ill, "pueue of", "/opt/none/pueue was not found on the host")
    assert check["result"] == "warning", "run finds the client on PATH, an invocation does not"
    configure(tmp_path, f"[hosts.{ill.name}]\n")
    written(check["fix"], tmp_path)
    well(env, ill)


def test_no_client_at_all() -> None:
    check = daemon.client_check(Fixes(Known("h", "h"), "/c"), HealthReport(data="/d"))
    assert (check.result, check.fix) == ("failure", "pueue-skill setup h")
