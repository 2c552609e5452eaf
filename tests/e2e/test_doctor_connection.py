"""`doctor` and the ssh connection to a host: keys, names, ports, shared and slow connections."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from doctor import (
    call,
    end,
    examined,
    typed,
    well,
)
from real import Host, Lab, real

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def alias(lab: Lab, ill: Host, name: str, **changed: str) -> None:
    """Add another name for a host to the ssh configuration, with changed options; an empty option is left out."""
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


def failure_of(env: dict[str, str], name: str, *words: str) -> dict[str, Any]:
    (check,) = examined(env, name)
    assert (check["name"], check["result"]) == (f"ssh to {name}", "failure")
    for word in words:
        assert word in check["what"], check
    return check


def test_a_key_that_the_host_does_not_accept(lab: Lab, env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    alias(lab, ill, "keyless", IdentityFile=str(key))
    assert (
        failure_of(env, "keyless", "the host does not accept your key", "Permission denied")["fix"]
        == "ssh-copy-id keyless"
    )
    of_sshd = lab.client / ".ssh/id.pub"  # as ssh-copy-id does after a login with a password
    before = of_sshd.read_text()
    try:
        of_sshd.write_text(before + key.with_suffix(".pub").read_text())
        assert examined(env, "keyless")[0]["result"] == "ok"
    finally:
        of_sshd.write_text(before)


def test_an_unknown_host_key(lab: Lab, env: dict[str, str], ill: Host) -> None:
    alias(lab, ill, "stranger", HostKeyAlias="stranger")
    typed(failure_of(env, "stranger", "the host key is not known")["fix"], env)
    assert examined(env, "stranger")[0]["result"] == "ok"


def test_a_changed_host_key(lab: Lab, env: dict[str, str], ill: Host, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run([real("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with (lab.client / ".ssh/known_hosts").open("a") as known:
        known.write(f"changed {key.with_suffix('.pub').read_text()}")
    alias(lab, ill, "changed", HostKeyAlias="changed")
    typed(failure_of(env, "changed", "the host key has changed", "Ask its administrator first")["fix"], env)
    assert examined(env, "changed")[0]["result"] == "ok"


def test_a_hostname_that_does_not_resolve(lab: Lab, env: dict[str, str], ill: Host) -> None:
    alias(lab, ill, "nameless.invalid", HostName="")
    fix = failure_of(env, "nameless.invalid", "the hostname does not resolve")["fix"]
    match = re.fullmatch(r"in ~/.ssh/config, under (Host \S+): (HostName) ADDRESS", fix)
    assert match
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"{match[1]}\n {match[2]} 127.0.0.1\n")
    assert examined(env, "nameless.invalid")[0]["result"] == "ok"


def test_a_port_on_which_sshd_does_not_listen(lab: Lab, env: dict[str, str], ill: Host) -> None:
    config = lab.client / ".ssh/config"
    alias(lab, ill, "portless", Port="1")
    check = failure_of(env, "portless", "sshd is not running", "Connection refused")
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
def test_a_control_socket_without_its_master_process(how: str, lab: Lab, env: dict[str, str], ill: Host) -> None:
    shared(lab, ill.name)
    assert ill.ssh("true").returncode == 0
    said = subprocess.run([lab.bin / "ssh", "-O", "check", ill.name], env=env, capture_output=True, text=True).stderr
    master = int(re.findall(r"pid=(\d+)", said)[0])
    os.kill(master, signal.SIGKILL if how == "gone" else signal.SIGSTOP)
    try:
        check = failure_of(
            env, ill.name, "the master process of the control socket", "is gone" if how == "gone" else "does not answer"
        )
        assert check["mend"] == "safe"
        done = call("doctor", "--fix", ill.name, env=env)
        assert f"runs: {check['fix']}" in done.stderr
        assert f"ssh to {ill.name}: fixed" in done.stderr
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
    assert re.match(r"a connection takes [2-9]\.\d s; if connections are shared, only the first is slow", check["what"])
    match = re.fullmatch(r"in ~/.ssh/config, under (Host \S+): (.+)", check["fix"])
    assert match
    lines = match[2].replace(", ", "\n ").replace("~", str(lab.client))  # ssh takes the home from the passwd file
    with (lab.client / ".ssh/config").open("a") as config:
        config.write(f"{match[1]}\n {lines}\n")
    try:
        checks = {check["name"]: check for check in examined(env, ill.name)}
        assert checks[f"ssh to {ill.name}"]["result"] == "ok", "only the first is slow"
    finally:
        subprocess.run([lab.bin / "ssh", "-O", "exit", ill.name], env=env, capture_output=True)


def test_hosts_are_checked_at_the_same_time(lab: Lab, env: dict[str, str]) -> None:
    hosts = [Host(lab, f"slow{i}", {"default": 1}, login="sleep 1.5\n") for i in range(6)]
    try:
        began = time.monotonic()
        checks = examined(env, *[host.name for host in hosts], "nobody.invalid")
        took = time.monotonic() - began
    finally:
        for host in hosts:
            end(host)
    daemons = [check for check in checks if check["name"].startswith("daemon of slow")]
    assert [check["result"] for check in daemons] == ["ok"] * 6
    assert "the hostname does not resolve" in checks[-1]["what"]
    assert took < 6 * 2 * 1.5, "each logs in twice"
