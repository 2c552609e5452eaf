"""The scripts that examine and set up the pueue of a host, run by every shell of a host against a stub of pueue."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from pathlib import Path

from stubbed import Stubbed, queue, says

from pueue_skill.queues.pueue import health as pueue_health
from pueue_skill.queues.pueue.provision import (
    HostFacts,
    SetupStep,
    do_script,
    look_script,
    proved_script,
    read_look,
    undo_script,
)
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import reply
from pueue_skill.shell.model import Host


def facts(answer: str) -> dict[str, str]:
    return dict([line.partition(" ")[::2] for line in answer.splitlines()])


def test_health_finds_a_client_in_unusual_folders(run: Stubbed) -> None:
    text = script("queues/pueue/health", PQ_PUEUE="~/gone/pueue")
    (run.bin / "pueue").unlink()
    found = facts(run(text).stdout)
    assert (found["home"], found["client"], "wanted" in found) == (str(run.home), "", False)
    (run.home / ".mine/bin").mkdir(parents=True)
    for name in ("pueue", "pueued"):
        (run.home / ".mine/bin" / name).write_text(f"#!/bin/sh\necho {name} 4.0.1\n")
        (run.home / ".mine/bin" / name).chmod(0o755)
    found = facts(run(text).stdout)
    assert (found["client"], found["version"], "known" in found) == (
        f"{run.home}/.mine/bin/pueue",
        "pueue 4.0.1",
        False,
    )
    assert found["start"].endswith(f"{run.home}/.mine/bin/pueued -d >/dev/null 2>&1 </dev/null")
    run.put("pueue", "#!/bin/sh\necho pueue 4.0.4\n")
    assert facts(run(text).stdout)["known"] == str(run.bin / "pueue")
    assert facts(run(script("queues/pueue/health", PQ_PUEUE="")).stdout)["wanted"] == str(run.bin / "pueue")


def test_health_reports_the_paths_of_the_daemons_files(run: Stubbed) -> None:
    text = script("queues/pueue/health", PQ_PUEUE="")
    data = run.home / ".local/share/pueue"
    found = pueue_health.read(run(text).stdout)
    assert (found.config, found.data, found.has_socket, found.state_bytes) == ("", str(data), False, 0)
    assert found.socket.startswith(f"{run.home}/pueue_")
    (run.home / ".config/pueue").mkdir(parents=True)
    (run.home / ".config/pueue/pueue.yml").write_text(
        'shared:\n  pueue_directory: "~/queue"\n  unix_socket_path: ~/s\n'
    )
    (run.home / "queue").mkdir()
    (run.home / "queue/state.json").write_text("12345")
    found = pueue_health.read(run(text).stdout)
    assert (found.data, found.socket, found.state_bytes) == (f"{run.home}/queue", f"{run.home}/s", 5)


def provisioned(run: Stubbed) -> Path:
    """Return the file with the record of a setup."""
    return run.home / ".local/share/pueue-skill/setup"


def look_at(run: Stubbed, **answers: str) -> HostFacts:
    return read_look(run(look_script(Host("local"), "http://127.0.0.1:9", False), **answers).stdout)


GROUPS = '{"default":{"status":"Running","parallel_tasks":1}}'


def test_a_host_is_examined_before_setup(run: Stubbed) -> None:
    found = look_at(
        run, group=says(GROUPS), status=says(queue("1 a Running", "2 b Done")), **{"--version": says("pueue 4.0.4")}
    )
    assert (found.home, found.pueue, found.version) == (str(run.home), str(run.bin / "pueue"), "4.0.4")
    assert (found.place, found.groups, found.unfinished) == (str(run.home), {"default": (1, "running")}, 1)
    assert found.record == ""


def do(
    run: Stubbed, mark: str, *steps: SetupStep, files: dict[str, bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    return run(do_script(Host("local"), "http://127.0.0.1:9", mark, steps, files or {}))


def test_steps_run_only_on_an_unchanged_host(run: Stubbed) -> None:
    (run.home / ".cargo/bin").mkdir(parents=True)
    (run.bin / "pueue").rename(run.home / ".cargo/bin/pueue")  # so that what is looked for first is not there
    mark = look_at(run, group=says(GROUPS)).mark
    assert do(run, "another mark").returncode == 75
    steps = [
        SetupStep(
            "config",
            "",
            "",
            f"write {run.home}/.config/pueue/pueue.yml {b64encode(b'client: {}').decode()}",
        ),
        SetupStep("data", "", "", f"send pueue >{run.home}/sent\nfind_pueue"),
        SetupStep("daemon", "", "", "echo it fails >&2; false\necho never\n"),
        SetupStep("never", "", "", "echo never\n"),
    ]
    done = do(run, mark, *steps, files={"pueue": bytes(range(256))})
    assert done.returncode == 1
    assert reply(done.stdout) == "step config\nend config 0\nstep data\nend data 0\nstep daemon\nend daemon 1\n"
    assert done.stderr == "it fails\n"
    assert (run.home / "sent").read_bytes() == bytes(range(256))
    assert (run.home / ".config/pueue/pueue.yml").read_text() == "client: {}"
    kinds = [line.split("\t")[0] for line in provisioned(run).read_text().splitlines()]
    assert kinds == ["folder", "folder", "folder", "folder", "folder", "file"]


def test_a_setup_is_undone(run: Stubbed) -> None:
    text = undo_script(Host("local"))
    assert reply(run(text).stdout) == "nothing\n"
    mark = look_at(run, group=says(GROUPS)).mark
    step = SetupStep(
        "config",
        "",
        "",
        f"limits few 2\nwrite {run.home}/.config/pueue/pueue.yml {b64encode(b'x').decode()}",
    )
    assert reply(do(run, mark, step).stdout) == "step config\nend config 0\nwhole\n"
    assert "group add --parallel 2 few" in run.calls
    lines = reply(run(text).stdout).splitlines()
    assert lines[:2] == ["undone removed ~/.config/pueue/pueue.yml", "undone removed the group few"]
    assert lines[-1] == "whole"
    assert list(run.home.iterdir()) == []


def test_the_test_job_of_a_setup_is_removed(run: Stubbed) -> None:
    provisioned(run).parent.mkdir(parents=True)
    done = run(proved_script(Host("local"), "3", True), group=says(GROUPS))
    assert (done.stdout, run.calls[-2:]) == ("pueue-skill reply\n", ["kill 3", "remove 3"])
    assert provisioned(run).read_text() == "proved\n"
    assert run(proved_script(Host("local"), "3", False), remove="exit 1").returncode == 69
