"""Decides whether a command is harmless enough to be rewritten: an Event and its Analysis in; out, the first word that is not on the list, or an
empty text.

The client checks only the rewritten text, so the original must contain nothing that the client would have checked: removals, protected
files, other programs. Therefore the list of harmless commands is short: the long-running work itself, and the commands of LISTED around
it. All others are left to the client. This module looks up paths in the file system, and runs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pueue_skill.agents.event import Event
from pueue_skill.plan.analysis import Analysis
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.known import QUICK
from pueue_skill.rules.names import reason_in_name
from pueue_skill.rules.scripts import RUNNERS, TASK_RUNNERS
from pueue_skill.rules.table import TABLE, begins_with, find_match
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.model import Command, Ssh
from pueue_skill.shell.parse import parse
from pueue_skill.shell.remote import PROGRAMS
from pueue_skill.shell.syntax import Chain, Node, Pipeline, Redirect, Script, Simple, Word
from pueue_skill.shell.wrappers import WRAPPERS
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

RUN_OTHERS = {
    "ansible-playbook", "aprun", "charmrun", "horovodrun", "hyperfine", "ibrun", "jsrun", "lrun", "mpiexec", "mpirun", "msrun", "orterun", "prterun",
    "prun", "ray",
}  # fmt: skip
"""Programs of these kinds whose arguments are commands."""

TRANSPARENT = {
    "nice", "ionice", "timeout", "gtimeout", "time", "nohup", "setsid", "stdbuf", "caffeinate",
    "uv run", "poetry run", "pipenv run", "pdm run", "hatch run", "rye run",
}  # fmt: skip
"""Wrappers that may precede the work."""

INTERPRETER_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "python": ("-u", "-O", "-OO", "-B", "-I", "-E", "-s", "-S", "-P", "-q"),
    "bash": ("-e", "-u", "-x", "-eu", "-eux"),
    "deno": ("run", "-A", "-q"),
    "bun": ("run",),
}
"""Options that may precede the script, by the start of the interpreter's name. Others may contain or load code."""

CODE_WORDS = {"--eval", "-e", "-E", "-c", "exec", "x", "dlx"}
"""Arguments with which a runner of tasks runs code or any other program."""

SSH_OPTIONS = {"-p", "-l", "-q", "-n", "-T", "-C", "-4", "-6", "-x", "-a"}
SSH_SETTINGS = {"connecttimeout", "batchmode", "serveraliveinterval", "serveralivecountmax", "loglevel", "compression"}
"""ssh options, and names for its -o, that run nothing on this machine and name none of its files."""

STEERING_WORDS = set("""
    ALIASES ANTHROPIC AR ARGS AS ASKPASS BROWSER BUNDLE CC CDPATH CLASSPATH CLAUDE CMD COMMAND COMPILER CONDA CONF CONFIG CXX DOCKER EDITOR ENGINES
    ENV ENVIRON EXEC FILE FLAGS GCONV GEM GLOBIGNORE GO GRADLE HISTFILE HOME HOOK HOOKS IFS INCLUDE INI INIT INTERPRETER JDK KUBECONFIG LAUNCHER LD
    LESS LESSOPEN LIB LIBRARIES LIBRARY LIBS LINKER MAKE MAKEFILES MALLOC MAVEN MODULE MODULES NPM OPT OPTION OPTIONS OPTS PAGER PATH PIP PLUGIN PLUGINS
    PNPM POETRY POSIXLY PREFIX PRELOAD PROFILE PROFILER PROXY PS0 PS1 PS2 PS3 PS4 PUEUE RC ROOT RUSTC RUSTDOC SHELL SSH SSLKEYLOGFILE STARTUP
    TEMP TERM TERMINFO TMP TMPDIR UV VIRTUAL VISUAL WRAPPER XDG YARN ZDOTDIR ZSH
""".split())  # fmt: skip
STEERING_NAME = regex(
    r"(?:BASH|BUN|CARGO|DENO|DYLD|GIT|JAVA|LUA|NODE|PERL|PYTHON(?!UNBUFFERED$|HASHSEED$)|RUBY|_)"
    r"|\w*(?:PATH|PRELOAD|OPTS?|FLAGS|EDITOR|PAGER|SHELL|RC|INIT|ROOT)$"
)
"""Words in a variable's name, and names, of variables that say which program runs or what it loads."""

VARIABLE = regex(r"[A-Za-z_][A-Za-z0-9_]*")
LITERAL = regex(r"(?!.*://)[A-Za-z0-9_./:,@%+=~ -]*")
MODULE = regex(r"[A-Za-z_][\w.]*")
PLAIN_NAME = regex(r"[A-Za-z0-9_](?:[A-Za-z0-9_.,@=+%-]*[A-Za-z0-9_@=+%-])?")
ENVIRONMENT = regex(r"\w[\w.-]*|\.\w*env[\w.-]*")
OUTPUT_FILE = regex(
    r"(?!cmakelists\.txt).+\.(?:log|out|err|txt|csv|tsv|jsonl|ndjson|dat)"
    r"|(?!.*(?:config|package|settings|project|workspace)|(?:deno|turbo|nx|lerna|composer|tasks)\.).+\.json"
    r"|logs?|out|output|err|errors|results?|stdout|stderr",
    re.IGNORECASE,
)
"""Names of files for output. Tools read neither their configuration nor code from such files."""

ENDING = regex(r"(?:\.[\w-]+)?\Z")
"""The end of a word, whatever the shell expands before it."""
PARTS = regex("[=:,@]")
STANDARD_INPUT = regex(r"(?:-\w|--[\w-]+=)?-|.*/dev/(?:stdin|fd|tty).*|.*/proc/.*", re.DOTALL)
HIDDEN = regex(r"(?:-\w)?\.[^\d.].*", re.DOTALL)

DATE_WORD = regex(r"\+.*|-[uRI]|--utc|--iso-8601(?:=\w+)?|--rfc-3339=\w+", re.DOTALL)
OUTPUT_OPERATORS = (">", ">>", ">|", "&>", "&>>", ">&")
DESCRIPTOR = regex(r"\d+-?|-")

Folders = tuple[Path, ...]
"""The folders in which a command may run: more than one after a `cd` to a folder that does not exist yet."""


class NotListed(Exception):
    """Something that is not on the list; the message names it."""


class Scope(NamedTuple):
    """What a script runs in.

    `project` is the real path of the project's folder, or None on a host: the client does not check files there. `files` collects
    the real paths that the script names, `outputs` how the words end that name a file which it writes, `works` the words of its work.
    """

    commands: tuple[Command, ...]
    project: Path | None
    files: list[Path]
    outputs: list[str]
    works: list[str]


def unlisted(event: Event, analysis: Analysis, files: list[Path]) -> str:
    """Return the first word of the command that is not on the list, or an empty text. Adds the real paths that the command names to `files`."""
    project = Path(os.environ.get("CLAUDE_PROJECT_DIR", ""))
    cwd = Path(event.cwd)
    if not (project.is_absolute() and cwd.is_absolute()):
        return "the project's folder is not known"
    if not isinstance(analysis.script, Script):
        return analysis.script.reason
    odd = next((char for char in event.command if not char.isprintable() and char not in "\n\t"), None)
    if odd is not None:
        return f"the character {odd!r}"
    project = project.resolve()
    if ".git" in project.parts or project.name[:1] in ("", "."):
        return f"{project} is no project's folder"
    scope = Scope(analysis.commands, project, files, [], [])
    try:
        resolve(".", (cwd,), scope)
        walk_all(analysis.script.nodes, (cwd,), scope)
        check_written(scope)
    except NotListed as error:
        return str(error)
    return ""


def walk_all(nodes: Sequence[Node], folders: Folders, scope: Scope) -> Folders:
    """Check nodes in turn, and return the folders in which the next command runs. Raises NotListed."""
    for node in nodes:
        folders = walk(node, folders, scope)
    return folders


def walk(node: Node, folders: Folders, scope: Scope) -> Folders:
    if isinstance(node, Simple):
        return check_simple(node, folders, scope)
    if isinstance(node, Chain):
        return walk_all(node.parts, folders, scope)
    if isinstance(node, Pipeline):
        if len(node.parts) == 1:
            return walk(node.parts[0], folders, scope)
        for part in node.parts:
            walk(part, folders, scope)
        return folders
    if node.kind not in ("subshell", "group", "for"):
        raise NotListed(node.kind)
    check_redirects(node.redirects, folders, scope)
    if node.kind == "for":
        variable, *items = node.words
        if not is_inert(variable.value) or any(item.programs for item in items):
            raise NotListed(f"the loop over {variable.value}")
    after = walk_all(node.body, folders, scope)
    if node.kind == "for" and after != folders:
        raise NotListed("cd in a loop")
    return after if node.kind == "group" else folders


def check_simple(node: Simple, folders: Folders, scope: Scope) -> Folders:
    substitution = next((word for word in (*node.assigns, *node.words) if word.programs), None)
    if substitution is not None:
        raise NotListed(f"the substitution {substitution.text}")
    check_redirects(node.redirects, folders, scope)
    if not node.words:
        raise NotListed(f"the assignment {node.assigns[0].text}" if node.assigns else "a redirect without a command")
    for word in node.assigns:
        check_assignment(word)
    program = node.words[0]
    if not program.static:
        raise NotListed(f"the program {program.text}, which only the shell knows")
    listed = LISTED.get(program.value)
    if listed is not None:
        return listed(node.words[1:], folders, scope)
    check_work(node, folders, scope)
    return folders


def check_assignment(word: Word) -> None:
    """Check an assignment: NAME=literal, with a name that changes no program. Raises NotListed."""
    name, equals, value = word.value.partition("=")
    if not (word.static and equals and is_inert(name) and LITERAL.fullmatch(value)):
        raise NotListed(f"the assignment {word.text}")


def is_inert(name: str) -> bool:
    """Return whether a variable of this name decides neither which program runs nor what it loads."""
    upper = name.upper()
    return (
        bool(VARIABLE.fullmatch(name))
        and not STEERING_NAME.match(upper)
        and STEERING_WORDS.isdisjoint(upper.split("_"))
    )


def check_redirects(redirects: Sequence[Redirect], folders: Folders, scope: Scope) -> None:
    for redirect in redirects:
        target, duplicates = redirect.target, redirect.op in (">&", "<&")
        if target is None or redirect.body is not None or redirect.op not in ("<", "<&", *OUTPUT_OPERATORS):
            raise NotListed(f"the redirect {redirect.op}")
        if redirect.fd is not None and not redirect.fd.isdigit():
            raise NotListed(f"the redirect {redirect.fd}{redirect.op}")
        if target.static and (target.value == "/dev/null" or (duplicates and DESCRIPTOR.fullmatch(target.value))):
            continue
        check_file(target, folders, scope, is_output=redirect.op in OUTPUT_OPERATORS)


def check_file(word: Word, folders: Folders, scope: Scope, is_output: bool) -> None:
    """Check a word that names a plain file below the project, which may not exist yet. Raises NotListed."""
    if scope.project is None:
        if word.programs:
            raise NotListed(f"the substitution {word.text}")
        if is_output:
            scope.outputs.append(Path(word.value).name if word.static else ENDING.search(word.value)[0])  # type: ignore[index]
        return
    for path in resolve_word(word, folders, scope):
        if path.exists() and not path.is_file():
            raise NotListed(f"{word.value}, which is no plain file")
        if is_output and not all(OUTPUT_FILE.fullmatch(name) for name in (path.name, Path(word.value).name)):
            raise NotListed(f"{word.value}, which may be more than a file for output")
        if is_output:
            scope.outputs.extend([path.name, Path(word.value).name])


def check_written(scope: Scope) -> None:
    """Check that no word of the work names a file that the command writes, whose content could then run. Raises NotListed."""
    for word in scope.works:
        if any(word.endswith(ending) for ending in scope.outputs):
            raise NotListed(f"{word}, whose text comes from the command itself")


def resolve_word(word: Word, folders: Folders, scope: Scope) -> list[Path]:
    """Return the real paths of `word` in `folders`; none on a host. Raises NotListed."""
    if scope.project is None and not word.programs:
        return []
    if not word.static or not word.value:
        raise NotListed(f"the path {word.text}, which only the shell knows")
    return resolve(word.value, folders, scope)


def resolve(path: str, folders: Folders, scope: Scope) -> list[Path]:
    """Return the real paths of `path` in `folders`, if they are below the project and no name in them, before and after links, begins with a dot.
    Raises NotListed.
    """
    found = []
    for folder in folders:
        real = (folder / path).resolve()
        # bash reads `..` in the text, the kernel follows links first.
        if real != Path(os.path.normpath(folder / path)).resolve():
            raise NotListed(f"{path}, which goes through a link and back")
        if scope.project is None or not real.is_relative_to(scope.project):
            raise NotListed(f"{path}, which leads out of the project")
        written = Path(path).parts if not Path(path).is_absolute() else ()
        names = [*real.relative_to(scope.project).parts, *[name for name in written if name != ".."]]
        odd = next((name for name in names if not PLAIN_NAME.fullmatch(name)), None)
        if odd is not None:
            raise NotListed(f"{path}, because of {odd}")
        found.append(real)
    scope.files.extend(found)
    return found


def check_cd(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    if len(words) != 1 or words[0].value[:1] in ("", "-"):
        raise NotListed("cd with options, or without a folder")
    if not resolve_word(words[0], folders, scope):
        return folders
    path = words[0].value
    if "CDPATH" in os.environ and path[0] not in "./":
        raise NotListed("cd where CDPATH is set")
    entered = tuple([Path(os.path.normpath(folder / path)) for folder in folders])
    # `cd` to a folder that is not there yet may fail, and what follows run in the old one.
    return entered if all(folder.is_dir() for folder in entered) else tuple(dict.fromkeys((*entered, *folders)))


def check_export(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    if not words:
        raise NotListed("export without a variable")
    for word in words:
        check_assignment(word)
    return folders


def check_source(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    """Check the operand of `source`: the bin/activate of a virtual environment inside the project. Raises NotListed."""
    if len(words) != 1 or not words[0].value.endswith("/bin/activate") or words[0].programs:
        raise NotListed("a script that the shell reads")
    if scope.project is None:
        return folders
    if not words[0].static:
        raise NotListed(f"the path {words[0].text}, which only the shell knows")
    for folder in folders:
        environment = (folder / words[0].value).parent.parent
        (parent,) = resolve(str(environment.parent), (folder,), scope)
        script = parent / environment.name / "bin/activate"
        is_environment = (
            ENVIRONMENT.fullmatch(environment.name) and (parent / environment.name / "pyvenv.cfg").is_file()
        )
        if script.resolve() != script or not is_environment:
            raise NotListed(f"{words[0].value}, which is no virtual environment of the project")
        scope.files.append(script)
    return folders


def check_mkdir(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    if len(words) < 2 or words[0].value not in ("-p", "-pv", "--parents"):
        raise NotListed("mkdir without -p")
    for word in words[1:]:
        if word.value.startswith("-"):
            raise NotListed(f"mkdir {word.text}")
        resolve_word(word, folders, scope)
    return folders


def check_tee(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    files = words[1:] if words and words[0].value in ("-a", "--append") else words
    for word in files:
        if word.value.startswith("-"):
            raise NotListed(f"tee {word.text}")
        check_file(word, folders, scope, is_output=True)
    return folders


def check_echo(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    return folders


def check_date(words: Sequence[Word], folders: Folders, scope: Scope) -> Folders:
    odd = next((word for word in words if not (word.static and DATE_WORD.fullmatch(word.value))), None)
    if odd is not None:
        raise NotListed(f"date {odd.text}")
    return folders


LISTED: Mapping[str, Callable[[Sequence[Word], Folders, Scope], Folders]] = {
    "cd": check_cd, "export": check_export, "source": check_source, ".": check_source, "mkdir": check_mkdir, "tee": check_tee,
    "echo": check_echo, "date": check_date,
}  # fmt: skip
"""The commands that may surround the work. Each function takes the arguments and the folders, and returns the folders of the next command."""


def check_work(node: Simple, folders: Folders, scope: Scope) -> None:
    """Check the long-running work itself: a script, or a program that only computes. Raises NotListed."""
    start = node.words[0].start
    command = next((c for c in scope.commands if not c.via and c.words and start <= c.words[0].start < node.end), None)
    if command is None:
        raise NotListed(node.words[0].text)
    dynamic = next((word for word in node.words if word.start <= command.words[0].start and not word.static), None)
    if dynamic is not None:
        raise NotListed(f"{dynamic.text} before the program, which only the shell knows")
    wrapper = next((wrapper for wrapper in command.wrappers if wrapper not in TRANSPARENT), None)
    if wrapper is not None:
        raise NotListed(wrapper)
    name, program = command.name, command.words[0].value
    if command.ssh:
        return check_ssh(command, command.ssh, scope)
    check_arguments(node, command, folders, scope)
    if name in RUNNERS:
        check_script(command, folders, scope)
    elif "/" in program:
        known = name in QUICK or name in TABLE or name in TASK_RUNNERS or name in WRAPPERS or name in PROGRAMS
        below = scope.project is None or all(
            (folder / program).resolve().is_relative_to(scope.project) for folder in folders
        )
        if known or not below:
            raise NotListed(program)
    elif not only_computes(command):
        raise NotListed(name)


def check_arguments(node: Simple, command: Command, folders: Folders, scope: Scope) -> None:
    """Check that no argument of the work is its stdin or a protected file, as far as the text shows. Raises NotListed."""
    for word in node.words:
        paths = [word.value, *PARTS.split(word.value)]
        real = [(folder / path).resolve() for folder in folders for path in paths if path and word.static]
        scope.works.extend([word.value, *map(str, real)])
        if STANDARD_INPUT.fullmatch(word.value):
            raise NotListed(f"{word.text}, whose text comes from the command itself")
        root = scope.project or Path("/")
        below = [path.relative_to(root) for path in real if path.is_relative_to(root)]
        names = [name for path in [*map(Path, paths), *below] for name in path.parts]
        hidden = next((name for name in names if HIDDEN.fullmatch(name) and not ENVIRONMENT.fullmatch(name)), None)
        if hidden is not None and word.start != command.words[0].start:
            raise NotListed(f"{word.text}, because of {hidden}")


def only_computes(command: Command) -> bool:
    """Return whether a program found on PATH only computes, according to its table or its name."""
    name, args = command.name, command.args
    if name in RUN_OTHERS or name in WRAPPERS or name in PROGRAMS:
        return False
    if name in TASK_RUNNERS:
        assigned = [arg.partition("=")[0] for arg in args if "=" in arg and not arg.startswith("-")]
        if CODE_WORDS & {arg.partition("=")[0] for arg in args} or not all(map(is_inert, assigned)):
            return False
    elif name in TABLE or name in QUICK:
        match = find_match(command)
        computes = match is not None and match.row.size == "long" and match.entry.computes
        return match is not None and computes and begins_with(match.pattern.words, args)
    return weigh(command).size == "long" and (name in TASK_RUNNERS or reason_in_name(name) is not None)


def check_script(command: Command, folders: Folders, scope: Scope) -> None:
    """Check an interpreter with a script or a module, and no code among its words. Raises NotListed."""
    allowed = next((options for name, options in INTERPRETER_OPTIONS.items() if command.name.startswith(name)), ())
    words = list(command.words[1:])
    while words and words[0].static and words[0].value in allowed:
        words.pop(0)
    is_module = bool(words) and words[0].static and words[0].value in ("-m", "-jar")
    script = words[is_module] if len(words) > is_module else None
    if script is None or not script.static or script.value[:1] in ("", "-"):
        raise NotListed(f"{command.name} without a script")
    if is_module and command.name != "java" and not (command.name.startswith("py") and MODULE.fullmatch(script.value)):
        raise NotListed(f"{command.name} {words[0].text}")
    for path in [(folder / script.value).resolve() for folder in folders] or [Path(script.value)]:
        if path.parts[:2] in (("/", "dev"), ("/", "proc")):
            raise NotListed(f"{script.value}, whose text comes from the command itself")


def check_ssh(command: Command, ssh: Ssh, scope: Scope) -> None:
    """Check ssh to a host, with harmless commands for its shell. Raises NotListed."""
    if command.words[0].value != "ssh" or ssh.payload is None or not ssh.destination.static:
        raise NotListed("ssh without a command, or to a host that only the shell knows")
    for name, value in ssh.options:
        setting = (
            regex(r"[\s=]+").split(value.value.strip().lower())[0] if name == "-o" and value and value.static else ""
        )
        if setting not in SSH_SETTINGS and (name not in SSH_OPTIONS or (value is not None and not value.static)):
            raise NotListed(f"ssh {name}")
    remote = parse(ssh.payload)
    if not isinstance(remote, Script):
        raise NotListed(remote.reason)
    there = Scope(commands_of(remote), None, [], [], [])
    walk_all(remote.nodes, (), there)
    check_written(there)
