"""`kill`, `restart`, `clean`, `pause` and `start`: the options of one of them in, its actions on jobs, an exit code out.

Completed actions are printed on stdout, a line each; jobs that were left as is on stderr, with the reason.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from pueue_skill.cli import options as shared
from pueue_skill.cli import selection
from pueue_skill.cli.console import ExitCode, say
from pueue_skill.configuration import settings
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs import actions as job_actions
from pueue_skill.jobs.actions import HostResult, Selection, Selector
from pueue_skill.queues.actions import Action
from pueue_skill.views import actions as view
from pueue_skill.views import documents


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would be done without doing it")
    shared.add_quiet(parser, "print only jobs that were left as is, and errors")
    shared.add_json(parser, "acts", "what was done")


def main(options: argparse.Namespace, successful_only: bool = False) -> int:
    selector = selection.selector(options)
    selections, down, matches = job_actions.select_jobs(selector, settings.current().hosts)
    selection.note_older(matches)
    if successful_only:
        selections = [
            selected._replace(states=tuple([state for state in selected.states if state.result == "success"]))
            for selected in selections
        ]
    planned = job_actions.plan_actions(options.name, selector, selections)
    if options.dry_run:
        results = planned_results(options.name, selector, planned)
    else:
        results = job_actions.act(options.name, selector, planned)
    if options.json:
        print(json.dumps(documents.acts(options.name, options.dry_run, results, down), indent=2))
    else:
        print_results(options, results)
    for error in [*down.values(), *[result for result in results.values() if isinstance(result, Unreachable)]]:
        say(str(error))
    return exit_code(results, down)


def planned_results(
    verb: str, selector: Selector, planned: Sequence[tuple[Selection, list[Action]]]
) -> Mapping[str, HostResult | Unreachable]:
    """Return what --dry-run prints, as results by host."""
    return {
        selected.host.name: HostResult(
            tuple(
                [
                    job_actions.ActionResult(action, "planned") if action.call else job_actions.unchanged_result(action)
                    for action in actions
                ]
            ),
            job_actions.whole_group(verb, selector, selected.host),
        )
        for selected, actions in planned
    }


def print_results(options: argparse.Namespace, results: Mapping[str, HostResult | Unreachable]) -> None:
    would = "would be " if options.dry_run else ""
    for host, result in results.items():
        if isinstance(result, Unreachable):
            continue
        for done, line in view.lines(options.name, host, result, would):
            if not done:
                say(line)
            elif not options.quiet:
                print(line, flush=True)


def exit_code(results: Mapping[str, HostResult | Unreachable], down: Mapping[str, Unreachable]) -> int:
    answered = [result for result in results.values() if isinstance(result, HostResult)]
    if down or len(answered) < len(results):
        return ExitCode.UNREACHABLE
    statuses = {job.status for result in answered for job in result.results}
    return ExitCode.FINDINGS if statuses & {"refused", "changed", "failed"} else ExitCode.DONE
