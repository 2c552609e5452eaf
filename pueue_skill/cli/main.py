"""The command line: arguments in, exit code out. What can be pasted or read by a program goes to stdout, talk to stderr."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pueue_skill import __version__
from pueue_skill.shell import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pueue_skill.agents.install import Change
    from pueue_skill.hosts.poll import Observation
    from pueue_skill.jobs.output import Event
    from pueue_skill.plan.analysis import Analysis
    from pueue_skill.plan.model import Job
    from pueue_skill.queues.model import Group, State
    from pueue_skill.shell.model import Host
    from pueue_skill.state.database import Submitted
    from pueue_skill.views.documents import HostReport, StatusReport

SCHEMAS = "acts audit batch batch-status check config doctor setup status suggestion".split()
"""The names of schemas.SCHEMAS, which takes long to import."""

DONE, FINDINGS, USAGE, INTERNAL, UNREACHABLE, GOES_ON, NOT_RUN, INTERRUPTED = 0, 1, 2, 3, 4, 75, 125, 130
SSH_FAILED = 255  # what ssh itself says when it cannot connect
GONE = "the working directory no longer exists. Try: cd to one that does"
TERMINATED = 143
NOT_READ = 141  # what a shell says of a program that SIGPIPE has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; every error becomes a line that says what, where, and what to type next."""
    # A tenth of a short command is the search for garbage among what it imports, where there is none.
    gc.set_threshold(100_000)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hook"]:
        from pueue_skill.agents import hook

        return hook.main(arguments[1:])
    from pueue_skill.cli import streams

    streams.prepare()
    try:
        code = outcome(arguments)
    except SystemExit as end:  # of argparse, and of rich where nobody reads what it prints
        code = end.code if isinstance(end.code, int) else DONE
    error = streams.failure()
    if isinstance(error, BrokenPipeError):
        return NOT_READ
    if error and streams.told:
        return code or INTERNAL
    if error:
        return failed(code or INTERNAL, f"stdout cannot be written: {error.strerror}")
    return code


def outcome(arguments: list[str]) -> int:
    """The exit code of a command that has been run; what it raised is said."""
    if arguments[:1] == ["ssh"]:
        arguments = apart(arguments)
    options = parser(arguments[0] if arguments else "").parse_args(arguments)
    options.typed = arguments
    from pueue_skill.cli import streams
    from pueue_skill.configuration.errors import ConfigError
    from pueue_skill.hosts.client import Unreachable
    from pueue_skill.jobs.submission import NotSubmitted
    from pueue_skill.state import paths

    try:
        code: int = options.function(options)
        return code
    except ConfigError as error:
        return failed(USAGE, str(error))
    except NotSubmitted as error:
        return failed(NOT_RUN, f"not queued: {error}")
    except Unreachable as error:
        return failed(NOT_RUN if options.name in ("run", "ssh", "wait") else UNREACHABLE, str(error))
    except LookupError as error:
        return failed(USAGE, str(error.args[0]))
    except KeyboardInterrupt:
        return failed(INTERRUPTED, "interrupted")
    except OSError as error:
        if streams.failure():
            return DONE  # main says it
        return failed(USAGE, GONE) if paths.working() is None else failed(INTERNAL, str(error))
    except store_error() as error:
        from pueue_skill.state import database

        return failed(INTERNAL, f"{database.path()}: {error}")


def store_error() -> type[Exception]:
    """What the store raises. Only asked for when something was raised: sqlite3 takes long to import."""
    import sqlite3

    return sqlite3.Error


def apart(arguments: list[str]) -> list[str]:
    """The arguments of `ssh` with `--` between its own options, which are long, and those of ssh."""
    at = 1
    while at < len(arguments) and arguments[at].startswith("--") and arguments[at] != "--":
        at += 2 if arguments[at] in ("--wait", "--group", "--label", "--key", "--stdin-limit") else 1
    if "-h" in arguments[1:2]:
        return arguments
    return [*arguments[:at], "--", *arguments[at:]]


def failed(code: int, message: str) -> int:
    print(f"pueue-skill: {message}", file=sys.stderr)
    return code


def say(message: str) -> None:
    print(f"pueue-skill: {message}", file=sys.stderr)


class Commands(argparse._SubParsersAction):  # type: ignore[type-arg]
    """The subcommands; with `only` that one. To make the options of all takes longer than to start Python."""

    only = ""

    def add_parser(self, name: str, **options: Any) -> Any:
        return super().add_parser(name, **options) if self.only in ("", name) else Unasked()


class Unasked:
    """A subcommand that was not asked for, whose options are not made."""

    def __getattr__(self, _: str) -> Callable[..., Unasked]:
        return lambda *_, **__: self


def parser(only: str = "") -> argparse.ArgumentParser:
    """The parser of the command line, with the subcommand `only` where there is one of that name, else with all."""
    top = argparse.ArgumentParser(
        prog="pueue-skill",
        description="Says which shell commands belong in a job queue, queues them there, and brings the result back.",
    )
    top.add_argument("--version", action=Version, help="the versions of pueue-skill and of pueue, and exit")
    commands = cast("Commands", top.add_subparsers(action=Commands, metavar="COMMAND", required=True, dest="name"))
    commands.only = only

    one = add(commands, "suggest", suggest, "what becomes of a command, and the invocation that queues it")
    one.add_argument("command", metavar="CMD", help="the shell command; - reads it from stdin")
    one.add_argument("--host", default="local", help="where local work is to be queued (default: this machine)")
    one.add_argument("--group", help="the group for its jobs (default: that of the host's configuration)")
    one.add_argument("--cwd", metavar="DIR", help="the folder that the job runs in (default: where it is submitted)")
    one.add_argument("--json", action="store_true", help="print the suggestion as JSON (pueue-skill schema suggestion)")
    one.add_argument("--explain", action="store_true", help="show every stage on stderr")
    one.add_argument("--exit-code", action="store_true", help="exit 1 when there are findings")

    one = add(commands, "check", check, "what the rules say of scripts, Makefiles, workflows, mise tasks and justfiles")
    one.add_argument("files", metavar="FILE", nargs="+", help="a file; its name says of which kind it is")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the findings as JSON (pueue-skill schema check)")
    how.add_argument("--sarif", action="store_true", help="print them as SARIF 2.1.0")

    one = add(commands, "run", run, "queue a command, wait for it, give its output and exit code")
    one.add_argument("--host", default="local", help="the host whose queue takes it (default: this machine)")
    one.add_argument(
        "--cwd", metavar="DIR", help="the folder that the job runs in (default: this one; on a host, its home)"
    )
    one.add_argument(
        "--after",
        metavar="JOB",
        action="append",
        default=[],
        help="a job of the same host that must succeed first: HOST:ID, a label or a key; may be repeated",
    )
    of_a_job(one)
    one.add_argument(
        "--split-output", action="store_true", help="keep standard error apart from the output, in a file of its own"
    )
    one.add_argument("--env", choices=("full", "minimal"), help="the variables that a job on this machine gets")
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--wait",
        metavar="S",
        type=seconds,
        help="wait at most S seconds, then exit 75 (default: run.wait of the configuration, 20)",
    )
    how.add_argument("--detach", action="store_true", help="only queue it and print HOST:ID")
    how.add_argument("--follow", action="store_true", help="wait however long it takes")
    or_detach(one)
    # As in a call of a subcommand, what follows the first word belongs to the command, options too.
    one.add_argument(
        "command",
        metavar="CMD",
        nargs=argparse.PARSER,
        help="one argument is shell text, several are words of a command; options of run stand before it",
    )

    one = add(
        commands, "ssh", ssh, "stand in for ssh: run its remote command as a job there, give its output and exit code"
    )
    of_a_job(one)
    one.add_argument(
        "--merge-output",
        dest="split_output",
        action="store_false",
        help="one log for both outputs, in their order (default: apart, as ssh has them)",
    )
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--wait", metavar="S", type=seconds, help="wait at most S seconds, then exit 75 (default: wait to its end)"
    )
    how.add_argument("--detach", action="store_true", help="only queue it and print HOST:ID")
    or_detach(one)
    one.add_argument(
        "command", metavar="ARG", nargs="*", help="options of ssh, the host, the remote command: as ssh takes them"
    )

    one = add(commands, "status", status, "the queues of all hosts in one table")
    one.add_argument("hosts", metavar="HOST", nargs="*", help="only these hosts")
    one.add_argument("--json", action="store_true", help="print them as JSON (pueue-skill schema status)")
    one.add_argument("--watch", action="store_true", help="go on, and show what has changed, until Ctrl-C")
    one.add_argument(
        "--every", metavar="S", type=seconds, default=2.0, help="seconds between two looks of --watch (default: 2)"
    )
    told_too(one, "with --watch: ")

    one = add(
        commands, "top", live, "the queues of all hosts on a live screen, with the log of a job, and verbs on keys"
    )
    one.add_argument("hosts", metavar="HOST", nargs="*", help="only these hosts")
    one.add_argument("--every", metavar="S", type=seconds, default=2.0, help="seconds between two looks (default: 2)")

    one = add(commands, "log", log, "a job's output, byte for byte")
    of_a_choice(one)
    one.add_argument("--follow", action="store_true", help="go on until the job ends, and give its exit code")
    one.add_argument("--json", action="store_true", help="print the job's state as JSON instead of its output")

    one = add(
        commands, "wait", wait, "wait for jobs to end; gives the exit code of a single one, of several 1 if any failed"
    )
    of_a_choice(one)

    add_verbs(commands)

    one = add(commands, "watch", watch, "wait for the jobs of a session, and say how each has ended")
    one.add_argument(
        "--events", action="store_true", help="go on for ever, a line a job, for a client that hands lines on"
    )
    one.add_argument("--session", metavar="ID", help="the session (default: the one that this runs in)")
    one.add_argument("--folder", metavar="DIR", help="the folder that the session works in (default: this one)")
    told_too(one)

    one = add(commands, "notify", notify, "tell the people of the configuration's [[notify]] what is kept for them")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--test", action="store_true", help="send a message to each target, and say which failed and why")
    how.add_argument(
        "--callback",
        metavar="ID",
        type=int,
        help="of a job of this machine that has ended: for daemon.callback in pueue.yml",
    )
    one.add_argument(
        "--result", metavar="WORD", default="unknown", help="with --callback: how it has ended, in pueue's word"
    )

    add_batch(commands)

    one = add(commands, "timeline", timeline, "when jobs ran, as a picture: a row a slot, a bar a job, failures marked")
    which = one.add_mutually_exclusive_group()
    which.add_argument("file", metavar="FILE", nargs="?", help="the manifest of a batch (default: the jobs of a day)")
    which.add_argument("--day", metavar="YYYY-MM-DD", type=day, help="the jobs of this day (default: today)")
    one.add_argument("--host", metavar="NAME", action="append", default=[], help="only this host; may be repeated")
    one.add_argument("--svg", metavar="FILE", help="write it as SVG, instead of onto the terminal")
    one.add_argument("--html", metavar="FILE", help="write it as a page of its own")
    one = add(
        commands,
        "setup",
        setup,
        "make a host's queue: pueue, its configuration, a daemon that comes back; or take it back",
    )
    one.add_argument("host", metavar="HOST", help="the host; local is this machine")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what would be done")
    one.add_argument("--upgrade", action="store_true", help="replace a pueue older than 4, whose queue is lost with it")
    how.add_argument("--remove", action="store_true", help="take back what was made there, and nothing else")
    one.add_argument("--json", action="store_true", help="print it as JSON (pueue-skill schema setup)")

    one = add(
        commands, "audit", audit, "all that is to be known of a host before anything is changed there; only reads"
    )
    one.add_argument("host", metavar="HOST", help="the host; local is this machine")
    one.add_argument("--diff", action="store_true", help="say what has changed since the last audit of it")
    one.add_argument("--json", action="store_true", help="print it as JSON (pueue-skill schema audit)")

    one = add(commands, "history", history, "how long commands took here, by their shape")
    one.add_argument("--json", action="store_true", help="print it as JSON")
    one.add_argument("--forget", metavar="SHAPE", help="forget the runs of one shape (all: forget everything)")

    one = add(commands, "install", install, "add the hooks to an agent's settings")
    of_settings(one)
    one.add_argument(
        "--mode",
        choices=("off", "remind", "suggest", "rewrite"),
        help="what is done before a long command runs (default: remind; hook.mode of the configuration overrules it)",
    )
    one = add(commands, "uninstall", uninstall, "take the hooks out of an agent's settings")
    of_settings(one)
    one = add(commands, "doctor", doctor, "what keeps hooks, store and queues from working, and what to do about it")
    one.add_argument(
        "hosts",
        metavar="HOST",
        nargs="*",
        help="only the queues of these hosts (default: this machine's hooks and all hosts)",
    )
    one.add_argument(
        "--fix",
        action="store_true",
        help="do what is safe and can be taken back: start a daemon, remove a dead control socket",
    )
    one.add_argument(
        "--start-groups", action="store_true", help="with --fix: start paused groups too in which nothing has failed"
    )
    one.add_argument("--json", action="store_true", help="print it as JSON (pueue-skill schema doctor)")

    one = add(commands, "rules", rules, "all rules, a line each")
    one = add(commands, "rule", rule, "one rule: what it does, why, and what to do instead")
    one.add_argument("id", metavar="ID", help="the rule's ID, e.g. PQ101")

    one = add(commands, "schema", schema, "the JSON Schema of a file or an output")
    one.add_argument(
        "schema",
        metavar="NAME",
        choices=SCHEMAS,
        help=f"{', '.join(SCHEMAS[:-1])} or {SCHEMAS[-1]}",
    )

    one = add(commands, "hook", None, "answer an agent's hook event on stdin; always exits 0")
    one.add_argument("event", metavar="EVENT", help="the event's name, e.g. PostToolUse")
    return top if commands.choices else parser()


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, function: object, text: str
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    one.set_defaults(function=function)
    return one


def add_batch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `batch`."""
    text = "a batch of jobs in phases, from a manifest"
    one = commands.add_parser("batch", help=text, description=f"{text[0].upper()}{text[1:]}.")
    one.set_defaults(function=batch)
    actions = one.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, what in {
        "check": "read the manifest, and say what is wrong with it",
        "plan": "the jobs, what comes after what, what it takes, and what is there already",
        "submit": "add what is missing; safe to repeat",
        "status": "how far it is, by phase and group",
        "watch": "the same, until all is done; exits 1 if anything failed",
        "resume": "start again, in place, what failed and may succeed",
        "log": "what a job has written",
        "cancel": "end and remove what has not ended",
    }.items():
        action = actions.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        action.add_argument("file", metavar="FILE", help="the manifest: TOML, YAML or JSON (pueue-skill schema batch)")
        if name == "log":
            action.add_argument("label", metavar="LABEL", help="the job")
            action.add_argument(
                "--bytes", metavar="N", type=int, default=1 << 20, help="the last N bytes (default: 1048576)"
            )
        if name in ("plan", "submit", "status", "watch"):
            action.add_argument("phase", metavar="PHASE", nargs="?", help="only this phase, and what it comes after")
        if name in ("plan", "status"):
            action.add_argument("--json", action="store_true", help="print it as JSON")
        if name == "plan":
            action.add_argument("--svg", metavar="FILE", help="draw what comes after what")
        if name == "submit":
            action.add_argument(
                "--replace", action="store_true", help="take jobs whose definition has changed anew, unless they run"
            )
        if name == "watch":
            action.add_argument("--events", action="store_true", help="a line for each change")
            told_too(action)
            action.add_argument(
                "--every", metavar="S", type=float, default=5.0, help="seconds between two looks (default: 5)"
            )
        if name == "resume":
            action.add_argument(
                "--because",
                choices=("killed", "internal-fix", "corrupt", "output-fix"),
                help="why: corrupt and output-fix begin anew, killed and internal-fix go on from checkpoints; without it only what was ended from outside",
            )
            action.add_argument("--dry-run", action="store_true", help="only say what would be done")


def told_too(one: argparse.ArgumentParser, when: str = "") -> None:
    one.add_argument(
        "--notify",
        action="store_true",
        help=f"{when}tell the people of the configuration's [[notify]] what has happened too",
    )


def of_a_choice(one: argparse.ArgumentParser) -> None:
    """Which jobs are meant."""
    one.add_argument(
        "jobs",
        metavar="JOB",
        nargs="*",
        help="HOST:ID, a label or a key (the newest such job; NAME~1 is the one before it)",
    )
    one.add_argument("--label", metavar="PATTERN", help="all jobs whose label is like this (*, ?, [a-z])")
    one.add_argument("--group", metavar="NAME", help="all jobs of this group")
    one.add_argument(
        "--host",
        metavar="NAME",
        action="append",
        default=[],
        help="only on this host; may be repeated (default: on all)",
    )


def add_verbs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verbs that act on jobs."""
    for name, what in {
        "kill": "end jobs that run, or all of a group, which is paused by that",
        "restart": "run failed jobs again in place, each with what it comes after",
        "clean": "remove jobs that have ended, and their output, from the queue",
        "pause": "stop jobs or a group for a while; a job that has not started is put aside",
        "start": "go on with jobs or a group that were paused or put aside",
    }.items():
        one = add(commands, name, verb, what)
        of_a_choice(one)
        if name == "clean":
            one.add_argument("--successful-only", action="store_true", help="keep those that failed")
        one.add_argument("--dry-run", action="store_true", help="only say what would be done")
        one.add_argument("--json", action="store_true", help="print what was done as JSON (pueue-skill schema acts)")


def verb(options: argparse.Namespace) -> int:
    from pueue_skill.cli import actions as cli_verbs

    return cli_verbs.main(options)


def timeline(options: argparse.Namespace) -> int:
    from pueue_skill.cli import timeline as cli_timeline

    return cli_timeline.main(options)


def batch(options: argparse.Namespace) -> int:
    from pueue_skill.cli import batch as cli_batch

    return cli_batch.main(options)


def notify(options: argparse.Namespace) -> int:
    from pueue_skill.cli import notify as cli_notify

    return cli_notify.main(options)


def setup(options: argparse.Namespace) -> int:
    from pueue_skill.cli import setup as cli_setup

    return cli_setup.main(options)


def of_settings(one: argparse.ArgumentParser) -> None:
    from pueue_skill.agents.event import AGENTS

    one.add_argument("agent", metavar="AGENT", choices=AGENTS, help=", ".join(AGENTS))
    one.add_argument("--scope", choices=("user", "project"), default="user", help="whose settings (default: user)")
    one.add_argument("--dry-run", action="store_true", help="show what would be changed, and change nothing")


def of_a_job(one: argparse.ArgumentParser) -> None:
    """What can be said of a job that is submitted."""
    one.add_argument("--group", help="the queue's group")
    one.add_argument("--label", help="a name for the job")
    one.add_argument("--key", help="what makes it the same job when it is submitted again (default: always a new job)")
    one.add_argument(
        "--stdin", action="store_true", help="give the job what comes on standard input, whole (default: nothing)"
    )
    one.add_argument(
        "--stdin-limit",
        metavar="SIZE",
        type=size,
        default=16 << 30,
        help="refuse standard input that is longer (default: 16G, at most 90 %% of the free space on the host)",
    )


def or_detach(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--or-detach",
        action="store_true",
        help="exit 0 and not 75 when the wait ends before the job does: nothing that follows depends on the job",
    )


def size(text: str) -> int:
    from pueue_skill.batches import items as batch_items

    return batch_items.size(text, "--stdin-limit")


def seconds(text: str) -> float:
    value = float(text)
    if value < 0:
        raise ValueError
    return value


def day(text: str) -> object:
    import datetime as dt

    return dt.date.fromisoformat(text)


class Version(argparse.Action):
    """--version: ours and that of the pueue that is found."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pueue_skill.hosts import transport
        from pueue_skill.queues.pueue.site import head
        from pueue_skill.shell.model import Host

        done = transport.run(Host("local"), head(Host("local")) + '"$pq_pueue" --version\n', timeout=10)
        print(f"pueue-skill {__version__}\n{done.text.strip() or 'pueue: not found'}")
        parser.exit()


def suggest(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import config
    from pueue_skill.plan.analysis import analyse
    from pueue_skill.rules import gate
    from pueue_skill.state import durations
    from pueue_skill.views import documents, tables

    text = options.command
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    settings = config.load()
    preferences = settings.preferences(durations.read())
    analysis = analyse(text, settings.by_name(), options.host, options.cwd, preferences, options.group)
    report = documents.suggestion(text, analysis.script, analysis.findings, analysis.plan)
    if options.explain:
        explain(text, gate.interesting(text), analysis)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        sys.stderr.write(tables.drawn(text, analysis.findings))
        verdict = analysis.plan.verdict
        if report["invocation"] is None:
            say(f"{'left alone' if verdict == 'leave' else 'no rewrite'}: {analysis.plan.reason}")
        elif one_job := analysis.plan.reason.partition("; it stays one job: ")[2]:
            say(f"it stays one job: {one_job}")
        # What is left alone comes back as it was, so that the output can stand for the command in any case.
        sys.stdout.buffer.write((report["invocation"] or text).encode("utf-8", "surrogateescape"))
        if not (report["invocation"] or text).endswith("\n") and options.command != "-":
            sys.stdout.buffer.write(b"\n")
    return FINDINGS if options.exit_code and analysis.findings else DONE


def check(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import config
    from pueue_skill.lint import check as checker

    settings = config.load()
    checked = checker.check(options.files, settings.by_name(), settings.preferences({}))
    report = checker.report(checked)
    if options.json or options.sarif:
        print(json.dumps(checker.sarif(report) if options.sarif else report, indent=2))
    else:
        text = "".join([checker.drawn(one) for one in checked])
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    for one in checked:
        for line in checker.told(one):
            say(line)
    if report["errors"]:
        return USAGE
    return FINDINGS if report["findings"] else DONE


def explain(text: str, interesting: bool, analysis: Analysis) -> None:
    """Every stage of the pipe, on stderr."""
    from pueue_skill.rules.cost import weigh
    from pueue_skill.shell.syntax import Script

    out = [f"gate      {'a rule may match' if interesting else 'no rule can match'}"]
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


def run(options: argparse.Namespace) -> int:
    from pueue_skill.cli import caller
    from pueue_skill.configuration import settings
    from pueue_skill.configuration.environment import job_environment
    from pueue_skill.jobs import submission
    from pueue_skill.plan.planner import plan_for_run
    from pueue_skill.shell import quote
    from pueue_skill.shell.model import LOCAL
    from pueue_skill.shell.parse import parse
    from pueue_skill.state import paths

    known = settings.whole(paths.working() or "/")
    words = options.command[1:] if options.command[0] == "--" else options.command  # Python 3.13 removes it itself
    if options.typed[-len(words) - 1] != "--" and (misplaced := of_run(words)):
        return failed(USAGE, misplaced)
    text = words[0] if len(words) == 1 else quote.line(words)
    cwd = options.cwd
    if options.host == LOCAL:
        try:
            cwd = cwd if cwd and cwd.startswith("/") else str(Path(here(), cwd or ""))
        except FileNotFoundError:
            return failed(NOT_RUN, f"not queued: {GONE}, or name one: pueue-skill run --cwd DIR -- CMD")
        if not Path(cwd).is_dir():
            return failed(NOT_RUN, f"not queued: there is no folder {cwd}")
    plan = plan_for_run(text, parse(text), known.hosts, options.host, cwd)
    host, job = plan.hosts[0], plan.jobs[0]
    job = job._replace(after=submission.dependencies(options.after, host, known.hosts))
    env = None
    if not host.ssh:
        wanted = known.environment._replace(mode=options.env or known.environment.mode)
        env, left_out = storable(job_environment(wanted, os.environ))
        for name in left_out:
            say(f"the variable {name} is not handed on: it is not UTF-8, and pueue takes nothing else")
        job = job._replace(umask=caller.umask(), nice=os.getpriority(os.PRIO_PROCESS, 0))
        if env.get("SHLVL", "0") == "0":  # bash would take itself for a child of sshd, and read its start-up files
            env["SHLVL"] = "1"
    limit = None if options.follow else known.wait if options.wait is None else options.wait
    return submitted(options, job, host, limit, env, Path(cwd) if cwd and not host.ssh else None)


def of_run(words: list[str]) -> str:
    """Why `words`, before which there is no `--`, seem to hold options of run; empty when they do not."""
    from pueue_skill.jobs import select

    if select.is_id(words[0].rpartition(":")[2]) and "--" in words:
        return f"--after takes one job: repeat it, as in --after {words[0]}; or put -- before the command"
    if len(words) > 1 and words[1].startswith("--") and any(char in words[0] for char in " ;|&<>"):
        return f"{words[1]} stands after the command: put options of run before it; or put -- before the command"
    return ""


def here() -> str:
    """The folder of this process, by the name that the shell has for it: what POSIX says of `pwd -L`."""
    name = os.environ.get("PWD", "")
    try:
        if name.startswith("/") and Path(name).samefile("."):
            return name
    except OSError:
        pass
    return str(Path.cwd())


def ssh(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import settings
    from pueue_skill.hosts import client, transport
    from pueue_skill.plan.model import Job
    from pueue_skill.shell import quote, ssh_target
    from pueue_skill.shell.login import LOGIN
    from pueue_skill.shell.ssh_arguments import read_ssh
    from pueue_skill.shell.syntax import Word
    from pueue_skill.state import paths

    words = tuple([Word(quote.word(value), value, True, 0, 0) for value in ["ssh", *options.command]])
    call = read_ssh(words)
    if call is None:
        return failed(USAGE, "ssh is given no host. Type: pueue-skill ssh [options of ssh] HOST COMMAND")
    try:
        host, command = ssh_target.destination(call, settings.whole(paths.working() or "/").hosts)
    except ssh_target.Refusal as refusal:
        return failed(USAGE, f"{refusal}: that is for ssh itself. Type: {quote.line(['ssh', *options.command])}")
    away = ssh_target.configured_away(transport.configuration(host))
    if away:
        say(f"not queued, but run by ssh itself: the configuration for {host.name} says {away}")
        transport.ssh(options.command, options.stdin)
    if command is None and not options.stdin:
        return failed(USAGE, f"{host.name} is given no command: add one, or --stdin for a script on standard input")
    job = Job("", host.name, host.backend, host.group or None, None, None, command or "", shell="login")
    if command is None:
        job = job._replace(command=f"exec {LOGIN} -l", shell="nested")
    try:
        return submitted(options, job, host, options.wait)
    except client.NoConnection as error:
        return failed(SSH_FAILED, str(error))


def submitted(
    options: argparse.Namespace,
    job: Job,
    host: Host,
    limit: float | None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Submits `job` and follows it for at most `limit` seconds.

    Returns the job's exit code, or GOES_ON when the time ran out first (0 with --detach or --or-detach). Raises Unreachable.
    """
    from pueue_skill.cli import caller, streams
    from pueue_skill.hosts import client
    from pueue_skill.jobs import submission

    job = job._replace(
        key=options.key or os.urandom(6).hex(),
        group=options.group or job.group,
        label=options.label or job.label,
        stdin=options.stdin,
        split_output=options.split_output,
    )
    if options.key:
        not_elsewhere(options.key, host)
    entry = noted(job, host, cwd)
    term = caller.OnTerm()
    if options.stdin and sys.stdin and sys.stdin.isatty():
        say("reading the terminal for the job's standard input, until Ctrl-D")
    given = caller.standard_input(options.stdin_limit, term) if options.stdin else None
    try:
        queued = submission.submit(job, host, env, cwd, given, say)
    except caller.Terminated:
        forget_about(entry)
        return failed(TERMINATED, "not queued: terminated while standard input was on its way")
    except ValueError as error:
        forget_about(entry)
        return failed(NOT_RUN, f"not queued: {error}")
    except submission.NotSubmitted:
        forget_about(entry)
        raise
    except KeyboardInterrupt:
        return failed(
            INTERRUPTED,
            f"interrupted before the queue had answered. Try: pueue-skill status, to see whether {job.key} is there",
        )
    state = queued.state
    if options.key:
        from pueue_skill.state import database

        remembered(lambda: database.key_given(options.key, host))
    if entry:
        from pueue_skill.shell.secrets import masked
        from pueue_skill.state import database

        label = masked(state.label or "")
        queued_as = entry._replace(id=state.id, created=state.created, label=label, group=state.group)
        remembered(lambda: database.submitted(queued_as))
    name = f"{host.name}:{state.id}"
    if not queued.new:
        say(f"already queued as {name}, which {submission.standing(state)}")
    if queued.group and state.status != "done":
        say_of_group(queued.group, name, host)
    if options.detach:
        return announced(name)
    if streams.closed:
        say(f"stdout is closed: the output of {name} is in the queue, see pueue-skill log {name}")
    last = state
    started = time.monotonic()
    try:
        term.release()
        for now in followed(state, host, name):
            last = now or last
            if last.status != "done" and limit is not None and time.monotonic() - started >= limit:
                break
    except caller.Terminated:
        return taken_back(entry, last, host, queued.new)
    except KeyboardInterrupt:
        return failed(INTERRUPTED, f"{name} goes on without you; follow it with: pueue-skill log --follow {name}")
    except BrokenPipeError:
        if options.function is ssh:  # which says nothing of it either
            return NOT_READ
        return failed(NOT_READ, f"nobody reads the output of {name}; see pueue-skill log --follow {name}")
    except client.Unreachable as error:
        return failed(
            NOT_RUN, f"what became of {name} is not known: {error}\nAsk again with: pueue-skill log --follow {name}"
        )
    if last.status != "done":
        say(f"{name} is {last.status} and goes on; follow it with: pueue-skill log --follow {name}")
        return DONE if options.or_detach else GOES_ON
    code = ended(name, last, host)
    # Only where the code could be ours; `ssh` says no more than ssh does.
    ambiguous = (code == GOES_ON and limit is not None) or (code == NOT_RUN and options.function is run)
    if ambiguous and last.result == "failed":
        say(f"{name} has ended: {code} is its own exit code")
    return code


def taken_back(entry: Submitted | None, state: State, host: Host, new: bool) -> int:
    """The exit code after SIGTERM. Takes the job out of the queue unless it has started; only a `new` one: another caller may want it."""
    from pueue_skill.hosts import client
    from pueue_skill.jobs import actions as job_actions
    from pueue_skill.state import database

    name = f"{host.name}:{state.id}"
    try:
        if new and state.status in ("queued", "stashed") and job_actions.withdrawn(host, state):
            if entry:
                remembered(lambda: database.withdrawn(host.name, state))
            return failed(TERMINATED, f"terminated: {name} had not started, and is taken out of the queue")
    except client.Unreachable as error:
        say(str(error))
    return failed(TERMINATED, f"terminated: {name} goes on; follow it with: pueue-skill log --follow {name}")


def say_of_group(group: Group, name: str, host: Host) -> None:
    """Says that a job waits for its group to be started, if it does."""
    from pueue_skill.queues.actions import start_of

    if group.status != "running":
        say(
            f"group {printable.line(group.name)} of {host.name} is {group.status}: {name} waits until it is started: pueue-skill {start_of(host.name, group.name)}"
        )


def announced(name: str) -> int:
    """Prints the name of a job that was queued; says it where stdout does not take it."""
    from pueue_skill.cli import streams

    print(name)
    if streams.closed or streams.failure():
        say(f"{name} is queued, and stdout did not take its name")
    return DONE


def not_elsewhere(key: str, host: Host) -> None:
    """Raises NotSubmitted when the last job that was submitted from here under `key` is on another host."""
    import sqlite3

    from pueue_skill.hosts import client
    from pueue_skill.jobs import select, submission
    from pueue_skill.state import database

    try:
        other = database.host_of_key(key)
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; whether {key} is the key of a job on another host is not known")
        return
    if other is None or other.name == host.name:
        return
    try:
        there = select.labelled(key, {other.name: client.queue_of(other)})
    except client.Unreachable as error:
        raise submission.NotSubmitted(
            f"the key {key} was given to a job on {other.name}, which does not say whether it is there: {error}\nTry: another --key"
        ) from None
    found = next((state for _, state in there if state.key == key), None)
    if found:
        name = f"{other.name}:{found.id}"
        raise submission.NotSubmitted(submission.taken(key, name, found, [f"is on {other.name}, not {host.name}"]))


def noted(job: Job, host: Host, cwd: Path | None) -> Submitted | None:
    """The store's entry for a job that an agent is about to submit, made; None for people.

    Where the client does not say of which session a command is, the job is its project's.
    """
    from pueue_skill.agents import event as agents

    session = agents.session_of(os.environ)
    if not agents.in_a_client(os.environ):
        return None
    from pueue_skill.jobs import news
    from pueue_skill.shell.secrets import masked
    from pueue_skill.state import database, paths

    project = news.project_of(str(cwd or paths.working() or "/"))
    entry = database.Submitted(
        host.name, job.key, host.ssh, host.pueue, host.backend, session, project, masked(job.command), time.time()
    )
    made: list[Submitted] = []
    return made[0] if remembered(lambda: made.append(database.submitting(entry))) else None


def forget_about(entry: Submitted | None) -> None:
    from pueue_skill.state import database

    if entry:
        remembered(lambda: database.not_submitted(entry.number))


def remembered(write: Callable[[], None]) -> bool:
    """Writes to the store. A store that cannot be written keeps no job from being queued, but its end may go unreported."""
    import sqlite3

    from pueue_skill.state import database

    try:
        write()
    except (sqlite3.Error, OSError) as error:
        say(f"{database.path()}: {error}; the session will not be told of the job's end")
        return False
    return True


def followed(state: State, host: Host, name: str = "") -> Iterator[State | None]:
    """Follows a job: its output goes to stdout, and to stderr what is kept apart; its states come back, and None now and
    then while there is nothing.

    With a `name` for the job, a stdout that cannot be written is said, and the job is followed all the same: its end is of more
    interest than its output, which is in the queue. Raises OSError without one, and BrokenPipeError when nobody reads.
    """
    from pueue_skill.cli import streams
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import State

    for event in events(state, host):
        if isinstance(event, output.Output):
            out = sys.stderr if event.error else sys.stdout
            try:
                out.buffer.write(event.data)
                out.buffer.flush()
            except OSError as error:
                if not name or isinstance(error, BrokenPipeError):
                    raise
                say(f"stdout cannot be written: {error.strerror}; the output of {name}: pueue-skill log {name}")
                streams.told = True
        yield event if isinstance(event, State) else None


def events(state: State, host: Host) -> Iterator[Event]:
    """What happens to a job until its end. A connection or a daemon that was gone meanwhile is said, and a group that came back paused,
    as pueue's do."""
    from pueue_skill.hosts import client
    from pueue_skill.jobs import output
    from pueue_skill.queues.model import State

    lost = False
    for event in output.follow(state, host):
        if isinstance(event, output.Lost):
            say(f"{event.reason}; trying again")
            lost = True
        elif isinstance(event, State) and lost:
            lost = False
            with suppress(client.Unreachable):
                for group in client.queue_of(host).groups if event.status == "queued" else ():
                    if group.name == event.group:
                        say_of_group(group, f"{host.name}:{event.id}", host)
        yield event


def ended(name: str, state: State, host: Host) -> int:
    """The exit code for a job that is done, with a word where it is not the job's own."""
    from pueue_skill.agents import event as agents
    from pueue_skill.queues import outcome
    from pueue_skill.state import paths

    if state.key and Path(paths.store()).exists():
        from pueue_skill.state import database

        remembered(lambda: database.looked(host.name, state, agents.session_of(os.environ)))

    why = {
        "killed": f"was ended from outside: {printable.line(state.detail)}"
        if state.detail
        else "was killed in the queue, or its daemon ended",
        "dependency": "did not run: its dependency failed",
        "spawn": f"could not be started: {printable.line(state.detail)}",
        "unknown": "ended, and the queue does not know how",
    }.get(state.result or "")
    if why:
        say(f"{name} {why}")
    return outcome.exit_code(state)


def storable(env: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """`env` without what is not UTF-8 (pueue 4.0.4 panics on it), and the names of that."""
    kept, left_out = {}, []
    for name, value in env.items():
        try:
            (name + value).encode("utf-8")
            kept[name] = value
        except UnicodeEncodeError:
            left_out.append(name.encode("utf-8", "replace").decode())
    return kept, left_out


def status(options: argparse.Namespace) -> int:
    import datetime as dt

    from pueue_skill.cli import streams
    from pueue_skill.hosts import poll
    from pueue_skill.views import documents, tables

    asked = chosen_hosts(options)
    if options.watch:
        return watch_status(asked, options)
    report = documents.status(poll.queues(asked, spare=not options.hosts), dt.datetime.now(dt.UTC))
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False, file=streams.drawing())
        console.print(tables.status_jobs(report, dt.datetime.now(dt.UTC), console.width), tables.status_hosts(report))
    return DONE if all(host["reachable"] for host in report["hosts"]) else UNREACHABLE


def chosen_hosts(options: argparse.Namespace) -> list[Host]:
    """The hosts that were named, or all. Raises LookupError."""
    from pueue_skill.configuration import config
    from pueue_skill.shell.ssh_target import configured

    return configured(options.hosts, config.load().by_name())


def live(options: argparse.Namespace) -> int:
    hosts = chosen_hosts(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return failed(USAGE, "top needs a terminal. Without one: pueue-skill status --watch")
    from pueue_skill.hosts import transport
    from pueue_skill.views import top as screen

    try:
        screen.main(hosts, options.every)
    finally:
        transport.stop_all()
    return DONE


def watch_status(hosts: Sequence[Host], options: argparse.Namespace) -> int:
    """Shows the queues for ever: on a terminal in place, else anew whenever something has changed. With --json a report a line."""
    import datetime as dt

    from rich.console import Console, Group
    from rich.live import Live

    from pueue_skill.cli import notify as cli_notify
    from pueue_skill.cli import streams
    from pueue_skill.hosts import transport
    from pueue_skill.views import tables

    heard = cli_notify.queue_watcher() if options.notify else lambda look: None

    def drawn(report: StatusReport) -> RenderableType:
        jobs = tables.status_jobs(report, dt.datetime.now(dt.UTC), console.width)
        return Group(tables.status_hosts(report), jobs)  # what matters most first: a screen may be too short

    console = Console(highlight=False, file=streams.drawing())
    shown: list[HostReport] = []
    try:
        if console.is_terminal and not options.json:
            with Live(console=console, auto_refresh=False) as live:
                for report, _ in looks(hosts, options.every, heard):
                    live.update(drawn(report), refresh=True)
        for report, whole in looks(hosts, options.every, heard):
            told: list[HostReport] = [
                {**host, "load": ""} for host in report["hosts"]
            ]  # a load is never the same twice
            if whole and told != shown:
                shown = told
                print(json.dumps(report), flush=True) if options.json else console.print(drawn(report), "")
                sys.stdout.flush()
    finally:
        transport.stop_all()
    return DONE


def looks(
    hosts: Sequence[Host], every: float, heard: Callable[[Observation | None], None]
) -> Iterator[tuple[StatusReport, bool]]:
    """What the queues tell, whenever one has answered and once a second; and whether all have answered once. `heard` is told of each."""
    import datetime as dt

    from pueue_skill.hosts import poll
    from pueue_skill.views import documents

    known = {host.name: documents.host_report(host, Exception("asked …"), dt.datetime.now(dt.UTC)) for host in hosts}
    silent = set(known)
    for look in poll.watched(hosts, every):
        heard(look)
        if look:
            known[look.host.name] = documents.host_report(look.host, look.answer, dt.datetime.now(dt.UTC))
            silent.discard(look.host.name)
        yield {"version": documents.VERSION, "hosts": list(known.values())}, not silent


def log(options: argparse.Namespace) -> int:
    from pueue_skill.cli import actions as cli_verbs
    from pueue_skill.queues import actions as acts
    from pueue_skill.views import documents

    chosen = cli_verbs.jobs(options)
    if options.follow and len(chosen) > 1:
        return failed(USAGE, f"one job can be followed, and {len(chosen)} are chosen: {cli_verbs.names(chosen)}")
    for host, state in chosen:
        if options.json:
            print(json.dumps(documents.state_report(host, state), indent=2))
            continue
        if len(chosen) > 1:
            say(f"==> {acts.named(host.name, state)}")
        last = state
        for now in followed(state, host):
            last = now or last
            if now and not options.follow:
                break
        if last.status == "done":
            code = ended(f"{host.name}:{last.id}", last, host)
            if options.follow:
                return code
    return DONE


def wait(options: argparse.Namespace) -> int:
    from pueue_skill.cli import actions as cli_verbs
    from pueue_skill.queues.model import State

    chosen = cli_verbs.jobs(options)
    if len(chosen) > 1:
        return cli_verbs.wait(chosen)
    ((host, state),) = chosen
    for event in events(state, host):
        if isinstance(event, State):
            state = event
    return ended(f"{host.name}:{state.id}", state, host)


def watch(options: argparse.Namespace) -> int:
    from pueue_skill.agents import event as agents
    from pueue_skill.cli import notify as cli_notify
    from pueue_skill.configuration import config
    from pueue_skill.jobs import news
    from pueue_skill.notify import compose
    from pueue_skill.state import database, paths

    session = options.session or agents.session_of(os.environ)
    project = news.project_of(options.folder or paths.working() or "/")
    if not session:
        return failed(USAGE, "this runs in no session: give one with --session ID. All queues: pueue-skill status")
    tell = cli_notify.teller() if options.notify else lambda found: None
    code = DONE
    for jobs in news.watch(config.load().by_name(), session, project):
        if options.events:
            print("\n".join([news.line(job) for job in jobs]), flush=True)
        else:
            print(news.notice(jobs), end="", flush=True)
        database.confirm(session, jobs)
        tell([notice for job in jobs for notice in compose.of_submitted(job)])
        if any(job.state != "success" for job in jobs):
            code = FINDINGS
    return code


def install(options: argparse.Namespace) -> int:
    from pueue_skill.agents import install as installer

    of = installer.module(options.agent)
    try:
        changes = installer.install(options.agent, options.scope, options.mode, settings_folder(options.scope))
        code = applied(changes, options.dry_run)
    except installer.CannotInstall as error:
        return failed(USAGE, str(error))
    if options.mode == "rewrite" and "rewrite" not in of.CAN:
        say(
            f"{options.agent} cannot have commands rewritten safely; it is {'denied' if 'deny' in of.CAN else 'told'} instead"
        )
    if hasattr(of, "TRUST"):
        say(of.TRUST)
    return code


def uninstall(options: argparse.Namespace) -> int:
    from pueue_skill.agents import install as installer

    try:
        return applied(
            installer.uninstall(options.agent, options.scope, settings_folder(options.scope)), options.dry_run
        )
    except installer.CannotInstall as error:
        return failed(USAGE, str(error))


def settings_folder(scope: str) -> Path:
    """The folder whose settings are meant, which for those of the user need not exist. Raises FileNotFoundError."""
    from pueue_skill.state import paths

    return Path.cwd() if scope == "project" else Path(paths.working() or "/")


def applied(changes: list[Change], dry: bool) -> int:
    """Makes the changes, or shows them."""
    from pueue_skill.agents import install as installer

    for change in changes:
        if dry:
            sys.stdout.write(change.diff())
            continue
        try:
            backup = installer.apply(change)
        except OSError as error:
            return failed(INTERNAL, f"{change.file} cannot be written: {error}; it is as it was")
        say(
            f"{'wrote' if change.new is not None else 'removed'} {change.file}"
            + (f" (before: {backup})" if backup else "")
        )
    if not changes:
        say("nothing to change")
    return DONE


def doctor(options: argparse.Namespace) -> int:
    from pueue_skill.agents import doctor as checkup
    from pueue_skill.configuration import config
    from pueue_skill.configuration.errors import ConfigError
    from pueue_skill.shell.ssh_target import host_named
    from pueue_skill.views import tables

    try:
        known = config.load().by_name()
    except ConfigError:
        known = config.usable().by_name()  # one of the checks reports the mistakes
    hosts = [host_named(name, known) for name in options.hosts] if options.hosts else list(known.values())
    look = checkup.of_hosts if options.hosts else checkup.checks
    found = list(look(hosts))
    if options.fix:
        safe = ("safe", "asked") if options.start_groups else ("safe",)
        wrong = [check for check in found if check.mend in safe]
        for check in wrong:
            say(f"{check.name}: {tables.plain(check.what)}; runs: {tables.plain(check.fix)}")
            complaint = checkup.mend(check)
            if complaint:
                say(f"{check.name}: {tables.plain(complaint)}")
        for pause in (0.0, 0.5, 1.0, 2.0) if wrong else ():  # a daemon that was started does not answer at once
            time.sleep(pause)
            found = list(look(hosts))
            left = {(check.name, check.fix) for check in found}
            if not any((check.name, check.fix) in left for check in wrong):
                break
        for check in wrong:
            say(f"{check.name}: {'not mended' if (check.name, check.fix) in left else 'mended'}")
    if options.json:
        print(json.dumps({"version": 1, "checks": [check._asdict() for check in found]}, indent=2))
    else:
        for check in found:
            print(
                f"{check.result:<8} {check.name}: {tables.plain(check.what)}"
                + (f"\n         → {tables.plain(check.fix)}" if check.fix else "")
            )
    return FINDINGS if any(check.result == "failure" for check in found) else DONE


def audit(options: argparse.Namespace) -> int:
    from pueue_skill.cli import audit as cli_audit

    return cli_audit.main(options)


def history(options: argparse.Namespace) -> int:
    import sqlite3

    from pueue_skill.shell.printable import duration
    from pueue_skill.state import database

    if options.forget:
        try:
            count = database.forget(None if options.forget == "all" else options.forget)
        except (sqlite3.Error, OSError) as error:
            return failed(INTERNAL, f"{database.path()}: {error}. Remove the file to start anew")
        say(f"forgot {count} runs")
        return DONE if count else FINDINGS
    remembered = database.history()
    if options.json:
        print(json.dumps({"version": 1, "shapes": {shape: list(runs) for shape, runs in remembered.items()}}, indent=2))
        return DONE
    for shape, runs in sorted(remembered.items(), key=lambda item: -max(item[1])):
        print(f"{', '.join([duration(run) for run in runs[-3:]]):<20} {shape}")
    if not remembered:
        say("no run is remembered: the hooks record them (pueue-skill doctor)")
    return DONE


def rules(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import RULES

    for one in RULES:
        print(f"{one.id}  {one.name:<24} {one.confidence:<7} {'rewrite' if one.rewrite else 'advice ':<8} {one.what}")
    return DONE


def rule(options: argparse.Namespace) -> int:
    from pueue_skill.rules.registry import BY_ID

    one = BY_ID.get(options.id.upper())
    if one is None:
        return failed(USAGE, f"there is no rule {options.id}. See: pueue-skill rules")
    print(one.page())
    return DONE


def schema(options: argparse.Namespace) -> int:
    from pueue_skill.cli.schemas import SCHEMAS

    print(json.dumps(SCHEMAS[options.schema](), indent=2))
    return DONE
