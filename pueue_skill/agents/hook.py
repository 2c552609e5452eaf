"""The hook: an agent's event on stdin, a reply on stdout if there is one, exit code 0 whatever happens.

A text that no rule can flag costs the gate and nothing more: the parser, the rules and the configuration are imported only after it. An
error, or a run longer than the time limit, prints nothing and adds a line to the log, and the agent's command runs.
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
from pueue_skill.state.durations import NOTABLE_S

MAX_EVENT_BYTES = 4_000_000
"""The largest event that is analysed. A larger one is read to its end, so that the agent's write never blocks."""

KINDS_BY_EVENT = {
    "PreToolUse": ("before",),
    "PostToolUse": ("after", "failed"),
    "PostToolUseFailure": ("failed",),
    "UserPromptSubmit": ("prompt",),
    "SessionStart": ("start",),
    "Stop": ("stop",),
}
"""The kinds that each event may have. Events have Claude Code's names, whatever the agent calls them."""


def main(arguments: list[str]) -> int:
    """Respond to the event named first in `arguments`, and return the exit code: 0, or that of `wake`. Never raises."""
    event = arguments[0] if arguments else ""
    try:
        options = dict([option.removeprefix("--").partition("=")[::2] for option in arguments[1:]])
        if event == "Wake":
            from pueue_skill.agents import wake

            return wake.main(sys.stdin.buffer.read())
        signal.signal(signal.SIGALRM, lambda *_: abort(event))
        signal.setitimer(signal.ITIMER_REAL, agents.time_limit_s())
        respond(sys.stdin.buffer.read(), event, options.get("mode", ""))
    except BaseException as error:
        # The command must go through whatever is wrong here, a closed stdout included.
        discard_stdout()
        log.write(event, f"{type(error).__name__}: {error}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def abort(event: str) -> None:
    """Log that the time limit was exceeded, stop all scripts, and exit at once."""
    log.append(event, "exceeded its time limit (PUEUE_SKILL_HOOK_LIMIT)")
    transport = sys.modules.get("pueue_skill.hosts.transport")
    if transport and hasattr(transport, "stop_all"):  # else its import has not ended, and it has started nothing
        transport.stop_all()
    os._exit(0)


def discard_stdout() -> None:
    """Send stdout to /dev/null, so that the interpreter's flush at exit cannot fail."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
    except OSError:
        pass


def respond(raw: bytes, event: str, mode: str) -> None:
    """Write the reply to the event in `raw`, if there is one."""
    if len(raw) > MAX_EVENT_BYTES:
        return
    payload = json.loads(raw)
    agent = agents.module_of(payload)
    found: Event | None = agent.decode(payload) if agent else None
    if agent is None or found is None or found.kind not in KINDS_BY_EVENT.get(event, ()) or not needs_analysis(found):
        return
    if found.kind in ("after", "failed"):
        remember(found)
    from pueue_skill.agents import responses

    said = responses.RESPONDERS[found.kind](found, mode)
    text = agent.encode(found, said.reply) if said else ""
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    if said and text and said.told:
        from pueue_skill.state import sessions

        sessions.confirm(found.session, said.told, said.what)
    if found.kind in ("after", "failed", "start"):  # after the reply, which must not wait for it
        from pueue_skill.agents import learning

        if found.kind == "start":
            learning.prepare()
        learning.learn()


def remember(event: Event) -> None:
    """Record how long a call took, before its analysis, which may exceed the time limit."""
    from pueue_skill.agents import learning

    try:
        learning.remember(event)
    except Exception as error:  # the reply does not depend on it
        log.write(event.name, f"{type(error).__name__}: {error}")


def needs_analysis(event: Event) -> bool:
    """Return whether an event needs more than the gate."""
    if event.kind == "prompt":
        from pueue_skill.agents import prompts

        return paths.expects_news(event.session) or prompts.is_about_long_work(event.prompt, event.cwd)
    if event.kind not in ("before", "after", "failed"):
        return True
    return (
        gate.interesting(event.command)
        or event.seconds >= NOTABLE_S
        or event.background
        or event.timed_out
        or names_known_program(event.command, event.cwd)
        or (event.kind != "before" and paths.expects_news(event.session))
    )


def names_known_program(command: str, folder: str) -> bool:
    """Return whether `command` names a program that was slow here, or one from the configuration, neither of which the gate knows."""
    try:
        with open(paths.slow_programs(), encoding="utf-8") as file:
            if any(all(word in command for word in line.split()) for line in file):
                return True
    except OSError:
        pass
    if not (os.path.exists(paths.user_file()) or paths.project_file(folder) or paths.tool_files()):
        return False
    from pueue_skill.configuration import settings

    known = settings.load(folder).preferences
    names = [*[program.program for program in known.programs], *[name.removeprefix("-m ") for name in known.tools]]
    return any(name in command for name in names)  # as in the launcher: `python` is also python3
