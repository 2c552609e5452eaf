"""The hook: a reply where there is something to report, else no output, and exit code 0 for any input and any fault."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from hooks import SEED, TRAIN, before, configure, hook, payload, said, silent
from pueue_skill.agents import prompts
from pueue_skill.shell.model import Host
from pueue_skill.state import runs


class TestBefore:
    @pytest.mark.parametrize(
        "command", [SEED, TRAIN, 'ssh h "pueue add -- cd p && uv run x"', "ssh bigblack 'python train.py' | tee log"]
    )
    def test_reminds(self, command: str, snapshot: SnapshotAssertion) -> None:
        done = before(command)
        assert said(done) == snapshot
        assert list(json.loads(done.stdout)["hookSpecificOutput"]) == ["hookEventName", "additionalContext"]

    def test_off(self, home: Path) -> None:
        assert silent(before(TRAIN, "--mode=off"))
        configure(home, '[hook]\nmode = "off"\n')
        assert silent(before(TRAIN))
        assert silent(before(TRAIN, "--mode=suggest"))

    def test_suggest_denies_once(self, snapshot: SnapshotAssertion) -> None:
        done = before(TRAIN, "--mode=suggest")
        assert said(done, "permissionDecision") == "deny"
        assert said(done, "permissionDecisionReason") == snapshot
        assert silent(before(f"{TRAIN} # pueue: skip", "--mode=suggest"))
        assert "PQ302" in said(before(TRAIN, "--mode=suggest"))
        assert said(before(TRAIN, "--mode=suggest", session_id="another"), "permissionDecision") == "deny"

    def test_suggest_only_reminds_of_what_is_not_sure_or_has_no_invocation(self) -> None:
        for command in ("ssh bigblack ./run.sh", "sudo python train.py", "pueue restart 3"):
            assert "additionalContext" in json.loads(before(command, "--mode=suggest").stdout)["hookSpecificOutput"]

    def test_a_long_invocation_is_not_cut_in_the_middle(self) -> None:
        assert said(before("for i in {1..150}; do python train.py --fold $i; done")).endswith(
            "The same work is 150 jobs: `pueue-skill suggest -` gives the invocation for the command on stdin.\n"
        )

    def test_sizes_decide(self, tmp_path: Path) -> None:
        for name, size in {"disk.img": 80_000_000_000, "small.tgz": 80_000}.items():
            with (tmp_path / name).open("wb") as file:
                file.truncate(size)
        assert "a checksum of 80.0 GB" in said(before("sha256sum disk.img", cwd=str(tmp_path)))
        assert silent(before("tar xzf small.tgz", cwd=str(tmp_path)))
        assert "PQ301" in said(before("tar xzf small.tgz", cwd="/"))
        assert "PQ301" in said(before("tar xzf missing.tgz", cwd=str(tmp_path), session_id="t"))

    def test_it_runs_nothing_of_what_it_reads(self, tmp_path: Path) -> None:
        command = f"python train.py; touch {tmp_path}/a $(touch {tmp_path}/b) `touch {tmp_path}/c`"
        assert "PQ302" in said(before(command))
        assert not list(tmp_path.iterdir())


class TestAfter:
    def test_what_took_long_is_said(self) -> None:
        assert "took 1m01s in the foreground" in said(hook(payload(SEED)))
        assert silent(hook(payload(SEED, duration_ms=1_000)))

    def test_where_nothing_was_said_before(self) -> None:
        text = said(hook(payload(SEED), "PostToolUse", "--mode=off"))
        assert "took 1m01s in the foreground" in text
        assert "PQ101" in text

    @pytest.mark.parametrize(
        ("response", "word"),
        [
            ({"backgroundTaskId": "b1", "timedOutAfterMs": 120_000}, "10 minutes"),
            ({"backgroundTaskId": "b1"}, "ends with it"),
        ],
    )
    def test_in_the_background(self, response: dict[str, Any], word: str) -> None:
        text = said(hook(payload("./frob --all", tool_response=response)))
        assert word in text
        assert "pueue add" in text
        assert "./frob --all" in text

    def test_ended_by_its_time_limit(self) -> None:
        error = "Exit code 143\nCommand timed out after 2m 0.0s"
        done = hook(payload("./frob --all", "PostToolUseFailure", error=error), "PostToolUseFailure")
        assert "its time limit ended it" in said(done)

    def test_what_cannot_be_queued_is_not_talked_about(self) -> None:
        response = {"backgroundTaskId": "b1", "timedOutAfterMs": 120_000}
        assert silent(hook(payload("vim x", tool_response=response)))

    def test_a_quick_failure_says_nothing_of_how_long_it_takes(self, home: Path) -> None:
        for took in (1_000, 200_000):
            hook(payload("./frob", "PostToolUseFailure", duration_ms=took, error="Exit code 1"), "PostToolUseFailure")
        assert runs.load()["/frob"] == (-200.0,)


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("run this on bigblack", ["bigblack"]),
        ("Please train the model on BigBlack and tell me", ["bigblack"]),
        ("process these 70 jobs", []),
        ("fill the cache overnight", []),
        ("queue it", []),
        ("backfill all symbols on bigblack and littleblack", ["bigblack", "littleblack"]),
        ("cache population for 2024", []),
        ("start the batch processing", []),
        ("this is a long-running task", []),
        ("rerun all 12 experiments", []),
        ("run it on the GPU workstation", []),
        ("what is on bigblack?", None),
        ("why does train.py fail", None),
        ("run the tests", None),
        ("fix the typo in the README", None),
        ("explain how the cache works", None),
        ("rename the queue class", None),
        ("", None),
    ],
)
def test_prompts(prompt: str, named: list[str] | None) -> None:
    hosts = {name: Host(name) for name in ("local", "bigblack", "littleblack")}
    assert prompts.named_hosts(prompt, hosts) == named


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param(payload("ls -l"), id="quick"),
        pytest.param(payload("grep -r populate_cache ."), id="mention"),
        pytest.param(payload("python train.py # pueue: skip"), id="marker"),
        pytest.param(payload("python train.py 'unterminated"), id="unparsed"),
        pytest.param(payload("ssh bigblack uptime"), id="probe"),
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe\x00", id="not utf-8"),
        pytest.param(payload(TRAIN).replace(b"train", b"tr\xffin"), id="command not utf-8"),
        pytest.param(payload(SEED + "x" * 10_000_000), id="10 MB"),
        pytest.param(payload(7), id="command is a number"),
        pytest.param(payload(None), id="command is null"),
        pytest.param(payload([SEED]), id="command is a list"),
        pytest.param(payload(SEED, tool_input="x"), id="tool_input is text"),
        pytest.param(payload(SEED, tool_input=None), id="no tool_input"),
        pytest.param(payload(SEED, tool_name="Read"), id="another tool"),
        pytest.param(payload(SEED, hook_event_name="NoSuchEvent"), id="another event"),
        pytest.param(payload(SEED, hook_event_name=3), id="event is a number"),
        pytest.param(payload("python train.py\0"), id="NUL"),
        pytest.param(payload("(" * 5000 + TRAIN + ")" * 5000), id="nested"),
    ],
)
def test_events_without_a_reply(stdin: bytes) -> None:
    for event in ("PreToolUse", "PostToolUse"):
        assert silent(hook(stdin.replace(b'"PostToolUse"', f'"{event}"'.encode()), event))


def test_a_result_of_another_version_has_no_reply() -> None:
    other = payload(TRAIN, session_id=None, cwd=None, duration_ms="x", tool_response=[], permission_mode=4, duration=1)
    assert silent(hook(other))


def test_an_unknown_event_is_silent() -> None:
    for event in ("", "NoSuchEvent"):
        assert silent(hook(payload(SEED), event))


def test_odd_folders_cause_no_error() -> None:
    for cwd in ("", "/no/such/folder", 3, None, "a\0b"):
        done = before(SEED, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&-", ">/dev/full", ">&- 2>&- <&-"])
def test_closed_and_full_streams(redirect: str, tmp_path: Path) -> None:
    (tmp_path / "event").write_bytes(payload(SEED, "PreToolUse"))
    given = "" if "<" in redirect else f"< {tmp_path}/event"
    done = subprocess.run(
        ["bash", "-c", f"pueue-skill hook PreToolUse {given} {redirect}; echo $?"], capture_output=True, timeout=30
    )
    assert done.stdout.splitlines()[-1:] == [b"0"]
    assert b"Traceback" not in done.stderr


def test_an_agent_that_closes_the_pipe() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        ["pueue-skill", "hook", "PreToolUse"],
        input=payload(SEED, "PreToolUse"),
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=30,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
