"""Every command with closed, full and unread streams, in a removed folder, and without a home.

There is no traceback, the exit code is the documented one, and a queued job is named.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, Host, processes, strays, until

from pueue_skill.cli import main
from pueue_skill.cli.console import ExitCode

pytestmark = pytest.mark.timeout(180)

CALLS: dict[str, tuple[str, int]] = {
    "audit": ("audit local", 0),
    "batch cancel": ("batch cancel FOLDER/b.toml", 0),
    "batch check": ("batch check FOLDER/b.toml", 0),
    "batch log": ("batch log FOLDER/b.toml one", 0),
    "batch plan": ("batch plan FOLDER/b.toml", 0),
    "batch resume": ("batch resume FOLDER/b.toml", 0),
    "batch status": ("batch status FOLDER/b.toml", 0),
    "batch submit": ("batch submit FOLDER/b.toml", 0),
    "batch watch": ("batch watch FOLDER/b.toml", 0),
    "check": ("check FOLDER/a.sh", 1),
    "clean": ("clean --dry-run JOB", 0),
    "completion": ("completion zsh", 0),
    "doctor": ("doctor local", 0),
    "history": ("history", 0),
    "install": ("install claude --dry-run", 0),
    "kill": ("kill JOB", 0),
    "log": ("log --follow JOB", 6),
    "notify": ("notify", 2),
    "pause": ("pause JOB", 1),
    "restart": ("restart --dry-run JOB", 0),
    "rule": ("rule PQ101", 0),
    "rules": ("rules", 0),
    "run": ("run --follow -- echo out; exit 7", 7),
    "schema": ("schema batch", 0),
    "setup": ("setup local --dry-run", 0),
    "ssh": ("ssh bigblack echo out; exit 7", 7),
    "start": ("start JOB", 1),
    "status": ("status", 0),
    "suggest": ("suggest ssh bigblack 'python train.py'", 0),
    "timeline": ("timeline", 0),
    "top": ("top", 2),
    "uninstall": ("uninstall claude --dry-run", 0),
    "wait": ("wait JOB", 6),
    "watch": ("watch --session none", 0),
    "--help": ("--help", 0),
    "--version": ("--version", 0),
    "no such command": ("nope", 2),
}
"""A call of each command, by name, and its exit code without faults."""

OFTEN = ("run", "ssh", "status", "log", "suggest", "rules", "--help")
"""The commands that are always tested; the others are long."""


UNWRITTEN = {
    "install": {0, ExitCode.USAGE, ExitCode.INTERNAL},
    "uninstall": {0, ExitCode.USAGE, ExitCode.INTERNAL},
    "watch": {0, ExitCode.USAGE, ExitCode.INTERNAL},
    "doctor": {0, ExitCode.FINDINGS},
    "batch submit": {ExitCode.UNREACHABLE},
}
"""The exit codes of commands that need a home, if it cannot be written."""

UNKEPT = "local cannot write the files that belong to its queue: "


def names(parser: argparse.ArgumentParser, before: str = "") -> list[str]:
    """Yield the commands of a parser, with their actions."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        return [before.strip()]
    return [name for action in below for one, its in action.choices.items() for name in names(its, f"{before} {one}")]


def test_every_command_is_called_here() -> None:
    assert set(names(main.parser())) - {"hook"} <= set(CALLS)


@pytest.fixture(scope="module")
def place(pueued: Daemon, bigblack: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Return a folder with files to name, and an ended job whose label and output are not ASCII."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "a.sh").write_text("ssh bigblack 'python train.py'\n")
    name = f"streams-{os.getpid()}"
    (folder / "b.toml").write_text(f'name = "{name}"\n[phases.a]\ncommand = "echo größe"\nlabel = "one"\n')

    def call(*words: str) -> str:
        done = subprocess.run(["pueue-skill", *words], env=pueued.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    call("batch", "submit", str(folder / "b.toml"))
    job = call("run", "--detach", "--label", "größe→", "--", "echo größe→; exit 6")
    until(lambda: all("Done" in task["status"] for task in pueued.tasks().values()), "the end of the jobs")
    yield folder, job
    pueued.remove(set(pueued.tasks()))


class Call:
    def __init__(self, name: str, env: dict[str, str], place: tuple[Path, str]) -> None:
        self.env, (self.folder, self.job) = env, place
        self.lab = Path(env["HOME"]).parent
        text, self.code = CALLS[name]
        text = text.replace("FOLDER", str(self.folder)).replace("JOB", self.job)
        # The last word of these is a command.
        self.words = ["pueue-skill", *text.split(" ", {"run": 3, "ssh": 2, "suggest": 1}.get(name, -1))]

    def __call__(self, line: str, **options: object) -> tuple[int, str]:
        """Return the exit code and stderr of the call, as `"$@"` of a line of sh."""
        done = subprocess.run(
            ["sh", "-c", line, "sh", *self.words],
            **(
                {"env": self.env, "cwd": self.folder, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
                | options
            ),  # type: ignore[call-overload]
            stderr=subprocess.PIPE,
            text=True,
            timeout=90,
        )
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        return done.returncode, done.stderr


@pytest.fixture(params=[pytest.param(name, marks=() if name in OFTEN else pytest.mark.long) for name in CALLS])
def call(request: pytest.FixtureRequest, pueued: Daemon, place: tuple[Path, str]) -> Call:
    return Call(request.param, pueued.env, place)


def test_closed_streams(call: Call) -> None:
    """As with git, a command without streams does its work."""
    assert call('"$@" <&- >&-')[0] == call.code
    assert call('"$@" <&- >&- 2>&-')[0] == call.code


def test_streams_to_a_full_device(call: Call) -> None:
    """Results that could not be written are a failure, unless the command already has one."""
    code, said = call('"$@" >/dev/full')
    assert code in (call.code, ExitCode.INTERNAL)
    if code != call.code:
        assert "No space left on device" in said
    assert call('"$@" >/dev/full 2>/dev/full')[0] == code


def test_pipes_without_a_reader(call: Call) -> None:
    """As with git and gh, it ends without an error message."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert call('"$@"', stdout=writer)[0] in (call.code, ExitCode.NOT_READ)
        assert call('"$@" 2>&-', stdout=writer)[0] in (call.code, ExitCode.NOT_READ)
    finally:
        os.close(writer)


def test_ascii_streams(call: Call) -> None:
    code, said = call('TERM=dumb PYTHONUTF8=0 PYTHONIOENCODING=ascii "$@"')
    assert (code, "UnicodeEncodeError" in said) == (call.code, False)


def test_a_removed_working_directory(call: Call, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code, said = call(f'cd {gone} && rmdir {gone} && "$@"')
    if call.words[1] == "run":
        assert (code, "the working directory no longer exists" in said) == (ExitCode.NOT_RUN, True)
        call.words[2:2] = ["--cwd", str(call.folder)]
        gone.mkdir()
        code, _ = call(f'cd {gone} && rmdir {gone} && "$@"')
    assert code == call.code


def mounted(mount: str, line: str) -> str:
    """Return a line of sh that runs `line` after `mount`, in a separate mount namespace."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    return f"unshare -rm sh -c '{mount}; {line}' sh " + '"$@"'


@pytest.mark.parametrize("what", ["none", "read-only", "full"])
def test_an_unwritable_home(call: Call, what: str, tmp_path: Path) -> None:
    """Nothing is stored then, and queries are answered; a batch, which needs its journal there, is not submitted."""
    home = "/dev/null" if what == "none" else str(tmp_path / "home")
    line = f'HOME={home} XDG_RUNTIME_DIR={home}/run "$@"'
    if what != "none":
        (tmp_path / "home").mkdir()
        mount = f"mount -t tmpfs -o size=64k none {home} && mkdir {home}/run && cp -r $HOME/.ssh {home}"
        mount += (
            f" && mount -o remount,ro {home}" if what == "read-only" else f"; cat /dev/zero >{home}/zero 2>/dev/null"
        )
        line = mounted(mount, line)
    code, said = call(line)
    assert code in UNWRITTEN.get(" ".join(call.words[1:3]), UNWRITTEN.get(call.words[1], {call.code})), said
    if code == ExitCode.UNREACHABLE:
        assert re.search(f"{UNKEPT}.*(Not a directory|Read-only file system|No space left)", said, re.DOTALL), said
        left = [pid for pid in strays(call.lab) if processes().get(pid, (0, ""))[1] == "sleep"]
        until(lambda: not set(left) & set(processes()), "what watches over the submission", 5)


@pytest.mark.parametrize("what", ["journal", "space"])
def test_a_batch_with_an_unwritable_journal_is_not_submitted(pueued: Daemon, tmp_path: Path, what: str) -> None:
    """The obstacle is named, and not mistaken for a silent daemon."""
    name = f"unkept-{os.getpid()}-{what}"
    manifest, home = tmp_path / "b.toml", tmp_path / "home"
    manifest.write_text(f'name = "{name}"\n[phases.a]\ncommand = "true"\n')
    batches = home / ".local/share/pueue-skill/batches"
    mount = f"mkdir -p {batches} && "
    if what == "journal":
        mount += f"mkdir {batches}/{name}"
    else:
        mount += f"mount -t tmpfs -o size=16k none {batches} && touch {batches}/{name}; cat /dev/zero >{batches}/zero 2>/dev/null"
    line = mounted(mount, f'HOME={home} XDG_DATA_HOME=$HOME/.local/share "$@"')
    words = ["pueue-skill", "batch", "submit", str(manifest)]
    done = subprocess.run(["sh", "-c", line, "sh", *words], env=pueued.env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, UNKEPT in done.stderr) == (ExitCode.UNREACHABLE, True), done.stderr
    assert name not in pueued.pueue("status", "--json")


@pytest.mark.parametrize(
    ("stdout", "how", "code"),
    [
        ("closed", "--follow", 7),
        ("closed", "--detach", 0),
        ("full", "--follow", 7),
        ("full", "--detach", ExitCode.INTERNAL),
        ("read by nobody", "--follow", ExitCode.NOT_READ),
        ("read by nobody", "--detach", ExitCode.NOT_READ),
    ],
)
def test_a_job_is_named_when_its_output_cannot_be_printed(pueued: Daemon, stdout: str, how: str, code: int) -> None:
    """The job runs, and stderr names the command that prints its output."""
    reader, writer = os.pipe()
    os.close(reader)
    line = {"closed": '"$@" >&-', "full": '"$@" >/dev/full', "read by nobody": '"$@"'}[stdout]
    command = ["sh", "-c", line, "sh", "pueue-skill", "run", how, "--", "echo out; exit 7"]
    try:
        run = subprocess.run(
            command, env=pueued.env, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (run.returncode, "Traceback" in run.stderr) == (code, False)
    (name,) = set(re.findall(r"\blocal:\d+\b", run.stderr))
    assert pueued.result(name.rpartition(":")[2]) == {"Failed": 7}
    log = subprocess.run(["pueue-skill", "log", name], env=pueued.env, capture_output=True, timeout=60)
    assert log.stdout == b"out\n"
