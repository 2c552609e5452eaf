"""The command line: arguments in, exit code out. What can be pasted or read by a program goes to stdout, talk to stderr.

COMMANDS names the module of each command, which is imported when that command runs. Such a module has `add_arguments(parser)` and
`main(options) -> int`; one whose arguments argparse cannot part has `separated(arguments)` too, which does so. No module imports this one.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pueue_skill import __version__
from pueue_skill.cli.console import ExitCode, failed, guarded
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# argparse looks for a translation of each of its texts, at every start, in files that nobody has.
argparse._ = str  # type: ignore[attr-defined]


class Command(NamedTuple):
    """A command of the table: the module below cli/ that has it, the group that help shows it in, and what it does in a line."""

    module: str
    group: str
    help: str


COMMANDS: dict[str, Command] = {
    "suggest": Command("suggest", "Analysis", "what becomes of a command, and the invocation that queues it"),
    "check": Command("check", "Analysis", "what the rules say of scripts, Makefiles, workflows, mise tasks and justfiles"),
    "run": Command("run", "Jobs", "queue a command, wait for it, give its output and exit code"),
    "ssh": Command("ssh", "Jobs", "stand in for ssh: run its remote command as a job there, give its output and exit code"),
    "status": Command("status", "Jobs", "the queues of all hosts in one table"),
    "top": Command("top", "Jobs", "the queues of all hosts on a live screen, with the log of a job, and verbs on keys"),
    "log": Command("log", "Jobs", "a job's output, byte for byte"),
    "wait": Command("wait", "Jobs", "wait for jobs to end; gives the exit code of a single one, of several 1 if any failed"),
    "kill": Command("actions", "Jobs", "end jobs that run, or all of a group, which is paused by that"),
    "restart": Command("actions", "Jobs", "run failed jobs again in place, each with what it comes after"),
    "clean": Command("clean", "Jobs", "remove jobs that have ended, and their output, from the queue"),
    "pause": Command("actions", "Jobs", "stop jobs or a group for a while; a job that has not started is put aside"),
    "start": Command("actions", "Jobs", "go on with jobs or a group that were paused or put aside"),
    "watch": Command("watch", "Agents", "wait for the jobs of a session, and say how each has ended"),
    "notify": Command("notify", "Agents", "tell the people of the configuration's [[notify]] what is kept for them"),
    "batch": Command("batch", "Batches", "a batch of jobs in phases, from a manifest"),
    "timeline": Command("timeline", "Jobs", "when jobs ran, as a picture: a row a slot, a bar a job, failures marked"),
    "setup": Command("setup", "Hosts", "make a host's queue: pueue, its configuration, a daemon that comes back; or take it back"),
    "audit": Command("audit", "Hosts", "all that is to be known of a host before anything is changed there; only reads"),
    "history": Command("history", "Analysis", "how long commands took here, by their shape"),
    "install": Command("install", "Agents", "add the hooks to an agent's settings"),
    "uninstall": Command("uninstall", "Agents", "take the hooks out of an agent's settings"),
    "doctor": Command("doctor", "Hosts", "what keeps hooks, store and queues from working, and what to do about it"),
    "rules": Command("rules", "Analysis", "all rules, a line each"),
    "rule": Command("rule", "Analysis", "one rule: what it does, why, and what to do instead"),
    "schema": Command("schema", "Other", "the JSON Schema of a file or an output"),
    "hook": Command("hook", "Agents", "answer an agent's hook event on stdin; always exits 0"),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; every error becomes a line that says what, where, and what to type next."""
    # A tenth of a short command is the search for garbage among what it imports, where there is none.
    gc.set_threshold(100_000)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hook"]:  # which exits 0 whatever its arguments are, and prepares its streams itself
        from pueue_skill.agents import hook

        return hook.main(arguments[1:])
    from pueue_skill.cli import streams

    streams.prepare()
    try:
        code = run(arguments)
    except SystemExit as end:  # of argparse, and of rich where nobody reads what it prints
        code = end.code if isinstance(end.code, int) else ExitCode.DONE
    gc.freeze()  # nor is there any garbage for the search at the end, which takes as long
    error = streams.failure()
    if isinstance(error, BrokenPipeError):
        return ExitCode.NOT_READ
    if error and streams.told:
        return code or ExitCode.INTERNAL
    if error:
        return failed(code or ExitCode.INTERNAL, f"stdout cannot be written: {error.strerror}")
    return code


def run(arguments: list[str]) -> int:
    """The exit code of the command that `arguments` call."""
    if arguments == ["--version"]:
        return print_versions()
    # No option before the command takes a value.
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    module: Any = module_of(name) if name in COMMANDS else None
    typed = module.separated(arguments) if hasattr(module, "separated") else arguments
    if module and typed[0] == name:
        # Without the parser of all commands, which has to word its usage first.
        options = parser_of(name).parse_args(typed[1:], argparse.Namespace(name=name))
    else:
        options = parser(name).parse_args(typed)
    options.typed = typed
    return guarded(name, lambda: module.main(options))


def module_of(name: str) -> Any:
    """The module of the command called `name`, imported."""
    return import_module(f"pueue_skill.cli.{COMMANDS[name].module}")


class Formatter(argparse.HelpFormatter):
    """argparse's own, which makes one for each option, but without shutil, whose import takes as long as all options."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of what stands after the command `name`."""
    text = COMMANDS[name].help
    one = argparse.ArgumentParser(
        prog=f"pueue-skill {name}", description=f"{text[0].upper()}{text[1:]}.", formatter_class=Formatter
    )
    module_of(name).add_arguments(one)
    return one


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line, with the options of the command `only`; without it, with those of all commands.

    A name that is no command gives the names of all commands without their options, which take longer to make than Python to start.
    """
    top = argparse.ArgumentParser(
        prog="pueue-skill",
        description="Says which shell commands belong in a job queue, queues them there, and brings the result back.",
    )
    top.add_argument("--version", action=Version, help="the versions of pueue-skill and of pueue, and exit")
    commands = top.add_subparsers(metavar="COMMAND", required=True, dest="name")
    for name in [only] if only in COMMANDS else COMMANDS:
        text = COMMANDS[name].help
        one = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if only in (None, name):
            module_of(name).add_arguments(one)
    return top


class Version(argparse.Action):
    """--version: ours and that of the pueue that is found."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(print_versions())


def print_versions() -> int:
    from pueue_skill.hosts import transport
    from pueue_skill.queues.pueue.site import version_script
    from pueue_skill.shell.model import Host

    done = transport.run(Host("local"), version_script(Host("local")), timeout=10)
    print(f"pueue-skill {__version__}\n{done.text.strip() or 'pueue: not found'}")
    return ExitCode.DONE
