"""The hook in mode `rewrite`: its rewrites, the obstacles to them, and its messages after the call."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from news import ended_state

from hooks import SEED, TRAIN, hook, payload, said, silent
from pueue_skill.agents import rewrite
from pueue_skill.agents.event import Event
from pueue_skill.state import sessions
from pueue_skill.state.sessions import Submitted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder in which a client was started."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def client(home: Path, project: Path) -> Iterator[dict[str, str]]:
    """The environment of a hook of a client that was started in `project`, without options that add rules."""
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

    def test_the_reply_contains_the_whole_tool_input(self, client: dict[str, str]) -> None:
        given = {"command": TRAIN, "timeout": 5, "run_in_background": True, "x": [1]}
        found = self.rewritten(TRAIN, client, tool_input=given)
        assert found
        key = re.fullmatch(r"pueue-skill run --or-detach --key=[0-9a-f]{12} -- 'python train.py'", found["command"])
        assert key
        assert found == given | {"command": found["command"]}

    def test_each_call_has_a_separate_key(self, client: dict[str, str]) -> None:
        calls = [
            {"tool_use_id": "a"},
            {"tool_use_id": "b"},
            {"tool_use_id": "a", "session_id": "t"},
            {"tool_use_id": "a"},
        ]
        texts = [(self.rewritten(TRAIN, client, **call) or {})["command"] for call in calls]
        assert len(set(texts)) == 3
        assert texts[0] == texts[3]

    def test_the_context_uses_the_future_tense(self, client: dict[str, str]) -> None:
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
    def test_commands_that_are_rewritten(
        self, client: dict[str, str], project: Path, command: str, becomes: str | None
    ) -> None:
        (project / "sub").mkdir()
        found = self.rewritten(command, client)
        text = re.sub(r"--key=\w+", "--key=…", found["command"]) if found else None
        assert (re.sub(r"(?s)(<<'PUEUE'\n).*(\n# )", r"\1…\2", text) if text else None) == becomes

    def test_a_command_that_is_not_rewritten_gets_one_suggestion(self, client: dict[str, str]) -> None:
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
    def test_rules_for_other_tools(self, client: dict[str, str], home: Path, rule: str) -> None:
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

    def test_commands_allowed_in_both_forms(self, client: dict[str, str], home: Path, project: Path) -> None:
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

    def test_symlinks_between_folders_of_skills(self, client: dict[str, str], home: Path) -> None:
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
    def test_a_client_with_unknown_options(self, client: dict[str, str], name: str) -> None:
        assert self.rewritten(TRAIN, {key: value for key, value in client.items() if key != name}) is None

    def test_a_project_cannot_enable_rewriting(self, client: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / ".pueue-skill.toml").write_text('[hook]\nmode = "rewrite"\n')
        done = hook(payload(TRAIN, "PreToolUse", cwd=str(tmp_path)), "PreToolUse", env=client)
        assert "updatedInput" not in json.loads(done.stdout)["hookSpecificOutput"]


class TestReport:
    """Messages after the call of a rewritten command."""

    KEY = rewrite.key_of(Event("claude", "after", "PostToolUse", "s", "/", call="toolu_1"))
    COMMAND = f"pueue-skill run --or-detach --key={KEY} -- 'python train.py'"

    def job(self, **changes: Any) -> None:
        entry = sessions.record_submission(
            Submitted("local", self.KEY, "", "", "pueue", "s", "/", "python train.py", time.time())
        )
        queued = entry._replace(id="7", created="2026-01-01T00:00:00Z")
        sessions.record_queued(queued)
        if changes:
            sessions.record_states([queued._replace(**changes)])

    def test_a_job_that_continues(self) -> None:
        self.job()
        assert "was queued as local:7, which had not ended" in said(hook(payload(self.COMMAND)))

    def test_a_job_that_has_ended_since(self) -> None:
        self.job(state="failed", exit_code=3, seconds=2.0)
        assert "local:7 failed with exit code 3 after 2s" in said(hook(payload(self.COMMAND)))

    def test_a_job_that_run_waited_for(self) -> None:
        self.job()
        sessions.record_viewed("local", ended_state(self.KEY, "2026-01-01T00:00:00Z"), "s")
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
        assert not rewrite.is_paused("s")
        error = "Exit code 255\npueue-skill: bigblack cannot be reached: no route"
        text = said(hook(payload(command, "PostToolUseFailure", error=error), "PostToolUseFailure"))
        assert "could not queue its remote work: pueue-skill: bigblack cannot be reached: no route" in text
        assert rewrite.is_paused("s")

    def test_a_command_that_was_not_rewritten(self) -> None:
        self.job()
        for command in (
            "pueue-skill run -- 'python train.py'",
            "pueue-skill run --or-detach --key=abc -- 'python train.py'",
        ):
            assert "rewritten" not in hook(payload(command)).stdout.decode()

    def test_rewriting_stops_when_the_queue_is_unreachable(self, client: dict[str, str], project: Path) -> None:
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
        file = rewrite.pause_file("s")
        assert file
        os.utime(file, (time.time() - 3600,) * 2)
        assert "updatedInput" in json.loads(proposed("s").stdout)["hookSpecificOutput"]

    def test_a_job_with_that_exit_code_does_not_stop_rewriting(self) -> None:
        self.job()
        sessions.record_viewed("local", ended_state(self.KEY, "2026-01-01T00:00:00Z"), "s")
        event = payload(self.COMMAND, "PostToolUseFailure", error="Exit code 125\ndocker: no such image")
        assert "with exit code 125" in said(hook(event, "PostToolUseFailure"))
        assert not rewrite.is_paused("s")
