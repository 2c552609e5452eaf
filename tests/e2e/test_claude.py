"""The real Claude Code with the plugin: messages to the model before and after a command, the command that runs, and notifications."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from agent import ROOT, Claude, texts
from real import Daemon, until

pytestmark = pytest.mark.timeout(180)

TRAIN = "python3 train.py --epochs 90"
DONE = {"text": "done"}
INTERACTIVE = ["--permission-mode", "default"]  # its own default asks a server about every call


@pytest.fixture
def claude(home: Path, tmp_path: Path, pueued: Daemon) -> Claude:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "train.py").write_text("import os, sys\nprint('trained', *sys.argv[1:], os.getcwd())\n")
    return Claude(home, folder, pueued)


def mode(claude: Claude, name: str) -> None:
    file = claude.home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[hook]\nmode = "{name}"\n')


def test_a_reminder_after_a_long_command(claude: Claude) -> None:
    run = claude.run({"bash": TRAIN}, DONE)
    assert run.results() == [f"trained --epochs 90 {claude.cwd}"]
    assert "PQ302 long-script" in run.given
    assert "pueue add" in run.given


def test_quick_commands_get_no_message(claude: Claude) -> None:
    run = claude.run({"bash": "ls"}, {"bash": "git --version"}, DONE)
    assert len(run.results()) == 2
    assert "pueue-skill:" not in run.given.replace("pueue-skill:pueue-skill", "")


def test_suggest_denies_once_and_the_invocation_runs(claude: Claude, pueued: Daemon) -> None:
    mode(claude, "suggest")
    run = claude.run({"bash": TRAIN}, {"bash": f"{TRAIN} # pueue: skip"}, {"bash": TRAIN}, DONE)
    denied, skipped, again = run.results()
    assert "belongs in the job queue" in denied
    assert "trained" not in denied
    assert skipped == again == f"trained --epochs 90 {claude.cwd}"
    invocation = denied.split("```bash\n")[1].split("```")[0]
    run = claude.run({"bash": invocation}, DONE)
    assert pueued.result(run.results()[0]) == "Success"


def test_rewrite_runs_the_command_in_the_queue_and_reports_that(claude: Claude, pueued: Daemon) -> None:
    mode(claude, "rewrite")
    (claude.cwd / "sub").mkdir()
    before = set(pueued.tasks())
    run = claude.run(
        {"bash": TRAIN, "input": {"timeout": 60000}},
        {"bash": f"cd sub && {TRAIN.replace('train', '../train')}"},
        {"bash": "pwd"},
        DONE,
    )
    assert run.results() == [
        f"trained --epochs 90 {claude.cwd}", f"trained --epochs 90 {claude.cwd}/sub", f"{claude.cwd}/sub"
    ]  # fmt: skip
    assert run.given.count("the command is rewritten: it will be queued as a job on this machine") >= 2
    first, second = sorted(set(pueued.tasks()) - before, key=int)
    assert pueued.result(first) == pueued.result(second) == "Success"
    for task in (first, second):
        assert re.search(rf"the rewritten command ran as the job local:{task}, with exit code 0", run.given)


def test_rewriting_stops_when_the_queue_is_unreachable(claude: Claude, tmp_path: Path) -> None:
    mode(claude, "rewrite")
    config = tmp_path / "pueue.yml"
    config.write_text(
        f"shared:\n  pueue_directory: {tmp_path}/pueue\n  runtime_directory: {tmp_path}\n  use_unix_socket: true\n"
    )
    claude.env["PUEUE_CONFIG_PATH"] = str(config)
    run = claude.run({"bash": TRAIN}, {"bash": TRAIN}, {"bash": TRAIN}, DONE)
    first, second, third = run.results()
    assert first.startswith("Exit code 125")
    assert second == third == f"trained --epochs 90 {claude.cwd}"
    last = "\n".join(texts(run.seen[-1]))
    assert last.count("commands of this session run as they are") == 1
    assert last.count("the command is rewritten") == 1


@pytest.mark.parametrize("kind", ["deny", "ask"])
@pytest.mark.parametrize("rule", ["Bash(rm:*)", "Bash(rm *)", "Bash(python3 train.py:*)", "Bash"])
def test_rewriting_bypasses_no_permission_rule(claude: Claude, kind: str, rule: str) -> None:
    mode(claude, "rewrite")
    claude.settings(permissions={"allow": ["Bash"], kind: [rule]})
    precious = claude.cwd / "precious"
    precious.touch()
    run = claude.run({"bash": "rm precious && python3 train.py"}, DONE)
    assert precious.exists()
    assert "the command is rewritten" not in run.given
    assert "trained" not in run.given


def test_a_rule_that_allows_suggest_does_not_allow_run(claude: Claude, pueued: Daemon) -> None:
    mode(claude, "rewrite")
    claude.settings(permissions={"allow": ["Bash(pueue-skill suggest:*)"]})
    before = set(pueued.tasks())
    run = claude.run(
        {"bash": f"pueue-skill suggest '{TRAIN}'"}, {"bash": TRAIN}, {"bash": f"pueue-skill run '{TRAIN}'"}, DONE
    )
    suggested, *others = run.results()
    assert "pueue add" in suggested
    assert all("trained" not in result for result in others)
    assert set(pueued.tasks()) == before


def test_a_rule_that_allows_pueue_skill_does_not_allow_rewritten_commands(claude: Claude, pueued: Daemon) -> None:
    mode(claude, "rewrite")
    claude.settings(permissions={"allow": ["Bash(pueue-skill:*)"]})
    before = set(pueued.tasks())
    run = claude.run({"bash": TRAIN}, DONE)
    assert "trained" not in run.given
    assert set(pueued.tasks()) == before


def test_a_failed_job_wakes_the_idle_session_through_the_monitor(claude: Claude) -> None:
    job = "pueue-skill run --detach --label btc -- 'sleep 4; echo lost the data; exit 3'"
    steps = [
        {"type": "go"},
        {"wait_for": "went idle", "within": 40},
        {"wait_for": "failed with exit code 3", "within": 60},
    ]
    run = claude.run({"bash": job}, {"bash": "echo went idle"}, DONE, {"text": "heard"}, steps=steps, args=INTERACTIVE)
    assert run.result["missing"] == "", run.given[-3000:]
    assert re.search(r"local:\d+ \(btc\) failed with exit code 3 after \ds: .* — lost the data", run.given)


def test_a_failed_job_wakes_a_session_with_streamed_input(claude: Claude) -> None:
    job = "pueue-skill run --detach --label eth -- 'sleep 3; echo no disk; exit 4'"
    prompts = [{"type": "go"}, {"wait_for": "failed with exit code 4", "within": 60}]
    run = claude.run({"bash": job}, DONE, {"text": "heard"}, prompts=prompts)
    assert run.result["missing"] == "", run.given[-3000:]
    assert re.search(r"local:\d+ \(eth\) failed with exit code 4", run.given)


def test_the_next_session_is_notified_at_its_start(claude: Claude, pueued: Daemon) -> None:
    # It outlives its session, however slow that is: the session itself would be asked to look at it before it stops.
    work = "until test -e alone; do sleep 0.1; done; echo gone wrong; exit 5"
    before = set(pueued.tasks())
    claude.run({"bash": f"pueue-skill run --detach --label sol -- '{work}'"}, DONE)
    (claude.cwd / "alone").touch()
    (task,) = set(pueued.tasks()) - before
    assert pueued.result(task) == {"Failed": 5}
    run = claude.run(DONE)
    assert re.search(r"local:\d+ \(sol\) failed with exit code 5", run.given)
    assert "gone wrong" in run.given
    assert "exit code 5" not in claude.run(DONE).given


def test_the_session_is_asked_once_to_look_at_failed_jobs(claude: Claude) -> None:
    job = "pueue-skill run --detach --label ada -- 'touch ended; exit 6'"
    wait = "until test -e ended; do sleep 0.1; done; sleep 2"
    run = claude.run(
        {"bash": job}, {"bash": wait}, {"text": "I stop"}, {"bash": "pueue-skill log ada"}, {"text": "looked"}
    )
    assert run.given.count("before you stop") >= 1
    assert len(run.seen) == 5


def test_the_plugin_commands_of_the_client(claude: Claude, tmp_path: Path, pueued: Daemon) -> None:
    copy = tmp_path / "copy"
    kept = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in kept.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    assert claude.cli("plugin", "validate", str(copy)).returncode == 0
    assert claude.cli("plugin", "marketplace", "add", str(copy)).returncode == 0
    assert claude.cli("plugin", "install", "pueue-skill@pueue-skill").returncode == 0
    assert "pueue-skill@pueue-skill" in claude.cli("plugin", "list").stdout
    # The packages come from the pueue-skill on PATH, as those of an installed one would.
    run = claude.run({"bash": TRAIN}, {"bash": "command -v pueue-skill"}, DONE, plugin=False)
    assert "PQ302 long-script" in run.given
    assert claude.cli("plugin", "uninstall", "pueue-skill@pueue-skill").returncode == 0
    run = claude.run({"bash": TRAIN}, DONE, plugin=False)
    assert "PQ302" not in run.given


def test_the_hooks_without_the_plugin(claude: Claude) -> None:
    file = claude.home / ".claude/settings.json"
    before = file.read_text()
    env = {"HOME": str(claude.home), "PATH": claude.env["PATH"]}
    subprocess.run(["pueue-skill", "install", "claude"], env=env, check=True, capture_output=True)
    run = claude.run({"bash": TRAIN}, DONE, plugin=False)
    assert "PQ302 long-script" in run.given
    subprocess.run(["pueue-skill", "uninstall", "claude"], env=env, check=True, capture_output=True)
    assert json.loads(file.read_text()) == json.loads(before)
    assert "PQ302" not in claude.run({"bash": TRAIN}, DONE, plugin=False).given


def test_nothing_is_left_running(claude: Claude) -> None:
    claude.run(
        {"bash": "pueue-skill run --detach -- 'sleep 1'"},
        DONE,
        steps=[{"type": "go"}, {"wait_for": "local:", "within": 30}],
        args=INTERACTIVE,
    )
    marked = str(claude.home).encode()

    def watchers() -> list[Path]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if marked in (folder / "environ").read_bytes() and b"pueue" in (folder / "cmdline").read_bytes():
                    found.append(folder)
            except OSError:
                continue
        return found

    until(lambda: not watchers(), "the monitor's end", 40)
