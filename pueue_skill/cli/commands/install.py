"""`install`: adds the hooks to an agent's settings."""

from __future__ import annotations

import argparse

from pueue_skill.cli import agent_settings
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_agent(parser)
    parser.add_argument(
        "--mode",
        choices=("off", "remind", "suggest", "rewrite"),
        help="what the hooks do before a long command runs (default: remind; hook.mode of the configuration takes precedence)",
    )


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import event
    from pueue_skill.agents import install as installer

    agent = event.client(options.agent)
    try:
        changes = installer.install(
            options.agent, options.scope, options.mode, agent_settings.project_folder(options.scope)
        )
    except installer.CannotInstall as error:
        return failed(ExitCode.USAGE, str(error))
    notes = [agent.TRUST] if hasattr(agent, "TRUST") else []
    if options.mode == "rewrite" and "rewrite" not in agent.CAN:
        instead = "deny the command" if "deny" in agent.CAN else "suggest the rewrite"
        notes.insert(0, f"commands of {options.agent} cannot be rewritten safely; the hooks {instead} instead")
    return agent_settings.apply(options, changes, notes)
