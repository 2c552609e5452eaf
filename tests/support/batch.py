"""Batches of tests: a manifest and the commands for it, and the example manifest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from real import Daemon, Host, until


class Batch:
    """A manifest, and the commands for it on the queues that the client of `daemon` knows."""

    def __init__(self, folder: Path, daemon: Daemon, env: dict[str, str]) -> None:
        self.folder, self.daemon, self.env = folder, daemon, env
        self.file = folder / "b.toml"

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def run(self, action: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = ["pueue-skill", "batch", action, str(self.file), *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=100, **more)

    def report(self) -> dict[str, Any]:
        done = self.run("status", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def standings(self) -> dict[str, str]:
        return {job["label"]: job["standing"] for job in self.report()["jobs"]}

    def until(self, wanted: dict[str, str], seconds: float = 60) -> None:
        until(lambda: self.standings() == wanted, f"{wanted}, not {self.standings()}", seconds)

    def ran(self) -> list[str]:
        """Return the words that the jobs wrote into the file `ran`, in order."""
        log = self.folder / "ran"
        return log.read_text().split() if log.exists() else []


def manifest(batch: Batch, phases: str, **more: str) -> str:
    """Return a manifest with a unique name."""
    name = "b" + os.urandom(4).hex()
    extra = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'name = "{name}"\nhosts = ["{batch.env["HOST"]}"]\ncwd = "{batch.folder}"\n{extra}{phases}'


def begun_together(count: int) -> str:
    """Return a command for jobs that share a folder: it waits until `count` of them have begun, however slowly the queue starts them."""
    return f'echo + >> begun; until [ "$(grep -c + begun)" -ge {count} ]; do sleep 0.1; done'


UV = """#!/bin/sh
# uv run python scripts/NAME ARG...: records the call, and fails if the file broken-2022 exists.
shift 2
echo "$(basename "$1") $*" >> "$HOME/ran"
case "$*" in *"--start-date 2022"*) [ ! -e "$HOME/broken-2022" ] || { echo "no column vwap"; exit 1; } ;; esac
"""


CLICKHOUSE = """#!/bin/sh
echo "clickhouse $2" >> "$HOME/ran"
case $2 in
*"volume < 0"*) cat "$HOME/negative" 2>/dev/null ;;
*SELECT*) echo 0 ;;
esac
:
"""


RANGEBAR = (Path(__file__).parent.parent.parent / "examples/rangebar.toml").read_text()


def rangebar(text: str, file: Path, configured: str, env: dict[str, str], hosts: dict[str, Host]) -> None:
    """Test the example manifest: interrupted and repeated submissions, a failed year and a failed check that are resumed, order, labels."""
    # A unique name, so that the test can run again on these hosts.
    text = text.replace('name = "rangebar"', f'name = "rangebar-{os.urandom(3).hex()}"', 1)
    file.write_text(text.replace("wait = 60", "wait = 0"))
    config = Path(env["XDG_CONFIG_HOME"]) / "pueue-skill/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(configured)
    for host in hosts.values():
        (host.home / ".local/bin").mkdir(parents=True, exist_ok=True)
        (host.home / "rangebar-py").mkdir(exist_ok=True)
        for name, script in (("uv", UV), ("clickhouse-client", CLICKHOUSE)):
            (host.home / ".local/bin" / name).write_text(script)
            (host.home / ".local/bin" / name).chmod(0o755)
        for left in ("ran", "negative"):
            (host.home / left).unlink(missing_ok=True)
        (host.home / "broken-2022").touch()

    def run(action: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["pueue-skill", "batch", action, str(file), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)

    def jobs() -> list[dict[str, Any]]:
        done = run("status", "--json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["jobs"]
        return found

    def standing(what: str) -> set[str]:
        return {job["label"] for job in jobs() if job["standing"] == what}

    def settled() -> bool:
        return not any(job["standing"] in ("queued", "running", "stashed") for job in jobs())

    try:
        # Interrupted submissions.
        for after in (0.4, 0.6, 0.8):
            process = subprocess.Popen(["pueue-skill", "batch", "submit", str(file)], env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            time.sleep(after)
            for host in hosts.values():
                host.kill_connections()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        done = run("submit")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {line.partition(":")[0] for line in done.stdout.splitlines()} == set(hosts)
        everything = {(job["host"], job["label"]) for job in jobs()}
        assert len(everything) == len(jobs())
        until(settled, "the first pass", 90)

        assert standing("failed") == {"SOLUSDT@100:2022"}
        waiting = {job["label"] for job in jobs() if job["standing"] == "dependency"}
        with_sol = next(job["host"] for job in jobs() if job["label"] == "SOLUSDT@100:2022")
        assert waiting == {
            "optimize-table:final",
            "optimize:negative-volumes",
            "optimize:duplicates",
            "optimize:coverage",
            "validate",
        }
        assert {job["host"] for job in jobs() if job["standing"] == "dependency"} == {with_sol}
        (hosts[with_sol].home / "negative").write_text("SOLUSDT 100 3\n")
        said = run("resume", "--dry-run").stdout
        assert f"{with_sol} SOLUSDT@100:2022: left as is: exit code 1" in said

        for host in hosts.values():
            (host.home / "broken-2022").unlink(missing_ok=True)
        assert run("resume", "--because", "internal-fix").returncode == 0
        until(lambda: settled() and not standing("dependency") - {"validate"}, "the second pass", 90)
        assert standing("failed") == {"optimize:negative-volumes"}
        assert standing("dependency") == {"validate"}
        log = run("status").stdout
        assert "optimize:negative-volumes: failed, exit 1" in log

        for host in hosts.values():
            (host.home / "negative").write_text("")
        assert run("resume").returncode == 0
        until(settled, "the third pass", 60)
        assert {job["standing"] for job in jobs()} == {"success"}
        assert run("watch", "--events", "--every", "0.1").returncode == 0

        ran = {name: (host.home / "ran").read_text().splitlines() for name, host in hosts.items()}
        populated = [line for lines in ran.values() for line in lines if "populate_full_cache" in line]
        # 3 x 1000, 3 x 250, 3 x 500 and 750, 2 x 100, 7 years, and one year twice.
        assert len(populated) == 3 + 3 + 6 + 2 + 7 + 1
        years = [line for line in populated if "--start-date" in line]
        assert sum("--start-date 2020-08-11 --end-date 2020-12-31" in line for line in years) == 1
        assert sum("--start-date 2026-01-01 --end-date 2026-11-23" in line for line in years) == 1
        for lines in ran.values():
            optimized = next(i for i, line in enumerate(lines) if "OPTIMIZE TABLE" in line)
            assert not any("populate" in line for line in lines[optimized:])
            assert sum("validate.py" in line for line in lines) == 1
            assert "validate.py" in lines[-1]
        assert "BTCUSDT@1000" in {job["label"] for job in jobs()}
        groups = {job["label"]: job["group"] for job in jobs()}
        assert (groups["BTCUSDT@1000"], groups["ETHUSDT@750"], groups["SOLUSDT@100:2023"]) == (
            "p1",
            "p3",
            "SOLUSDT-yearly",
        )
    finally:
        for host in hosts.values():
            for name in ("uv", "clickhouse-client"):
                (host.home / ".local/bin" / name).unlink()
