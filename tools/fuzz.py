"""Runs the analysis on mutated commands of the corpus and on generated text, and stops at the first failure.

    python tools/fuzz.py [COUNT] [SEED]     100000 inputs by default

For any text: no exception; at most a second of processor time; the span of every finding is inside the text and covers its program; there
is a plan, and its invocation, if any, is valid bash.
"""

from __future__ import annotations

import json
import random
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pueue_skill.plan.analysis import Analysis, analyse  # noqa: E402
from pueue_skill.queues.registry import invocation  # noqa: E402
from pueue_skill.shell.model import Host  # noqa: E402

CORPUS = ROOT / "tests/cases/corpus"
HOSTS = {name: Host(name, name, "~/.local/bin/pueue") for name in ("bigblack", "littleblack")}
LIMIT = 1.0
"""The longest duration of an analysis, in seconds."""

PIECES = [
    "'", '"', "\\", "$", "`", "(", ")", "{", "}", "[[", "]]", "((", "))", "<<E\n", "<<'E'\n", "\nE\n", "<(", "$(", "${x:-", "$'", "|", "|&", "||", "&&", "&", ";", ";;", "\n", "#",
    "# pueue: queue", "# pueue: skip", ">", "2>&1", "<", "<<<", "for i in a b; do ", "done", "while ", "until ", "if ", "then ", "fi", "case x in ", "esac", "f() { ", "time ", "! ", "coproc ", "select ",
    "ssh bigblack ", "ssh -p 22 u@h '", "bash -c '", "eval ", "xargs ", "nohup ", "sudo -u x ", "env A=1 ", "python train.py ", "pueue add -- ", "sleep 60", "a=(1 2)", "~/", "*", "{1..3}", "ä", "\udcff", "\x01", "\r", "\t", "-", "--", "=", "\\\n",
]  # fmt: skip


def corpus() -> list[str]:
    return [
        json.loads(line)["command"]
        for file in sorted(CORPUS.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


def mutated(text: str, other: str, rng: random.Random) -> str:
    """Return `text` with a few parts inserted, removed, doubled, or replaced by a part of `other`."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(text))
        end = min(len(text), at + rng.randint(0, 12))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[end:]
        elif kind == 2:
            text = text[:end] + text[at:]
        elif kind == 3:
            cut = rng.randint(0, len(other))
            text = text[:at] + other[cut : cut + rng.randint(0, 40)] + text[end:]
        else:
            text = text[:at]
    return text


def made_up(rng: random.Random) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 25)))


def bare(text: str) -> str:
    """Return a text without quoting."""
    return re.sub(r"[\\'\"\n]|\$(?=')", "", text)


def prove(text: str) -> Analysis:
    """Check the conditions for a text. Raises AssertionError."""
    start = time.process_time()
    analysis = analyse(text, HOSTS)
    submits = invocation(analysis.plan)
    taken = time.process_time() - start
    assert taken < LIMIT, f"{taken:.2f} s"
    assert (submits is None) or analysis.plan.jobs or analysis.plan.in_place
    for command in analysis.commands:
        assert 0 <= command.start <= command.end <= len(text), "a command outside the text"
    for finding in analysis.findings:
        assert 0 <= finding.start < finding.end <= len(text), f"{finding.rule} outside the text"
        inside = [
            c
            for c in analysis.commands
            if finding.start <= c.start
            and c.end <= finding.end
            and bare(c.name) in bare(text[finding.start : finding.end])
        ]
        assert inside or "$" in text[finding.start : finding.end], f"{finding.rule} does not cover what it names"
    return analysis


def too_long(*_: object) -> None:
    raise TimeoutError(f"still at it after {5 * LIMIT:g} s")


def main(count: int, seed: int) -> int:
    signal.signal(signal.SIGALRM, too_long)
    rng = random.Random(seed)  # noqa: S311 reproducible, not secret
    texts = corpus()
    seen: Counter[str] = Counter()
    started, slowest = time.monotonic(), (0.0, "")
    for i in range(count):
        text = made_up(rng) if i % 5 == 0 else mutated(rng.choice(texts), rng.choice(texts), rng)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_REAL, 5 * LIMIT)
        try:
            analysis = prove(text)
        except Exception as error:
            print(f"input {i} of seed {seed}: {type(error).__name__}: {error}\n{text!r}")
            raise
        slowest = max(slowest, (time.process_time() - start, text))
        seen[getattr(analysis.script, "parser", "unparsed")] += 1
        seen["with findings"] += bool(analysis.findings)
    print(
        f"{count} inputs, seed {seed}, {time.monotonic() - started:.0f} s: {dict(seen)}; slowest {slowest[0] * 1000:.0f} ms"
    )
    return 0


if __name__ == "__main__":
    numbers = [int(arg) for arg in sys.argv[1:]]
    sys.exit(main(*[*numbers, *[100_000, 1][len(numbers) :]]))
