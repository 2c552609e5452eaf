"""`wait`: waits for jobs to end; the exit code is that of a single job, or 1 if any of several failed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from pueue_skill.cli import follower
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    shared.add_quiet(parser, "print only errors and warnings, not the outcome of each of several jobs")
    shared.add_json(parser, "jobs", "the jobs with their outcomes")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import selection
    from pueue_skill.views import documents

    selected, incomplete = selection.selected_jobs(options)
    if len(selected) > 1:
        code, ended = wait_for_all(selected, print_outcomes=not (options.quiet or options.json))
    else:
        ((host, state),) = selected
        code, ended = wait_for_one(host, state)
    if options.json:
        print(json.dumps(documents.jobs(ended), indent=2))
    return max(code, ExitCode.NOT_RUN) if incomplete else code


def wait_for_one(host: Host, state: JobState) -> tuple[int, list[tuple[Host, JobState]]]:
    """Return the job's exit code, and the job with its last state, unless its outcome is not known."""
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.queues.model import JobState

    try:
        for event in follower.events(state, host):
            if isinstance(event, JobState):
                state = event
    except Unreachable as error:
        return failed(ExitCode.NOT_RUN, str(error)), []
    return follower.exit_code(f"{host.name}:{state.id}", state, host), [(host, state)]


def wait_for_all(
    jobs: Sequence[tuple[Host, JobState]], print_outcomes: bool
) -> tuple[int, list[tuple[Host, JobState]]]:
    """Return the exit code of the command, and the ended jobs with their last states, in the order in which they ended."""
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.jobs import actions as job_actions
    from pueue_skill.queues import actions

    code: int = ExitCode.DONE
    ended = []
    for host, state in job_actions.wait(jobs):
        if isinstance(state, Unreachable):
            say(str(state))
            code = ExitCode.NOT_RUN
            continue
        ended.append((host, state))
        if print_outcomes:
            print(f"{actions.name_with_label(host.name, state)} {actions.describe_outcome(state)}", flush=True)
        if follower.exit_code(f"{host.name}:{state.id}", state, host):
            code = max(code, ExitCode.FINDINGS)
    return code, ended
