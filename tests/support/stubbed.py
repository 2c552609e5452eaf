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
