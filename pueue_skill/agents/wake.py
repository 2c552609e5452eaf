"""A background hook that wakes its session: it waits for the session's queued jobs, and prints their outcomes to stderr.

With exit code 2, the client passes that to the model. One such process per session is enough, so any other exits at once. In a session
without a user (a one-shot run), the client would wait for it; there it exits at once too.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from pueue_skill.agents.clients import claude
from pueue_skill.configuration import settings
from pueue_skill.jobs import news
from pueue_skill.state import paths, sessions
from pueue_skill.state.locks import try_lock

EXIT_WAKE, EXIT_QUIET = 2, 0
"""The exit codes of a background hook: the first wakes its session."""


def main(raw: bytes) -> int:
    """Wait for the jobs of the session in the event `raw`; return EXIT_WAKE when one ended, else 0."""
    event = claude.decode(json.loads(raw))
    if event is None or not is_attended(os.environ) or not sessions.SESSION_ID.fullmatch(event.session):
        return EXIT_QUIET
    with try_lock(os.path.join(paths.data(), "sessions", f"{event.session}.watched")) as mine:
        if not mine:
            return EXIT_QUIET
        gc.enable()  # the launcher turns it off, for those that are gone in a moment
        project = paths.project(event.cwd)
        for ended in news.watch(settings.current().hosts, event.session, project):
            sys.stderr.write(news.notification_of(ended))
            sys.stderr.flush()
            sessions.confirm(event.session, ended)
            return EXIT_WAKE
    return EXIT_QUIET


def is_attended(environ: os._Environ[str] | dict[str, str]) -> bool:
    """Return whether the session continues after its turn and has no monitor: an interactive session without the plugin, or one that reads prompts."""
    if environ.get("CLAUDE_CODE_SESSION_ATTENDED") == "1" and environ.get("CLAUDE_CODE_ENTRYPOINT") == "cli":
        return "CLAUDE_PLUGIN_ROOT" not in environ
    try:
        words = Path(f"/proc/{int(environ.get('CLAUDE_PID', ''))}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return environ.get("CLAUDE_CODE_SESSION_ATTENDED") == "1"
    return (b"stream-json" in words and b"--input-format" in words) or b"--input-format=stream-json" in words
