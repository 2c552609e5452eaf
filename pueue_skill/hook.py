"""The hook: an agent's event on stdin, an answer on stdout when there is something to say; exit code 0 whatever happens.

A text that no rule can flag costs the gate and nothing more: the parser, the rules and the configuration are imported only
after it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from pueue_skill import gate
from pueue_skill.agents import claude

if TYPE_CHECKING:
    from pueue_skill.analysis import Analysis

LARGEST = 4_000_000
"""Bytes of an event that are looked at; all of it is read, so that the client is never blocked or cut off."""

NOTABLE = 10.0
"""Seconds from which on a command is looked at, whatever its words are: its duration is worth knowing."""

SHOWN = 6_000
"""Characters of an invocation that fit into what an agent is told, which the client cuts at 10,000."""

EVENTS = ("PostToolUse",)


def main(event: str) -> int:
    """Answers one event. Never raises, never exits with another code than 0."""
    try:
        answer = reply(sys.stdin.buffer.read(), event)
        if answer:
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
    except BaseException:
        # The command must go through whatever is wrong here, a closed stdout included.
        silence()
    return 0


def silence() -> None:
    """Keeps the interpreter from failing once more when it flushes at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
    except OSError:
        pass


def reply(raw: bytes, event: str) -> str | None:
    """The answer to `raw`, or None when there is nothing to say."""
    if event not in EVENTS or len(raw) > LARGEST:
        return None
    found = claude.decode(json.loads(raw))
    if found is None or found.name != event:
        return None
    if not (gate.interesting(found.command) or found.seconds >= NOTABLE or known(found.command)):
        return None
    context = remark(found)
    return json.dumps(claude.encode(found, context)) if context else None


def known(command: str) -> bool:
    """Whether a program that was slow here before stands in the command: those that the gate does not know are listed."""
    try:
        with open(slow_programs(), encoding="utf-8") as file:
            return not set(file.read().split()).isdisjoint(gate.TOKEN.findall(command))
    except OSError:
        return False


def slow_programs() -> str:
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(base, "pueue-skill", "slow-programs")


def remark(event: claude.Event) -> str | None:
    """What there is to say of a command that has been run; its duration is remembered for the next time."""
    from pathlib import Path

    from pueue_skill import config, store
    from pueue_skill.analysis import analyse
    from pueue_skill.backends import invocation

    settings = config.load(Path(event.cwd) if event.cwd else None)
    analysis = analyse(event.command, settings.by_name(), preferences=settings.preferences(store.durations()))
    if settings.evidence.record and event.seconds:
        remember(analysis, event.seconds, settings.evidence.long)
    if not analysis.findings:
        return None
    said = "\n".join([f"- {finding.message} ({finding.rule} {finding.name})" for finding in analysis.findings])
    text = f"pueue-skill: this belongs in the job queue:\n{said}\n"
    submits = invocation(analysis.plan)
    if submits and len(submits) > SHOWN:
        jobs = len(analysis.plan.jobs)
        return f"{text}The same work is {jobs} jobs: `pueue-skill suggest -` gives their invocation for the command on stdin.\n"
    if submits:
        return text + f"The same work as a job, next time:\n```bash\n{submits}```\n"
    return text + f"No invocation is offered: {analysis.plan.reason}.\n"


def remember(analysis: Analysis, seconds: float, long: float) -> None:
    """Records how long a text took, when it is one command that took it: the others in it are quick, and no loop."""
    import sqlite3

    from pueue_skill import store
    from pueue_skill.rules.work import shape, weigh

    carriers = ("ssh", "bash", "sh")
    heavy = [c for c in analysis.commands if weigh(c).size != "quick" and not (c.ssh or c.name in carriers)]
    if len(heavy) != 1 or heavy[0].loops or heavy[0].background:
        return
    try:
        store.record(shape(heavy[0]), seconds)
        if seconds >= long:
            with open(slow_programs(), "a+", encoding="utf-8") as file:
                file.seek(0)
                if heavy[0].name not in file.read().split():
                    file.write(heavy[0].name + "\n")
    except (sqlite3.Error, OSError):
        pass  # remembering is a help; the command and the answer do not depend on it
