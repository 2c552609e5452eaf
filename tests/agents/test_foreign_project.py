"""A hostile checkout: no hook of any agent, and no process that a hook starts, runs or imports anything from it.

Every file in the checkout that Python, a shell or an installer may load by itself writes to a file outside. The checkout is the working
directory, PATH contains it by relative and absolute names, and variables point to it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pueue_skill.agents import event as agents
from pueue_skill.agents.event import client
from pueue_skill.shell import quote
from pueue_skill.state import paths, reachability, sessions

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = ROOT / "tests/cases/agents"
TRAIN = "python3 train.py --epochs 90"

MODULES = """venv logging sitecustomize usercustomize json bashlex pydantic subprocess re os pip ensurepip encodings tomllib typing
 sqlite3 pueue_skill yaml rich tree_sitter argparse socket""".split()
PROGRAMS = """python3 python python3.11 python3.12 python3.13 python3.14 uv pip pueue pueue-skill cat sed sh bash git sleep mkdir cmp
 date rm mv cp env printf timeout ssh head tail tr id ps kill""".split()
EVENTS = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "Stop", "Wake")


class Checkout:
    def __init__(self, folder: Path, executed: Path) -> None:
        self.folder, self.executed = folder, executed
        folder.mkdir()
        for name in MODULES:
            text = f"open({str(executed)!r}, 'a').write('import {name}\\n')\n"
            (folder / f"{name}.py").write_text(text)
        for below in ("", "bin", ".venv/bin", "node_modules/.bin", "data/pueue-skill/venv/bin", ".local/bin"):
            place = folder / below
            place.mkdir(parents=True, exist_ok=True)
            for name in PROGRAMS:
                self.program(place / name)
        (folder / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
        (folder / "data/pueue-skill/venv/requirements.txt").touch()
        self.program(folder / "startup.sh")
        # Any of these would have uv or pip fail, or fetch from elsewhere.
        (folder / "uv.toml").write_text('required-version = "==0.0.1"\n')
        (folder / "pyproject.toml").write_text(
            '[tool.uv]\nrequired-version = "==0.0.1"\n[[tool.uv.index]]\nurl = "file:///evil"\n'
        )
        (folder / "pip.conf").write_text("[global]\nrequire-virtualenv = true\nindex-url = file:///evil\n")
        (folder / ".python-version").write_text("3.99\n")
        (folder / ".git").mkdir()
        (folder / ".git/config").write_text(f"[core]\n\tfsmonitor = {folder}/startup.sh\n\thooksPath = {folder}/bin\n")
        (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
        (folder / ".pueue-skill.toml").write_text('[[programs]]\nprogram = "reprice"\nsize = "long"\n[hosts.evil]\n')

    def program(self, file: Path) -> None:
        file.write_text(f"#!/bin/sh\necho {quote.word(str(file))} >>{quote.word(str(self.executed))}\nexit 1\n")
        file.chmod(0o755)

    def environment(self, home: Path, *tools: str) -> dict[str, str]:
        here = str(self.folder)
        relative = [
            "",
            ".",
            "bin",
            ".venv/bin",
            "./node_modules/.bin",
            f"{here}/.venv/bin",
            f"{here}/bin",
            f"{here}/sub/../bin",
        ]
        return {
            "PATH": os.pathsep.join([*relative, *tools, "/usr/local/bin", "/usr/bin", "/bin", "bin"]),
            "HOME": str(home), "PUEUE_SKILL_HOOK_LIMIT": "30", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": ".", "XDG_CACHE_HOME": ".",
            "ENV": "./startup.sh", "BASH_ENV": "./startup.sh", "PYTHONPATH": f".:{here}", "PYTHONHOME": here, "PYTHONSTARTUP": "json.py",
            "VIRTUAL_ENV": f"{here}/.venv", "UV_PROJECT": here, "UV_CONFIG_FILE": f"{here}/uv.toml", "UV_PYTHON": f"{here}/bin/python3",
            "UV_WORKING_DIRECTORY": here, "PIP_CONFIG_FILE": f"{here}/pip.conf", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_TARGET": here,
            "PIP_PYTHON": f"{here}/bin/python3", "CDPATH": here,
        }  # fmt: skip

    def clean(self) -> bool:
        return not self.executed.exists()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout", tmp_path / "executed")
    (made.folder / "sub").mkdir()
    return made


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a copy of the plugin without packages."""
    folder = tmp_path / "plugin"
    for name in ("hooks", "bin"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "pueue_skill").symlink_to(ROOT / "pueue_skill")
    return folder


def within(payload: Any, folder: Path) -> Any:
    """Return a recorded payload with `folder` as its folder and a long command."""
    if isinstance(payload, list):
        return [within(value, folder) for value in payload]
    if not isinstance(payload, dict):
        return payload
    given = {
        "cwd": str(folder),
        "command": TRAIN,
        "prompt": "run all jobs overnight on the workstation",
        "workspace_roots": [str(folder)],
    }
    return {key: given[key] if key in given and isinstance(value, type(given[key])) else within(value, folder) for key, value in payload.items()}  # fmt: skip


def lines(name: str, launch: Path) -> list[tuple[str, bytes]]:
    """Return each hook of an agent as its client runs it, with a payload."""
    recorded = CASES / f"{name}.jsonl"
    cases = [json.loads(line) for line in recorded.read_text().splitlines()] if recorded.exists() else []
    if name == "claude":
        cases = [{"event": event, "payload": claude(event)} for event in EVENTS]
    of = client(name)
    found = []
    for case in cases:
        if name in ("claude", "opencode"):
            commands = [quote.line([str(launch), case["event"], "--by=pueue-skill"])]
        else:
            groups = of.hooks(str(launch), ("--by=pueue-skill",)).get(case["event"], [])
            handlers = [handler for group in groups for handler in group.get("hooks", [group])]
            commands = [handler.get("command") or handler["bash"] for handler in handlers]
        found += [(command, json.dumps(case["payload"], separators=(",", ":")).encode()) for command in commands]
    return found


def claude(event: str) -> dict[str, Any]:
    tool = {
        "tool_name": "Bash",
        "tool_input": {"command": "x", "description": "d"},
        "duration_ms": 40_000,
        "tool_response": {},
    }
    return {
        "session_id": "s",
        "cwd": "",
        "hook_event_name": event.replace("Wake", "PostToolUse"),
        "prompt": "x",
        **tool,
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", agents.AGENTS)
def test_hooks_run_and_import_nothing_from_the_checkout(name: str, checkout: Checkout, home: Path) -> None:
    # A job whose end is not known: its queue is asked, here and over ssh.
    project = paths.project(str(checkout.folder))
    for session in ("s", "x"):
        sessions.record_submission(
            sessions.Submitted("local", f"k{session}", "", "", "pueue", session, project, "x", time.time())
        )
    ssh = sessions.Submitted(
        "far", "k2", "-o ProxyCommand=false far", "~/.local/bin/pueue", "pueue", "s", project, "x", time.time()
    )
    sessions.record_submission(ssh)
    # Hooks that report outcomes wait for the hosts, neither of which answers, during half of their time limit.
    env = checkout.environment(home) | {"PUEUE_SKILL_HOOK_LIMIT": "8"}

    def run(line: tuple[str, bytes]) -> bool:
        """Whether the hook replies."""
        command, payload = line
        data = json.dumps(within(json.loads(payload), checkout.folder), separators=(",", ":")).encode()
        shell = ["/bin/sh", "-c", command]
        done = subprocess.run(shell, input=data, env=env, cwd=checkout.folder, capture_output=True, timeout=60)
        assert checkout.clean(), f"{command}: {checkout.executed.read_text()}"
        return bool(done.stdout)

    hooks = lines(name, ROOT / "hooks/launch")
    assert len(hooks) >= 4
    with ThreadPoolExecutor(4) as pool:
        assert any([*pool.map(run, hooks)])
    # Until the processes that the hooks started in the background have queried both hosts.
    wait_until(lambda: {"local", "far"} <= set(reachability.unreachable_hosts()))
    assert checkout.clean(), checkout.executed.read_text()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_prepare_uses_nothing_from_the_checkout(tool: str, checkout: Checkout, plugin: Path, home: Path) -> None:
    """With real tools, and no packages to install."""
    (plugin / "hooks/requirements.txt").write_text("# none\n")
    tools = home / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.base_prefix) / "bin/python3")
    if tool == "uv":
        uv = Path(sys.executable).parent / "uv"
        assert uv.exists()  # tools/setup.sh puts it there
        (tools / "uv").symlink_to(uv)
    env = checkout.environment(home, str(tools))
    done = subprocess.run(
        [plugin / "hooks/prepare"], env=env, cwd=checkout.folder, capture_output=True, text=True, timeout=200
    )
    assert checkout.clean(), checkout.executed.read_text()
    assert done.returncode == 0, done.stderr
    made = home / ".local/share/pueue-skill/venv"
    assert (made / "bin/python").exists()
    assert (made / "requirements.txt").read_text() == "# none\n"
    assert not (checkout.folder / "data/pueue-skill/hook.log").exists()


def test_the_plugins_command_runs_nothing_from_the_checkout(checkout: Checkout, home: Path) -> None:
    env = checkout.environment(home)
    done = subprocess.run(
        [ROOT / "bin/pueue-skill", "rules"], env=env, cwd=checkout.folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "PQ101" in done.stdout
    assert checkout.clean(), checkout.executed.read_text()


def test_a_job_has_the_callers_path(checkout: Checkout, home: Path) -> None:
    """pueue-skill finds its programs outside the checkout; the job's PATH is the caller's."""
    env = checkout.environment(home)
    code = "import os, sys; sys.path.insert(0, sys.argv[1]); print(os.environ['PATH'], os.getcwd())"
    text = (ROOT / "bin/pueue-skill").read_text().replace('-c "$cli" "$root" "$@"', f'-c {quote.word(code)} "$root"')
    copy = checkout.executed.parent / "copy"
    (copy / "bin").mkdir(parents=True)
    (copy / "bin/pueue-skill").write_text(text)
    shutil.copytree(ROOT / "hooks", copy / "hooks")
    (copy / "pueue_skill").symlink_to(ROOT / "pueue_skill")
    (copy / ".venv").symlink_to(ROOT / ".venv")
    done = subprocess.run(
        ["/bin/sh", copy / "bin/pueue-skill"], env=env, cwd=checkout.folder, capture_output=True, text=True
    )
    assert done.stdout == f"{env['PATH']} {checkout.folder}\n", done.stderr


def test_the_monitor_runs_nothing_from_the_checkout(checkout: Checkout, home: Path) -> None:
    project = paths.project(str(checkout.folder))
    sessions.record_submission(sessions.Submitted("local", "k1", "", "", "pueue", "s", project, "x", time.time()))
    env = checkout.environment(home) | {"CLAUDE_CODE_SESSION_ID": "s"}
    (command,) = [one["command"] for one in json.loads((ROOT / "monitors/monitors.json").read_text())]
    program = command.replace("${CLAUDE_PLUGIN_ROOT}", str(ROOT))
    monitor = subprocess.Popen(
        [program], env=env, cwd=checkout.folder, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_until(lambda: bool(reachability.unreachable_hosts()))
    finally:
        os.killpg(monitor.pid, 15)
        monitor.wait()
    assert checkout.clean(), checkout.executed.read_text()


@pytest.mark.parametrize("home_folder", [True, False])
def test_a_home_in_git_is_no_project(home_folder: bool, home: Path, tmp_path: Path) -> None:
    """Users may keep their whole home in git; programs there are theirs."""
    folder = home if home_folder else tmp_path
    (folder / ".git").mkdir()
    (folder / "bin").mkdir()
    script = f'here={ROOT}/hooks; . "$here/python.sh"; own_path; printf %s "$PATH"'
    env = {"HOME": str(home), "PATH": f"{folder}/bin:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", script], env=env, cwd=folder, capture_output=True, text=True)
    assert done.stdout == (env["PATH"] if home_folder else "/usr/bin:/bin")


def test_a_folder_below_a_home_in_git_is_a_project(home: Path) -> None:
    (home / ".git").mkdir()
    folder = home / "p"
    (folder / "bin").mkdir(parents=True)
    script = f'here={ROOT}/hooks; . "$here/python.sh"; own_path; printf %s "$PATH"'
    env = {"HOME": str(home), "PATH": f"{folder}/bin:{home}/bin:/usr/bin"}
    done = subprocess.run(["/bin/sh", "-c", script], env=env, cwd=folder, capture_output=True, text=True)
    assert done.stdout == f"{home}/bin:/usr/bin"


def test_a_symlinked_project_is_the_same_project(home: Path, tmp_path: Path) -> None:
    (tmp_path / "real/bin").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    script = f'here={ROOT}/hooks; . "$here/python.sh"; own_path; printf %s "$PATH"'
    for shell in ("/bin/sh", "bash"):
        env = {"HOME": str(home), "PATH": f"{tmp_path}/link/bin:/usr/bin:/bin:"}
        done = subprocess.run([shell, "-c", script], env=env, cwd=tmp_path / "real", capture_output=True, text=True)
        assert done.stdout == "/usr/bin:/bin"
