"""The hosts and jobs that a command's options select."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import note, say
from pueue_skill.configuration import settings
from pueue_skill.shell import quote
from pueue_skill.startup.errors import UsageError
from pueue_skill.startup.words import first_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.actions import Selector
    from pueue_skill.jobs.select import Matches
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host


def selected_hosts(options: argparse.Namespace) -> list[Host]:
    """Return the hosts given as arguments, or all configured hosts. Raises UsageError."""
    known = settings.current().hosts
    if not options.hosts:
        return list(known.values())
    from pueue_skill.configuration.hosts import select_hosts

    return select_hosts(options.hosts, known)


def selector(options: argparse.Namespace) -> Selector:
    """Return the Selector of the options of `options.add_selection`. Raises UsageError if they contradict each other."""
    from pueue_skill.jobs.actions import Selector

    shared.refuse_names_with_patterns(options)
    return Selector(tuple(options.jobs), options.label, options.group, tuple(options.host))


def selected_jobs(options: argparse.Namespace) -> tuple[list[tuple[Host, JobState]], bool]:
    """Return the selected jobs with their hosts, and whether a host that does not answer may have others; print these hosts.

    Raises UsageError, Unreachable.
    """
    from pueue_skill.jobs import actions as job_actions

    selections, down, matches = job_actions.select_jobs(selector(options), settings.current().hosts)
    note_older(matches)
    for error in down.values():
        say(str(error))
    jobs = [(selection.host, state) for selection in selections for state in selection.states]
    if not jobs:
        queues = {selection.host.name: selection.queue for selection in selections}
        raise UsageError(job_actions.with_known_jobs("no job is selected", queues, {}))
    all_named = bool(matches) and all(matching.meant for matching in matches.values())
    return jobs, bool(down) and not all_named


def note_older(matches: Mapping[str, Matches]) -> None:
    """Print which job is selected by a name that several jobs have, and the name of the one before it."""
    for name, matching in matches.items():
        if len(matching.jobs) > 1 and not matching.back:
            (host, newest), (older_host, older) = matching.jobs[:2]
            note(
                f"{len(matching.jobs)} jobs are called {name}; this is the newest, {host}:{newest.id}. "
                f"The one before it is {quote.word(f'{name}~1')}, {older_host}:{older.id}"
            )


MAX_NAMES = 8


def names(jobs: Sequence[tuple[Host, JobState]]) -> str:
    """Return the names of the first jobs and the number of the others."""
    return first_names([f"{host.name}:{state.id}" for host, state in jobs], MAX_NAMES, " ")
