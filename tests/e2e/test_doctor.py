"""`doctor HOST`: everything that goes wrong with a queue or the way to it, broken on purpose on a real host, found, and mended as told.

What `fix` says is done literally: a command line is run, a line of a configuration written where it says.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import get_pueue
import jsonschema
import pytest
from real import REQUIRE_ALL, Host, Lab, kill, processes, real, strays, until

from pueue_skill.agents import doctor
from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.hosts.doctor import examine
from pueue_skill.queues.pueue.health import Findings
from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host as Known

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]
number = itertools.count()
OLD = get_pueue.find_old()  # before a test's own HOME hides it


@pytest.fixture
def ill(lab: Lab) -> Iterator[Host]:
    """A host of a test's own, with groups default=2 and p1=4."""
    host = Host(lab, f"ill{next(number)}", {"default": 2, "p1": 4})
    yield host
    end(host)


def end(host: Host) -> None:
    host.stop()
    kill(strays(host.home))  # daemons that were started by a fix


@pytest.fixture
def env(lab: Lab, ill: Host, tmp_path: Path) -> dict[str, str]:
    configure(tmp_path, f"[hosts.{ill.name}]\n")
    return lab.env | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}


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
    """Without what a busy machine does to connections, and what other tests of its user run in them."""
    checks = examined(env, host.name)
    busy = [
        check
        for check in checks
        if check["name"].startswith("work on ") or check["what"].startswith("a connection takes")
    ]
    return [check for check in checks if check["fix"] and check not in busy]


def only(env: dict[str, str], host: Host, name: str, *words: str) -> dict[str, Any]:
    """The one check that is not well, whose name is given, and whose cause holds `words`."""
    checks = wrong(env, host)
    assert [check["name"] for check in checks] == [f"{name} {host.name}"], checks
    for word in words:
        assert word in checks[0]["what"], checks[0]
    return checks[0]


def typed(fix: str, env: dict[str, str]) -> None:
    """The command line of a fix, as a person would run it."""
    done = subprocess.run(["bash", "-c", fix], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{fix}\n{done.stderr}"


def written(fix: str, folder: Path) -> None:
    """A fix that says `in FILE, under [TABLE]: LINE`, written there."""
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


def test_a_host_that_is_well(env: dict[str, str], ill: Host) -> None:
    checks = examined(env, ill.name)
    names = [check["name"].removesuffix(f" {ill.name}") for check in checks if not check["name"].startswith("work on ")]
    assert names == ["ssh to", "pueue of", "disk of", "daemon of", "queue of"]
    well(env, ill)


# The daemon.


@pytest.mark.parametrize("how", ["killed", "shut down", "never started"])
def test_a_daemon_that_is_down_is_started(how: str, env: dict[str, str], ill: Host) -> None:
    if how == "killed":
        ill.daemon.kill()
        words = "it has died and left its socket behind"
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
    assert f"runs: {check['fix']}" in done.stderr, "told before"
    assert f"daemon of {ill.name}: mended" in done.stderr, "looked at afterwards"
    assert ill.answers()
    well(env, ill)
    ill.pueue("shutdown")
    until(lambda: not ill.answers(), "its end")
    typed(only(env, ill, "daemon of")["fix"], env)
    until(ill.answers, "the daemon")


def test_a_daemon_that_is_held(env: dict[str, str], ill: Host) -> None:
    ill.daemon.send_signal(signal.SIGSTOP)
    check = only(env, ill, "daemon of", "held by a signal")
    typed(check["fix"], env)
    well(env, ill)


def test_a_daemon_that_listens_elsewhere(env: dict[str, str], ill: Host) -> None:
    ill.lab.end(ill.daemon)
    run = ill.home / "run"
    run.mkdir()
    other = ill.lab.start(
        real("pueued"), env=ill.pueue_env | {"XDG_RUNTIME_DIR": str(run)}, cwd=ill.home, log=ill.home / "other.log"
    )
    until(lambda: list(run.glob("*.socket")), "its socket")
    check = only(env, ill, "daemon of", "listens at", str(run), "Do not start a second one")
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
    check = only(env, ill, "daemon of", "2 daemons keep their queue in", str(other.pid), str(ill.daemon.pid))
    assert check["mend"] == ""
    typed(check["fix"], env)
    other.wait(10)
    well(env, ill)
    assert daemon_of(ill) == [ill.daemon.pid], "the one that clients reach is left"


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
    check = only(env, ill, "daemon of", "pueued 3.4.1", "do not understand each other", "empty queue")
    assert check["mend"] == "", "what it runs would end"
    reaper = threading.Thread(target=ill.daemon.wait)  # as init does it
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


# The client.


def test_a_client_that_lies_elsewhere(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    (ill.home / "odd").mkdir()
    (ill.home / ".local/bin").rename(ill.home / "odd/bin")
    check = only(env, ill, "pueue of", "~/.local/bin/pueue is not found there", f"{ill.home}/odd/bin/pueue")
    assert check["result"] == "failure"
    written(check["fix"], tmp_path)
    well(env, ill)


def test_a_client_that_only_a_login_shell_finds(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    (ill.home / ".local/bin").rename(ill.home / "x")
    (ill.home / ".profile").write_text('PATH="$HOME/x:$PATH"\n')
    written(only(env, ill, "pueue of", f"{ill.home}/x/pueue")["fix"], tmp_path)
    well(env, ill)


def test_a_configured_client_that_is_not_there(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    configure(tmp_path, f'[hosts.{ill.name}]\npueue = "/opt/none/pueue"\n')
    check = only(env, ill, "pueue of", "/opt/none/pueue is not found there")
    assert check["result"] == "warning", "run finds it all the same, an invocation does not"
    configure(tmp_path, f"[hosts.{ill.name}]\n")
    written(check["fix"], tmp_path)
    well(env, ill)


def test_no_client_at_all() -> None:
    (check,) = examine.client(examine.Place(Known("h", "h"), "/c"), Findings(data="/d"))
    assert (check.result, check.fix) == ("failure", "pueue-skill setup h")


# Jobs that do not start.


def test_a_paused_group(env: dict[str, str], ill: Host) -> None:
    ill.pueue("pause", "--group", "p1")
    id = submitted(ill, env, "true", "--group", "p1")
    check = only(env, ill, "queue of", "group p1 is paused; 1 jobs wait in it", "safe to start")
    assert check["mend"] == "asked"
    call("doctor", "--fix", ill.name, env=env)
    assert "Queued" in ill.tasks()[int(id)]["status"], "nobody has asked for it"
    done = call("doctor", "--fix", "--start-groups", ill.name, env=env)
    assert f"queue of {ill.name}: mended" in done.stderr
    assert ill.result(id) == "Success"
    well(env, ill)


def test_a_group_that_a_failure_may_have_paused(env: dict[str, str], ill: Host) -> None:
    ill.result(submitted(ill, env, "exit 3", "--group", "p1"))
    ill.pueue("pause", "--group", "p1")
    check = only(env, ill, "queue of", "1 have failed in it: look at them before it is started")
    assert check["mend"] == ""
    typed(check["fix"], env)
    well(env, ill)


def test_a_group_that_runs_fewer_than_was_meant(env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    configure(tmp_path, f"[hosts.{ill.name}]\ngroups = {{ p1 = 4 }}\n")
    ill.pueue("parallel", "--group", "p1", "1")
    first = submitted(ill, env, "sleep 60", "--group", "p1")
    second = submitted(ill, env, "true", "--group", "p1")
    until(lambda: "Running" in ill.tasks()[int(first)]["status"], "the first job")
    checks = examined(env, ill.name)
    assert f"{ill.name}:{second}: 1 of 1 slots of p1 are taken" in [check["what"] for check in checks]
    check = only(env, ill, "queue of", "group p1 runs 1 at once, and the configuration says 4")
    assert check["mend"] == "", "nothing is raised unasked"
    typed(check["fix"], env)
    assert ill.result(second) == "Success"
    ill.pueue("kill", first)


def test_a_slot_that_a_paused_job_holds(env: dict[str, str], ill: Host) -> None:
    ill.pueue("parallel", "--group", "p1", "1")
    first = submitted(ill, env, "sleep 2", "--group", "p1")
    until(lambda: "Running" in ill.tasks()[int(first)]["status"], "the first job")
    ill.pueue("pause", first)
    second = submitted(ill, env, "true", "--group", "p1")
    checks = wrong(env, ill)
    assert [check["what"] for check in checks] == [
        f"{ill.name}:{first}: paused",
        f"{ill.name}:{second}: 1 of 1 slots of p1 are taken, 1 of them by jobs that are paused",
    ]
    assert checks[0]["fix"] == checks[1]["fix"]
    typed(checks[1]["fix"], env)
    assert ill.result(second) == "Success"
    well(env, ill)


def test_jobs_that_are_stashed(env: dict[str, str], ill: Host) -> None:
    id = ill.pueue("add", "--print-task-id", "--stashed", "true")
    typed(only(env, ill, "jobs of", f"{ill.name}:{id}: put aside")["fix"], env)
    assert ill.result(id) == "Success"
    later = ill.pueue("add", "--print-task-id", "--delay", "1 hour", "true")
    (check,) = [check for check in examined(env, ill.name) if check["name"].startswith("jobs of ")]
    assert (check["result"], check["fix"]) == ("ok", "")
    assert f"{ill.name}:{later}: put aside until 20" in check["what"]


def test_a_job_that_comes_after_one_that_has_failed(env: dict[str, str], ill: Host) -> None:
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


def without_folder(ill: Host, folder: Path) -> str:
    """The id of a job that could not be started, for its folder was gone by then."""
    folder.mkdir()
    id = ill.pueue("add", "--print-task-id", "--stashed", "--working-directory", str(folder), "pwd")
    folder.rmdir()
    ill.pueue("enqueue", id)
    ill.result(id)
    return id


def test_a_folder_that_is_not_there(env: dict[str, str], ill: Host) -> None:
    folder = ill.home / "a folder"
    id = without_folder(ill, folder)
    typed(only(env, ill, "jobs of", f"its folder {folder} was not there")["fix"], env)
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


def test_a_program_that_is_nowhere(env: dict[str, str], ill: Host) -> None:
    ill.result(submitted(ill, env, "defrobnicate"))
    check = only(env, ill, "jobs of", "a program was not found: defrobnicate")
    assert check["fix"].startswith("install it there, or name it by its path")


def test_a_program_that_cannot_be_run(env: dict[str, str], ill: Host) -> None:
    (ill.home / "work.sh").write_text("#!/bin/sh\necho done\n")
    id = submitted(ill, env, "./work.sh")
    ill.result(id)
    typed(only(env, ill, "jobs of", "exit code 126", "./work.sh")["fix"], env)
    assert ill.result(id) == "Success"
    well(env, ill)


# The way there.


def alias(lab: Lab, ill: Host, name: str, **changed: str) -> None:
    """Another name for a host in the ssh configuration, with what is changed; empty: left out."""
    (block,) = [
        part for part in (lab.client / ".ssh/config").read_text().split("Host ") if part.startswith(f"{ill.name}\n")
    ]
    lines = []
    for line in block.splitlines()[1:]:
        key = line.split()[0]
        value = changed.get(key, line.split(None, 1)[1])
        lines += [f" {key} {value}\n"] if value else []
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"Host {name}\n{''.join(lines)}")


def way(env: dict[str, str], name: str, *words: str) -> dict[str, Any]:
    (check,) = examined(env, name)
    assert (check["name"], check["result"]) == (f"ssh to {name}", "failure")
    for word in words:
        assert word in check["what"], check
    return check


def test_a_key_that_is_not_taken(lab: Lab, env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    alias(lab, ill, "keyless", IdentityFile=str(key))
    assert way(env, "keyless", "it does not take your key", "Permission denied")["fix"] == "ssh-copy-id keyless"
    of_sshd = lab.client / ".ssh/id.pub"  # what ssh-copy-id does where it can log in by a password
    before = of_sshd.read_text()
    try:
        of_sshd.write_text(before + key.with_suffix(".pub").read_text())
        assert examined(env, "keyless")[0]["result"] == "ok"
    finally:
        of_sshd.write_text(before)


def test_a_host_key_that_is_not_known(lab: Lab, env: dict[str, str], ill: Host) -> None:
    alias(lab, ill, "stranger", HostKeyAlias="stranger")
    typed(way(env, "stranger", "its key is not known here")["fix"], env)
    assert examined(env, "stranger")[0]["result"] == "ok"


def test_a_host_key_that_has_changed(lab: Lab, env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with (lab.client / ".ssh/known_hosts").open("a") as known:
        known.write(f"changed {key.with_suffix('.pub').read_text()}")
    alias(lab, ill, "changed", HostKeyAlias="changed")
    typed(way(env, "changed", "its key is not the one that is known", "Ask whoever runs it")["fix"], env)
    assert examined(env, "changed")[0]["result"] == "ok"


def test_a_name_that_leads_nowhere(lab: Lab, env: dict[str, str], ill: Host) -> None:
    alias(lab, ill, "nameless.invalid", HostName="")
    fix = way(env, "nameless.invalid", "its name leads to no address")["fix"]
    match = re.fullmatch(r"in ~/.ssh/config, under (Host \S+): (HostName) ADDRESS", fix)
    assert match
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"{match[1]}\n {match[2]} 127.0.0.1\n")
    assert examined(env, "nameless.invalid")[0]["result"] == "ok"


def test_a_port_where_nothing_listens(lab: Lab, env: dict[str, str], ill: Host) -> None:
    config = lab.client / ".ssh/config"
    alias(lab, ill, "portless", Port="1")
    check = way(env, "portless", "nothing listens there", "Connection refused")
    assert "under Host portless: Port NUMBER" in check["fix"]
    port = re.findall(rf"Host {ill.name}\n HostName \S+\n Port (\d+)", config.read_text())[0]
    config.write_text(
        config.read_text().replace(
            "Host portless\n HostName 127.0.0.1\n Port 1\n", f"Host portless\n HostName 127.0.0.1\n Port {port}\n"
        )
    )
    assert examined(env, "portless")[0]["result"] == "ok"


def shared(lab: Lab, name: str) -> None:
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"Host {name}\n ControlMaster auto\n ControlPath {lab.client}/.ssh/%C\n ControlPersist 60\n")


@pytest.mark.parametrize("how", ["gone", "hung"])
def test_a_control_socket_without_its_master(how: str, lab: Lab, env: dict[str, str], ill: Host) -> None:
    shared(lab, ill.name)
    assert ill.ssh("true").returncode == 0
    said = subprocess.run([lab.bin / "ssh", "-O", "check", ill.name], env=env, capture_output=True, text=True).stderr
    master = int(re.findall(r"pid=(\d+)", said)[0])
    os.kill(master, signal.SIGKILL if how == "gone" else signal.SIGSTOP)
    try:
        check = way(env, ill.name, "the master behind", "is gone" if how == "gone" else "does not answer")
        assert check["mend"] == "safe"
        done = call("doctor", "--fix", ill.name, env=env)
        assert f"runs: {check['fix']}" in done.stderr
        assert f"ssh to {ill.name}: mended" in done.stderr
        well(env, ill)
    finally:
        if how == "hung":
            os.kill(master, signal.SIGKILL)
        subprocess.run([lab.bin / "ssh", "-O", "exit", ill.name], env=env, capture_output=True)


def test_a_slow_connection(lab: Lab, env: dict[str, str], ill: Host, littleblack: Host) -> None:
    with (lab.client / ".ssh/config").open("a") as config:
        ssh = f"{lab.bin}/ssh -o ControlPath=none -W %h:%p littleblack"
        config.write(f"Host {ill.name}\n ProxyCommand sh -c 'sleep 2.1; exec {ssh}'\n")
    (check,) = [check for check in examined(env, ill.name) if check["name"].startswith("ssh to ")]
    assert re.match(r"a connection takes [2-9]\.\d s; a master pays that once", check["what"])
    match = re.fullmatch(r"in ~/.ssh/config, under (Host \S+): (.+)", check["fix"])
    assert match
    lines = match[2].replace(", ", "\n ").replace("~", str(lab.client))  # ssh would take the home in the passwd file
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"{match[1]}\n {lines}\n")
    try:
        checks = {check["name"]: check for check in examined(env, ill.name)}
        assert checks[f"ssh to {ill.name}"]["result"] == "ok", "what is slow is only the first"
    finally:
        subprocess.run([lab.bin / "ssh", "-O", "exit", ill.name], env=env, capture_output=True)


def test_hosts_are_asked_at_the_same_time(lab: Lab, env: dict[str, str]) -> None:
    hosts = [Host(lab, f"slow{i}", {"default": 1}, login="sleep 1.5\n") for i in range(4)]
    try:
        began = time.monotonic()
        checks = examined(env, *[host.name for host in hosts], "nobody.invalid")
        took = time.monotonic() - began
    finally:
        for host in hosts:
            end(host)
    daemons = [check for check in checks if check["name"].startswith("daemon of slow")]
    assert [check["result"] for check in daemons] == ["ok"] * 4
    assert "its name leads to no address" in checks[-1]["what"]
    assert took < 4 * 2 * 1.5, "each logs in twice"


# The machine.


def test_a_state_that_is_too_big(env: dict[str, str], ill: Host) -> None:
    large = {f"LARGE{i}": "x" * 100_000 for i in range(15)}
    for _ in range(8):
        subprocess.run([ill.pueue_path, "add", "true"], env=ill.pueue_env | large, check=True, capture_output=True)
    until(lambda: all("Done" in task["status"] for task in ill.tasks().values()), "the jobs")
    typed(only(env, ill, "state of", "the queue's state has 12", "written at every change")["fix"], env)
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


def test_a_disk_that_is_full(lab: Lab, env: dict[str, str], tmp_path: Path) -> None:
    """In a namespace of mounts of its own, which a user may have too."""
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
    assert "share/pueue/large" in (tmp_path / "report.shown").read_text(), "the fix shows what is large"
    assert disk("report.after")["result"] == "ok"


def test_a_clock_that_is_wrong(lab: Lab, env: dict[str, str], tmp_path: Path) -> None:
    """By a stand-in: the machine's own clock is everybody's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "date").write_text(f"#!/bin/sh\necho $(($({real('date')} +%s) + 3600))\n")
    (folder / "date").chmod(0o755)
    host = Host(lab, "skewed", {"default": 1}, path=folder)
    try:
        check = only(env, host, "clock of", "ahead of this one")
        assert re.match(r"its clock is (35[89]\d|3600) s ahead", check["what"])
        assert check["fix"] == "ssh skewed 'sudo timedatectl set-ntp true'"
        (folder / "date").unlink()
        well(env, host)
    finally:
        end(host)


def test_work_that_is_lost_with_its_connection(
    lab: Lab, env: dict[str, str], ill: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "LONG", 0)
    ill.pueue("add", "sleep 4322")
    command = [lab.bin / "ssh", ill.name, "sleep 4321"]
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def found() -> list[examine.Check]:
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
            for check in examine.work(examine.Place(Known(ill.name, ill.name), "/c"), table)
            if "4321" in check.what or "more" in check.what
        ]

    try:
        (check,) = until(found, "the work")
        assert "runs in an ssh connection, and is lost with it" in check.what
        assert "4322" not in check.what
        assert f"pueue-skill run --host {ill.name}" in check.fix
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


def test_the_table_has_every_check() -> None:
    root = Path(__file__).parent.parent.parent
    table = (root / "references/troubleshooting.md").read_text("utf-8")
    named = set(re.findall(r'f"(\w+ (?:of|on|to)) \{', Path(examine.__file__).read_text("utf-8")))
    assert {"pueue of", "ssh to", "work on"} <= named
    assert set(re.findall(r"`(\w+ (?:of|on|to)) HOST`", table)) == named


def test_what_a_host_says_is_harmless_and_masked(env: dict[str, str], ill: Host) -> None:
    ill.pueue("add", "--stashed", "--label=\x1b[2J", "true")
    without_folder(ill, ill.home / "token=abcdefgh12345 \x1b]0;x\x07")
    done = call("doctor", ill.name, env=env)
    assert [char for char in done.stdout if not char.isprintable() and char not in "\n"] == []
    (line,) = [line for line in done.stdout.splitlines() if "was not there" in line]
    assert "token=***" in line
