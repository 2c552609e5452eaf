"""Tool files in, the entries that rules/table.py reads out: what is long, quick, a server or a wait, one file a tool or family.

`make gen` compiles the files of pueue_skill/rules/tools/ with it; a user's files are in the folder tools/ next to config.toml. Both have
the same schema. A ConfigError names the file, the line and the key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pueue_skill.configuration import config, diagnostics, formats
from pueue_skill.configuration.diagnostics import own_mistake
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.configuration.schema import ConfigTable
from pueue_skill.rules.table import Entry, bare, parse_pattern
from pueue_skill.state import paths

ALL_KEYS = "All keys: pueue-skill schema tool"


def valid_pattern(text: str) -> str:
    try:
        parse_pattern(text)
    except ValueError as error:
        raise own_mistake(str(error)) from None
    return text


def one_word(text: str) -> str:
    if not text or text.split() != [text]:
        raise own_mistake("a name is one word")
    return text


Pattern = Annotated[str, AfterValidator(valid_pattern), Field(min_length=1)]
Patterns = Literal[True] | list[Pattern]
Word = Annotated[str, AfterValidator(one_word)]


class ExamplesTable(ConfigTable):
    """Commands by their size. A test judges those of the built-in files."""

    long: list[str] = Field([], description="commands that are long")
    quick: list[str] = Field([], description="commands that are not: those of which nothing is known too")
    server: list[str] = Field([], description="commands that start a server")
    wait: list[str] = Field([], description="commands that wait for something else")


class ToolTable(ConfigTable):
    """Programs that are judged alike. A program may be in several tables: the pattern with the most words and options decides."""

    programs: list[Word] = Field(
        [], description="names of the programs, without folders, all on one line; the first is the usual one"
    )
    modules: list[Word] = Field([], description="names of Python modules that `python -m` runs with the same arguments")
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
    launching_subcommands: list[Word] = Field(
        [], description="the subcommands with which the program launches something; default: it has no subcommands"
    )
    value_options: list[Word] = Field(
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
    source: str = Field("", pattern=r"^(https://\S+)?$", description="URL of the manual; default: that of the file")

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

    source: str = Field("", pattern=r"^(https://\S+)?$", description="URL of the manual for tables without their own")
    examples: ExamplesTable = ExamplesTable()
    tools: list[ToolTable] = Field(min_length=1, description="the programs")


class LoadedTools(NamedTuple):
    """A valid file: its content, and its entries as (key of rules.known.TOOLS, entry) pairs.

    `quick` are the programs that end soon with any arguments.
    """

    content: ToolFile
    entries: tuple[tuple[tuple[str, ...], Entry], ...]
    quick: tuple[str, ...]


def read(file: Path, name: str) -> LoadedTools:
    """Read a tool file, which is `name` for people. Raises ConfigError."""
    text, content = config.parse(file)
    line_of = formats.locator(str(file), text)
    try:
        tools = ToolFile.model_validate(content)
    except ValidationError as error:
        problems = diagnostics.problems_of_model(error, content, ToolFile)
        raise ConfigError("\n".join([*diagnostics.report(str(file), problems, line_of), ALL_KEYS])) from None
    entries = []
    quick: list[str] = []
    for number, table in enumerate(tools.tools):
        rows: list[tuple[Literal["long", "quick", "server", "wait"], str, int]] = []
        for size in ("long", "quick", "server", "wait"):
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
    return LoadedTools(tools, tuple(entries), tuple(quick))


def user_tools() -> tuple[dict[str, tuple[Entry, ...]], list[str]]:
    """Return the entries of the user's tool files, by program, and an error message for each file that is invalid."""
    found: dict[str, tuple[Entry, ...]] = {}
    broken: list[str] = []
    for file in map(Path, paths.tool_files()):
        try:
            check_lines(file)
            entries = read(file, str(file)).entries
        except ConfigError as error:
            broken.append(str(error))
            continue
        for names, entry in entries:
            for name in names:
                found[name] = (*found.get(name, ()), entry)
    return found, broken


def check_lines(file: Path) -> None:
    """Raise ConfigError for a list of programs on several lines: the hooks' launcher reads only the first."""
    text, _ = config.parse(file)
    match = re.search(r"^\s*(programs|modules)\s*=\s*\[[^\]\n]*$", text, re.MULTILINE)
    if match:
        line = text.count("\n", 0, match.start(1)) + 1
        raise ConfigError(f"{file}:{line}: {match[1]}: put all names on one line, where the hooks search for them")
