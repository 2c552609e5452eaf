"""`check`: the shell text in each kind of file, the positions of findings, and the output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pueue_skill.lint import check, folders, sources
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.registry import RULES
from pueue_skill.shell import printable

ROOT = Path(__file__).parent.parent.parent
CASES = Path(__file__).parent.parent / "cases/check"
FILES = sorted(path.relative_to(CASES).as_posix() for path in CASES.rglob("*") if path.is_file())
EXPECTED: dict[str, list[str]] = tomllib.loads((CASES.parent / "check.toml").read_text("utf-8"))


def checked(path: Path) -> check.FileReport:
    return check.check_file(str(path), {}, Preferences())


def described(one: check.FileReport) -> list[str]:
    """Return the findings in the form of check.toml."""
    found = []
    for finding in one.findings:
        line = one.lines[finding["line"] - 1]
        end = finding["end_column"] - 1 if finding["end_line"] == finding["line"] else len(line)
        place = f"{finding['line']}:{finding['column']}-{finding['end_line']}:{finding['end_column']}"
        found.append(f"{place} {finding['rule']} {line[finding['column'] - 1 : end]}")
    return found


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["pueue-skill", "check", *arguments], capture_output=True, cwd=cwd, timeout=30)


# What is found, and where


@pytest.mark.parametrize("file", FILES)
def test_findings(file: str) -> None:
    one = checked(CASES / file)
    assert described(one) == EXPECTED.get(file, [])
    assert one.errors == ()
    assert len(one.notes) == (file == "python/tool")


def test_every_expectation_has_its_file() -> None:
    assert EXPECTED.keys() <= set(FILES)


@pytest.mark.parametrize("file", EXPECTED)
def test_crlf_line_ends_change_no_position(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xef\xbb\xbf" + (CASES / file).read_bytes().replace(b"\n", b"\r\n"))
    assert described(checked(path)) == EXPECTED[file]


@pytest.mark.parametrize("file", FILES)
def test_a_piece_maps_each_character_to_its_position(file: str) -> None:
    text = (CASES / file).read_text("utf-8")
    try:
        pieces = sources.shell_texts(str(CASES / file), text)
    except sources.NoShell:
        return
    for piece in pieces:
        assert len(piece.origin) == len(piece.text)
        assert list(piece.origin) == sorted(piece.origin)
        for char, at in zip(piece.text, piece.origin, strict=True):
            assert char == text[at] or char in "${_} " or text[at] in "$\\"


# The kinds of files, and what is read of each

WORKFLOW = ".github/workflows/ci.yml"


def shell(path: str, text: str) -> list[str]:
    return [piece.text for piece in sources.shell_texts(path, text)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.sh", sources.script),
        ("bin/tool", sources.script),
        ("Makefile.py", sources.makefile),
        ("lib/rules.mk", sources.makefile),
        ("GNUmakefile", sources.makefile),
        ("makefile", sources.makefile),
        ("NotAMakefile", sources.script),
        ("/r/.github/workflows/x.yaml", sources.workflow),
        ("actions/x/action.yml", sources.workflow),
        ("mise.toml", sources.mise),
        (".mise.local.toml", sources.mise),
        (".config/mise.toml", sources.mise),
        (".config/mise/config.toml", sources.mise),
        ("/home/u/.config/mise/conf.d/a.toml", sources.mise),
        (".mise/tasks/a/b.toml", sources.task_file),
        ("mise-tasks/b.toml", sources.task_file),
        ("tasks.toml", sources.task_file),
        (".mise/tasks/build", sources.script),
        ("justfile", sources.justfile),
        (".justfile", sources.justfile),
        ("ci/x.just", sources.justfile),
    ],
)
def test_kind(path: str, kind: Any) -> None:
    assert next((read for names, read in sources.READERS if names.search(path)), sources.script) is kind


@pytest.mark.parametrize(("path", "text"), [("pyproject.toml", ""), ("k8s.yml", ""), ("x", "#!/usr/bin/python3\n")])
def test_files_without_shell(path: str, text: str) -> None:
    with pytest.raises(sources.NoShell):
        sources.shell_texts(path, text)


@pytest.mark.parametrize(
    "line", ["#!/bin/sh", "#! /usr/bin/bash -e", "#!/usr/bin/env bash", "#!/usr/bin/env -S A=1 bash -x", "# no"]
)
def test_shell_scripts_by_their_first_line(line: str) -> None:
    assert shell("tool", f"{line}\nls\n") == [f"{line}\nls\n"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ls: a\n", [], id="no recipe"),
        pytest.param("\tls\n", [], id="a tab outside of a rule"),
        pytest.param("a:\n\tls\n", ["ls"], id="a line"),
        pytest.param("a:\n\t@- +ls -l\n", ["ls -l"], id="prefixes"),
        pytest.param("a: b ; ls\n", ["ls"], id="behind a semicolon"),
        pytest.param("a: X = b ; ls\n", [], id="a variable of one target"),
        pytest.param("a: b # c ; ls\n", [], id="in a comment"),
        pytest.param("a:\n\n# c\n\tls\nifdef X\n\tid\nendif\n", ["ls", "id"], id="what does not end a recipe"),
        pytest.param("a:\n\tls\nB = c\n\tid\n", ["ls"], id="an assignment ends it"),
        pytest.param("B = c: \\\n\tls\n", [], id="an assignment continues after a backslash"),
        pytest.param("a:\n\tls \\\n\t  -l\n\tid\n", ["ls \\\n  -l", "id"], id="joined"),
        pytest.param("a:\n\tls \\\\\n\tid\n", ["ls \\\\", "id"], id="a backslash that is one"),
        pytest.param("a:\n\techo $$HOME $$(id) $${x}\n", ["echo $HOME $(id) ${x}"], id="dollars"),
        pytest.param("a:\n\t$(CC) ${LD} $(call f,$(x))\n", ["${CC} ${LD} ${___________}"], id="expansions"),
        pytest.param("a:\n\tcp $< $^ $@ $* $FOO $(@D)\n", ["cp $_ $_ $@ $* ${F}OO ${__}"], id="variables of a rule"),
        pytest.param("a:\n\techo $(x\n", ["echo ___"], id="never closed"),
        pytest.param("define X\na:\n\tls\nendef\na:\n\tid\n", ["id"], id="define"),
        pytest.param("define X\ndefine Y\nendef\n\tls\nendef\n", [], id="define in define"),
        pytest.param(".RECIPEPREFIX = >\na:\n>ls\n\tid\n", ["ls"], id="prefix"),
        pytest.param(".RECIPEPREFIX = >\n.RECIPEPREFIX =\na:\n>ls\n\tid\n", [], id="prefix reset"),
        pytest.param(".ONESHELL:\na:\n\tcd x\n\t@ls\nb:\n\tid\n", ["cd x\nls\n", "id\n"], id="one shell"),
        pytest.param("SHELL = /usr/bin/python3\na:\n\tls\n", [], id="another shell"),
        pytest.param("SHELL = /usr/bin/env bash\na:\n\tls\n", ["ls"], id="bash"),
        pytest.param("SHELL := $(shell which bash)\na:\n\tls\n", ["ls"], id="some shell"),
        pytest.param("a::b c\n\tls", ["ls"], id="no newline at the end"),
    ],
)
def test_makefile(text: str, expected: list[str]) -> None:
    assert shell("Makefile", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:\n    ls\n    id\n", ["ls", "id"], id="lines"),
        pytest.param('a x="b: c" *y=`d`:\n    ls\n', ["ls"], id="parameters"),
        pytest.param("a := 'b:'\nalias c := a\nset shell := ['bash', '-c']\nexport D := 'e'\n", [], id="settings"),
        pytest.param("@a:\n\t@ls\n\n\t-id\n\nb:\n\t@-pwd\n", ["ls", "id", "pwd"], id="sigils"),
        pytest.param("a:\n    ls {{ x }}/{{y}}\n", ["ls ${____}/${__}"], id="interpolations"),
        pytest.param("a:\n    ls \\\n      -l\n", ["ls \\\n  -l"], id="joined"),
        pytest.param("a:\n  #!/bin/bash\n  if x; then\n    ls\n  fi\n", ["#!/bin/bash\nif x; then\n  ls\nfi\n"], id="script"),
        pytest.param("a:\n  #!/usr/bin/env python3\n  ls\n", [], id="a script for python"),
        pytest.param("[private]\n[script]\na:\n  cd x\n  ls\n", ["cd x\nls\n"], id="attribute"),
        pytest.param("[script('python3')]\na:\n  ls\n\nb:\n  id\n", ["id"], id="attribute for python"),
        pytest.param("[group: 'script']\na:\n  ls\n  id\n", ["ls", "id"], id="another attribute"),
        pytest.param("set shell := ['fish', '-c']\na:\n  ls\n", [], id="another shell"),
        pytest.param("x := '''\na:\n  ls\n'''\nb:\n  id\n", ["id"], id="a string of several lines"),
        pytest.param("# don't '''\na: b c\n  ls\n", ["ls"], id="a comment"),
        pytest.param("a:\nb: a\n", [], id="no body"),
    ],
)  # fmt: skip
def test_justfile(text: str, expected: list[str]) -> None:
    assert shell("justfile", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[tasks]\na = 'ls'\nb = ['id', 'pwd']\n", ["ls", "id", "pwd"], id="short"),
        pytest.param("tasks.a.run = 'ls'\n[env]\nrun = 'id'\n", ["ls"], id="dotted"),
        pytest.param("[tasks.a]\nrun = 'ls'\nshell = 'bash -c'\n", ["ls"], id="bash"),
        pytest.param("[tasks.a]\nrun = 'ls'\nshell = 'node -e'\n", [], id="another shell"),
        pytest.param("[tasks.a]\nrun = '#!/usr/bin/env node\\nls'\n", [], id="a script for node"),
        pytest.param("[tasks.a]\nrun = ['ls', { task = 'b' }]\n", ["ls"], id="a list with tasks"),
        pytest.param("[tasks.a]\nrun = 'ls {{ x }}{% if y %} -l{% endif %}'\n",
                     ["ls ${____}           -l           "], id="template"),
        pytest.param("tasks = 3\n", [], id="no tasks"),
        pytest.param("[tasks.a]\ndepends = ['b']\n", [], id="nothing to run"),
    ],
)  # fmt: skip
def test_mise(text: str, expected: list[str]) -> None:
    assert shell("mise.toml", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("jobs:\n  a:\n    steps:\n    - run: ls\n", ["ls"], id="plain"),
        pytest.param("jobs: {a: {steps: [{run: 'ls'}]}}", ["ls"], id="flow"),
        pytest.param("jobs: {a: {steps: [{run: ls, shell: pwsh}, {run: id, shell: 'sh -e {0}'}]}}", ["id"], id="shell"),
        pytest.param("defaults: {run: {shell: pwsh}}\njobs: {a: {steps: [{run: ls}]}}", [], id="default shell"),
        pytest.param("jobs: {a: {runs-on: windows-2022, steps: [{run: ls}, {run: id, shell: bash}]}}", ["id"], id="windows"),
        pytest.param("jobs: {a: {steps: &s [{run: ls}]}, b: {steps: *s}}", ["ls"], id="anchor"),
        pytest.param("jobs: {a: {steps: [{run: 'ls ${{ a }}/${{b}}'}]}}", ["ls ${_____}/${___}"], id="expression"),
        pytest.param("jobs: {a: {uses: b}}", [], id="no steps"),
        pytest.param("jobs: {a: {steps: {run: ls}}}\n---\njobs: [1]\n--- 5", [], id="not as it should be"),
        pytest.param("# nothing", [], id="empty"),
    ],
)  # fmt: skip
def test_workflow(text: str, expected: list[str]) -> None:
    assert shell(WORKFLOW, text) == expected


@given(st.text(st.sampled_from("ab \n'\"\\:#-é$"), min_size=1), st.sampled_from(["|", ">", "'", '"', None]))
def test_positions_in_yaml_scalars(value: str, style: str | None) -> None:
    text = "jobs:\n  a:\n    steps:\n    - run: " + scalar(value, style)
    pieces = list(sources.workflow(text))
    assert [piece.text for piece in pieces] == [value]
    for char, at in zip(value, pieces[0].origin, strict=True):
        assert char == text[at] or text[at] == "\\" or char.isspace()


def scalar(value: str, style: str | None) -> str:
    """Return `value` as a YAML scalar in the step of a workflow."""
    text = yaml.dump(value, default_style=style, allow_unicode=True, width=20)
    return text.removesuffix("...\n").replace("\n", "\n      ")


@given(st.text(st.sampled_from("a \n\t:=$(){}[]#;|>\\\"'-@%!éx")), st.sampled_from(
    ["Makefile", "justfile", "mise.toml", "tasks.toml", WORKFLOW, "a.sh"]))  # fmt: skip
def test_any_text_is_accepted(text: str, path: str) -> None:
    try:
        pieces = sources.shell_texts(path, text)
    except (sources.Unreadable, sources.NoShell):
        return
    for piece in pieces:
        assert len(piece.origin) == len(piece.text)
        assert all(0 <= at < len(text) for at in piece.origin)


# Files that are not as they should be


@pytest.mark.parametrize(
    ("name", "content", "found", "noted", "failed"),
    [
        pytest.param("a.sh", b"", 0, None, None, id="empty"),
        pytest.param("a.sh", b"\n # nothing\n", 0, None, None, id="comments"),
        pytest.param("a.sh", b"python train.py --name '\xff' \xe9\n", 1, None, None, id="not UTF-8"),
        pytest.param("a.sh", b"echo '\xc3\xa9\xf0\x9f\x98\x80'; python train.py\n", 1, None, None, id="wide characters"),
        pytest.param("a.sh", b"python train.py\r\nls\r\n", 1, None, None, id="line ends of Windows"),
        pytest.param("a.sh", b"python train.py 'a\n", 0, "not closed", None, id="a quote that is not closed"),
        pytest.param("a.sh", b"if true; then python train.py\n", 0, "", None, id="an if that is not closed"),
        pytest.param("a.sh", b"\x7fELF\0\0", 0, None, "NUL", id="binary"),
        pytest.param("a.sh", "python train.py\n".encode("utf-16"), 0, None, "NUL", id="UTF-16"),
        pytest.param("a.sh", b"echo python train.py\n" * 50_000, 0, "longer than", None, id="1 MB"),
        pytest.param("Makefile", b"a:\n" + b"\tx\\\n" * 250_000, 0, "longer than", None, id="1 MB of one line"),
        pytest.param("Makefile", b"a:\n\t" + b"$(" * 500_000, 0, "longer than", None, id="1 MB of brackets"),
        pytest.param("justfile", b"a:\n    python train.py " + b"{{" * 20_000, 1, None, None, id="interpolations"),
        pytest.param(WORKFLOW, b"jobs: [\n", 0, None, "broken YAML", id="broken YAML"),
        pytest.param(WORKFLOW, b"jobs: \7\n", 0, None, "#x0007 is not allowed there", id="a control character"),
        pytest.param(WORKFLOW, b"jobs: {\xff: {steps: [{run: nohup python train.py}]}}", 1, None, None, id="YAML not UTF-8"),
        pytest.param(WORKFLOW, b"a: *b\n", 0, None, "broken YAML", id="no such anchor"),
        pytest.param(WORKFLOW, b"[" * 5_000, 0, None, "nested too deeply", id="deep YAML"),
        pytest.param(WORKFLOW, b"jobs: {a: {steps: [{run: 'echo \"a'}, {run: nohup python train.py}]}}",
                     1, "not closed", None, id="one step of many"),
        pytest.param(WORKFLOW, b'a: "\\UFFFFFFFF"\n', 0, None, "broken YAML", id="an impossible character of 32 bits"),
        pytest.param(WORKFLOW, b'a: "\\U00110000"\n', 0, None, "broken YAML", id="an impossible character"),
        pytest.param("mise.toml", b"a = " + b"9" * 5000, 0, None, "broken TOML", id="a number of 5000 digits"),
        pytest.param("mise.toml", b"[tasks\n", 0, None, "broken TOML", id="broken TOML"),
        pytest.param("mise.toml", b"a=" + b"[" * 5_000, 0, None, "nested too deeply", id="deep TOML"),
    ],
)  # fmt: skip
def test_hostile_files(
    name: str, content: bytes, found: int, noted: str | None, failed: str | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    one = checked(path)
    assert len(one.findings) == found
    for expected, said in ((noted, one.notes), (failed, one.errors)):
        assert len(said) == (expected is not None)
        assert all(note["file"] == str(path) and (expected or "") in note["reason"] for note in said)
    for finding in one.findings:
        assert one.lines[finding["line"] - 1][finding["column"] - 1 :].startswith(
            ("python train.py", "nohup python train.py")
        )
    json.dumps(check.sarif(check.report([one]))).encode("ascii")


def test_broken_files_are_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "mise.toml").write_text("[tools]\n\n[tasks\n")
    assert [error["line"] for error in checked(tmp_path / "mise.toml").errors] == [3]


# What comes out

TWO = "cd data\npython train.py --epochs 3\n"
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "version", "rules"],
                                "properties": {
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": {
                                            "required": ["id", "name", "shortDescription", "fullDescription", "help"],
                                            "properties": {
                                                name: {"$ref": "#/$defs/message"}
                                                for name in ("shortDescription", "fullDescription", "help")
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "items": {"required": ["message"], "properties": {"level": {"$ref": "#/$defs/level"}}}
                                },
                            },
                        }
                    },
                    "results": {
                        "items": {
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
                            "properties": {
                                "level": {"$ref": "#/$defs/level"},
                                "message": {"$ref": "#/$defs/message"},
                                "locations": {"minItems": 1, "items": {"$ref": "#/$defs/location"}},
                            },
                        }
                    },
                },
            },
        },
    },
    "$defs": {
        "message": {"required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "location": {
            "required": ["physicalLocation"],
            "properties": {
                "physicalLocation": {
                    "required": ["artifactLocation", "region"],
                    "properties": {
                        "artifactLocation": {
                            "required": ["uri"],
                            "properties": {"uri": {"type": "string", "pattern": "^[A-Za-z0-9._~%/:-]+$"}},
                        },
                        "region": {
                            "required": ["startLine", "startColumn", "endLine", "endColumn"],
                            "additionalProperties": {"type": "integer", "minimum": 1},
                        },
                    },
                }
            },
        },
    },
}  # fmt: skip


def test_text(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("cd data\n\tpython train.py --epochs 3\n")
    done = run("a.sh", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b""
    head, line, carets = done.stdout.decode().splitlines()
    assert re.fullmatch(r"a\.sh:2:2: PQ302 long-script \(high\): training .*", head)
    assert line == "   python train.py --epochs 3"
    assert carets == "   " + "^" * len("python train.py --epochs 3")


def test_json() -> None:
    done = run("--json", "nightly.sh", "python/tool", cwd=CASES)
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads((ROOT / "schemas/check.json").read_text()))
    assert done.returncode == 1
    assert report["version"] == 1
    assert report["findings"][0] == {
        "file": "nightly.sh", "line": 9, "column": 5, "end_line": 9, "end_column": 46, "rule": "PQ302",
        "name": "long-script", "message": report["findings"][0]["message"], "confidence": "high",
    }  # fmt: skip
    assert report["errors"] == []
    assert [note["file"] for note in report["notes"]] == ["python/tool"]


def test_sarif() -> None:
    done = run("--sarif", *FILES, "missing.sh", cwd=CASES)
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert len(one["results"]) == sum(map(len, EXPECTED.values()))
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert one["invocations"][0]["executionSuccessful"] is False
    notified = [note["level"] for note in one["invocations"][0]["toolExecutionNotifications"]]
    assert notified == ["note", "error"]
    assert done.returncode == 2


def test_a_file_name_may_contain_anything(weird_tmp_path: Path) -> None:
    path = weird_tmp_path / os.fsdecode(b"\xff%20:.sh")
    path.write_text(TWO)
    done = run("--sarif", path)
    (result,) = json.loads(done.stdout)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri.removeprefix("file://")) == bytes(path)
    assert run(path).stdout.decode().startswith(f"{printable.line(str(path))}:2:1: PQ302 ")
    assert json.loads(run("--json", path).stdout)["findings"][0]["file"] == str(path)


def test_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("ls\n")
    done = run("a.sh", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_unreadable_file_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text(TWO)
    (tmp_path / "mise.toml").write_text("[\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/b.sh").symlink_to("missing")
    done = run("missing.sh", "mise.toml", "folder", "folder/b.sh", "a.sh", "a.sh", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.count(b"a.sh:2:1: PQ302") == 1
    said = done.stderr.decode().splitlines()
    assert said[0] == "pueue-skill: missing.sh: cannot be read: No such file or directory"
    assert said[1].startswith("pueue-skill: mise.toml:1: cannot be read: broken TOML: ")
    assert said[2] == "pueue-skill: folder/b.sh: cannot be read: No such file or directory"


@pytest.mark.parametrize("header", ["#SBATCH --time=1:00:00", "#PBS -l walltime=1:00:00", "#BSUB -W 60", "#$ -cwd"])
def test_a_batch_script_has_no_session_that_ends(header: str) -> None:
    body = "python train.py --epochs 3\nssh gpu-box 'python train.py'\n"
    found = [
        check.check_text("a.sh", f"#!/bin/sh\n{line}\n{body}", {}, Preferences()) for line in (header, "# a comment")
    ]
    assert [[finding["rule"] for finding in one.findings] for one in found] == [["PQ101"], ["PQ302", "PQ101"]]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    for name in (
        "b.sh",
        "sub/Makefile",
        "sub/ci.yml",
        ".github/workflows/ci.yml",
        "node_modules/x.sh",
        "sub/.venv/y.sh",
        ".git/hooks/z",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / "tool").write_text("#!/usr/bin/env bash\npython train.py\n")
    (tmp_path / "notes").write_text("python train.py\n")
    (tmp_path / "convert.py").write_text("#!/usr/bin/python3\n")
    (tmp_path / "link.sh").symlink_to("b.sh")
    expected = [".github/workflows/ci.yml", "b.sh", "sub/Makefile", "tool"]
    assert list(folders.files_below(str(tmp_path))) == [f"{tmp_path}/{name}" for name in expected]
    done = run(".", cwd=tmp_path)
    assert (done.returncode, done.stdout.split(b" ")[0], done.stderr) == (1, b"tool:2:1:", b"")


IGNORED = {
    ".gitignore": "*.tmp.sh\nbuild/\n/top.sh\n!keep.tmp.sh\ndocs/*.sh\n**/deep/x.sh\nlogs/**\n!logs/a.sh\nspace\\ .sh\n[ab].sh\n[!c]1.sh\n\\#h.sh\n# c.sh\n",
    "sub/.gitignore": "top.sh\n!b.sh\n*\n!c1.sh\n",
}
NAMES = (
    "a.tmp.sh", "keep.tmp.sh", "top.sh", "other/top.sh", "build/x.sh", "other/build/x.sh", "docs/a1.sh", "docs/c1.sh", "docs/in/c1.sh",
    "deep/x.sh", "p/q/deep/x.sh", "logs/a.sh", "logs/in/c1.sh", "space .sh", "a.sh", "c.sh", "a1.sh", "c1.sh", "#h.sh", "sub/top.sh",
    "sub/b.sh", "sub/c1.sh", "sub/in/c1.sh", "x.sh/c1.sh",
)  # fmt: skip


@pytest.mark.parametrize("below", ["", "sub", "docs", "p/q"])
def test_what_git_ignores_is_not_checked(below: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/exclude").write_text("other/\n")
    for name in (*NAMES, *IGNORED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(IGNORED.get(name, "#!/bin/sh\n"))
    folder = tmp_path / below
    listed = ["git", "-c", "core.excludesFile=", "-C", folder, "ls-files", "-zco", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True).stdout.decode().split("\0")
    expected = sorted(str(folder / name) for name in names if name.endswith(".sh"))
    assert sorted(folders.files_below(str(folder))) == expected
    assert list(folders.files_below(str(tmp_path / "build"))) == [str(tmp_path / "build/x.sh")]  # named explicitly


IGNORE_FILES = (
    "a", "a/", "/a", "/a/", "a/b", "/a/b/", "a/*", "*", "*/", "?", "a?c", "*.sh", "a*b", "a*b*c", "*a*a*b", "*ab*ab", "a**b", "a/*b", "*/b", "*/*/c", "**", "**/", "**/b",
    "/**/b", "**/a/b", "a/**", "a/**/", "a/**/b", "a/**/**/c", "**/b/**", "**/**/c", "a/**/b/*", "**/a*/**/*c", "a/***/c", "a/b/", "a//", "a//b", "//a", "/", "!", "!a", "",
    "[ab]", "[a-c]", "[!a]", "[^a]", "[!a-b]c", "[]a]", "[!]a]", "[a-]", "[-a]", "[a", "[]", "[!]", "[a]]", "[c-a]", "a[/]b", "a[!x]b", "a[+-0]b", "[\\]]", "[\\-]", "[[:space:]]x",
    "[[:alpha:]]", "[[:digit:][:upper:]]", "[![:lower:]]", "[[:alpha:]-c]", "[[:alpha:]", "[[:nothing:]]", "[[:x]", "[:alpha:]", "[a[:digit:]z]", "[[:punct:]]", "[a-c-e]", "[a\\-c]",
    "\\a", "\\*", "\\[a]", "\\#a", "\\!a", "#a", "!#a", "a\\", "a\\\\", "\\\\", "a\\/b", "a ", "a  ", "a\\ ", "a\\  ", "a\\\\ ", " a", " ", "a\t", "a b", "a\r", "a\fb",
    "\ufeffa", "é", "?é", "[é]", "??", "*\na", "*\n!a", "*\n!a/", "*\n!a/\n!a/b", "a/*\n!a/b", "*.sh\n!b.sh\nb.sh", "**/a/**/b/**/c", "A", "*\r\n!*.sh\r\n", "a/**\n!a/b/", "{a,b}", "a.c", "a+", "(a)", "^a", "a$",
)  # fmt: skip
"""Texts of a .gitignore."""
IGNORED_NAMES = (
    "a", "b", "c", "d", "e", "x", "z", "ab", "abc", "aXb", "abab", "aab", "aaab", "a/b", "a/b/c", "a/x/b", "a/x/y/b", "a/x/y/c", "a/b/x/c", "x/a", "x/a/b", "x/a/b/c", "b/c", "b/a/c", "a.sh",
    "b.sh", "a/b.sh", "x/b.sh", "y/a", "y/b", " a", "a ", "a  ", " ", " x", "x x", "\tx", "a\t", "a b", "a\fb", "a\r", "1", "A", "-", "!", "!a", "#a", "#", "]", "[", "[a", "[a]", "a]", "bc", "cc",
    "l", "\\", "a\\", "\\a", "*", "*a", "é", "aé", "éé", "{a,b}", "a.c", "a+", "(a)", "^a", "a$", "a/.b", ".a", "a/ab/c/xc", "\ufeffa", "a*b", "a?b", "a+b", "a0b",
)  # fmt: skip


def ignored_by_git(folder: Path, names: Sequence[str]) -> set[str]:
    """Return the names that `git check-ignore` prints."""
    call = ["git", "-c", "core.excludesFile=", "-C", folder, "check-ignore", "-z", "--stdin", "--no-index"]
    done = subprocess.run(call, input="\0".join(names).encode(), capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.decode().split("\0")[:-1])


def is_ignored(folder: Path, name: str, ignored: tuple[folders.Ignored, ...]) -> bool:
    """Whether the path or a folder above it is ignored."""
    paths = [path for path in (*(folder / name).parents, folder / name) if folder in path.parents]
    return any(folders.is_ignored(path, path.is_dir(), ignored) for path in paths)


@pytest.mark.parametrize("part", range(4))
def test_patterns_mean_what_they_mean_to_git(part: int, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in sorted(IGNORED_NAMES, reverse=True):  # what is in a folder first
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if not (tmp_path / name).exists():
            (tmp_path / name).touch()
    for text in IGNORE_FILES[part::4]:
        (tmp_path / ".gitignore").write_text(text + "\n", newline="")
        ignored = folders.ignored_in(tmp_path, ".gitignore")
        ours = {name for name in IGNORED_NAMES if is_ignored(tmp_path, name, ignored)}
        assert ours == ignored_by_git(tmp_path, IGNORED_NAMES), text


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("**/" + "a*" * 7 + "b", "a" * 200),
        ("a*" * 60 + "b", "a" * 250),
        ("*a" * 60 + "?" * 60 + "b", "a" * 250),
        ("**/a/" * 60 + "b", "a/" * 1000 + "c"),
        ("**/a*a*/" * 60 + "b", "aaaa/" * 500 + "c"),
        ("**/*/" * 60 + "b", "a/" * 1000 + "c"),
        ("[[:alpha:]]*" * 60 + "1", "a" * 250),
        ("*" * 200 + "b", "a" * 250),
        ("[[:a" * 5000, "a"),
        ("[" + "[:alpha:]" * 5000, "a"),
        ("a" + " " * 50_000 + "b", "a"),
    ],
)
def test_hostile_patterns_are_matched_in_time(pattern: str, name: str, tmp_path: Path) -> None:
    """Each takes a few milliseconds; with the freedom of a regular expression to try all lengths for all stars, years."""
    (tmp_path / ".gitignore").write_text(pattern + "\n")
    begun = time.process_time()
    assert not folders.is_ignored(tmp_path / name, False, folders.ignored_in(tmp_path, ".gitignore"))
    assert time.process_time() - begun < 1


def test_an_unparsed_text_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("ls\npython train.py 'a\n")
    done = run("a.sh", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"pueue-skill: a.sh:1: not read: the quote at character 19 is not closed\n"


def test_a_workflow_is_recognized_from_inside_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text("jobs: {a: {steps: [{run: nohup python train.py}]}}\n")
    assert run("ci.yml", cwd=folder).stdout.startswith(b"ci.yml:1:26: PQ401")


def test_the_configuration_applies(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text(TWO)
    (tmp_path / ".pueue-skill.toml").write_text('[rules]\nPQ302 = "off"\n')
    assert run("a.sh", cwd=tmp_path).returncode == 0


def test_expressions_of_a_workflow_are_shown_as_written() -> None:
    message = checked(CASES / WORKFLOW.replace("ci", "train")).findings[-1]["message"]
    assert "runs on ${{ secrets.HOST }} inside" in message


def test_pre_commit_hooks() -> None:
    """The pre-commit hooks pass the files that `check` reads."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert {hook["entry"] for hook in hooks.values()} == {"pueue-skill check"}
    assert hooks["pueue-skill-check"]["types_or"] == ["shell", "makefile"]
    wanted = re.compile(hooks["pueue-skill-check-tasks"]["files"])
    for path in (WORKFLOW, "action.yml", "a/mise.toml", ".mise/config.toml", "mise-tasks/a.toml", "justfile", "a.just"):
        assert wanted.search(path), path
    for path in ("k8s/a.yml", "pyproject.toml", "a/.github/workflows/b/c.yml", "README.md"):
        assert not wanted.search(path), path
