"""Explains why a document does not fit its schema: errors of pydantic or jsonschema in, sentences for people out.

Both kinds of errors become Mistakes. A sentence is made of a mistake, the JSON Schema at its path and the value at that path, so it can
say what the schema expects and name the nearest key. The texts of pydantic and jsonschema are never shown.
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

MistakeKind = Literal["unknown", "missing", "key", "expected", "own"]
PathStep = tuple[Literal["key", "tried"], str | int]
"""A key or index, or the name of an alternative of the schema that the validator tried."""

MISTAKE_KINDS: Mapping[str, MistakeKind] = {
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
"""The kind of mistake for each of pydantic's error types. A key that does not fit has WRONG_KEY at the end of its path instead."""

WRONG_KEY = "[key]"
"""The last element of the path of a pydantic error if the key is wrong, not its value."""

MAX_SHOWN_CHARS = 60
MAX_KEY_CHARS = 200
MAX_KEYS_LISTED = 12


class Mistake(NamedTuple):
    """A mistake and its path: `steps` has keys and, for alternatives of the schema, the one that was tried.

    `key` is the missing key, `text` the sentence of a custom error.
    """

    steps: tuple[PathStep, ...]
    kind: MistakeKind
    key: str = ""
    text: str = ""


class Problem(NamedTuple):
    """A sentence and the path that it is about."""

    path: Path
    sentence: str


def own_mistake(text: str, *path: str | int) -> PydanticCustomError:
    """Return the error for a validator of pueue-skill to raise: a sentence, and its path relative to the validated model."""
    return PydanticCustomError("own", "{text}", {"text": text, "path": list(path)})


class PublishedSchema(GenerateJsonSchema):
    """JSON Schema that rejects keys that do not match a table's pattern; pydantic's default accepts them unchecked."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        result = super().dict_schema(schema)
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        for values in result.pop("patternProperties", {}).values():  # at most one
            result["additionalProperties"] = values
        if {"pattern", "enum"} & keys.keys():
            result["propertyNames"] = {name: value for name, value in keys.items() if name != "type"}
        return result


@functools.cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the published JSON Schema of a model."""
    return model.model_json_schema(schema_generator=PublishedSchema)


def report(name: str, problems: Iterable[Problem], line_of: Callable[[Path], int | None]) -> list[str]:
    """Return a line NAME:LINE: KEY: SENTENCE for each problem of a document, ordered by line."""
    placed = sorted([(line_of(problem.path) or 0, problem) for problem in problems], key=lambda entry: entry[0])
    lines = [
        ": ".join([f"{name}:{line}" if line else name, *([dotted(problem.path)] if problem.path else []), problem.sentence])
        for line, problem in placed
    ]  # fmt: skip
    return list(dict.fromkeys(lines))


def problems_of_model(error: ValidationError, content: Any, model: type[BaseModel]) -> list[Problem]:
    """Return the problems of `content` for a pydantic error."""
    mistakes = [of_pydantic(entry, content) for entry in error.errors(include_url=False)]
    return Diagnosis(schema_of(model)).settle(mistakes, content, ())


def of_pydantic(entry: Mapping[str, Any], content: Any) -> Mistake:
    """Return the mistake for an entry of pydantic's error list.

    pydantic's path mixes keys with names of alternatives. An element is a key if the content has it at this point of the path.
    """
    kind: MistakeKind = MISTAKE_KINDS.get(entry["type"], "expected")
    loc = [*entry["loc"], *(entry["ctx"]["path"] if kind == "own" else ())]
    steps: list[PathStep] = []
    value = content
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if last and part == WRONG_KEY:
            return Mistake(tuple(steps), "key")
        if last and kind == "missing":
            return Mistake(tuple(steps), "missing", str(part))
        keys: Iterable[Any] = ()
        if isinstance(value, dict):
            # pydantic names a key that is not a string, such as null in YAML, by its text.
            keys = [part] if part in value else [key for key in value if not isinstance(key, str) and str(key) == part]
        elif isinstance(value, list) and isinstance(part, int):
            keys = [part]
        steps.append(next((("key", key) for key in keys), ("tried", part)))
        value = next((value[key] for key in keys), value)
    return Mistake(tuple(steps), kind, "", entry["ctx"]["text"] if kind == "own" else "")


def problems_of_schema(errors: Iterable[Any], content: Any, schema: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of `content` for the ValidationErrors of jsonschema."""
    return Diagnosis(schema).settle([mistake for error in errors for mistake in of_jsonschema(error)], content, ())


def of_jsonschema(error: Any) -> list[Mistake]:
    """Return the mistakes for an error of jsonschema, including the errors of each alternative of anyOf."""
    steps: tuple[PathStep, ...] = tuple([("key", part) for part in error.relative_path])
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
    """Turns mistakes in a document of one schema into problems."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def settle(self, mistakes: Sequence[Mistake], value: Any, path: Path) -> list[Problem]:
        """Return the problems of `value`, which is at `path`, and of everything in it: one for each path."""
        own = [mistake for mistake in mistakes if not mistake.steps]
        problems = [self.problem(mistake, value, path) for mistake in own if mistake.kind != "missing"]
        below: dict[str | int, list[Mistake]] = {}
        tried: dict[str | int, list[Mistake]] = {}
        for mistake in mistakes:
            if mistake.steps:
                kind, part = mistake.steps[0]
                inner_mistake = mistake._replace(steps=mistake.steps[1:])
                (below if kind == "key" else tried).setdefault(part, []).append(inner_mistake)
        for key, inner in below.items():
            problems += self.settle(inner, value[key], (*path, key))
        if tried:
            problems += self.choose(tried, value, path)
        # A misspelled key is also missing: one sentence is enough.
        meant = {name for key, inner in below.items() if inner[0].kind == "unknown" for name in self.near(path, key)}
        missing = [mistake.key for mistake in own if mistake.kind == "missing" and mistake.key not in meant]
        if missing:
            verb, s = ("are", "s") if len(set(missing)) > 1 else ("is", "")
            problems.append(Problem(path, f"the key{s} {listed(list(dict.fromkeys(missing)), 'and')} {verb} missing"))
        return problems

    def choose(self, tried: Mapping[str | int, list[Mistake]], value: Any, path: Path) -> list[Problem]:
        """Return the problems of the alternative that `value` was probably written for, or of the value as a whole."""
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
                actual = "a string" if secret and isinstance(value, str) else shown(value)
                return Problem(path, f"expected {expectation(nodes)}, found {actual}")

    def unknown(self, path: Path) -> str:
        """Return the sentence for a key that its table does not have."""
        near = self.near(path[:-1], path[-1])
        if near:
            return f"unknown key. Did you mean {listed(near)}?"
        keys = self.keys(path[:-1])
        elsewhere = [place for place in self.places() if place[-1] == path[-1]]
        if elsewhere and len(elsewhere) <= 3:
            return f"unknown key here. Did you mean {listed([dotted(place) for place in elsewhere])}?"
        return f"unknown key. Keys here: {', '.join(keys)}" if len(keys) <= MAX_KEYS_LISTED else "unknown key"

    def near(self, path: Path, key: str | int) -> list[str]:
        """Return the keys of the table at `path` that are spelled like `key`, the nearest first."""
        return nearest(str(key), self.keys(path))

    def wrong_key(self, path: Path) -> str:
        """Return the sentence for a key that does not match the table's pattern or list of keys."""
        rules = [node["propertyNames"] for node in self.nodes(path[:-1]) if "propertyNames" in node]
        known = [str(name) for rule in rules for name in rule.get("enum", ())]
        if known:
            described = dict(zip(rules[0].get("enumDescriptions", ()), known, strict=False))
            if path[-1] in described:
                return (
                    f"expected the {rules[0].get('title', 'key')}: {described[path[-1]]}. All rules: pueue-skill rules"
                )
            near = nearest(str(path[-1]), known, cutoff=0.3)
            return f"unknown {rules[0].get('title', 'key')}{'. Nearest: ' if near else ''}{', '.join(near)}"
        return f"invalid key: expected {expectation(rules) if rules else 'a string'}, found {shown(path[-1])}"

    def keys(self, path: Path) -> list[str]:
        return list(dict.fromkeys(key for node in self.nodes(path) for key in node.get("properties", {})))

    def nodes(self, path: Path) -> list[Mapping[str, Any]]:
        """Return the schemas of which a value at `path` must fit one."""
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
            nodes = [inner for node in below for inner in self.alternatives(node)]
        return nodes

    def alternatives(self, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return `node` with its reference resolved, or each of its alternatives except null, which TOML does not have."""
        while "$ref" in node:
            target = self.schema["$defs"][node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        inner = node.get("anyOf") or node.get("oneOf")
        if inner:
            return [schema for alternative in inner for schema in self.alternatives(alternative)]
        return [] if node.get("type") == "null" else [node]

    def places(self) -> list[Path]:
        """Return the paths of the keys that the schema names, two levels deep."""
        top = [(key,) for key in self.keys(())]
        return [*top, *[(*place, key) for place in top for key in self.keys(place)]]


def expectation(nodes: Sequence[Mapping[str, Any]]) -> str:
    """Return what a value with these alternative schemas may be, as a noun."""
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
    """Return the nouns for what one schema without alternatives allows; `single`: only values of this type are allowed."""
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
    """Return a value of a document as short, printable text on one line."""
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
    """Return at most three of `words` that are spelled like `word`, the nearest first."""
    by_lower = {known.lower(): known for known in words}
    return [by_lower[match] for match in difflib.get_close_matches(word.lower(), by_lower, 3, cutoff)]


def listed(words: Sequence[str], before_last: str = "or") -> str:
    """Return `a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {before_last} {words[-1]}"


def dotted(path: Path) -> str:
    """Return a path as a dotted TOML key, with list indexes in brackets: phases.a.checks[0]."""
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
