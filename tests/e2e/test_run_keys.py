"""`run --key` with the key of an existing job: the same job is followed, another is refused, and the difference is named."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from real import Daemon

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import JobState
from pueue_skill.queues.script import functions
from pueue_skill.queues.scripts import SESSION_VARIABLES, differences


class Runs:
    """Return `run --host HOST --key KEY --follow` with a new key, in a separate folder."""

    def __init__(self, host: str, env: dict[str, str], folder: Path) -> None:
        self.host, self.env, self.folder = host, env, folder
        self.key = "k" + os.urandom(4).hex()
        folder.mkdir()

    def __call__(
        self, command: str = "exit 6", *options: str, code: int | None = 125, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        where = [] if self.host == "local" else ["--host", self.host]
        words = ["pueue-skill", "run", *where, "--key", self.key, *options, "--follow", "--", command]
        done = subprocess.run(
            words, env=self.env | changes, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert code is None or done.returncode == code, done.stderr
        return done


@pytest.fixture(params=["local", "bigblack"])
def runs(request: pytest.FixtureRequest, pueued: Daemon, tmp_path: Path) -> Runs:
    if request.param != "local":
        request.getfixturevalue(request.param)
    return Runs(request.param, pueued.env, tmp_path / "work")


def test_a_repeated_key_prints_when_the_job_ended(runs: Runs) -> None:
    assert runs(code=6).stderr == ""
    said = runs(code=6).stderr
    assert re.search(r"already queued as \S+, which ended at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(failed, exit 6\)", said)


def test_a_job_that_has_not_ended(runs: Runs, tmp_path: Path) -> None:
    work = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    detached = ["--host", runs.host, "--key", runs.key, "--detach", "--", work]
    subprocess.run(["pueue-skill", "run", *detached], env=runs.env, cwd=runs.folder, check=True, timeout=60)
    assert re.search("which is (running|queued); it runs another command", runs("exit 1").stderr)
    (tmp_path / "go").touch()
    runs(work, code=0)


def test_sigterm_leaves_a_job_that_another_caller_submitted(runs: Runs, tmp_path: Path) -> None:
    def command(*options: str) -> list[str]:
        return ["pueue-skill", "run", "--host", runs.host, *options]

    def detached(*options: str) -> str:
        words = command("--detach", *options)
        return subprocess.run(words, env=runs.env, cwd=runs.folder, check=True, capture_output=True, text=True).stdout

    first = detached("--", f"until [ -e {tmp_path}/go ]; do sleep 0.05; done").strip()
    same = ["--key", runs.key, "--after", first, "--", "exit 6"]
    job = detached(*same).strip()
    words = command("--follow", *same)
    with subprocess.Popen(words, env=runs.env, cwd=runs.folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = process.stderr.readline()
        process.terminate()
        said += process.stderr.read()
    assert (process.returncode, f"terminated; {job} continues" in said) == (143, True), said
    (tmp_path / "go").touch()
    subprocess.run(["pueue-skill", "log", "--follow", job], env=runs.env, timeout=60)
    assert runs("exit 6", "--after", first, code=6).stderr


def test_another_command_folder_or_group_is_refused(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    place = ["--cwd", str(runs.folder)]
    runs("exit 6", *place, code=6)
    for command, options, says in (
        ("exit 7", place, "it runs another command\n"),
        ("exit 6", ["--cwd", f"{tmp_path}/other"], f"it has the folder {runs.folder}, not {tmp_path}/other\n"),
        ("exit 6", [*place, "--group", "p9"], "it has the group default, not p9\n"),
        ("exit 6", [*place, "--split-output"], "it runs another command\n"),
    ):
        said = runs(command, *options).stderr
        assert says in said
        assert re.search(rf"not queued: the key {runs.key} belongs to {runs.host}:\d+, which ended at .+ \(failed, exit 6\);", said)  # fmt: skip
        typed = re.search("Try: (pueue-skill log [^,]+),", said)
        assert typed
        subprocess.run(["bash", "-c", typed[1]], env=runs.env, check=True, capture_output=True, timeout=60)
    assert "already queued as" in runs("exit 6", *place, "--label", "a name", code=6).stderr


def test_a_folder_by_two_names_is_one(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(runs.folder)
    runs("exit 6", "--cwd", str(runs.folder), code=6)
    assert "already queued as" in runs("exit 6", "--cwd", f"{tmp_path}/link", code=6).stderr


def test_another_environment_is_refused_by_name(pueued: Daemon, tmp_path: Path) -> None:
    """Variables that differ between logins, or that the job does not get, do not count."""
    runs = Runs("local", pueued.env, tmp_path / "work")
    runs("exit 6", code=6, SEED="1", TEXT="two\nlines", SSH_CLIENT="1 2 3", TERM="xterm", CLAUDECODE="1")
    for same in ({"SSH_CLIENT": "4 5 6"}, {"TERM": "dumb"}, {"CLAUDE_CODE_SESSION_ID": "x"}):
        runs("exit 6", code=6, SEED="1", TEXT="two\nlines", **same)
    assert "it has another environment (SEED)\n" in runs("exit 6", SEED="2", TEXT="two\nlines").stderr
    said = runs("exit 6", SEED="secret-2", NEW="3").stderr
    assert "it has another environment (NEW, SEED, TEXT)\n" in said
    assert "secret-2" not in said
    assert "another environment (" in runs("exit 6", "--env", "minimal", SEED="1", TEXT="two\nlines").stderr


def job(**changes: object) -> Job:
    return Job("k", "local", "pueue", None, None, "/a", "true")._replace(**changes)  # type: ignore[arg-type]


def state(cwd: str = "/a", group: str = "default") -> JobState:
    return JobState("0", "k", "done", "success", 0, "", group, None, cwd, "true", (), "", None, None)


@pytest.mark.parametrize("awk", ["gawk", "mawk", "busybox awk", "awk"])
def test_every_awk_compares_the_environment(awk: str) -> None:
    env = {"A": "a=b\\n'\"$x", "N": "1\n2\n", "NUMBER": "0x10", "E": "", "PATH": os.environ["PATH"], "BASH_FUNC_f%%": "() {  :\n}"}  # fmt: skip
    text = f'command -v {awk.split()[0]} >/dev/null || exit 99; {functions("queues/environment")}{awk} "$pq_print_environment"'
    done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, text=True)
    if done.returncode == 99:
        pytest.skip(f"{awk} is missing")
    # bash reads the function from the environment, and exports it in its own form.
    function = {"BASH_FUNC_f%%": "() {  :\n}"} if "BASH_FUNC_f" in done.stdout else {}
    assert (
        differences(job(), state(), "/a", done.stdout, {k: v for k, v in env.items() if "%" not in k} | function) == ()
    )
    assert differences(job(), state(), "/a", done.stdout, env | {"A": "b"} | function) == (
        "has another environment (A)",
    )


@pytest.mark.parametrize("name", sorted(SESSION_VARIABLES))
def test_differences_that_do_not_count(name: str) -> None:
    assert differences(job(), state(), "", f"X=1\n{name}=2\n", {"X": "1", name: "3"}) == ()


def test_a_long_list_of_differences_is_truncated() -> None:
    many = {f"V{i:02}": "1" for i in range(20)}
    assert differences(job(), state(), "", "X=1", many | {"X": "1"})[0].endswith("V07 and 12 more)")
