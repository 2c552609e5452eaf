"""Runs a script by one of the shells that a host may have, among stubs of the programs that it calls, in milliseconds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from real import SYSTEM_PATH, real

SHELLS = {"dash": [], "busybox": ["sh"], "bash": [], "zsh": ["--emulate", "sh"]}
"""What runs as sh on one host or another, and the words that make it do so."""

# Writes down how it was called, then does what `$STUB/WORD` says, a file for each first word; a word without a file succeeds silently.
BY_WORD = """#!/bin/sh
printf '%s\\n' "$*" >>"$STUB/calls"
[ ! -e "$STUB/$1" ] || . "$STUB/$1"
"""
# The same for a program that is told by its name: it does what `$STUB/PROGRAM` says.
BY_NAME = """#!/bin/sh
printf '%s\\n' "${0##*/} $*" >>"$STUB/calls"
[ ! -e "$STUB/${0##*/}" ] || . "$STUB/${0##*/}"
"""


class Stubbed:
    """One shell, a home, and stubs of programs, which do as the sh texts say that a run gives them by name or first word."""

    def __init__(self, shell: str, folder: Path, *by_name: str, by_word: str = "pueue") -> None:
        self.shell = [real(shell), *SHELLS[shell]]
        self.home, self.bin, self.stub = folder / "home", folder / "bin", folder / "stub"
        for path in (self.home, self.bin, self.stub):
            path.mkdir()
        self.put(by_word, BY_WORD)
        for name in by_name:
            self.put(name, BY_NAME)

    def put(self, name: str, text: str) -> None:
        """A program on the script's PATH."""
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
        # As transport sends it: the script on standard input.
        return subprocess.run([*self.shell, "-s"], input=text, env=self.env, capture_output=True, text=True, timeout=20)

    @property
    def calls(self) -> list[str]:
        """How the stubs were called."""
        path = self.stub / "calls"
        return path.read_text().splitlines() if path.exists() else []
