"""The hook: an agent's event on stdin, an answer on stdout when there is something to say; exit code 0 whatever happens.

A text that no rule can flag costs the gate and nothing more: the parser, the rules and the configuration are imported only
after it. Whatever breaks, or takes longer than LIMIT, ends in silence and a line in the log, and the command goes through.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from pueue_skill.agents import event as agents
from pueue_skill.agents.event import Event
from pueue_skill.rules import gate
from pueue_skill.state import paths

LARGEST = 4_000_000
"""Bytes of an event that are looked at; all of it is read, so that the client is never blocked or cut off."""

NOTABLE = 10.0
"""Seconds from which on a command is looked at, whatever its words are: its duration is worth knowing."""

LIMIT = 0.95
"""Seconds that an event may take; SessionStart and UserPromptSubmit ask hosts, within them. PUEUE_SKILL_HOOK_LIMIT in the
environment sets another, for a machine that is too slow for it."""

LOG_SIZE = 200_000
"""Bytes that the log may grow to; then it is begun anew, and the old one kept beside it."""

KINDS = {
    "PreToolUse": ("before",),
    "PostToolUse": ("after", "failed"),
    "PostToolUseFailure": ("failed",),
    "UserPromptSubmit": ("prompt",),
    "SessionStart": ("start",),
    "Stop": ("stop",),
}
"""What each event may turn out to be; they are named as in Claude Code, whatever the client calls them."""

WAKE = 2
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
        signal.setitimer(signal.ITIMER_REAL, limit())
        answer(sys.stdin.buffer.read(), event, options.get("mode", ""))
    except BaseException as error:
        # The command must go through whatever is wrong here, a closed stdout included.
        silence()
        log(event, f"{type(error).__name__}: {error}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def limit() -> float:
    """Seconds that this event may take."""
    return float(os.environ.get("PUEUE_SKILL_HOOK_LIMIT") or LIMIT)


def out_of_time(event: str) -> None:
    log(event, "not done within its time (PUEUE_SKILL_HOOK_LIMIT)")
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


def log(where: str, what: str) -> None:
    """A line for `pueue-skill doctor`, secrets masked; a log that cannot be written is no trouble."""
    try:
        from pueue_skill.shell.secrets import masked

        file = log_file()
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        if os.path.exists(file) and os.path.getsize(file) > LOG_SIZE:
            os.replace(file, file + ".old")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"at": at, "where": where[:40], "what": masked(what[:1000])}) + "\n"
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except Exception:
        return


def log_file() -> str:
    return os.path.join(paths.data(), "hook.log")


def answer(raw: bytes, event: str, mode: str) -> None:
    """Writes what there is to say of the event in `raw`, or nothing."""
    if len(raw) > LARGEST:
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
        from pueue_skill.state import database

        database.confirm(found.session, said.told, said.what)


def interesting(event: Event) -> bool:
    """Whether an event has to be looked at more closely."""
    if event.kind not in ("before", "after", "failed"):
        return True
    return (
        gate.interesting(event.command)
        or event.seconds >= NOTABLE
        or event.background
        or event.timed_out
        or known(event.command, event.cwd)
        or (event.kind != "before" and expects_news(event.session))
    )


def known(command: str, folder: str) -> bool:
    """Whether a program stands in the command that the gate does not know: one that was slow here, or one of the configuration."""
    words = set(gate.TOKEN.findall(command))
    try:
        with open(slow_programs(), encoding="utf-8") as file:
            if not words.isdisjoint(file.read().split()):
                return True
    except OSError:
        pass
    if not (os.path.exists(paths.user_file()) or paths.project_file(folder)):
        return False
    from pueue_skill.configuration import settings

    return any(program.program in words for program in settings.load(folder).preferences.programs)


def slow_programs() -> str:
    return os.path.join(paths.data(), "slow-programs")


def expects_news(session: str) -> bool:
    """Whether the session's marker stands (store.marker, without sqlite)."""
    return bool(session) and os.path.exists(os.path.join(paths.data(), "sessions", os.path.basename(session)))
