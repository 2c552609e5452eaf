"""`status` and `log`: all queues side by side, with hosts that do not answer, and never an environment."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import pty
import re
import signal
import subprocess
import termios
from pathlib import Path

import jsonschema
import pytest
from large import sample
from real import Daemon, Host, until
from rich.console import Console

from pueue_skill.queues.model import Queue
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.shell import model
from pueue_skill.views import documents, status

CONFIG = """
[hosts.bigblack]
groups = { p1 = 4 }
[hosts.littleblack]
[hosts.nowhere]
ssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"
"""


@pytest.fixture
def env(pueued: Daemon, bigblack: Host, littleblack: Host, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "pueue-skill").mkdir()
    (tmp_path / "pueue-skill/config.toml").write_text(CONFIG)
    return pueued.env | {"XDG_CONFIG_HOME": str(tmp_path), "SECRET_TOKEN": "do-not-show-me", "COLUMNS": "160"}


def call(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", *command], env=env, capture_output=True, text=True, timeout=60)


def test_all_hosts_side_by_side(env: dict[str, str]) -> None:
    for host, text in (("local", "echo 'on local'"), ("bigblack", "exit 3"), ("littleblack", "echo 'a\nb'")):
        call("run", "--host", host, "--label", f"s-{host}", "--follow", "--", text, env=env)
    done = call("status", env=env)
    assert done.returncode == 4
    assert "\nnowhere cannot be reached: connect to host 127.0.0.1 port 1: Connection refused" in done.stdout
    assert "Try: ssh -p 1" in done.stdout
    for words in ("s-local", "s-bigblack", "failed, exit 3", "s-littleblack", "echo 'a …", "bigblack: default 0/4"):
        assert words in done.stdout
    assert "PUEUE_SKILL_KEY=" not in done.stdout
    assert call("status", "bigblack", "local", env=env).returncode == 0


def test_stuck_jobs_are_explained(env: dict[str, str], bigblack: Host) -> None:
    bigblack.pueue("group", "add", "--parallel", "1", "stuck")
    add = ("add", "-p", "--group", "stuck")
    failed = bigblack.pueue(*add, "--label", "load", "--", "exit 3")
    child = bigblack.pueue(*add, "--after", failed, "--", "true")
    until(lambda: bigblack.result(child) == "DependencyFailed", "the child's end")
    runs = bigblack.pueue(*add, "--", "sleep 100")
    waits, aside = bigblack.pueue(*add, "--", "true"), bigblack.pueue(*add, "--stashed", "--", "true")
    until(lambda: "Running" in bigblack.tasks()[int(runs)]["status"], "the running job")
    try:
        shown = call("status", "bigblack", env=env).stdout
        assert re.search(r"stuck 1/1 \+2 ✗2", shown)
        assert re.search(r"ended in the last hour: \d+, of which failed: \d+", shown)
        again = f"pueue-skill restart bigblack:{failed} bigblack:{child}"
        assert (
            f"  bigblack:{child} was skipped because bigblack:{failed} (load) failed with exit code 3. Try: {again}\n"
            in shown
        )
        assert f"  bigblack:{waits}: 1 of 1 slots of stuck are taken\n" in shown
        assert f"  bigblack:{aside}: stashed. Try: pueue-skill start bigblack:{aside}\n" in shown
        bigblack.pueue("kill", "--group", "stuck")
        bigblack.result(runs)
        shown = call("status", "bigblack", env=env | {"COLUMNS": "40"}).stdout
        assert max(map(len, shown.splitlines())) <= 40
        assert "group stuck is paused" in shown
        assert "pueue-skill start --host bigblack --group stuck" in " ".join(shown.split())
    finally:
        bigblack.remove_group("stuck")


def test_only_important_jobs_of_a_long_queue_are_listed() -> None:
    """All running jobs, the next jobs, and the jobs that ended last."""
    queue = many(10_000)
    now = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    report = documents.status([(model.Host("h"), queue)], now)
    console = Console(width=100, file=io.StringIO(), highlight=False)
    console.print(status.jobs_table(report, now, 100), status.host_lines(report))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert 20 <= sum(line.startswith("h:") for line in lines) <= 40
    assert "h: 9972 more jobs: pueue-skill status --json" in [line.rstrip() for line in lines]


def many(count: int) -> Queue:
    """Return a queue as pueue prints it, with 8 running jobs, as many queued jobs, and ended jobs."""
    return read_queue(json.dumps(sample(count)))


@pytest.mark.long
def test_watching_prints_each_change_and_ends_with_ctrl_c(env: dict[str, str], littleblack: Host) -> None:
    command = ["pueue-skill", "status", "--watch", "--every", "0.2", "littleblack"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("littleblack: ") for line in lines)
        id = littleblack.pueue("add", "-p", "--label", "seen-by-watch", "--", "exit 3")
        assert any("seen-by-watch" in line and "failed, exit 3" in line for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == "pueue-skill: interrupted\n"
        assert "\x1b" not in process.stdout.read()
    littleblack.pueue("remove", id)


@pytest.mark.long
@pytest.mark.parametrize("color", [True, False])
def test_watching_on_a_terminal_redraws_in_place(env: dict[str, str], littleblack: Host, color: bool) -> None:
    id = littleblack.pueue("add", "-p", "--label", "seen", "--", "exit 3")
    littleblack.result(id)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (100, 40))
    quiet = {name: value for name, value in env.items() if name != "COLUMNS"} | ({} if color else {"NO_COLOR": "1"})
    shown = b""
    with subprocess.Popen(
        ["pueue-skill", "status", "--watch", "--every", "0.2", "littleblack"],
        env=quiet | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            while shown.count(b" seen ") < 3:
                shown += os.read(ours, 65536)
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):  # Linux says so at the end
                while data := os.read(ours, 65536):
                    shown += data
        finally:
            process.kill()
    os.close(ours)
    littleblack.pueue("remove", id)
    text = shown.decode()
    assert process.returncode == 130, text
    assert "Traceback" not in text
    assert ("\x1b[31m" in text) == color  # a failed job is red
    assert text.count("\x1b[2K") > 3  # lines are erased and drawn again
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is there again


def test_json_has_its_schema_and_no_environment(env: dict[str, str]) -> None:
    call("run", "--follow", "--", "true", env=env)
    done = call("status", "--json", env=env)
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads(call("schema", "status", env=env).stdout))
    assert [host["host"] for host in report["hosts"]] == ["local", "bigblack", "littleblack", "nowhere"]
    assert [host["reachable"] for host in report["hosts"]] == [True, True, True, False]
    assert done.returncode == 4
    name = report["hosts"][0]["jobs"][-1]["name"]
    log = call("log", "--json", name, env=env)
    assert "do-not-show-me" not in done.stdout + log.stdout
    assert json.loads(log.stdout)["jobs"][0]["name"] == name


def test_log_by_name_label_and_key(env: dict[str, str]) -> None:
    label, key = f"l-{os.getpid()}", f"k-{os.getpid()}"
    name = call(
        "run", "--host", "littleblack", "--label", label, "--key", key, "--detach", "--", "echo hi; exit 9", env=env
    ).stdout.strip()
    assert call("wait", name, env=env).returncode == 9
    for job in (name, label, key):
        done = call("log", job, env=env)
        assert (done.returncode, done.stdout) == (0, "hi\n")
    assert call("log", "--follow", label, env=env).returncode == 9


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["log", "local:99999"], 2, "no job is called local:99999. There is:\n  local: group default"),
        (["log", "no-such-label", "--json"], 4, "nowhere cannot be reached"),
        (["status", "elsewhere"], 2, "no host is called elsewhere; configured: local, bigblack"),
        (["rule", "PQ999"], 2, "there is no rule PQ999"),
        (["suggest"], 2, "required: CMD"),
        (["wait", "nowhere:1"], 125, "cannot be reached"),
    ],
)
def test_errors_name_the_cause_and_the_next_command(
    env: dict[str, str], arguments: list[str], code: int, says: str
) -> None:
    done = call(*arguments, env=env)
    assert done.returncode == code
    assert says in done.stderr


def test_a_closed_pipe_causes_no_traceback(env: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "pueue-skill rules | head -n 0; echo ${PIPESTATUS[0]}"], env=env, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr


def test_every_state_of_pueue_is_parsed() -> None:
    """A state as pueue 4.0.4 prints it, with one task in each status and result."""
    text = (Path(__file__).parent.parent / "cases/pueue-4.0.4-status.json").read_text("utf-8")
    states = {state.label: state for state in read_queue(text).states}
    seen = {label: (state.status, state.result, state.exit_code) for label, state in states.items()}
    assert seen == {
        "key:success": ("done", "success", 0),
        "fail": ("done", "failed", 3),
        "spawnfail": ("done", "spawn", None),
        "killed": ("done", "killed", None),
        "paused": ("paused", None, None),
        "running": ("running", None, None),
        "queued": ("queued", None, None),
        "stashed": ("stashed", None, None),
        "delayed": ("stashed", None, None),
        "depfail": ("done", "dependency", None),
        "chained-depfail": ("done", "dependency", None),
        "locked": ("queued", None, None),
        "selfkill": ("done", "killed", None),
    }
