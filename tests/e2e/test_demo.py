"""tools/demo.py on a real pueued: it shows the main job, sees no file of the user, and always cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from real import real, strays, until

DEMO = [sys.executable, str(Path(__file__).resolve().parent.parent.parent / "tools/demo.py")]
FIRST = "On a private pueue daemon in "


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """A user whose own files would break the demo, were they read."""
    for file in ("pueue-skill/config.toml", "pueue/pueue.yml"):
        (home / ".config" / file).parent.mkdir(parents=True)
        (home / ".config" / file).write_text("[broken")
    broken = {"PUEUE_CONFIG_PATH": str(home / ".config/pueue/pueue.yml"), "XDG_CONFIG_HOME": str(home / ".config")}
    return {"HOME": str(home), "PATH": f"{Path(real('pueued')).parent}:/usr/bin:/bin", **broken}


def start(env: dict[str, str]) -> tuple[subprocess.Popen[str], Path]:
    """The demo, once it has said which folder it works in."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(DEMO, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert process.stdout
    first = process.stdout.readline()
    assert first.startswith(FIRST), process.communicate()
    return process, Path(first.removeprefix(FIRST).partition(",")[0])


def gone(root: Path) -> bool:
    return not root.exists() and until(lambda: not strays(root), "the last process to end", 1)


def stand_in(env: dict[str, str], folder: Path, name: str, text: str) -> dict[str, str]:
    """An environment in which another program takes the place of `name`."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return env | {"PATH": f"{folder}:{env['PATH']}"}


def test_it_shows_the_main_job(env: dict[str, str], home: Path) -> None:
    before = sorted(home.rglob("*"))
    process, root = start(env)
    out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    shown = [part.partition("\n") for part in out.split("\n$ ")[1:]]
    assert [line.split()[:2] for line, _, _ in shown] == [
        ["pueue-skill", c] for c in 3 * ["suggest"] + 2 * ["run"] + ["status"]
    ]
    local, remote, broken, works, fails, status = [text.split("\n\n")[0] for _, _, text in shown]
    assert "PQ302" in local
    assert "\nssh bigblack 'sh -s && true' <<'PUEUE'\n" in remote
    assert " -c 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT' </dev/null" in remote
    assert "PQ501" in broken
    assert "bash -c 'cd ~/project && uv run python script.py' </dev/null" in broken
    assert works == "step 1 of 3\nstep 2 of 3\nstep 3 of 3\n[exit code 0]"
    assert fails == "[exit code 7]"
    assert "failed, exit 7" in status
    assert gone(root)
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, FIRST),
        (signal.SIGINT, "--- 1."),
        (signal.SIGINT, "step 1 of 3"),
        (signal.SIGTERM, "step 2 of 3"),
        (signal.SIGHUP, "--- 4."),
    ],
)
@pytest.mark.parametrize("to", ["group", "process"])
@pytest.mark.long
def test_it_leaves_nothing_when_stopped(env: dict[str, str], number: signal.Signals, after: str, to: str) -> None:
    process, root = start(env)
    assert process.stdout
    while after != FIRST and not process.stdout.readline().startswith(after):
        pass
    (os.killpg if to == "group" else os.kill)(process.pid, number)
    (os.killpg if to == "group" else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (128 + number, "demo: stopped, and nothing left behind\n")
    assert gone(root)


def test_it_leaves_nothing_when_its_output_is_closed(env: dict[str, str]) -> None:
    process, root = start(env)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert (process.wait(30), process.stderr.read()) == (141, "")
    process.stderr.close()
    assert gone(root)


def test_a_daemon_that_does_not_start(env: dict[str, str], tmp_path: Path) -> None:
    process, root = start(stand_in(env, tmp_path, "pueued", "echo no such luck; exit 3"))
    _, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (1, "pueued did not start:\nno such luck\n\n")
    assert gone(root)


def test_a_queue_that_accepts_no_job(env: dict[str, str], tmp_path: Path) -> None:
    text = f'[ "$1" = add ] && exit 9; exec {real("pueue")} "$@"'
    process, root = start(stand_in(env, tmp_path, "pueue", text))
    out, err = process.communicate(timeout=50)
    assert process.returncode == 1
    assert "[exit code 125]" in out
    assert "did not do what it should" in err
    assert gone(root)


def test_without_pueue_it_prints_an_error(env: dict[str, str]) -> None:
    done = subprocess.run(DEMO, env=env | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "demo: not on PATH: pueue, pueued\n"
