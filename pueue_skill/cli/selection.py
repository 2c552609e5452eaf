"""Which hosts and jobs the options of a command mean."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import say
from pueue_skill.configuration import settings
from pueue_skill.shell import quote
from pueue_skill.startup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.jobs.actions import Selector
    from pueue_skill.jobs.select import Matches
    from pueue_skill.queues.model import JobState
    from pueue_skill.shell.model import Host


def chosen_hosts(options: argparse.Namespace) -> list[Host]:
    """The hosts that were named, or all. Raises UsageError."""
    known = settings.current().hosts
    if not options.hosts:
        return list(known.values())
    from pueue_skill.shell.ssh_target import select_hosts

    return select_hosts(options.hosts, known)


def choice_of(options: argparse.Namespace) -> Selector:
    from pueue_skill.jobs.actions import Selector

    return Selector(tuple(options.jobs), options.label, options.group, tuple(options.host))


def jobs(options: argparse.Namespace) -> list[tuple[Host, JobState]]:
    """The jobs that are chosen. Raises UsageError, Unreachable."""
    from pueue_skill.jobs import actions as job_actions

    shared.refuse_both(options.jobs, options)
    chosen, down, called = job_actions.select_jobs(choice_of(options), settings.current().hosts)
    say_older(called)
    for error in down.values():
        say(str(error))
    found = [(one.host, state) for one in chosen for state in one.states]
    if not found:
        raise UsageError(
            job_actions.with_known_jobs("no job is selected", {one.host.name: one.queue for one in chosen}, {})
        )
    return found


def say_older(called: Mapping[str, Matches]) -> None:
    """Says which job is meant by a name that several bear, and how the one before it is called."""
    for name, bearers in called.items():
        if len(bearers.jobs) > 1 and not bearers.back:
            (host, newest), (before, older) = bearers.jobs[:2]
            say(
                f"{len(bearers.jobs)} jobs are called {name}; this is the newest, {host}:{newest.id}. "
                f"The one before it is {quote.word(f'{name}~1')}, {before}:{older.id}"
            )


def names(chosen: Sequence[tuple[Host, JobState]]) -> str:
    shown = " ".join([f"{host.name}:{state.id}" for host, state in chosen[:8]])
    return shown + (f" and {len(chosen) - 8} more" if len(chosen) > 8 else "")
