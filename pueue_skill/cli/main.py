"""The command line: arguments in, an exit code out. Results go to stdout, messages to stderr.

COMMANDS is the registry of commands. A command's module is imported when the command runs. It defines `add_arguments(parser)` and
`main(options) -> int`, and `separated(arguments)` if argparse needs help to tell its own options from those of another program.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from pueue_skill import __version__
from pueue_skill.cli import console
from pueue_skill.cli.console import ExitCode, failed, guarded
from pueue_skill.cli.fast_argparse import argparse
from pueue_skill.cli.parsing import Parser, misplaced
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GROUPS = ("Jobs", "Batches", "Hosts", "Analysis", "Agents", "Other")


class CommandEntry(NamedTuple):
    """A command: its module in commands/, its group in the help (empty: hidden), its help in a line, examples (a line each), and more help."""

    module: str
    group: str
    help: str
    example: str
    more: str = ""


COMMANDS: dict[str, CommandEntry] = {
    "run": CommandEntry("run", "Jobs", "submit a command, wait for the job, print its output, return its exit code",
        "pueue-skill run python train.py --epochs 3\npueue-skill run --host bigblack --label train -- 'cd ~/project && make data'",
        "The first word that is not an option begins the command: one argument is shell text, several are words."),
    "ssh": CommandEntry("ssh", "Jobs", "run the remote command of an ssh call as a job on that host",
        "pueue-skill ssh bigblack 'cd ~/project && make data' | tee log",
        "The arguments are those of ssh. Options of this command are long and precede them."),
    "status": CommandEntry("status", "Jobs", "show the queues of all hosts in one table",
        "pueue-skill status\npueue-skill status --watch bigblack"),
    "top": CommandEntry("top", "Jobs", "show the queues of all hosts on a live screen, with logs and actions on keys", "pueue-skill top"),
    "log": CommandEntry("log", "Jobs", "print the output of jobs, byte for byte", "pueue-skill log bigblack:17\npueue-skill log -f train"),
    "wait": CommandEntry("wait", "Jobs", "wait for jobs to end; return the exit code of a single job, 1 if any of several failed",
        "pueue-skill wait bigblack:17 && echo done"),
    "kill": CommandEntry("actions", "Jobs", "kill running and paused jobs, or all jobs of a group",
        "pueue-skill kill bigblack:17\npueue-skill kill --host bigblack -l 'sweep-*'",
        "A group of pueue is paused when its jobs are killed, so that no queued job takes their place."),
    "restart": CommandEntry("actions", "Jobs", "run failed jobs again, in place",
        "pueue-skill restart bigblack:17\npueue-skill restart -g default --dry-run",
        "A job keeps its id and dependencies. A job whose dependency failed is only restarted together with that dependency."),
    "clean": CommandEntry("clean", "Jobs", "remove ended jobs and their output from the queue",
        "pueue-skill clean -g default --successful-only",
        "An ended job stays if a job that has not run depends on it."),
    "pause": CommandEntry("actions", "Jobs", "pause running jobs, stash queued jobs, or pause a group",
        "pueue-skill pause bigblack:17\npueue-skill pause --host bigblack -g default"),
    "start": CommandEntry("actions", "Jobs", "resume paused or stashed jobs, or a paused group",
        "pueue-skill start bigblack:17\npueue-skill start --host bigblack -g default"),
    "timeline": CommandEntry("timeline", "Jobs", "draw when jobs ran: a row for each slot, a bar for each job, failures marked",
        "pueue-skill timeline --day 2026-11-30 --host bigblack"),
    "batch": CommandEntry("batch.command", "Batches", "submit, watch and resume a batch of jobs from a manifest",
        "pueue-skill batch plan rangebar.toml\npueue-skill batch submit rangebar.toml"),
    "setup": CommandEntry("setup", "Hosts", "install pueue on a host with a daemon that survives reboots, or undo that",
        "pueue-skill setup bigblack --dry-run\npueue-skill setup bigblack"),
    "doctor": CommandEntry("doctor", "Hosts", "check hooks, database and queues, and print a fix for each problem",
        "pueue-skill doctor\npueue-skill doctor bigblack --fix"),
    "audit": CommandEntry("audit", "Hosts", "report on a host, read-only; review it before you change anything",
        "pueue-skill audit bigblack --diff"),
    "suggest": CommandEntry("suggest", "Analysis", "print the queue invocation that does the work of a command",
        "pueue-skill suggest python train.py\npueue-skill suggest --json \"ssh bigblack 'make data'\"",
        "Findings go to stderr. A command that needs no queue is printed unchanged. One argument is shell text, several are words."),
    "check": CommandEntry("check", "Analysis", "check scripts, Makefiles, workflows, mise tasks and justfiles against the rules",
        "pueue-skill check run.sh Makefile .github/workflows/nightly.yml"),
    "rules": CommandEntry("rules", "Analysis", "list all rules", "pueue-skill rules"),
    "rule": CommandEntry("rule", "Analysis", "explain a rule: what it does, why, and what to do instead", "pueue-skill rule PQ101"),
    "history": CommandEntry("history", "Analysis", "show how long commands took here, by shape",
        "pueue-skill history\npueue-skill history --forget 'python train.py'"),
    "install": CommandEntry("install", "Agents", "add the hooks to an agent's settings", "pueue-skill install codex --mode suggest"),
    "uninstall": CommandEntry("uninstall", "Agents", "remove the hooks from an agent's settings", "pueue-skill uninstall codex"),
    "watch": CommandEntry("watch", "Agents", "wait for the jobs of a session and report the outcome of each",
        "pueue-skill watch --session ID --events"),
    "notify": CommandEntry("notify", "Agents", "send pending notifications to the [[notify]] targets of the configuration",
        "pueue-skill notify --test"),
    "schema": CommandEntry("schema", "Other", "print the JSON Schema of a file or an output, or validate a document",
        "pueue-skill schema status\npueue-skill schema config --validate config.toml"),
    "completion": CommandEntry("completion", "Other", "print the completion script of a shell",
        'eval "$(pueue-skill completion bash)"\neval "$(pueue-skill completion zsh)"\npueue-skill completion fish | source',
        "Add the line of your shell to ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish."),
    "hook": CommandEntry("hook", "", "answer an agent's hook event on stdin; always exit 0", "pueue-skill hook PreToolUse <event.json"),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes a message that says what failed, where, and what to type next."""
    # The garbage collector takes a tenth of the time of a short command, and finds nothing.
    gc.set_threshold(100_000)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hook"]:  # exits 0 whatever its arguments are, and prepares its streams itself
        from pueue_skill.agents import hook

        return hook.main(arguments[1:])
    from pueue_skill.cli import streams

    streams.prepare()
    try:
        code = guarded(arguments, lambda: run(arguments))
    except SystemExit as end:  # raised by argparse, and by rich if the reader of stdout is gone
        code = end.code if isinstance(end.code, int) else ExitCode.DONE
    gc.freeze()  # the collection at exit takes as long
    error = streams.failure()
    if isinstance(error, BrokenPipeError):
        return ExitCode.NOT_READ
    if error and streams.failure_reported:
        return code or ExitCode.INTERNAL
    if error:
        return failed(code or ExitCode.INTERNAL, f"stdout cannot be written: {error.strerror}")
    return code


def run(arguments: list[str]) -> int:
    """Run the command that `arguments` call and return its exit code; without arguments, print the help."""
    if arguments in (["--version"], ["-V"]):
        return print_versions()
    if arguments[:1] == ["help"]:
        # Before the words of a command, which would run with --help as their last word.
        end = 3 if arguments[1:2] == ["batch"] else 2
        arguments = [*arguments[1:end], "--help", *arguments[end:]]
    refuse_option_before_command(arguments)
    # No option before the command takes a value.
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    if not arguments:
        parser(name).print_help()
        return ExitCode.DONE
    module: Any = module_of(name) if name in COMMANDS else None
    typed = module.separated(arguments) if hasattr(module, "separated") else arguments
    if module and typed[0] == name:
        # The parser of all commands takes longer: it formats its usage first.
        options = parser_of(name).parse_args(typed[1:], argparse.Namespace(name=name))
    else:
        options = parser(name).parse_args(typed)
    options.typed, options.parser = typed, parser
    console.quiet = getattr(options, "quiet", False)
    console.follows = name in ("run", "ssh", "wait") or (name == "log" and options.follow)
    code: int = module.main(options)
    return code


def refuse_option_before_command(arguments: list[str]) -> None:
    """Raise UsageError if an option with a value, whose value would be taken for the command, precedes the command.

    The parser itself reports the other options.
    """
    option = arguments[0].partition("=")[0] if arguments else ""
    name = next((argument for argument in arguments if argument in COMMANDS), "")
    if option.startswith("-") and option not in ("-h", "--help") and name and arguments[1] != name:
        from pueue_skill.shell import quote

        if option in parser_of(name).option_names():
            position = arguments.index(name)
            raise misplaced(
                option, quote.line(["pueue-skill", name, *arguments[:position], *arguments[position + 1 :]])
            )


def module_of(name: str) -> Any:
    """Import and return the module of the command `name`."""
    return import_module(f"pueue_skill.cli.commands.{COMMANDS[name].module}")


def parser_of(name: str) -> Parser:
    """Return the parser of the arguments after the command `name`."""
    command_parser = Parser(prog=f"pueue-skill {name}", **help_texts(name))
    module_of(name).add_arguments(command_parser)
    return command_parser


def help_texts(name: str) -> dict[str, Any]:
    """Return the texts before and after the arguments in the help of a command, as options of a parser."""
    command = COMMANDS[name]
    return {
        "description": f"{command.help[0].upper()}{command.help[1:]}.\n{command.more}".rstrip(),
        "epilog": "example:\n" + "\n".join([f"  {line}" for line in command.example.splitlines()]),
    }


def parser(only: str | None = None) -> Parser:
    """Return the parser of the command line, with the options of all commands, or only those of the command `only`.

    An unknown name in `only` gives the names of all commands without their options, which take longer to add than Python to start.
    """
    top = Parser(
        prog="pueue-skill",
        usage="pueue-skill [--version] COMMAND ...",
        description="Find shell commands that belong in a job queue, submit them, and return their output and exit code.",
        epilog="Options and an example of a command: pueue-skill COMMAND --help",
    )
    top.command_list = command_list()
    top.add_argument("-V", "--version", action=VersionAction, help="print the versions of pueue-skill and pueue")
    commands = top.add_subparsers(metavar="COMMAND", dest="name", prog="pueue-skill")
    for name in [only] if only in COMMANDS else COMMANDS:
        command = COMMANDS[name]
        # Completion only offers commands with a help.
        shown: dict[str, Any] = {"help": command.help} if command.group else {}
        command_parser = commands.add_parser(name, **shown, **help_texts(name))
        if only in (None, name):
            module_of(name).add_arguments(command_parser)
    return top


def command_list() -> str:
    """Return the commands by group, a line each, for the help."""
    lines = []
    for group in GROUPS:
        lines.append(f"{group}:")
        lines += [f"  {name:<11} {command.help}" for name, command in COMMANDS.items() if command.group == group]
        lines.append("")
    return "\n".join(lines)


class VersionAction(argparse.Action):
    """Prints the versions of pueue-skill and of the installed pueue."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(print_versions())


def print_versions() -> int:
    from pueue_skill.hosts import transport
    from pueue_skill.queues.registry import KINDS
    from pueue_skill.shell.model import Host

    local = Host("local")
    done = transport.run(local, KINDS[local.backend].versions_script(local), timeout=10)
    client, _, _ = done.text.strip().partition("\n")
    print(f"pueue-skill {__version__}\n{client or 'pueue: not found'}")
    return ExitCode.DONE
