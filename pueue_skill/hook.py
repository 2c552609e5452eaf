"""The hook: an agent's event on stdin, an answer on stdout when there is something to say; exit code 0 whatever happens.

A text that no rule can flag costs the gate and nothing more: the parser, the rules and the configuration are imported only
after it.
"""

from __future__ import annotations

import json
import os
import sys

from pueue_skill import gate
from pueue_skill.agents import claude

LARGEST = 4_000_000
"""Bytes of an event that are looked at; all of it is read, so that the client is never blocked or cut off."""

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
    if found is None or found.name != event or not gate.interesting(found.command):
        return None
    context = remark(found.command, found.cwd)
    return json.dumps(claude.encode(found, context)) if context else None


def remark(command: str, cwd: str) -> str | None:
    """What there is to say of a command that has been run in `cwd`."""
    from pathlib import Path

    from pueue_skill import config
    from pueue_skill.analysis import analyse
    from pueue_skill.backends import invocation

    hosts = config.load(Path(cwd) if cwd else None).by_name()
    analysis = analyse(command, hosts)
    if not analysis.findings:
        return None
    said = "\n".join([f"- {finding.message} ({finding.rule} {finding.name})" for finding in analysis.findings])
    text = f"pueue-skill: this belongs in the job queue:\n{said}\n"
    submits = invocation(analysis.plan)
    if submits:
        return text + f"The same work as a job, next time:\n```bash\n{submits}```\n"
    return text + f"No invocation is offered: {analysis.plan.reason}.\n"
