"""Finds conflicts between iterations in their words: Iterations in, nothing or NotQueueable out, naming the
conflicting word.

The value of each iteration must be in the words of its work, no iteration may name the value of another, and no
iteration may write or keep a file that all iterations name, as far as the tables in effects.py show. An unknown option
that names a file may write it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from pueue_skill.plan.effects import (
    ADDRESS,
    ALL_WRITTEN,
    ARCHIVERS,
    ATTACHED,
    CALCULATING_PROGRAMS,
    COMPOSE,
    COMPOSE_READS,
    CONTAINERS,
    DATA_PARTS,
    DECLARING_BUILTINS,
    DEVICES,
    ENVIRONMENTS,
    FILE_WORDS,
    FIRST_WRITTEN,
    HARMLESS_PROGRAMS,
    LAST_WRITTEN,
    MIGRATION,
    NAMED_BY_INPUT,
    NO_OUTPUT_O,
    NUMBER,
    OPTION,
    ORDERED,
    OUTPUT_BY_F,
    OWN_FOLDER,
    PLACEMENT,
    PLAIN_NAME,
    READ_FORMS,
    SETTING,
    STATEFUL,
    STEP_NAMES,
    TRANSFER_VERBS,
    TRANSFERS,
    is_path,
    name_words,
    role,
    role_of_variable,
)
from pueue_skill.plan.iterations import ANY_MARK, MARK, Iterations
from pueue_skill.plan.values import shell_pattern
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.scripts import RUNNERS, script_of
from pueue_skill.rules.sql import SQL_CLIENTS, SQL_OPTIONS
from pueue_skill.rules.table import TABLE
from pueue_skill.shell.arguments import basename
from pueue_skill.shell.expansion import UnknownValue
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Redirect, Script, Word
from pueue_skill.shell.walk import simple_nodes
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

ELEMENT = regex(r"\$\{\w+\[\$?\{?\w+\}?\]\}")
"""An array element indexed by the loop variable, different in each iteration."""
DATABASE_OPTIONS = {"--db", "--database"}
"""Options that name a database on a server, which accepts several clients at once."""
STEP_NAME = regex(r"[a-z]+[-_ ]?\d*")


class Argument(NamedTuple):
    """A word of a command and the option before it, empty for an operand."""

    name: str
    value: str


def check_conflicts(iterations: Iterations, side_by_side: bool) -> None:
    """Raises NotQueueable unless the words of the iterations show that these are independent.

    With `side_by_side` the text itself runs its background commands next to those of other iterations.
    """
    if len(iterations.values) < 2:
        return
    commands = [command for command in iterations.commands if not (side_by_side and command.background)]
    written = check_outputs(iterations)
    if commands:
        check_order(iterations)
        check_names(iterations, commands)
    for index, command in enumerate(commands):
        if on_different_hosts(iterations, command):
            continue
        check_tool(iterations, command)
        for name, value in exported_variables(command.words):
            if role_of_variable(name, iterations.of(value)[0]) in ("writes", "keeps") and not is_own_file(
                iterations, command, value
            ):
                raise NotQueueable(conflict_reason(iterations, value, f"{name}=", "keeps"))
        written += check_operands(iterations, command)
        if is_work(iterations, command):
            check_value(iterations, commands, index)
        if not carries_text(command) and command.name not in HARMLESS_PROGRAMS | DECLARING_BUILTINS:
            written += check_arguments(iterations, command)
    worked = False
    for command in commands:
        check_read(iterations, command, written)
        if worked and (command.name in TRANSFERS or not is_work(iterations, command)):
            check_result(iterations, command)
        worked = worked or (is_work(iterations, command) and command.pipe[0] + 1 == command.pipe[1])


def on_different_hosts(iterations: Iterations, command: Command) -> bool:
    """Whether each iteration runs the command on another host."""
    return any(iterations.differs(host) for host in command.ssh_hosts)


def is_work(iterations: Iterations, command: Command) -> bool:
    """Whether the command may take long and is not a text whose commands are checked themselves."""
    return (
        not carries_text(command)
        and command.name not in HARMLESS_PROGRAMS
        and weigh(in_iteration(iterations, command, 0)).size != "quick"
    )


def carries_text(command: Command) -> bool:
    """Whether the command passes a text to a shell, whose commands are checked themselves."""
    text = shell_text(command.words) if command.name in SHELLS else None
    return (
        command.ssh is not None
        or command.name == "eval"
        or (text is not None and isinstance(parse(text.value), Script))
    )


def in_iteration(iterations: Iterations, command: Command, index: int) -> Command:
    """The command with its values in iteration `turn`."""
    words = tuple([word._replace(value=iterations.of(word.value)[index]) for word in command.words])
    return command._replace(words=words, name=basename(words[0].value))


def is_own_file(iterations: Iterations, command: Command, value: str) -> bool:
    """Whether a path names another file in each iteration."""
    first = iterations.of(value)[0]
    relative = not first.startswith(("/", "~", "$")) and ".." not in first.split("/")
    return iterations.differs(value, *command.ssh_hosts, *([command.cwd] if relative and command.cwd else []))


def check_order(iterations: Iterations) -> None:
    """Raises NotQueueable if the iterations are steps, judging by the variable's name or its values."""
    for name in iterations.names:
        if {*name_words(name)} & ORDERED:
            raise NotQueueable(f"the iterations of ${name} are steps, by its name")
        values = iterations.of(iterations.mark(name)) if not {*name_words(name)} & DATA_PARTS else ()
        steps = [
            value
            for value in values
            if value in STEP_NAMES or (STEP_NAME.fullmatch(value) and {*name_words(value)} & ORDERED)
        ]
        if len({*steps}) > 1:
            raise NotQueueable(f"{steps[0]} and {steps[1]} are steps that depend on their order")


def check_names(iterations: Iterations, commands: Sequence[Command]) -> None:
    """Raises NotQueueable if an expansion has the value in one iteration that another expansion has in a different
    one."""
    uses = [
        (argument, MARK.findall(argument.value))
        for c in commands
        if c.name not in HARMLESS_PROGRAMS
        for argument in all_arguments(c)
        if not sets_placement(argument, PLACEMENT)
    ]
    bare = (
        {f"${name}" for name in iterations.names} | {f"${{{name}}}" for name in iterations.names} | {*iterations.names}
    )
    marks = [mark for mark in dict.fromkeys([mark for _, found in uses for mark in found]) if not iterations.same(mark)]
    for mark, other in itertools.permutations(marks, 2):
        if iterations.written(mark) in bare or ELEMENT.fullmatch(iterations.written(mark)):
            continue
        values, others = iterations.of(mark), iterations.of(other)
        shared = {*values} & {*others}
        if any(a == b and i != j for i, a in enumerate(values) if a in shared for j, b in enumerate(others)):
            where = next(argument for argument, found in uses if mark in found)
            raise NotQueueable(
                f"{where.name or iterations.written(where.value)} names the value of another iteration ({iterations.written(mark)})"
            )
    for mark in marks:
        if "$((" in iterations.of(mark)[0] and len(marks) > 1:
            raise NotQueueable(f"{iterations.written(mark)} may be the value of another iteration")
    outside = [
        argument
        for c in commands
        if "substitution" not in c.inside and c.name not in HARMLESS_PROGRAMS
        for argument in all_arguments(c)
    ]
    for command in iterations.commands:
        if (
            command.name in CALCULATING_PROGRAMS
            and "substitution" in command.inside
            and calculates(iterations, command)
            and any(iterations.differs(argument.value) for argument in outside)
        ):
            raise NotQueueable(f"{command.name} may compute the value of another iteration")


def calculates(iterations: Iterations, command: Command) -> bool:
    """Whether a program in a substitution computes with the iteration's value."""
    values = [word.value for word in command.words[1:] if not iterations.same(word.value)]
    if command.name in ("bc", "dc", "date", "gdate", "expr"):
        return bool(values) or command.pipe[0] > 0
    values = [value for value in values if re.search(r"[\s()=]", value)]
    return any(re.search(rf"{ANY_MARK}\W*[-+*/%]|[-+*/%]\W*{ANY_MARK}", value) for value in values)


def all_arguments(command: Command) -> Iterator[Argument]:
    """The arguments of a command, its assigned variables and its redirects."""
    yield from arguments(command)
    for word in command.assigns:
        name, _, value = word.value.partition("=")
        yield Argument(f"{name}=", value)
    for redirect in command.redirects:
        if redirect.target:
            yield Argument(redirect.op, redirect.target.value)


def arguments(command: Command) -> list[Argument]:
    """The words after the program, or after the script that it runs; options with their values."""
    found: list[Argument] = []
    pending = ""
    script, rest = script_of(command)
    words = command.words[len(command.words) - len(rest) :] if script and command.name in RUNNERS else command.words[1:]
    for word in words:
        option, short, setting = (form.fullmatch(word.value) for form in (OPTION, ATTACHED, SETTING))
        if short and not word.value.startswith("--"):
            found.append(Argument(f"-{short[1]}", short[2]))
            pending = ""
        elif option:
            found += [Argument(option[1], option[2])] if option[2] is not None else []
            pending = "" if option[2] is not None else option[1]
        elif setting and "/" not in setting[1]:
            found.append(Argument(f"{pending} {setting[1]}=".strip(), setting[2]))
            pending = ""
        else:
            found.append(Argument(pending, word.value))
            pending = ""
    return found


def sets_placement(argument: Argument, places: set[str]) -> bool:
    """Whether the argument only says where something runs (`places`: device, thread or core words)."""
    words = name_words(argument.name.rpartition(" ")[2].rstrip("="))
    return bool(words) and {*words} <= places


def check_outputs(iterations: Iterations) -> list[str]:
    """The files that the iterations write by redirects and tee. Raises NotQueueable if two iterations write the same
    file."""
    for redirect, hosts in iterations.around:
        if (
            redirect.target
            and opens_file(redirect)
            and not any(map(iterations.differs, hosts))
            and not iterations.differs(redirect.target.value)
        ):
            raise NotQueueable(conflict_reason(iterations, redirect.target.value, redirect.op))
    found = [(c, r.op, r.target.value) for c in iterations.commands for r in c.redirects if r.target and opens_file(r)]
    found += [(c, "tee", word.value) for c in iterations.commands if c.name == "tee" for word in c.words[1:]
              if word.value[:1] != "-" and not word.value.startswith("/dev/")]  # fmt: skip
    for command, by, value in found:
        if not on_different_hosts(iterations, command) and not is_own_file(iterations, command, value):
            raise NotQueueable(conflict_reason(iterations, value, by))
    return [value for _, _, value in found]


def opens_file(redirect: Redirect) -> bool:
    """Whether the redirect writes to a file, or to a descriptor opened before the loop."""
    target = redirect.target.value if redirect.target else ""
    if redirect.op in ("<", "<<<", "<<", "<<-", "<&") or target in ("/dev/null", "-", "/dev/stdout", "/dev/stderr"):
        return False
    return redirect.op != ">&" or target not in ("1", "2")


def conflict_reason(iterations: Iterations, value: str, by: str, verb: str = "writes") -> str:
    """The reason why `value` is a conflict; `by` is the option or redirect that names it."""
    if iterations.same(value):
        return f"every iteration {verb} {iterations.written(value)} ({by})"
    return f"two iterations may have the same {iterations.written(value)} ({by})"


def check_tool(iterations: Iterations, command: Command) -> None:
    """Raises NotQueueable if a program changes state that the iterations share."""
    words = [iterations.written(word.value) for word in command.words[1:]]
    plain = [word for word in words if word[:1] not in ("-", "+")]
    tool = STATEFUL.get(command.name)
    shares = tool is not None and not {*words} & {*tool.but} and (not tool.words or bool({*plain[:2]} & {*tool.words}))
    own = bool(command.cwd and iterations.differs(command.cwd)) or any(
        argument.name.rstrip("=") in OWN_FOLDER and iterations.differs(argument.value)
        for argument in arguments(command)
    )
    if command.name in COMPOSE and plain[:1] == ["compose"]:
        shares = not {*plain[1:3]} & COMPOSE_READS
    elif tool is not None and tool.where == "machine":
        own = False
    if command.name in ("python", "python3") and words[:2] in (["-m", "pip"], ["-m", "venv"]):
        shares, own = True, False
    if shares and not own:
        raise NotQueueable(f"every iteration changes the state of {' '.join([command.name, *plain[:1]])}")
    migrates = next((word for word in [command.name, *words] if MIGRATION.search(word)), None)
    if migrates and command.name not in HARMLESS_PROGRAMS:
        raise NotQueueable(f"migrations depend on their order ({migrates})")
    if command.name in SQL_CLIENTS:
        check_sql(iterations, command)


def check_sql(iterations: Iterations, command: Command) -> None:
    """Raises NotQueueable if each iteration runs another SQL script against one database."""
    given = arguments(command)
    asks = any(argument.name in SQL_OPTIONS or " " in argument.value for argument in given)
    fed = [r.target.value for r in command.redirects if r.op == "<" and r.target]
    files = [argument.value for argument in given if argument.name in ("-f", "--file", "--queries-file")]
    if not asks and any(not iterations.same(value) for value in (*fed, *files)):
        rest = [argument.value for argument in given if argument.value not in files]
        if not any(iterations.differs(value) for value in rest):
            raise NotQueueable(f"{command.name} runs a series of SQL scripts ({iterations.written([*fed, *files][0])})")


def check_operands(iterations: Iterations, command: Command) -> list[str]:
    """The operands that well-known programs write. Raises NotQueueable if two iterations write the same file."""
    written = written_operands(command)
    for value in written:
        if not is_own_file(iterations, command, value):
            raise NotQueueable(conflict_reason(iterations, value, command.name, "changes"))
    return written


def written_operands(command: Command) -> list[str]:
    """The operands that a well-known program writes."""
    name, words = command.name, [word.value for word in command.words[1:]]
    given = arguments(command)
    values = [
        argument.value
        for argument in given
        if (argument.value == "." or not NUMBER.fullmatch(argument.value))
        and argument.value not in ("-", "null", "/dev/null")
    ]
    if name == "mkdir" and {"-p", "--parents"} & {*words}:
        return []
    if name == "sed":
        return values[-1:] if any(word[:2] == "-i" or word.startswith("--in-place") for word in words) else []
    if name == "tar":
        return written_archives(words) or extraction_folders(given, words)
    if name == "unzip":
        looks = any(re.fullmatch(r"-\w*[cflptvzZ]\w*", word) for word in words if not word.startswith("-d"))
        return [] if looks else [next((argument.value for argument in given if argument.name == "-d"), ".")]
    if name == "aws":
        if words[:1] != ["s3"] or words[1:2] not in (["cp"], ["mv"], ["sync"]):
            return []
        values = values[2:]
        if values and ADDRESS.match(values[-1]) and (words[1] == "sync" or values[-1].count("/") < 3):
            return []
    if name == "dd":
        return [argument.value for argument in given if argument.name == "of="]
    if name in ALL_WRITTEN:
        return values
    if name == "mv" and len(values) == 2:
        return values
    if name in LAST_WRITTEN or name == "aws":
        into = values[-1] if values else ""
        if into == "." or into.endswith("/"):
            return [into.removesuffix(".") + value.rstrip("/").rpartition("/")[2] for value in values[:-1]]
        return [into] if into else []
    # A word of one letter is a subcommand: `7z a`.
    return [value for value in values if len(value) > 1 and is_path(value)][:1] if name in FIRST_WRITTEN else []


def written_archives(words: Sequence[str]) -> list[str]:
    """The archive that tar creates or appends to."""
    clusters = [
        word
        for i, word in enumerate(words)
        if re.fullmatch(r"-[A-Za-z]+", word) or (i == 0 and re.fullmatch(r"[A-Za-z]+", word))
    ]
    if not any(re.search("[cruA]", cluster.replace("C", "")) for cluster in clusters):
        return []
    return [words[words.index(cluster) + 1] for cluster in clusters if cluster.endswith("f")][:1]


def extraction_folders(given: Sequence[Argument], words: Sequence[str]) -> list[str]:
    """The folder into which tar extracts: the current folder by default."""
    clusters = [word for i, word in enumerate(words) if re.fullmatch(r"-[A-Za-z]+" if i else r"-?[A-Za-z]+", word)]
    if not any("x" in cluster for cluster in clusters) and not {"--extract", "--get"} & {*words}:
        return []
    if any("O" in cluster for cluster in clusters) or "--to-stdout" in words:
        return []
    folders = [argument.value for argument in given if argument.name in ("-C", "--directory", "--argument-top-level")]
    return folders or ["."]


def check_value(iterations: Iterations, commands: Sequence[Command], index: int) -> None:
    """Raises NotQueueable unless the words or the input of a command differ between iterations."""
    command = commands[index]
    first, second = (in_iteration(iterations, command, index) for index in (0, -1))
    own = bool(command.cwd and iterations.differs(command.cwd))
    if not own and (first.name, script_of(first)[0]) != (second.name, script_of(second)[0]):
        program = next(word.value for word in command.words if not iterations.same(word.value))
        raise NotQueueable(f"each iteration runs another program ({iterations.written(program)})")
    values = [argument.value for argument in input_arguments(commands, index)]
    values += [
        value
        for argument in commands
        for name, value in exported_variables(argument.words)
        if not sets_placement(Argument(f"{name}=", value), DEVICES)
    ]
    values += wrapper_words(iterations, command) if {*command.wrappers} & {*CONTAINERS, *ENVIRONMENTS} else []
    values += [*command.ssh_hosts, *([command.cwd] if command.cwd else [])]
    if not any(not iterations.same(value) for value in values):
        raise NotQueueable(
            f"no word of {command_start(iterations, command)} contains the value of its iteration ({variable_names(iterations)})"
        )
    keys = [*zip(*[iterations.of(value) for value in values], strict=True)]
    if len({*keys}) < len(keys):
        same = max(keys, key=keys.count)
        words = [value for value, by_turn in zip(same, map(iterations.of, values), strict=True) if len({*by_turn}) > 1]
        raise NotQueueable(f"two iterations may be the same ({' '.join(words)})")
    ordered = next(
        (
            argument
            for argument in arguments(command)
            if not iterations.same(argument.value) and {*name_words(argument.name)} & ORDERED
        ),
        None,
    )
    if ordered:
        raise NotQueueable(
            f"{ordered.name} counts steps that depend on their order ({iterations.written(ordered.value)})"
        )


def input_arguments(commands: Sequence[Command], index: int) -> Iterator[Argument]:
    """The arguments, variables and input of a command, and those of the commands that feed it through a pipe."""
    command = commands[index]
    for argument in all_arguments(command):
        if (
            not sets_placement(argument, DEVICES)
            and (argument.name[-1:] not in ("<", ">") or argument.name[0] == "<")
            and argument.name not in ("&>", "&>>", ">|")
        ):
            yield argument
    before = index - 1
    while command.pipe[0] > 0 and before >= 0:
        feeder = commands[before]
        if feeder.pipe[1] == command.pipe[1] and feeder.via == command.via and feeder.pipe[0] < command.pipe[0]:
            yield from input_arguments(commands, before)
            return
        before -= 1


def wrapper_words(iterations: Iterations, command: Command) -> list[str]:
    """The words of the wrappers around a command in the text itself."""
    return iterations.wrappers[iterations.commands.index(command)].split()


def command_start(iterations: Iterations, command: Command) -> str:
    """The first 40 characters of a command, in backticks, for messages."""
    words = " ".join([iterations.written(word.value) for word in command.words])
    return f"`{words if len(words) <= 40 else words[:37] + '...'}`"


def variable_names(iterations: Iterations) -> str:
    """The loop variables, for messages."""
    return " ".join([name if not name.isidentifier() else f"${name}" for name in iterations.names])


def check_arguments(iterations: Iterations, command: Command) -> list[str]:
    """The values of a command's arguments that it writes or keeps. Raises NotQueueable if two iterations share one."""
    script = script_of(in_iteration(iterations, command, 0))[0]
    wrapped = wrapper_words(iterations, command)
    if (
        {*command.wrappers} & CONTAINERS
        and "--name" in wrapped[:-1]
        and iterations.same(wrapped[wrapped.index("--name") + 1])
    ):
        raise NotQueueable(f"every iteration uses the same container name ({wrapped[wrapped.index('--name') + 1]})")
    work = is_work(iterations, command)
    well_known = not work or command.name in TABLE or command.name in LAST_WRITTEN | FIRST_WRITTEN | ALL_WRITTEN
    given = [word.value.partition("=") for word in command.assigns]
    given += [word.partition("=") for word in wrapper_words(iterations, command) if SETTING.fullmatch(word)]
    written: list[str] = []
    for argument in [*arguments(command), *[Argument(f"{name}=", value) for name, _, value in given]]:
        name = argument.name.rpartition(" ")[2].rstrip("=")
        if name.lstrip("-") in NAMED_BY_INPUT.get(command.name, ()) or argument.value == script:
            continue
        if (name == "-o" and command.name in NO_OUTPUT_O) or (name in DATABASE_OPTIONS and command.name in SQL_CLIENTS):
            continue
        variable = name in [name for name, _, _ in given]
        does = (role_of_variable if variable else role)(name, iterations.of(argument.value)[0])
        if name == "-f" and command.name in OUTPUT_BY_F:
            does = "writes" if work else "sets"
        if name == "-O" and command.name == "wget" and argument.value != "-":
            does = "writes"
        if does in ("sets", "reads") or (does == "unknown" and (well_known or variable)):
            continue
        if not is_own_file(iterations, command, argument.value) and (
            does != "unknown" or iterations.same(argument.value)
        ):
            verb = {"unknown": "may write"}.get(does, does)
            raise NotQueueable(conflict_reason(iterations, argument.value, argument.name or "its operand", verb))
        written += [argument.value] if does != "unknown" else []
    return written


def check_setup(before: str) -> None:
    """Raises NotQueueable if a variable exported before the loop names a file that all iterations keep."""
    script = parse(before.rstrip(" &;\n"))
    for node, _ in simple_nodes(script.nodes if isinstance(script, Script) else ()):
        for name, value in exported_variables(node.words):
            if role_of_variable(name, value) in ("writes", "keeps"):
                raise NotQueueable(f"every iteration keeps {value} ({name}=)")


def exported_variables(words: Sequence[Word]) -> Iterator[tuple[str, str]]:
    """The (name, value) pairs that a command exports."""
    for word in words[1:] if words and words[0].value in ("export", "declare", "typeset") else ():
        name, equals, value = word.value.partition("=")
        if equals:
            yield name, value


def check_result(iterations: Iterations, command: Command) -> None:
    """Raises NotQueueable if a command after an iteration's work reads a file that the work may have written."""
    if command.ssh or command.name in HARMLESS_PROGRAMS | {"mkdir", "cd", "source", ".", "tee", "bash", "sh"}:
        return
    taken = transfer_sources(command)
    for argument in all_arguments(command):
        value = iterations.of(argument.value)[0]
        looked = argument.name == "<" or (
            command.name not in TRANSFERS
            and (argument.name == "" or command.name in ("[", "test", "cat", "head", "tail"))
        )
        plain = argument.value in taken or (argument.name[:1] == "-" and FILE_WORDS.search(argument.name))
        if not (plain and PLAIN_NAME.fullmatch(value)) and not ((looked or plain) and is_path(value)):
            continue
        if value.endswith(READ_FORMS) or is_own_file(iterations, command, argument.value):
            continue
        if iterations.same(argument.value) and not argument.name.startswith((">", "&")):
            raise NotQueueable(
                f"{iterations.written(argument.value)} may be written by every iteration ({command.name})"
            )


def transfer_sources(command: Command) -> list[str]:
    """The operands that a transfer reads, whatever their form; empty for other programs."""
    if command.name not in TRANSFERS:
        return []
    given = arguments(command)
    values = [argument.value for argument in given if argument.value not in TRANSFER_VERBS]
    if command.name == "tar" and values and not given[0].name:
        return values[1:]  # the first word is the cluster of options
    return values[:-1] if len(values) > 1 and command.name not in ARCHIVERS else values


def glob_regex(value: str) -> str | None:
    """The regular expression of a value that is a glob, or None; a glob with too many stars matches everything."""
    if not any(char in value for char in "*?") or " " in value:
        return None
    try:
        return shell_pattern(value)
    except UnknownValue:
        return ".*"


def check_read(iterations: Iterations, command: Command, written: Sequence[str]) -> None:
    """Raises NotQueueable if a word of all iterations names a file that one of them writes, possibly by a glob or
    folder."""
    if command.name in HARMLESS_PROGRAMS | {"mkdir", "cd", "[", "test"}:
        return
    for argument in all_arguments(command):
        if argument.name[:1] in (">", "&") or not iterations.same(argument.value) or ADDRESS.match(argument.value):
            continue
        if is_own_file(iterations, command, argument.value):
            continue
        value = iterations.of(argument.value)[0].rstrip("/")
        pattern = glob_regex(value)
        for path in written:
            for made in iterations.of(path):
                below = (
                    is_work(iterations, command)
                    and value
                    and made.startswith(value + "/")
                    and role(argument.name, value) == "reads"
                )
                if made == value or below or (pattern and re.fullmatch(pattern, made)):
                    raise NotQueueable(
                        f"{iterations.written(argument.value)} may be written by another iteration ({iterations.written(path)})"
                    )
