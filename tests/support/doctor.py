"""`doctor` on a host with a problem: its checks, and their fixes applied as a user would."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
from real import Host, kill, processes, strays

from pueue_skill.cli.schemas import SCHEMAS


def end(host: Host) -> None:
    host.stop()
    kill(strays(host.home))  # daemons that a fix started


def configure(folder: Path, text: str) -> None:
    (folder / "pueue-skill").mkdir(exist_ok=True)
    (folder / "pueue-skill/config.toml").write_text(text)


def call(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", *command], env=env, capture_output=True, text=True, timeout=90)


def examined(env: dict[str, str], *hosts: str) -> list[dict[str, Any]]:
    done = call("doctor", "--json", *hosts, env=env)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMAS["doctor"]())
    checks: list[dict[str, Any]] = report["checks"]
    assert done.returncode == any(check["result"] == "failure" for check in checks)
    return checks


def wrong(env: dict[str, str], host: Host) -> list[dict[str, Any]]:
    """Return the checks with a fix, except those for slow connections of a busy machine and for work of other tests."""
    checks = examined(env, host.name)
    busy = [
        check
        for check in checks
        if check["name"].startswith("work on ") or check["what"].startswith("a connection takes")
    ]
    return [check for check in checks if check["fix"] and check not in busy]


def only(env: dict[str, str], host: Host, name: str, *words: str) -> dict[str, Any]:
    """Return the only check with a fix, which has this name and these words in its cause."""
    checks = wrong(env, host)
    assert [check["name"] for check in checks] == [f"{name} {host.name}"], checks
    for word in words:
        assert word in checks[0]["what"], checks[0]
    return checks[0]


def typed(fix: str, env: dict[str, str]) -> None:
    """Run the command line of a fix."""
    done = subprocess.run(["bash", "-c", fix], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{fix}\n{done.stderr}"


def written(fix: str, folder: Path) -> None:
    """Apply a fix of the form `in FILE, under [TABLE]: LINE`."""
    match = re.fullmatch(r"in (\S+), under (\[\S+\]): (.+)", fix)
    assert match, fix
    file = Path(match[1])
    assert file == folder / "pueue-skill/config.toml"
    file.write_text(file.read_text().replace(f"{match[2]}\n", f"{match[2]}\n{match[3]}\n"))


def well(env: dict[str, str], host: Host) -> None:
    assert wrong(env, host) == []


def submitted(host: Host, env: dict[str, str], command: str, *options: str) -> str:
    done = call("run", "--host", host.name, "--detach", *options, "--", command, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition(":")[2]


def daemon_of(host: Host) -> list[int]:
    return [pid for pid in strays(host.home) if processes().get(pid, (0, ""))[1] == "pueued"]


def without_folder(ill: Host, folder: Path) -> str:
    """Return the ID of a job that could not be started because its folder was removed."""
    folder.mkdir()
    id = ill.pueue("add", "--print-task-id", "--stashed", "--working-directory", str(folder), "pwd")
    folder.rmdir()
    ill.pueue("enqueue", id)
    ill.result(id)
    return id
