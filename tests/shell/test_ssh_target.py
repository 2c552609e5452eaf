"""Hosts according to ssh's options and configuration: whether their work can be queued, and how they are reached."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from pueue_skill.shell import quote
from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable, configured_obstacle, final_destination, remote_host
from pueue_skill.shell.syntax import Script

NO_SSH = """#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do printf '<%s>' "$1" "$2" >>"$LOG"; shift 2; done
printf '<%s>\\n' "$1" >>"$LOG"
shift
exec sh -c "$*"
"""


@pytest.mark.parametrize(
    "text",
    [
        "ssh a 'echo work'",
        "ssh -p 22 a ssh -i ~/k b 'echo work'",
        "ssh -i 'k 1' a \"ssh -i 'k 2' b 'echo work'\"",
        "ssh -i 'k 1' a \"ssh -i 'k 2' b \\\"ssh -i 'k 3' -o 'A=\\\\\\\"b c\\\\\\\"' c 'echo work'\\\"\"",
        "ssh a ssh b ssh -p 3 u@c echo work",
    ],
)
def test_every_jump_host_is_reached_in_the_same_way(text: str, tmp_path: Path) -> None:
    """Words are quoted once for every shell on the way."""
    (tmp_path / "ssh").write_text(NO_SSH)
    (tmp_path / "ssh").chmod(0o755)
    script = parse(text)
    assert isinstance(script, Script)
    ssh = commands(script)[0].ssh
    assert ssh
    host, payload = final_destination(ssh, {})
    assert payload is not None
    seen = []
    for number, line in enumerate((text, f"ssh {host.ssh} 'sh -s'")):
        log = tmp_path / f"log{number}"
        env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)}
        done = subprocess.run(["bash", "-c", line], input=payload, env=env, capture_output=True, text=True, timeout=20)
        seen.append((log.read_text(), done.stdout, done.returncode))
    assert seen[0] == seen[1]
    assert seen[0][1:] == ("work\n", 0)


@pytest.mark.parametrize(
    ("option", "fine"),
    [
        ("RequestTTY=no", True),
        ("requesttty auto", True),
        ("RequestTTY = yes", False),
        ("RemoteCommand=none", True),
        ("RemoteCommand=top", False),
        ("SessionType=default", True),
        ("SessionType=subsystem", False),
        ("DynamicForward 1080", False),
        ("ForwardAgent=no", True),
    ],
)
def test_options_by_name(option: str, fine: bool) -> None:
    script = parse(f"ssh -o {quote.word(option)} bigblack work")
    assert isinstance(script, Script)
    ssh = commands(script)[0].ssh
    assert ssh
    with contextlib.nullcontext() if fine else pytest.raises(NotQueueable):
        assert remote_host(ssh, {}).ssh == f"-o {quote.word(option)} bigblack"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("forwardagent no", ""),
        ("forwardagent yes", "forwards your ssh agent"),
        ("forwardagent /run/agent.sock", "forwards your ssh agent"),
        ("forwardx11 yes", "forwards your X11 display"),
        ("remoteforward 9000 [localhost]:9000", "opens a tunnel"),
        ("localforward 9000 [localhost]:9000", ""),
        ("controlmaster true", ""),
        ("requesttty auto", ""),
        ("requesttty force", "asks for a terminal"),
        ("tunnel false", ""),
        ("remotecommand top", "sets its own remote command"),
        ("permitlocalcommand yes", "runs a command on this host"),
    ],
)
def test_options_in_ssh_config(line: str, said: str) -> None:
    found = configured_obstacle(f"hostname h\n{line}\nport 22\n")
    assert said in found
    assert bool(found) == bool(said)
