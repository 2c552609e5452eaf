"""`run`: the output and exit code of the job, from a real queue here and on a host over real ssh."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from real import Daemon, Host, until

RUN = ["pueue-skill", "run"]


@pytest.fixture(params=["local", "bigblack"])
def queue(request: pytest.FixtureRequest) -> tuple[list[str], dict[str, str], Daemon]:
    """`run` on each kind of host: its arguments, its environment, and the daemon that gets the job."""
    local: Daemon = request.getfixturevalue("pueued")
    if request.param == "local":
        return RUN, local.env, local
    host: Host = request.getfixturevalue("bigblack")
    return [*RUN, "--host", "bigblack"], local.env, host


def call(*command: str, env: dict[str, str], **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, env=env, capture_output=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["true"], 0),
        (["false"], 1),
        (["no-such-program"], 127),
        (["kill -9 $$"], 137),
        (["kill -TERM $$"], 143),
        (["sh", "-c", "kill -9 $$"], 137),
        (["exit 3; echo unreached"], 3),
        (["set -o pipefail; false | cat"], 1),
    ],
)
def test_exit_code(queue: tuple[list[str], dict[str, str], Daemon], command: list[str], code: int) -> None:
    run, env, _ = queue
    done = call(*run, "--follow", "--", *command, env=env)
    assert done.returncode == code, done.stderr


def test_a_megabyte_of_random_bytes_is_returned_unchanged(
    queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path
) -> None:
    run, env, _ = queue
    data = os.urandom(1_000_000)
    (tmp_path / "data").write_bytes(data)
    done = call(*run, "--follow", "--", "cat", str(tmp_path / "data"), env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == data


HOSTILE = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "$(id)",
    "\\",
    "a\\nb",
    "new\nline",
    "\t",
    "*",
    "~",
    "-n",
    "--",
    "!x",
    "#x",
    "ä€😀",
    "{1..3}",
    "a;b&c|d<e>f(g)",
    "%s",
    "\x01",
    "x" * 5000,
]


def test_hostile_words_arrive_unchanged(queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path) -> None:
    run, env, _ = queue
    show = "import sys,json;print(json.dumps(sys.argv[1:]))"
    done = call(*run, "--follow", "--", "python3", "-c", show, *HOSTILE, env=env)
    assert json.loads(done.stdout) == HOSTILE


def test_bytes_that_are_not_utf8_arrive(queue: tuple[list[str], dict[str, str], Daemon]) -> None:
    run, env, _daemon = queue
    done = subprocess.run(
        [*map(os.fsencode, [*run, "--follow", "--", "printf", "%s"]), b"\xff'\\\xfe\n"],
        env=env,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"\xff'\\\xfe\n")


def test_one_argument_is_shell_text_and_runs_in_bash(queue: tuple[list[str], dict[str, str], Daemon]) -> None:
    run, env, _ = queue
    done = call(*run, "--follow", "--", 'for i in {1..3}; do [[ $i == 2 ]] || echo "n$i"; done | tac', env=env)
    assert done.stdout == b"n3\nn1\n"


def test_stdin_is_empty_unless_the_command_gives_it_one(queue: tuple[list[str], dict[str, str], Daemon]) -> None:
    run, env, _ = queue
    done = call(*run, "--follow", "--", "cat; cat <<< given", env=env, input=b"of the caller")
    assert (done.returncode, done.stdout) == (0, b"given\n")


def test_output_is_printed_while_the_job_runs(queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path) -> None:
    run, env, _ = queue
    go = tmp_path / "go"
    command = [*run, "--follow", "--", f"echo first; until [ -e {go} ]; do sleep 0.05; done; echo last"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"first\n"
        go.touch()
        assert process.stdout.read() == b"last\n"
    assert process.returncode == 0


def test_a_job_longer_than_the_wait_continues(queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path) -> None:
    run, env, _daemon = queue
    go = tmp_path / "go"
    done = call(*run, "--wait", "0.5", "--", f"echo begun; until [ -e {go} ]; do sleep 0.05; done; exit 5", env=env)
    assert done.returncode == 75
    name = done.stderr.decode().split()[1]
    assert f"pueue-skill log --follow {name}" in done.stderr.decode()
    go.touch()
    followed = call("pueue-skill", "wait", name, env=env | {"XDG_CONFIG_HOME": str(config_for(tmp_path))})
    assert followed.returncode == 5, followed.stderr


def config_for(folder: Path) -> Path:
    """Return a configuration folder that contains both hosts."""
    file = folder / "config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[hosts.bigblack]\n[hosts.littleblack]\n")
    return folder / "config"


def test_detach_prints_only_the_name(queue: tuple[list[str], dict[str, str], Daemon]) -> None:
    run, env, daemon = queue
    done = call(*run, "--detach", "--label", "a label", "--", "exit 4", env=env)
    host, _, id = done.stdout.decode().strip().rpartition(":")
    assert host in ("local", "bigblack")
    assert done.stderr == b""
    assert daemon.result(id) == {"Failed": 4}
    assert daemon.tasks()[int(id)]["label"] == "a label"


def test_interrupted_while_waiting(queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path) -> None:
    run, env, daemon = queue
    go = tmp_path / "go"
    command = [*run, "--follow", "--", f"echo begun; until [ -e {go} ]; do sleep 0.05; done"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
    assert process.returncode == 130
    assert "continues. Follow it with" in said
    id = said.split()[2].rpartition(":")[2]
    assert "Running" in daemon.tasks()[int(id)]["status"]
    go.touch()
    assert daemon.result(id) == "Success"


def test_the_same_key_is_the_same_job(queue: tuple[list[str], dict[str, str], Daemon], tmp_path: Path) -> None:
    run, env, _daemon = queue
    key, count = f"once-{tmp_path.name}-{os.getpid()}", tmp_path / "count"
    racers = [
        subprocess.Popen(
            [*run, "--key", key, "--follow", "--", f"echo x >> {count}; exit 6"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    assert [racer.wait(60) for racer in racers] == [6] * 4
    assert count.read_text() == "x\n"
    other = call(*run, "--key", key, "--", "echo other", env=env)
    assert other.returncode == 125
    assert b"belongs to" in other.stderr


def test_the_environment_is_that_of_the_command(pueued: Daemon) -> None:
    env = pueued.env | {
        "VIRTUAL_ENV": "/v",
        "TOKEN": "a\nb'c",
        "CLAUDECODE": "1",
        "TERM": "xterm",
        "CLAUDE_CODE_X": "1",
    }
    show = ["python3", "-c", "import os,json;print(json.dumps(dict(os.environ)))"]
    got = json.loads(call(*RUN, "--follow", "--", *show, env=env).stdout)
    assert (got["VIRTUAL_ENV"], got["TOKEN"]) == ("/v", "a\nb'c")
    assert not {"CLAUDECODE", "TERM", "CLAUDE_CODE_X"} & set(got)
    small = json.loads(call(*RUN, "--env", "minimal", "--follow", "--", *show, env=env).stdout)
    assert "TOKEN" not in small
    assert (small["HOME"], small["PATH"]) == (env["HOME"], env["PATH"])


def test_a_variable_that_is_not_utf8_is_omitted_and_reported(pueued: Daemon) -> None:
    env = {os.fsencode(k): os.fsencode(v) for k, v in pueued.env.items()} | {b"BAD": b"\xff"}
    done = subprocess.run([*RUN, "--follow", "--", "echo [$BAD]"], env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"[]\n")
    assert b"BAD is not passed to the job" in done.stderr


def test_others_cannot_read_the_queue(pueued: Daemon, bigblack: Host) -> None:
    data = bigblack.home / ".local/share/pueue"
    for folder in (pueued.home, data):
        folder.chmod(0o755)
    for host in ("local", "bigblack"):
        assert call(*RUN, "--host", host, "--follow", "--", "true", env=pueued.env).returncode == 0
    for folder in (pueued.home, data):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.long
def test_the_folder_is_this_one_or_the_given_one(pueued: Daemon, bigblack: Host, weird_tmp_path: Path) -> None:
    shown = os.fsencode(weird_tmp_path) + b"\n"
    assert call(*RUN, "--follow", "--", "pwd", env=pueued.env, cwd=weird_tmp_path).stdout == shown
    assert call(*RUN, f"--cwd={weird_tmp_path}", "--follow", "--", "pwd", env=pueued.env).stdout == shown
    there = call(*RUN, "--host", "bigblack", f"--cwd={weird_tmp_path}", "--follow", "--", "pwd", env=pueued.env)
    assert there.stdout == shown, there.stderr


def test_after_waits_for_success(pueued: Daemon, tmp_path: Path) -> None:
    first = call(*RUN, "--detach", "--", "exit 9", env=pueued.env).stdout.decode().strip()
    done = call(*RUN, "--after", first, "--follow", "--", "touch", str(tmp_path / "ran"), env=pueued.env)
    assert done.returncode == 125
    assert b"was skipped: a dependency failed" in done.stderr
    assert b"its own exit code" not in done.stderr
    assert not (tmp_path / "ran").exists()


def test_an_ssh_command_is_queued_on_its_host(pueued: Daemon, bigblack: Host) -> None:
    before = set(bigblack.tasks())
    done = call(*RUN, "--follow", "--", "ssh bigblack 'cd / && pwd; exit 8'", env=pueued.env)
    assert (done.returncode, done.stdout) == (8, b"/\n")
    (new,) = set(bigblack.tasks()) - before
    assert bigblack.tasks()[new]["path"] == str(bigblack.home)


@pytest.mark.parametrize("host", ["local", "bigblack"])
def test_the_configuration_of_the_host(pueued: Daemon, bigblack: Host, host: str, tmp_path: Path) -> None:
    """`path` precedes the PATH of jobs; `group`, which is created, is for jobs without a group."""
    env = pueued.env | {"XDG_CONFIG_HOME": str(config_for(tmp_path))}
    (tmp_path / "config/pueue-skill/config.toml").write_text(
        f'[hosts.{host}]\npath = ["~/.cargo/bin", "/opt/my tools"]\ngroup = "chosen"\ngroups.chosen = 3\n'
    )
    daemon, home = (pueued, env["HOME"]) if host == "local" else (bigblack, str(bigblack.home))
    try:
        run = [*RUN, "--host", host, "--follow"]
        done = call(*run, "--label", "by-default", "--", "echo $PATH", env=env)
        assert done.stdout.decode().startswith(f"{home}/.cargo/bin:/opt/my tools:/"), done.stderr
        assert call(*run, "--group", "default", "--label", "by-name", "--", "true", env=env).returncode == 0
        groups = {task["label"]: task["group"] for task in daemon.tasks().values()}
        assert (groups["by-default"], groups["by-name"]) == ("chosen", "default")
        assert json.loads(daemon.pueue("group", "--json"))["chosen"]["parallel_tasks"] == 3
    finally:
        daemon.pueue("clean", "--group", "chosen")
        daemon.pueue("group", "remove", "chosen")


def test_a_job_survives_its_submitting_connection(pueued: Daemon, bigblack: Host, tmp_path: Path) -> None:
    env = pueued.env | {"XDG_CONFIG_HOME": str(config_for(tmp_path))}
    go = tmp_path / "go"
    command = [
        *RUN,
        "--host",
        "bigblack",
        "--label",
        tmp_path.name,
        "--follow",
        "--",
        f"echo begun; until [ -e {go} ]; do sleep 0.05; done; echo end; exit 11",
    ]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        # The client is killed too: nobody is left who could have kept the job alive.
        process.kill()
    assert bigblack.kill_connections() >= 0
    go.touch()
    done = call("pueue-skill", "log", "--follow", tmp_path.name, env=env)
    assert (done.returncode, done.stdout) == (11, b"begun\nend\n"), done.stderr
    table = call("pueue-skill", "status", "bigblack", env=env | {"COLUMNS": "200"}).stdout.decode()
    assert "failed, exit 11" in table


def test_following_resumes_after_a_lost_connection(pueued: Daemon, bigblack: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = [
        *RUN,
        "--host",
        "bigblack",
        "--follow",
        "--",
        f"echo begun; until [ -e {go} ]; do sleep 0.05; done; echo end; exit 12",
    ]
    with subprocess.Popen(command, env=pueued.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"begun\n"
        assert bigblack.kill_connections() > 0
        assert b"trying again" in process.stderr.readline()
        go.touch()
        assert process.stdout.read() == b"end\n"
    assert process.returncode == 12


def test_the_latency_of_run(pueued: Daemon) -> None:
    """The time from the end of the job in the queue to the end of `run`, which depends on the pauses of the follow script."""
    script = call("pueue-skill", "run", "--detach", "--", "sleep 0.5", env=pueued.env)
    assert script.returncode == 0
    from pueue_skill.queues.script import functions

    pauses = [float(words.split(";")[0]) for words in functions("queues/pause").split("sleep ")[1:]]
    assert max(pauses) < 0.4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--group", "nope", "--", "true"], "Group nope doesn't exists"),
        (["--cwd", "/no/such/folder", "--", "true"], "there is no folder /no/such/folder"),
        (["--host", "no-such-host", "--", "true"], "cannot be reached"),
        (["--host", "bigblack", "--cwd", "/no/such", "--", "true"], "not queued"),
        (["--key", "a b", "--", "true"], "may contain only letters"),
        (["--after", "99999", "--", "true"], "not queued"),
    ],
)
def test_a_command_that_cannot_be_queued_exits_with_125(
    pueued: Daemon, bigblack: Host, arguments: list[str], says: str
) -> None:
    before = set(pueued.tasks()) | set(bigblack.tasks())
    done = call(*RUN, *arguments, env=pueued.env)
    assert done.returncode == 125
    assert says in done.stderr.decode()
    assert set(pueued.tasks()) | set(bigblack.tasks()) == before


def test_without_a_daemon_it_exits_with_125_and_prints_how_to_start_one(pueued: Daemon, tmp_path: Path) -> None:
    env = {name: value for name, value in pueued.env.items() if name != "PUEUE_CONFIG_PATH"}
    done = call(*RUN, "--", "true", env=env | {"HOME": str(tmp_path)})
    assert done.returncode == 125
    assert "pueued -d" in done.stderr.decode()


def test_a_daemon_that_dies_while_its_job_is_followed(lab: object, pueued: Daemon, tmp_path: Path) -> None:
    """After kill -9 of a separate daemon, the outcome of the job is unknown, which is reported with exit code 125."""
    home = tmp_path / "d"
    home.mkdir()
    short = Path(f"/tmp/pq-{os.getpid()}-{time.monotonic_ns() % 10000}")
    short.mkdir()
    try:
        config = home / "pueue.yml"
        config.write_text(json.dumps({"shared": {"pueue_directory": str(home), "runtime_directory": str(short)}}))
        env = pueued.env | {"PUEUE_CONFIG_PATH": str(config)}
        daemon = subprocess.Popen(["pueued"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: call("pueue", "group", env=env).returncode == 0, "pueued")
        command = [*RUN, "--follow", "--", f"echo $$ > {home}/pid; echo begun; exec sleep 30"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"begun\n"
            daemon.kill()
            daemon.wait()
            said = process.communicate(timeout=50)[1].decode()
        assert process.returncode == 125
        assert "is not known" in said
        os.kill(int((home / "pid").read_text()), signal.SIGKILL)
    finally:
        subprocess.run(["rm", "-r", str(short)], check=True)
