"""`suggest`: its output, and its invocations, which do exactly the proposed work when bash runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
from real import Daemon, Host
from syrupy.assertion import SnapshotAssertion

SEED = "ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'"
BROKEN = "ssh bigblack \"~/.local/bin/pueue add --label 'my job' -- cd ~/project && uv run python script.py\""
SURFACES = {
    "local": "uv run python populate_cache.py --symbol BTCUSDT",
    "ssh": SEED,
    "broken add": BROKEN,
    "quotes": 'python train.py --name "it\'s" \'$HOME\' "a\nb"',
    "two lines": "cd p\npython train.py --epochs 3 # note",
    "advice": "ssh bigblack 'python train.py' | tee log",
    "leave": "ssh bigblack uptime",
    "unparsed": "echo 'a",
}


def suggest(
    *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["pueue-skill", "suggest", *arguments], input=stdin, capture_output=True, env=env, timeout=30)


@pytest.mark.parametrize("name", SURFACES)
def test_text(name: str, snapshot: SnapshotAssertion) -> None:
    done = suggest(SURFACES[name])
    assert {"code": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()} == snapshot


@pytest.mark.parametrize("name", SURFACES)
def test_json(name: str, snapshot: SnapshotAssertion) -> None:
    done = suggest("--json", SURFACES[name])
    report = json.loads(done.stdout)
    schema = json.loads(subprocess.run(["pueue-skill", "schema", "suggestion"], capture_output=True, check=True).stdout)
    jsonschema.validate(report, schema)
    assert report == snapshot
    for finding in report["findings"]:
        assert 0 <= finding["start"] < finding["end"] <= len(SURFACES[name])


def test_explain(snapshot: SnapshotAssertion) -> None:
    done = suggest("--explain", SEED)
    assert done.stderr.decode() == snapshot


def test_a_loop_that_stays_one_job_says_why() -> None:
    done = suggest("for lr in 0.1 0.01; do python train.py --lr $lr --out model.pt; done")
    assert "it stays one job: every iteration writes model.pt (--out)\n" in done.stderr.decode()
    assert "--out model.pt" in done.stdout.decode()


def test_help(snapshot: SnapshotAssertion) -> None:
    assert subprocess.run(["pueue-skill", "--help"], capture_output=True, check=True).stdout.decode() == snapshot


@pytest.mark.parametrize("name", SURFACES)
def test_stdout_can_be_pasted(name: str) -> None:
    assert subprocess.run(["bash", "-n"], input=suggest(SURFACES[name]).stdout).returncode == (name == "unparsed") * 2


def test_stdin() -> None:
    done = suggest("-", "--json", stdin=b"python train.py\n")
    assert json.loads(done.stdout)["command"] == "python train.py\n"
    assert json.loads(done.stdout)["jobs"][0]["command"] == "python train.py"


@pytest.mark.parametrize("text", [b"ls -l\n", b"ls", b"\xff\xfe 'x'\n", b"", b"a\r\nb\r\n", b"\0"])
def test_a_command_left_as_is_is_printed_byte_for_byte(text: bytes) -> None:
    assert suggest("-", stdin=text).stdout == text


@pytest.mark.parametrize(("text", "code"), [("python train.py", 1), ("ls", 0)])
def test_exit_code(text: str, code: int) -> None:
    assert suggest("--exit-code", text).returncode == code
    assert suggest(text).returncode == 0


def test_host_and_folder_for_local_work() -> None:
    report = json.loads(suggest("--json", "--host", "littleblack", "--cwd", "~/my project", "python train.py").stdout)
    assert (report["jobs"][0]["host"], report["jobs"][0]["cwd"]) == ("littleblack", "~/my project")
    assert "ssh littleblack" in report["invocation"]
    assert "--working-directory ~/'my project'" in report["invocation"]


def stand_in(host: Host) -> Path:
    """A `uv` on the host that records each call: where, and with which arguments."""
    record = host.home / "record"
    record.unlink(missing_ok=True)
    (host.home / "project").mkdir(exist_ok=True)
    uv = host.home / "project/uv"
    uv.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "$PWD" "$@" >> {record}\n')
    uv.chmod(0o755)
    (host.home / ".bashrc").write_text(f"PATH={host.home}/project:$PATH\n")
    return record


@pytest.mark.parametrize(
    ("command", "job", "arguments"),
    [
        (
            SEED,
            "cd ~/project && uv run python populate_cache.py --symbol BTCUSDT",
            ["run", "python", "populate_cache.py", "--symbol", "BTCUSDT"],
        ),
        (BROKEN, "cd ~/project && uv run python script.py", ["run", "python", "script.py"]),
    ],
)
def test_an_invocation_runs_the_work_once_on_its_host(
    pueued: Daemon, bigblack: Host, command: str, job: str, arguments: list[str]
) -> None:
    record = stand_in(bigblack)
    report = json.loads(suggest("--json", command).stdout)
    assert report["verdict"] == "queue"
    (planned,) = report["jobs"]
    assert (planned["host"], planned["command"]) == ("bigblack", job)
    before = set(bigblack.tasks())
    done = subprocess.run(
        ["bash", "-c", report["invocation"]], env=bigblack.env, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert set(bigblack.tasks()) - before == {int(done.stdout)}
    assert bigblack.result(done.stdout) == "Success"
    assert record.read_text().splitlines() == [f"{bigblack.home}/project", *arguments]


def test_a_local_invocation_runs_the_work_once(pueued: Daemon, weird_tmp_path: Path) -> None:
    text = "printf '%s\\n' \"it's $PWD\" '$HOME' > out; exit 3 # pueue: queue"
    done = subprocess.run(
        ["bash", "-c", suggest(text).stdout],
        env=pueued.env,
        cwd=weird_tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert pueued.result(done.stdout) == {"Failed": 3}
    assert (weird_tmp_path / "out").read_text() == f"it's {weird_tmp_path}\n$HOME\n"
