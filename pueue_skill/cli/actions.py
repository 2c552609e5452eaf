"""`kill`, `restart`, `clean`, `pause`, `start`, and the choice of jobs of `log` and `wait`: options in, exit code out.

As cli.py: what was done goes to stdout, a line a job; what was not, and why, to stderr.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from pueue_skill.cli.main import DONE, FINDINGS, NOT_RUN, UNREACHABLE, USAGE, failed, say
from pueue_skill.cli.main import ended as exit_code_of
from pueue_skill.configuration import config
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import actions as job_actions
from pueue_skill.jobs.actions import Choice, Chosen, Result
from pueue_skill.jobs.select import Bearers
from pueue_skill.queues import actions
from pueue_skill.queues.actions import Act
from pueue_skill.queues.model import State
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.views import documents, tables


def main(options: argparse.Namespace) -> int:
    """One verb."""
    choice = choice_of(options)
    if choice.jobs and (choice.label is not None or choice.group):
        return failed(USAGE, "jobs are named, or chosen by --label and --group, not both")
    chosen, down, called = job_actions.choose(choice, config.load().by_name())
    say_older(called)
    if options.name == "clean" and options.successful_only:
        chosen = [one._replace(states=tuple([s for s in one.states if s.result == "success"])) for one in chosen]
    planned = job_actions.judged(options.name, choice, chosen)
    done = (
        intended(options.name, choice, planned) if options.dry_run else job_actions.act(options.name, choice, planned)
    )
    if options.json:
        print(json.dumps(documents.acts(options.name, options.dry_run, done, down), indent=2))
    elif options.dry_run:
        shown(options.name, done, "would be ")
    else:
        shown(options.name, done)
    for error in [*down.values(), *[one for one in done.values() if isinstance(one, Unreachable)]]:
        say(str(error))
    results = [one for one in done.values() if isinstance(one, Result)]
    if down or len(results) < len(done):
        return UNREACHABLE
    bad = any(one.what in ("refused", "changed", "failed") for result in results for one in result.outcomes)
    return FINDINGS if bad else DONE


def choice_of(options: argparse.Namespace) -> Choice:
    return Choice(tuple(options.jobs), options.label, options.group, tuple(options.host))


def intended(
    verb: str, choice: Choice, planned: Sequence[tuple[Chosen, list[Act]]]
) -> Mapping[str, Result | Unreachable]:
    """What would be done, in the form of what was."""
    return {
        one.host.name: Result(
            tuple(
                [job_actions.ActionResult(act, "planned") if act.call else job_actions.untouched(act) for act in found]
            ),
            job_actions.whole_group(verb, choice, one.host),
        )
        for one, found in planned
    }


def shown(verb: str, done: Mapping[str, Result | Unreachable], would: str = "") -> None:
    for host, result in done.items():
        for kind, text in tables.told(verb, host, result, would) if isinstance(result, Result) else ():
            if kind == "done":
                print(text, flush=True)
            else:
                say(text)


def jobs(options: argparse.Namespace) -> list[tuple[Host, State]]:
    """The jobs that are chosen. Raises LookupError, Unreachable."""
    chosen, down, called = job_actions.choose(choice_of(options), config.load().by_name())
    say_older(called)
    for error in down.values():
        say(str(error))
    found = [(one.host, state) for one in chosen for state in one.states]
    if not found:
        raise LookupError(job_actions.nothing("no job is chosen", {one.host.name: one.queue for one in chosen}, {}))
    return found


def say_older(called: Mapping[str, Bearers]) -> None:
    """Says which job is meant by a name that several bear, and how the one before it is called."""
    for name, bearers in called.items():
        if len(bearers.jobs) > 1 and not bearers.back:
            (host, newest), (before, older) = bearers.jobs[:2]
            say(
                f"{len(bearers.jobs)} jobs are called {name}; this is the newest, {host}:{newest.id}. "
                f"The one before it is {quote.word(f'{name}~1')}, {before}:{older.id}"
            )


def names(chosen: Sequence[tuple[Host, State]]) -> str:
    shown = " ".join([f"{host.name}:{state.id}" for host, state in chosen[:8]])
    return shown + (f" and {len(chosen) - 8} more" if len(chosen) > 8 else "")


def wait(chosen: Sequence[tuple[Host, State]]) -> int:
    """Waits for several jobs, with a line for each that has ended."""
    code = DONE
    for host, state in job_actions.wait(chosen):
        if isinstance(state, Unreachable):
            say(str(state))
            code = NOT_RUN
            continue
        print(f"{actions.named(host.name, state)} {actions.ending(state)}", flush=True)
        if exit_code_of(f"{host.name}:{state.id}", state, host):
            code = max(code, FINDINGS)
    return code
