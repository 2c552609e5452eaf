"""The real codex, gemini, opencode and copilot with the hooks that `install` writes: messages to their models, and the commands that run."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from agent import Other
from real import Daemon

pytestmark = [pytest.mark.timeout(180), pytest.mark.long]

TRAIN = "python3 train.py --epochs 90"
DONE = {"text": "done"}
ANYWHERE = {"copilot": {"args": ["--allow-all-tools", "--allow-all-paths"]}}
"""Options that allow commands with files outside the project; every invocation names one, /dev/null."""

UNTIL_ALONE = """\
import os, sys, time
while not os.path.exists("alone"):
    time.sleep(0.1)
print("gone wrong")
sys.exit(5)
"""
"""A job that outlives its session, so that this session is not asked to look at it before it stops."""


@pytest.fixture(params=["codex", "gemini", "opencode", "copilot"])
def other(request: pytest.FixtureRequest, home: Path, tmp_path: Path, pueued: Daemon) -> Other:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "train.py").write_text("import os, sys\nprint('trained', *sys.argv[1:], os.getcwd())\n")
    other = Other(request.param, home, folder, pueued)
    # Codex runs commands in a login shell, which sets another PATH.
    (home / ".profile").write_text(f"export PATH='{other.env['PATH']}'\n")
    return other


def cli(other: Other, *words: str) -> str:
    env = {"HOME": str(other.home), "PATH": other.env["PATH"]}
    done = subprocess.run(["pueue-skill", *words], cwd=other.cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(other: Other, *options: str) -> None:
    cli(other, "install", other.name, *options)
    if other.name == "codex":
        trust(other.home / ".codex")


def trust(folder: Path) -> None:
    """Store what codex stores when its user trusts all hooks: a hash of each definition."""
    file = folder / "hooks.json"
    lines = []
    for event, groups in json.loads(file.read_text())["hooks"].items():
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()
        for i, group in enumerate(groups):
            for j, handler in enumerate(group["hooks"]):
                definition = {**group, "event_name": name, "hooks": [{"async": False, **handler}]}
                text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                lines.append(f'[hooks.state."{file}:{name}:{i}:{j}"]')
                lines.append(f'trusted_hash = "sha256:{hashlib.sha256(text.encode()).hexdigest()}"')
    (folder / "config.toml").write_text("\n".join(lines) + "\n")


def mode(other: Other, name: str) -> None:
    file = other.home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[hook]\nmode = "{name}"\n')


def test_long_commands_get_a_reminder_until_uninstall(other: Other) -> None:
    install(other)
    run = other.run({"bash": TRAIN}, {"bash": "ls"}, {"bash": "git --version"}, DONE)
    trained, listed, version = run.results()
    assert f"trained --epochs 90 {other.cwd}" in trained
    assert "train.py" in listed
    assert "git version" in version
    assert run.last.count("PQ302 long-script") == run.last.count("pueue-skill:") == 1
    assert "pueue add" in run.last
    cli(other, "uninstall", other.name)
    run = other.run({"bash": TRAIN}, DONE)
    assert f"trained --epochs 90 {other.cwd}" in run.results()[0]
    assert "pueue" not in run.last


def test_suggest_denies_a_long_command_once(other: Other) -> None:
    install(other)
    mode(other, "suggest")
    run = other.run({"bash": TRAIN}, {"bash": f"{TRAIN} # pueue: skip"}, {"bash": TRAIN}, DONE)
    denied, skipped, again = run.results()
    assert "belongs in the job queue" in denied
    assert f"```bash\n{cli(other, 'suggest', TRAIN)}```" in denied
    assert "trained" not in denied
    assert f"trained --epochs 90 {other.cwd}" in skipped
    assert f"trained --epochs 90 {other.cwd}" in again
    assert run.last.count("PQ302 long-script") == 2, "the second time it is a reminder"


def test_the_next_session_is_notified_of_a_queued_job(other: Other, pueued: Daemon) -> None:
    install(other)
    (other.cwd / "train.py").write_text(UNTIL_ALONE)
    invocation = cli(other, "suggest", TRAIN)
    before = set(pueued.tasks())
    other.run({"bash": invocation}, DONE, **ANYWHERE.get(other.name, {}))
    (task,) = set(pueued.tasks()) - before
    (other.cwd / "alone").touch()
    assert pueued.result(task) == {"Failed": 5}
    told = other.run(DONE).last
    assert re.search(r"local:\d+ failed with exit code 5", told)
    assert "gone wrong" in told


@pytest.mark.parametrize("other", ["codex", "copilot"], indirect=True)
def test_the_agent_looks_at_a_failed_job_before_it_stops(other: Other) -> None:
    """Clients that pass the session to commands, and wait for the hook's message at the end of a turn."""
    install(other)
    job = "pueue-skill run --detach --label ada -- 'touch ended; exit 6'"
    wait = "until test -e ended; do sleep 0.1; done; sleep 2"
    run = other.run({"bash": job}, {"bash": wait}, {"text": "I stop"}, {"bash": "pueue-skill log ada"}, DONE)
    assert len(run.seen) == 5
    assert "exit code 6" in run.last
