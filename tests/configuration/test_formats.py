"""TOML, YAML and JSON: the content, the line of each key, and the line of syntax errors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pueue_skill.configuration import formats

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.toml"))


def places(value: Any, path: formats.Path = ()) -> Iterator[formats.Path]:
    """Yield the paths of all keys and list items of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from places(below, (*path, key))


TOML = '''\
# a comment with [a.table] and key = 1
top = 1 # hosts.x = 2
"quoted key" = """
several
top = 2
"""
literal = \'\'\'[no]
table = "x"\'\'\'
a.b."c.d" = 1.5
when = 2024-01-01 10:00:00.5+01:00
list = [ # begins
  "a,]", 2,

  [3, 4],
  { x = "}", y = [5] },
]

[table]
inner = { deep = { deeper = 'it is # none' }, other = "\\"]" }
[table.sub . 'x y']
z = 1
[[array]]
[[array.nested]]
n = 1
[[array.nested]]
n = 2
[array.table]
t = 1
[[array]]
m = """""two quotes"""""
[[array.nested]]
n = 3
'''
LINES = {
    ("top",): 2, ("quoted key",): 3, ("literal",): 7, ("a",): 9, ("a", "b", "c.d"): 9, ("when",): 10, ("list",): 11,
    ("list", 0): 12, ("list", 1): 12, ("list", 2, 1): 14, ("list", 3, "y", 0): 15, ("table",): 18, ("table", "inner", "deep", "deeper"): 19,
    ("table", "sub", "x y", "z"): 21, ("array",): 22, ("array", 0): 22, ("array", 0, "nested", 0, "n"): 24,
    ("array", 0, "nested", 1): 25, ("array", 0, "table", "t"): 28, ("array", 1): 29, ("array", 1, "m"): 30,
    ("array", 1, "nested", 0, "n"): 32,
}  # fmt: skip


def test_the_lines_of_toml() -> None:
    line_of = formats.locator("x.toml", TOML)
    assert {path: line_of(path) for path in LINES} == LINES
    for path in places(formats.parse("x.toml", TOML)):
        assert tuple(str(key) for key in path) in formats.TomlLines(TOML).lines


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_each_key_of_the_examples_is_on_its_line(file: Path) -> None:
    text = file.read_text()
    lines = text.splitlines()
    for path in places(formats.parse(file.name, text)):
        line = formats.TomlLines(text).lines[tuple(str(key) for key in path)]
        assert isinstance(path[-1], int) or str(path[-1]) in lines[line - 1]


def test_a_missing_key_has_the_line_of_its_table() -> None:
    line_of = formats.locator("x.toml", "[a]\nb = 1\n")
    assert (line_of(("a", "c")), line_of(("a", "b", 3)), line_of(("c",)), line_of(())) == (1, 2, None, None)


keys = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=5)
documents = st.dictionaries(
    keys,
    st.recursive(
        st.none() | st.booleans() | st.integers() | keys,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    ),
    max_size=4,
)


@given(documents, st.sampled_from([None, 2, "\t"]))
def test_the_lines_of_json(content: dict[str, Any], indent: int | str | None) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    line_of = formats.locator("x.json", text)
    count = itertools.count(1) if indent else itertools.repeat(1)
    last = next(count)
    for path in places(content):
        line = line_of(path)
        assert line is not None
        assert line >= last  # in the order of the text
        last = line
        if isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=False) + ":" in text.split("\n")[line - 1]


def test_the_lines_of_yaml() -> None:
    text = "a: &x\n  b: [1,\n    2]\n? c\n: *x\n3: 4\nd:\n- e\n- f: g\n"
    line_of = formats.locator("x.yml", text)
    found = {path: line_of(path) for path in [("a", "b", 1), ("c",), ("c", "b"), (3,), ("d", 1, "f"), ("z",)]}
    assert found == {("a", "b", 1): 3, ("c",): 4, ("c", "b"): 2, (3,): 6, ("d", 1, "f"): 9, ("z",): None}


def test_aliases_that_expand_to_more_than_fits_into_memory() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert formats.locator("x.yaml", text)(("a29", *[0] * 29)) == 1
    assert formats.locator("x.yaml", "a: &a [*a]\n")(("a", *[0] * 1000)) == 1


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("x.toml", "a = 1\nb = \n", 2, "Invalid value"),
        ("x.toml", "a = 1\n[b", 2, "Expected ']' at the end of a table declaration"),
        ("x.toml", 'a = """\n\n', 3, "Unterminated string"),
        ("x.json", '{\n"a": 1,\n}', 3, "double quotes"),
        ("x.json", "", 1, "Expecting value"),
        ("x.yaml", "a: 1\nb: [", 2, "expected the node content"),
        ("x.yaml", "a: !!python/object:os.system x", 1, "could not determine a constructor"),
        ("x.yaml", "a: 2024-13-01", None, "month must be in 1..12"),
        ("x.yaml", "a: \x07", None, "special characters are not allowed"),
        ("x.toml", "a = " + "9" * 5000, None, "Exceeds the limit"),
        ("x.yaml", 'a: "\\UFFFFFFFF"', None, "too large"),
        ("x.json", "[" * 100_000, None, "nested too deeply"),
    ],
)
def test_syntax_errors(name: str, text: str, line: int | None, message: str) -> None:
    with pytest.raises(formats.FormatError, match=message.replace("[", r"\[")) as error:
        formats.parse(name, text)
    assert error.value.line == line
    assert str(error.value).isprintable()


def test_the_format_is_chosen_by_extension() -> None:
    names = ("a.json", "a.YAML", "b/a.yml", "a.toml", "a", ".pueue-skill.toml")
    assert [formats.format_of(name) for name in names] == ["json", "yaml", "yaml", "toml", "toml", "toml"]
    assert yaml.safe_load("a: 1") == formats.parse("x.yml", "a: 1")
