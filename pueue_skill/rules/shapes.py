"""Shapes of commands: a Command and where it runs in; out, the texts by which its runs are remembered, the most specific first.

A shape has the program, its script or subcommand and the names of its options and variables, but no values: these may be secrets, and they
differ from run to run. The first shapes stand for exact words, as a digest. What belongs to a project is remembered for that project alone.
"""

from __future__ import annotations

from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import NO_PREFERENCES, Preferences
from pueue_skill.rules.options import turns_on
from pueue_skill.rules.scripts import RUNNERS, TASK_RUNNERS, script_of
from pueue_skill.rules.waiting import sleep_seconds
from pueue_skill.rules.words import QUICK_OPTIONS
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SHELLS
from pueue_skill.shell.wrappers import ELSEWHERE
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

# Only the letter of a short option: the rest may be its value (`-psecret`).
OPTION_NAME = regex(r"--[A-Za-z][A-Za-z_-]*|-[A-Za-z]")
SUBCOMMAND = regex(r"[a-z][a-z:_-]{0,20}[a-z0-9]")
PLAIN_WORD = regex(r"[a-z][a-z0-9:_-]{1,30}")
SCRIPT_FILE = regex(r".+\.(?:py|sh|bash|rb|pl|R|jl|js|ts|mjs|php|lua)|.*/.*")
DIGEST_DIGITS = 12
MAX_DOMINANT = 4
DOMINATED = set(
    "cd echo printf export set unset true false : [ test [[ mkdir touch head tail pwd date sleep exit tee cat source . wc".split()
)
"""Commands that practically never take the time of a text that has others; also these subcommands of git."""
DOMINATED_GIT = set("add rm mv status diff log show branch rev-parse ls-files restore config tag".split())

PROJECT_TOOLS = {*RUNNERS, *TASK_RUNNERS, "cargo", "go", "git", "docker", "podman", "docker-compose", "bazel", "cmake", "ninja", "uv", "poetry", "pytest", "tox", "terraform", "tofu", "dbt", "pre-commit", "mypy", "ruff", "tsc", "eslint"}  # fmt: skip
"""Programs whose run time depends on the project that they work on."""


def shapes(command: Command, folder: str = "", project: str = "") -> tuple[str, ...]:
    """The shapes of a command in a working directory of a project, the most specific first.

    Each covers more runs: those of the exact words; those with the same options and plain words as values (`--stage fit`); with the same options; with the
    same script or subcommand; and, for a program that does not work on a project, for its runs anywhere. None for a command that reads a pipe.
    """
    if command.pipe[0]:
        return ()
    script, _ = script_of(command)
    system = "".join([f"{name}: " for name in (*command.hosts[-1:], *[w for w in command.wrappers if w in ELSEWHERE])])
    within = path_of(".", command, "" if system else folder) if command.cwd else "" if system else project
    place = system + (f"{within}: " if within else "")
    base = base_words(command, script, "" if system else folder)
    if script and SCRIPT_FILE.fullmatch(script):
        place = system  # its path says which project it belongs to
    names = [f"{assigned.value.partition('=')[0]}=" for assigned in command.assigns]
    flags = sorted({match[0] for match in map(OPTION_NAME.match, command.args) if match}) + names
    options = " ".join([*base, *flags])
    exact = f"{place}{options} #{digest_of(exact_words(command))}"
    if by_words_alone(command, script):
        return exact, place + options
    values = [arg for arg in command.args if PLAIN_WORD.fullmatch(arg) and arg not in base]
    found = [exact, *([f"{place}{options} ~{digest_of(values)}"] if values else []), place + options]
    if flags:
        found.append(place + " ".join(base))
    if not script and not system and place and command.name not in PROJECT_TOOLS:
        found.append(options)
    return tuple(found)


def base_words(command: Command, script: str | None, folder: str = "") -> list[str]:
    """The program with its script, or with its subcommand."""
    name = "python" if command.name == "python3" else command.name
    if script:
        if SCRIPT_FILE.fullmatch(script):
            script = path_of(script, command, folder)
        return [script] if command.name in (*SHELLS, script.rpartition("/")[2]) else [name, script]
    return [name, *[arg for arg in command.args[:1] if SUBCOMMAND.fullmatch(arg)]]


def by_words_alone(command: Command, script: str | None) -> bool:
    """Whether only runs of the same words tell how long a command takes: it runs code from its arguments or from stdin, it reads a file
    from stdin, it only asks for something (`--list`), or it is a quick program, as `grep -n` or `find`, whose duration depends on the files that it reads."""
    if any(redirect.op == "<" for redirect in command.redirects) or turns_on(command.args, QUICK_OPTIONS):
        return True
    if command.name in RUNNERS:
        return script is None and bool(command.args or bodies(command))
    return script is None and weigh(command).size == "quick"


def exact_words(command: Command) -> list[str]:
    """The words of a command, its variables, and what it reads from stdin."""
    words = [word.value for word in (*command.assigns, *command.words)]
    return (
        words
        + [redirect.target.value for redirect in command.redirects if redirect.op == "<" and redirect.target]
        + bodies(command)
    )


def bodies(command: Command) -> list[str]:
    """The heredocs of a command."""
    return [redirect.body.value for redirect in command.redirects if redirect.body]


def digest_of(words: list[str]) -> str:
    """A digest of words."""
    return digest("\0".join(words).encode(errors="surrogatepass"), DIGEST_DIGITS)


def text_shapes(commands: tuple[Command, ...], folder: str = "", project: str = "") -> tuple[str, ...]:
    """The shapes of the commands that take the time of a text together."""
    if len(commands) == 1:
        return shapes(commands[0], folder, project)
    levels = [shapes(command, folder, project) for command in commands]
    depth = min(map(len, levels), default=0)
    return tuple(" && ".join([names[min(i, len(names) - 1)] for names in levels]) for i in range(min(depth, 3)))


def telling_shapes(commands: tuple[Command, ...], folder: str = "", project: str = "") -> tuple[str, ...]:
    """The shapes whose runs tell how long the commands take together, the most specific first."""
    found = text_shapes(commands, folder, project)
    return found[:1] if any(by_words_alone(command, script_of(command)[0]) for command in commands) else found


def path_of(file: str, command: Command, folder: str = "") -> str:
    """The path of a file that a command names, in a text that is run in `folder`."""
    if file[:1] == "$":
        return file
    parts = [part for part in (folder, command.cwd or "", file) if part]
    return normalized("/".join(parts))


def normalized(path: str) -> str:
    """The path without `.`, `..` and empty parts; an absolute part replaces those before it."""
    parts: list[str] = []
    at = max(path.rfind("//"), path.rfind("/~"))
    path = path[at + 1 :] if at >= 0 else path
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path[:1] == "/" else "") + "/".join(parts)


def dominant(commands: tuple[Command, ...], preferences: Preferences = NO_PREFERENCES) -> tuple[Command, ...]:
    """The commands that take the time of a text, up to MAX_DOMINANT; none if one of them runs more than once or in the background, or if
    the text waits or serves.

    A command that is known to be quick, or that only carries others (`ssh`, `bash -c`), does not count while there is another one.
    """
    found: dict[int, list[Command]] = {}
    for command in commands:
        weight = weigh(command, preferences)
        if weight.size in ("server", "wait") or sleep_seconds(command) >= 1:
            return ()
        carries = command.name in SHELLS and not script_of(command)[0] and not bodies(command)
        if not carries and not (command.ssh and command.ssh.payload):
            git = command.name == "git" and not DOMINATED_GIT.isdisjoint(command.args[:1])
            rank = 0 if git or command.name in DOMINATED else 1 if weight.size == "quick" else 2
            found.setdefault(rank, []).append(command)
    rank = max(found, default=0)
    candidates = tuple(found[rank]) if rank else ()
    if rank == 1 and len(candidates) > 1 and candidates[0].pipe[1] >= len(candidates):
        candidates = candidates[:1]  # the first of a pipeline of quick programs: the others read what it finds
    if len(candidates) > MAX_DOMINANT or any(c.loops or c.background or c.detached for c in candidates):
        return ()
    return candidates
