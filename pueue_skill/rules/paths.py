"""PQ8: programs that a bare ssh command does not find."""

from __future__ import annotations

from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.shell.model import Command

LOGIN_SHELLS = {"bash", "zsh", "sh"}


def path_is_set(command: Command, context: RuleContext) -> bool:
    """Whether the text itself sets PATH on that host, or runs a login shell."""
    carriers = [
        c
        for c in context.before
        if c.name in LOGIN_SHELLS and c.hosts == command.hosts and any(a.startswith("-") and "l" in a for a in c.args)
    ]
    words = [word for c in (*context.before, command) if c.hosts == command.hosts for word in (*c.words, *c.assigns)]
    return bool(carriers) or any(
        word.value.startswith(("PATH=", "PATH+="))
        or ".cargo/env" in word.value
        or word.value in ("~/.profile", "~/.bashrc")
        for word in words
    )


def check_bare_pueue(command: Command, context: RuleContext) -> Hit | None:
    if command.carriers[-1:] != ("ssh",) or command.words[0].value not in ("pueue", "pueued"):
        return None
    names = [command.hosts[-1]]
    if names[0].startswith("$"):
        names = [item.value for loop in command.loops for item in loop.items]
    host = next((context.hosts[name] for name in names if name in context.hosts), None)
    if host is None or "/" not in host.pueue or path_is_set(command, context):
        return None
    return hit_at(
        command, f"{command.name} is not on the PATH of a bare ssh command to {host.name}; it is {host.pueue} there"
    )


def check_cargo(command: Command, context: RuleContext) -> Hit | None:
    if command.carriers[-1:] != ("ssh",) or command.name != "maturin" or path_is_set(command, context):
        return None
    return hit_at(
        command, f"maturin needs ~/.cargo/bin, which is not on the PATH of a bare ssh command to {command.hosts[-1]}"
    )


def check_queued_cargo(command: Command, context: RuleContext) -> Hit | None:
    if command.name != "pueue" or command.carriers[-1:] != ("ssh",) or command.args[:1] != ("add",):
        return None
    words = " ".join(command.args)
    if "maturin" not in words or "PATH=" in words or path_is_set(command, context):
        return None
    return hit_at(
        command,
        f"the job runs maturin, which needs ~/.cargo/bin; it is not on the PATH of a bare ssh command to {command.hosts[-1]}",
    )


WHY = (
    "ssh runs a command with the system's PATH and not that of a login shell: programs in ~/.local/bin or "
    "~/.cargo/bin are not found."
)

RULES = (
    Rule(
        id="PQ801",
        name="bare-remote-pueue",
        what="Looks for `pueue` without its path on a host whose configuration sets the path.",
        why=WHY,
        instead="Its full path (hosts.HOST.pueue in the configuration), or `pueue-skill run --host HOST`.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_bare_pueue,
        bad=("ssh bigblack 'pueue start --group p1'", "ssh bigblack \"pueue add -- './run.sh --all'\""),
        good=(
            "ssh bigblack '~/.local/bin/pueue status'",
            "ssh bigblack 'PATH=$HOME/.local/bin:$PATH pueue status'",
            "ssh bigblack 'bash -lc \"pueue status\"'",
            "ssh elsewhere pueue status",
        ),
    ),
    Rule(
        id="PQ802",
        name="remote-build-without-cargo",
        what="Looks for maturin over ssh without ~/.cargo/bin on the PATH.",
        why=WHY,
        instead='`PATH="$HOME/.cargo/bin:$PATH" uv run maturin develop`.',
        anchors=("maturin",),
        confidence="high",
        rewrite=False,
        check=check_cargo,
        bad=("ssh bigblack 'cd ~/project && uv run maturin develop --uv'",),
        good=(
            "ssh bigblack 'cd ~/project && PATH=\"$HOME/.cargo/bin:$PATH\" uv run maturin develop --uv'",
            "uv run maturin develop",
        ),
    ),
    Rule(
        id="PQ803",
        name="queued-build-without-cargo",
        what="Looks for `pueue add` over ssh of a job that runs maturin without ~/.cargo/bin on the PATH.",
        why="A job has the PATH of the shell that queued it. " + WHY,
        instead='Put `PATH="$HOME/.cargo/bin:$PATH"` before the command in the job.',
        anchors=("maturin",),
        confidence="high",
        rewrite=False,
        check=check_queued_cargo,
        bad=("ssh bigblack '~/.local/bin/pueue add -w ~/rangebar-py -- uv run maturin develop --release'",),
        good=("ssh bigblack '~/.local/bin/pueue add -- \"PATH=$HOME/.cargo/bin:$PATH uv run maturin develop\"'",),
    ),
)
