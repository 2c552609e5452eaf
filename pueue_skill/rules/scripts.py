"""Scripts, modules, tasks and code, judged by their names and options: a Command in, a Weight or None out.

Evidence adds up: one strong word or option gives high confidence, several weak ones medium. The words are in words.py. The
words of a program that is installed count only if its options agree.
"""

from __future__ import annotations

import itertools
import re

from pueue_skill.rules.known import QUICK
from pueue_skill.rules.model import Weight
from pueue_skill.rules.names import EXTENSION, INSTALLED, calm_words, is_soak, reason_in_name, split_name
from pueue_skill.rules.options import (
    HINT_POINTS,
    MAX_HINTS,
    SIGN_POINTS,
    STRONG_POINTS,
    VERB_POINTS,
    Evidence,
    Setting,
    evidence_in_options,
    limit_of,
    settings,
)
from pueue_skill.rules.table import TABLE
from pueue_skill.rules.words import (
    CALM_WORDS,
    DATASETS,
    GENERIC_NAMES,
    GPU_VARIABLES,
    HINT_VARIABLES,
    HINT_WORDS,
    LISTENER_WORDS,
    MODEL_WORK,
    QUERIES,
    QUERY_OPTIONS,
    QUERY_WORDS,
    SERVER_WORDS,
    SIGNS,
    SMALL_WORDS,
    SOFT_CALM_WORDS,
    STRONG,
    TOLD_BY_PROGRAMS,
    VERB_CONTEXTS,
    VERBS,
)
from pueue_skill.shell.model import Command
from pueue_skill.startup.regex import regex

RUNNERS = {"python", "python2", "python3", "pypy", "pypy3", "ipython", "node", "ruby", "perl", "Rscript", "julia", "php", "bun", "deno", "java", "bash", "sh", "zsh", "dash", "tsx", "ts-node", "lua", "luajit", "octave", "elixir", "runghc", "runhaskell", "scala", "groovy", *[f"python3.{minor}" for minor in range(6, 16)]}  # fmt: skip
TASK_RUNNERS = {"make", "gmake", "just", "mise", "task", "npm", "pnpm", "yarn", "invoke", "inv", "nox", "rake", "bundle", "rails", "gradle", "gradlew", "ant", "doit", "nx"}  # fmt: skip
PROJECT_RUNNERS = {"uv run", "poetry run", "pdm run", "rye run", "pixi run", "hatch run", "pipenv run"}
"""Wrappers that also run a task or an entry point of the project."""
RUN_VERBS = {
    "bun": ("run", "x"), "deno": ("run", "task"), "mix": ("run",), "zig": ("run",), "nim": ("r",), "crystal": ("run",), "scala": ("run",),
    "stack": ("exec", "run", "runghc"), "cabal": ("run", "exec"), "cargo": ("xtask",),
}  # fmt: skip
"""Subcommands before a script, or a program of the project."""
VALUED = {
    "julia": ("-p", "-t", "-J", "-L", "-C", "-H"), "scala": ("-cp", "-classpath"), "ts-node": ("-P", "-r", "-O"), "octave": ("-p",), "lua": ("-l",),
    "deno": ("-c", "--config", "--import-map"), "elixir": ("-pa", "-pz", "-r", "--name", "--sname", "--cookie"),
}  # fmt: skip
"""Options with a value before the script, of interpreters that have others than python."""
CHECKS = {"pytest", "unittest", "http.server", "venv", "virtualenv", "pip", "json.tool", "py_compile", "compileall", "black", "ruff", "mypy", "timeit", "site", "ensurepip", "build", "doctest", "pipx", "pdb", "zipfile", "tarfile", "this", "platform", "sysconfig", "webbrowser"}  # fmt: skip
PACKAGE_VERBS = set(
    "add audit ci config create dedupe destroy dlx exec generate i info init install link list login ls new outdated pack prune publish rebuild remove rm uninstall unlink update up upgrade version why".split()
)
"""What package managers and rails do themselves, with no task of the project."""
MANAGERS = {"manage.py", "artisan", "rails", "flask"}
"""Scripts that run the task that their first argument names."""
FLAGS = {"-v", "-vv", "--verbose", "-q", "--quiet", "--debug", "-y", "--yes", "--force", "-f"}
"""Options of many scripts that take no value."""
CALL = regex(r"(?<!def )(?<!class )\b([A-Za-z_]\w*)\s*\(")
LONG_SLEEP = regex(r"\bsleep\((\d{2,})")
SCRIPT_LITERAL = regex(r"[\"']([\w./-]+\.(?:py|sh))[\"']")
MODEL_CODE = regex(r"\.backward\(\)|optimizer\.step\(\)|\btrainer\.(?:fit|train)\(|\bepochs\s*=\s*\d|SearchCV\(|n_trials\s*=|n_jobs\s*=|chunksize\s*=|sink_parquet\(|INSERT INTO \S+ SELECT|snapshot_download\(|\bload_dataset\(|\.generate\(\*\*|range\((?:\d+_)?\d{3,}_?\d{3,}\)")  # fmt: skip
OWN_WORK = {"train", "finetune", "populate", "backfill", "ingest", "pretrain", "crawl", "precompute"}
"""Functions whose name is one word and long work; others need a second word: run_backtest, train_model."""


def weigh_code(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of Python code in -c or a heredoc, by the names that it calls."""
    if not (command.name.startswith("python") and command.name in RUNNERS) and command.name not in ("ipython", "pypy3"):
        return None
    code = [redirect.body.value for redirect in command.redirects if redirect.body]
    options = [arg for arg in itertools.takewhile(lambda arg: arg[:1] == "-" and arg != "-m", args)]
    if options[-1:] == ["-c"] and len(args) > len(options):
        code = [args[len(options)]]
    elif args and not args[0].startswith("-"):
        return None
    for text in code:
        for name in started_scripts(text):
            why = reason_in_name(name)
            if why:
                return Weight("long", why)
        for match in CALL.finditer(text):
            words = split_name(match[1])
            strong = next((word for word in words if word in STRONG), "")
            if strong and (len(words) > 1 or strong in OWN_WORK) and reason_in_name(match[1]):
                own = words[0] in OWN_WORK and text[: match.start()][-1:] != "."
                return Weight("long", STRONG[strong], confidence="high" if own else "medium")
        if MODEL_CODE.search(text):
            return Weight("long", "work on a model or on many items", confidence="medium")
        if LONG_SLEEP.search(text):
            return Weight("wait", "a wait in Python code")
    return Weight("quick", "a few lines of Python") if code else None


def started_scripts(code: str) -> list[str]:
    """The scripts that Python code starts as programs."""
    if not re.search(r"\b(subprocess|os\.system|Popen|runpy|pexpect)\b", code):
        return []
    return [match[1] for match in SCRIPT_LITERAL.finditer(code)]


def weigh_script(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a script, module or task, by its name and options."""
    if command.name == "pytest":
        return weigh_tests("pytest", args)
    script, rest = script_of(command)
    if script is None:
        return weigh_installed(command, args)
    base = script.rpartition("/")[2]
    if base == "setup.py" and {"bdist_wheel", "bdist", "build_ext", "build", "install"} & set(rest):
        return Weight("long", "a build")
    if is_module(command) and (base in CHECKS or base.partition(".")[0] in CHECKS):
        return weigh_tests(base, args)
    subcommand = subcommand_of(rest)
    names = names_of(script, is_module(command))
    words = {*split_name(names[-1]), *split_name(subcommand)}
    if is_server(words, rest):
        return Weight("server", f"{base} is a server")
    calm = calm_words(names[-1]) | calm_words(subcommand)
    if calm - SOFT_CALM_WORDS:
        return Weight("quick", f"{base} is a query or a check")
    found = [evidence for name in (*names, subcommand) for evidence in evidence_in_name(name)]
    if not any(text in word.value for word in command.words for text in VERB_CONTEXTS):
        found = [evidence for evidence in found if evidence.points != VERB_POINTS]
    if calm:
        found = []
    found += evidence_in_folders(script) + evidence_in_variables(command)
    given = args if command.name == "java" or command.name in TASK_RUNNERS else rest
    found += evidence_in_options(given)
    if any(map(is_query, settings(rest))):
        return Weight("quick", f"{base} only shows something")
    small = bool(calm or SMALL_WORDS & words)
    return weight_of(found, base, limit_of(given), STRONG_POINTS if small else SIGN_POINTS, small)


def subcommand_of(args: tuple[str, ...]) -> str:
    """The first argument that is a word and no option's value, as far as the text shows; empty without one."""
    for arg in args:
        if arg[:1] not in ("-", "+"):
            return arg if re.fullmatch(r"[A-Za-z][\w:-]*", arg) else ""
        if "=" not in arg and arg not in FLAGS:
            return ""
    return ""


def is_server(words: set[str], args: tuple[str, ...]) -> bool:
    """Whether a script or task serves requests: by its name, or by a port to listen on."""
    if words & set(STRONG):
        return False
    if "client" in words:
        return False
    return bool(SERVER_WORDS & words) or (
        listens(args) and bool((LISTENER_WORDS | {"app", "main", "asgi", "wsgi", "dev"}) & words)
    )


def listens(args: tuple[str, ...]) -> bool:
    """Whether an option gives the address or port to listen on."""
    return any(setting.words in (("port",), ("http", "port"), ("bind",), ("listen",)) for setting in settings(args))


def is_query(setting: Setting) -> bool:
    """Whether an option without a value asks for a list or for numbers: `--list-models`, `--stats`."""
    first, *others = setting.words or ("",)
    return (
        setting.written[0] == "-"
        and not setting.value
        and ((first in QUERIES and not others) or (first in QUERY_OPTIONS and set(others) <= QUERY_WORDS))
    )


def weight_of(found: list[Evidence], base: str, limit: tuple[int, str] | None, least: int, small: bool) -> Weight:
    """The Weight that Evidence adds up to; at least `least` points make a long run."""
    hints = [evidence for evidence in found if evidence.points == HINT_POINTS]
    verbs = [evidence for evidence in found if evidence.points == VERB_POINTS]
    signs = [evidence for evidence in found if evidence.points >= SIGN_POINTS]
    points = sum(evidence.points for evidence in signs) + VERB_POINTS * bool(verbs) + min(len(hints), MAX_HINTS)
    if limit:
        points -= STRONG_POINTS if limit[0] <= 10 else SIGN_POINTS + HINT_POINTS
    if points >= least and (signs or verbs):
        why = max(signs or verbs, key=lambda evidence: evidence.points).why
        sure = any(evidence.points >= STRONG_POINTS for evidence in signs) and not small and not limit
        limited = f", limited to {limit[0]} by {limit[1]}" if limit else ""
        return Weight("long", why + limited, confidence="high" if sure else "medium")
    if limit:
        return Weight("quick", f"limited to {limit[0]} by {limit[1]}")
    return Weight("quick", f"{base} is a query or a check") if small else Weight("unknown", f"the run time of {base} is unknown")  # fmt: skip


def weigh_installed(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a program that is not known: long if its name or subcommand and its options say so
    (`populate-cache --all`, `lake backfill --years 5`)."""
    if command.name in QUICK or command.name in TABLE or command.name in RUNNERS or command.name in TASK_RUNNERS:
        return None
    named = split_name(command.name)
    named = named if len(named) > 1 else []
    words = named + [arg for arg in args[:1] if arg.isalpha()]
    if CALM_WORDS & set(words):
        return None
    told = next((word for word in named if word in TOLD_BY_PROGRAMS), "")
    if told and args:
        return Weight("long", STRONG.get(told) or SIGNS[told], confidence="medium")
    found = evidence_in_options(args)
    why = next((STRONG.get(word) or SIGNS[word] for word in words if word in STRONG or word in SIGNS), "")
    why = why or next((VERBS[word] for word in named if word in VERBS), "")
    if why and any(evidence.points >= SIGN_POINTS for evidence in found):
        return Weight("long", why, confidence="medium")
    return None


def weigh_tests(base: str, args: tuple[str, ...]) -> Weight:
    """The Weight of a test run or check."""
    if base == "pytest" and any(
        re.search(r"slow|integration|gpu|soak", arg)
        for arg in args
        if not arg.startswith("--ignore") and "not " not in arg
    ):
        return Weight("long", "a long test run")
    return Weight("quick", f"{base} is a query or a check")


def names_of(script: str, module: bool) -> list[str]:
    """The names that say what a script does: its own, and that of its folder or package if its own is only run or main."""
    parts = script.split("/")
    if module:
        parts = EXTENSION.sub("", parts[-1]).split(".")
    names = [part for part in parts if part not in ("", ".", "..")] or [script]
    words = {word for word in split_name(EXTENSION.sub("", names[-1])) if len(word) > 1}
    return names if words <= GENERIC_NAMES else names[-1:]


def evidence_in_name(name: str) -> list[Evidence]:
    """The Evidence of the words of a script's or a task's name."""
    words = split_name(EXTENSION.sub("", name))
    if is_soak(words):
        return [Evidence(STRONG_POINTS, "a soak run")]
    found = [Evidence(STRONG_POINTS, STRONG[word]) for word in words if word in STRONG][:1]
    found += [Evidence(SIGN_POINTS, SIGNS[word]) for word in words if word in SIGNS][:1]
    verbs = [word for word in words if word in VERBS][:1]
    found += [Evidence(VERB_POINTS, VERBS[word]) for word in verbs]
    if verbs and MODEL_WORK & set(words):
        found += [Evidence(SIGN_POINTS, VERBS[verbs[0]])] * 2
    if DATASETS & set(words):
        found.append(Evidence(SIGN_POINTS, "work on a whole dataset"))
    return found + [Evidence(HINT_POINTS, "a run") for word in words if word in HINT_WORDS][:1]


def evidence_in_folders(script: str) -> list[Evidence]:
    """The Evidence of the folders or packages around a script: experiments, benchmarks, a dataset."""
    script = re.sub(r"\$\{?\w+\}?", "", script)
    folders = split_name(script.rpartition("/")[0] if "/" in script else script.rpartition(".")[0])
    found = [Evidence(HINT_POINTS, "a run") for word in folders if word in HINT_WORDS]
    return found[:1] + [Evidence(SIGN_POINTS, "work on a whole dataset") for word in folders if word in DATASETS][:1]


def evidence_in_variables(command: Command) -> list[Evidence]:
    """The Evidence of variables set for the command: GPUs, workers."""
    given = [word.value.partition("=") for word in command.assigns]
    names = {name for name, _, value in given if value not in ("", "-1")}
    found = [Evidence(SIGN_POINTS, "a run on GPUs")] if GPU_VARIABLES & names else []
    return found + ([Evidence(HINT_POINTS, "a run")] if HINT_VARIABLES & names else [])


def is_module(command: Command) -> bool:
    """Whether an interpreter runs a module by its name."""
    return command.name in RUNNERS and "-m" in command.args


def script_of(command: Command) -> tuple[str | None, tuple[str, ...]]:
    """The script, module or task that `command` runs, and its arguments; (None, ()) without one, as for an installed program."""
    args = command.args
    i = 1 if args and args[0] in RUN_VERBS.get(command.name, ()) else 0
    if i or command.name in RUNNERS:
        valued = VALUED.get(command.name, ("-W", "-X", "-r", "-t"))
        while i < len(args) and args[i].startswith(("-", "+")):
            if args[i] in valued:
                i += 2
                continue
            if args[i] in ("-m", "-jar") and i + 1 < len(args):
                return args[i + 1], args[i + 2 :]
            if args[i] in ("-c", "-e", "-p", "-", "-s", "--eval", "--print") or (
                command.name in ("bash", "sh", "zsh") and "n" in args[i][1:] and args[i][1:2] != "-"
            ):
                return None, ()
            i += 1
        if args[i:] and args[i].rpartition("/")[2] in MANAGERS and len(args) > i + 1:
            return args[i + 1], args[i + 2 :]
        return (args[i], args[i + 1 :]) if i < len(args) else (None, ())
    if command.name in TASK_RUNNERS:
        valued = (
            "-C",
            "-f",
            "-I",
            "-o",
            "-W",
            "--directory",
            "--file",
            "--prefix",
            "--filter",
            "-F",
            "-w",
            "--workspace",
        )
        words = [
            arg
            for i, arg in enumerate(args)
            if arg[:1] not in ("-", "+")
            and "=" not in arg
            and not arg.isdigit()
            and (not i or args[i - 1] not in valued)
        ]
        if command.name == "yarn" and words[:1] == ["workspace"] and len(words) > 2:
            words = words[2:]
        named = False
        while words[:1] in (["run"], ["run-script"], ["r"], ["exec"], ["rake"], ["rails"]) and command.name not in (
            "make",
            "just",
        ):
            words = words[1:]
            named = True
        own = (
            command.name in ("npm", "pnpm", "yarn", "rails", "bundle")
            and not named
            and words[:1]
            and words[0] in PACKAGE_VERBS
        )
        if not words and command.name in ("make", "gmake", "rake", "ant", "doit"):
            return command.name, ()  # the default task
        return (words[0], tuple(words[1:])) if words and not own else (None, ())
    if command.name == "cargo" and args[:1] == ("run",):
        name = args[args.index("--bin") + 1] if "--bin" in args[:-1] else "cargo-run"
        return name, args[args.index("--") + 1 :] if "--" in args else ()
    if command.name == "go" and args[:1] == ("run",) and len(args) > 1:
        return args[1], args[2:]
    if command.name == "sbt" and args and "runMain " in args[0]:
        main, *rest = args[0].partition("runMain ")[2].split()
        return main.rpartition(".")[2], tuple(rest)
    program = command.words[0].value
    if command.name in QUICK or command.name in TABLE or (program[:1] == "$" and "/" not in program):
        return None, ()
    if not re.fullmatch(r"[\w./~+@%:${}-]+", re.sub(r"\$\([^)]*\)", "", program)):
        return None, ()
    task = "/" not in program and PROJECT_RUNNERS & {*command.wrappers[-1:]}
    if task or EXTENSION.search(program) or ("/" in program and not INSTALLED.search(program)):
        return program, args
    return None, ()


def runs_script(command: Command) -> bool:
    """Whether the command runs a script, module or task, and not an installed program."""
    return script_of(command)[0] is not None
