"""`suggest`: a command in; its findings on stderr and, on stdout, the text to run instead."""

from __future__ import annotations

import argparse
import json
import sys

from pueue_skill.cli import options as shared
from pueue_skill.cli import parsing
from pueue_skill.cli.console import ExitCode, note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.plan.analysis import Analysis
    from pueue_skill.rules.model import Preferences
    from pueue_skill.shell.model import Command, FileSize


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", type=parsing.host_name, default="local", help="queue local work on this host (default: this machine)"
    )
    parser.add_argument("-g", "--group", help="queue jobs in this group (default: that of the host's configuration)")
    parser.add_argument("--cwd", metavar="DIR", help="run jobs in this folder (default: where they are submitted)")
    shared.add_json(parser, "suggestion", "the suggestion")
    parser.add_argument("--explain", action="store_true", help="print every stage of the analysis on stderr")
    shared.add_quiet(parser, "print only what to run, without findings and reasons")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if there are findings")
    shared.add_command(
        parser, "one argument is shell text, several are words of a command; - reads the text from stdin"
    )


def separated(arguments: list[str]) -> list[str]:
    """Return the arguments with `-` last: options may follow it, since the command comes from stdin."""
    start = 1
    while start < len(arguments) and arguments[start].startswith("-") and arguments[start] not in ("-", "--"):
        start += 2 if arguments[start] in ("--host", "--group", "-g", "--cwd") else 1
    if arguments[start : start + 1] == ["-"]:
        return [*arguments[:start], *arguments[start + 1 :], "-"]
    return arguments


def main(options: argparse.Namespace) -> int:
    from pueue_skill.agents import file_sizes
    from pueue_skill.configuration import settings
    from pueue_skill.plan.analysis import analyse
    from pueue_skill.shell import quote
    from pueue_skill.shell.model import LOCAL
    from pueue_skill.startup.words import brief_reason
    from pueue_skill.state import durations, paths
    from pueue_skill.views import documents, findings

    words = shared.command_of(options)
    from_stdin = words == ["-"]
    text = words[0] if len(words) == 1 else quote.line(words)
    if from_stdin:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    current = settings.current()
    folder = options.cwd or paths.working() or "/"
    preferences = current.preferences._replace(
        durations=durations.of_text(text), folder=folder, project=paths.project(folder)
    )
    analysis = analyse(
        text,
        current.hosts,
        options.host,
        options.cwd,
        preferences,
        options.group,
        measure=(lambda names: file_sizes.measure(names, folder)) if options.host == LOCAL else None,
    )
    report = documents.suggestion(text, analysis.script, analysis.findings, analysis.plan)
    if options.explain:
        explain(text, analysis, preferences)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        if not options.quiet:
            sys.stderr.write(findings.with_carets(text, analysis.findings))
        if report["invocation"] is None:
            reason = brief_reason(analysis.plan.reason)
            if QUEUE_THE_LINE in reason:  # otherwise the text may have bytes that no word can have
                reason = reason.replace(QUEUE_THE_LINE, f"Try: pueue-skill run -- {quote.word(text)}")
            decided = [] if analysis.findings else [c for c in analysis.commands if is_measured_quick(c, preferences)]
            if analysis.plan.verdict == "leave" and decided:
                reason = "; ".join([line for command in decided for line in describe_runs(command, preferences)])
            note(f"{'left as is' if analysis.plan.verdict == 'leave' else 'no rewrite'}: {reason}")
        elif one_job := analysis.plan.reason.partition("; it stays one job: ")[2]:
            note(f"it stays one job: {one_job}")
        # Without a rewrite, the command itself is printed, so that the output can always replace it.
        replacement = report["invocation"] or text
        sys.stdout.buffer.write(replacement.encode("utf-8", "surrogateescape"))
        if not replacement.endswith("\n") and not from_stdin:
            sys.stdout.buffer.write(b"\n")
    return ExitCode.FINDINGS if options.exit_code and analysis.findings else ExitCode.DONE


QUEUE_THE_LINE = "Instead: Queue the line as one job."
"""The end of a plan's reason if the configuration permits only advice for a rule that would queue the whole line."""


def explain(text: str, analysis: Analysis, preferences: Preferences) -> None:
    """Print every stage of the analysis on stderr."""
    from pueue_skill.agents import hook
    from pueue_skill.rules import gate
    from pueue_skill.shell.syntax import Script

    script = analysis.script
    if gate.interesting(text):
        lines = ["gate      a rule may match"]
    elif hook.names_known_program(text, preferences.folder):
        lines = ["gate      it names a program of your configuration, or one that was slow here"]
    else:
        lines = ["gate      no rule can match"]
    lines.append(f"parse     {'read by ' + script.parser if isinstance(script, Script) else script.reason}")
    lines += [f"command   {describe_command(command, preferences)}" for command in analysis.commands]
    lines += [f"size      {describe_size(size)}" for command in analysis.commands for size in command.sizes]
    lines += [f"runs      {line}" for command in analysis.commands for line in describe_runs(command, preferences)]
    for finding in analysis.findings:
        lines.append(f"finding   {finding.rule} {finding.name} at {finding.start}-{finding.end}: {finding.message}")
    lines.append(f"plan      {analysis.plan.verdict}: {analysis.plan.reason}")
    lines += [f"job       {job.key} on {job.host}: {job.command}" for job in analysis.plan.jobs]
    print("\n".join(lines), file=sys.stderr)


def describe_size(size: FileSize) -> str:
    """Return a path and the size of its files."""
    from pueue_skill.shell import printable

    return f"{printable.line(size.path)}: {'' if size.exact else 'at least '}{printable.byte_size(size.bytes)}"


def is_measured_quick(command: Command, preferences: Preferences) -> bool:
    """Return whether a command would be long by its words, but its earlier runs show that it is not."""
    from pueue_skill.rules.cost import weigh
    from pueue_skill.rules.evidence import fits_call

    return weigh(command, preferences).size == "long" and fits_call(command, preferences)


def describe_runs(command: Command, preferences: Preferences) -> list[str]:
    """Return what earlier runs say about a command and how to delete them; nothing without runs that are used."""
    from pueue_skill.rules.evidence import is_slow, past_runs, same_runs
    from pueue_skill.rules.shapes import telling_shapes
    from pueue_skill.shell import quote
    from pueue_skill.shell.printable import duration
    from pueue_skill.startup.words import counted
    from pueue_skill.state import runs

    quick = is_measured_quick(command, preferences)
    found = same_runs(command, preferences) if quick else past_runs(command, preferences)
    if found is None:
        return []
    if not quick and is_slow(found, preferences):
        role = "long, so they decided"
    elif quick:
        role = "short, so they decided, not the words of the command"
    else:
        role = "the words of the command decided"
    known = telling_shapes((command,), preferences.folder, preferences.project)
    shapes = dict.fromkeys([runs.without_digest(shape) for shape in known if shape in preferences.durations])
    delete = "; ".join([f"pueue-skill history --forget {quote.word(shape)}" for shape in shapes])
    return [
        f"{counted(found.runs, 'earlier run')} with a median of {duration(found.p50)}: {role}. To delete them: {delete}"
    ]


def describe_command(command: Command, preferences: Preferences) -> str:
    """Return the words of a command, where it runs, its estimated cost, and the file and line that decided it."""
    from pueue_skill.rules.cost import weigh

    context = [f"on {'→'.join(command.hosts)}"] if command.hosts else []
    context += [f"in {loop.kind}" for loop in command.loops] + list(command.inside)
    context += [f"through {' '.join(command.wrappers)}"] if command.wrappers else []
    context += ["in the background"] if command.background else []
    context += [f"left to {command.detached.keeper} by {command.detached.how}"] if command.detached else []
    context += [f"after cd {command.cwd}"] if command.cwd else []
    weight = weigh(command, preferences)
    words = " ".join([word.value for word in command.words])
    cost = f"{weight.size}: {weight.why}" + (f" ({weight.source})" if weight.source else "")
    return f"{words}  [{', '.join([*context, cost])}]"
