"""Tool files in, the entries that rules/table.py reads out: what is long, quick, a server or a wait, one file a tool or family.

`make gen` compiles the files of pueue_skill/rules/tools/ with it; a user's files are in the folder tools/ next to config.toml. Both have
the same schema. A ConfigError names the file, the line and the key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pueue_skill.configuration import config, diagnostics, formats
from pueue_skill.configuration.diagnostics import Problem, own_mistake
from pueue_skill.configuration.errors import NEXT_STEP, ConfigError
from pueue_skill.configuration.schema import ConfigTable, ProgramName
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.literals import Size
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.table import Entry, bare, key_and_arguments, parse_pattern
from pueue_skill.shell import printable, quote
from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script
from pueue_skill.startup.words import brief_reason, first_names
from pueue_skill.state import paths

ALL_KEYS = "All keys: pueue-skill schema tool"
SIZES: tuple[Size, ...] = ("long", "quick", "server", "wait")


NO_NAME = re.compile(r"--$|[][,(){}^$?;&'\"`]|\\[A-Za-z]|\.\+")
"""What is in no word or option, but in lists, regular expressions and the synopses of manuals."""

QUOTES = re.compile("['\"`]")


def valid_pattern(text: str) -> str:
    if not text.strip():
        raise own_mistake("a pattern has words or options; for any arguments, write true instead of the list")
    for token in text.split():
        name = re.split("[=<>]", token, maxsplit=1)[0]
        wrong = NO_NAME.search(name) or QUOTES.search(token)
        if wrong:
            raise own_mistake(
                f"`{token}`: {wrong[0]} means nothing in a pattern, which has words and options as they are typed; "
                "| separates alternatives, and * stands for any characters"
            )
    try:
        parse_pattern(text)
    except ValueError as error:
        raise own_mistake(str(error)) from None
    return text


def option_name(text: str) -> str:
    if text[:1] not in ("-", "+") or text.split() != [text]:
        raise own_mistake(f"an option is one word that begins with a dash: -{text}")
    return text


Pattern = Annotated[str, AfterValidator(valid_pattern)]
Patterns = Literal[True] | list[Pattern]
Option = Annotated[str, AfterValidator(option_name)]
Source = Annotated[
    str,
    Field(
        pattern=r"^(https://\S+)?$",
        json_schema_extra={"patternErrorMessage": "expected a URL that begins with https://"},
    ),
]


class ExamplesTable(ConfigTable):
    """Commands by their size. A test judges those of the built-in files, and `pueue-skill doctor` yours."""

    long: list[str] = Field([], description="commands that are long")
    quick: list[str] = Field([], description="commands that are not: those of which nothing is known too")
    server: list[str] = Field([], description="commands that start a server")
    wait: list[str] = Field([], description="commands that wait for something else")


class ToolTable(ConfigTable):
    """Programs that are judged alike. A program may be in several tables: the pattern with the most words and options decides."""

    programs: list[ProgramName] = Field(
        [], description="names of the programs, without folders, all on one line; the first is the usual one"
    )
    modules: list[ProgramName] = Field(
        [], description="names of Python modules that `python -m` runs with the same arguments"
    )
    noun: str = Field("", description="completes `this is …` for long runs: a backup")
    long: Patterns = Field([], description="patterns of long runs, or true: with any arguments")
    quick: Patterns = Field([], description="patterns of runs that end soon, or true")
    server: Patterns = Field([], description="patterns of runs that serve until they are stopped, or true")
    wait: Patterns = Field([], description="patterns of runs that wait for something else, or true")
    confidence: Literal["high", "medium"] = Field(
        "high", description="medium if a long run is only likely: findings then have medium confidence"
    )
    launches: Literal["", "python", "command"] = Field(
        "", description="the program runs the Python script, or the command, among its arguments, which is judged first"
    )
    launching_subcommands: list[ProgramName] = Field(
        [], description="the subcommands with which the program launches something; default: it has no subcommands"
    )
    value_options: list[Option] = Field(
        [], description="options before the subcommand, or the launched command, whose value is a separate word"
    )
    bundled: bool = Field(
        False,
        description="whether the first word is a bundle of letters, as in `tar xzf`; patterns have them as -x -z -f",
    )
    only_computes: bool = Field(
        False,
        description="whether long runs only compute: they remove, overwrite and send nothing; only such a program may be rewritten",
    )
    source: Source = Field("", description="URL of the manual; default: that of the file")

    @model_validator(mode="after")
    def is_complete(self) -> ToolTable:
        if not (self.programs or self.modules):
            raise own_mistake("the key programs is missing")
        if not (self.long or self.quick or self.server or self.wait or self.launches):
            raise own_mistake("one of the keys long, quick, server and wait is missing")
        if self.long and not self.noun:
            raise own_mistake("the key noun is missing")
        return self


class ToolFile(ConfigTable):
    """What is long, quick, a server or a wait: the programs of a tool or a family of tools.

    A pattern is a text such as `sync|copy --checksum !--interactive -n>100`. Plain words are the subcommand; other options may precede it.
    Options must be given, or with ! not be given; their value may have to be one of several (`=a|b`), or above or below a number (`>`, `<`).
    `NAME=VALUE` words are written like options without dashes. `|` separates alternatives; `*` stands for any characters. `-count`, `--count` and
    `--max_epochs`, `--max-epochs` are the same option; letters may be bundled (`-avn`).
    """

    source: Source = Field("", description="URL of the manual for tables without their own")
    examples: ExamplesTable = ExamplesTable()
    tools: list[ToolTable] = Field(min_length=1, description="the programs")


class LoadedTools(NamedTuple):
    """A valid file: its name, its content, the line of each key, and its entries as (key of rules.known.TOOLS, entry) pairs.

    `quick` are the programs that end soon with any arguments.
    """

    name: str
    content: ToolFile
    line_of: Callable[[formats.Path], int | None]
    entries: tuple[tuple[tuple[str, ...], Entry], ...]
    quick: tuple[str, ...]


def read(file: Path, name: str) -> LoadedTools:
    """Read a built-in tool file, which is `name` for people. Raises ConfigError."""
    text, content = config.parse(file)
    return load(content, name, formats.locator(str(file), text))


def read_own(file: Path) -> LoadedTools:
    """Read a tool file of the user. Raises ConfigError."""
    text, content = config.parse(file)
    return load_own(text, content, str(file))


def load_own(text: str, content: Any, name: str) -> LoadedTools:
    """Check the text and the content of a user's tool file, which is `name` for people. Raises ConfigError."""
    line_of = formats.locator("toml", text)
    tools = load(content, name, line_of)
    problems = [*names_not_found(tools, text.split("\n")), *programs_in_patterns(tools.content)]
    if problems:
        raise ConfigError("\n".join([*diagnostics.report(name, problems, line_of), ALL_KEYS]))
    return tools


def load(content: Any, name: str, line_of: Callable[[formats.Path], int | None]) -> LoadedTools:
    try:
        tools = ToolFile.model_validate(content)
    except ValidationError as error:
        problems = diagnostics.problems_of_model(error, content, ToolFile)
        raise ConfigError("\n".join([*diagnostics.report(name, problems, line_of), ALL_KEYS])) from None
    entries = []
    quick: list[str] = []
    for number, table in enumerate(tools.tools):
        rows: list[tuple[Size, str, int]] = []
        for size in SIZES:
            patterns = getattr(table, size)
            for at, pattern in enumerate([""] if patterns is True else patterns):
                line = line_of(("tools", number, size, at)) or 0
                rows.append((size, pattern, line))
        if table.quick is True:
            quick += table.programs
        noun = table.noun or "a server"
        valued = tuple([bare(option) for option in table.value_options])
        entry = Entry(
            name,
            noun,
            table.confidence,
            table.launches,
            tuple(table.launching_subcommands),
            valued,
            table.bundled,
            table.only_computes,
            tuple(rows),
        )
        entries.append(((*table.programs, *[f"-m {module}" for module in table.modules]), entry))
    return LoadedTools(name, tools, line_of, tuple(entries), tuple(quick))


def names_not_found(tools: LoadedTools, lines: list[str]) -> Iterator[Problem]:
    """Yield the names that the launcher of the hooks does not find: it reads the line of the key, and knows no escapes."""
    for number, table in enumerate(tools.content.tools):
        for key in ("programs", "modules"):
            line = lines[(tools.line_of(("tools", number, key)) or 1) - 1]
            if not all(name in line for name in getattr(table, key)):
                sentence = "put all names on the line of the key, without escapes: the hooks search for them there"
                yield Problem(("tools", number, key), sentence)


def programs_in_patterns(tools: ToolFile) -> Iterator[Problem]:
    """Yield the patterns that begin with the program itself."""
    for number, table in enumerate(tools.tools):
        for size in SIZES:
            patterns = getattr(table, size)
            for at, pattern in enumerate([] if patterns is True else patterns):
                first, *others = pattern.split()
                if first in (*table.programs, *table.modules):
                    rest = " ".join(others)
                    instead = f'"{rest}"' if rest else "true instead of the list, for any arguments"
                    yield Problem(("tools", number, size, at), f"a pattern is what follows {first}: write {instead}")


def misjudged(tools: LoadedTools, preferences: Preferences) -> list[str]:
    """Return an error message for each example of a file that is judged otherwise, or runs no program of the file."""
    names = {name for keys, _ in tools.entries for name in keys}
    problems = []
    for wanted in SIZES:
        for at, text in enumerate(getattr(tools.content.examples, wanted)):
            sentence = misjudgement(text, wanted, names, preferences)
            if sentence:
                problems.append(Problem(("examples", wanted, at), f"`{printable.line(text)}` {sentence}"))
    return diagnostics.report(tools.name, problems, tools.line_of)


def misjudgement(text: str, wanted: str, names: AbstractSet[str], preferences: Preferences) -> str:
    """Return what is wrong with an example, or an empty text."""
    script = parse(text)
    if not isinstance(script, Script):
        return f"cannot be parsed: {brief_reason(script.reason)}"
    found = commands(script)
    if not any(key_and_arguments(command)[0] in names for command in found):
        return f"runs no program of the file: {first_names(sorted(names), 5, ', ')}"
    weights = [weigh(command, preferences) for command in found]
    if wanted == "quick":
        wrong = [weight for weight in weights if weight.size not in ("quick", "unknown")]
    else:
        wrong = [] if any(weight.size == wanted for weight in weights) else weights
    return "; ".join([f"is {one.size}: {one.why}{f' ({one.source})' if one.source else ''}" for one in wrong])


def user_files() -> tuple[list[LoadedTools], list[str]]:
    """Return the user's tool files, and an error message for each one that is invalid or not read."""
    found: list[LoadedTools] = []
    broken = not_read()
    for file in map(Path, paths.tool_files()):
        try:
            found.append(read_own(file))
        except ConfigError as error:
            broken.append(str(error))
    return found, broken


def not_read() -> list[str]:
    """Return an error message for each file in the folder of tool files that is not read because of its name."""
    folder = Path(paths.config(), "tools")
    try:
        files = sorted(folder.iterdir()) if os.path.lexists(folder) else []
    except OSError as error:
        return [f"{folder}: {error.strerror}{NEXT_STEP}ls -ld {quote.word(str(folder))}"]
    problems = []
    for file in files:
        if file.name.endswith((".toml", "~")) or file.name.startswith((".", "README")):
            continue
        if file.is_dir():
            found = "subfolders are not read"
            move = f"{quote.word(str(file))}/*.toml {quote.word(str(folder))}"
        else:
            found = "not read, because its name does not end in .toml"
            move = quote.line([str(file), str(folder / f"{file.name.partition('.')[0]}.toml")])
        problems.append(f"{file}: {found}{NEXT_STEP}mv -i {move}")
    return problems


def user_tools() -> tuple[dict[str, tuple[Entry, ...]], list[str]]:
    """Return the entries of the user's tool files, by program, and an error message for each file that is invalid or not read."""
    files, broken = user_files()
    return by_program(files), broken


def by_program(files: Iterable[LoadedTools]) -> dict[str, tuple[Entry, ...]]:
    """Return the entries of files, by program."""
    found: dict[str, tuple[Entry, ...]] = {}
    for file in files:
        for names, entry in file.entries:
            for name in names:
                found[name] = (*found.get(name, ()), entry)
    return found
