"""`wait`: jobs in; waits for their end, and gives the exit code of a single one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, say
from pueue_skill.cli.follower import ended, events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import selection
    from pueue_skill.queues.model import JobState

    chosen = selection.jobs(options)
    if len(chosen) > 1:
        return wait_for_all(chosen)
    ((host, state),) = chosen
    for event in events(state, host):
        if isinstance(event, JobState):
            state = event
    return ended(f"{host.name}:{state.id}", state, host)


def wait_for_all(chosen: Sequence[tuple[Host, JobState]]) -> int:
    """Waits for several jobs, with a line for each that has ended."""
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.jobs import actions as job_actions
    from pueue_skill.queues import actions

    code: int = ExitCode.DONE
    for host, state in job_actions.wait(chosen):
        if isinstance(state, Unreachable):
            say(str(state))
            code = ExitCode.NOT_RUN
            continue
        print(f"{actions.name_with_label(host.name, state)} {actions.describe_outcome(state)}", flush=True)
        if ended(f"{host.name}:{state.id}", state, host):
            code = max(code, ExitCode.FINDINGS)
    return code
