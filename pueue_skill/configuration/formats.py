"""Parses TOML, YAML and JSON documents: a file's name and text in, its content and the line of each key out.

Knows the three formats, not what the keys mean. tomllib and json report no line numbers, so scanners in this module find the lines. They
expect text that tomllib or json has parsed without an error.
"""

from __future__ import annotations

import bisect
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from pueue_skill.shell import printable

MAX_MESSAGE_CHARS = 200

Path = tuple[str | int, ...]
"""The keys from the top of a document to a value; list indexes count from 0."""


class FormatError(Exception):
    """A text is not valid TOML, YAML or JSON. `line` is None if the parser does not report it."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(printable.line(message, MAX_MESSAGE_CHARS))
        self.line = line


def format_of(name: str) -> str:
    """Return json, yaml or toml by a file's extension; toml for every other extension."""
    extension = name.rpartition(".")[2].lower()
    return {"json": "json", "yaml": "yaml", "yml": "yaml"}.get(extension, "toml")


def parse(name: str, text: str) -> Any:
    """Return the content of a document. Raises FormatError."""
    try:
        match format_of(name):
            case "json":
                return json.loads(text)
            case "yaml":
                return parse_yaml(text)
            case _:
                return tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(error.msg, error.lineno) from None
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)  # or "end of document"
        if message == "Invalid value":
            message += ": a text is quoted, and true and false are lower-case"
        raise FormatError(message, int(line[1]) if line else text.count("\n") + 1) from None
    except (
        ValueError,
        OverflowError,
    ) as error:  # an impossible date or character, or a number with thousands of digits
        raise FormatError(str(error), None) from None
    except RecursionError:
        raise FormatError("nested too deeply", None) from None


def parse_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise FormatError(reason, mark.line + 1 if mark else None) from None


def with_text_keys(content: Any) -> Any:
    """Return the content with strings for all keys, as in JSON. Raises RecursionError for YAML that contains itself."""
    if isinstance(content, dict):
        return {
            key if isinstance(key, str) else json.dumps(key, default=str): with_text_keys(value)
            for key, value in content.items()
        }
    return [with_text_keys(value) for value in content] if isinstance(content, list) else content


def locator(name: str, text: str) -> Callable[[Path], int | None]:
    """Return a function from a path to its line in a valid text, counted from 1.

    For a path that is not in the text, this is the line of its longest part that is.
    """
    match format_of(name):
        case "json":
            lines = json_lines(text)
        case "yaml":
            return yaml_locator(text)
        case _:
            lines = TomlLines(text).lines

    def line_of(path: Path) -> int | None:
        keys = tuple([str(key) for key in path])
        return next((lines[keys[:count]] for count in range(len(keys), 0, -1) if keys[:count] in lines), None)

    return line_of


Lines = dict[tuple[str, ...], int]

TOML_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'" r"|#[^\n]*"
    r"|[\[\]{}=,.\n]|[^\s\[\]{}=,.\"'#]+",
    re.DOTALL,
)  # fmt: skip


class TomlLines:
    """Scans a valid TOML text; `lines` has the line of each key and list item."""

    def __init__(self, text: str) -> None:
        self.lines: Lines = {}
        self.arrays: dict[tuple[str, ...], int] = {}  # the index of the last table of each array of tables
        self.tokens = self.tokenize(text)
        self.next, self.line = "", 0
        self.take()
        table: tuple[str, ...] = ()
        while self.next:
            if self.next == "\n":
                self.take()
            elif self.next == "[":
                table = self.header()
            else:
                self.pair(table)

    @staticmethod
    def tokenize(text: str) -> Iterator[tuple[str, int]]:
        line, at = 1, 0
        for match in TOML_TOKEN.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            if not match[0].startswith("#"):
                yield match[0], line

    def take(self) -> str:
        """Return the next token and advance; `next` is empty at the end."""
        token = self.next
        self.next, self.line = next(self.tokens, ("", self.line))
        return token

    def keys(self) -> list[str]:
        """Parse a dotted key and return its parts."""
        parts = [toml_key(self.take())]
        while self.next == ".":
            self.take()
            parts.append(toml_key(self.take()))
        return parts

    def header(self) -> tuple[str, ...]:
        """Parse [table] or [[table]] and return its path."""
        line = self.line
        self.take()
        repeated = self.next == "["
        if repeated:
            self.take()
        path: tuple[str, ...] = ()
        keys = self.keys()
        for position, key in enumerate(keys):
            path = (*path, key)
            self.lines.setdefault(path, line)
            if repeated and position == len(keys) - 1:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, str(self.arrays[path]))
                self.lines.setdefault(path, line)
        while self.next == "]":
            self.take()
        return path

    def pair(self, table: tuple[str, ...]) -> None:
        """Parse KEY = VALUE."""
        line, path = self.line, table
        for key in self.keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.take()
        self.value(path)

    def value(self, path: tuple[str, ...]) -> None:
        opening = self.take()
        if opening not in ("[", "{"):
            while self.next not in (",", "]", "}", "\n", ""):  # a number or a time can have several tokens
                self.take()
            return
        index = 0
        while self.next not in ("]", "}", ""):
            if self.next in (",", "\n"):
                index += self.take() == ","
            elif opening == "{":
                self.pair(path)
            else:
                self.lines.setdefault((*path, str(index)), self.line)
                self.value((*path, str(index)))
        self.take()


def toml_key(token: str) -> str:
    if token[0] in "\"'":
        (key,) = tomllib.loads(f"{token} = 0")
        return key
    return token


def json_lines(text: str) -> Lines:
    """Return the line of each key and list item of a valid JSON text."""
    ends = [match.start() for match in re.finditer("\n", text)]
    lines: Lines = {}
    decoder = json.JSONDecoder()
    blank = re.compile(r"[\s,:]*")

    def skip(at: int) -> int:
        match = blank.match(text, at)
        return match.end() if match else at

    def value(at: int, path: tuple[str, ...]) -> int:
        """Parse the value at `at` and return the position after it."""
        opening = text[at]
        if opening not in "[{":
            return decoder.raw_decode(text, at)[1]
        at, index = skip(at + 1), 0
        while text[at] not in "]}":
            begin, key = at, str(index)
            if opening == "{":
                key, at = decoder.raw_decode(text, at)
                at = skip(at)
            lines[(*path, key)] = bisect.bisect_left(ends, begin) + 1
            at = skip(value(at, (*path, key)))
            index += 1
        return at + 1

    value(skip(0), ())
    return lines


def yaml_locator(text: str) -> Callable[[Path], int | None]:
    """Return the function that `locator` returns. It follows one path at a time: aliases can expand to more keys than fit into memory."""
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)

    def line_of(path: Path) -> int | None:
        node, line = root, None
        for key in path:
            inner = None
            if isinstance(node, yaml.MappingNode):
                inner = next(((k, v) for k, v in reversed(node.value) if k.value == str(key)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
                inner = (node.value[key], node.value[key])
            if inner is None:
                break
            line, node = inner[0].start_mark.line + 1, inner[1]
        return line

    return line_of
