"""`schema NAME --validate FILE`: documents in, errors with file, line and key out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pueue_skill.cli.commands import schema
from pueue_skill.cli.schemas import SCHEMAS

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def validate(name: str, file: str, folder: Path, stdin: str = "") -> tuple[int, str, str]:
    words = ["pueue-skill", "schema", name, "--validate", file]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, input=stdin)
    return done.returncode, done.stdout, done.stderr


def test_the_names_are_those_of_the_schemas() -> None:
    assert list(SCHEMAS) == schema.NAMES


@pytest.mark.parametrize(("name", "file"), [("config", "config.toml"), ("batch", "rangebar.toml")])
def test_the_examples_are_valid(name: str, file: str) -> None:
    assert validate(name, file, EXAMPLES) == (0, "", f"pueue-skill: {file} fits the schema {name}\n")


@pytest.mark.parametrize(
    ("name", "file", "text", "errors"),
    [
        (
            "config",
            "c.toml",
            '[run]\nwait = "x"\n[hosts.a]\npueu = 1\n[rules]\nPQ1O1 = "off"\n',
            'c.toml:2: run.wait: expected a number of at least 0, found "x"\n'
            "c.toml:4: hosts.a.pueu: unknown key. Did you mean pueue?\n"
            "c.toml:6: rules.PQ1O1: unknown rule ID. Nearest: PQ511, PQ101, PQ801\n",
        ),
        (
            "batch",
            "b.yaml",
            "phases:\n  a:\n    command: x\n    after:\n    - phas: b\n  2: {command: y}\n  null: 3\n",
            "b.yaml:5: phases.a.after[0].phas: unknown key. Did you mean phase?\n"
            "b.yaml:7: phases.null: expected a table with the key command, found 3\n",
        ),
        (
            "status",
            "s.json",
            '{"version": 1,\n"hosts": [\n{"host": 3, "reachable": true, "reason": "", "load": "", "groups": [], "stuck": []}]}',
            "s.json:3: hosts[0].host: expected a string, found 3\n"
            "s.json:3: hosts[0]: the keys ended, failed and jobs are missing\n",
        ),
        (
            "tool",
            "t.toml",
            '[[tools]]\nprograms = ["frob"]\nlong = ["go --samples>many"]\n',
            "t.toml:3: tools[0].long[0]: --samples>many compares with many, which is not a number\n",
        ),
        (
            "tool",
            "-",
            '[[tools]]\nprograms = ["frob"]\nlong = ["go"]\n',
            "stdin:1: tools[0]: the key noun is missing\n",
        ),
        (
            "tool",
            "t.toml",
            '[examples]\nlong = ["frob stop"]\n[[tools]]\nprograms = ["frob"]\nquick = ["stop"]\n',
            "t.toml:2: examples.long[0]: `frob stop` is quick: quick with these arguments (t.toml:5)\n",
        ),
        (
            "config",
            "c.toml",
            '[rules]\nremote-script = "off"\n',
            "c.toml:2: rules.remote-script: expected the rule ID: PQ102. All rules: pueue-skill rules\n",
        ),
        ("suggestion", "-", '{"version": 2}', "stdin:1: version: expected 1, found 2\n"),
        ("config", "-", "a = 1\n", "stdin:1: a: unknown key"),
    ],
)
def test_errors_have_file_line_and_key(tmp_path: Path, name: str, file: str, text: str, errors: str) -> None:
    if file != "-":
        (tmp_path / file).write_text(text)
    code, out, _ = validate(name, file, tmp_path, text if file == "-" else "")
    assert code == 1
    assert errors in out


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("gone.toml", None, "gone.toml: No such file or directory"),
        ("a.toml", b"a = 1\nb", "a.toml:2: Expected '=' after a key"),
        ("a.json", b"\xff", "a.json: not UTF-8: invalid start byte at byte 0"),
        ("a.yaml", b"a: &a [*a]\n", "a.yaml: nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, file: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    code, out, err = validate("config", file, tmp_path)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_the_output_of_a_command_is_valid(tmp_path: Path) -> None:
    printed = subprocess.run(["pueue-skill", "suggest", "--json", "python train.py"], capture_output=True, text=True)
    assert validate("suggestion", "-", tmp_path, printed.stdout)[0] == 0
