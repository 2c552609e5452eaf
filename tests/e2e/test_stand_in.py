"""`pueue-skill ssh` in place of ssh, and the input of jobs: the same bytes, and the same exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from real import Daemon, Host, Lab, real
from stand_in import at


@pytest.mark.parametrize(
    "options",
    [
        [],
        pytest.param(["-o", "ConnectTimeout=5", "-q"], marks=pytest.mark.long),
        pytest.param(["-nTxl", os.environ.get("USER", "root")], marks=pytest.mark.long),
        ["-oRequestTTY=no", "-S", "none"],
    ],
    ids=["plain", "quiet", "login", "attached"],
)
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
def test_the_same_as_ssh(pueued: Daemon, bigblack: Host, options: list[str], words: list[str]) -> None:
    arguments = [*options, "bigblack", *words]
    real, ours = at(bigblack, "ssh", *arguments), at(bigblack, "pueue-skill", "ssh", *arguments)
    assert (ours.returncode, ours.stdout, ours.stderr) == (real.returncode, real.stdout, real.stderr)


def test_another_port(bigblack: Host) -> None:
    for options, code in ((["-p", str(bigblack.port)], 0), ([f"-p{bigblack.port}"], 0), (["-p", "1"], 255)):
        arguments = [*options, "bigblack", "echo there"]
        real, ours = at(bigblack, "ssh", *arguments), at(bigblack, "pueue-skill", "ssh", *arguments)
        assert (ours.returncode, ours.stdout) == (real.returncode, real.stdout)
        assert ours.returncode == code


def test_a_signal_is_128_and_its_number(bigblack: Host) -> None:
    """ssh exits with 255 and does not name the signal; a job exits with 128 plus its number, as a shell does."""
    assert at(bigblack, "ssh", "bigblack", "kill -TERM $$").returncode == 255
    ours = at(bigblack, "pueue-skill", "ssh", "bigblack", "echo a; kill -TERM $$")
    assert (ours.returncode, ours.stdout) == (143, b"a\n")


def test_binary_output(bigblack: Host) -> None:
    data = os.urandom(300_000)
    (bigblack.home / "data.bin").write_bytes(data)
    assert at(bigblack, "pueue-skill", "ssh", "bigblack", "cat data.bin").stdout == data


SHELLS = {
    "dash": "x='a b'; echo ${BASH_VERSION:-none} ${ZSH_VERSION:-none} $x; pwd; exit 3",
    "fish": "set x 'a b' c\\'d; echo $x[2] (count $x); pwd; exit 3",
    "tcsh": "set x = (a 'b c'); echo $x[2] $#x; pwd; exit 3",
    "zsh": "x=(a 'b c'); echo $x[2] ${(U)x}; pwd; exit 3",
}


@pytest.mark.long
@pytest.mark.parametrize("shell", SHELLS)
def test_login_shells(lab: Lab, shell: str) -> None:
    """The text means the same as to the host's login shell, as an argument, as a file, and with input."""
    real(shell)
    host = Host(lab, f"of-{shell}", {"default": 2}, shell)
    try:
        real_ssh, ours = ["ssh", host.name], ["pueue-skill", "ssh", host.name]
        there, short = at(host, *real_ssh, SHELLS[shell]), at(host, *ours, SHELLS[shell])
        assert (short.returncode, short.stdout, short.stderr) == (there.returncode, there.stdout, there.stderr)
        assert short.returncode == 3
        given = bytes(range(256)) * 16
        command = ["pueue-skill", "ssh", "--stdin", host.name]
        assert at(host, *command, "cat; exit 4", stdin=given).stdout == given
        script = b"echo script\nexit 5\n"
        there, here = at(host, *real_ssh, stdin=script), at(host, *command, stdin=script)
        assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
        assert (here.returncode, here.stdout.splitlines()[-1]) == (5, b"script")
        # Separate lines, since not every shell accepts long ones; ssh cannot run a command of this length.
        long = at(host, *ours, *["echo 0123456789\n" * 7000] * 3, SHELLS[shell])
        assert long.stderr == b""
        assert long.stdout == b"0123456789\n" * 21_000 + short.stdout
        assert long.returncode == 3
        raw = subprocess.run(
            [*map(os.fsencode, ours), b"printf '\xff\xfe'"], env=host.env, capture_output=True, timeout=60
        )
        assert (raw.returncode, raw.stdout) == (0, b"\xff\xfe"), raw.stderr
    finally:
        host.stop()


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


def test_stdout_and_stderr_are_complete_after_a_lost_connection(bigblack: Host, tmp_path: Path) -> None:
    """Both streams resume where they stopped, in order."""
    go = tmp_path / "go"
    work = f"seq 1 40000; seq 2 2 40000 >&2; until [ -e {go} ]; do sleep 0.05; done; seq 1 9; seq 2 2 9 >&2; exit 6"
    command = ["pueue-skill", "ssh", "bigblack", work]
    with subprocess.Popen(
        command, env=bigblack.env, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        output = process.stdout.read(100_000)
        assert bigblack.kill_connections() > 0
        go.touch()
        rest, errors = process.communicate(timeout=50)
    numbers = [*range(1, 40_001), *range(1, 10)]
    assert (output + rest).decode() == "".join([f"{number}\n" for number in numbers])
    said, times = re.subn(r"pueue-skill: .*?; trying again\n", "", errors.decode(), flags=re.DOTALL)
    assert said == "".join([f"{number}\n" for number in numbers if number % 2 == 0])
    assert times > 0
    assert process.returncode == 6


def test_stderr_of_an_earlier_job_with_the_same_key_is_removed(pueued: Daemon) -> None:
    command = ["pueue-skill", "run", "--split-output", "--key", "errors-1", "--group", "held"]
    pueued.pueue("group", "add", "held")
    try:
        assert at(pueued, *command, "--follow", "--", "echo old >&2").stderr == b"old\n"
        pueued.pueue("remove", *[str(id) for id, task in pueued.tasks().items() if task["group"] == "held"])
        pueued.pueue("pause", "--group", "held")
        at(pueued, *command, "--detach", "--", "echo new >&2")
        shown = at(pueued, "pueue-skill", "log", "errors-1")
        assert (shown.stdout, shown.stderr) == (b"", b"")
        pueued.pueue("start", "--group", "held")
        shown = at(pueued, "pueue-skill", "log", "--follow", "errors-1")
        assert (shown.stdout, shown.stderr) == (b"", b"new\n")
    finally:
        pueued.pueue("clean", "--group", "held")
        pueued.pueue("group", "remove", "held")


def test_separate_stderr(pueued: Daemon) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no-such-host", "true"], 255, "cannot be reached"),
        (["-t", "bigblack", "top"], 2, "asks for a terminal"),
        (["-N", "-L", "1:h:1", "bigblack"], 2, "does not run a command"),
        (["bigblack"], 2, "no command is given for bigblack"),
        ([], 2, "no host"),
        (["--group", "nope", "bigblack", "true"], 125, "Group nope"),
        (["--wait", "0.2", "bigblack", "sleep 2"], 75, "follow it with: pueue-skill log --follow bigblack:"),
        (["-o", "RequestTTY=force", "bigblack", "top"], 2, "Try: ssh -o RequestTTY=force bigblack top"),
        (["-oSessionType none", "bigblack", "x"], 2, "does not run a command"),
        (["-o", "LocalForward=1 h:1", "bigblack", "x"], 2, "opens a tunnel"),
        (["bigblack", "ssh", "-t", "littleblack", "top"], 2, "asks for a terminal"),
        (["-A", "bigblack", "ssh-add -l"], 2, "Try: ssh -A bigblack 'ssh-add -l'"),
        (["-Y", "bigblack", "xterm"], 2, "forwards your X11 display"),
        (["bigblack", "ssh", "-A", "littleblack", "ssh-add -l"], 2, "forwards your ssh agent"),
        (["-o", "ForwardAgent yes", "bigblack", "x"], 2, "forwards your ssh agent"),
    ],
)
def test_unsupported_options_of_ssh(bigblack: Host, arguments: list[str], code: int, says: str) -> None:
    done = at(bigblack, "pueue-skill", "ssh", *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr.decode()


def test_a_host_without_its_daemon(lab: Lab) -> None:
    """The host was reached, so the exit code is not 255, and the outcome of the job is not guessed."""
    host = Host(lab, "idle", {})
    try:
        lab.end(host.daemon)
        done = at(host, "pueue-skill", "ssh", "idle", "true")
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"the daemon of idle is not running: Failed to initialize client: Failed to" in done.stderr
        assert b"pueue-skill setup idle" in done.stderr
    finally:
        host.stop()


def test_detached(bigblack: Host) -> None:
    done = at(bigblack, "pueue-skill", "ssh", "--detach", "--label=later", "bigblack", "exit 3")
    host, _, task = done.stdout.decode().strip().partition(":")
    assert host == "bigblack"
    assert bigblack.result(task) == {"Failed": 3}
    assert bigblack.tasks()[int(task)]["label"] == "later"


def test_in_a_loop_and_a_redirect(bigblack: Host, tmp_path: Path) -> None:
    """Without --stdin it does not read the loop's input, like ssh -n."""
    text = f"cd {tmp_path}; printf '%s\\n' 1 '2  3' | while read x; do SSH bigblack \"echo $x; echo e >&2; exit 4\" || echo $?; done >out 2>err; cat out; cat err >&2"
    real = at(bigblack, "bash", "-c", text.replace("SSH", "ssh -n"))
    ours = at(bigblack, "bash", "-c", text.replace("SSH", "pueue-skill ssh"))
    assert (ours.stdout, ours.stderr) == (real.stdout, real.stderr) == (b"1\n4\n2 3\n4\n", b"e\ne\n")


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
    """`path` precedes the host's PATH, `group` is for jobs without a group."""
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


def test_a_host_whose_configuration_forwards_the_agent(bigblack: Host) -> None:
    """Only ssh itself can forward the agent; a command that disables forwarding is queued."""
    config = bigblack.lab.client / ".ssh/config"
    before, text = config.read_text() if config.exists() else None, "echo $PUEUE_SKILL_KEY; cat; exit 3"
    config.write_text(f"ForwardAgent yes\n{before or ''}")
    try:
        plain = at(bigblack, "pueue-skill", "ssh", "bigblack", text, stdin=b"not read")
        assert (plain.returncode, plain.stdout) == (3, b"\n")
        assert b"not queued, but run by ssh: the ssh configuration of bigblack has forwardagent yes" in plain.stderr
        fed = at(bigblack, "pueue-skill", "ssh", "--stdin", "bigblack", text, stdin=b"read")
        assert (fed.returncode, fed.stdout) == (3, b"\nread")
        queued = at(bigblack, "pueue-skill", "ssh", "-a", "bigblack", text)
        assert queued.returncode == 3
        assert queued.stdout.strip()
    finally:
        if before is None:
            config.unlink()
        else:
            config.write_text(before)
