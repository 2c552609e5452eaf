"""hooks/launch: whatever is installed, broken or missing, an answer or silence, and exit code 0."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(sys.executable).with_name("pueue-skill")
EVENT = json.dumps(
    {
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "cwd": "/",
        "tool_input": {"command": "uv run python populate_cache.py --symbol BTCUSDT"},
    }
).encode()
NO_PYTHON = "#!/no/such/python\n"
NOT_HERE = f"#!{sys.executable}\nprint('noise')\nimport no_such_module\n"
KILLED = "#!/bin/sh\necho noise\nkill -9 $$\n"
NOTHING = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plugin's hooks in a folder of their own, with no .venv beside them."""
    shutil.copytree(ROOT / "hooks", tmp_path / "plugin/hooks")
    return tmp_path / "plugin"


def places(plugin: Path, home: Path) -> list[Path]:
    """Where a pueue-skill is looked for, in this order."""
    return [plugin.parent / "bin/pueue-skill", home / ".local/bin/pueue-skill", plugin / ".venv/bin/pueue-skill"]


def install(place: Path, text: str | None = None) -> None:
    """The real program at `place`, or a script that is in its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        place.symlink_to(REAL)
    else:
        place.write_text(text)
        place.chmod(0o755)


def launch(
    plugin: Path, home: Path, data: bytes = EVENT, *args: str, **more: str
) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": f"{plugin.parent / 'bin'}:/usr/bin:/bin", "HOME": str(home)} | more
    args = args or ("PostToolUse",)
    return subprocess.run([plugin / "hooks/launch", *args], input=data, env=env, capture_output=True, timeout=30)


def remark(done: subprocess.CompletedProcess[bytes]) -> str:
    assert (done.returncode, done.stderr) == (0, b"")
    context: str = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
    return context


def silent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("place", [0, 1, 2], ids=["PATH", "home", "beside"])
def test_it_finds_the_program(plugin: Path, home: Path, place: int) -> None:
    install(places(plugin, home)[place])
    assert "PQ302" in remark(launch(plugin, home))


def test_nothing_installed_is_silence_and_the_event_is_read(plugin: Path, home: Path) -> None:
    assert silent(launch(plugin, home, b"x" * 10_000_000))
    assert silent(launch(plugin, home, b""))


@pytest.mark.parametrize("broken", [NO_PYTHON, NOT_HERE, KILLED], ids=["no-python", "no-module", "killed"])
def test_a_broken_program_is_passed_over(plugin: Path, home: Path, broken: str) -> None:
    first, second, third = places(plugin, home)
    install(first, broken)
    assert silent(launch(plugin, home))
    install(second, broken)
    install(third)
    assert "PQ302" in remark(launch(plugin, home))


def test_the_first_that_runs_has_the_last_word(plugin: Path, home: Path) -> None:
    first, second, _ = places(plugin, home)
    install(first, NOTHING)
    install(second)
    assert silent(launch(plugin, home))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"[]", b'{"tool_name": 7}', EVENT[:-1], EVENT.replace(b"Bash", b"Read")]
)
def test_what_is_no_event_is_silence(plugin: Path, home: Path, data: bytes) -> None:
    install(places(plugin, home)[0])
    assert silent(launch(plugin, home, data))


@pytest.mark.parametrize("event", ["", "PreToolUse", "--help"])
def test_another_event_is_silence(plugin: Path, home: Path, event: str) -> None:
    install(places(plugin, home)[0])
    assert silent(launch(plugin, home, EVENT, event))


def test_the_projects_python_settings_are_not_used(plugin: Path, home: Path, tmp_path: Path) -> None:
    install(places(plugin, home)[0])
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    assert "PQ302" in remark(launch(plugin, home, PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path)))


def test_no_home(plugin: Path) -> None:
    install(plugin / ".venv/bin/pueue-skill")
    done = subprocess.run([plugin / "hooks/launch", "PostToolUse"], input=EVENT, env={}, capture_output=True)
    assert "PQ302" in remark(done)


def test_closed_ends_do_no_harm(plugin: Path, home: Path) -> None:
    install(places(plugin, home)[2])
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    script = "set -e; " + "; ".join(f'"$0" PostToolUse {closed}' for closed in ("<&-", ">&-", "<&- >&- 2>&-"))
    done = subprocess.run(["sh", "-c", script, plugin / "hooks/launch"], input=EVENT, env=env, capture_output=True)
    assert silent(done)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [plugin / "hooks/launch", "PostToolUse"], input=EVENT, env=env, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_folders_with_any_name(weird_tmp_path: Path, home: Path) -> None:
    shutil.copytree(ROOT / "hooks", weird_tmp_path / "hooks")
    install(weird_tmp_path / ".venv/bin/pueue-skill")
    done = subprocess.run(
        [weird_tmp_path / "hooks/launch", "PostToolUse"], input=EVENT, env={"HOME": str(home)}, capture_output=True
    )
    assert "PQ302" in remark(done)


def test_hooks_json_starts_it(plugin: Path, home: Path) -> None:
    install(places(plugin, home)[2])
    content = json.loads((plugin / "hooks/hooks.json").read_text())
    ((event, (group,)),) = content["hooks"].items()
    (hook,) = group["hooks"]
    assert (event, group["matcher"], hook["type"]) == ("PostToolUse", "Bash", "command")
    command = [word.replace("${CLAUDE_PLUGIN_ROOT}", str(plugin)) for word in [hook["command"], *hook["args"]]]
    done = subprocess.run(command, input=EVENT, env={"HOME": str(home)}, capture_output=True, timeout=hook["timeout"])
    assert "PQ302" in remark(done)
