"""Whether a command of unknown length is work, and not a probe: a Command and its context in, its noun or None out.

Scripts, tasks and runners are work. A program by its name or path is not, nor is what the same text has just
compiled or written.
"""

from __future__ import annotations

import itertools

from pueue_skill.rules.cost import configured, quick_option
from pueue_skill.rules.names import INSTALLED, SCRIPT_FILE, calm_words, split_name
from pueue_skill.rules.rule import RuleContext
from pueue_skill.rules.scripts import RUNNERS, TASK_RUNNERS, listens, script_of
from pueue_skill.rules.shapes import path_of
from pueue_skill.rules.words import LISTENER_WORDS, SERVER_WORDS
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.startup.regex import regex

MAKES = {"make", "gmake", "bmake"}
INLINE_CODE = regex(r"-[a-zA-Z]*[eE]$")
"""An option of perl and ruby whose value is the program."""

RUN_WORDS = {
    "run", "runs", "build", "rebuild", "bootstrap", "all", "batch", "job", "jobs", "pipeline", "process", "report", "reports",
    "generate", "compute", "nightly", "daily", "weekly", "deploy", "configure",
}  # fmt: skip
"""A program in a project's folder with one of these words in its name is a script."""
SUITE_WORDS = {"run", "runs", "build", "rebuild", "generate", "all", "full", "every", "suite"}
"""With one of these words, `test`, `check` or `report` in a name is no sign of a quick command."""
LOOKS = {"status", "list", "ls", "show", "log", "logs", "query", "view", "info", "print", "help", "clean", "version"}
TESTS = {"test", "tests", "suite", "testsuite"}
SMALL_TARGETS = {"distclean", "mrproper", "menuconfig", "defconfig", "oldconfig", "print", "lint", "fmt"}
PACKAGE_MANAGERS = {"npm", "pnpm", "yarn", "bundle", "mise"}
PACKAGE_COMMANDS = {
    "install", "i", "ci", "add", "remove", "rm", "uninstall", "update", "upgrade", "up", "outdated", "why", "audit", "link",
    "unlink", "login", "logout", "whoami", "publish", "pack", "cache", "dedupe", "prune", "rebuild", "store", "use", "trust", "which", "where",
    "set", "get", "ping", "search", "view", "owner", "access", "approve", "patch", "import", "fund", "root", "bin", "prefix", "licenses",
}  # fmt: skip
"""Subcommands of package managers that are no tasks of the project."""
LOOPBACK = regex(r"\b(localhost|127\.0\.0\.1|0\.0\.0\.0)\b|\[::1\]")
WRITES = (">", ">>", ">|", "&>", "&>>")


def unknown_work(command: Command, context: RuleContext) -> str | None:
    """What the command runs, if that is a script or task of unknown length; None for a probe or a program."""
    size, args = context.weight.size, command.args
    if size not in ("unknown", "quick") or quick_option(command.name, args) or configured(command, context.preferences):
        return None
    if serves(command, context):
        return None
    if command.name in MAKES:
        work, strong = make_work(command)
    else:
        work, strong = script_work(command, context)
    return work if strong or not shows_only_the_beginning(command, context) else None


def serves(command: Command, context: RuleContext) -> bool:
    """Whether the command is a server by the text: by a word in a name, an option for its address, or a later request to
    this host."""
    script, _ = script_of(command)
    names = {*split_name(script.rpartition("/")[2] if script else command.name)}
    if names & (SERVER_WORDS | LISTENER_WORDS) or listens(command.args):
        return True
    return command.background and any(
        other.name in ("curl", "wget", "http", "nc") and any(LOOPBACK.search(arg) for arg in other.args)
        for other in context.after
        if other.hosts == command.hosts
    )


def script_work(command: Command, context: RuleContext) -> tuple[str | None, bool]:
    """The script or task that the command runs, and whether its own name says that it is one."""
    script, _ = script_of(command)
    if script is None:
        return None, False
    base = script.rpartition("/")[2]
    if context.weight.size == "quick" and not (calm_words(base) and builds_or_tests(command, base)):
        return None, False
    if command.name in TASK_RUNNERS:
        manages = command.name in PACKAGE_MANAGERS and script in PACKAGE_COMMANDS and command.args[:1] == (script,)
        return None if manages else f"{command.name} {script}", True
    by_path = command.name not in RUNNERS and command.words[0].value == script
    if (by_path and not is_script_path(script)) or is_inline(command) or is_made_before(script, command, context):
        return None, False
    return script, by_path


def is_inline(command: Command) -> bool:
    """Whether an interpreter gets its program as an argument, or runs a compiled class."""
    if command.name in SHELLS and shell_text(command.words):
        return True
    if command.name in ("perl", "ruby"):
        return any(map(INLINE_CODE.match, command.args))
    return command.name == "java" and "-jar" not in command.args


def make_work(command: Command) -> tuple[str | None, bool]:
    """`make` and its first target, and whether it builds or tests everything; (None, False) for a small step: a single
    file, or to clean or print."""
    if any(arg in ("-n", "-q", "-p", "-v", "-h") for arg in command.args):
        return None, False
    target, rest = script_of(command._replace(name="make"))
    targets = [word for word in (target, *rest) if word and word[:1] not in ("-", "+") and "=" not in word]
    large = [word for word in targets if not is_small_target(word)]
    if targets and not large:
        return None, False
    return " ".join([command.name, *large[:1]]), not large or large[0] in ("all", "world", "check", *TESTS)


def shows_only_the_beginning(command: Command, context: RuleContext) -> bool:
    """Whether `head` or `grep -c` ends the pipeline of the command, or that of an ssh around it."""
    for piped in (command, *carriers(command, context)):
        last = piped.pipe[1] - 1
        ends = [
            c
            for c in context.commands
            if c.start > piped.start and c.hosts == piped.hosts and c.pipe == (last, last + 1)
        ]
        if last and ends and (ends[0].name == "head" or (ends[0].name == "grep" and "-c" in ends[0].args)):
            return True
    return False


def carriers(command: Command, context: RuleContext) -> list[Command]:
    """The ssh commands around the command."""
    return [c for c in context.before if c.ssh and c.start <= command.start and command.end <= c.end]


def is_small_target(target: str) -> bool:
    """Whether a target of make is one file, or only cleans or prints."""
    if "." in target or "/" in target:
        return True
    words = set(split_name(target))
    return bool(words & SMALL_TARGETS) or (bool(calm_words(target)) and not words & {*TESTS, "check", "compile", "all"})


def builds_or_tests(command: Command, base: str) -> bool:
    """Whether a name that reads like a check or a query is that of a whole test suite, or of a program that writes it."""
    words = set(split_name(base))
    if command.name in TASK_RUNNERS:
        return base in TESTS
    return bool(words & SUITE_WORDS) and not words & LOOKS


def is_script_path(program: str) -> bool:
    """Whether a program's path says that it is a script: by its extension, or by a word in a project's folder."""
    if SCRIPT_FILE.search(program):
        return True
    if "/" not in program or INSTALLED.search(program):
        return False
    return bool(RUN_WORDS & set(split_name(program.rpartition("/")[2])))


def is_made_before(path: str, command: Command, context: RuleContext) -> bool:
    """Whether an earlier command of the text writes the file: by a redirect, `-o` or tee; on another host only if the
    text also copies files."""
    wanted, name = path_of(path, command), path.rpartition("/")[2]
    copies = any(other.name in ("scp", "rsync") for other in context.before)
    for other in context.before:
        args = other.args
        written = [redirect.target.value for redirect in other.redirects if redirect.op in WRITES and redirect.target]
        written += [value for option, value in itertools.pairwise(args) if option == "-o"]
        written += [arg for arg in args if other.name == "tee" and arg[:1] != "-"]
        if other.hosts == command.hosts and wanted in [path_of(file, other) for file in written]:
            return True
        if copies and not other.hosts and name in [file.rpartition("/")[2] for file in written]:
            return True
    return False
