"""Completion scripts, sourced by the real shells: an incomplete line in, the offered completions out."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pueue_skill.cli.main import COMMANDS

BASH = r"""
eval "$(<"$1")"
eval "words=($2)"
[[ $2 == *' ' ]] && words+=('')
COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2} COMPREPLY=()
function=$(complete -p pueue-skill | sed 's/.*-F \([^ ]*\).*/\1/')
compopt() { :; } # only works during a completion
"$function" pueue-skill "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def in_bash(script: Path, line: str) -> str:
    words = ["bash", "--norc", "-c", BASH, "bash", str(script), line]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=script.parent)
    assert done.stderr == ""
    return done.stdout


def in_fish(script: Path, line: str) -> str:
    words = ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(script), line]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=script.parent,
        env={**os.environ, "HOME": str(script.parent)},
    )
    assert done.stderr == ""
    return "\n".join([offered.partition("\t")[0] for offered in done.stdout.splitlines()])


def in_zsh(script: Path, line: str) -> str:
    """Return what zsh prints on a terminal when it lists the completions of `line`; without a terminal it completes nothing."""
    process, terminal = pty.fork()
    if process == 0:  # the shell
        os.chdir(script.parent)
        os.environ.update(
            HOME=str(script.parent), ZDOTDIR=str(script.parent), TERM="dumb", COLUMNS="200", LINES="200", PS1=""
        )
        os.execvp("zsh", ["zsh", "-f", "-i"])  # noqa: S606
    shown = b""

    def read(mark: bytes, limit_s: float = 20) -> bytes:
        nonlocal shown
        end = time.monotonic() + limit_s
        while mark not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536)
        assert mark in shown, shown
        before, _, shown = shown.partition(mark)
        return before

    try:
        setup = f'autoload -Uz compinit && compinit -u -D && eval "$(<{script})" && bindkey ^X list-choices && bindkey ^Y kill-whole-line'
        # Split, so that the echo of the typed line does not look like its output.
        os.write(terminal, f"{setup}; echo rea''dy\n".encode())
        read(b"ready\r\n")
        os.write(terminal, line.encode() + b"\x18")
        os.write(terminal, b"\x19echo do''ne\n")
        return read(b"done\r\n").decode()
    finally:
        os.close(terminal)
        os.waitpid(process, 0)


SHELLS: dict[str, Callable[[Path, str], str]] = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.fixture(params=SHELLS)
def complete(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], set[str]]:
    shell = request.param
    if shutil.which(shell) is None:
        assert not os.environ.get("PUEUE_SKILL_REQUIRE_ALL")
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "completion"
    script.write_bytes(subprocess.run(["pueue-skill", "completion", shell], capture_output=True, check=True).stdout)
    (tmp_path / "rangebar.toml").touch()
    return lambda line: set(SHELLS[shell](script, line).split())


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("pueue-skill ", {name for name, command in COMMANDS.items() if command.group}, {"hook"}),
        ("pueue-skill st", {"status", "start"}, {"run"}),
        ("pueue-skill status --", {"--watch", "--json", "--every", "--notify"}, {"--follow"}),
        ("pueue-skill batch ", {"check", "plan", "submit", "resume"}, {"status --"}),
        ("pueue-skill batch submit --", {"--replace"}, {"--because"}),
        ("pueue-skill batch submit ra", {"rangebar.toml"}, set()),
        ("pueue-skill install ", {"claude", "codex"}, set()),
        ("pueue-skill install claude --scope ", {"user", "project"}, set()),
        ("pueue-skill completion ", {"bash", "zsh", "fish"}, {"tcsh"}),
    ],
)
def test_completions(complete: Callable[[str], set[str]], line: str, offered: set[str], not_offered: set[str]) -> None:
    completions = complete(line)
    assert offered <= completions
    assert not not_offered & completions
