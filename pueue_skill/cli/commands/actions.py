"""`kill`, `restart`, `clean`, `pause`, `start`: options in, exit code out.

What was done goes to stdout, a line a job; what was not, and why, to stderr.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, say
from pueue_skill.cli.selection import choice_of, say_older
from pueue_skill.configuration import settings
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import actions as job_actions
from pueue_skill.jobs.actions import HostResult, Selection, Selector
from pueue_skill.queues.actions import Action
from pueue_skill.views import documents, tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would be done without doing it")
    shared.add_json(parser, "acts", "what was done")


def main(options: argparse.Namespace) -> int:
    """One verb."""
    choice = choice_of(options)
    shared.refuse_both(choice.jobs, options)
    chosen, down, called = job_actions.select_jobs(choice, settings.current().hosts)
    say_older(called)
    if getattr(options, "successful_only", False):
        chosen = [one._replace(states=tuple([s for s in one.states if s.result == "success"])) for one in chosen]
    planned = job_actions.plan_actions(options.name, choice, chosen)
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
    results = [one for one in done.values() if isinstance(one, HostResult)]
    if down or len(results) < len(done):
        return ExitCode.UNREACHABLE
    bad = any(one.status in ("refused", "changed", "failed") for result in results for one in result.results)
    return ExitCode.FINDINGS if bad else ExitCode.DONE


def intended(
    verb: str, choice: Selector, planned: Sequence[tuple[Selection, list[Action]]]
) -> Mapping[str, HostResult | Unreachable]:
    """What would be done, in the form of what was."""
    return {
        one.host.name: HostResult(
            tuple(
                [
                    job_actions.ActionResult(act, "planned") if act.call else job_actions.unchanged_result(act)
                    for act in found
                ]
            ),
            job_actions.whole_group(verb, choice, one.host),
        )
        for one, found in planned
    }


def shown(verb: str, done: Mapping[str, HostResult | Unreachable], would: str = "") -> None:
    for host, result in done.items():
        for kind, text in tables.told(verb, host, result, would) if isinstance(result, HostResult) else ():
            if kind == "done":
                print(text, flush=True)
            else:
                say(text)
