"""The steps that `setup` plans from the facts about a host, and the files that they write."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest
from real import SYSTEM_PATH, processes, real, until

from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.hosts.provision.steps import CannotSetUp, SetupRequest
from pueue_skill.queues.pueue.provision import HostFacts, remove_stale_id
from pueue_skill.shell import quote

LINUX = HostFacts(
    os="Linux", arch="x86_64", home="/home/dev", uid="1000", user="dev", config="/home/dev/.config/pueue/pueue.yml",
    data="/home/dev/.local/share/pueue", network=True, fetch="curl", digest="sha256sum", room=10**7,
)  # fmt: skip
MAC = LINUX._replace(os="Darwin", arch="aarch64", launchd=True)


@pytest.mark.parametrize(
    ("facts", "wanted", "source"),
    [
        (LINUX, SetupRequest(), "release"),
        (LINUX._replace(managers=("apk",)), SetupRequest(), "apk"),
        (LINUX._replace(managers=("apk",)), SetupRequest(excluded={"apk"}), "release"),
        (MAC, SetupRequest(), "release"),
        (LINUX._replace(arch="riscv64", rust="1.88.0 (a 2025-06-23)"), SetupRequest(), "cargo"),
        (LINUX._replace(network=False), SetupRequest(local=MAC), "download"),
        (
            LINUX._replace(network=False),
            SetupRequest(local=LINUX._replace(network=False, version="4.0.4", daemon_version="4.0.4")),
            "copy",
        ),
    ],
)
def test_the_best_source_is_chosen(facts: HostFacts, wanted: SetupRequest, source: str) -> None:
    assert next(step.instead for step in provision_steps.plan_steps(facts, wanted) if step.name == "pueue") == source


@pytest.mark.parametrize(
    ("facts", "wanted", "says"),
    [
        (LINUX._replace(network=False), SetupRequest(), "no source of pueue 4.0.4"),
        (LINUX._replace(arch="riscv64"), SetupRequest(), "no source of pueue 4.0.4 for Linux riscv64"),
        (LINUX._replace(arch="riscv64", rust="1.70.0"), SetupRequest(), "no source"),
        (
            LINUX._replace(network=False),
            SetupRequest(local=MAC._replace(network=False, version="4.0.4", daemon_version="4.0.4")),
            "no source",
        ),
        (LINUX._replace(room=2000), SetupRequest(), "2 MB are free"),
        (
            LINUX._replace(version="3.4.1", daemon_version="3.4.1", place="", unfinished=2),
            SetupRequest(upgrade=True),
            "2 jobs",
        ),
    ],
)
def test_hosts_that_cannot_be_set_up(facts: HostFacts, wanted: SetupRequest, says: str) -> None:
    with pytest.raises(CannotSetUp, match=says):
        provision_steps.plan_steps(facts, wanted)


@pytest.mark.parametrize(
    ("facts", "wanted", "place"),
    [
        (LINUX, SetupRequest(), "/home/dev/.local/share/pueue"),
        (LINUX._replace(systemd="system"), SetupRequest(), "/run/user/1000"),
        (LINUX._replace(systemd="user"), SetupRequest(excluded={"linger"}), "/home/dev/.local/share/pueue"),
        (LINUX._replace(systemd="user"), SetupRequest(pinned_directory="/mine"), "/mine"),
        (LINUX._replace(place="/there", version="4.0.4", daemon_version="4.0.4"), SetupRequest(), "/there"),
    ],
)
def test_the_folder_of_the_socket(facts: HostFacts, wanted: SetupRequest, place: str) -> None:
    assert provision_steps.runtime_directory(facts, wanted) == place


def test_every_target_has_both_checksums() -> None:
    assert set(provision_steps.SHA256) == {
        f"{name}-{target}" for target in provision_steps.TARGETS.values() for name in ("pueue", "pueued")
    }
    assert len(set(provision_steps.SHA256.values())) == len(provision_steps.SHA256)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Without --recursive-errors, an unknown key would only be a warning."""
    daemon = tmp_path / "with blank % and $" / "pueued"
    daemon.parent.mkdir()
    shutil.copy(real("pueued"), daemon)
    unit = tmp_path / "pueued.service"
    unit.write_text(provision_steps.unit_text(str(daemon), "/home/dev/a $b/pueue.yml", "/home/dev/it's"))
    verify = [real("systemd-analyze"), "verify", "--user", "--recursive-errors=yes", unit]
    done = subprocess.run(
        verify,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": SYSTEM_PATH, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "KillMode" not in unit.read_text()


def test_the_launchd_agent_starts_the_daemon() -> None:
    made = plistlib.loads(provision_steps.plist_text("/opt/a & b/pueued", "/c/pueue.yml", "/r", "/d").encode())
    assert made["ProgramArguments"][:2] == ["/bin/sh", "-c"]
    assert made["ProgramArguments"][2].endswith("; exec '/opt/a & b/pueued' --config /c/pueue.yml")
    assert (made["RunAtLoad"], made["KeepAlive"]) == (True, {"SuccessfulExit": False})
    (step,) = [step for step in provision_steps.plan_steps(MAC, SetupRequest()) if step.name == "service"]
    assert (quote.split(step.script) or [])[:2] == ["agent", "/home/dev/.local/share/pueue"]


@pytest.mark.parametrize(("program", "left"), [("sleep", False), ("pueued", True)])
def test_a_stale_process_id_is_removed(tmp_path: Path, program: str, left: bool) -> None:
    """After a crash another process may have the ID, and then a new daemon would not start. The ID of a running daemon is kept."""
    shutil.copy(real("sleep"), tmp_path / program)
    with subprocess.Popen([tmp_path / program, "60"]) as other:
        (tmp_path / "pueue.pid").write_text(str(other.pid))
        until(lambda: processes()[other.pid][1] == program, "its name")
        subprocess.run(["sh", "-e", "-c", remove_stale_id(f"{tmp_path}/pueue.pid")], check=True)
        other.kill()
    assert (tmp_path / "pueue.pid").exists() is left
    subprocess.run(["sh", "-e", "-c", remove_stale_id(f"{tmp_path}/pueue.pid")], check=True)
    assert not (tmp_path / "pueue.pid").exists()
