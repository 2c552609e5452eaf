"""`audit`: a report on a host in one connection; each probe may fail by itself, and nothing on the host is changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from real import Daemon, Host, Lab, real, until

from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.hosts import audit
from pueue_skill.hosts.audit import RequestTimes
from pueue_skill.queues import framing
from pueue_skill.queues.framing import Probe, ProbeResult
from pueue_skill.views import audit as view

NVIDIA_SMI = """#!/bin/sh
# As driver 550: the requested columns, a line for each GPU, and [N/A] for values that a GPU does not report.
case "$*" in
  *--query-gpu=index,name,driver_version,utilization.gpu,memory.total,memory.used,temperature.gpu*--format=csv,noheader,nounits*) ;;
  *) echo "Field is not a valid field to query." && exit 2 ;;
esac
echo "0, NVIDIA GeForce RTX 4090, 550.54.14, 97, 24564, 20100, 71"
echo "1, NVIDIA A100-SXM4-40GB MIG 1g.5gb, 550.54.14, [N/A], [N/A], [N/A], 40"
"""
CONFIG = r"""
[hosts.bigblack]
path = ["~/tools"]
checkpoints = ["~/.cache/range bar/*.json", "~/none/*", "~/.cache/range bar"]
projects = ["~/rangebar-py", "~/gone"]
[hosts.bigblack.queries]
rows = "cat ~/rows"
path = "clickhouse-client --query 'SELECT 1'"
broken = "echo no server >&2; exit 7"
secret = "echo api_key=abcdefgh12345"
[hosts.littleblack]
[hosts.nowhere]
ssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"
"""


@pytest.fixture
def env(pueued: Daemon, bigblack: Host, littleblack: Host, tmp_path: Path, queues_as_before: None) -> dict[str, str]:
    (tmp_path / "pueue-skill").mkdir()
    (tmp_path / "pueue-skill/config.toml").write_text(CONFIG)
    for folder in ("tools", ".cache/range bar", "rangebar-py"):
        shutil.rmtree(bigblack.home / folder, ignore_errors=True)
        (bigblack.home / folder).mkdir(parents=True)
    (bigblack.home / "rows").write_text("1234\n")
    program(bigblack.home / "tools/nvidia-smi", NVIDIA_SMI)
    program(bigblack.home / "tools/clickhouse-client", '#!/bin/sh\necho "$2"\n')
    for at, name in ((1000, "a.json"), (2000, "b.json")):
        file = bigblack.home / ".cache/range bar" / name
        file.write_text(json.dumps({"at": at, "password": "hunter2hunter2"}))
        os.utime(file, (at, at))
    git(bigblack, "init", "--quiet", "--initial-branch=main")
    git(bigblack, "commit", "--quiet", "--allow-empty", "--message=The first")
    (bigblack.home / "rangebar-py/new").touch()
    return pueued.env | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "COLUMNS": "160"}


def program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def git(host: Host, *arguments: str) -> None:
    of = ["-c", "user.name=n", "-c", "user.email=e", "-C", str(host.home / "rangebar-py")]
    subprocess.run([real("git"), *of, *arguments], env={"HOME": str(host.home), "PATH": os.environ["PATH"]}, check=True)


def call(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", *command], env=env, capture_output=True, text=True, timeout=60)


def audited(name: str, env: dict[str, str], *options: str) -> dict[str, Any]:
    done = call("audit", name, "--json", *options, env=env)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMAS["audit"]())
    return report


def job(host: str, label: str, command: str, env: dict[str, str], *options: str) -> str:
    done = call("run", "--host", host, "--label", label, *options, "--", command, env=env)
    return done.stdout.strip()


@pytest.mark.long
def test_the_report_on_a_host(env: dict[str, str], bigblack: Host) -> None:
    bigblack.pueue("clean")  # other tests may have left ended jobs
    job("bigblack", "fails", "echo the reason; echo token=abcdefgh12345; exit 3", env, "--follow")
    job("bigblack", "apart", "echo out; echo the error >&2; exit 4", env, "--follow", "--split-output")
    name = job("bigblack", "dies", "kill -9 $$", env, "--detach")
    job("bigblack", "after", "true", env, "--follow", "--after", name)
    gone = bigblack.home / "gone folder"
    gone.mkdir()
    late = bigblack.pueue(
        "add", "--stashed", "--print-task-id", "--label=late", "--working-directory", str(gone), "true"
    )
    gone.rmdir()
    bigblack.pueue("enqueue", late)
    bigblack.result(late)
    bigblack.pueue("pause", "--group", "p1")
    try:
        report = audited("bigblack", env)
    finally:
        bigblack.pueue("start", "--group", "p1")

    failures = {one["label"]: one for one in report["failures"]}
    assert failures["fails"]["why"] == "exit code 3"
    assert failures["fails"]["tail"] == "the reason\ntoken=***\n"
    assert failures["apart"]["tail"] == "out\nthe error\n"
    assert failures["dies"]["why"] == "exit code 137: signal 9 (SIGKILL)"
    assert failures["after"]["why"] == f"skipped: {name} failed"
    assert failures["late"]["why"] == f"failed to start: its working directory {gone} does not exist"
    groups = {group["name"]: group for group in report["groups"]}
    assert (groups["p1"]["limit"], groups["p1"]["status"]) == (4, "paused")
    assert (groups["default"]["limit"], groups["default"]["status"]) == (4, "running")
    assert groups["default"]["jobs"] == {"failed": 3, "dependency": 1, "spawn": 1}
    assert report["failed"] == 5

    first, none, folder = report["checkpoints"]
    assert (first["count"], first["size"], first["newest_size"], first["newest_time"]) == (2, 84, 42, 2000)
    assert first["newest"].endswith("/.cache/range bar/b.json")
    assert abs(first["newest_age"] - (time.time() - 2000)) < 60
    assert first["head"] == '{"at": 2000, "password": ***}'
    assert (none["count"], none["newest"]) == (0, None)
    assert 0 <= folder["newest_age"] - first["newest_age"] < 60  # it is looked at a moment later
    assert {**folder, "pattern": "", "newest_age": 0} == {**first, "pattern": "", "newest_age": 0}

    answers = {query["name"]: query["answer"] for query in report["queries"]}
    assert answers == {"rows": "1234", "path": "SELECT 1", "secret": "api_key=***"}
    (project,) = report["projects"]
    assert (project["branch"], project["subject"], project["changed"]) == ("main", "The first", 1)
    assert re.fullmatch("[0-9a-f]{40}", project["commit"])

    load, processors = os.getloadavg(), os.cpu_count()
    assert abs(report["load"][0] - load[0]) < 2
    assert report["processors"] == processors
    assert report["memory"]["size"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < report["memory"]["available"] <= report["memory"]["size"]
    (disk,) = report["disks"]
    assert disk["path"] == "home and queue"
    assert abs(disk["free"] - shutil.disk_usage(bigblack.home).free) < 2**30
    assert report["gpus"][0] == {
        "index": "0", "name": "NVIDIA GeForce RTX 4090", "driver": "550.54.14", "used": 97, "memory": 24564 * 2**20,
        "memory_used": 20100 * 2**20, "temperature": 71,
    }  # fmt: skip
    assert (report["gpus"][1]["used"], report["gpus"][1]["temperature"]) == (None, 40)
    assert report["versions"]["pueue"] == report["versions"]["pueued"] == bigblack.run("--version").stdout.split()[1]
    assert report["versions"]["system"] == f"{os.uname().sysname} {os.uname().release}"
    assert {"python", "git"} <= report["versions"].keys()
    assert report["clock"] == 0
    assert set(report["unknown"]) == {"project ~/gone", "query broken"}
    assert report["unknown"]["query broken"] == "exit code 7: no server"

    text = call("audit", "bigblack", env=env).stdout
    for words in (
        "default (0/4): 3 failed, 1 skipped: a dependency failed, 1 failed to start",
        "bigblack:0 fails: exit code 3",
        "| token=***",
        "0 NVIDIA GeForce RTX 4090: 97 % used, 21.1 GB of 25.8 GB, 71 °C",
        "~/.cache/range bar/*.json: 2 files, 84 B",
        "~/none/*: none",
        "rows: 1234",
        "on main, 1 changed",
        "query broken: exit code 7: no server",
    ):
        assert words in text, f"{words} is not in\n{text}"


@pytest.mark.long
def test_an_audit_opens_one_connection_and_changes_nothing(env: dict[str, str], bigblack: Host) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = [(path, path.lstat()) for path in bigblack.home.rglob("*")]
        return {str(path): (stat.st_mtime_ns, stat.st_size) for path, stat in found if path != bigblack.log}

    def connections() -> int:
        return bigblack.sshd_log.read_text().count("Accepted publickey")

    (bigblack.home / "rangebar-py/file").write_text("x")
    git(bigblack, "add", "file")
    os.utime(bigblack.home / "rangebar-py/file", (3000, 3000))  # git status would write its index
    before, count = state(), connections()
    audited("bigblack", env, "--diff")
    assert connections() == count + 1
    assert state() == before


@pytest.mark.long
def test_changes_since_the_last_audit(env: dict[str, str], bigblack: Host) -> None:
    done = call("audit", "bigblack", "--diff", env=env)
    assert "this is the first audit of bigblack" in done.stderr
    report = audited("bigblack", env, "--diff")
    assert report["since"]
    assert [change for change in report["changes"] if " free -> " not in change] == []

    git(bigblack, "add", "new")
    git(bigblack, "commit", "--quiet", "--message=The second")
    (bigblack.home / ".cache/range bar/c.json").write_text("{}")
    (bigblack.home / "rows").write_text("2345\n")
    (bigblack.home / "gone").mkdir()
    name = job("bigblack", "new", "exit 9", env, "--detach", "--group", "p3")
    until(lambda: bigblack.result(name.rpartition(":")[2]), "the job")
    bigblack.pueue("parallel", "--group", "p2", "5")
    bigblack.pueue("group", "add", "more")
    bigblack.pueue("pause", "--group", "p1")
    try:
        text = call("audit", "bigblack", "--diff", env=env).stdout
        changes = text.partition("\nchanges")[2]
        for words in (
            "group p1: running -> paused",
            "group p2: limit 2 -> 5",
            "group p3: 0 -> 1 failed",
            "group more is new",
            f"{name} new failed: exit code 9",
            "checkpoints ~/.cache/range bar/*.json: 2 files, 84 B -> 3 files, 86 B",
            "/c.json",
            "query rows: 1234 -> 2345",
            "(The second)",
            "project ~/rangebar-py: 1 changed files -> 0",
        ):
            assert words in changes, f"{words} is not in\n{text}"
        (bigblack.home / "rows").unlink()
        report = audited("bigblack", env, "--diff")
        assert [change for change in report["changes"] if " free -> " not in change] == [
            "query rows is no longer known: exit code 1: cat: " + f"{bigblack.home}/rows: No such file or directory"
        ]
    finally:
        bigblack.pueue("start", "--group", "p1")
        bigblack.pueue("parallel", "--group", "p2", "2")
        bigblack.pueue("group", "remove", "more")
        (bigblack.home / "gone").rmdir()
    kept = Path(env["XDG_DATA_HOME"]) / "pueue-skill/audits/bigblack.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert "abcdefgh" not in kept.read_text()


@pytest.mark.long
def test_control_characters_of_a_host_do_not_reach_the_terminal(env: dict[str, str], bigblack: Host) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    folder = bigblack.home / ".cache/range bar"
    (folder / f"z{evil}\n9999999999 0 x.json").write_text(f"{evil}\nhead")
    (bigblack.home / "rows").write_text(f"{evil} part queue\n\nmark code 0\n")
    bigblack.result(bigblack.pueue("add", "--print-task-id", f"--label={evil}", "--", f"printf '{evil}'; exit 1"))
    done = call("audit", "bigblack", "--diff", env=env)
    assert done.returncode == 0
    assert [char for char in done.stdout + done.stderr if not char.isprintable() and char != "\n"] == []
    report = audited("bigblack", env)
    assert report["checkpoints"][0]["count"] == 3
    assert report["checkpoints"][0]["newest"].startswith(f"{folder}/z")
    assert report["checkpoints"][0]["head"].endswith("head")


@pytest.mark.long
def test_a_queue_or_host_that_does_not_answer(env: dict[str, str], littleblack: Host) -> None:
    done = call("audit", "nowhere", "--json", env=env)
    assert (done.returncode, done.stdout) == (4, "")
    assert "nowhere cannot be reached" in done.stderr
    (littleblack.home / ".local/bin/pueue").rename(littleblack.home / ".local/bin/kept")
    try:
        done = call("audit", "littleblack", "--json", env=env)
        command = done.stderr.rpartition("Try: ")[2]
        doctor = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60)
    finally:
        (littleblack.home / ".local/bin/kept").rename(littleblack.home / ".local/bin/pueue")
    assert done.returncode == 4
    assert "the queue of littleblack is not known: exit code 127: no pueue on this host" in done.stderr
    assert "pueue of littleblack" in doctor.stdout
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMAS["audit"]())
    assert (report["groups"], report["failed"]) == (None, None)
    assert set(report["unknown"]) == {"pueue", "queue"}
    assert report["load"], "the other probes succeed"


@pytest.mark.long
def test_a_host_with_only_busybox(lab: Lab, env: dict[str, str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="busybox-", dir=lab.root))
    folder.chmod(0o755)
    subprocess.run([real("busybox"), "--install", "-s", folder], check=True)
    host = Host(lab, "busy", {"default": 2}, path=folder)
    try:
        (host.home / "c").mkdir()
        (host.home / "c/one").write_text("1")
        (host.home / "c/two words").write_text("22")
        wanted = Path(env["XDG_CONFIG_HOME"]) / "pueue-skill/config.toml"
        wanted.write_text('[hosts.busy]\ncheckpoints = ["~/c/*"]\nqueries = { sh = "sh --help 2>&1 | head -n 1" }\n')
        report = audited("busy", env)
        assert report["unknown"] == {}
        assert report["queries"][0]["answer"].startswith("BusyBox")
        assert (report["checkpoints"][0]["count"], report["checkpoints"][0]["size"]) == (2, 3)
        assert report["load"]
        assert report["memory"]
        assert [disk["path"] for disk in report["disks"]] == ["home and queue"]
    finally:
        host.stop()


PROBES = (
    Probe("good", "echo 1; echo 2"),
    Probe("silent", ""),
    Probe("fails", "echo why >&2; exit 3"),
    Probe("reads", "cat; echo end"),
    Probe("long", "while :; do echo 0123456789; done", max_bytes=1000),
    Probe("bytes", r"printf 'a\377b\n'"),
    Probe("killed", "kill -9 $$"),
)


def asked_of(shell: str, script: str, seconds: float = 20, **env: str) -> bytes:
    command = [real(shell), *(["sh"] if shell == "busybox" else [])]
    try:
        done = subprocess.run(
            command, input=script.encode(), capture_output=True, timeout=seconds, env={**os.environ, **env}
        )
    except subprocess.TimeoutExpired as error:
        return error.stdout or b""
    return done.stdout


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "busybox"])
def test_a_failed_probe_does_not_affect_others(shell: str) -> None:
    found = framing.parse_results(asked_of(shell, framing.probe_script(PROBES, "m4rk")), "m4rk")
    assert list(found) == [probe.name for probe in PROBES]
    assert found["good"] == ProbeResult(b"1\n2\n", 0)
    assert found["silent"] == ProbeResult(b"", 0)
    assert found["fails"] == ProbeResult(b"why\n", 3)
    assert found["reads"] == ProbeResult(b"end\n", 0)
    assert found["long"].code is None
    assert found["bytes"].data == b"a\xffb\n"
    lacking = {probe.name: framing.problem(found[probe.name], probe) for probe in PROBES}
    assert lacking["good"] == lacking["silent"] == ""
    assert lacking["fails"] == "exit code 3: why"
    assert lacking["long"] == "its answer is longer than 1000 bytes"


@pytest.mark.long
@pytest.mark.parametrize(("tools", "nap"), [("timeout", "sleep 977"), ("perl", "sleep 978")])
def test_a_probe_that_hangs_is_ended_with_its_children(tools: str, nap: str, tmp_path: Path) -> None:
    for name in ("sh", "head", "sleep", tools):
        (tmp_path / name).symlink_to(real(name))
    hangs = [Probe("hangs", f"trap '' TERM; echo begun; {nap}; echo end", 1), Probe("after", "echo here")]
    began = time.monotonic()
    found = framing.parse_results(asked_of("dash", framing.probe_script(hangs, "m4rk"), PATH=str(tmp_path)), "m4rk")
    assert time.monotonic() - began < 5
    assert found["after"] == ProbeResult(b"here\n", 0)
    assert framing.problem(found["hangs"], hangs[0]) == "it was killed, or did not answer within 1 s"
    listing = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert nap not in listing


@pytest.mark.long
def test_a_detached_child_is_not_waited_for() -> None:
    loose = [Probe("loose", "setsid sleep 6 & exit 0", 1), Probe("after", "echo here")]
    began = time.monotonic()
    found = framing.parse_results(asked_of("dash", framing.probe_script(loose, "m4rk")), "m4rk")
    assert time.monotonic() - began < 5
    assert found["after"] == ProbeResult(b"here\n", 0)
    assert framing.problem(found["loose"], loose[0]) == "it was cut off"


@pytest.mark.long
def test_results_that_arrived_in_time_are_kept() -> None:
    """A probe with a detached child can block the later probes."""
    stuck = [Probe("good", "echo 1"), Probe("stuck", "setsid sleep 3 & exit 0", 1), Probe("never", "echo 2")]
    found = framing.parse_results(asked_of("dash", framing.probe_script(stuck, "m4rk"), seconds=1.5), "m4rk")
    assert found["good"] == ProbeResult(b"1\n", 0)
    assert framing.problem(found.get("never"), stuck[2]) == "it was not reached in time"


def test_no_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="no answer in b'Last login"):
        framing.parse_results(b"Last login: never\n", "m4rk")


VM_STAT = """17179869184
Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10000.
Pages active:                            300000.
Pages inactive:                           20000.
Pages speculative:                          500.
Pages throttled:                              0.
Pages wired down:                        100000.
Pages purgeable:                             100.
"Translation faults":                 123456789.
total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)
"""


def test_output_of_macos() -> None:
    assert audit.parse_memory(VM_STAT) == {
        "size": 17179869184, "available": 30600 * 16384, "swap": 2048 * 2**20, "swap_used": 1024 * 2**20 + 2**19,
    }  # fmt: skip
    uptime = "16:38  up 10 days,  2:03, 3 users, load averages: 1.79 2.26 3.62\n10\n"
    assert audit.parse_load(uptime) == ([1.79, 2.26, 3.62], 10)
    df = "/dev/disk3s5     971350180 512345678 400000000    57%    /System/Volumes/Data\n"
    (disk,) = audit.parse_disks(df + df)
    assert (disk["mount"], disk["free"]) == ("/System/Volumes/Data", 400000000 * 1024)


def test_a_clock_is_ahead_or_behind_only_if_that_is_certain() -> None:
    times = RequestTimes(1000.9, 1003.1)
    assert [audit.clock_offset_s(host_time, times) for host_time in (1000, 1001, 1003, 1004, 1063, 900)] == [
        0,
        0,
        0,
        0,
        59,
        -99,
    ]


def test_a_secret_whose_name_is_cut_off_is_hidden() -> None:
    tail = b"en=abcdefgh12345\n" + b"x" * audit.TAIL_BYTES
    assert audit.drop_partial_line(tail) == b"x" * audit.TAIL_BYTES


def test_a_rebooted_host(env: dict[str, str]) -> None:
    report = audited("local", env)
    earlier = {**report, "booted": report["booted"] - 3600}
    assert "the host was rebooted" in audit.changes(earlier, report)  # type: ignore[arg-type]
    assert audit.changes(report, report) == []  # type: ignore[arg-type]
    assert view.plain("a\tb\x1b[0m") == "a b�[0m"
