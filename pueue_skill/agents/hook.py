"""The hook: an agent's event on stdin, an answer on stdout when there is something to say; exit code 0 whatever happens.

A text that no rule can flag costs the gate and nothing more: the parser, the rules and the configuration are imported only
after it. Whatever breaks, or takes longer than the limit, ends in silence and a line in the log, and the command goes through.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from pueue_skill.agents import event as agents
from pueue_skill.agents.event import Event
from pueue_skill.rules import gate
from pueue_skill.state import log, paths

MAX_EVENT_BYTES = 4_000_000
"""Bytes of an event that are looked at; all of it is read, so that the client is never blocked or cut off."""

NOTABLE_S = 10.0
"""Seconds from which on a command is looked at, whatever its words are: its duration is worth knowing."""

KINDS = {
    "PreToolUse": ("before",),
    "PostToolUse": ("after", "failed"),
    "PostToolUseFailure": ("failed",),
    "UserPromptSubmit": ("prompt",),
    "SessionStart": ("start",),
    "Stop": ("stop",),
}
"""What each event may turn out to be; they are named as in Claude Code, whatever the client calls them."""

EXIT_WAKE = 2
"""The exit code with which a hook that ran beside the session wakes it."""


def main(arguments: list[str]) -> int:
    """Answers the event that is named first. Never raises, and exits with 0, but for Wake when there is news."""
    event = arguments[0] if arguments else ""
    try:
        options = dict([option.removeprefix("--").partition("=")[::2] for option in arguments[1:]])
        if event == "Wake":
            from pueue_skill.agents import wake

            return wake.main(sys.stdin.buffer.read())
        signal.signal(signal.SIGALRM, lambda *_: out_of_time(event))
        signal.setitimer(signal.ITIMER_REAL, agents.limit())
        answer(sys.stdin.buffer.read(), event, options.get("mode", ""))
    except BaseException as error:
        # The command must go through whatever is wrong here, a closed stdout included.
        silence()
        log.write(event, f"{type(error).__name__}: {error}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def out_of_time(event: str) -> None:
    log.write(event, "not done within its time (PUEUE_SKILL_HOOK_LIMIT)")
    if "pueue_skill.hosts.transport" in sys.modules:
        sys.modules["pueue_skill.hosts.transport"].stop_all()
    os._exit(0)


def silence() -> None:
    """Keeps the interpreter from failing once more when it flushes at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
    except OSError:
        pass


def answer(raw: bytes, event: str, mode: str) -> None:
    """Writes what there is to say of the event in `raw`, or nothing."""
    if len(raw) > MAX_EVENT_BYTES:
        return
    payload = json.loads(raw)
    agent = agents.of(payload)
    found: Event | None = agent.decode(payload) if agent else None
    if agent is None or found is None or found.kind not in KINDS.get(event, ()) or not interesting(found):
        return
    from pueue_skill.agents import responses

    said = responses.ANSWERS[found.kind](found, mode)
    if said is None:
        return
    text = agent.encode(found, said.reply)
    if not text:
        return
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    if said.told:
        from pueue_skill.state import sessions

        sessions.confirm(found.session, said.told, said.what)


def interesting(event: Event) -> bool:
    """Whether an event has to be looked at more closely."""
    if event.kind not in ("before", "after", "failed"):
        return True
    return (
        gate.interesting(event.command)
        or event.seconds >= NOTABLE_S
        or event.background
        or event.timed_out
        or known(event.command, event.cwd)
        or (event.kind != "before" and paths.expects_news(event.session))
    )


def known(command: str, folder: str) -> bool:
    """Whether a program stands in the command that the gate does not know: one that was slow here, or one of the configuration."""
    words = set(gate.TOKEN.findall(command))
    try:
        with open(paths.slow_programs(), encoding="utf-8") as file:
            if not words.isdisjoint(file.read().split()):
                return True
    except OSError:
        pass
    if not (os.path.exists(paths.user_file()) or paths.project_file(folder)):
        return False
    from pueue_skill.configuration import settings

    return any(program.program in words for program in settings.load(folder).preferences.programs)
