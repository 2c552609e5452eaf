"""The scripts that set up a host, run by every shell of a host against stubs of pueue and of package managers."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from stubbed import SHELLS, Stubbed

from pueue_skill.queues.pueue import provision
from pueue_skill.queues.pueue.provision import CHANGED, INSTEAD, HostFacts, SetupStep
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

HOST = Host("h")
URL = "https://mirror"
GROUPS = """[ ! -e "$STUB/down" ] || exit 1; echo '{"default": {"status": "Running", "parallel_tasks": 1}}'"""


class Bare(Stubbed):
    """A home, with a stub of pueue 4 whose daemon answers until it is shut down."""

    def __init__(self, shell: str, folder: Path) -> None:
        super().__init__(shell, folder, "curl", "brew", "launchctl")
        self.put("pueued", "#!/bin/sh\necho pueued 4.0.4\n")
        answers = {
            "--version": "echo pueue 4.0.4", "group": GROUPS, "shutdown": ': >"$STUB/down"', "curl": "exit 1",
            "status": """echo '{"tasks":{"0":{"status":{"Queued":{}}}},"groups":{"default":{"status":"Running","parallel_tasks":1}}}'""",
        }  # fmt: skip
        for name, text in answers.items():
            (self.stub / name).write_text(text)
        self.record = self.home / ".local/share/pueue-skill/setup"

    def look(self) -> HostFacts:
        done = self(provision.look_script(HOST, URL, True))
        assert done.returncode == 0, done.stderr
        return provision.read_look(done.stdout)

    def do(self, *calls: list[str], **files: bytes) -> subprocess.CompletedProcess[str]:
        steps = [SetupStep(f"step {i}", "", "", quote.line(call)) for i, call in enumerate(calls)]
        return self(provision.do_script(HOST, URL, self.look().mark, steps, files))

    def undo(self) -> list[str]:
        done = self(provision.undo_script(HOST))
        assert done.returncode == 0, done.stderr
        return done.stdout.partition("pueue-skill reply\n")[2].splitlines()


@pytest.fixture(params=SHELLS)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Bare:
    return Bare(request.param, tmp_path)


def test_the_facts_of_a_host(bare: Bare) -> None:
    found = bare.look()
    assert (found.os, found.home, found.place) == ("Linux", str(bare.home), str(bare.home))
    assert (found.pueue, found.version, found.daemon_version) == (str(bare.bin / "pueue"), "4.0.4", "4.0.4")
    assert (found.yaml, found.record, found.network, found.unfinished) == (None, "", False, 1)
    assert (found.groups, found.managers[0]) == ({"default": (1, "running")}, "brew")
    assert found.data == str(bare.home / ".local/share/pueue")
    (bare.stub / "curl").unlink()
    config = bare.home / ".config/pueue/pueue.yml"
    config.parent.mkdir(parents=True)
    config.write_text("shared:\n  pueue_directory: /its\n")
    changed = bare.look()
    assert (changed.yaml, changed.data, changed.network) == (config.read_text(), "/its", True)
    assert changed.mark != found.mark


def test_steps_run_in_order_until_one_fails(bare: Bare) -> None:
    made = bare.home / "it's made"
    text = provision.do_script(
        HOST, URL, bare.look().mark, [SetupStep("one", "", "", quote.line(["touch", str(made)]))], {}
    )
    assert provision.read_do(bare(text).stdout) == ("one", 0, True)
    assert made.exists()
    done = bare.do(["printf", "for people"], ["eval", "false; echo on"], ["echo", "never"])
    assert provision.read_do(done.stdout) == ("step 1", 1, False)
    assert done.stderr == "for people"


def test_nothing_is_done_on_a_host_that_has_changed(bare: Bare) -> None:
    text = provision.do_script(HOST, URL, bare.look().mark, [SetupStep("one", "", "", "echo never")], {})
    (bare.bin / "pueued").unlink()
    done = bare(text)
    assert (done.returncode, provision.read_do(done.stdout)) == (CHANGED, ("", None, False))


def test_a_file_is_restored(bare: Bare) -> None:
    config = bare.home / ".config/pueue/pueue.yml"
    content = 'shared:\n  it: "it\'s"\n'
    encoded = subprocess.run(["base64"], input=content, capture_output=True, text=True, check=True).stdout
    assert bare.do(["configure", str(config), encoded, "17"]).returncode == 0
    assert config.read_text() == content
    assert "unread\t17\n" in bare.record.read_text()
    assert bare.do(["configure", str(config), encoded.replace(encoded[:4], "IyA6")]).returncode == 0
    (backup,) = config.parent.glob("*.before-pueue-skill-*")
    assert backup.read_text() == content
    assert bare.undo() == [
        "undone removed ~/.config/pueue/pueue.yml", "undone restored ~/.config/pueue/pueue.yml", "undone removed ~/.config/pueue/pueue.yml",
        "undone removed ~/.config/pueue", "undone removed ~/.config", "undone removed ~/.local/share/pueue-skill", "undone removed ~/.local/share",
        "undone removed ~/.local", "whole",
    ]  # fmt: skip
    assert bare.undo() == ["nothing"]
    assert list(bare.home.iterdir()) == []


def test_a_backup_never_replaces_another(bare: Bare) -> None:
    bare.put("date", "#!/bin/sh\necho 20260102-030405\n")
    file = bare.home / "f"
    file.write_text("theirs")
    assert bare.do(*[["configure", str(file), word] for word in ("YQ==", "Yg==", "Yw==")]).returncode == 0
    backups = sorted(bare.home.glob("f.before-pueue-skill-*"))
    assert [backup.read_text() for backup in backups] == ["theirs", "a", "b"]
    bare.undo()
    assert file.read_text() == "theirs"


def test_a_changed_file_is_left_as_is(bare: Bare) -> None:
    file = bare.home / "f"
    bare.do(["configure", str(file), "YQ=="])
    file.write_text("theirs")
    assert bare.undo()[0] == "left ~/f, which has changed since setup"


def test_limits(bare: Bare) -> None:
    assert bare.do(["limits", "default", "4", "gpu", "1"]).returncode == 0
    assert bare.calls[-2:][0] == "group add --parallel 1 gpu" or "parallel --group default 4" in bare.calls
    assert bare.record.read_text().splitlines()[-2:] == ["limit\tdefault\t1", "group\tgpu"]
    assert bare.undo()[:2] == ["undone removed the group gpu", "undone reset the limit of default to 1"]
    assert bare.calls[-2:] != []


def test_programs_supplied_by_this_machine(bare: Bare) -> None:
    programs = {name: f"#!/bin/sh\necho {name} 4.0.5\n".encode() for name in ("pueue", "pueued")}
    assert bare.do(["from_here"], **programs).returncode == 0
    for name, content in programs.items():
        file = bare.home / ".local/bin" / name
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o755)
    done = bare.do(["from_here"], **{**programs, "pueued": b"#!/bin/sh\necho pueued 3.1\n"})
    assert provision.read_do(done.stdout) == ("step 0", INSTEAD, False)
    assert "pueued is not version 4: " in done.stderr
    assert sorted(path.name for path in (bare.home / ".local/bin").iterdir()) == ["pueue", "pueued"]


def test_a_release(bare: Bare) -> None:
    program = "#!/bin/sh\necho ${0##*/} 4.0.4\n"
    sum_ = hashlib.sha256(program.encode()).hexdigest()
    (bare.stub / "release").write_text(program)
    curl = 'pq_to=; for pq_word; do if [ "$pq_to" = next ]; then pq_to=$pq_word; fi; [ "$pq_word" != --output ] || pq_to=next; done; cat "$STUB/release" >"$pq_to"'
    (bare.stub / "curl").write_text(curl)
    done = bare.do(["from_release", "a", sum_, "b", "0" * 64])
    assert provision.read_do(done.stdout) == ("step 0", 1, False)
    assert f"https://mirror/b has the SHA-256 checksum {sum_}, not {'0' * 64}: not installed" in done.stderr
    assert not (bare.home / ".local/bin/pueue").exists()
    assert bare.do(["from_release", "a", sum_, "b", sum_]).returncode == 0
    assert (bare.home / ".local/bin/pueued").read_text() == program
    (bare.stub / "curl").write_text("exit 22")
    done = bare.do(["from_release", "a", sum_, "b", sum_])
    assert provision.read_do(done.stdout)[1] == INSTEAD
    assert "cannot download https://mirror/a" in done.stderr


def test_a_package(bare: Bare) -> None:
    assert bare.do(["from_package", "brew", "brew", "install", "--quiet", "pueue"]).returncode == 0
    assert "brew install --quiet pueue" in bare.calls
    assert (bare.home / ".local/bin/pueued").readlink() == bare.bin / "pueued"
    assert bare.undo()[:3] == ["undone removed ~/.local/bin/pueued", "undone removed ~/.local/bin/pueue", "undone removed the package pueue of brew"]  # fmt: skip
    (bare.stub / "brew").write_text("exit 1")
    done = bare.do(["from_package", "brew", "brew", "install", "--quiet", "pueue"])
    assert provision.read_do(done.stdout)[1] == INSTEAD


def test_a_daemon_independent_of_ssh(bare: Bare) -> None:
    words = ["sh", "-c", f"echo $0 >{bare.home}/started", "pueued"]
    assert bare.do(["detached", str(bare.home), *words]).returncode == 0
    assert "detached\n" in bare.record.read_text()
    assert (bare.home / ".local/share/pueue").stat().st_mode & 0o777 == 0o700
    assert bare.undo() == ["busy 1"]
    (bare.stub / "status").write_text("echo '{}'")
    assert bare.undo()[:2] == [
        "undone stopped the daemon",
        "left ~/.local/share/pueue, with the state of the queue and the output of its jobs",
    ]


def test_a_daemon_that_does_not_answer(bare: Bare) -> None:
    bare.put("sleep", "#!/bin/sh\n")
    (bare.stub / "down").touch()
    done = bare.do(["detached", str(bare.home), "true"])
    assert provision.read_do(done.stdout) == ("step 0", 1, False)
    assert f"the daemon was started but does not answer: see {bare.home}/.local/share/pueue/pueued.log" in done.stderr


def test_a_restart_waits_for_jobs(bare: Bare) -> None:
    bare.do(["detached", str(bare.home), "true"])
    done = bare.do(["restart", str(bare.home), "true"])
    assert provision.read_do(done.stdout)[1] == INSTEAD
    assert done.stderr.endswith("jobs were submitted meanwhile\n")
    (bare.stub / "status").write_text("echo '{}'")
    group = bare.stub / "group"  # up again once it was asked while it was down
    group.write_text(f'if [ -e "$STUB/down" ]; then rm "$STUB/down"; exit 1; fi\n{GROUPS}')
    assert bare.do(["restart", str(bare.home), "true"]).returncode == 0
    assert "shutdown" in bare.calls


def test_a_launchd_agent(bare: Bare) -> None:
    file = bare.home / "Library/LaunchAgents/pueue-skill.pueued.plist"
    assert bare.do(["agent", str(bare.home), str(file), "YQ==", ""]).returncode == 0
    assert file.read_text() == "a"
    assert [call for call in bare.calls if call.startswith("launchctl")] == [f"launchctl bootstrap gui/0 {file}"]


def test_the_test_job_is_removed(bare: Bare) -> None:
    assert bare(provision.proved_script(HOST, "7", True)).returncode == 0
    assert bare.record.read_text().splitlines()[-1] == "proved"
    assert bare.calls[-2:] == ["kill 7", "remove 7"]
