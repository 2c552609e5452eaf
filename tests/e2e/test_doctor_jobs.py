"""`doctor` and jobs that do not start or fail at once: groups, slots, dependencies, folders and programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor import (
    call,
    configure,
    examined,
    only,
    submitted,
    typed,
    well,
    without_folder,
    written,
    wrong,
)
from real import Host, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


# Jobs that do not start.


def test_a_paused_group(env: dict[str, str], ill: Host) -> None:
    ill.pueue("pause", "--group", "p1")
    id = submitted(ill, env, "true", "--group", "p1")
    check = only(env, ill, "queue of", "group p1 is paused; 1 job waits in it", "safe to start")
    assert check["mend"] == "asked"
    call("doctor", "--fix", ill.name, env=env)
    assert "Queued" in ill.tasks()[int(id)]["status"], "only with --start-groups"
    done = call("doctor", "--fix", "--start-groups", ill.name, env=env)
    assert f"queue of {ill.name}: fixed" in done.stderr
    assert ill.result(id) == "Success"
    well(env, ill)


def test_a_paused_group_with_a_failed_job(env: dict[str, str], ill: Host) -> None:
    ill.result(submitted(ill, env, "exit 3", "--group", "p1"))
    ill.pueue("pause", "--group", "p1")
    check = only(env, ill, "queue of", "1 job in it failed: find out why before you start it")
    assert check["mend"] == ""
    typed(check["fix"], env)
    well(env, ill)


def test_a_group_with_a_lower_limit_than_configured(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    configure(tmp_path, f"[hosts.{ill.name}]\ngroups = {{ p1 = 4 }}\n")
    ill.pueue("parallel", "--group", "p1", "1")
    first = submitted(ill, env, "sleep 60", "--group", "p1")
    second = submitted(ill, env, "true", "--group", "p1")
    until(lambda: "Running" in ill.tasks()[int(first)]["status"], "the first job")
    checks = examined(env, ill.name)
    assert f"{ill.name}:{second}: 1 of 1 slots of p1 are taken" in [check["what"] for check in checks]
    check = only(env, ill, "queue of", "the limit of group p1 is 1, but the configured limit is 4")
    assert check["mend"] == "", "doctor --fix does not raise limits"
    typed(check["fix"], env)
    assert ill.result(second) == "Success"
    ill.pueue("kill", first)


def test_a_slot_that_a_paused_job_occupies(env: dict[str, str], ill: Host) -> None:
    ill.pueue("parallel", "--group", "p1", "1")
    first = submitted(ill, env, "sleep 2", "--group", "p1")
    until(lambda: "Running" in ill.tasks()[int(first)]["status"], "the first job")
    ill.pueue("pause", first)
    second = submitted(ill, env, "true", "--group", "p1")
    checks = wrong(env, ill)
    assert [check["what"] for check in checks] == [
        f"{ill.name}:{first}: paused",
        f"{ill.name}:{second}: 1 of 1 slots of p1 are taken, 1 of them by paused jobs",
    ]
    assert checks[0]["fix"] == checks[1]["fix"]
    typed(checks[1]["fix"], env)
    assert ill.result(second) == "Success"
    well(env, ill)


def test_stashed_jobs(env: dict[str, str], ill: Host) -> None:
    id = ill.pueue("add", "--print-task-id", "--stashed", "true")
    typed(only(env, ill, "jobs of", f"{ill.name}:{id}: stashed")["fix"], env)
    assert ill.result(id) == "Success"
    later = ill.pueue("add", "--print-task-id", "--delay", "1 hour", "true")
    (check,) = [check for check in examined(env, ill.name) if check["name"].startswith("jobs of ")]
    assert (check["result"], check["fix"]) == ("ok", "")
    assert f"{ill.name}:{later}: stashed until 20" in check["what"]


def test_a_failed_dependency(env: dict[str, str], ill: Host) -> None:
    parent = submitted(ill, env, "test -e ~/there")
    child = submitted(ill, env, "true", "--after", f"{ill.name}:{parent}")
    grandchild = submitted(ill, env, "true", "--after", f"{ill.name}:{child}")
    ill.result(grandchild)
    names = f"{ill.name}:{child}, {ill.name}:{grandchild}"
    check = only(env, ill, "jobs of", f"{names} skipped: {ill.name}:{parent} failed with exit code 1")
    (ill.home / "there").touch()
    typed(check["fix"], env)
    assert [ill.result(id) for id in (parent, child, grandchild)] == ["Success"] * 3
    well(env, ill)


# Jobs that fail at once.


def test_a_missing_working_directory(env: dict[str, str], ill: Host) -> None:
    folder = ill.home / "a folder"
    id = without_folder(ill, folder)
    typed(only(env, ill, "jobs of", f"its working directory {folder} does not exist")["fix"], env)
    assert ill.result(id) == "Success"
    well(env, ill)


def test_a_program_that_is_not_on_the_path(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    program = ill.home / ".tools/bin/frobnicate"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho frobnicated\n")
    program.chmod(0o755)
    ill.result(submitted(ill, env, "frobnicate --all"))
    check = only(env, ill, "jobs of", "exit code 127", f"frobnicate, which is at {program}")
    written(check["fix"], tmp_path)
    assert 'path = ["~/.tools/bin"]' in (tmp_path / "pueue-skill/config.toml").read_text()
    assert ill.result(submitted(ill, env, "frobnicate --all")) == "Success"


def test_a_missing_program(env: dict[str, str], ill: Host) -> None:
    ill.result(submitted(ill, env, "defrobnicate"))
    check = only(env, ill, "jobs of", "a program was not found: defrobnicate")
    assert check["fix"].startswith("install it on the host, or use its full path")
    typed(check["fix"].partition("see: ")[2], env)


def test_a_program_that_is_not_executable(env: dict[str, str], ill: Host) -> None:
    (ill.home / "work.sh").write_text("#!/bin/sh\necho done\n")
    id = submitted(ill, env, "./work.sh")
    ill.result(id)
    typed(only(env, ill, "jobs of", "exit code 126", "./work.sh")["fix"], env)
    assert ill.result(id) == "Success"
    well(env, ill)
