"""The hook: a word when there is something to say, silence otherwise, and exit code 0 whatever it reads and whatever is broken."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from real import Daemon, until
from syrupy.assertion import SnapshotAssertion

from hooks import before, hook, payload, said, silent
from pueue_skill.agents import prompts, rewrite
from pueue_skill.agents.event import Event
from pueue_skill.jobs import news
from pueue_skill.queues.model import State
from pueue_skill.shell.model import Host
from pueue_skill.state import database, log
from pueue_skill.state.database import Submitted

SEED = "ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'"
TRAIN = "python train.py"


def configure(home: Path, text: str) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


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
            "The same work is 150 jobs: `pueue-skill suggest -` gives their invocation for the command on stdin.\n"
        )

    def test_it_runs_nothing_of_what_it_reads(self, tmp_path: Path) -> None:
        command = f"python train.py; touch {tmp_path}/a $(touch {tmp_path}/b) `touch {tmp_path}/c`"
        assert "PQ302" in said(before(command))
        assert not list(tmp_path.iterdir())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that a client was started in."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def client(home: Path, project: Path) -> Iterator[dict[str, str]]:
    """The environment of a hook of a client that was started in `project`, without options that bring rules."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield dict(os.environ) | {"CLAUDE_PID": str(process.pid), "CLAUDE_PROJECT_DIR": str(project)}
        process.kill()


class TestRewrite:
    def answered(self, command: str, client: dict[str, str], **changes: object) -> dict[str, Any]:
        stdin = payload(command, "PreToolUse", **{"cwd": client.get("CLAUDE_PROJECT_DIR", "/"), **changes})
        done = hook(stdin, "PreToolUse", "--mode=rewrite", env=client)
        answer: dict[str, Any] = json.loads(done.stdout)["hookSpecificOutput"]
        assert answer.get("permissionDecision") != "allow"
        return answer

    def rewritten(self, command: str, client: dict[str, str], **changes: object) -> dict[str, Any] | None:
        return self.answered(command, client, **changes).get("updatedInput")

    def test_the_whole_input_is_given_back(self, client: dict[str, str]) -> None:
        given = {"command": TRAIN, "timeout": 5, "run_in_background": True, "x": [1]}
        found = self.rewritten(TRAIN, client, tool_input=given)
        assert found
        key = re.fullmatch(r"pueue-skill run --or-detach --key=[0-9a-f]{12} -- 'python train.py'", found["command"])
        assert key
        assert found == given | {"command": found["command"]}

    def test_each_call_has_a_key_of_its_own(self, client: dict[str, str]) -> None:
        calls = [
            {"tool_use_id": "a"},
            {"tool_use_id": "b"},
            {"tool_use_id": "a", "session_id": "t"},
            {"tool_use_id": "a"},
        ]
        texts = [(self.rewritten(TRAIN, client, **call) or {})["command"] for call in calls]
        assert len(set(texts)) == 3
        assert texts[0] == texts[3]

    def test_what_is_said_is_said_of_the_future(self, client: dict[str, str]) -> None:
        context = self.answered(TRAIN, client)["additionalContext"]
        assert "the command is rewritten: it will be queued as a job on this machine" in context
        assert not re.search(r"\b(was|were|has been|it is a job)\b", context)

    @pytest.mark.parametrize(
        ("command", "becomes"),
        [
            (
                "ssh bigblack 'python train.py' | tee log",
                "pueue-skill ssh bigblack 'python train.py' | tee log\n# pueue-skill: rewritten",
            ),
            (SEED, "ssh bigblack 'sh -s && true' <<'PUEUE'\n…\n# pueue-skill: rewritten"),
            ("cd sub && python train.py", "cd sub && pueue-skill run --or-detach --key=… -- 'python train.py'"),
            (
                "mkdir -p sub/x; cd sub/x\npython train.py",
                "mkdir -p sub/x; cd sub/x\npueue-skill run --or-detach --key=… -- 'python train.py'",
            ),
            (
                "cd sub && python train.py; date",
                "cd sub && pueue-skill run --or-detach --key=… -- 'python train.py; date'",
            ),
            ("cd new && python train.py; date", None),
            ("(cd sub && python train.py)", "pueue-skill run --or-detach --key=… -- '(cd sub && python train.py)'"),
            ("export A=1 && cd sub && python train.py", None),
            ("python train.py && cd sub", None),
            ("ssh bigblack ./run.sh", None),
            ("sudo python train.py", None),
            ("tmux new-session -d -s btc -c /data 'python train.py'", None),
        ],
    )
    def test_what_is_rewritten(self, client: dict[str, str], project: Path, command: str, becomes: str | None) -> None:
        (project / "sub").mkdir()
        found = self.rewritten(command, client)
        text = re.sub(r"--key=\w+", "--key=…", found["command"]) if found else None
        assert (re.sub(r"(?s)(<<'PUEUE'\n).*(\n# )", r"\1…\2", text) if text else None) == becomes

    def test_what_is_not_rewritten_is_suggested_once(self, client: dict[str, str]) -> None:
        command = "rm -rf x; python train.py"
        assert "pueue add" in self.answered(command, client)["permissionDecisionReason"]
        assert "PQ302" in self.answered(command, client)["additionalContext"]

    @pytest.mark.parametrize("kind", ["deny", "ask"])
    @pytest.mark.parametrize(
        ("rule", "command"),
        [
            ("Bash", TRAIN),
            ("Bash(python:*)", TRAIN),
            ("Bash(python train.py)", TRAIN),
            ("Bash(* train.py)", TRAIN),
            ("Bash(echo:*)", "python train.py; echo x"),
            ("Bash(echo *)", "(echo x; python train.py)"),
            ("Bash(mkdir:*)", "ssh bigblack 'mkdir -p x; python train.py'"),
            ("Bash(nice:*)", "timeout 5 nice python train.py"),
            ("Bash(python:*)", "timeout 5 nice python train.py"),
            ("Bash(ssh:*)", SEED),
            ("Bash(uv run:*)", SEED),
            ("Read(./in.txt)", "python train.py < in.txt"),
            ("Read(./in.*)", "python train.py < linked.txt"),
            ("Edit(./logs/**)", "python train.py > logs/x.log"),
            ("Edit(LOGS/**)", "cd logs && python train.py > x.log"),
            ("Edit(./{logs,x}/**)", "python train.py > logs/x.log"),
            ("Edit(./log[s]/**)", "python train.py > logs/x.log"),
            ("Read(**/secrets/**)", "python train.py secrets/key"),
            ("??", TRAIN),
        ],
    )
    def test_rules_that_deny_or_ask(
        self, client: dict[str, str], home: Path, project: Path, kind: str, rule: str, command: str
    ) -> None:
        (project / "logs").mkdir()
        (project / "in.txt").touch()
        (project / "linked.txt").symlink_to("in.txt")
        assert self.rewritten(command, client)
        (home / ".claude").mkdir()
        (home / ".claude/settings.json").write_text(json.dumps({"permissions": {kind: [rule]}}))
        assert self.rewritten(command, client) is None

    @pytest.mark.parametrize("rule", ["Bash(curl:*)", "Read(./.env)", "WebFetch", "mcp__x__y", "Bash(npm run *)"])
    def test_rules_of_other_things(self, client: dict[str, str], home: Path, rule: str) -> None:
        (home / ".claude").mkdir()
        (home / ".claude/settings.json").write_text(json.dumps({"permissions": {"deny": [rule]}}))
        assert self.rewritten(TRAIN, client)

    @pytest.mark.parametrize("place", ["user", "project", "local", "above", "server"])
    def test_rules_of_every_settings_file(self, client: dict[str, str], home: Path, project: Path, place: str) -> None:
        folder = project / "sub"
        folder.mkdir()
        file = {
            "user": home / ".claude/settings.json",
            "server": home / ".claude/remote-settings.json",
            "project": folder / ".claude/settings.json",
            "local": folder / ".claude/settings.local.json",
            "above": project.parent / ".claude/settings.json",
        }[place]
        file.parent.mkdir()
        rules = {"permissions": {"deny": ["Bash(python:*)"]}}
        file.write_text(json.dumps({"settings": rules} if place == "server" else rules))
        assert self.rewritten(TRAIN, client, cwd=str(folder)) is None

    @pytest.mark.parametrize(
        ("settings", "mode"),
        [
            ('{"sandbox": {"enabled": true}}', "default"),
            ("{", "default"),
            ("{}", "plan"),
            ("{}", "auto"),
            ("{}", "a mode to come"),
            ('{"permissions": {"allow": ["Bash(pueue-skill:*)"]}}', "default"),
            ('{"permissions": {"allow": ["Bash(pueue-skill run:*)", "Bash(ls:*)"]}}', "acceptEdits"),
        ],
    )
    def test_other_obstacles(self, client: dict[str, str], home: Path, settings: str, mode: str) -> None:
        (home / ".claude").mkdir()
        (home / ".claude/settings.json").write_text(settings)
        assert self.rewritten(TRAIN, client, permission_mode=mode) is None

    def test_what_is_allowed_both_ways(self, client: dict[str, str], home: Path, project: Path) -> None:
        (home / ".claude").mkdir()
        (project / "x").mkdir()
        allowed = ["Bash(pueue-skill:*)", "Bash(python:*)", "Bash(cd:*)"]
        (home / ".claude/settings.json").write_text(json.dumps({"permissions": {"allow": allowed}}))
        assert self.rewritten("cd x && python train.py", client)
        assert self.rewritten("cd x && python train.py; date", client) is None

    @pytest.mark.parametrize(
        ("file", "grant", "rewritten"),
        [
            ("skills/a/SKILL.md", "allowed-tools: Bash(pueue-skill:*)", False),
            ("skills/a/SKILL.md", "allowed-tools: Read, Bash(pueue-skill run *)", False),
            ("skills/a/SKILL.md", "allowed-tools: Bash(pueue-skill suggest:*)", True),
            ("skills/a/SKILL.md", "allowed-tools: Bash, Read", True),
            ("skills/a/SKILL.md", "disallowed-tools: Bash(python:*)", False),
            ("commands/deep/er/a.md", "allowed-tools:\n  - Bash(pueue-skill:*)", False),
            ("agents/a.md", 'disallowedTools: ["Bash"]', False),
            ("plugins/cache/x/skills/a/SKILL.md", "allowed-tools: Bash(pueue-skill:*)", False),
        ],
    )
    def test_rules_of_skills_and_commands(
        self, client: dict[str, str], home: Path, file: str, grant: str, rewritten: bool
    ) -> None:
        path = home / ".claude" / file
        path.parent.mkdir(parents=True)
        path.write_text(f"---\nname: a\n{grant}\ndescription: d\n---\nallowed-tools: Bash(pueue-skill:*)\n")
        assert bool(self.rewritten(TRAIN, client)) == rewritten

    def test_links_between_folders_of_skills(self, client: dict[str, str], home: Path) -> None:
        (home / ".claude/skills").mkdir(parents=True)
        (home / ".claude/skills/loop").symlink_to("..")
        assert self.rewritten(TRAIN, client)

    @pytest.mark.parametrize(
        ("arguments", "rewritten"),
        [
            (["-p", "go", "--model", "m", "--output-format=stream-json"], True),
            (["--allowedTools", "Bash(pueue-skill:*)"], False),
            (["--allowed-tools=Bash(pueue-skill:*)"], False),
            (["--disallowedTools", "Bash(python:*)"], False),
            (["--tools", "Bash"], False),
            (["--settings", "{}"], False),
            (["--add-dir", "/"], False),
            (["--permission-mode", "default"], False),
            (["--dangerously-skip-permissions"], False),
            (["--agents", "{}"], False),
            (["--mcp-config", "x"], False),
            (["--an-option-to-come"], False),
        ],
    )
    def test_options_of_the_client(self, client: dict[str, str], arguments: list[str], rewritten: bool) -> None:
        program = "import time; print(flush=True); time.sleep(600)"
        with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            found = self.rewritten(TRAIN, client | {"CLAUDE_PID": str(process.pid)})
            process.kill()
        assert bool(found) == rewritten

    @pytest.mark.parametrize("name", ["CLAUDE_PID", "CLAUDE_PROJECT_DIR"])
    def test_a_client_that_does_not_say_how_it_was_started(self, client: dict[str, str], name: str) -> None:
        assert self.rewritten(TRAIN, {key: value for key, value in client.items() if key != name}) is None

    def test_a_project_may_not_ask_for_it(self, client: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / ".pueue-skill.toml").write_text('[hook]\nmode = "rewrite"\n')
        done = hook(payload(TRAIN, "PreToolUse", cwd=str(tmp_path)), "PreToolUse", env=client)
        assert "updatedInput" not in json.loads(done.stdout)["hookSpecificOutput"]


class TestReport:
    """What is said after the call of a rewritten command."""

    KEY = rewrite.key_of(Event("claude", "after", "PostToolUse", "s", "/", call="toolu_1"))
    COMMAND = f"pueue-skill run --or-detach --key={KEY} -- 'python train.py'"

    def job(self, **changes: Any) -> None:
        entry = database.submitting(
            Submitted("local", self.KEY, "", "", "pueue", "s", "/", "python train.py", time.time())
        )
        queued = entry._replace(id="7", created="2026-01-01T00:00:00Z")
        database.submitted(queued)
        if changes:
            database.seen([queued._replace(**changes)])

    def test_a_job_that_goes_on(self) -> None:
        self.job()
        assert "was queued as local:7, which had not ended" in said(hook(payload(self.COMMAND)))

    def test_a_job_that_has_ended_since(self) -> None:
        self.job(state="failed", exit_code=3, seconds=2.0)
        assert "local:7 failed with exit code 3 after 2s" in said(hook(payload(self.COMMAND)))

    def test_a_job_whose_end_run_waited_for(self) -> None:
        self.job()
        database.looked("local", ended_state(self.KEY, "2026-01-01T00:00:00Z"), "s")
        assert "ran as the job local:7, with exit code 0." in said(hook(payload(self.COMMAND)))
        event = payload(self.COMMAND, "PostToolUseFailure", error="Exit code 3\nno disk")
        assert "ran as the job local:7, with exit code 3." in said(hook(event, "PostToolUseFailure"))

    def test_an_invocation(self) -> None:
        command = "ssh bigblack 'sh -s' <<'PUEUE'\npueue add 'python train.py'\nPUEUE\n# pueue-skill: rewritten"
        assert "the rewritten command has queued its work" in said(hook(payload(command)))
        event = payload(command, "PostToolUseFailure", error="Exit code 255\nssh: no route")
        text = said(hook(event, "PostToolUseFailure"))
        assert "was not queued in full" in text
        assert "no route" in text

    def test_a_stand_in_for_ssh(self) -> None:
        command = "pueue-skill ssh bigblack 'python train.py' > log\n# pueue-skill: rewritten"
        for error in (
            "Exit code 255\nno such file",
            "Exit code 3\npueue-skill: x",
            "Exit code 125\npueue-skill: bigblack:3 is running",
        ):
            event = payload(command, "PostToolUseFailure", error=error)
            assert "rewritten command" not in hook(event, "PostToolUseFailure").stdout.decode()
        assert not rewrite.stands_aside("s")
        error = "Exit code 255\npueue-skill: bigblack cannot be reached by ssh: no route"
        text = said(hook(payload(command, "PostToolUseFailure", error=error), "PostToolUseFailure"))
        assert "could not queue its remote work: pueue-skill: bigblack cannot be reached by ssh: no route" in text
        assert rewrite.stands_aside("s")

    def test_a_command_that_was_not_rewritten(self) -> None:
        self.job()
        for command in (
            "pueue-skill run -- 'python train.py'",
            "pueue-skill run --or-detach --key=abc -- 'python train.py'",
        ):
            assert "rewritten" not in hook(payload(command)).stdout.decode()

    def test_the_mode_steps_aside_once_the_queue_cannot_be_reached(self, client: dict[str, str], project: Path) -> None:
        error = "Exit code 125\npueue-skill: not queued: the daemon does not answer"
        event = payload(self.COMMAND, "PostToolUseFailure", error=error)
        text = said(hook(event, "PostToolUseFailure"))
        assert "was not queued, and did not run: pueue-skill: not queued: the daemon does not answer" in text
        assert "commands of this session run as they are" in text

        def proposed(session: str) -> subprocess.CompletedProcess[bytes]:
            stdin = payload(TRAIN, "PreToolUse", cwd=str(project), session_id=session)
            return hook(stdin, "PreToolUse", "--mode=rewrite", env=client)

        assert silent(proposed("s"))
        assert silent(proposed("s"))
        assert "updatedInput" in json.loads(proposed("another").stdout)["hookSpecificOutput"]
        file = rewrite.aside_file("s")
        assert file
        os.utime(file, (time.time() - 3600,) * 2)
        assert "updatedInput" in json.loads(proposed("s").stdout)["hookSpecificOutput"]

    def test_a_job_with_that_exit_code_is_no_reason_to(self) -> None:
        self.job()
        database.looked("local", ended_state(self.KEY, "2026-01-01T00:00:00Z"), "s")
        event = payload(self.COMMAND, "PostToolUseFailure", error="Exit code 125\ndocker: no such image")
        assert "with exit code 125" in said(hook(event, "PostToolUseFailure"))
        assert not rewrite.stands_aside("s")


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
        assert "its time limit has ended it" in said(done)

    def test_what_cannot_be_queued_is_not_talked_about(self) -> None:
        response = {"backgroundTaskId": "b1", "timedOutAfterMs": 120_000}
        assert silent(hook(payload("vim x", tool_response=response)))

    def test_a_quick_failure_says_nothing_of_how_long_it_takes(self, home: Path) -> None:
        for took in (1_000, 200_000):
            hook(payload("./frob", "PostToolUseFailure", duration_ms=took, error="Exit code 1"), "PostToolUseFailure")
        assert database.history() == {"frob": (200.0,)}


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
    assert prompts.meant(prompt, hosts) == named


def job(key: str = "k", **changes: Any) -> Submitted:
    made = Submitted("local", key, "", "", "pueue", "s", "/p", "python train.py --token hunter2", time.time())
    return made._replace(**changes)


def ended_state(key: str, created: str = "c") -> State:
    """The job that `finished` makes, as its queue has it."""
    return State("7", key, "done", "failed", 3, "", "default", "btc", "/", "x", (), created, None, None)


def finished(key: str = "k", **changes: Any) -> Submitted:
    """A job in the store that has ended."""
    made = job(
        key, id="7", created="c", label="btc", state="failed", exit_code=3, seconds=95.0, tail="lost it", ended="e"
    )
    made = made._replace(**changes)
    made = made._replace(number=database.submitting(made._replace(state="open")).number)
    database.seen([made])
    return made


class TestNews:
    def test_a_prompt_brings_it_once_a_session(self, snapshot: SnapshotAssertion) -> None:
        finished()

        def ask(session: str) -> subprocess.CompletedProcess[bytes]:
            given = payload(None, "UserPromptSubmit", session_id=session, cwd="/p", prompt="hi")
            return hook(given, "UserPromptSubmit")

        assert said(ask("s")) == snapshot
        assert silent(ask("s"))
        assert silent(ask("another"))

    def test_the_next_session_of_the_project_is_told_what_nobody_heard(self) -> None:
        finished()

        def start(session: str, cwd: str) -> subprocess.CompletedProcess[bytes]:
            return hook(payload(None, "SessionStart", session_id=session, cwd=cwd, source="startup"), "SessionStart")

        assert silent(start("n0", "/elsewhere"))
        assert "local:7 (btc) failed with exit code 3 after 1m35s" in said(start("n1", "/p"))
        assert silent(start("n2", "/p"))

    def test_what_is_claimed_by_a_process_that_died_is_told_again(self) -> None:
        number = finished().number
        with subprocess.Popen(["sh", "-c", "exit 0"]) as gone:
            pass
        with database.opened() as connection:
            connection.execute("insert into told values ('s', ?, 'end', ?, ?)", (number, gone.pid, time.time()))
        assert [one.key for one in database.claim("s", "/p")] == ["k"]
        assert database.claim("s", "/p") == []

    @pytest.mark.parametrize("shift", [-1e6, 1e6])
    def test_a_clock_that_jumps_loses_nothing(self, shift: float) -> None:
        number = finished().number
        with database.opened() as connection:
            connection.execute("insert into told values ('s', ?, 'end', ?, ?)", (number, 1, time.time() + shift))
        assert [one.key for one in database.claim("s", "/p")] == ["k"]

    @pytest.mark.parametrize("count", [1, 2, 7, 60])
    def test_a_notice_has_its_length_and_names_failures_first(self, count: int) -> None:
        jobs = [
            job(f"k{i}", id=str(i), state="success" if i % 2 else "failed", exit_code=(i % 2 and 0) or 9, seconds=5.0,
                tail="\n".join(["x" * 300] * 8))
            for i in range(count)
        ]  # fmt: skip
        text = news.notice(jobs)
        assert len(text) <= 1500
        assert text.split("\n")[1].startswith("- local:0 failed with exit code 9 after 5s")
        assert "hunter2" not in text
        if count == 60:
            assert re.search(r"and \d+ more: pueue-skill status", text)

    def test_a_job_that_never_came_to_its_queue(self) -> None:
        assert "local:k was never seen in its queue" in news.notice([job(state="lost")])
        assert "local:7 is no longer in its queue" in news.notice([job(state="lost", id="7")])

    def test_the_end_of_an_output(self) -> None:
        assert news.end_of(b"") == ""
        assert news.end_of(b"10%\r50%\r100%\n\n\x1b[31mno\x00\n") == "100%\n�[31mno�"
        assert news.end_of(b"api_key=abcdef123 Bearer abcdefgh12345") == "api_key=*** Bearer ***"
        assert len(news.end_of(b"a\n" * 100).split("\n")) == 8

    def test_stop_asks_once_for_own_failures(self, snapshot: SnapshotAssertion) -> None:
        finished()
        finished("other", session="t")
        finished("fine", state="success")
        finished("seen")
        database.looked("local", ended_state("seen"), "s")
        done = hook(payload(None, "Stop", cwd="/p", stop_hook_active=False), "Stop")
        answer = json.loads(done.stdout)
        assert answer["decision"] == "block"
        assert answer["reason"] == snapshot
        assert silent(hook(payload(None, "Stop", cwd="/p", stop_hook_active=False), "Stop"))

    def test_stop_never_asks_in_a_turn_that_it_has_caused(self) -> None:
        finished()
        assert silent(hook(payload(None, "Stop", cwd="/p", stop_hook_active=True), "Stop"))

    def test_an_invocation_that_was_run_is_known(self, pueued: Daemon) -> None:
        text = subprocess.run(
            ["pueue-skill", "suggest", f"{TRAIN}; exit 4"], env=pueued.env, capture_output=True, text=True
        ).stdout
        subprocess.run(["bash", "-c", text], env=pueued.env, check=True, capture_output=True)
        hook(payload(text, cwd="/p", duration_ms=5))
        (known,) = database.open_jobs("s")
        assert (known.host, known.project, known.session) == ("local", "/p", "s")

    def test_the_turns_of_a_loop_are_known(self, pueued: Daemon, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in pueued.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(home))
        loop = "for f in $(printf '1 2'); do python train.py $f; exit 5; done"
        text = subprocess.run(
            ["pueue-skill", "suggest", loop.replace("; exit 5", "")], capture_output=True, text=True
        ).stdout
        subprocess.run(["bash", "-c", text], check=True, capture_output=True, cwd=home)
        hook(payload(text, cwd="/p", duration_ms=5))
        (parent,) = database.open_jobs("s")

        def told() -> bool:
            news.refresh({"local": Host("local")}, database.open_jobs())
            return not database.open_jobs("s")

        until(told, "the turns' ends", 20)
        assert [one.key for one in database.claim("s")] == [f"{parent.key}-1", f"{parent.key}-2"]


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
        pytest.param(
            payload(TRAIN, session_id=None, cwd=None, duration_ms="x", tool_response=[], permission_mode=4, duration=1),
            id="another version",
        ),
    ],
)
def test_silence(stdin: bytes) -> None:
    for event in ("PreToolUse", "PostToolUse"):
        assert silent(hook(stdin.replace(b'"PostToolUse"', f'"{event}"'.encode()), event)) or b"another" not in stdin
    assert silent(hook(stdin))


def test_an_unknown_event_is_silent() -> None:
    for event in ("", "NoSuchEvent"):
        assert silent(hook(payload(SEED), event))


def test_odd_folders_are_no_trouble() -> None:
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


def test_a_reader_that_goes_away() -> None:
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


# What may be broken, and every event with it: within the hook's own time, the command goes through, and doctor knows.


def every_event(env: dict[str, str] | None = None, **more: Any) -> list[subprocess.CompletedProcess[bytes]]:
    """Each event, and that it took no longer than the hook's limit and Python's start."""
    events = [
        (payload(TRAIN, "PreToolUse"), "PreToolUse", "--mode=suggest"),
        (payload(TRAIN), "PostToolUse"),
        (payload(TRAIN, "PostToolUseFailure", error="Exit code 1"), "PostToolUseFailure"),
        (payload(None, "UserPromptSubmit", prompt="run this on bigblack"), "UserPromptSubmit"),
        (payload(None, "SessionStart", source="startup"), "SessionStart"),
        (payload(None, "Stop", stop_hook_active=False), "Stop"),
    ]
    found = []
    for event in events:
        started = time.monotonic()
        found.append(hook(*event, env=env, **more))
        assert time.monotonic() - started < 10  # a bound for a busy machine; the hook's own is hook.LIMIT
        assert (found[-1].returncode, found[-1].stderr) == (0, b"")
    return found


def doctor(env: dict[str, str] | None = None) -> str:
    return subprocess.run(["pueue-skill", "doctor"], capture_output=True, text=True, env=env, timeout=60).stdout


@pytest.mark.parametrize("fault", ["locked", "corrupt", "a folder", "read-only", "full"])
def test_a_broken_store(home: Path, fault: str) -> None:
    finished("old", session="x", project="/nowhere")
    file = database.path()
    database.mark("s")
    holder, limit = None, None
    if fault == "locked":
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("begin exclusive")
    elif fault == "corrupt":
        file.write_bytes(b"no database at all" * 1000)
    elif fault == "a folder":
        file.unlink()
        file.mkdir()
    elif fault == "read-only":
        if os.getuid() == 0:  # whom no mode keeps from writing
            subprocess.run(["chattr", "+i", file], check=False, capture_output=True)
        else:
            file.chmod(0o400)
            file.parent.chmod(0o500)
    else:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # noqa: E731
    try:
        answers = every_event(preexec_fn=limit)
        assert b"PQ302" in answers[0].stdout
        if fault in ("locked", "a folder"):
            assert "failure  store: " in doctor()
        elif fault == "corrupt":
            assert "was put aside" in doctor()
    finally:
        subprocess.run(["chattr", "-i", file], check=False, capture_output=True)
        if holder:
            holder.close()
        if os.getuid():
            file.parent.chmod(0o700)


def test_a_broken_configuration(home: Path, tmp_path: Path) -> None:
    configure(home, "[hosts")
    assert [done.stdout for done in every_event()] == [b""] * 6
    told = doctor()
    assert "failure  configuration: " in told
    assert "warning  log: PreToolUse: ConfigError" in told
    (tmp_path / ".pueue-skill.toml").write_text("[hosts")
    assert silent(before(SEED, cwd=str(tmp_path)))


def test_a_host_that_hangs_and_a_daemon_that_is_down(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUEUE_SKILL_HOOK_LIMIT")
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    configure(home, "[hosts.bigblack]\n")
    database.submitting(job("far", host="bigblack", ssh="bigblack", session="s", project="/"))
    database.submitting(job("near", session="s", project="/"))
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    every_event(env)

    def told(stdin: bytes, event: str) -> str:
        """What is said, which on a busy machine may take more than the hook's own time."""
        done = until(lambda: (one := hook(stdin, event, env=env)).stdout and one, event, 20)
        return said(done)

    prompt = payload(None, "UserPromptSubmit", prompt="run this on bigblack")
    assert "bigblack: no answer now" in told(prompt, "UserPromptSubmit")
    assert "bigblack:far, local:near" in told(payload(None, "SessionStart", source="startup"), "SessionStart")
    until(lambda: set(database.down()) == {"bigblack", "local"}, "the questions that went on", 30)
    assert "daemon of local is not running" in database.down()["local"]
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    for name in ("asks-next", "asking"):
        with (home / ".local/share/pueue-skill" / name).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # once nobody asks any more


def test_it_ends_in_time(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh").chmod(0o755)
    configure(home, "[hosts.bigblack]\n")
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PUEUE_SKILL_HOOK_LIMIT": "0.03"}
    assert silent(hook(payload(None, "UserPromptSubmit", prompt="run this on bigblack"), "UserPromptSubmit", env=env))
    assert "UserPromptSubmit: not done within its time" in doctor()


@pytest.mark.timeout(200)
def test_fifty_at_once(home: Path) -> None:
    with ThreadPoolExecutor(max_workers=50) as pool:
        done = list(pool.map(lambda i: hook(payload(f"./frob{i} --all", duration_ms=200_000)), range(50)))
    assert all((one.returncode, one.stderr) == (0, b"") for one in done)
    # None waits for the others longer than its own limit, so not all of them are remembered.
    assert 1 <= len(database.history()) <= 50


def test_the_log_has_no_secrets_and_an_end(home: Path) -> None:
    for _ in range(400):
        log.write("PreToolUse", "token=hunter2 " + "x" * 900)
    file = Path(log.path())
    assert "hunter2" not in file.read_text()
    assert file.stat().st_size < 2 * log.MAX_BYTES
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["hook.log", "hook.log.old"]
