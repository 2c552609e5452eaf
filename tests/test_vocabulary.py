"""The documents use the glossary's words: the rows of cases/vocabulary.toml, and the texts that tools/vocabulary.py finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import vocabulary

ROOT = Path(__file__).resolve().parent.parent
RULES = vocabulary.rules()


@pytest.mark.parametrize("rule", RULES, ids=[rule.bad for rule in RULES])
def test_a_row_finds_its_example_and_accepts_the_correction(rule: vocabulary.Rule) -> None:
    assert list(rule.hits(rule.bad)), rule.bad
    found = [(other.pattern.pattern, match[0]) for other in RULES for match in other.hits(rule.good)]
    assert found == [], rule.good
    for phrase in rule.exceptions:
        assert list(rule._replace(exceptions=()).hits(phrase)), f"the exception {phrase!r} is not needed"
        assert not list(rule.hits(phrase))


@pytest.mark.parametrize("path", vocabulary.checked(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_banned_phrase(path: Path) -> None:
    assert [f"{line}: {phrase!r}: write {write}" for line, phrase, write in vocabulary.hits(path, RULES)] == []


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        pytest.param("a.md", "Fine.\n\nThe job goes\non.\n", [3], id="a phrase over two lines"),
        pytest.param("a.md", "goes\n\non\n", [], id="not over two paragraphs"),
        pytest.param("a.md", "`goes on` and [x](goes on)\n", [], id="not in code or links"),
        pytest.param("a.md", "```text\nit goes on\n```\n", [], id="not in output"),
        pytest.param("a.md", "```bash\nls # one\nls\nls # it goes on\n```\n", [4], id="the comments of a block"),
        pytest.param("a.md", "x\n<!-- made -->\nit goes on\n<!-- /made -->\nanew\n", [5], id="not in generated parts"),
        pytest.param("a.py", 'def f():\n    """It\n    goes on."""\n', [3], id="a docstring"),
        pytest.param("a.py", "x = 1  # it goes\n# on\ny = 2\n", [1], id="comments of successive lines"),
        pytest.param("a.py", 'x = ("it goes " "on")\ny = f"{x} anew"\n', [1, 2], id="strings, f-strings"),
        pytest.param("a.py", "goes_on = anew = 1\n", [], id="not names"),
        pytest.param("a.sh", '#!/bin/sh\necho "it goes on" # anew\n', [2], id="the comments of a script"),
        pytest.param("a.js", "x() // it goes on\n", [1], id="the comments of JavaScript"),
    ],
)
def test_where_a_phrase_is_found(tmp_path: Path, name: str, content: str, lines: list[int]) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert [line for line, _, _ in vocabulary.hits(path, RULES)] == lines


def test_every_text_file_of_the_documents_is_checked() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in vocabulary.checked()}
    assert {"README.md", "SKILL.md", "references/hosts.md", "examples/config.toml", "hooks/launch"} <= names
    assert {"references/commands.md", "references/rules.md"} <= names  # generated from texts in the code


def test_bytecode_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "ROOT", tmp_path)
    monkeypatch.setattr(vocabulary, "CHECKED", ("**/*",))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.cpython-311.pyc").write_bytes(b"\xa7")
    (tmp_path / "a.sh").touch()
    assert vocabulary.checked() == [tmp_path / "a.sh"]
