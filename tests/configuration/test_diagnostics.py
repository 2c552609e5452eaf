"""Sentences for values that do not fit a schema: for every error of the models, and never in the words of pydantic or jsonschema."""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import jsonschema
import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from pueue_skill.batches.manifest import Manifest
from pueue_skill.configuration import diagnostics
from pueue_skill.configuration.schema import Config

MODELS = [Config, Manifest]

CORE_TYPES = {
    "model": "model_", "dict": "dict_", "list": "list_", "str": "string_", "int": "int_", "float": "float_", "bool": "bool_",
    "literal": "literal_", "default": "", "nullable": "", "union": "", "definitions": "", "definition-ref": "",
    "model-fields": "", "function-after": "", "function-plain": "", "lax-or-strict": "", "is-instance": "", "json-or-python": "",
}  # fmt: skip
"""The node types in pydantic's schemas of the models, and the prefix of their error types."""
CONSTRAINTS = {"gt": "greater_than", "ge": "greater_than_equal", "lt": "less_than", "le": "less_than_equal"}
OTHERS_ERRORS = {"model_attributes_type", "string_not_ascii", "string_sub_type"}  # of options that no model uses


def core_nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and value["type"] != "model-field":
            yield value
        for key, inner in value.items():
            if key not in ("serialization", "metadata", "expected", "function"):
                yield from core_nodes(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from core_nodes(inner)


@pytest.mark.parametrize("model", MODELS)
def test_the_table_has_every_error_type_of_the_models(model: type[BaseModel]) -> None:
    known = set(get_args(core_schema.ErrorType))
    possible = {"missing", "extra_forbidden", "invalid_key"}
    for node in core_nodes(model.__pydantic_core_schema__):
        prefix = CORE_TYPES[node["type"]]  # KeyError: add the new node type to CORE_TYPES
        possible |= {error for error in known if prefix and error.startswith(prefix)} - OTHERS_ERRORS
        possible |= {error for constraint, error in CONSTRAINTS.items() if constraint in node}
        if node["type"] in ("list", "dict"):
            possible |= {"too_short", "too_long"}
    assert possible <= diagnostics.MISTAKE_KINDS.keys()


STRANGE = [None, True, 3, -1, 0, 300, 10**30, 10**5000, 2.5, math.nan, math.inf, "x", "", "7", "-a b\n\x1b", "y" * 300, "\ud800", [], [3], ["x"] * 9,
           {}, {"x": 1}, {"strange": {}}, {1: 2}, dt.date(2024, 1, 1), dt.time(1), b"x", {3}]  # fmt: skip
"""Values to put at every path; YAML has bytes, sets and keys of any type."""


def plain(annotation: Any) -> tuple[Any, list[Any]]:
    """Return an annotation without Annotated, and its metadata."""
    metadata: list[Any] = []
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata += more
    return annotation, metadata


def good(annotation: Any) -> Any:
    """Return a small valid value."""
    annotation, metadata = plain(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return {field.alias or name: good_field(field) for name, field in fields.items() if field.is_required()}
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return good(arguments[0])
    if origin is list:
        return [good(arguments[0])] * 2
    if origin is dict:
        return {good(arguments[0]): good(arguments[1])}
    extra = next((data.json_schema_extra for data in metadata if isinstance(data, FieldInfo)), None)
    if isinstance(extra, dict) and "enum" in extra:
        return extra["enum"][0]  # type: ignore[index,call-overload]
    return {
        str: "a" * 64 if "{64}" in str(metadata) else "a",
        int: 2,
        float: 2,
        bool: True,
        SecretStr: "json://u:secret@h",
    }[annotation]


def good_field(field: FieldInfo) -> Any:
    return good(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)  # type: ignore[name-defined]


def bad(annotation: Any) -> Iterator[Any]:
    """Yield copies of a value with a strange value at one path each."""
    yield from STRANGE
    annotation, _ = plain(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        whole = good(annotation)
        yield whole | {"strange": 1}
        for name, field in annotation.model_fields.items():
            key = field.alias or name
            yield {other: value for other, value in whole.items() if other != key}
            yield {other: value for other, value in whole.items() if other != key} | {key[:-1]: 1}
            yield from [whole | {key: value} for value in bad(field.annotation)]
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from bad(argument)
    elif origin is list:
        yield from [[value] for value in bad(arguments[0])]
    elif origin is dict:
        yield from [{key: good(arguments[1])} for key in ("", "-", "a b", "x", 3, None)]
        yield from [{good(arguments[0]): value} for value in bad(arguments[1])]


FOREIGN = (
    "Input should", "Extra inputs", "Field required", "Value error", "String should", "Dictionary should", "List should",
    "should match", " valid ", "pydantic", "not permitted", "is not of type", "is not one of", "does not match", "is too", "under any",
)  # fmt: skip


@functools.cache
def validators() -> dict[type[BaseModel], Any]:
    return {model: jsonschema.Draft202012Validator(diagnostics.schema_of(model)) for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_no_sentence_is_of_pydantic_or_jsonschema(model: type[BaseModel]) -> None:
    """Any value at any path: each problem has a sentence on one line and a path in the document."""
    types_seen = set()
    count = 0
    for content in bad(model):
        try:
            model.model_validate(content)
            problems = []
        except ValidationError as error:
            types_seen |= {entry["type"] for entry in error.errors()}
            problems = diagnostics.problems_of_model(error, content, model)
            assert problems, content
        if json_like(content):
            problems += diagnostics.problems_of_schema(
                validators()[model].iter_errors(content), content, diagnostics.schema_of(model)
            )
        for path, sentence in problems:
            count += 1
            assert not any(words in sentence for words in FOREIGN), sentence
            assert sentence.isprintable()
            assert len(sentence) < 400
            assert "secret@h" not in sentence
            value = content
            for key in path:
                value = value[key]
    assert types_seen <= diagnostics.MISTAKE_KINDS.keys()
    assert types_seen >= {
        "missing", "extra_forbidden", "string_type", "int_type", "list_type", "dict_type", "model_type", "literal_error",
        "string_pattern_mismatch", "greater_than_equal", "float_type",
    }  # fmt: skip
    if not model.model_config.get("strict"):
        assert types_seen >= {"int_parsing", "int_from_float", "float_parsing"}
    assert count > 1000


def json_like(value: Any) -> bool:
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False


VALUES = {"phases": {"a": {"command": "x {y}", "vars": {}}}, "name": "b"}


@pytest.mark.parametrize(
    ("values", "path", "sentence"),
    [
        ({"rang": [1, 2]}, ("rang",), "unknown key. Did you mean range?"),
        ({"range": ["x", 2]}, ("range", 0), 'expected an integer, found "x"'),
        ({"range": [1]}, ("range",), "expected a list of integers with 2 to 3 items, found a list"),
        ({"dates": ["2024", "2025"], "stepp": 1}, ("stepp",), "unknown key. Did you mean step?"),
        ({"dates": ["2024", "2025"], "step": "week"}, ("step",), 'expected "day", "month" or "year", found "week"'),
        ({}, (), "expected a list or a table with the key range, dates, files or rows, found an empty table"),
        ("x", (), 'expected a list or a table with the key range, dates, files or rows, found "x"'),
        ([1, []], (1,), "expected a string, a number, a boolean or a table, found an empty list"),
        ([{"a": []}], (0, "a"), "expected a string, a number or a boolean, found an empty list"),
    ],
)
def test_the_alternative_that_was_probably_meant(values: Any, path: tuple[Any, ...], sentence: str) -> None:
    """Each alternative of a union fails; the errors of both validators give the same sentence."""
    content = {"name": "b", "phases": {"a": {"command": "x {y}", "vars": {"y": values}}}}
    expected = [(("phases", "a", "vars", "y", *path), sentence)]
    with pytest.raises(ValidationError) as error:
        Manifest.model_validate(content)
    assert diagnostics.problems_of_model(error.value, content, Manifest) == expected
    errors = validators()[Manifest].iter_errors(content)
    assert diagnostics.problems_of_schema(errors, content, diagnostics.schema_of(Manifest)) == expected


def test_a_misspelled_key_is_not_also_missing() -> None:
    content = {"name": "b", "phases": {"a": {"commando": "x"}}}
    with pytest.raises(ValidationError) as error:
        Manifest.model_validate(content)
    (problem,) = diagnostics.problems_of_model(error.value, content, Manifest)
    assert problem.sentence == "unknown key. Did you mean command?"


def test_a_secret_is_not_shown() -> None:
    """An apprise URL contains passwords, and so may any other value of its key."""
    schema = {"properties": {"url": {"type": "string", "format": "password", "pattern": "^json:"}}}
    content = {"url": "jsn://u:secret@h"}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(content)
    (problem,) = diagnostics.problems_of_schema(errors, content, schema)
    assert problem.sentence == "expected a string, found a string"


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a", "b", 0, "c"), "a.b[0].c"), (("a b", "c.d"), '"a b"."c.d"'), (("x\n\x1b[0m",), '"x �[0m"')],
)
def test_paths_are_shown_as_dotted_toml_keys(path: tuple[Any, ...], text: str) -> None:
    assert diagnostics.dotted(path) == text
