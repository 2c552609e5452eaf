"""`pueue-skill ssh` in place of ssh, and what `run` and it hand to a job: the same bytes, the same exit status."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from real import Daemon, Host

Bytes = subprocess.CompletedProcess[bytes]


def at(host: Daemon, *command: str, stdin: bytes = b"") -> Bytes:
    return subprocess.run(command, env=host.env, input=stdin, capture_output=True, timeout=60)


@pytest.mark.parametrize("options", [[], ["-o", "ConnectTimeout=5", "-q"], ["-l", os.environ.get("USER", "root")]])
@pytest.mark.parametrize(
    "words",
    [
        ["echo $HOME; pwd; exit 7"],
        ["printf", "'<%s>'", "a b", "$HOME", "it\\'s"],
        ["true"],
        ["head -c 300000 /dev/zero | tr '\\0' x; echo e >&2"],
        ["cat"],
        ["exit 255"],
    ],
)
def test_as_ssh(pueued: Daemon, bigblack: Host, options: list[str], words: list[str]) -> None:
    arguments = [*options, "bigblack", *words]
    real, ours = at(bigblack, "ssh", *arguments), at(bigblack, "pueue-skill", "ssh", "--split-output", *arguments)
    assert (ours.returncode, ours.stdout, ours.stderr) == (real.returncode, real.stdout, real.stderr)


def test_a_signal_is_128_and_its_number(bigblack: Host) -> None:
    assert at(bigblack, "pueue-skill", "ssh", "bigblack", "kill -TERM $$").returncode == 143


@pytest.mark.parametrize("content", [b"", b"a\nb", bytes(range(256)) * 4096], ids=["empty", "text", "binary"])
@pytest.mark.parametrize(
    "command", [["ssh", "--stdin", "bigblack", "sha256sum"], ["run", "--follow", "--stdin", "--", "sha256sum"]]
)
def test_standard_input_arrives_whole(pueued: Daemon, bigblack: Host, command: list[str], content: bytes) -> None:
    host = bigblack if command[0] == "ssh" else pueued
    done = at(host, "pueue-skill", *command, stdin=content)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0].decode() == hashlib.sha256(content).hexdigest()


def test_a_script_for_the_login_shell(bigblack: Host) -> None:
    script = b"cd /\npwd\nexit 5\n"
    real, ours = (
        at(bigblack, "ssh", "bigblack", stdin=script),
        at(bigblack, "pueue-skill", "ssh", "--stdin", "bigblack", stdin=script),
    )
    assert (ours.returncode, ours.stdout) == (real.returncode, real.stdout) == (5, b"/\n")


@pytest.mark.parametrize("command", [["ssh", "bigblack"], ["run", "--follow", "--"]])
def test_work_longer_than_an_argument(pueued: Daemon, bigblack: Host, command: list[str]) -> None:
    # One argument of a program may hold 131,071 bytes, so two make a command line that pueue could not start.
    words = ["printf", "%s%s", "x" * 100_000, "y" * 100_000]
    done = at(bigblack if command[0] == "ssh" else pueued, "pueue-skill", *command, *words)
    assert (done.returncode, len(done.stdout)) == (0, 200_000), done.stderr


def test_standard_error_apart(pueued: Daemon) -> None:
    done = at(
        pueued,
        "pueue-skill",
        "run",
        "--follow",
        "--split-output",
        "--label",
        "apart",
        "--",
        "echo o; echo e >&2; kill -9 $$",
    )
    assert (done.returncode, done.stdout, done.stderr) == (137, b"o\n", b"e\n")
    log = at(pueued, "pueue-skill", "log", "apart")
    assert (log.stdout, log.stderr) == (b"o\n", b"e\n")


def test_a_job_restarted_in_place_reads_the_same(pueued: Daemon) -> None:
    done = at(pueued, "pueue-skill", "run", "--follow", "--stdin", "--label", "again", "--", "cat", stdin=b"same\n")
    assert done.stdout == b"same\n"
    (task,) = [number for number, task in pueued.tasks().items() if task["label"] == "again"]
    pueued.pueue("restart", "--in-place", str(task))
    assert pueued.result(task) == "Success"
    assert at(pueued, "pueue-skill", "log", "again").stdout == b"same\n"


def test_a_key_with_other_input_is_another_command(pueued: Daemon) -> None:
    command = ["pueue-skill", "run", "--follow", "--key", "input-1", "--stdin", "--", "cat"]
    assert at(pueued, *command, stdin=b"a").returncode == 0
    done = at(pueued, *command, stdin=b"b")
    assert done.returncode == 125
    assert b"belongs to local:" in done.stderr
    assert at(pueued, *command, stdin=b"a").stdout == b"a"


def test_a_file_that_cannot_be_written_means_no_job(pueued: Daemon) -> None:
    home = Path(pueued.env["HOME"]) / ".local"
    moved = home.rename(home.with_name("moved")) if home.exists() else None
    home.write_text("")
    try:
        before = set(pueued.tasks())
        done = at(pueued, "pueue-skill", "run", "--follow", "--stdin", "--", "cat", stdin=b"x")
        assert done.returncode == 125
        assert b"mkdir" in done.stderr
        assert set(pueued.tasks()) == before
    finally:
        home.unlink()
        if moved:
            moved.rename(home)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no-such-host", "true"], 255, "cannot be reached by ssh"),
        (["-t", "bigblack", "top"], 2, "asks for a terminal"),
        (["-N", "-L", "1:h:1", "bigblack"], 2, "not there to run a command"),
        (["bigblack"], 2, "is given no command"),
        ([], 2, "no host"),
        (["--group", "nope", "bigblack", "true"], 125, "Group nope"),
    ],
)
def test_what_it_does_not_do(bigblack: Host, arguments: list[str], code: int, says: str) -> None:
    done = at(bigblack, "pueue-skill", "ssh", *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr.decode()


def test_detached(bigblack: Host) -> None:
    done = at(bigblack, "pueue-skill", "ssh", "--detach", "--label=later", "bigblack", "exit 3")
    host, _, task = done.stdout.decode().strip().partition(":")
    assert host == "bigblack"
    assert bigblack.result(task) == {"Failed": 3}
    assert bigblack.tasks()[int(task)]["label"] == "later"


def test_in_a_pipe_and_a_substitution(bigblack: Host) -> None:
    text = "set -o pipefail; x=$(SSH bigblack 'echo a; exit 3'); echo $? $x; echo b | SSH_IN bigblack cat | tr b c; SSH bigblack 'exit 4' | cat; echo $?"
    real = at(bigblack, "bash", "-c", text.replace("SSH_IN", "ssh").replace("SSH", "ssh"))
    ours = at(
        bigblack, "bash", "-c", text.replace("SSH_IN", "pueue-skill ssh --stdin").replace("SSH", "pueue-skill ssh")
    )
    assert (ours.returncode, ours.stdout) == (real.returncode, real.stdout) == (0, b"3 a\nc\n4\n")


def test_through_another_host(bigblack: Host, littleblack: Host) -> None:
    """The first host knows the second as the client does."""
    known = bigblack.home / ".ssh"
    known.mkdir(exist_ok=True)
    shim = bigblack.home / ".local/bin/ssh"
    shim.write_text(
        f'#!/bin/sh\nexec {subprocess.check_output(["which", "ssh"], text=True).strip()} -F {bigblack.config} "$@"\n'
    )
    shim.chmod(0o755)
    (bigblack.home / ".bashrc").write_text("PATH=$HOME/.local/bin:$PATH\n")
    try:
        arguments = ["bigblack", "ssh", "-q", "littleblack", "'echo \"a  b\"; pwd; exit 6'"]
        real, ours = at(bigblack, "ssh", *arguments), at(bigblack, "pueue-skill", "ssh", *arguments)
        assert (
            (ours.returncode, ours.stdout)
            == (real.returncode, real.stdout)
            == (6, f"a  b\n{littleblack.home}\n".encode())
        )
        assert any("a  b" in task["command"] for task in littleblack.tasks().values())
    finally:
        (bigblack.home / ".bashrc").unlink()


def test_the_configuration_of_a_host(bigblack: Host, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`path` comes before the host's own PATH, `group` is for jobs that name none."""
    config = Path(bigblack.env["HOME"]) / ".config/pueue-skill/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        '[hosts.bigblack]\ngroup = "p1"\npath = ["~/.cargo/bin", "/opt/my tools"]\ngroups = { made = 2 }\n'
    )
    try:
        done = at(bigblack, "pueue-skill", "ssh", "--label=configured", "bigblack", "echo $PATH")
        assert done.stdout.decode().startswith(f"{bigblack.home}/.cargo/bin:/opt/my tools:/"), done.stderr
        (task,) = [task for task in bigblack.tasks().values() if task["label"] == "configured"]
        assert task["group"] == "p1"
        text = "ssh bigblack 'echo $PATH # pueue: queue' # pueue: queue"
        report = json.loads(at(bigblack, "pueue-skill", "suggest", "--json", "--group", "made", text).stdout)
        made = at(bigblack, "bash", "-c", report["invocation"])
        number = int(made.stdout)
        assert bigblack.result(number) == "Success"
        assert bigblack.tasks()[number]["group"] == "made"
        assert json.loads(bigblack.pueue("group", "--json"))["made"]["parallel_tasks"] == 2
        assert bigblack.pueue("log", "--json", str(number)).count(f"{bigblack.home}/.cargo/bin:/opt/my tools:")
    finally:
        config.unlink()
