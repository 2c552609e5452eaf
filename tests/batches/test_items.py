"""The items of a manifest: values, order, dependencies, bash text and keys; and the errors of invalid manifests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

from pueue_skill.batches import items as batch_items
from pueue_skill.batches import manifest
from pueue_skill.batches.manifest import ManifestError
from pueue_skill.batches.model import BatchError, Item, LocalFiles
from pueue_skill.batches.templates import fill
from pueue_skill.cli.schemas import SCHEMAS

HEAD = 'name = "b"\n[groups]\np1 = 4\n'


def items(text: str, folder: Path, name: str = "b.toml") -> tuple[Item, ...]:
    file = folder / name
    file.write_text(text)
    made = manifest.load(file)
    return batch_items.items_of(
        made,
        LocalFiles(
            lambda pattern: manifest.matching_paths(pattern, folder), lambda rows: manifest.read_rows(folder / rows)
        ),
    )


def labels(text: str, folder: Path) -> list[str]:
    return [item.label for item in items(text, folder)]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("vars.x = [1, 'two', 3.5, true]", ["1", "two", "3.5", "true"]),
        ("vars.x = { range = [1, 3] }", ["1", "2", "3"]),
        ("vars.x = { range = [5, 1, -2] }", ["5", "3", "1"]),
        ("vars.x = { dates = ['2023-11-05', '2025-02-01'] }", ["2023", "2024", "2025"]),
        ("vars.x = { dates = ['2024-01-30', '2024-03-01'], step = 'month' }", ["2024-01", "2024-02", "2024-03"]),
        ("vars.x = { dates = ['2024-02-28', '2024-03-01'], step = 'day' }", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("vars.x = { files = 'data/*.csv' }", ["data/a.csv", "data/b b.csv"]),
        ("vars.x = { rows = 'rows.csv' }", ["BTC", "ETH"]),
        ("vars.x = { rows = 'rows.jsonl' }", ["BTC", "ETH"]),
        ("vars.x = [1, 2, 3]\nexclude = [{ x = 2 }]", ["1", "3"]),
        ("vars.x = [1, 2, 3]\nexclude = [{ x = [1, 3] }]", ["2"]),
    ],
)
def test_values(tmp_path: Path, variables: str, expected: list[str]) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b b.csv"):
        (tmp_path / "data" / name).touch()
    (tmp_path / "rows.csv").write_text("name,from\nBTC,2019\nETH,2020\n")
    (tmp_path / "rows.jsonl").write_text('{"name": "BTC"}\n\n{"name": "ETH"}\n')
    text = f"[phases.a]\ncommand = 'echo {{x}}'\nlabel = '{{x}}'\n{variables}\n"
    assert labels(text, tmp_path) == expected


def test_spans_are_cut_at_their_ends_and_use_other_values(tmp_path: Path) -> None:
    text = """
    [phases.a]
    command = "run {symbol} {epoch.start} {epoch.end}"
    label = "{symbol}:{epoch}"
    vars.symbol = [{ name = "BTC", from = "2023-09-08" }, { name = "ETH", from = "2024-01-01" }]
    vars.epoch = { dates = ["{symbol.from}", "2024-03-01"] }
    """
    assert [(one.label, one.command) for one in items(text, tmp_path)] == [
        ("BTC:2023", "(\nrun BTC 2023-09-08 2023-12-31\n)"),
        ("BTC:2024", "(\nrun BTC 2024-01-01 2024-03-01\n)"),
        ("ETH:2024", "(\nrun ETH 2024-01-01 2024-03-01\n)"),
    ]


def test_values_are_quoted_and_doubled_braces_are_literal(tmp_path: Path) -> None:
    (one,) = items("[phases.a]\ncommand = 'echo {x} ${{HOME}}'\nvars.x = [\"it's $(x)\"]\n", tmp_path)
    assert one.command == "(\necho 'it'\\''s $(x)' ${HOME}\n)"


def test_overrides(tmp_path: Path) -> None:
    text = (
        HEAD
        + "[phases.a]\ncommand = 'echo {x}'\nvars.x = [1, 2]\noverride = [{ when = { x = 2 }, group = 'p1', priority = 5, memory = '2G' }]\n"
    )
    assert [(one.group, one.priority, one.memory) for one in items(text, tmp_path)] == [
        ("default", 0, 0),
        ("p1", 5, 2 * 2**30),
    ]


def by_label(made: tuple[Item, ...]) -> dict[str, list[str]]:
    names = {item.key: item.label for item in made}
    return {item.label: [names[key] for key in item.after] for item in made}


def test_phases_depend_on_each_other(tmp_path: Path) -> None:
    text = """
    [phases.validate]
    command = "v"
    after = ["optimize"]
    [phases.years]
    command = "y {s} {n}"
    label = "{s}:{n}"
    vars.s = ["BTC", "ETH"]
    vars.n = [1, 2]
    [phases.optimize]
    command = "o {s}"
    label = "o:{s}"
    vars.s = ["BTC", "ETH"]
    after = [{ phase = "years", same = ["s"] }]
    checks = [{ name = "none", run = "true" }]
    """
    assert by_label(items(text, tmp_path)) == {
        "BTC:1": [], "BTC:2": [], "ETH:1": [], "ETH:2": [],
        "o:BTC": ["BTC:1", "BTC:2"], "o:ETH": ["ETH:1", "ETH:2"],
        "optimize:none": ["o:BTC", "o:ETH"],
        "validate": ["optimize:none"],
    }  # fmt: skip


def test_a_barrier_connects_two_large_phases(tmp_path: Path) -> None:
    text = "[phases.a]\ncommand = 'a {x}'\nvars.x = { range = [1, 20] }\n[phases.b]\ncommand = 'b {x}'\nvars.x = { range = [1, 20] }\nafter = ['a']\n"
    text += "[phases.c]\ncommand = 'c {x}'\nvars.x = { range = [1, 20] }\nafter = ['a', 'b']\n"
    found = by_label(items(text, tmp_path))
    assert len(found["a:end"]) == len(found["b:end"]) == 20
    assert (found["b:7"], found["c:7"]) == (["a:end"], ["a:end", "b:end"])


def test_jobs_are_spread_over_hosts_by_the_values_of_one_variable(tmp_path: Path) -> None:
    text = """
    hosts = ["one", "two"]
    spread = "s"
    [phases.a]
    command = "a {s} {n}"
    vars.s = { range = [1, 30] }
    vars.n = [1, 2]
    [phases.b]
    command = "b"
    after = ["a"]
    """
    made = items(text, tmp_path)
    hosts: dict[object, set[str]] = {}
    for one in made[:60]:
        hosts.setdefault(dict(one.values)["s"], set()).add(one.host)
    assert all(len(found) == 1 for found in hosts.values())
    assert {one.host for one in made if one.phase == "b"} == {"one", "two"}
    for one in made:
        if one.phase == "b":
            assert {other.host for other in made if other.key in one.after} == {one.host}


def test_the_key_has_the_identity_and_the_definition_of_the_job(tmp_path: Path) -> None:
    text = "[phases.a]\ncommand = 'echo {x}'\nvars.x = [1, 2]\n"
    first = items(text, tmp_path)
    assert items(text.replace("[1, 2]", "[2, 1, 3]"), tmp_path)[1].key == first[0].key
    other = items(text.replace("echo", "printf"), tmp_path)
    assert [one.identity for one in other] == [one.identity for one in first]
    assert not {one.key for one in other} & {one.key for one in first}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[phases.a]\ncommand = 'x'\nafter = ['a']", "phases.a.after: the phase depends on itself: a → a"),
        ("[phases.a]\ncommand = 'x'\nafter = ['b']\n[phases.b]\ncommand = 'y'\nafter = ['a']", "a → b → a"),
        ("[phases.a]\ncommand = 'x {y}'", "phases.a: unknown variable {y}; variables: none"),
        ("[phases.a]\ncommand = 'x { y'", "phases.a.command: a single { at character 2"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = []", "vars.y: no values"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { files = 'none/*' }", "vars.y: no values"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = [1]\nexclude = [{ y = 1 }]", "phases.a: exclude removes all combinations of values"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = [1]\nexclude = [{ z = 1 }]", "phases.a.exclude: unknown variable z; variables: y"),
        ("[phases.a]\ncommand = 'x {y}'\nlabel = 'same'\nvars.y = [1, 2]", "two jobs have the label same"),
        ("[phases.a]\ncommand = 'x {y.z}'\nvars.y = [1, 2]", "phases.a.command: unknown value {y.z}; values: y"),
        ("[phases.a]\ncommand = 'x {y} {z}'\nvars.y = { range = [1, 10000] }\nvars.z = { range = [1, 1000] }", "more than 1,000,000"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { range = [1, 2, 0] }", "vars.y.range: the step is 0"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { dates = ['2024-13-01', '2025-01-01'] }", "vars.y.dates: expected a date as YYYY-MM-DD, found '2024-13-01'"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { dates = ['2025-13-01', '2025-01-01'] }", "expected a date as YYYY-MM-DD, found '2025-13-01'"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { dates = ['2025-02-01', '2025-01-01'] }", "2025-02-01 is after 2025-01-01"),
        ("[phases.a]\ncommand = 'x'\nmemory = 'lots'", "phases.a.memory: expected a size such as 500M or 5G, found 'lots'"),
        ("[phases.a]\ncommand = 'x'\nchecks = [{ name = 'c', run = 'y', expect = { about = 1 } }]", "phases.a.checks.c.expect: expected equals, min or max, found about"),
        ("sql = 'q {query} {db}'\n[phases.a]\ncommand = 'x'\nchecks = [{ name = 'c', sql = 'y' }]", "sql: unknown value {db}; values: query"),
        ("[phases.a]\ncommand = 'x {s}'\nvars.s = [1]\n[phases.b]\ncommand = 'y'\nafter = [{ phase = 'a', same = ['s'] }]", "phases.b.after: the jobs of phase b have no variable s"),
        ("[phases.a]\ncommand = 'x {s}'\nvars.s = [1]\n[phases.b]\ncommand = 'y {s}'\nvars.s = [2]\nafter = [{ phase = 'a', same = ['s'] }]", "phases.b.after: no job of phase a has the same s as b:2"),
    ],
)  # fmt: skip
def test_invalid_batches(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BatchError) as error:
        items(text, tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nme = 'x'\n[phases.a]\ncommand = 'x'", "b.toml:1: nme: unknown key. Did you mean name?"),
        ("[phases.a]\ncommando = 'x'", "b.toml:2: phases.a.commando: unknown key. Did you mean command?"),
        (
            "[phases.a]\ncommand = 'x'\n[phases.b]\ncommand = 'y'\npriority = 'high'",
            'b.toml:5: phases.b.priority: expected an integer, found "high"',
        ),
        (
            "[phases.a]\ncommand = 'x'\n[[phases.a.checks]]\nname = 'c'\nrun = 'y'\n[[phases.a.checks]]\nname = 'd'",
            "b.toml:6: phases.a.checks[1]: d: expected either run or sql, found neither",
        ),
        (
            "[phases.a]\ncommand = 'x'\n\npriority = 'high'",
            'b.toml:4: phases.a.priority: expected an integer, found "high"',
        ),
        ("[phases.a]\ncommand = 'x'\nafter = ['c']", "b.toml:3: phases.a.after[0]: unknown phase c. Phases: a"),
        (
            "hosts = ['a', 'b']\n[phases.a]\ncommand = 'x'",
            "b.toml:1: hosts: with several hosts, spread must name the variable",
        ),
        ("[phases]", "b.toml:1: phases: expected a table with at least 1 key, found an empty table"),
        ("[phases.a", "b.toml:1: Expected ']'"),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { rows = 'gone.csv' }", "gone.csv: "),
        (
            "[phases.a]\ncommand = 'x'\n[[phases.a.checks]]\nname = 'c'\nrun = 'y'\nsql = 'z'",
            "b.toml:3: phases.a.checks[0]: c: expected either run or sql, found both",
        ),
        (
            "[phases.a]\ncommand = 'x'\nchecks = [{ name = 'c' }]",
            "b.toml:3: phases.a.checks[0]: c: expected either run or sql, found neither",
        ),
        (
            "[phases.a]\ncommand = 'x'\nchecks = [{ name = 'c', sql = 'SELECT 1' }]",
            "phases.a.checks[0].sql: sql has no command for the query. Add before the phases",
        ),
        (
            "sql = 'psql'\n[phases.a]\ncommand = 'x'\nchecks = [{ name = 'c', sql = 'SELECT 1' }]",
            "phases.a.checks[0].sql: sql has no command for the query. Add before the phases",
        ),
        (
            "[phases.a]\ncommand = 'x {y}'\nvars.y = { rows = 'bad.csv' }",
            "bad.csv:3: the number of fields differs from that of the header",
        ),
        ("[phases.a]\ncommand = 'x {y}'\nvars.y = { rows = 'bad.jsonl' }", "bad.jsonl:2: "),
    ],
)
def test_invalid_manifests(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3\n")
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(ManifestError) as error:
        items(text, tmp_path)
    assert message in str(error.value)


def test_yaml_and_json_manifests(tmp_path: Path) -> None:
    content = {
        "name": "b",
        "groups": {"p1": 2},
        "phases": {"a": {"command": "x {y}", "vars": {"y": [1, 2]}, "group": "p1"}},
    }
    jsonschema.validate(content, SCHEMAS["batch"]())
    toml = items(
        'name = "b"\ngroups = { p1 = 2 }\n[phases.a]\ncommand = "x {y}"\nvars.y = [1, 2]\ngroup = "p1"\n', tmp_path
    )
    assert items(json.dumps(content), tmp_path, "b.json") == toml
    assert items(json.dumps(content), tmp_path, "b.yaml") == toml  # JSON is YAML


@pytest.mark.parametrize(
    ("expect", "output", "good"),
    [
        ('"empty"', "", True),
        ('"empty"', "x", False),
        ('"zero"', "0", True),
        ('"zero"', "3", False),
        ('"zero"', "", False),
        ('"zero"', "none", False),
        ("{ min = 1, max = 10 }", "5", True),
        ("{ min = 1, max = 10 }", "1e1", True),
        ("{ min = 1, max = 10 }", "11", False),
        ("{ min = -3.5 }", "-3.6", False),
        ('{ equals = "ok" }', "ok", True),
        ('{ equals = "ok" }', "o'k", False),
        ("{ equals = 7 }", "7.0", True),
    ],
)
def test_expectations(tmp_path: Path, expect: str, output: str, good: bool) -> None:
    text = f"[phases.a]\ncommand = 'x'\nchecks = [{{ name = 'c', run = '''printf %s \"{output}\"''', expect = {expect} }}]\n"
    check = items(text, tmp_path)[1]
    done = subprocess.run(["bash", "-c", check.command], capture_output=True, text=True)
    assert (done.returncode == 0) == good
    assert good or "a:c: " in done.stdout


def test_a_query_is_one_word_of_the_sql_command(tmp_path: Path) -> None:
    query = "SELECT 'it''s',\n  '{x}' FROM t"
    text = f"sql = 'printf %s {{query}}'\n[phases.a]\ncommand = 'x'\n[[phases.a.checks]]\nname = 'c'\nsql = \"\"\"{query}\"\"\"\n"
    check = items(text + "expect = { equals = '-' }\n", tmp_path)[1]
    done = subprocess.run(["bash", "-c", check.command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, f"a:c: equals - was expected, found:\n{query}\n")


def test_jobs_retry_and_time_out_by_themselves(tmp_path: Path) -> None:
    text = f"[phases.a]\ncommand = 'echo again >> {tmp_path}/log; exit 75'\nretry = {{ codes = [75, 69], times = 3, wait = 0 }}\n"
    (one,) = items(text, tmp_path)
    assert subprocess.run(["bash", "-c", one.command]).returncode == 75
    assert (tmp_path / "log").read_text() == "again\n" * 3
    (one,) = items(text.replace("exit 75", "exit 1"), tmp_path)
    assert subprocess.run(["bash", "-c", one.command]).returncode == 1
    (one,) = items("[phases.a]\ncommand = 'sleep 30'\ntimeout = 0.2\n", tmp_path)
    assert subprocess.run(["bash", "-c", one.command]).returncode == 124


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "it's",
    'a "b"',
    "A=b",
    "{x}",
    "-n",
    "\\\\",
    "a\\nb",
    "~",
    "*",
]


AROUND = ("{x}", "--to={x}", "a{x}b", "'q'{x}\"r\"", "\\\\{x}", "\\'{x}\\'", "$y{x}")


@pytest.mark.parametrize("value", HOSTILE)
def test_every_value_is_one_word(value: str, tmp_path: Path) -> None:
    """In bash, also when it is only part of a word."""
    template = "printf '%s\\0' " + " ".join(AROUND) + " $(printf %s {x} | wc -c) <(printf {x}) # it's a comment"
    text = fill(template, {"x": value}, "here", quoted=True)
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = done.stdout.split("\0")[:-2]
    assert found == [
        value,
        f"--to={value}",
        f"a{value}b",
        f"q{value}r",
        f"\\{value}",
        f"'{value}'",
        value,
        str(len(value)),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "around",
    [
        "'{x}'",
        '"{x}"',
        '"a {x} b"',
        "`echo {x}`",
        '"$(echo "{x}")"',
        '"${{y:-"{x}"}}"',
        "$'{x}'",
        "$(({x}))",
        "${x}",
        "bash -c 'echo {x}'",
        "# {x}",
        "<<EOF\n{x}\nEOF",
        "'",
    ],
)
def test_unquotable_positions_take_only_bare_values(around: str) -> None:
    template = f"run {around} {{x}}" if around == "'" else f"run {around}"
    assert "data/a-1.csv" in fill(template, {"x": "data/a-1.csv"}, "here", quoted=True)
    with pytest.raises(BatchError, match=r"here: the value .* of \{x\} cannot be quoted here"):
        fill(template, {"x": "$(touch pwned)"}, "here", quoted=True)


def test_a_value_is_never_an_assignment() -> None:
    assert fill("{x} run", {"x": "A=b"}, "here", quoted=True) == "'A=b' run"
