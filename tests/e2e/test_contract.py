"""The contract of every kind of queue, tested on real ones: pueue and Slurm, local and over ssh.

Tests that a queue in memory passes too are in tests/support/contract.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from contract import *  # noqa: F403 the tests
from real import Daemon, until

pytestmark = pytest.mark.timeout(180)

PLACES = {"pueue": "local", "pueue over ssh": "bigblack", "slurm": "local", "slurm over ssh": "login"}
"""The hosts, by the kind of their queue."""


class Place:
    """A host with a queue of its kind, and the command line of its client."""

    def __init__(self, kind: str, name: str, env: dict[str, str], folder: Path, config: Path) -> None:
        self.kind, self.name, self.folder = kind, name, folder
        self.env = env | {"XDG_CONFIG_HOME": str(config), "XDG_DATA_HOME": str(config / "data")}
        self.config = config / "pueue-skill/config.toml"
        self.config.parent.mkdir(parents=True)
        self.configured("")

    def configured(self, more: str) -> None:
        self.config.write_text(f'[hosts.{self.name}]\nbackend = "{self.kind}"\n{more}')

    def __call__(self, *words: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        options = {"cwd": self.folder, "timeout": 90, "input": b""} | options
        return subprocess.run(["pueue-skill", *words], env=self.env, capture_output=True, **options)

    def run(self, *words: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return self("run", "--host", self.name, "--cwd", str(self.folder), *words, **options)

    def queue(self, *words: str, label: str, command: str) -> str:
        """Return the ID of a new job that nobody waits for."""
        done = self.run("--detach", "--label", label, *words, "--", command)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip().rpartition(":")[2]

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return the jobs of the host by ID."""
        done = self("status", "--json", self.name)
        assert done.returncode == 0, done.stderr
        (host,) = json.loads(done.stdout)["hosts"]
        return {job["name"].rpartition(":")[2]: job for job in host["jobs"]}

    def reaches(self, id: str, status: str, result: str | None = None) -> dict[str, Any]:
        """Return the job once it has this status and result."""

        def there() -> dict[str, Any] | None:
            job = self.jobs().get(id)
            return job if job and (job["status"], job["result"]) == (status, result) else None

        return until(lambda: there() or False, f"{id} {status} {result}, not {self.jobs().get(id)}", 40)  # type: ignore[return-value]

    def named(self, label: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs().values() if job["label"] == label]


@pytest.fixture(
    params=[pytest.param(kind, marks=pytest.mark.long if kind == "pueue over ssh" else ()) for kind in PLACES]
)
def place(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Place:
    """Each host of PLACES, with a home for the client's files."""
    name = PLACES[request.param]
    kind, _, over = request.param.partition(" ")
    if kind == "slurm":
        env = request.getfixturevalue("cluster").env
        if over:  # it is known there alone
            request.getfixturevalue("login")
            env = {key: value for key, value in env.items() if key != "SLURM_CONF"}
    else:
        daemon: Daemon = request.getfixturevalue("pueued")
        request.getfixturevalue("queues_as_before")
        env = daemon.env
    (tmp_path / "work").mkdir()
    return Place(kind, name, env, tmp_path / "work", home / "config")


COMMANDS: list[tuple[list[str | bytes], int, bytes]] = [
    (["echo", "it's", "a  b"], 0, b"it's a  b\n"),
    (["echo a; exit 9"], 9, b"a\n"),
    (["for i in {1..3}; do [[ $i == 2 ]] || echo n$i; done | tac; cat; cat <<< given"], 0, b"n3\nn1\ngiven\n"),
    (["printf", "%s", b"\xff'\\\xfe\r\n"], 0, b"\xff'\\\xfe\r\n"),
]


def test_exit_code_and_output_are_those_of_the_command(place: Place) -> None:
    for command, code, output in COMMANDS:
        done = place.run("--follow", "--", *command)
        assert (done.returncode, done.stdout) == (code, output), done.stderr


def test_long_commands_and_outputs_are_complete(place: Place) -> None:
    data = os.urandom(300_000)
    (place.folder / "data").write_bytes(data)
    done = place.run("--follow", "--", "sh", "-c", "cat data", "x" * 90_000, "y" * 90_000)
    assert (done.returncode, done.stdout == data) == (0, True), done.stderr[:1000]


def test_a_signal_is_128_plus_its_number(place: Place) -> None:
    assert place.run("--follow", "--", "kill -9 $$").returncode == 137


def test_stdin_and_separate_stderr(place: Place) -> None:
    done = place.run("--follow", "--stdin", "--split-output", "--", "cat; echo bad >&2; exit 3", input=b"given\0\xff")
    assert (done.returncode, done.stdout) == (3, b"given\0\xff")
    assert b"bad\n" in done.stderr


def test_a_folder_may_have_any_name(place: Place) -> None:
    folder = place.folder / '-a\'; echo "$HOME"=0\n100% ä'
    folder.mkdir()
    done = place("run", "--host", place.name, "--cwd", str(folder), "--follow", "--", 'printf %s "$PWD"')
    assert (done.returncode, done.stdout) == (0, os.fsencode(folder)), done.stderr


def test_the_same_key_is_the_same_job(place: Place) -> None:
    words = ["--key", "k" + os.urandom(4).hex(), "--label", "once"]
    runs = [place.run(*words, "--follow", "--", "echo ran >> ran; exit 3") for _ in range(2)]
    assert [run.returncode for run in runs] == [3, 3]
    assert b"already queued as" in runs[1].stderr
    other = place.run(*words, "--follow", "--", "echo other")
    assert other.returncode == 125
    assert b"runs another command" in other.stderr
    (place.folder / "sub").mkdir()
    (place.folder / "link").symlink_to(place.folder)
    for more, says in ((["--group", "another"], "has the group default, not another"), (["--cwd", f"{place.folder}/sub"], f"has the folder {place.folder}, not {place.folder}/sub")):  # fmt: skip
        other = place.run(*words, *more, "--follow", "--", "echo ran >> ran; exit 3")
        assert (other.returncode, says in other.stderr.decode()) == (125, True), other.stderr
    if place.name == "local":  # over ssh it is the environment of the host
        place.env["SEED"] = "2"
        other = place.run(*words, "--follow", "--", "echo ran >> ran; exit 3")
        assert (other.returncode, b"has another environment (SEED)" in other.stderr) == (125, True), other.stderr
        del place.env["SEED"]
    again = place.run(*words, "--cwd", f"{place.folder}/link", "--follow", "--", "echo ran >> ran; exit 3")
    assert (again.returncode, b", which ended at" in again.stderr) == (3, True), again.stderr
    assert (place.folder / "ran").read_text() == "ran\n"


def test_concurrent_submissions_of_one_key_are_one_job(place: Place) -> None:
    words = ["--key", "k" + os.urandom(4).hex(), "--follow", "--", "echo ran >> ran; echo out"]
    found: list[subprocess.CompletedProcess[bytes]] = []
    racers = [threading.Thread(target=lambda: found.append(place.run(*words))) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [(done.returncode, done.stdout) for done in found] == [(0, b"out\n")] * 4
    assert (place.folder / "ran").read_text() == "ran\n"


def test_an_interrupted_submission_can_be_repeated(place: Place) -> None:
    """The client is killed at several moments; afterwards there is exactly one job."""
    key = "k" + os.urandom(4).hex()
    command = ["pueue-skill", "run", "--host", place.name, "--cwd", str(place.folder), "--key", key, "--detach", "--", "echo ran >> ran"]  # fmt: skip
    for patience in (0.2, 0.35, 0.5, 0.7):
        process = subprocess.Popen(command, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    done = place.run("--key", key, "--follow", "--", "echo ran >> ran")
    assert done.returncode == 0, done.stderr
    assert (place.folder / "ran").read_text() == "ran\n"


def test_a_group_runs_one_job_per_slot(place: Place) -> None:
    group = "g" + os.urandom(3).hex()
    place.configured(f"groups = {{ {group} = 2 }}\n")
    if place.kind == "pueue":  # which knows a group before a job is in it
        pueue = "pueue" if place.name == "local" else f"ssh {place.name} .local/bin/pueue"
        subprocess.run(["bash", "-c", f"{pueue} group add --parallel 2 {group}"], env=place.env, check=True)
    work = "until [ -e go ]; do sleep 0.1; done"
    ids = [place.queue("--group", group, label=f"{group}{i}", command=work) for i in range(4)]

    def running() -> list[str]:
        return [job["status"] for id, job in place.jobs().items() if id in ids]

    until(lambda: sorted(running()) == ["queued", "queued", "running", "running"], f"two of four, not {running()}", 40)
    (place.folder / "go").touch()
    for id in ids:
        assert place.reaches(id, "done", "success")["group"] == group


def test_a_missing_job_or_folder_is_an_error(place: Place) -> None:
    done = place("log", f"{place.name}:999999")
    assert done.returncode != 0
    assert f"no job is called {place.name}:999999".encode() in done.stderr
    done = place("run", "--host", place.name, "--cwd", "/no/such/folder", "--follow", "--", "echo ran")
    assert done.returncode in (125, 126), done.stderr
    assert b"o such file" in done.stderr or b"no folder" in done.stderr


def test_an_invocation_queues_the_same_job(place: Place) -> None:
    (place.folder / "train.py").write_text("import sys\nprint('trained')\nsys.exit(4)\n")
    line = f"cd {place.folder} && python3 train.py"
    command = line if place.name == "local" else f"ssh {place.name} '{line}'"
    done = place("suggest", command)
    assert done.returncode == 0, done.stderr
    before = set(place.jobs())
    ran = subprocess.run(["bash"], input=done.stdout, env=place.env, cwd=place.folder, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    (id,) = set(place.jobs()) - before
    assert ran.stdout.decode().split() == [id]
    assert place.reaches(id, "done", "failed")["exit_code"] == 4
    assert place("log", f"{place.name}:{id}").stdout == b"trained\n"
    assert place.jobs()[id]["key"]


BATCH = """
name = "{name}"
hosts = ["{host}"]
cwd = "{folder}"
[groups]
p9 = 2
[phases.load]
command = "echo load-{{s}} >> ran; test {{s}} != ETH || test -e fixed"
label = "load-{{s}}"
group = "p9"
vars.s = ["BTC", "ETH", "it's SOL"]
checks = [{{ name = "none", run = "cat bad 2>/dev/null; true", expect = "empty" }}]
[phases.each]
command = "echo each-{{s}} >> ran"
label = "each-{{s}}"
vars.s = ["BTC", "ETH", "it's SOL"]
after = [{{ phase = "load", same = ["s"] }}]
[phases.last]
command = "echo last >> ran"
label = "last"
after = ["each"]
"""


def test_a_batch_is_submitted_once_fails_and_is_resumed(place: Place) -> None:
    file = place.folder / "b.toml"
    file.write_text(BATCH.format(name="b" + os.urandom(4).hex(), host=place.name, folder=place.folder))

    def standings() -> dict[str, str]:
        done = place("batch", "status", "--json", str(file))
        return {job["label"]: job["standing"] for job in json.loads(done.stdout)["jobs"]}

    first, second = place("batch", "submit", str(file)), place("batch", "submit", str(file))
    assert (first.stdout, second.stdout) == (
        f"{place.name}: 8 added\n".encode(),
        f"{place.name}: 8 already in the queue\n".encode(),
    ), first.stderr
    failed = {"load-BTC": "success", "load-ETH": "failed", "load-it's SOL": "success", "load:none": "dependency"}
    failed |= dict.fromkeys(["each-BTC", "each-ETH", "each-it's SOL", "last"], "dependency")
    until(lambda: standings() == failed, f"a failure, not {standings()}", 40)
    (place.folder / "fixed").touch()
    done = place("batch", "resume", str(file), "--because", "internal-fix")
    assert done.returncode == 0, done.stderr
    until(lambda: set(standings().values()) == {"success"}, f"success, not {standings()}", 40)
    ran = (place.folder / "ran").read_text().splitlines()
    assert sorted(ran[:4]) == ["load-BTC", "load-ETH", "load-ETH", "load-it's SOL"]
    assert sorted(ran[4:7]) == ["each-BTC", "each-ETH", "each-it's SOL"]
    assert ran[7:] == ["last"]
    assert place("batch", "submit", str(file)).stdout == f"{place.name}: 8 already in the queue\n".encode()
    assert place("batch", "log", str(file), "last").returncode == 0


def test_a_batch_is_cancelled(place: Place) -> None:
    file = place.folder / "b.toml"
    text = BATCH.format(name="b" + os.urandom(4).hex(), host=place.name, folder=place.folder)
    file.write_text(text.replace("test -e fixed", "sleep 100"))
    place("batch", "submit", str(file))
    ran = place.folder / "ran"
    until(lambda: ran.exists() and "load-ETH" in ran.read_text(), "ETH", 40)
    done = place("batch", "cancel", str(file))
    assert done.returncode == 0, done.stderr
    jobs = json.loads(place("batch", "status", "--json", str(file)).stdout)["jobs"]
    standings = {job["label"]: job["standing"] for job in jobs}
    assert not set(standings.values()) & {"queued", "running", "stashed", "paused"}, standings
    assert "last" not in ran.read_text()


NAMES = "data config status before after file folder name id key index patience turn token state log size work quote lines".split()


def test_a_job_has_the_variables_of_its_submitter(place: Place) -> None:
    """Even variables whose names are common in scripts. ssh passes none."""
    place.env |= {name: f"mine {name}" for name in NAMES}
    done = place.run("--follow", "--", "printenv", *NAMES)
    kept = [f"mine {name}" for name in NAMES] if place.name == "local" else []
    assert done.stdout.decode().splitlines() == kept, done.stderr


COPIES = "find ~/.local/share/pueue-skill -name '{key}.in*' | wc -l"
"""Counts the files with the input of jobs on the host."""


def copies(place: Place, key: str) -> int:
    done = place.run("--follow", "--", COPIES.format(key=key))
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_clean_removes_the_input_of_a_job(place: Place) -> None:
    key = "reads-" + os.urandom(4).hex()
    words = ["--follow", "--stdin", "--key", key, "--label", key, "--", "wc -c"]
    assert place.run(*words, input=b"given\n" * 1000).stdout == b"6000\n"
    assert b"already queued as" in place.run(*words, input=b"given\n" * 1000).stderr
    other = place.run(*words, input=b"other\n" * 1000)
    assert (other.returncode, other.stdout) == (125, b"")
    assert b"it reads another input" in other.stderr
    assert copies(place, key) == 1
    cleaned = place("clean", "--host", place.name, "--label", key)
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert copies(place, key) == 0
    assert place.run(*words, input=b"new").stdout == b"3\n"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted_input_leaves_no_file_and_no_job(place: Place, end: signal.Signals) -> None:
    key = "cut-" + os.urandom(4).hex()
    before = set(place.jobs())
    command = ["pueue-skill", "run", "--host", place.name, "--stdin", "--key", key, "--label", key, "--", "cat"]
    with subprocess.Popen(
        command, env=place.env, cwd=place.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(b"x" * 3_000_000)  # more than pipes hold
        process.stdin.flush()
        until(lambda: copies(place, key) == 1, "the copy")
        process.send_signal(end)
        process.wait(30)
        assert process.returncode == (143 if end == signal.SIGTERM else -9)
    until(lambda: copies(place, key) == 0, "the copy to go")
    assert not place.named(key)
    assert before <= set(place.jobs())


def given_up(place: Place, label: str, *words: str, status: str) -> tuple[int, bytes, bytes]:
    """Run `run --follow`, and end it as timeout(1) does once its job has this status; return exit code, stdout and stderr."""
    command = [
        "pueue-skill",
        "run",
        "--host",
        place.name,
        "--cwd",
        str(place.folder),
        "--follow",
        "--label",
        label,
        *words,
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=place.env, cwd=place.folder, stdout=pipe, stderr=pipe) as process:
        until(lambda: [job for job in place.named(label) if job["status"] == status], f"{label} {status}", 40)
        process.terminate()
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def test_sigterm_withdraws_a_job_that_has_not_started(place: Place) -> None:
    go, label = place.folder / "go", "gives-up-" + os.urandom(4).hex()
    first = place.queue(label=f"{label}-first", command=f"until [ -e {go} ]; do sleep 0.1; done")
    place.reaches(first, "running")
    code, stdout, stderr = given_up(
        place, label, "--after", f"{place.name}:{first}", "--", "echo never; touch ran", status="queued"
    )
    assert (code, stdout) == (143, b"")
    assert b"had not started and was removed from the queue" in stderr
    runs = f"{label}-runs"
    code, stdout, stderr = given_up(
        place, runs, "--", f"until [ -e {go} ]; do sleep 0.1; done; touch went-on", status="running"
    )
    assert code == 143
    assert b"continues. Follow it with: pueue-skill log --follow" in stderr
    go.touch()
    place.reaches(first, "done", "success")
    until(lambda: [job for job in place.named(runs) if job["result"] == "success"], "the job that continued", 40)
    assert (place.folder / "went-on").exists()
    assert [job for job in place.named(label) if job["started"] or job["status"] != "done"] == []
    assert not (place.folder / "ran").exists()
