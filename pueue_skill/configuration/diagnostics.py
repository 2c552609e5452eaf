"""What is wrong with a document that does not fit its schema: the errors of pydantic or jsonschema in, sentences of ours out.

Both kinds of errors become Mistakes, and a sentence is made of a mistake, the JSON Schema at its place and the value that stands there. So
it can say what was expected as the schema has it, and name the nearest key. It never shows pydantic's or jsonschema's own text.
"""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from pueue_skill.configuration.formats import Path
from pueue_skill.shell import printable

Kind = Literal["unknown", "missing", "key", "expected", "own"]
Step = tuple[Literal["key", "tried"], str | int]

KINDS: Mapping[str, Kind] = {
    "extra_forbidden": "unknown",
    "missing": "missing",
    "invalid_key": "key",
    "own": "own",
    **dict.fromkeys(
        "bool_parsing bool_type dict_type finite_number float_parsing float_type greater_than greater_than_equal int_from_float"
        " int_parsing int_parsing_size int_type less_than less_than_equal list_type literal_error model_type string_pattern_mismatch"
        " string_too_long string_too_short string_type string_unicode too_long too_short".split(),
        "expected",
    ),
}  # fmt: skip
"""Pydantic's error types, and which kind of sentence each becomes; a wrong key of a table is told by its place."""

WRONG_KEY = "[key]"
"""What ends the place of an error in pydantic's list where a key is wrong and not its value."""

MAX_SHOWN_CHARS = 60
MAX_KEY_CHARS = 200
MAX_KEYS_LISTED = 12


class Mistake(NamedTuple):
    """Where in a document what kind of thing is wrong. `steps` are keys and, where the schema has alternatives, which was tried;
    `key` is the missing one, `text` the sentence of a check of our own."""

    steps: tuple[Step, ...]
    kind: Kind
    key: str = ""
    text: str = ""


class Problem(NamedTuple):
    """One sentence about one place."""

    path: Path
    sentence: str


def own_mistake(text: str, *path: str | int) -> PydanticCustomError:
    """What a validator of ours raises: the sentence, and the place below its model that the sentence is about."""
    return PydanticCustomError("own", "{text}", {"text": text, "path": list(path)})


class PublishedSchema(GenerateJsonSchema):
    """JSON Schema in which a table refuses keys that do not fit; pydantic's own lets every key pass that does not match the pattern."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        for values in made.pop("patternProperties", {}).values():  # of one pattern at most
            made["additionalProperties"] = values
        if {"pattern", "enum"} & keys.keys():
            made["propertyNames"] = {name: value for name, value in keys.items() if name != "type"}
        return made


@functools.cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, as it is published."""
    return model.model_json_schema(schema_generator=PublishedSchema)


def report(name: str, problems: Iterable[Problem], line_of: Callable[[Path], int | None]) -> list[str]:
    """NAME:LINE: KEY: SENTENCE for each problem in a document of that name, in the order of lines."""
    placed = sorted([(line_of(problem.path) or 0, problem) for problem in problems], key=lambda entry: entry[0])
    lines = [
        ": ".join([f"{name}:{line}" if line else name, *([dotted(problem.path)] if problem.path else []), problem.sentence])
        for line, problem in placed
    ]  # fmt: skip
    return list(dict.fromkeys(lines))


def problems_of_model(error: ValidationError, content: Any, model: type[BaseModel]) -> list[Problem]:
    """What pydantic has found wrong with `content`."""
    mistakes = [of_pydantic(entry, content) for entry in error.errors(include_url=False)]
    return Diagnosis(schema_of(model)).settle(mistakes, content, ())


def of_pydantic(entry: Mapping[str, Any], content: Any) -> Mistake:
    """An entry of pydantic's error list. Its place names the alternatives that were tried between the keys; they are told apart by
    going down the content along it."""
    kind: Kind = KINDS.get(entry["type"], "expected")
    loc = [*entry["loc"], *(entry["ctx"]["path"] if kind == "own" else ())]
    steps: list[Step] = []
    value = content
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if last and part == WRONG_KEY:
            return Mistake(tuple(steps), "key")
        if last and kind == "missing":
            return Mistake(tuple(steps), "missing", str(part))
        keys: Iterable[Any] = ()
        if isinstance(value, dict):
            # A key that is no string, such as null in YAML, is named by its text.
            keys = [part] if part in value else [key for key in value if not isinstance(key, str) and str(key) == part]
        elif isinstance(value, list) and isinstance(part, int):
            keys = [part]
        steps.append(next((("key", key) for key in keys), ("tried", part)))
        value = next((value[key] for key in keys), value)
    return Mistake(tuple(steps), kind, "", entry["ctx"]["text"] if kind == "own" else "")


def problems_of_schema(errors: Iterable[Any], content: Any, schema: Mapping[str, Any]) -> list[Problem]:
    """What jsonschema has found wrong with `content`: `errors` are its ValidationErrors."""
    return Diagnosis(schema).settle([mistake for error in errors for mistake in of_jsonschema(error)], content, ())


def of_jsonschema(error: Any) -> list[Mistake]:
    """The mistakes of one error of jsonschema, in which each alternative of anyOf has errors of its own."""
    steps: tuple[Step, ...] = tuple([("key", part) for part in error.relative_path])
    if "propertyNames" in error.relative_schema_path:
        return [Mistake((*steps, ("key", error.instance)), "key")]
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            return [Mistake((*steps, ("key", key)), "unknown") for key in error.instance if key not in known]
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            return [Mistake(steps, "missing", key) for key in missing]
        case "anyOf" | "oneOf":
            return [
                Mistake((*steps, ("tried", inner.relative_schema_path[0]), *mistake.steps), mistake.kind, mistake.key)
                for inner in error.context
                for mistake in of_jsonschema(inner)
            ]
    return [Mistake(steps, "expected")]


class Diagnosis:
    """Makes problems of the mistakes in a document of one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def settle(self, mistakes: Sequence[Mistake], value: Any, path: Path) -> list[Problem]:
        """The problems at and below `path`, where `value` stands: one for each place, whatever was tried there."""
        here = [mistake for mistake in mistakes if not mistake.steps]
        found = [self.problem(mistake, value, path) for mistake in here if mistake.kind != "missing"]
        below: dict[str | int, list[Mistake]] = {}
        tried: dict[str | int, list[Mistake]] = {}
        for mistake in mistakes:
            if mistake.steps:
                kind, part = mistake.steps[0]
                rest = mistake._replace(steps=mistake.steps[1:])
                (below if kind == "key" else tried).setdefault(part, []).append(rest)
        for key, inner in below.items():
            found += self.settle(inner, value[key], (*path, key))
        if tried:
            found += self.choose(tried, value, path)
        # A key that is written wrongly is missing too; one sentence says both.
        meant = {name for key, inner in below.items() if inner[0].kind == "unknown" for name in self.near(path, key)}
        missing = [mistake.key for mistake in here if mistake.kind == "missing" and mistake.key not in meant]
        if missing:
            verb, s = ("are", "s") if len(set(missing)) > 1 else ("is", "")
            found.append(Problem(path, f"the key{s} {listed(list(dict.fromkeys(missing)), 'and')} {verb} missing"))
        return found

    def choose(self, tried: Mapping[str | int, list[Mistake]], value: Any, path: Path) -> list[Problem]:
        """The problems of the alternative that was meant, as far as the value shows it."""
        fitting = [
            mistakes for mistakes in tried.values() if not any(not m.steps and m.kind == "expected" for m in mistakes)
        ]
        if len(fitting) == 1:
            return self.settle(fitting[0], value, path)
        strangers = [
            {m.steps[0][1] for m in mistakes if m.kind == "unknown" and len(m.steps) == 1} for mistakes in fitting
        ]
        if fitting and isinstance(value, dict):
            fewest = min(len(keys) for keys in strangers)
            best = [number for number, keys in enumerate(strangers) if len(keys) == fewest]
            if len(best) == 1:
                return self.settle(fitting[best[0]], value, path)
            unknown = [Mistake((("key", key),), "unknown") for key in set.intersection(*strangers)]
            if unknown:
                return self.settle(unknown, value, path)
        return [self.problem(Mistake((), "expected"), value, path)]

    def problem(self, mistake: Mistake, value: Any, path: Path) -> Problem:
        match mistake.kind:
            case "unknown":
                return Problem(path, self.unknown(path))
            case "key":
                return Problem(path, self.wrong_key(path))
            case "own":
                return Problem(path, mistake.text)
            case _:
                nodes = self.nodes(path)
                secret = any(node.get("format") == "password" for node in nodes)
                found = "a string" if secret and isinstance(value, str) else shown(value)
                return Problem(path, f"expected {expectation(nodes)}, found {found}")

    def unknown(self, path: Path) -> str:
        """What is said of a key that its table does not have."""
        near = self.near(path[:-1], path[-1])
        if near:
            return f"unknown key. Did you mean {listed(near)}?"
        keys = self.keys(path[:-1])
        elsewhere = [place for place in self.places() if place[-1] == path[-1]]
        if elsewhere and len(elsewhere) <= 3:
            return f"unknown key here. Did you mean {listed([dotted(place) for place in elsewhere])}?"
        return f"unknown key. Keys here: {', '.join(keys)}" if len(keys) <= MAX_KEYS_LISTED else "unknown key"

    def near(self, path: Path, key: str | int) -> list[str]:
        """The keys of the table at `path` that `key` may be meant for, the nearest first."""
        return nearest(str(key), self.keys(path))

    def wrong_key(self, path: Path) -> str:
        """What is said of a key that is not fit to be one."""
        rules = [node["propertyNames"] for node in self.nodes(path[:-1]) if "propertyNames" in node]
        known = [str(name) for rule in rules for name in rule.get("enum", ())]
        if known:
            near = nearest(str(path[-1]), known, cutoff=0.3)
            return f"unknown {rules[0].get('title', 'key')}{'. Nearest: ' if near else ''}{', '.join(near)}"
        return f"invalid key: expected {expectation(rules) if rules else 'a string'}, found {shown(path[-1])}"

    def keys(self, path: Path) -> list[str]:
        return list(dict.fromkeys(key for node in self.nodes(path) for key in node.get("properties", {})))

    def nodes(self, path: Path) -> list[Mapping[str, Any]]:
        """The schemas that a value at `path` may fit."""
        nodes = self.alternatives(self.schema)
        for key in path:
            below = []
            for node in nodes:
                if isinstance(key, int) and "items" in node:
                    below.append(node["items"])
                elif key in node.get("properties", {}):
                    below.append(node["properties"][key])
                elif isinstance(node.get("additionalProperties"), dict):
                    below.append(node["additionalProperties"])
            nodes = [one for node in below for one in self.alternatives(node)]
        return nodes

    def alternatives(self, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """`node` without references, and one for each of its alternatives but null, which no TOML can hold."""
        while "$ref" in node:
            target = self.schema["$defs"][node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        inner = node.get("anyOf") or node.get("oneOf")
        if inner:
            return [one for alternative in inner for one in self.alternatives(alternative)]
        return [] if node.get("type") == "null" else [node]

    def places(self) -> list[Path]:
        """The keys of the document's tables, and those of tables in them, but not of tables that people name."""
        top = [(key,) for key in self.keys(())]
        return [*top, *[(*place, key) for place in top for key in self.keys(place)]]


def expectation(nodes: Sequence[Mapping[str, Any]]) -> str:
    """What the schemas of a value allow, as a noun."""
    if not nodes:
        return "another value"
    kinds = {node.get("type") for node in nodes}
    words: list[str] = []
    tables: list[str] = []
    for node in nodes:
        if node.get("type") == "object" and node.get("required"):
            tables.append(" and ".join(node["required"]))
        elif not (node.get("type") == "integer" and "number" in kinds):
            words += alternatives_of(node, single=len(kinds) == 1)
    if tables:
        words.append(f"a table with the key{'s' if ' and ' in tables[0] else ''} {listed(tables)}")
    return listed(list(dict.fromkeys(words)))


def alternatives_of(node: Mapping[str, Any], single: bool) -> list[str]:
    """The nouns for what one schema without alternatives allows; `single`: nothing else is allowed."""
    if "enum" in node or "const" in node:
        return [shown(value) for value in node.get("enum", [node.get("const")])]
    if "patternErrorMessage" in node:
        return [str(node["patternErrorMessage"]).removeprefix("expected ")]
    match node.get("type"):
        case "boolean":
            return ["true or false" if single else "a boolean"]
        case "integer":
            return [f"an integer{bounds(node)}"]
        case "number":
            return [f"a number{bounds(node)}"]
        case "array":
            items = node.get("items", {}).get("type", "")
            plural = {"string": "strings", "integer": "integers", "number": "numbers", "object": "tables"}.get(
                items, ""
            )
            return [f"a list{f' of {plural}' if plural else ''}{count(node, 'Items', 'item')}"]
        case "object":
            return [f"a table{count(node, 'Properties', 'key')}"]
    return ["a string"]


def bounds(node: Mapping[str, Any]) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    words = {
        "minimum": "of at least",
        "maximum": "of at most",
        "exclusiveMinimum": "greater than",
        "exclusiveMaximum": "less than",
    }
    return "".join([f" {word} {node[name]}" for name, word in words.items() if name in node])


def count(node: Mapping[str, Any], of: str, noun: str) -> str:
    low, high = node.get(f"min{of}"), node.get(f"max{of}")
    if low == high:
        return "" if low is None else f" with {low} {noun}{'s' * (low != 1)}"
    if low is not None and high is not None:
        return f" with {low} to {high} {noun}s"
    return f" with at least {low} {noun}{'s' * (low != 1)}" if low is not None else f" with at most {high} {noun}s"


def shown(value: Any) -> str:
    """A value of a document, short and on one line: people's text may hold anything."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str):
        return quoted(value, MAX_SHOWN_CHARS)
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN_CHARS:
        return "a larger number"
    if isinstance(value, list | dict):
        return f"{'a' if value else 'an empty'} {'list' if isinstance(value, list) else 'table'}"
    if isinstance(value, dt.date | dt.time):
        return f"the {'time' if isinstance(value, dt.time) else 'date'} {value}"
    return printable.line(repr(value), MAX_SHOWN_CHARS)


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """At most three of `words` that are like `word`, the nearest first."""
    by_lower = {known.lower(): known for known in words}
    return [by_lower[found] for found in difflib.get_close_matches(word.lower(), by_lower, 3, cutoff)]


def listed(words: Sequence[str], before_last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {before_last} {words[-1]}"


def dotted(path: Path) -> str:
    """A path as TOML writes keys, with the index of list items: phases.a.checks[0]."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
            continue
        bare = re.fullmatch(r"[A-Za-z0-9_-]+", str(key))
        text += f"{'.' if text else ''}{key if bare else quoted(str(key), MAX_KEY_CHARS)}"
    return text


def quoted(text: str, limit_chars: int) -> str:
    return f'"{printable.line(text, limit_chars)}"'
