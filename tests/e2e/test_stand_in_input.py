"""Stdin and files that `run` and `ssh` pass to a job: they arrive complete, or no job is submitted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, Host, Lab, real, until
from stand_in import at

from pueue_skill.plan.model import Job
from pueue_skill.queues.pueue.invocation import put_file, put_function
from pueue_skill.queues.pueue.submit import submit_script
from pueue_skill.shell.model import LOCAL
from pueue_skill.shell.model import Host as ModelHost


@pytest.mark.parametrize("content", [b"", b"a\nb", bytes(range(256)) * 4096], ids=["empty", "text", "binary"])
@pytest.mark.parametrize(
    "command", [["ssh", "--stdin", "bigblack", "sha256sum"], ["run", "--follow", "--stdin", "--", "sha256sum"]]
)
def test_stdin_arrives_complete(pueued: Daemon, bigblack: Host, command: list[str], content: bytes) -> None:
    host = bigblack if command[0] == "ssh" else pueued
    done = at(host, "pueue-skill", *command, stdin=content)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0].decode() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "command", [["ssh", "--stdin", "bigblack", "wc -c"], ["run", "--follow", "--stdin", "--", "wc -c"]]
)
def test_closed_stdin(pueued: Daemon, bigblack: Host, command: list[str]) -> None:
    host = bigblack if command[0] == "ssh" else pueued
    done = at(host, "bash", "-c", '"$@" <&-', "bash", "pueue-skill", *command)
    assert (done.returncode, done.stdout.strip()) == (0, b"0"), done.stderr
    command.remove("--stdin")
    assert at(host, "bash", "-c", '"$@" <&-', "bash", "pueue-skill", *command).stdout.strip() == b"0"


def test_stdin_that_is_a_terminal(pueued: Daemon) -> None:
    terminal, other = os.openpty()
    command = ["pueue-skill", "run", "--follow", "--stdin", "--", "cat"]
    with subprocess.Popen(
        command, env=pueued.env, stdin=other, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stderr
            line = process.stderr.readline()
            assert b"Ctrl-D ends it" in line, line
            os.write(terminal, b"typed\n\x04")
            assert process.communicate(timeout=30) == (b"typed\n", b"")
        finally:
            process.kill()
    assert process.returncode == 0
    for one in (terminal, other):
        os.close(one)


def test_a_job_restarted_in_place_reads_the_same_input(pueued: Daemon) -> None:
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


@contextlib.contextmanager
def tools(folder: Path, *names: str) -> Iterator[Path]:
    """Return a folder for PATH with only some programs."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(real(name))
    yield folder


@pytest.mark.parametrize("sh", ["dash", "bash", "zsh"])
@pytest.mark.parametrize("decoder", ["base64 -d", "base64 -D", "openssl", "none"])
def test_files_are_written_atomically(sh: str, decoder: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 999
    given = ["base64"] if decoder == "base64 -d" else ["openssl"] if decoder == "openssl" else []
    with tools(tmp_path / "bin", "mkdir", "mv", "rm", *given) as path:
        if decoder == "base64 -D":
            old = path / "base64"
            old.write_text(
                f'#!{real("sh")}\n[ "$1" = -D ] && exec {real("base64")} -d\necho "invalid option" >&2; exit 64\n'
            )
            old.chmod(0o755)
        script = put_function() + put_file("name", content) + "\necho done\n"
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
def test_a_truncated_script_submits_nothing(pueued: Daemon, sh: str) -> None:
    job = Job("cut-off", LOCAL, "pueue", None, None, None, "echo a\n" * 20_000)
    script = submit_script(job, ModelHost(LOCAL)).encode()
    before = set(pueued.tasks())
    for part in range(1, 21):
        cut = script[: len(script) * part // 20 - 3]
        done = subprocess.run([real(sh), "-s"], input=cut, env=pueued.env, capture_output=True, timeout=20)
        assert done.stdout == b""
    assert set(pueued.tasks()) == before


@pytest.mark.parametrize("sh", ["dash", "bash"])
def test_a_slow_upload_blocks_no_other_submission(pueued: Daemon, sh: str) -> None:
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


def test_input_that_does_not_fit_is_refused(lab: Lab, tmp_path: Path) -> None:
    """df reports 40 KiB of free space, of which nine tenths may be used."""
    (tmp_path / "df").write_text("#!/bin/sh\necho Filesystem\necho x 100 60 40 60% /\n")
    (tmp_path / "df").chmod(0o755)
    host = Host(lab, "full", {"default": 1}, path=tmp_path)
    try:
        done = at(host, "pueue-skill", "ssh", "--stdin", "full", "wc -c", stdin=b"x" * 30_000)
        assert (done.returncode, done.stdout) == (0, b"30000\n"), done.stderr
        done = at(host, "pueue-skill", "ssh", "--stdin", "--key", "large", "full", "wc -c", stdin=os.urandom(5_000_000))
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"stdin is longer than 36 KiB" in done.stderr
        assert not list((host.home / ".local/share/pueue-skill/jobs").glob("large.*"))
        assert len(host.tasks()) == 1
    finally:
        host.stop()


def test_input_is_streamed(pueued: Daemon) -> None:
    """The memory for input has a limit, whatever the length of the input."""
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
    assert b"Try: a larger limit, such as --stdin-limit 100G" in done.stderr
    until(lambda: not list((bigblack.home / ".local/share/pueue-skill/jobs").glob("long.*")), "the copy to go")
    assert set(bigblack.tasks()) == before
