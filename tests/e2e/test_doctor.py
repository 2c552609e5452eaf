"""`doctor HOST` on a real host with one problem at a time: it finds the problem, and its fix works.

A fix is applied literally: its command is run, or its line is written into the configuration file that it names.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from doctor import (
    call,
    end,
    examined,
    only,
    typed,
    well,
    without_folder,
)
from real import Host, Lab, real, until

from pueue_skill.agents import doctor
from pueue_skill.hosts.doctor import system
from pueue_skill.hosts.doctor.health_check import Fixes, HealthCheck
from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host as Known

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def test_a_healthy_host(env: dict[str, str], ill: Host) -> None:
    checks = examined(env, ill.name)
    names = [check["name"].removesuffix(f" {ill.name}") for check in checks if not check["name"].startswith("work on ")]
    assert names == ["ssh to", "pueue of", "disk of", "daemon of", "queue of"]
    well(env, ill)


# The system.


def test_a_state_file_that_is_too_large(env: dict[str, str], ill: Host) -> None:
    large = {f"LARGE{i}": "x" * 100_000 for i in range(15)}
    for _ in range(8):
        subprocess.run([ill.pueue_path, "add", "true"], env=ill.pueue_env | large, check=True, capture_output=True)
    until(lambda: all("Done" in task["status"] for task in ill.tasks().values()), "the jobs")
    typed(only(env, ill, "state of", "the queue's state has 12", "writes at every change")["fix"], env)
    well(env, ill)


FULL = """
mount -t tmpfs -o size=4m tmpfs "$HOME/.local" && mkdir -p "$HOME/.local/share/pueue" || exit 99
head -c 8000000 /dev/zero >"$HOME/.local/share/pueue/large" 2>/dev/null
pueue-skill doctor local --json | grep -v '^$' >"$1"
eval "$(python -c 'import json, sys; print([c["fix"] for c in json.load(open(sys.argv[1]))["checks"] if c["name"] == "disk of local"][0])' "$1")" >"$1.shown"
rm "$HOME/.local/share/pueue/large"
pueue-skill doctor local --json >"$1.after"
exit 0
"""


def test_a_full_disk(lab: Lab, env: dict[str, str], tmp_path: Path) -> None:
    """In a separate mount namespace, which needs no root."""
    home = lab.client / "homes/full"
    (home / ".local").mkdir(parents=True)
    script = [real("unshare"), "-rm", "bash", "-c", FULL, "bash", tmp_path / "report"]
    done = subprocess.run(
        script, env=env | {"HOME": str(home), "XDG_DATA_HOME": ""}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr

    def disk(name: str) -> dict[str, Any]:
        checks = json.loads((tmp_path / name).read_text())["checks"]
        return next(check for check in checks if check["name"] == "disk of local")

    assert disk("report")["result"] == "failure"
    assert "0 B of 4.2 MB are free for the queue" in disk("report")["what"]
    assert "share/pueue/large" in (tmp_path / "report.shown").read_text(), "the fix lists large files"
    assert disk("report.after")["result"] == "ok"


def test_a_wrong_clock(lab: Lab, env: dict[str, str], tmp_path: Path) -> None:
    """With a replaced `date`, since other tests use the clock of this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "date").write_text(f"#!/bin/sh\necho $(($({real('date')} +%s) + 3600))\n")
    (folder / "date").chmod(0o755)
    host = Host(lab, "skewed", {"default": 1}, path=folder)
    try:
        check = only(env, host, "clock of", "ahead of this machine's")
        assert re.match(r"its clock is (35[89]\d|3600) s ahead", check["what"])
        assert check["fix"] == "ssh skewed 'sudo timedatectl set-ntp true'"
        (folder / "date").unlink()
        well(env, host)
    finally:
        end(host)


def test_work_that_runs_in_an_ssh_connection(
    lab: Lab, env: dict[str, str], ill: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "LONG_PROCESS_S", 0)
    ill.pueue("add", "sleep 4322")
    command = [lab.bin / "ssh", ill.name, "sleep 4321"]
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def found() -> list[HealthCheck]:
        table = subprocess.run(
            [real("sh"), "-c", script("hosts/processes")], capture_output=True, text=True, check=True
        ).stdout
        mine = [
            line
            for line in table.splitlines()
            if "4321" in line or "4322" in line or "sshd" in line or "pueued" in line or "sh -c" in line
        ]
        assert mine
        return [
            check
            for check in system.process_checks(Fixes(Known(ill.name, ill.name), "/c"), table)
            if "4321" in check.what or "other process" in check.what
        ]

    try:
        (check,) = until(found, "the work")
        assert "runs in an ssh connection and is lost with it" in check.what
        assert "4322" not in check.what
        assert f"pueue-skill run --host {ill.name}" in check.fix
        typed(check.fix.partition("queue it: ")[2].replace("COMMAND", "true"), env)
    finally:
        process.kill()
        process.wait()
        ill.pueue("kill", "--all")


# This machine.


def test_other_hooks_on_commands(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = home / ".claude/settings.json"
    file.parent.mkdir()
    theirs = {"matcher": "Bash", "hooks": [{"type": "command", "command": "/their/rewriter"}]}
    others = {"matcher": "Write", "hooks": [{"type": "command", "command": "/their/formatter"}]}
    file.write_text(json.dumps({"hooks": {"PreToolUse": [others, theirs]}}))
    (check,) = doctor.hooks()
    assert (check.name, check.result) == ("claude hooks", "warning")
    assert "/their/rewriter" in check.what
    assert 'hook.mode = "suggest"' in check.fix
    file.write_text(json.dumps({"hooks": {"PreToolUse": [others]}}))
    assert list(doctor.hooks()) == []


def test_the_documented_table_has_every_check() -> None:
    root = Path(__file__).parent.parent.parent
    table = (root / "references/troubleshooting.md").read_text("utf-8")
    sources = "".join([file.read_text("utf-8") for file in Path(system.__file__).parent.glob("*.py")])
    named = set(re.findall(r'f"(\w+ (?:of|on|to)) \{', sources))
    assert {"pueue of", "ssh to", "work on"} <= named
    assert set(re.findall(r"`(\w+ (?:of|on|to)) HOST`", table)) == named


def test_texts_of_a_host_are_safe_and_masked(env: dict[str, str], ill: Host) -> None:
    ill.pueue("add", "--stashed", "--label=\x1b[2J", "true")
    without_folder(ill, ill.home / "token=abcdefgh12345 \x1b]0;x\x07")
    done = call("doctor", ill.name, env=env)
    assert [char for char in done.stdout if not char.isprintable() and char not in "\n"] == []
    (line,) = [line for line in done.stdout.splitlines() if "does not exist" in line]
    assert "token=***" in line
