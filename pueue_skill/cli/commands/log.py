"""`log`: the output of jobs, byte for byte."""

from __future__ import annotations

import argparse
import json

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.cli.follower import ended, followed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_selection(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-f", "--follow", action="store_true", help="print until the job ends, and return its exit code")
    shared.add_json(how, "jobs", "the states of the jobs, not their output,")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli import selection
    from pueue_skill.queues import actions as acts
    from pueue_skill.views import documents

    chosen = selection.jobs(options)
    if options.follow and len(chosen) > 1:
        return failed(
            ExitCode.USAGE, f"one job can be followed, and {len(chosen)} are chosen: {selection.names(chosen)}"
        )
    if options.json:
        print(json.dumps(documents.jobs(chosen), indent=2))
        return ExitCode.DONE
    for host, state in chosen:
        if len(chosen) > 1:
            say(f"==> {acts.name_with_label(host.name, state)}")
        last = state
        for now in followed(state, host):
            last = now or last
            if now and not options.follow:
                break
        if last.status == "done":
            code = ended(f"{host.name}:{last.id}", last, host)
            if options.follow:
                return code
    return ExitCode.DONE
