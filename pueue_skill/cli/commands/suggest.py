"""`suggest`: a command in; its findings on stderr, and on stdout the text to run in its place."""

from __future__ import annotations

import argparse
import json
import sys

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.analysis import Analysis


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="local", help="queue local work on this host (default: this machine)")
    parser.add_argument("-g", "--group", help="queue jobs in this group (default: that of the host's configuration)")
    parser.add_argument("--cwd", metavar="DIR", help="run jobs in this folder (default: where they are submitted)")
    shared.add_json(parser, "suggestion", "the suggestion")
    parser.add_argument("--explain", action="store_true", help="print every stage of the analysis on stderr")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if there are findings")
    shared.add_command(
        parser, "one argument is shell text, several are words of a command; - reads the text from stdin"
    )


def separated(arguments: list[str]) -> list[str]:
    """Return the arguments with `-` last: what stands after it is options, since the command comes from stdin."""
    at = 1
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] not in ("-", "--"):
        at += 2 if arguments[at] in ("--host", "--group", "-g", "--cwd") else 1
    return [*arguments[:at], *arguments[at + 1 :], "-"] if arguments[at : at + 1] == ["-"] else arguments


def main(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import settings
    from pueue_skill.plan.analysis import analyse
    from pueue_skill.shell import quote
    from pueue_skill.state import durations
    from pueue_skill.views import documents, findings

    words = shared.command_of(options)
    from_stdin = words == ["-"]
    text = words[0] if len(words) == 1 else quote.line(words)
    if from_stdin:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    current = settings.current()
    preferences = current.preferences._replace(durations=durations.read())
    analysis = analyse(text, current.hosts, options.host, options.cwd, preferences, options.group)
    report = documents.suggestion(text, analysis.script, analysis.findings, analysis.plan)
    if options.explain:
        explain(text, analysis)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        sys.stderr.write(findings.drawn(text, analysis.findings))
        verdict = analysis.plan.verdict
        if report["invocation"] is None:
            say(f"{'left alone' if verdict == 'leave' else 'no rewrite'}: {analysis.plan.reason}")
        elif one_job := analysis.plan.reason.partition("; it stays one job: ")[2]:
            say(f"it stays one job: {one_job}")
        # What is left alone comes back as it was, so that the output can stand for the command in any case.
        sys.stdout.buffer.write((report["invocation"] or text).encode("utf-8", "surrogateescape"))
        if not (report["invocation"] or text).endswith("\n") and not from_stdin:
            sys.stdout.buffer.write(b"\n")
    return ExitCode.FINDINGS if options.exit_code and analysis.findings else ExitCode.DONE


def explain(text: str, analysis: Analysis) -> None:
    """Every stage of the pipe, on stderr."""
    from pueue_skill.rules import gate
    from pueue_skill.rules.cost import weigh
    from pueue_skill.shell.syntax import Script

    out = [f"gate      {'a rule may match' if gate.interesting(text) else 'no rule can match'}"]
    script = analysis.script
    out.append(f"parse     {'read by ' + script.parser if isinstance(script, Script) else script.reason}")
    for command in analysis.commands:
        place = [f"on {'→'.join(command.hosts)}"] if command.hosts else []
        place += [f"in {loop.kind}" for loop in command.loops] + list(command.inside)
        place += [f"through {' '.join(command.wrappers)}"] if command.wrappers else []
        place += ["in the background"] if command.background else []
        place += [f"left to {command.detached.keeper} by {command.detached.how}"] if command.detached else []
        place += [f"after cd {command.cwd}"] if command.cwd else []
        weight = weigh(command)
        words = " ".join([word.value for word in command.words])
        out.append(f"command   {words}  [{', '.join([*place, weight.size + ': ' + weight.why])}]")
    for finding in analysis.findings:
        out.append(f"finding   {finding.rule} {finding.name} at {finding.start}-{finding.end}: {finding.message}")
    out.append(f"plan      {analysis.plan.verdict}: {analysis.plan.reason}")
    for job in analysis.plan.jobs:
        out.append(f"job       {job.key} on {job.host}: {job.command}")
    print("\n".join(out), file=sys.stderr)
