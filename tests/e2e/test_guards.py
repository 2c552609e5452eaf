"""The real Claude Code judges each command of cases/agents/guards.toml, alone and in mode `rewrite`: commands that it stops alone stay stopped."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from agent import Claude
from real import Daemon

pytestmark = pytest.mark.timeout(900)

WORK = "python3 train.py --epochs 90"
GROUPS = tomllib.loads((Path(__file__).parent.parent / "cases/agents/guards.toml").read_text())["group"]
VERDICTS = ("stopped", "left", "rewritten")
GRANTING = "---\nname: granting\ndescription: d\nallowed-tools: Bash(pueue-skill:*)\n---\nContinue.\n"
DENYING = "---\ndescription: d\ndisallowed-tools:\n  - Bash(python3:*)\n---\nContinue.\n"


class Case(NamedTuple):
    command: str
    before: list[str]
    verdict: str


def cases(group: dict[str, Any]) -> list[Case]:
    found = []
    for verdict in VERDICTS:
        for given in group.get(verdict, []):
            table = {"command": given} if isinstance(given, str) else given
            text = table["command"].replace("{work}", WORK).replace("{{", "{").replace("}}", "}")
            found.append(Case(text, table.get("before", []), verdict))
    return found


def lay_out(project: Path) -> None:
    """Create a project's folder as guards.toml describes it."""
    shutil.rmtree(project, ignore_errors=True)
    for folder in ("sub", "data", "results", ".git/hooks", ".claude", ".venv/bin"):
        (project / folder).mkdir(parents=True)
    (project / "train.py").write_text("print('trained')\n")
    (project / "train.sh").write_text("#!/bin/sh\necho trained\n")
    (project / "train.sh").chmod(0o755)
    (project / "data/secret.txt").write_text("secret\n")
    (project / ".git/config").write_text("[core]\n")
    (project / ".venv/pyvenv.cfg").touch()
    (project / ".venv/bin/activate").touch()
    links = {"git": ".git", "link.txt": ".git/config", "secret.log": "data/secret.txt", "outside": ".."}
    for name, target in links.items():
        (project / name).symlink_to(target)


class Verdict(NamedTuple):
    """What the client did with a command: whether it or its rewrite ran, and the model's result for it."""

    ran: bool
    rewritten: bool
    result: str


def judged(claude: Claude, group: dict[str, Any], plugin: bool) -> list[Verdict]:
    """Return the verdict on each command of the group, from one session."""
    lay_out(claude.cwd)
    calls: list[str] = []
    at: list[int] = []
    moved = False
    for case in cases(group):
        if moved:
            calls.append(f"cd {claude.cwd}")
        moved = any(call.startswith("cd ") for call in (*case.before, case.command))
        calls += case.before
        at.append(len(calls))
        calls.append(case.command)
    turns = [*[{"bash": call} for call in calls], {"text": "done"}]
    run = claude.run(*turns, plugin=plugin, prompt=group.get("prompt", "go"), args=group.get("args"), timeout=400)
    blocks = [b for m in run.seen[-1] if isinstance(m["content"], list) for b in m["content"]]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    assert len(results) == len(calls), run.result["stderr"]
    texts = run.results()
    # What the hook said of a call arrives with its result, in the same request.
    said = [str(messages) for messages in run.seen[1:]]
    found = []
    for i in at:
        failed = texts[i].startswith("Exit code")
        new = said[i][len(said[i - 1]) - 1 :] if i else said[i]
        found.append(Verdict(failed or not results[i].get("is_error"), "the command is rewritten" in new, texts[i]))
    return found


@pytest.fixture
def claude(home: Path, tmp_path: Path, pueued: Daemon) -> Claude:
    (home / ".config/pueue-skill").mkdir(parents=True)
    (home / ".config/pueue-skill/config.toml").write_text('[hook]\nmode = "rewrite"\n')
    for name, text in {"skills/granting/SKILL.md": GRANTING, "commands/denying.md": DENYING}.items():
        (home / ".claude" / name).parent.mkdir(parents=True)
        (home / ".claude" / name).write_text(text)
    project = tmp_path / "project"
    project.mkdir()
    return Claude(home, project, pueued)


@pytest.mark.parametrize("group", GROUPS, ids=[group["name"] for group in GROUPS])
def test_commands_stopped_by_the_client_alone_stay_stopped(claude: Claude, group: dict[str, Any]) -> None:
    if not group.get("prompt"):
        shutil.rmtree(claude.home / ".claude/skills")
        shutil.rmtree(claude.home / ".claude/commands")
    claude.settings(permissions={kind: group[kind] for kind in ("allow", "deny", "ask") if kind in group})
    alone = judged(claude, group, plugin=False)
    hooked = judged(claude, group, plugin=True)
    wrong = []
    for case, one, other in zip(cases(group), alone, hooked, strict=True):
        if one.ran != (case.verdict != "stopped"):
            wrong.append(f"the client alone: {case.command!r}: {one.result[:200]}")
        if other.rewritten != (case.verdict == "rewritten") or (other.ran and not one.ran):
            wrong.append(f"in mode rewrite: {case.command!r}: {other.result[:200]}")
        if case.verdict == "rewritten" and (not other.ran or other.result.startswith("Exit code")):
            wrong.append(f"the job: {case.command!r}: {other.result[:200]}")
    assert not wrong, "\n".join(wrong)
