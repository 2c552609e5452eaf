"""Shows the main job on a private pueue daemon: rewrites of commands, two jobs with their exit codes, the queue.

Needs pueue and pueued on PATH. Everything, including HOME, is in one new folder, so no file of the user is read or changed; the daemon
and the folder are always removed at the end. Exits 0 if every command succeeded. Signal handlers only set a flag, which is checked while
waiting, so that no signal arrives between the start of a process and the variable for it.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STEPS = (
    (
        "A long command: the same work as one job of the queue",
        "pueue-skill suggest 'cd data && uv run python backfill.py --year 2024 > backfill.log 2>&1'",
        0,
    ),
    (
        "Long work over ssh: a job on that host, which outlives the connection",
        "pueue-skill suggest \"ssh bigblack 'cd ~/project && uv run python populate_cache.py --symbol BTCUSDT'\"",
        0,
    ),
    (
        "A `pueue add` that the shell cuts short: what it was meant to queue",
        "pueue-skill suggest 'pueue add -- cd ~/project && uv run python script.py'",
        0,
    ),
    (
        "A command through the queue: its output and its exit code come back",
        "pueue-skill run --label steps 'for i in {1..3}; do echo \"step $i of 3\"; sleep 0.2; done'",
        0,
    ),
    ("A command that fails, through the queue", "pueue-skill run --label broken -- sh -c 'exit 7'", 7),
    ("What the queue holds now", "pueue-skill status", 0),
)

signals: list[int] = []


class Stopped(Exception):
    """A signal arrived."""


def until(question: Callable[[], bool], seconds: float) -> bool:
    """Wait for a true answer, with a timeout. Raises Stopped."""
    limit = time.monotonic() + seconds
    while True:
        answer = question()
        if signals:  # first, for a signal to this whole group also ends what was only just started
            raise Stopped
        if answer or time.monotonic() > limit:
            return answer
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def daemon(root: Path) -> Iterator[dict[str, str]]:
    """Start a pueued below `root`; return the environment of its clients."""
    (root / "run").mkdir(mode=0o700)
    (root / "work").mkdir()
    shared = {"pueue_directory": str(root / "pueue"), "runtime_directory": str(root / "run"), "use_unix_socket": True}
    (root / "pueue.yml").write_text(json.dumps({"shared": shared}))  # JSON is YAML
    env = {name: os.environ[name] for name in ("LANG", "TERM", "COLUMNS", "NO_COLOR") if name in os.environ}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(root),
        "USER": getpass.getuser(),
        "TMPDIR": str(root),
        "PUEUE_CONFIG_PATH": str(root / "pueue.yml"),
        "XDG_RUNTIME_DIR": str(root / "run"),
    }
    log = root / "pueued.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["pueued"], env=env, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )

    def answers() -> bool:
        ask = subprocess.run(["pueue", "group"], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
        return process.poll() is not None or ask.returncode == 0

    try:
        if not until(answers, 20) or process.poll() is not None:
            raise SystemExit(f"pueued did not start:\n{log.read_text(errors='replace')}")
        yield env
    finally:
        end(process, signal.SIGTERM)  # it ends its jobs first


def show(line: str, env: dict[str, str], folder: Path) -> int:
    """Print a command line and run it; return its exit code."""
    print(f"$ {line}", flush=True)
    # In a separate session, so that only this program sends it a Ctrl-C, which also ends its children.
    process = subprocess.Popen(
        ["bash", "-c", f"exec {line}"], env=env, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: process.poll() is not None, 60)
    finally:
        if process.poll() is None:
            end(process, signal.SIGINT)
    print(f"[exit code {process.returncode}]", flush=True)
    return process.returncode


def demo() -> bool:
    """Return whether every step succeeded."""
    # A short path: a socket's may have 104 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pueue-skill-demo-", dir="/tmp") as name:
        root = Path(name).resolve()
        print(f"On a private pueue daemon in {root}, which is removed at the end.", flush=True)
        right = True
        with daemon(root) as env:
            for number, (title, line, code) in enumerate(STEPS, 1):
                print(f"\n--- {number}. {title}\n", flush=True)
                right &= show(line, env, root / "work") == code
    print("\nAll of it is gone again: the daemon, its jobs and the folder.", flush=True)
    return right


def main() -> int:
    missing = [program for program in ("bash", "pueue", "pueued") if not shutil.which(program)]
    if missing:
        print(f"demo: not on PATH: {', '.join(missing)}", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: signals.append(number))
    try:
        if demo():
            return 0
        print("demo: a command did not do what it should; see the exit codes above", file=sys.stderr)
        return 1
    except Stopped:
        print("demo: stopped, and nothing left behind", file=sys.stderr)
        return 128 + signals[0]
    except BrokenPipeError:  # the reader has gone, and the flush at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
