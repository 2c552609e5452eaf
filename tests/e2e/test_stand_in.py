"""`pueue-skill ssh` in place of ssh, and what `run` and it hand to a job: the same bytes, the same exit status."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, Host, Lab, real, until

from pueue_skill.plan.model import Job
from pueue_skill.queues.pueue.invocation import PUT, WAITER, put
from pueue_skill.queues.pueue.submit import submit_script
from pueue_skill.queues.pueue.task import FOLDER, TooLong, errors_of, proposed, queued, task
from pueue_skill.shell import quote
from pueue_skill.shell.commands import commands
from pueue_skill.shell.login import LOGIN_SHELL
from pueue_skill.shell.model import LOCAL
from pueue_skill.shell.model import Host as ModelHost
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable, configured_obstacle, final_destination, remote_host
from pueue_skill.shell.syntax import Script

Bytes = subprocess.CompletedProcess[bytes]


def at(host: Daemon, *command: str, stdin: bytes = b"") -> Bytes:
    return subprocess.run(command, env=host.env, input=stdin, capture_output=True, timeout=60)


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
def test_as_ssh(pueued: Daemon, bigblack: Host, options: list[str], words: list[str]) -> None:
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
    """ssh says 255 and which signal it was to nobody; a job says the number, as a shell does."""
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
    """The text means what it means to the host's login shell, whatever becomes of it: an argument, a file, with input."""
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
        # Lines of their own, as not every shell takes long ones; ssh cannot have a command of this length run.
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


@pytest.mark.parametrize(
    "command", [["ssh", "--stdin", "bigblack", "wc -c"], ["run", "--follow", "--stdin", "--", "wc -c"]]
)
def test_standard_input_that_is_closed(pueued: Daemon, bigblack: Host, command: list[str]) -> None:
    host = bigblack if command[0] == "ssh" else pueued
    done = at(host, "bash", "-c", '"$@" <&-', "bash", "pueue-skill", *command)
    assert (done.returncode, done.stdout.strip()) == (0, b"0"), done.stderr
    command.remove("--stdin")
    assert at(host, "bash", "-c", '"$@" <&-', "bash", "pueue-skill", *command).stdout.strip() == b"0"


def test_standard_input_that_is_a_terminal(pueued: Daemon) -> None:
    terminal, other = os.openpty()
    command = ["pueue-skill", "run", "--follow", "--stdin", "--", "cat"]
    with subprocess.Popen(
        command, env=pueued.env, stdin=other, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        assert b"until Ctrl-D" in process.stderr.readline()
        os.write(terminal, b"typed\n\x04")
        assert process.communicate(timeout=30) == (b"typed\n", b"")
    assert process.returncode == 0
    for one in (terminal, other):
        os.close(one)


def test_both_outputs_are_whole_after_a_cut_connection(bigblack: Host, tmp_path: Path) -> None:
    """Each goes on where it stopped, in its own order."""
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


def test_the_errors_of_an_earlier_job_of_the_same_key_are_gone(pueued: Daemon) -> None:
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
        assert done.stderr.startswith(b"pueue-skill: not queued: mkdir: ")
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
        (["--wait", "0.2", "bigblack", "sleep 2"], 75, "follow it with: pueue-skill log --follow bigblack:"),
        (["-o", "RequestTTY=force", "bigblack", "top"], 2, "Type: ssh -o RequestTTY=force bigblack top"),
        (["-oSessionType none", "bigblack", "x"], 2, "not there to run a command"),
        (["-o", "LocalForward=1 h:1", "bigblack", "x"], 2, "opens a tunnel"),
        (["bigblack", "ssh", "-t", "littleblack", "top"], 2, "asks for a terminal"),
        (["-A", "bigblack", "ssh-add -l"], 2, "Type: ssh -A bigblack 'ssh-add -l'"),
        (["-Y", "bigblack", "xterm"], 2, "forwards your X11 display"),
        (["bigblack", "ssh", "-A", "littleblack", "ssh-add -l"], 2, "forwards your ssh agent"),
        (["-o", "ForwardAgent yes", "bigblack", "x"], 2, "forwards your ssh agent"),
    ],
)
def test_what_it_does_not_do(bigblack: Host, arguments: list[str], code: int, says: str) -> None:
    done = at(bigblack, "pueue-skill", "ssh", *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr.decode()


def test_a_host_without_its_daemon(lab: Lab) -> None:
    """The host was reached, so it is not for 255; nor is what became of a job there ever guessed."""
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
    """Without --stdin it leaves alone what the loop reads, as ssh does with -n."""
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


WORK = [
    "true",
    "",
    "echo 'it''s' \"$HOME\"\n\tx",
    "x </dev/null; exit",
    'x <"$HOME/y" 2>"$HOME/z"); exit',
    "-c x",
    "$'\\377'",
    'bash "$HOME/x"',
    "env PUEUE_SKILL_KEY=other bash -c x </dev/null; exit",
    "pueue wait --quiet 1 >/dev/null 2>&1 </dev/null; env PUEUE_SKILL_KEY=other bash -c x </dev/null; exit",
    "exec 2>/dev/null; (env PUEUE_SKILL_KEY=k bash -c x </dev/null); exit",
]


@pytest.mark.parametrize(
    "pueue", [None, "pueue", "~/.local/bin/pueue", "/a b/pueue", "/it's/ a/pueue", "/$x's\"/pueue"]
)
@pytest.mark.parametrize("split", [False, True], ids=["merged", "apart"])
@pytest.mark.parametrize("stdin", [False, True], ids=["nothing", "input"])
@pytest.mark.parametrize(
    ("shell", "umask", "nice"), [("bash", None, 0), ("login", 0o22, 0), ("nested", 0o7, -5), ("bash", 0, 19)]
)
def test_what_was_proposed_is_read_from_the_task(
    shell: str, umask: int | None, nice: int, stdin: bool, split: bool, pueue: str | None
) -> None:
    job = Job(
        "k:1",
        LOCAL,
        "pueue",
        None,
        None,
        None,
        "",
        shell=shell,
        stdin=stdin,
        split_output=split,
        umask=umask,
        nice=nice,
    )  # type: ignore[arg-type]
    before = f"{WAITER.format(pueue=quote.path(pueue), ids='1 2')}; " if pueue else ""
    for work in WORK:
        text = before + queued(job._replace(command=work))
        assert proposed(text) == ("k:1", work)
        assert errors_of(text) == (f'"{FOLDER}/k:1.err"' if split else "")
    long = job._replace(command="é" * 70_000)
    with pytest.raises(TooLong):
        queued(long)
    text, files = task(long)
    ((name, content),) = files.items()
    assert proposed(before + text) == ("k:1", f'{LOGIN_SHELL if shell == "login" else "bash"} "{FOLDER}/{name}"')
    assert content.decode() == ("unset SHLVL; " if shell == "nested" else "") + long.command


@contextlib.contextmanager
def tools(folder: Path, *names: str) -> Iterator[Path]:
    """A folder for PATH with nothing but some programs."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(real(name))
    yield folder


@pytest.mark.parametrize("sh", ["dash", "bash", "zsh"])
@pytest.mark.parametrize("decoder", ["base64 -d", "base64 -D", "openssl", "none"])
def test_files_are_there_whole_or_not_at_all(sh: str, decoder: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 999
    given = ["base64"] if decoder == "base64 -d" else ["openssl"] if decoder == "openssl" else []
    with tools(tmp_path / "bin", "mkdir", "mv", "rm", *given) as path:
        if decoder == "base64 -D":
            old = path / "base64"
            old.write_text(
                f'#!{real("sh")}\n[ "$1" = -D ] && exec {real("base64")} -d\necho "invalid option" >&2; exit 64\n'
            )
            old.chmod(0o755)
        script = PUT + put("name", content) + "\necho done\n"
        env = {"HOME": str(tmp_path / "a home"), "PATH": str(path)}
        done = subprocess.run([real(sh), "-s"], input=script.encode(), env=env, capture_output=True, timeout=20)
    folder = tmp_path / "a home/.local/share/pueue-skill/jobs"
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    if decoder == "none":
        assert (done.returncode, done.stdout, files) == (74, b"", {})
    else:
        assert (done.returncode, done.stdout, files) == (0, b"done\n", {"name": content}), done.stderr
        assert [file.stat().st_mode & 0o777 for file in (folder, folder / "name")] == [0o700, 0o600]


@pytest.mark.parametrize("sh", ["dash", "bash"])
def test_a_script_that_is_cut_off_adds_nothing(pueued: Daemon, sh: str) -> None:
    job = Job("cut-off", LOCAL, "pueue", None, None, None, "echo a\n" * 20_000)
    script = submit_script(job, ModelHost(LOCAL)).encode()
    before = set(pueued.tasks())
    for part in range(1, 21):
        cut = script[: len(script) * part // 20 - 3]
        done = subprocess.run([real(sh), "-s"], input=cut, env=pueued.env, capture_output=True, timeout=20)
        assert done.stdout == b""
    assert set(pueued.tasks()) == before


@pytest.mark.parametrize("sh", ["dash", "bash"])
def test_nobody_waits_for_a_file_that_is_on_its_way(pueued: Daemon, sh: str) -> None:
    job = Job(f"on-its-way-{sh}", LOCAL, "pueue", None, None, None, f": {os.urandom(100_000).hex()}")
    script = submit_script(job, ModelHost(LOCAL)).encode()
    with subprocess.Popen(
        [real(sh), "-s"], env=pueued.env, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(script[:-50_000])
        other = at(pueued, "pueue-skill", "run", "--follow", "--", "echo first")
        assert (other.returncode, other.stdout) == (0, b"first\n")
        assert job.key not in pueued.pueue("status", "--json")
        process.communicate(script[-50_000:], timeout=30)
    assert job.key in pueued.pueue("status", "--json")


NO_SSH = """#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do printf '<%s>' "$1" "$2" >>"$LOG"; shift 2; done
printf '<%s>\\n' "$1" >>"$LOG"
shift
exec sh -c "$*"
"""


@pytest.mark.parametrize(
    "text",
    [
        "ssh a 'echo work'",
        "ssh -p 22 a ssh -i ~/k b 'echo work'",
        "ssh -i 'k 1' a \"ssh -i 'k 2' b 'echo work'\"",
        "ssh -i 'k 1' a \"ssh -i 'k 2' b \\\"ssh -i 'k 3' -o 'A=\\\\\\\"b c\\\\\\\"' c 'echo work'\\\"\"",
        "ssh a ssh b ssh -p 3 u@c echo work",
    ],
)
def test_each_host_on_the_way_is_reached_in_the_same_way(text: str, tmp_path: Path) -> None:
    """Words are quoted once for every shell between here and there."""
    (tmp_path / "ssh").write_text(NO_SSH)
    (tmp_path / "ssh").chmod(0o755)
    script = parse(text)
    assert isinstance(script, Script)
    ssh = commands(script)[0].ssh
    assert ssh
    host, payload = final_destination(ssh, {})
    assert payload is not None
    seen = []
    for number, line in enumerate((text, f"ssh {host.ssh} 'sh -s'")):
        log = tmp_path / f"log{number}"
        env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)}
        done = subprocess.run(["bash", "-c", line], input=payload, env=env, capture_output=True, text=True, timeout=20)
        seen.append((log.read_text(), done.stdout, done.returncode))
    assert seen[0] == seen[1]
    assert seen[0][1:] == ("work\n", 0)


@pytest.mark.parametrize(
    ("option", "fine"),
    [
        ("RequestTTY=no", True),
        ("requesttty auto", True),
        ("RequestTTY = yes", False),
        ("RemoteCommand=none", True),
        ("RemoteCommand=top", False),
        ("SessionType=default", True),
        ("SessionType=subsystem", False),
        ("DynamicForward 1080", False),
        ("ForwardAgent=no", True),
    ],
)
def test_options_by_name(option: str, fine: bool) -> None:
    script = parse(f"ssh -o {quote.word(option)} bigblack work")
    assert isinstance(script, Script)
    ssh = commands(script)[0].ssh
    assert ssh
    with contextlib.nullcontext() if fine else pytest.raises(NotQueueable):
        assert remote_host(ssh, {}).ssh == f"-o {quote.word(option)} bigblack"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("forwardagent no", ""),
        ("forwardagent yes", "forwards your ssh agent"),
        ("forwardagent /run/agent.sock", "forwards your ssh agent"),
        ("forwardx11 yes", "forwards your X11 display"),
        ("remoteforward 9000 [localhost]:9000", "opens a tunnel"),
        ("localforward 9000 [localhost]:9000", ""),
        ("controlmaster true", ""),
        ("requesttty auto", ""),
        ("requesttty force", "asks for a terminal"),
        ("tunnel false", ""),
        ("remotecommand top", "names its own remote command"),
        ("permitlocalcommand yes", "runs a command on this machine"),
    ],
)
def test_options_of_the_configuration(line: str, said: str) -> None:
    found = configured_obstacle(f"hostname h\n{line}\nport 22\n")
    assert said in found
    assert bool(found) == bool(said)


def test_a_host_whose_configuration_forwards_the_agent(bigblack: Host) -> None:
    """Only ssh itself can forward it; where the call says that it need not, it is queued."""
    config = bigblack.lab.client / ".ssh/config"
    before, text = config.read_text() if config.exists() else None, "echo $PUEUE_SKILL_KEY; cat; exit 3"
    config.write_text(f"ForwardAgent yes\n{before or ''}")
    try:
        plain = at(bigblack, "pueue-skill", "ssh", "bigblack", text, stdin=b"not read")
        assert (plain.returncode, plain.stdout) == (3, b"\n")
        assert (
            b"not queued, but run by ssh itself: the configuration for bigblack says forwardagent yes" in plain.stderr
        )
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


def test_input_that_does_not_fit_is_refused(lab: Lab, tmp_path: Path) -> None:
    """df says that 40 KiB are free: nine tenths of them may be taken."""
    (tmp_path / "df").write_text("#!/bin/sh\necho Filesystem\necho x 100 60 40 60% /\n")
    (tmp_path / "df").chmod(0o755)
    host = Host(lab, "full", {"default": 1}, path=tmp_path)
    try:
        done = at(host, "pueue-skill", "ssh", "--stdin", "full", "wc -c", stdin=b"x" * 30_000)
        assert (done.returncode, done.stdout) == (0, b"30000\n"), done.stderr
        done = at(host, "pueue-skill", "ssh", "--stdin", "--key", "large", "full", "wc -c", stdin=os.urandom(5_000_000))
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"standard input is longer than the 36 KiB that it may take" in done.stderr
        assert not list((host.home / ".local/share/pueue-skill/jobs").glob("large.*"))
        assert len(host.tasks()) == 1
    finally:
        host.stop()


def test_input_is_handed_on_as_it_comes(pueued: Daemon) -> None:
    """What is held at once is bounded, however long it is."""
    # A child has what its parent has taken as its own peak, and that of a test runner is large: a small process asks.
    peak = "import resource, subprocess, sys; subprocess.check_call(sys.argv[1:]); "
    peak += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    command = [sys.executable, "-c", peak, "pueue-skill", "run", "--follow", "--stdin", "--", "wc -c"]
    with subprocess.Popen(["head", "-c", "300000000", "/dev/zero"], stdout=subprocess.PIPE) as source:
        done = subprocess.run(command, env=pueued.env, stdin=source.stdout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counted, kilobytes = done.stdout.split()
    assert counted == "300000000"
    assert int(kilobytes) < 150_000


@pytest.mark.parametrize("options", [["--stdin-limit", "1K"], ["--stdin-limit=1000"]])
def test_input_beyond_the_limit_is_refused(bigblack: Host, options: list[str]) -> None:
    command = ["pueue-skill", "ssh", "--stdin", "--key", "long", *options, "bigblack", "cat"]
    before = set(bigblack.tasks())
    done = at(bigblack, *command, stdin=b"x" * 5000)
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"for more give --stdin-limit" in done.stderr
    until(lambda: not list((bigblack.home / ".local/share/pueue-skill/jobs").glob("long.*")), "the copy to go")
    assert set(bigblack.tasks()) == before
