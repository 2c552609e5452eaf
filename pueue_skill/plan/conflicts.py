"""Whether the words of turns show them to be independent: Turns in, nothing or a Refusal out, which names the word that decided.

The value of each turn has to be in the words of its work, no turn may name the value of another, and nothing that all turns name
alike may be written or kept by them, as far as the tables in effects.py tell; an unknown option that names a file may write it.
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
    BY_INPUT,
    CALCULATES,
    COMPOSE,
    COMPOSE_LOOKS,
    CONTAINERS,
    DECLARES,
    DEVICES,
    ENVIRONMENTS,
    FILE_WORDS,
    FIRST_WRITTEN,
    LAST_WRITTEN,
    LOOKS,
    MIGRATES,
    NUMBER,
    OPTION,
    ORDERED,
    OTHER_O,
    OUTPUT_BY_F,
    OWN_FOLDER,
    PLACES,
    PLAIN_NAME,
    READ_FORMS,
    SETTING,
    SPLITS,
    STATEFUL,
    TRANSFER_VERBS,
    TRANSFERS,
    VERBS,
    is_path,
    role,
    role_of_variable,
    words_of,
)
from pueue_skill.plan.iterations import ANY_MARK, MARK, Turns
from pueue_skill.plan.values import Unknown, shell_pattern
from pueue_skill.rules.cost import ROWS, RUNNERS, SQL, SQL_CLIENTS, script_of, weigh
from pueue_skill.shell.arguments import basename
from pueue_skill.shell.model import Command
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Redirect, Script, Word
from pueue_skill.shell.walk import simple_nodes
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

ELEMENT = regex(r"\$\{\w+\[\$?\{?\w+\}?\]\}")
"""An element of an array by the value of the turn, which is another in each."""
SERVED = {"--db", "--database"}
"""Options that name a database of a server, which takes several clients at once."""
STEP = regex(r"[a-z]+[-_ ]?\d*")


class Argument(NamedTuple):
    """A word of a command and the option before it, empty for an operand."""

    name: str
    value: str


def shown(turns: Turns, side_by_side: bool) -> None:
    """Raises Refusal unless the words of the turns tell that these are independent.

    With `side_by_side` the text itself runs what is in the background next to that of the other turns.
    """
    if len(turns.worth) < 2:
        return
    commands = [command for command in turns.commands if not (side_by_side and command.background)]
    written = check_outputs(turns)
    if commands:
        check_order(turns)
        check_names(turns, commands)
    for place, command in enumerate(commands):
        if elsewhere(turns, command):
            continue
        check_tool(turns, command)
        for name, value in exported(command.words):
            if role_of_variable(name, turns.of(value)[0]) in ("writes", "keeps") and not own_file(
                turns, command, value
            ):
                raise NotQueueable(writes(turns, value, f"{name}=", "keeps"))
        written += check_operands(turns, command)
        if is_work(turns, command):
            check_value(turns, commands, place)
        if not carries_text(command) and command.name not in LOOKS | DECLARES:
            written += check_arguments(turns, command)
    worked = False
    for command in commands:
        check_read(turns, command, written)
        if worked and (command.name in TRANSFERS or not is_work(turns, command)):
            check_result(turns, command)
        worked = worked or (is_work(turns, command) and command.pipe[0] + 1 == command.pipe[1])


def elsewhere(turns: Turns, command: Command) -> bool:
    """Whether each turn runs it on another host."""
    return any(turns.differs(host) for host in command.hosts)


def is_work(turns: Turns, command: Command) -> bool:
    """Whether it may take long, and is no text whose commands are known by themselves."""
    return not carries_text(command) and command.name not in LOOKS and weigh(in_turn(turns, command, 0)).size != "quick"


def carries_text(command: Command) -> bool:
    """Whether its words are a text whose commands are known by themselves."""
    text = shell_text(command.words) if command.name in SHELLS else None
    return (
        command.ssh is not None
        or command.name == "eval"
        or (text is not None and isinstance(parse(text.value), Script))
    )


def in_turn(turns: Turns, command: Command, turn: int) -> Command:
    words = tuple([word._replace(value=turns.of(word.value)[turn]) for word in command.words])
    return command._replace(words=words, name=basename(words[0].value))


def own_file(turns: Turns, command: Command, value: str) -> bool:
    """Whether a path names another file in each turn."""
    first = turns.of(value)[0]
    relative = not first.startswith(("/", "~", "$")) and ".." not in first.split("/")
    return turns.differs(value, *command.hosts, *([command.cwd] if relative and command.cwd else []))


def check_order(turns: Turns) -> None:
    """Raises Refusal when the turns are steps, by the name of their variable or by its values."""
    for name in turns.names:
        if {*words_of(name)} & ORDERED:
            raise NotQueueable(f"the turns of ${name} come one after the other by its name")
        values = turns.of(turns.mark(name)) if not {*words_of(name)} & SPLITS else ()
        steps = [
            value for value in values if value in VERBS or (STEP.fullmatch(value) and {*words_of(value)} & ORDERED)
        ]
        if len({*steps}) > 1:
            raise NotQueueable(f"{steps[0]} and {steps[1]} are steps that come one after the other")


def check_names(turns: Turns, commands: Sequence[Command]) -> None:
    """Raises Refusal when an expansion is in one turn what another is in a different one."""
    uses = [
        (one, MARK.findall(one.value))
        for c in commands
        if c.name not in LOOKS
        for one in named(c)
        if not sets_place(one, PLACES)
    ]
    bare = {f"${name}" for name in turns.names} | {f"${{{name}}}" for name in turns.names} | {*turns.names}
    marks = [mark for mark in dict.fromkeys([mark for _, found in uses for mark in found]) if not turns.same(mark)]
    for mark, other in itertools.permutations(marks, 2):
        if turns.written(mark) in bare or ELEMENT.fullmatch(turns.written(mark)):
            continue
        values, others = turns.of(mark), turns.of(other)
        shared = {*values} & {*others}
        if any(a == b and i != j for i, a in enumerate(values) if a in shared for j, b in enumerate(others)):
            where = next(one for one, found in uses if mark in found)
            raise NotQueueable(
                f"{where.name or turns.written(where.value)} names the value of another turn ({turns.written(mark)})"
            )
    for mark in marks:
        if "$((" in turns.of(mark)[0] and len(marks) > 1:
            raise NotQueueable(f"{turns.written(mark)} may be the value of another turn")
    outside = [one for c in commands if "substitution" not in c.inside and c.name not in LOOKS for one in named(c)]
    for command in turns.commands:
        if (
            command.name in CALCULATES
            and "substitution" in command.inside
            and calculates(turns, command)
            and any(turns.differs(one.value) for one in outside)
        ):
            raise NotQueueable(f"{command.name} may make the value of another turn of it")


def calculates(turns: Turns, command: Command) -> bool:
    """Whether a program in a substitution reckons with the value of the turn."""
    values = [word.value for word in command.words[1:] if not turns.same(word.value)]
    if command.name in ("bc", "dc", "date", "gdate", "expr"):
        return bool(values) or command.pipe[0] > 0
    values = [value for value in values if re.search(r"[\s()=]", value)]
    return any(re.search(rf"{ANY_MARK}\W*[-+*/%]|[-+*/%]\W*{ANY_MARK}", value) for value in values)


def named(command: Command) -> Iterator[Argument]:
    """The arguments of a command, the variables that it is given and its redirects."""
    yield from arguments(command)
    for word in command.assigns:
        name, _, value = word.value.partition("=")
        yield Argument(f"{name}=", value)
    for redirect in command.redirects:
        if redirect.target:
            yield Argument(redirect.op, redirect.target.value)


def arguments(command: Command) -> list[Argument]:
    """The words after the program, or after the script that it runs, options with their values."""
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


def sets_place(argument: Argument, places: set[str]) -> bool:
    """Whether it says where or with what something runs."""
    words = words_of(argument.name.rpartition(" ")[2].rstrip("="))
    return bool(words) and {*words} <= places


def check_outputs(turns: Turns) -> list[str]:
    """What the turns write by redirects and tee. Raises Refusal when that is the same in two turns."""
    for redirect, hosts in turns.around:
        if (
            redirect.target
            and opens(redirect)
            and not any(map(turns.differs, hosts))
            and not turns.differs(redirect.target.value)
        ):
            raise NotQueueable(writes(turns, redirect.target.value, redirect.op))
    found = [(c, r.op, r.target.value) for c in turns.commands for r in c.redirects if r.target and opens(r)]
    found += [(c, "tee", word.value) for c in turns.commands if c.name == "tee" for word in c.words[1:]
              if word.value[:1] != "-" and not word.value.startswith("/dev/")]  # fmt: skip
    for command, by, value in found:
        if not elsewhere(turns, command) and not own_file(turns, command, value):
            raise NotQueueable(writes(turns, value, by))
    return [value for _, _, value in found]


def opens(redirect: Redirect) -> bool:
    """Whether it writes to a file, or to what was opened before the loop."""
    target = redirect.target.value if redirect.target else ""
    if redirect.op in ("<", "<<<", "<<", "<<-", "<&") or target in ("/dev/null", "-", "/dev/stdout", "/dev/stderr"):
        return False
    return redirect.op != ">&" or target not in ("1", "2")


def writes(turns: Turns, value: str, by: str, verb: str = "writes") -> str:
    if turns.same(value):
        return f"every turn {verb} {turns.written(value)} ({by})"
    return f"two turns may have the same {turns.written(value)} ({by})"


def check_tool(turns: Turns, command: Command) -> None:
    """Raises Refusal when a program changes a state of its own that the turns share."""
    words = [turns.written(word.value) for word in command.words[1:]]
    plain = [word for word in words if word[:1] not in ("-", "+")]
    tool = STATEFUL.get(command.name)
    shares = tool is not None and not {*words} & {*tool.but} and (not tool.words or bool({*plain[:2]} & {*tool.words}))
    own = bool(command.cwd and turns.differs(command.cwd)) or any(
        one.name.rstrip("=") in OWN_FOLDER and turns.differs(one.value) for one in arguments(command)
    )
    if command.name in COMPOSE and plain[:1] == ["compose"]:
        shares = not {*plain[1:3]} & COMPOSE_LOOKS
    elif tool is not None and tool.where == "machine":
        own = False
    if command.name in ("python", "python3") and words[:2] in (["-m", "pip"], ["-m", "venv"]):
        shares, own = True, False
    if shares and not own:
        raise NotQueueable(f"every turn changes what {' '.join([command.name, *plain[:1]])} keeps")
    migrates = next((word for word in [command.name, *words] if MIGRATES.search(word)), None)
    if migrates and command.name not in LOOKS:
        raise NotQueueable(f"migrations come one after the other ({migrates})")
    if command.name in SQL_CLIENTS:
        check_sql(turns, command)


def check_sql(turns: Turns, command: Command) -> None:
    """Raises Refusal when a client of a database runs another script in each turn, on one database."""
    given = arguments(command)
    asks = any(one.name in SQL or " " in one.value for one in given)
    fed = [r.target.value for r in command.redirects if r.op == "<" and r.target]
    files = [one.value for one in given if one.name in ("-f", "--file", "--queries-file")]
    if not asks and any(not turns.same(value) for value in (*fed, *files)):
        rest = [one.value for one in given if one.value not in files]
        if not any(turns.differs(value) for value in rest):
            raise NotQueueable(
                f"{command.name} runs one script of SQL after the other ({turns.written([*fed, *files][0])})"
            )


def check_operands(turns: Turns, command: Command) -> list[str]:
    """What well-known programs write to their operands. Raises Refusal when that is the same in two turns."""
    written = written_by(command)
    for value in written:
        if not own_file(turns, command, value):
            raise NotQueueable(writes(turns, value, command.name, "changes"))
    return written


def written_by(command: Command) -> list[str]:
    """The operands that a well-known program writes."""
    name, words = command.name, [word.value for word in command.words[1:]]
    given = arguments(command)
    values = [
        one.value
        for one in given
        if (one.value == "." or not NUMBER.fullmatch(one.value)) and one.value not in ("-", "null", "/dev/null")
    ]
    if name == "mkdir" and {"-p", "--parents"} & {*words}:
        return []
    if name == "sed":
        return values[-1:] if any(word[:2] == "-i" or word.startswith("--in-place") for word in words) else []
    if name == "tar":
        return archives(words) or extracted(given, words)
    if name == "unzip":
        looks = any(re.fullmatch(r"-\w*[cflptvzZ]\w*", word) for word in words if not word.startswith("-d"))
        return [] if looks else [next((one.value for one in given if one.name == "-d"), ".")]
    if name == "aws":
        if words[:1] != ["s3"] or words[1:2] not in (["cp"], ["mv"], ["sync"]):
            return []
        values = values[2:]
        if values and ADDRESS.match(values[-1]) and (words[1] == "sync" or values[-1].count("/") < 3):
            return []
    if name == "dd":
        return [one.value for one in given if one.name == "of="]
    if name in ALL_WRITTEN:
        return values
    if name == "mv" and len(values) == 2:
        return values
    if name in LAST_WRITTEN or name == "aws":
        into = values[-1] if values else ""
        if into == "." or into.endswith("/"):
            return [into.removesuffix(".") + value.rstrip("/").rpartition("/")[2] for value in values[:-1]]
        return [into] if into else []
    # A word of one letter says what is done: `7z a`.
    return [value for value in values if len(value) > 1 and is_path(value)][:1] if name in FIRST_WRITTEN else []


def archives(words: Sequence[str]) -> list[str]:
    """The archive that tar makes or adds to."""
    clusters = [
        word
        for i, word in enumerate(words)
        if re.fullmatch(r"-[A-Za-z]+", word) or (i == 0 and re.fullmatch(r"[A-Za-z]+", word))
    ]
    if not any(re.search("[cruA]", cluster.replace("C", "")) for cluster in clusters):
        return []
    return [words[words.index(cluster) + 1] for cluster in clusters if cluster.endswith("f")][:1]


def extracted(given: Sequence[Argument], words: Sequence[str]) -> list[str]:
    """The folder into which tar extracts, the current one by default."""
    clusters = [word for i, word in enumerate(words) if re.fullmatch(r"-[A-Za-z]+" if i else r"-?[A-Za-z]+", word)]
    if not any("x" in cluster for cluster in clusters) and not {"--extract", "--get"} & {*words}:
        return []
    if any("O" in cluster for cluster in clusters) or "--to-stdout" in words:
        return []
    folders = [one.value for one in given if one.name in ("-C", "--directory", "--one-top-level")]
    return folders or ["."]


def check_value(turns: Turns, commands: Sequence[Command], place: int) -> None:
    """Raises Refusal unless the words of a command are others in each turn, or what it reads is."""
    command = commands[place]
    first, second = (in_turn(turns, command, turn) for turn in (0, -1))
    own = bool(command.cwd and turns.differs(command.cwd))
    if not own and (first.name, script_of(first)[0]) != (second.name, script_of(second)[0]):
        program = next(word.value for word in command.words if not turns.same(word.value))
        raise NotQueueable(f"each turn runs another program ({turns.written(program)})")
    held = [one.value for one in feeding(commands, place)]
    held += [
        value
        for one in commands
        for name, value in exported(one.words)
        if not sets_place(Argument(f"{name}=", value), DEVICES)
    ]
    held += wrapping(turns, command) if {*command.wrappers} & {*CONTAINERS, *ENVIRONMENTS} else []
    held += [*command.hosts, *([command.cwd] if command.cwd else [])]
    if not any(not turns.same(value) for value in held):
        raise NotQueueable(f"no word of {start(turns, command)} holds the value of its turn ({variable(turns)})")
    keys = [*zip(*[turns.of(value) for value in held], strict=True)]
    if len({*keys}) < len(keys):
        same = max(keys, key=keys.count)
        words = [value for value, by_turn in zip(same, map(turns.of, held), strict=True) if len({*by_turn}) > 1]
        raise NotQueueable(f"two turns may be the same ({' '.join(words)})")
    ordered = next(
        (one for one in arguments(command) if not turns.same(one.value) and {*words_of(one.name)} & ORDERED), None
    )
    if ordered:
        raise NotQueueable(f"{ordered.name} counts what comes one after the other ({turns.written(ordered.value)})")


def feeding(commands: Sequence[Command], place: int) -> Iterator[Argument]:
    """What a command is given: its arguments, variables and input, and those of the commands that feed it through a pipe."""
    command = commands[place]
    for one in named(command):
        if (
            not sets_place(one, DEVICES)
            and (one.name[-1:] not in ("<", ">") or one.name[0] == "<")
            and one.name not in ("&>", "&>>", ">|")
        ):
            yield one
    before = place - 1
    while command.pipe[0] > 0 and before >= 0:
        feeder = commands[before]
        if feeder.pipe[1] == command.pipe[1] and feeder.via == command.via and feeder.pipe[0] < command.pipe[0]:
            yield from feeding(commands, before)
            return
        before -= 1


def wrapping(turns: Turns, command: Command) -> list[str]:
    """The words of the wrappers around a command, where they stand in the text itself."""
    return turns.wrappers[turns.commands.index(command)].split()


def start(turns: Turns, command: Command) -> str:
    words = " ".join([turns.written(word.value) for word in command.words])
    return f"`{words if len(words) <= 40 else words[:37] + '...'}`"


def variable(turns: Turns) -> str:
    return " ".join([name if not name.isidentifier() else f"${name}" for name in turns.names])


def check_arguments(turns: Turns, command: Command) -> list[str]:
    """What the arguments of a command name to be written or kept, and of work what they may write. Raises Refusal when that is the same in two turns."""
    script = script_of(in_turn(turns, command, 0))[0]
    wrapped = wrapping(turns, command)
    if (
        {*command.wrappers} & CONTAINERS
        and "--name" in wrapped[:-1]
        and turns.same(wrapped[wrapped.index("--name") + 1])
    ):
        raise NotQueueable(f"every turn has a container of one name ({wrapped[wrapped.index('--name') + 1]})")
    work = is_work(turns, command)
    well_known = not work or command.name in ROWS or command.name in LAST_WRITTEN | FIRST_WRITTEN | ALL_WRITTEN
    given = [word.value.partition("=") for word in command.assigns]
    given += [word.partition("=") for word in wrapping(turns, command) if SETTING.fullmatch(word)]
    written: list[str] = []
    for one in [*arguments(command), *[Argument(f"{name}=", value) for name, _, value in given]]:
        name = one.name.rpartition(" ")[2].rstrip("=")
        if name.lstrip("-") in BY_INPUT.get(command.name, ()) or one.value == script:
            continue
        if (name == "-o" and command.name in OTHER_O) or (name in SERVED and command.name in SQL_CLIENTS):
            continue
        variable = name in [name for name, _, _ in given]
        does = (role_of_variable if variable else role)(name, turns.of(one.value)[0])
        if name == "-f" and command.name in OUTPUT_BY_F:
            does = "writes" if work else "sets"
        if name == "-O" and command.name == "wget" and one.value != "-":
            does = "writes"
        if does in ("sets", "reads") or (does == "unknown" and (well_known or variable)):
            continue
        if not own_file(turns, command, one.value) and (does != "unknown" or turns.same(one.value)):
            verb = {"unknown": "may write"}.get(does, does)
            raise NotQueueable(writes(turns, one.value, one.name or "its operand", verb))
        written += [one.value] if does != "unknown" else []
    return written


def check_setup(before: str) -> None:
    """Raises Refusal when what is exported before a loop names a file that all turns keep."""
    script = parse(before.rstrip(" &;\n"))
    for node, _ in simple_nodes(script.nodes if isinstance(script, Script) else ()):
        for name, value in exported(node.words):
            if role_of_variable(name, value) in ("writes", "keeps"):
                raise NotQueueable(f"every turn keeps {value} ({name}=)")


def exported(words: Sequence[Word]) -> Iterator[tuple[str, str]]:
    """The variables that a command hands to the programs after it."""
    for word in words[1:] if words and words[0].value in ("export", "declare", "typeset") else ():
        name, equals, value = word.value.partition("=")
        if equals:
            yield name, value


def check_result(turns: Turns, command: Command) -> None:
    """Raises Refusal when a command after the work of its turn reads a file that this may have written without being told so."""
    if command.ssh or command.name in LOOKS | {"mkdir", "cd", "source", ".", "tee", "bash", "sh"}:
        return
    taken = sources(command)
    for one in named(command):
        value = turns.of(one.value)[0]
        looked = one.name == "<" or (
            command.name not in TRANSFERS and (one.name == "" or command.name in ("[", "test", "cat", "head", "tail"))
        )
        plain = one.value in taken or (one.name[:1] == "-" and FILE_WORDS.search(one.name))
        if not (plain and PLAIN_NAME.fullmatch(value)) and not ((looked or plain) and is_path(value)):
            continue
        if value.endswith(READ_FORMS) or own_file(turns, command, one.value):
            continue
        if turns.same(one.value) and not one.name.startswith((">", "&")):
            raise NotQueueable(f"{turns.written(one.value)} may be what every turn writes ({command.name})")


def sources(command: Command) -> list[str]:
    """The operands that a transfer reads, whatever the form of their names; empty for other programs."""
    if command.name not in TRANSFERS:
        return []
    given = arguments(command)
    values = [one.value for one in given if one.value not in TRANSFER_VERBS]
    if command.name == "tar" and values and not given[0].name:
        return values[1:]  # the first are its letters
    return values[:-1] if len(values) > 1 and command.name not in ARCHIVERS else values


def pattern_of(value: str) -> str | None:
    """The regular expression of a value that is a pattern of the shell; one with too many stars matches everything."""
    if not any(char in value for char in "*?") or " " in value:
        return None
    try:
        return shell_pattern(value)
    except Unknown:
        return ".*"


def check_read(turns: Turns, command: Command, written: Sequence[str]) -> None:
    """Raises Refusal when a word of all turns names what one of them writes, as a pattern or a folder may."""
    if command.name in LOOKS | {"mkdir", "cd", "[", "test"}:
        return
    for one in named(command):
        if one.name[:1] in (">", "&") or not turns.same(one.value) or ADDRESS.match(one.value):
            continue
        if own_file(turns, command, one.value):
            continue
        value = turns.of(one.value)[0].rstrip("/")
        pattern = pattern_of(value)
        for path in written:
            for made in turns.of(path):
                below = (
                    is_work(turns, command)
                    and value
                    and made.startswith(value + "/")
                    and role(one.name, value) == "reads"
                )
                if made == value or below or (pattern and re.fullmatch(pattern, made)):
                    raise NotQueueable(
                        f"{turns.written(one.value)} may be what another turn writes ({turns.written(path)})"
                    )
