"""Measures what must be quick and prints ratios; nothing here passes or fails.

    python tools/bench.py

Analysis: microseconds for one command of the corpus, imports aside. Hook: whole processes, medians of interleaved runs, as
multiples of `python -I -c pass` on this machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
CORPUS = ROOT / "tests/cases/corpus"
RUNS = 21


def commands() -> list[str]:
    return [
        json.loads(line)["command"]
        for file in sorted(CORPUS.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


def analysis() -> None:
    from pueue_skill.analysis import analyse

    corpus = commands()
    for text in corpus[:50]:
        analyse(text, {})
    times = []
    for text in corpus:
        start = time.perf_counter()
        analyse(text, {})
        times.append((time.perf_counter() - start) * 1e6)
    cuts = statistics.quantiles(times, n=100)
    print(f"analysis of {len(corpus)} commands: median {cuts[49]:.0f} us, p90 {cuts[89]:.0f} us, p99 {cuts[98]:.0f} us")


def event(command: str) -> bytes:
    tool = {"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": command}, "cwd": "/"}
    return json.dumps(tool).encode()


def processes() -> None:
    python, hook = [sys.executable, "-I", "-c", "pass"], [str(ROOT / "hooks/launch"), "PostToolUse"]
    quick, long = event("ls -l"), event("ssh bigblack 'cd ~/p && uv run python populate_cache.py --symbol BTCUSDT'")
    rows = {"python -I -c pass": (python, b""), "hook, nothing to say": (hook, quick), "hook, a finding": (hook, long)}
    times: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(RUNS):
        for name, (command, stdin) in rows.items():
            start = time.perf_counter()
            subprocess.run(command, input=stdin, stdout=subprocess.DEVNULL, check=True, env=os.environ)
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["python -I -c pass"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:<22} {median * 1000:6.1f} ms  {median / base:5.2f} x")


if __name__ == "__main__":
    analysis()
    processes()
