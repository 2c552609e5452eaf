"""`log`: prints the output of jobs, byte for byte."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import follower, parsing
from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, note, unreachable_code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("-f", "--follow", action="store_true", help="print until the job ends, and return its exit code")
    shared.add_json(mode, "jobs", "the states of the jobs, not their output,")
    parser.add_argument(
        "-n", "--lines", metavar="N", type=parsing.count, help="print only the last N lines; with -f, then new output"
    )
    shared.add_quiet(parser, "print no headers with the names of several jobs")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import selection
    from pueue_skill.queues import actions
    from pueue_skill.views import documents

    parsing.refuse_together(options, ("--lines", "--json"))
    selected, incomplete = selection.selected_jobs(options)
    least = unreachable_code() if incomplete else ExitCode.DONE
    if options.follow and len(selected) > 1:
        return failed(
            ExitCode.USAGE,
            f"--follow takes one job, and {len(selected)} are selected: {selection.names(selected)}",
        )
    if options.json:
        print(json.dumps(documents.jobs(selected), indent=2))
        return least
    for host, selected_state in selected:
        if len(selected) > 1:
            note(f"==> {actions.name_with_label(host.name, selected_state)}")
        last = selected_state
        for state in follower.copy_output(selected_state, host, lines=options.lines):
            last = state or last
            if state and not options.follow:
                break
        if last.status == "done":
            code = follower.exit_code(f"{host.name}:{last.id}", last, host)
            if options.follow:
                return max(code, least)
    return least
