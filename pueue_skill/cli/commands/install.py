"""`install`: the hooks added to an agent's settings."""

from __future__ import annotations

import argparse

from pueue_skill.cli import options as shared
from pueue_skill.cli.agent_settings import applied, settings_folder
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_agent(parser)
    parser.add_argument(
        "--mode",
        choices=("off", "remind", "suggest", "rewrite"),
        help="what hooks do before a long command runs (default: remind; hook.mode of the configuration overrules it)",
    )


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import install as installer

    of = installer.module(options.agent)
    try:
        changes = installer.install(options.agent, options.scope, options.mode, settings_folder(options.scope))
    except installer.CannotInstall as error:
        return failed(ExitCode.USAGE, str(error))
    notes = [of.TRUST] if hasattr(of, "TRUST") else []
    if options.mode == "rewrite" and "rewrite" not in of.CAN:
        instead = "denied" if "deny" in of.CAN else "told"
        notes.insert(0, f"{options.agent} cannot have commands rewritten safely; it is {instead} instead")
    return applied(options, changes, notes)
