"""Runs a script in one of the shells that a host may have, with stubs of the programs that it calls, in milliseconds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from real import SYSTEM_PATH, real

SHELLS = {"dash": [], "busybox": ["sh"], "bash": [], "zsh": ["--emulate", "sh"]}
"""Programs that are sh on some host, and the words that make them so."""

# Writes down how it was called, then does what `$STUB/WORD` says, a file for each first word; a word without a file succeeds silently.
BY_WORD = """#!/bin/sh
printf '%s\\n' "$*" >>"$STUB/calls"
[ ! -e "$STUB/$1" ] || . "$STUB/$1"
"""
# The same for a program that knows its name: it does what `$STUB/PROGRAM` says.
BY_NAME = """#!/bin/sh
printf '%s\\n' "${0##*/} $*" >>"$STUB/calls"
[ ! -e "$STUB/${0##*/}" ] || . "$STUB/${0##*/}"
"""


class Stubbed:
    """A shell, a home, and stubs of programs that do what a run's sh texts say, by name or first word."""

    def __init__(self, shell: str, folder: Path, *by_name: str, by_word: str = "pueue") -> None:
        self.shell = [real(shell), *SHELLS[shell]]
        self.home, self.bin, self.stub = folder / "home", folder / "bin", folder / "stub"
        for path in (self.home, self.bin, self.stub):
            path.mkdir()
        self.put(by_word, BY_WORD)
        for name in by_name:
            self.put(name, BY_NAME)

    def put(self, name: str, text: str) -> None:
        """Put a program on the script's PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{SYSTEM_PATH}",
            "STUB": str(self.stub),
            "XDG_RUNTIME_DIR": str(self.home),
        }

    def __call__(self, text: str, /, **answers: str) -> subprocess.CompletedProcess[str]:
        for word, answer in answers.items():
            (self.stub / word).write_text(answer)
        # As transport sends it: the script on stdin.
        return subprocess.run([*self.shell, "-s"], input=text, env=self.env, capture_output=True, text=True, timeout=20)

    @property
    def calls(self) -> list[str]:
        """Return the calls of the stubs."""
        path = self.stub / "calls"
        return path.read_text().splitlines() if path.exists() else []


# The state of tasks in the JSON of pueue.
EMPTY = '{"tasks":{},"groups":{"default":{"status":"Running","parallel_tasks":1}}}'


def queue(*tasks: str) -> str:
    """Return a queue in pueue's JSON. A task is `ID KEY STATUS`; its creation time is derived from its id."""
    entries = []
    for task in tasks:
        id, key, status = task.split()
        result = ',"result":"Success"' if status == "Done" else ""
        entries.append(
            f'"{id}":{{"id":{id},"created_at":"2026-01-01T00:00:0{id}Z","original_command":"env PUEUE_SKILL_KEY={key} bash -c x </dev/null; exit"'
            f',"status":{{"{status}":{{"enqueued_at":"x"{result}}}}}}}'
        )
    return EMPTY.replace("{}", f"{{{','.join(entries)}}}", 1)


def says(text: str) -> str:
    """Return sh text for a stub that prints a text."""
    return f"printf '%s\\n' '{text}'"


def then(first: str, later: str) -> str:
    """Return sh text for a stub that prints one text at the first call, and another later."""
    return f'if [ "$(grep -c "^$1 " "$STUB/calls")" = 1 ]; then {says(first)}; else {says(later)}; fi'


def jobs_folder(run: Stubbed) -> Path:
    return run.home / ".local/share/pueue-skill/jobs"
