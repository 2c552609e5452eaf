"""`uninstall`: removes the hooks from an agent's settings."""

from __future__ import annotations

import argparse

from pueue_skill.cli import agent_settings
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_agent(parser)


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import install as installer

    try:
        changes = installer.uninstall(options.agent, options.scope, agent_settings.project_folder(options.scope))
    except installer.CannotInstall as error:
        return failed(ExitCode.USAGE, str(error))
    return agent_settings.apply(options, changes, [])
