"""Durations of earlier runs: recorded by the hook, used by the rules, shown and removed by `history`."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hooks import hook, payload
from pueue_skill.agents import learning
from pueue_skill.agents.event import Event
from pueue_skill.rules import evidence
from pueue_skill.rules.history import Estimate, estimate, quantile
from pueue_skill.rules.model import Preferences, Program
from pueue_skill.rules.registry import findings
from pueue_skill.rules.shapes import dominant, shapes
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Command
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script
from pueue_skill.state import durations, journal, paths, runs


def commands_of(text: str) -> tuple[Command, ...]:
    script = parse(text)
    assert isinstance(script, Script)
    return commands(script)


def shapes_of(text: str, folder: str = "/p/sub", project: str = "/p") -> list[str]:
    """The shapes of the last command of a text, with a digest shown as its sign alone."""
    return [re.sub(r"([#~])[0-9a-f]+", r"\1", shape) for shape in shapes(commands_of(text)[-1], folder, project)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "python -u build.py --token s3cret --year=2024 x",
            ["python /p/sub/build.py --token --year -u #", "python /p/sub/build.py --token --year -u ~",
             "python /p/sub/build.py --token --year -u", "python /p/sub/build.py"],
        ),
        ("cd .. && ./report 2024 -j16", ["/p/report -j #", "/p/report -j", "/p/report"]),
        ("npm run build:all", ["/p: npm build:all #", "/p: npm build:all ~", "/p: npm build:all"]),
        ("git push origin main", ["/p: git push #", "/p: git push"]),
        ("frob -psecret db", ["/p: frob -p #", "/p: frob -p ~", "/p: frob -p", "/p: frob", "frob -p"]),
            ("grep -rn word src", ["/p: grep -r #", "/p: grep -r"]),
        ("ssh bigblack 'make -C p dataset'", ["bigblack: make dataset -C #", "bigblack: make dataset -C", "bigblack: make dataset"]),
        ("python3 -c 'print(1)'", ["/p: python -c #", "/p: python -c"]),
        ("vault login mysecretroot", ["/p: vault login #", "/p: vault login ~", "/p: vault login", "vault login"]),
        ("YEARS=20 ./report", ["/p/sub/report YEARS= #", "/p/sub/report YEARS=", "/p/sub/report"]),
        ("mysql db < dump.sql", ["/p: mysql db #", "/p: mysql db"]),
        ("cd docs && make", ["/p/sub/docs: make #", "/p/sub/docs: make"]),
        ("cd /p && make", ["/p: make #", "/p: make"]),
        ("docker run --rm img python fit.py", ["docker run: python fit.py #", "docker run: python fit.py"]),
        ("bash report.sh --all", ["/p/sub/report.sh --all #", "/p/sub/report.sh --all", "/p/sub/report.sh"]),
        ("pytest --collect-only", ["/p: pytest --collect-only #", "/p: pytest --collect-only"]),
        ("cat a | ./load", []),
    ],
)  # fmt: skip
def test_shapes_have_no_values(text: str, expected: list[str]) -> None:
    assert shapes_of(text) == expected


def test_code_in_a_heredoc_is_remembered_by_its_text() -> None:
    one, other = [shapes(commands_of(f"python - <<'E'\nprint({n})\nE\n")[-1]) for n in (1, 2)]
    assert one[0] != other[0]
    assert one[1:] == other[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd p && ./build --all 2>&1 | tail -5", ["build"]),
        ("find / -name x | sort | head", ["find"]),
        ("./fit.sh && ./load.sh", ["fit.sh", "load.sh"]),
        ("sleep 60; ./build", []),
        ("for i in 1 2; do ./build $i; done", []),
        ("./build &", []),
        ("cd p; pwd", []),
        ("git add . && git commit -m x", ["git"]),
    ],
)
def test_the_commands_that_take_the_time_of_a_text(text: str, expected: list[str]) -> None:
    assert [command.name for command in dominant(commands_of(text))] == expected


def test_the_most_specific_shape_with_enough_runs_decides() -> None:
    runs = {"a #1": (90.0,), "a ~2": (5.0, 6.0), "a": (1.0, 1.0, 1.0)}
    assert estimate(("a #1", "a ~2", "a"), runs) == Estimate(6.0, 6.0, 2, "a ~2", 6.0)
    assert estimate(("a #1", "b"), runs) == Estimate(90.0, 90.0, 1, "a #1", 90.0)
    assert estimate(("b",), runs) is None


def test_a_run_that_was_cut_is_a_lower_bound() -> None:
    assert estimate(("a",), {"a": (1.0, -20.0)}) == Estimate(20.0, 20.0, 2, "a", float("inf"))
    assert estimate(("a",), {"a": (-20.0, *[1.0] * 19)}) == Estimate(1.0, 1.0, 20, "a", 1.0)  # long ago


def test_old_runs_fade() -> None:
    assert quantile((100.0,) * 10 + (1.0,) * 10, 0.5) == 1.0
    assert quantile((1.0,) * 10 + (100.0,), 0.5) == 1.0
    assert quantile((1.0, 2.0, 3.0), 1.0) == 3.0


def found(text: str, preferences: Preferences) -> list[str]:
    return [f"{f.rule} {f.message}" for f in findings(commands_of(text), {}, preferences)]


def after(*seconds: float, shape: str = "/p/report --year", limit: float = 120) -> Preferences:
    return Preferences(durations={shape: seconds}, folder="/p", project="/p", limit=limit)


def test_a_command_that_took_longer_than_its_limit_is_flagged() -> None:
    slow = after(240, 360, 300)
    assert found("./report --year 2024", slow) == [
        "PQ701 `report` usually takes 5m, and up to 6m (3 runs), longer than the time limit of the call (2m)"
    ]
    assert found("./report --year 2024", after(240)) == []  # other words may take another time
    assert found("for y in 1 2; do ./report --year $y; done", slow)[-1].startswith(
        "PQ702 each iteration of the loop usually takes 5m, and up to 6m"
    )


def test_one_that_comes_near_its_limit_needs_a_longer_timeout() -> None:
    assert found("./report --year 1", after(100, 110)) == [
        "PQ703 `report` usually takes 1m50s (2 runs), near the time limit of the call (2m)"
    ]
    assert found("./report --year 1", after(100, 110, limit=600)) == []
    assert found("./report --year 1", after(20, 21)) == []
    assert found("./report --year 1", after(20, 21, limit=30))[0].startswith("PQ703")
    assert found("./report --year 1", after(100, 1, 1, 1, 1)) == []


def test_only_runs_of_the_same_words_tell_how_long_a_quick_program_takes() -> None:
    long = {"/p: find -n": (300.0,) * 5, shapes(commands_of("find /data -name x")[0], "/p", "/p")[0]: (300.0,)}
    preferences = Preferences(durations=long, folder="/p", project="/p")
    assert found("find /data -name x", preferences)[0].startswith("PQ701 `find`")
    assert found("find src -name x", preferences) == []


def test_what_was_measured_overrules_what_is_known_of_a_program() -> None:
    assert found("ssh h ./run.sh", Preferences())[0].startswith("PQ102")

    def measured(text: str, *seconds: float) -> Preferences:
        return after(*seconds, shape=shapes(commands_of(text)[-1], "/p", "/p")[0])

    assert found("ssh h ./run.sh", measured("ssh h ./run.sh", 2, 3, 2)) == []
    assert found("python train.py", measured("python train.py", 2, 3, 2)) == []
    assert found("python train.py", measured("python train.py", 2, 3))
    assert found("python train.py", measured("python train.py", -20, -20, -20))  # ended by a time limit
    assert found("python train.py --epochs 9", measured("python train.py --epochs 1", 2, 3, 2))
    assert found("nohup python train.py &", measured("python train.py", 2, 3, 2))


def test_the_users_settings_take_precedence() -> None:
    mine = Preferences(
        programs=(Program("frob", ("all",), "long", "a frobnication"), Program("torchrun", (), "quick", "a stub here"))
    )
    assert found("frob all", mine) == [
        "PQ301 a frobnication in the foreground is killed when the session ends or its timeout expires"
    ]
    assert found("frob one", mine) == []
    assert found("torchrun x.py", mine) == []


def test_rules_can_be_disabled_and_downgraded() -> None:
    assert found("python train.py", Preferences(rules={"PQ302": "off"})) == []
    script = parse("python train.py")
    assert isinstance(script, Script)
    (down,) = findings(commands(script), {}, Preferences(rules={"PQ302": "medium"}))
    (advice,) = findings(commands(script), {}, Preferences(rules={"PQ302": "advice"}))
    assert (down.confidence, advice.rewrite) == ("medium", False)


def history(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pueue-skill", "history", *arguments], capture_output=True, text=True, timeout=30)


def run_times() -> dict[str, list[float]]:
    """The run times that `history` shows, without the shapes of exact words."""
    shapes = json.loads(history("--json").stdout)["shapes"]
    return {shape: entry["runs"] for shape, entry in shapes.items() if "#" not in shape and "~" not in shape}


def before_run(command: str, session: str = "s") -> bytes:
    return hook(payload(command, hook_event_name="PreToolUse", session_id=session), "PreToolUse").stdout


def test_the_hook_uses_the_durations_that_it_recorded(home: Path) -> None:
    command = "cd /tmp && ./frobnicate --level 3 --secret hunter2"
    assert b"took 3m20s in the foreground. Next time, queue it" in hook(payload(command, duration_ms=200_000)).stdout
    assert b"took 3m20s the last time, longer than the time limit" in before_run(command, "t")
    hook(payload(command, duration_ms=200_000))
    assert run_times() == {"/tmp/frobnicate --level --secret": [200.0, 200.0], "/tmp/frobnicate": [200.0, 200.0]}
    assert history().stdout.splitlines()[1].split() == ["3m20s", "3m20s", "2", "/tmp/frobnicate", "--level", "--secret"]
    file = home / ".local/share/pueue-skill/store.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"hunter2" not in file.read_bytes()
    assert history("--forget", "no such").returncode == 1
    assert history("--forget", "/tmp/frobnicate --level --secret").returncode == 0
    assert run_times() == {"/tmp/frobnicate": [200.0, 200.0]}
    assert history("--forget", "all").returncode == 0
    assert "no run times yet" in history().stderr
    assert before_run(command, "u") == b""


def test_the_session_hears_of_a_run_that_came_near_its_limit_but_of_no_other() -> None:
    def said(seconds: float, **given: object) -> bytes:
        command = f"./frob-{seconds}-{len(given)}"
        return hook(payload(command, duration_ms=1000 * seconds, tool_input={"command": command, **given})).stdout

    assert said(80) == b""
    assert b"took 1m40s of the 2m that the call has" in said(100)
    assert said(100, timeout=600_000) == b""
    assert b"took 8m20s of the 10m" in said(500, timeout=600_000)


def test_a_call_that_was_given_little_time_is_not_talked_about() -> None:
    cut = {"stdout": "", "stderr": "", "interrupted": True, "timedOutAfterMs": 20_000}
    assert hook(payload("./frob", duration_ms=20_000, tool_response=cut)).stdout == b""
    assert b"its time limit ended it" in hook(payload("./frob", duration_ms=90_000, tool_response=cut)).stdout


def test_what_holds_for_several_commands_is_said_once() -> None:
    for _ in range(2):
        hook(payload("./frob -a", duration_ms=100_000))
    assert before_run("./frob -a; ./frob -a", "t").count(b"usually takes 1m40s") == 1


def test_a_session_is_reminded_of_a_command_once_and_of_five_an_hour() -> None:
    assert [bool(before_run("python train.py")) for _ in range(2)] == [True, False]
    assert before_run("python train.py", "another")
    assert [bool(before_run(f"python train_{n}.py")) for n in range(6)] == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    "command", ["for i in 1 2; do ./frob $i; done", "./frob &", "sleep 100; ./frob", "cd /tmp; pwd"]
)
def test_what_says_nothing_about_one_command_is_not_recorded(command: str) -> None:
    hook(payload(command, duration_ms=200_000))
    assert run_times() == {}


def test_what_did_not_run_freely_is_not_recorded() -> None:
    hook(payload("./frob", duration_ms=200_000, tool_response={"backgroundTaskId": "b1"}))
    hook(payload("./frob", "PostToolUseFailure", duration_ms=900, error="Exit code 1"), "PostToolUseFailure")
    assert run_times() == {}
    hook(payload("./frob", duration_ms=120_000, tool_response={"backgroundTaskId": "b1", "timedOutAfterMs": 120_000}))
    assert run_times() == {"/frob": [120.0]}
    assert runs.load()["/frob"] == (-120.0,)


def test_a_run_during_which_the_machine_slept_is_not_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 1000.0, time.CLOCK_MONOTONIC: 1000.0}
    monkeypatch.setattr(time, "clock_gettime", lambda clock: clocks[clock])
    event = Event("claude", "after", "PostToolUse", "s", "/", "./frob", seconds=100)
    for asleep in (0.0, 0.0, 3600.0, 3600.0):
        clocks[time.CLOCK_BOOTTIME] = 1000.0 + asleep
        learning.remember(event)
    learning.learn_all()
    assert runs.load()["/frob"] == (100.0,) * 2


def test_a_changed_script_starts_anew(tmp_path: Path) -> None:
    script = tmp_path / "convert_all.py"
    script.write_text("1")
    os.utime(script, (1, 1))
    for _ in range(3):
        hook(payload("python convert_all.py", cwd=str(tmp_path), duration_ms=300_000))
    assert (
        b"usually takes 5m"
        in hook(payload("python convert_all.py", "PreToolUse", cwd=str(tmp_path), session_id="t"), "PreToolUse").stdout
    )
    script.write_text("12")
    os.utime(script, (2, 2))
    assert (
        b"usually takes 5m"
        not in hook(
            payload("python convert_all.py", "PreToolUse", cwd=str(tmp_path), session_id="u"), "PreToolUse"
        ).stdout
    )
    hook(payload("python convert_all.py", cwd=str(tmp_path), duration_ms=100_000))
    assert run_times() == {f"python {script}": [100.0]}


def test_concurrent_calls_lose_no_record() -> None:
    events = [payload(f"./frob{n % 5} {n}", duration_ms=10_000 + n) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hook, events))
    assert sorted(seconds for found in run_times().values() for seconds in found) == [10 + n / 1000 for n in range(40)]


def test_lines_of_the_journal_that_cannot_be_read_are_skipped() -> None:
    journal.append(b'{"cwd": "/", "ms": 5')
    journal.append(b"[]")
    journal.append(b'{"cwd": "/", "ms": 5000, "command": "./frob"}')
    assert run_times() == {"/frob": [5.0]}


def test_a_journal_that_is_read_is_replaced_and_loses_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_READ_BYTES", 500)
    monkeypatch.setattr(journal, "OPEN_S", 0)
    for n in range(200):
        journal.append(b'{"cwd": "/", "ms": %d, "command": "./frob%d"}' % (n, n))
        if n % 7 == 0:
            learning.learn()
        if n % 50 == 0:
            learning.learn(lines=3)  # the rest is read later
    learning.learn_all()
    learning.learn_all()
    assert {shape: seconds for shape, seconds in runs.load().items() if "#" not in shape} == {
        f"/frob{n}": (n / 1000,) for n in range(200)
    }
    assert Path(paths.journal()).stat().st_size < 1000
    assert len(runs.positions()) <= 2


def test_a_line_that_is_not_complete_is_read_later() -> None:
    journal.append(b'{"cwd": "/", "ms": 1000, "command": "./frob"}')
    with Path(paths.journal()).open("ab") as file:
        file.write(b'{"cwd": "/", "ms": 2000, ')
        file.flush()
        learning.learn_all()  # does not wait for its end
        assert runs.load()["/frob"] == (1.0,)
        file.write(b'"command": "./frob"}\n')
    learning.learn_all()
    assert runs.load()["/frob"] == (1.0, 2.0)


def test_forgotten_calls_leave_no_text(home: Path) -> None:
    journal.create()
    journal.append(b'{"cwd": "/", "ms": 5000, "command": "deploy --token SECRET123"}')
    assert history("--forget", "all").returncode == 0
    files = [file for file in (home / ".local/share/pueue-skill").rglob("*") if file.is_file()]
    assert journal.replaced() not in map(str, files)
    assert not [file for file in files if b"SECRET123" in file.read_bytes()]


def test_a_shape_is_forgotten_without_those_that_resemble_it() -> None:
    digest = "0123456789ab"
    for shape in ("a_b", "axb", f"a_b #{digest}", f"axb #{digest}", "a_b --c"):
        runs.record([runs.Run(shape, 1.0)])
    assert runs.forget("a_b") == 2
    assert set(runs.load()) == {"axb", f"axb #{digest}", "a_b --c"}


def test_a_script_that_was_changed_before_its_call_was_read_teaches_nothing(tmp_path: Path) -> None:
    script = tmp_path / "fit all.py"
    script.write_text("1")
    os.utime(script, (1, 1))
    call = {"cwd": str(tmp_path), "ms": 2000, "command": "python 'fit all.py'"}
    journal.append(json.dumps(call).encode())
    learning.learn_all()
    assert run_times() == {f"python {script}": [2.0]}
    os.utime(paths.journal() + ".lock", (100, 100))
    journal.append(json.dumps(call).encode())
    os.utime(script, (200, 200))
    learning.learn_all()
    assert run_times() == {f"python {script}": [2.0]}


def test_a_run_under_timeout_does_not_show_that_a_command_is_quick() -> None:
    for _ in range(3):
        hook(payload("timeout 20 make world || true", duration_ms=20_000))
    assert b"PQ30" in before_run("make world")


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_response": {"stdout": "", "stderr": "", "interrupted": True}},
        {
            "hook_event_name": "PostToolUseFailure",
            "error": "Exit code 255\nssh: connect to host gpu port 22: Connection timed out",
        },
    ],
)
def test_what_a_person_or_a_broken_connection_ended_teaches_nothing(fields: dict[str, object]) -> None:
    hook(
        payload("ssh gpu 'python train.py'", duration_ms=130_000, **fields),
        str(fields.get("hook_event_name", "PostToolUse")),
    )
    assert run_times() == {}


def test_a_pipe_that_head_closes_is_a_lower_bound() -> None:
    for _ in range(3):
        hook(payload("python train.py | head -5", duration_ms=3000))
    assert b"PQ302" in before_run("python train.py")


@pytest.mark.parametrize(
    "text", ["./report --help", "./report --list", "./report --year 1 --dry-run", "./report --collect-only"]
)
def test_a_query_of_a_slow_program_is_not_slow(text: str) -> None:
    assert (
        found(
            text,
            Preferences(
                durations={"/p/report": (300.0,) * 5, "/p/report --year": (300.0,) * 5}, folder="/p", project="/p"
            ),
        )
        == []
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("npm run build", "`npm run build`"),
        ("python -m pkg.report --x", "`python -m pkg.report`"),
        (".venv/bin/python -u report.py", "`python report.py`"),
        ("bash report.sh", "`bash report.sh`"),
        ("./report.sh 3", "`report.sh`"),
        ("cargo test parse", "`cargo test`"),
        ("ssh gpu ls -l", "`ls` on gpu"),
    ],
)
def test_messages_name_a_command_that_exists(text: str, expected: str) -> None:
    assert evidence.short_form(commands_of(text)[-1]) == expected


def test_a_sleep_that_another_session_notices_first_counts_for_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = [0.0]
    monkeypatch.setattr(learning, "total_sleep_s", lambda: asleep[0])
    assert not learning.slept_after(time.time())
    asleep[0] = 3600.0
    began = time.time() - 4000
    assert learning.slept_after(time.time() - 10)  # session B
    assert learning.slept_after(began)  # session A
    assert not learning.slept_after(time.time() + 1)


def test_the_commands_of_a_text_are_weighed_once_for_what_was_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(evidence, "dominant", lambda *given: calls.append(given) or dominant(*given))
    found("; ".join([f"echo a{n} && ls b{n}" for n in range(40)]), after(300, 300))
    assert len(calls) == 1


def test_recording_can_be_disabled(tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text("[evidence]\nrecord = false\n")
    hook(payload("./frob", duration_ms=200_000, cwd=str(tmp_path)))
    assert history().stdout == ""


@pytest.mark.parametrize("fault", ["garbage", "folder", "locked", "read-only folder"])
def test_a_broken_store_stops_no_command(home: Path, fault: str) -> None:
    file = home / ".local/share/pueue-skill/store.db"
    file.parent.mkdir(parents=True)
    holder = None
    if fault == "garbage":
        file.write_bytes(b"not a database" * 100)
    elif fault == "folder":
        file.mkdir()
    elif fault == "locked":
        runs.record([runs.Run("x", 1.0)])
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("begin exclusive")
    else:
        file.parent.chmod(0o500)
    done = hook(payload("python train.py", duration_ms=200_000))
    assert (done.returncode, done.stderr) == (0, b"")
    done = hook(payload("python train.py", hook_event_name="PreToolUse", session_id="t"), "PreToolUse")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"PQ302" in done.stdout
    assert "Traceback" not in history("--forget", "all").stderr
    if holder:
        holder.close()


def test_only_the_last_runs_are_kept() -> None:
    for i in range(30):
        runs.record([runs.Run("a", 10.0 + i)])
    assert runs.load() == durations.read().runs == {"a": tuple(20.0 + i for i in range(20))}


def test_the_hook_reads_only_what_matters_to_it() -> None:
    runs.record([runs.Run("quick", 1.0), runs.Run("slow", 99.0), runs.Run("flagged", 1.0, flagged=True)])
    assert set(durations.read().runs) == {"slow", "flagged"}
    assert Path(paths.slow_programs()).read_text() == "slow\n"


def test_the_list_for_the_launcher_has_words_of_long_commands() -> None:
    shapes = [
        "/p q: npm build:all --x",
        "python /p/a/fit.py --year",
        "bigblack: make dataset",
        "/p: git push #0123456789ab",
        "/p: git push",
        "~/bin/zork.sh --all A= ~0123456789ab",
    ]
    runs.record([runs.Run(shape, 99.0) for shape in shapes])
    runs.record([runs.Run("/p: git push", 1.0)] * 9)
    assert Path(paths.slow_programs()).read_text().splitlines() == [
        "zork.sh",
        "make dataset",
        "python fit.py",
        "npm build:all",
    ]
