"""Selects the variables of a job on this machine: the environment of a command in, the environment of its job out."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from pueue_skill.plan.model import MINIMAL, Environment


def job_environment(selection: Environment, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `environ` that a job gets; by default, all except those of the agent client and the terminal."""
    selected: dict[str, str] = {}
    for name, value in environ.items():
        keep = name in selection.keep or (
            is_minimal(name) if selection.mode == "minimal" else not is_of_client_or_terminal(name)
        )
        if keep and name not in selection.drop:
            selected[name] = value
    return selected


CLIENT = {"CLAUDECODE", "AI_AGENT", "CLAUDE_PROJECT_DIR", "CURSOR_TRACE_ID", "GEMINI_CLI", "CODEX_SANDBOX", "OPENCODE"}
CLIENT_PREFIXES = ("CLAUDE_CODE_", "CLAUDE_PLUGIN_", "CODEX_SANDBOX_", "MCP_")
TERMINAL = {"TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TERM_SESSION_ID", "COLORTERM", "COLUMNS", "LINES", "TMUX", "TMUX_PANE",
            "STY", "WINDOW", "WINDOWID", "VTE_VERSION", "GPG_TTY", "SSH_TTY", "KONSOLE_VERSION", "ITERM_SESSION_ID", "ITERM_PROFILE",
            "WT_SESSION", "WT_PROFILE_ID", "LC_TERMINAL", "LC_TERMINAL_VERSION", "SHLVL", "_", "OLDPWD"}  # fmt: skip
TERMINAL_PREFIXES = ("KITTY_", "WEZTERM_", "ALACRITTY_", "GHOSTTY_")
JOB = {"PUEUE_GROUP", "PUEUE_WORKER_ID", "PUEUE_SKILL_KEY"}


def is_minimal(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in MINIMAL)


def is_of_client_or_terminal(name: str) -> bool:
    return name in CLIENT | TERMINAL | JOB or name.startswith(CLIENT_PREFIXES) or name.startswith(TERMINAL_PREFIXES)
