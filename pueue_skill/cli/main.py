"""The command line: arguments in, exit code out. What can be pasted or read by a program goes to stdout, messages to stderr.

COMMANDS names the module below commands/ of each command, which is imported when that command runs. Such a module has `add_arguments(parser)` and
`main(options) -> int`; one whose arguments argparse cannot part has `separated(arguments)` too, which does so. No module imports this one.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from pueue_skill import __version__
from pueue_skill.cli.console import ExitCode, failed, guarded
from pueue_skill.cli.fast_argparse import argparse
from pueue_skill.cli.parsing import Parser
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GROUPS = ("Jobs", "Batches", "Hosts", "Analysis", "Agents", "Other")


class Command(NamedTuple):
    """A command: the module below commands/ that has it, the group that help shows it in (none: hidden), what it does in a line and in more
    sentences, and an example, a line each."""

    module: str
    group: str
    help: str
    example: str
    more: str = ""


COMMANDS: dict[str, Command] = {
    "run": Command("run", "Jobs", "submit a command, wait for the job, print its output, return its exit code",
        "pueue-skill run python train.py --epochs 3\npueue-skill run --host bigblack --label train -- 'cd ~/project && make data'",
        "Everything from the first word that is no option on is the command: one argument is shell text, several are words."),
    "ssh": Command("ssh", "Jobs", "run the remote command of an ssh call as a job on that host",
        "pueue-skill ssh bigblack 'cd ~/project && make data' | tee log",
        "The arguments are those of ssh. Options of this command are long and stand before them."),
    "status": Command("status", "Jobs", "show the queues of all hosts in one table",
        "pueue-skill status\npueue-skill status --watch bigblack"),
    "top": Command("top", "Jobs", "show the queues of all hosts on a live screen, with logs and actions on keys", "pueue-skill top"),
    "log": Command("log", "Jobs", "print the output of jobs, byte for byte", "pueue-skill log bigblack:17\npueue-skill log -f train"),
    "wait": Command("wait", "Jobs", "wait for jobs to end; return the exit code of a single job, 1 if any of several failed",
        "pueue-skill wait bigblack:17 && echo done"),
    "kill": Command("actions", "Jobs", "kill running and paused jobs, or all jobs of a group",
        "pueue-skill kill bigblack:17\npueue-skill kill --host bigblack -l 'sweep-*'",
        "A group of pueue is paused when its jobs are killed, so that no queued job takes their place."),
    "restart": Command("actions", "Jobs", "run failed jobs again, in place",
        "pueue-skill restart bigblack:17\npueue-skill restart -g default --dry-run",
        "A job keeps its id and dependencies. A job whose dependency failed is only restarted together with that dependency."),
    "clean": Command("clean", "Jobs", "remove ended jobs and their output from the queue",
        "pueue-skill clean -g default --successful-only",
        "An ended job stays if a job that has not run depends on it."),
    "pause": Command("actions", "Jobs", "pause running jobs, stash queued jobs, or pause a group",
        "pueue-skill pause bigblack:17\npueue-skill pause --host bigblack -g default"),
    "start": Command("actions", "Jobs", "resume paused or stashed jobs, or a paused group",
        "pueue-skill start bigblack:17\npueue-skill start --host bigblack -g default"),
    "timeline": Command("timeline", "Jobs", "draw when jobs ran: a row a slot, a bar a job, failures marked",
        "pueue-skill timeline --day 2026-11-30 --host bigblack"),
    "batch": Command("batch", "Batches", "submit, watch and resume a batch of jobs from a manifest",
        "pueue-skill batch plan rangebar.toml\npueue-skill batch submit rangebar.toml"),
    "setup": Command("setup", "Hosts", "install pueue on a host with a daemon that survives reboots, or undo that",
        "pueue-skill setup bigblack --dry-run\npueue-skill setup bigblack"),
    "doctor": Command("doctor", "Hosts", "check hooks, database and queues, and print a fix for each problem",
        "pueue-skill doctor\npueue-skill doctor bigblack --fix"),
    "audit": Command("audit", "Hosts", "report on a host, read-only; review it before you change anything",
        "pueue-skill audit bigblack --diff"),
    "suggest": Command("suggest", "Analysis", "print the queue invocation that does the work of a command",
        "pueue-skill suggest python train.py\npueue-skill suggest --json \"ssh bigblack 'make data'\"",
        "Findings go to stderr. A command that needs no queue is printed as it is. One argument is shell text, several are words."),
    "check": Command("check", "Analysis", "check scripts, Makefiles, workflows, mise tasks and justfiles against the rules",
        "pueue-skill check run.sh Makefile .github/workflows/nightly.yml"),
    "rules": Command("rules", "Analysis", "list all rules", "pueue-skill rules"),
    "rule": Command("rule", "Analysis", "explain a rule: what it does, why, and what to do instead", "pueue-skill rule PQ101"),
    "history": Command("history", "Analysis", "show how long commands took here, by shape",
        "pueue-skill history\npueue-skill history --forget 'python train.py'"),
    "install": Command("install", "Agents", "add the hooks to an agent's settings", "pueue-skill install codex --mode suggest"),
    "uninstall": Command("uninstall", "Agents", "remove the hooks from an agent's settings", "pueue-skill uninstall codex"),
    "watch": Command("watch", "Agents", "wait for the jobs of a session and report the outcome of each",
        "pueue-skill watch --session ID --events"),
    "notify": Command("notify", "Agents", "send pending notifications to the [[notify]] targets of the configuration",
        "pueue-skill notify --test"),
    "schema": Command("schema", "Other", "print the JSON Schema of a file or an output, or validate a document",
        "pueue-skill schema status\npueue-skill schema config --validate config.toml"),
    "completion": Command("completion", "Other", "print the completion script of a shell",
        'eval "$(pueue-skill completion bash)"\neval "$(pueue-skill completion zsh)"\npueue-skill completion fish | source',
        "Add the line of your shell to ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish."),
    "hook": Command("hook", "", "answer an agent's hook event on stdin; always exit 0", "pueue-skill hook PreToolUse <event.json"),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every error becomes a line that says what, where, and what to type next."""
    # A tenth of a short command is the search for garbage among what it imports, where there is none.
    gc.set_threshold(100_000)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hook"]:  # which exits 0 whatever its arguments are, and prepares its streams itself
        from pueue_skill.agents import hook

        return hook.main(arguments[1:])
    from pueue_skill.cli import streams

    streams.prepare()
    try:
        code = guarded(arguments, lambda: run(arguments))
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
    """Return the exit code of the command that `arguments` call; print the groups of commands if there are none."""
    if arguments == ["--version"]:
        return print_versions()
    # No option before the command takes a value.
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    if not arguments:
        parser(name).print_help()
        return ExitCode.DONE
    module: Any = module_of(name) if name in COMMANDS else None
    typed = module.separated(arguments) if hasattr(module, "separated") else arguments
    if module and typed[0] == name:
        # Without the parser of all commands, which has to word its usage first.
        options = parser_of(name).parse_args(typed[1:], argparse.Namespace(name=name))
    else:
        options = parser(name).parse_args(typed)
    options.typed, options.parser = typed, parser
    code: int = module.main(options)
    return code


def module_of(name: str) -> Any:
    """Return the module of the command called `name`, imported."""
    return import_module(f"pueue_skill.cli.commands.{COMMANDS[name].module}")


def parser_of(name: str) -> Parser:
    """Return the parser of what stands after the command `name`."""
    one = Parser(prog=f"pueue-skill {name}", **texts(name))
    module_of(name).add_arguments(one)
    return one


def texts(name: str) -> dict[str, Any]:
    """Return what the help of a command has around its arguments."""
    command = COMMANDS[name]
    return {
        "description": f"{command.help[0].upper()}{command.help[1:]}.\n{command.more}".rstrip(),
        "epilog": "example:\n" + "\n".join([f"  {line}" for line in command.example.splitlines()]),
    }


def parser(only: str | None = None) -> Parser:
    """Return the parser of the command line, with the options of the command `only`; without it, with those of all commands.

    A name that is no command gives the names of all commands without their options, which take longer to make than Python to start.
    """
    top = Parser(
        prog="pueue-skill",
        usage="pueue-skill [--version] COMMAND ...",
        description="Find shell commands that belong in a job queue, submit them, and return their output and exit code.",
        epilog="Options and an example of a command: pueue-skill COMMAND --help",
    )
    top.groups = grouped()
    top.add_argument("--version", action=Version, help="print the versions of pueue-skill and pueue")
    commands = top.add_subparsers(metavar="COMMAND", required=True, dest="name", prog="pueue-skill")
    for name in [only] if only in COMMANDS else COMMANDS:
        command = COMMANDS[name]
        # What has no help is not offered by completion.
        shown: dict[str, Any] = {"help": command.help} if command.group else {}
        one = commands.add_parser(
            name,
            **shown,
            **texts(name),
        )
        if only in (None, name):
            module_of(name).add_arguments(one)
    return top


def grouped() -> str:
    """Return the commands of help, a line each, below their groups."""
    lines = []
    for group in GROUPS:
        lines.append(f"{group}:")
        lines += [f"  {name:<11} {command.help}" for name, command in COMMANDS.items() if command.group == group]
        lines.append("")
    return "\n".join(lines)


class Version(argparse.Action):
    """--version: ours and that of the pueue that is found."""

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
