"""Estimates how long a command takes: a Command in, a Weight out.

The program alone rarely decides; its subcommand, the name of its script and its options do. The name of a script is
read as words (`populate_full_cache.py` is populate, full, cache), never as a substring. An option that asks for help, a
version or a dry run makes a command quick. SQL and Python in the command are read for what they call. The tables are in
known.py.
"""

from __future__ import annotations

import itertools
import re

from pueue_skill.rules.known import (
    BIG_DOWNLOADS,
    BIG_FILES,
    CALM_WORDS,
    LONG,
    LONG_OPTIONS,
    QUICK,
    QUICK_OPTIONS,
    SCRIPT_WORDS,
    SMALL_OPTIONS,
)
from pueue_skill.rules.model import Program
from pueue_skill.shell.model import Command
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex


class Weight(NamedTuple):
    """`size` is long, quick or unknown; `why` completes "this is …". `sure` is false if only a project's configuration
    says so."""

    size: str
    why: str
    sure: bool = True


class Row(NamedTuple):
    """A parsed entry of LONG: required words and options, excluded ones, and what the program does."""

    words: tuple[str, ...]
    options: tuple[str, ...]
    without: tuple[str, ...]
    why: str


def parse_table() -> dict[str, list[tuple[str, list[str]]]]:
    """By program, its entries of LONG as (what it does, words)."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for why, text in LONG.items():
        for entry in text.split(","):
            program, *rest = entry.split()
            found.setdefault(program, []).append((why, rest))
    return found


def rows_for(program: str) -> list[Row]:
    """The entries of a program."""
    return [
        Row(
            tuple([word for word in rest if word[0] not in "-!"]),
            tuple([word for word in rest if word[0] == "-"]),
            tuple([word[1:] for word in rest if word[0] == "!"]),
            why,
        )
        for why, rest in TABLE.get(program, ())
    ]


TABLE = parse_table()
RUNNERS = {"python", "python2", "python3", "pypy", "pypy3", "ipython", "node", "ruby", "perl", "Rscript", "julia", "php", "bun", "deno", "java", "bash", "sh", "zsh", "dash", "tsx"}  # fmt: skip
TASK_RUNNERS = {"make", "just", "mise", "task", "npm", "pnpm", "yarn", "invoke", "inv", "nox", "rake", "bundle", "gradle", "gradlew", "ant", "doit"}  # fmt: skip
CHECKS = {"pytest", "unittest", "http.server", "venv", "pip", "json_tool", "py_compile", "compileall", "black", "ruff", "mypy", "timeit", "site", "ensurepip", "build", "doctest"}  # fmt: skip
SQL_CLIENTS = {"psql", "mysql", "mariadb", "clickhouse-client", "clickhouse", "clickhouse-local", "duckdb", "sqlite3", "cqlsh", "snowsql", "bq", "trino", "presto", "mongosh", "sqlcmd", "beeline"}  # fmt: skip
DATE_OPTIONS = {"--start", "--from", "--since", "--start-date", "--start_date", "-since"}
"""Options that begin a span of dates."""

SQL_OPTIONS = {"-c", "-e", "-q", "--query", "--command", "--execute", "--multiquery", "-Q"}
SQL_FILES = {"-f", "--file", "--queries-file", "--init-file"}
LONG_SQL = regex(
    r"\b(OPTIMIZE\s+TABLE|VACUUM|REINDEX|CLUSTER|ANALYZE\s+\w|CREATE\s+(UNIQUE\s+)?INDEX|INSERT\s+INTO\s(?!.*\bVALUES\b).*\b(SELECT|FROM|FORMAT)\b|INTO\s+OUTFILE|COPY\s*[\w.(]|\\copy|ALTER\s+TABLE\s+\S+\s+(?!(ADD|RENAME|DROP|COMMENT|MODIFY\s+COMMENT)\s+(COLUMN|TO|CONSTRAINT|IF)?)|REFRESH\s+MATERIALIZED"
    r"|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|MATERIALIZED\s+VIEW)\b.*\bAS\b|TRUNCATE|MERGE\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|LOAD\s+DATA|\.import|\.dump|EXPORT\s+DATABASE|IMPORT\s+INTO|MATERIALIZE|BACKUP\b|RESTORE\b)",
    re.IGNORECASE | re.DOTALL,
)
ONE_ROW = regex(r"^\s*(UPDATE|DELETE)\b.*\bWHERE\b(?!.*(BETWEEN|<|>|\bIN\b)).*=", re.IGNORECASE | re.DOTALL)
CALL = regex(r"([A-Za-z_]\w*)\s*\(")
SCRIPT_LITERAL = regex(r"[\"']([\w./-]+\.(?:py|sh))[\"']")
WORDS = regex(r"[A-Za-z]+\d*")
NUMBER = regex(r"\d[\d_]*(?:[eE]\+?\d+)?")
JAVA_HEAP = regex(r"-Xmx(\d+)g$")
YEAR = regex(r"(?:19|20)\d\d\b")


def anchors_of(program: str) -> list[str]:
    """The program, with one word or option that its entries require; alone if an entry requires none."""
    asked = [rest for _, rest in TABLE[program]]
    needed = [next((word for word in words if word[0] != "!"), "") for words in asked]
    return [program] if "" in needed else [f"{program} {word}" for word in needed]


def anchors() -> set[str]:
    """Every text with a command that is long by its own words contains one of these."""
    options = {option.lstrip("-") for option in (*LONG_OPTIONS, *DATE_OPTIONS)}
    others = {"rsync", "scp", "cp", "curl", "aws", "symbol", "pytest"}
    return {*SCRIPT_WORDS, *SQL_CLIENTS, *options, *others}.union(*map(anchors_of, TABLE))


def weigh(command: Command, programs: tuple[Program, ...] = ()) -> Weight:
    """The Weight of `command` by its words; the user's `programs` take precedence."""
    args = command.args
    for known in programs:
        if command.name == known.program and set(known.arguments) <= set(args):
            return Weight(known.size, known.why, known.sure)
    if quick_option(command.name, args):
        return Weight("quick", "only asks for help, a version or a plan")
    for judge in (weigh_by_table, weigh_transfer, weigh_sql, weigh_code, weigh_script):
        weight = judge(command, args)
        if weight:
            return weight
    if command.name in QUICK:
        return Weight("quick", f"{command.name} ends soon")
    return Weight("unknown", f"nothing is known about {command.name}")


def quick_option(name: str, args: tuple[str, ...]) -> bool:
    """Whether an option makes the command quick: help, version, dry run, a small limit."""
    for i, arg in enumerate(args):
        if arg in QUICK_OPTIONS or (arg in ("-n", "-q") and name == "make"):
            return True
        following = args[i + 1] if i + 1 < len(args) else "-"
        if arg in ("-h", "-V") and following[:1] == "-":
            return True
        if arg in SMALL_OPTIONS and following.isdigit() and int(following) <= 1000:
            return True
    return name in TABLE and any(arg in ("help", "version") for arg in args[:3])


def has_argument(args: tuple[str, ...], wanted: str) -> bool:
    """Whether an option (also in a cluster, `-avn`) or a word is in `args`."""
    if any(re.fullmatch(r"-[a-z]+[a-z_]{4,}", arg) for arg in args):
        return any(arg == wanted or arg.startswith(wanted + "=") for arg in args)  # long options with one dash
    if len(wanted) == 2 and wanted[0] == "-" and wanted[1].isalpha():
        return any(
            arg == wanted
            or (re.fullmatch(r"-[A-Za-z]+", arg) is not None and wanted[1] in arg[1:])
            or re.fullmatch(f"{wanted}[^A-Za-z].*", arg)
            for arg in args
        )
    return any(arg == wanted or arg.startswith(wanted + "=") for arg in args)


def operands(args: tuple[str, ...]) -> list[str]:
    """The arguments that are not options."""
    return [arg for arg in args if arg[:1] not in ("-", "+")]


def weigh_by_table(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight from LONG, or None."""
    first = operands(args)[:6]
    for row in rows_for(command.name):
        n = len(row.words)
        if n and not any(tuple(first[i : i + n]) == row.words for i in range(len(first))):
            continue
        if all(has_argument(args, option) and not is_tiny(args, option) for option in row.options) and not any(
            has_argument(args, word) for word in row.without
        ):
            if row.why == "archive work" and not is_big_archive(command, args):
                continue
            return Weight("long", row.why)
    return None


def is_tiny(args: tuple[str, ...], option: str) -> bool:
    """Whether a numeric option limits the run to almost nothing: `-count=1`, `-n 5`."""
    for i, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name == option:
            value = value if equals else (args[i + 1] if i + 1 < len(args) else "")
            return value.isdigit() and int(value) <= 10 and option != "-j"
    return False


def is_big_archive(command: Command, args: tuple[str, ...]) -> bool:
    """Whether archive work is long: listing an archive is not."""
    if command.name not in ("tar", "zip", "unzip", "zstd", "xz", "7z", "pigz"):
        return True
    if command.name == "tar":
        return not (has_argument(args, "-t") or (args and re.fullmatch(r"[a-zA-Z]*t[a-zA-Z]*", args[0])))
    return True


def weigh_transfer(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of rsync, scp, cp, curl and aws s3: long for trees and big files, quick for a listing or a small
    file."""
    name = command.name
    if name == "curl":
        big = has_argument(args, "-C") or any(arg.lower().endswith(BIG_DOWNLOADS) for arg in args)
        return Weight("long", "a big download") if big else None
    if name == "aws" and operands(args)[:2] in (["s3", "cp"], ["s3", "mv"]):
        args = tuple(operands(args)[2:]) + (("-r",) if has_argument(args, "--recursive") else ())
    elif name == "cp":
        if not (has_argument(args, "-a") or has_argument(args, "-r") or has_argument(args, "-R")) or not any(
            re.match(r"/(data|mnt|srv|media|backup|archive|lake|scratch)\b", arg) for arg in operands(args)
        ):
            return None
    elif name not in ("rsync", "scp"):
        return None
    if has_argument(args, "-n") and name == "rsync":
        return Weight("quick", "a dry run")
    valued = {"scp": "cFiJlDoPSX", "rsync": "eBfTM"}.get(name, "")
    words, skip = [], False
    for arg in args:
        if skip or arg[:1] == "-":
            skip = not skip and len(arg) == 2 and arg[1] in valued
        else:
            words.append(arg)
    sources = words[:-1]
    if not sources:
        return Weight("quick", "a listing")
    for source in sources:
        base = source.rpartition(":")[2]
        last = base.rstrip("/").rpartition("/")[2]
        tree = base.endswith("/") or "." not in last.lstrip(".") or any(char in last for char in "*?[{$")
        if (
            tree and (name != "scp" or has_argument(args, "-r") or any(char in last for char in "*?["))
        ) or last.lower().endswith(BIG_FILES):
            return Weight("long", "a transfer")
    return Weight("quick", "a small copy")


def weigh_sql(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a database client, by its SQL."""
    if command.name not in SQL_CLIENTS:
        return None
    texts = [redirect.body.value for redirect in command.redirects if redirect.body]
    for i, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in SQL_OPTIONS and equals:
            texts.append(value)
        elif option in SQL_OPTIONS or (re.fullmatch(r"-\w*[ceqQ]", option)):
            texts += args[i + 1 : i + 2]
        elif option in SQL_FILES or re.fullmatch(r"-\w*f", option):
            return Weight("long", "an SQL script")
    texts += [arg for arg in args if " " in arg and arg[:1] != "-"]
    statements = [statement for text in texts for statement in text.split(";")]
    if any(LONG_SQL.search(statement) and not ONE_ROW.search(statement) for statement in statements):
        return Weight("long", "SQL that changes or moves a whole table")
    fed = any(redirect.op == "<" for redirect in command.redirects)
    if not texts and (fed or command.pipe[0] > 0):
        return Weight("long", "a load from a file")
    return None


def weigh_code(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of Python code in -c or a heredoc, by the names that it calls."""
    if command.name not in ("python", "python3", "ipython", "pypy3"):
        return None
    code = [redirect.body.value for redirect in command.redirects if redirect.body]
    options = [arg for arg in itertools.takewhile(lambda arg: arg[:1] == "-" and arg != "-m", args)]
    if options[-1:] == ["-c"] and len(args) > len(options):
        code = [args[len(options)]]
    elif args and not args[0].startswith("-"):
        return None
    for text in code:
        for name in [match[1] for match in CALL.finditer(text)] + started_scripts(text):
            why = reason_in_name(name)
            if why and not (
                name.islower()
                and "_" not in name
                and name not in ("train", "fit", "populate", "backfill", "ingest")
                and "." not in name
            ):
                return Weight("long", why)
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
        return None
    base = script.rpartition("/")[2]
    if base == "setup.py" and {"bdist_wheel", "bdist", "build_ext", "build", "install"} & set(rest):
        return Weight("long", "a build")
    first = [arg for arg in rest if arg[:1] not in ("-", "+")][:1]
    subcommand = first[0] if first and re.fullmatch(r"[A-Za-z][\w:-]*", first[0]) else ""
    if is_calm(base) or is_calm(subcommand) or base in CHECKS:
        return weigh_tests(base, args)
    why = reason_in_name(base) or (reason_in_name(subcommand) if subcommand else None)
    if why:
        return Weight("long", why)
    bare = "/" not in command.words[0].value and script == command.words[0].value
    why = reason_in_options(args if command.name == "java" else rest, sized=not bare)
    if why:
        return Weight("long", why)
    return Weight("unknown", f"the run time of {base} is unknown")


def weigh_tests(base: str, args: tuple[str, ...]) -> Weight:
    """The Weight of a test run or check."""
    if base == "pytest" and any(
        re.search(r"slow|integration|gpu|soak", arg)
        for arg in args
        if not arg.startswith("--ignore") and "not " not in arg
    ):
        return Weight("long", "a long test run")
    return Weight("quick", f"{base} is a query or a check")


def reason_in_options(args: tuple[str, ...], sized: bool) -> str | None:
    """Why options show a long run, or None; `sized`: a large number in them counts."""
    years = [int(match[0]) for arg in args for match in YEAR.finditer(arg)]
    for i, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        value = value if equals else (args[i + 1] if i + 1 < len(args) else "")
        if option in LONG_OPTIONS and not re.fullmatch(r"[01]", value):
            return f"a run with {option}"
        if (
            option in ("--start", "--from", "--since", "--start-date", "--start_date", "-since")
            and years
            and (len(years) == 1 or max(years) > min(years))
        ):
            return "a run over years of data"
        if not sized or not option.startswith("-") or option in ("--port", "--seed", "--seed-base", "-p"):
            continue
        size = NUMBER.fullmatch(value)
        if size and float(value.replace("_", "")) >= 100_000:
            return f"a run with {option} {value}"
    if any(heap and int(heap[1]) >= 8 for heap in map(JAVA_HEAP.match, args)):
        return "a program with a large heap"
    if "--symbol" in args and "--threshold" in args:
        return "one symbol and threshold of a batch"
    return None


def script_of(command: Command) -> tuple[str | None, tuple[str, ...]]:
    """The script, module or task that `command` runs, and its arguments; (None, ()) without one."""
    args = command.args
    if command.name in RUNNERS:
        i = 0
        while i < len(args) and args[i].startswith("-"):
            if args[i] in ("-m", "-jar") and i + 1 < len(args):
                return args[i + 1].replace(".", "_") if args[i] == "-m" and args[i + 1] != "http.server" else args[
                    i + 1
                ], args[i + 2 :]
            if args[i] in ("-c", "-e", "-p", "-", "-s", "--eval", "--print") or (
                command.name in ("bash", "sh", "zsh") and "n" in args[i][1:] and args[i][1:2] != "-"
            ):
                return None, ()
            i += 2 if args[i] in ("-W", "-X", "-r", "-t") else 1
        return (args[i], args[i + 1 :]) if i < len(args) else (None, ())
    if command.name in TASK_RUNNERS:
        valued = ("-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--prefix")
        words = [
            arg
            for i, arg in enumerate(args)
            if arg[:1] not in ("-", "+")
            and "=" not in arg
            and not arg.isdigit()
            and (not i or args[i - 1] not in valued)
        ]
        while words[:1] in (["run"], ["run-script"], ["r"], ["exec"], ["rake"]) and command.name not in (
            "make",
            "just",
        ):
            words = words[1:]
        return (words[0], tuple(words[1:])) if words else (None, ())
    if command.name == "cargo" and args[:1] == ("run",):
        name = args[args.index("--bin") + 1] if "--bin" in args[:-1] else "cargo-run"
        return name, args[args.index("--") + 1 :] if "--" in args else ()
    if command.name == "go" and args[:1] == ("run",) and len(args) > 1:
        return args[1], args[2:]
    program = command.words[0].value
    if "/" in program or re.search(r"\.(py|sh|rb|pl|R|jl|js|ts)$", program):
        return (program, args) if command.name not in QUICK and command.name not in TABLE else (None, ())
    if command.name not in QUICK and command.name not in TABLE and program[:1] != "$":
        return program, args
    return None, ()


def runs_script(command: Command) -> bool:
    """Whether the command runs a script, module or task, and not a program by its bare name."""
    script = script_of(command)[0]
    return script is not None and not (script == command.words[0].value and "/" not in script and "." not in script)


def split_name(name: str) -> list[str]:
    """The words of a name in lower case: `populateFull_cache.py` is populate, full, cache, py."""
    return [word.lower() for word in WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1_\2", name))]


def is_calm(name: str) -> bool:
    """Whether a name describes a check or a query."""
    words = split_name(re.sub(r"\.\w+$", "", name))
    return any(word in CALM_WORDS for word in words) and not (
        {"soak", "stress", "load"} & set(words) and "test" in words
    )


def reason_in_name(name: str) -> str | None:
    """What a script or function does by its name, if that takes long; else None."""
    words = split_name(name)
    if {"soak", "stress", "load"} & set(words) and "test" in words:
        return "a soak run"
    if any(word in CALM_WORDS for word in words):
        return None
    return next((SCRIPT_WORDS[word] for word in words if word in SCRIPT_WORDS), None)


# Only the letter of a short option: the rest may be its value (`-psecret`).
OPTION_NAME = regex(r"--[A-Za-z][A-Za-z_-]*|-[A-Za-z]")


def shape(command: Command) -> str:
    """The constant parts of a command across its runs: host, program, script or subcommand, and option names.

    Values are excluded: they may be secrets, and they differ from run to run.
    """
    script, _ = script_of(command)
    words = [command.name]
    if script and script.rpartition("/")[2] != command.name:
        words.append(script.rpartition("/")[2])
    elif not script:
        words += [arg for arg in command.args[:1] if re.fullmatch(r"[a-z][a-z-]{1,20}", arg)]
    flags = sorted({match[0] for match in map(OPTION_NAME.match, command.args) if match})
    host = f"{command.hosts[-1]}:" if command.hosts else ""
    return host + " ".join([*words, *flags])
