"""Checks texts for the phrases of tests/cases/vocabulary.toml, and prints a line for each hit. Exits 1 on hits.

python tools/vocabulary.py [FILE...]    default: the files of CHECKED

Checks the texts for people in a file, by its suffix: the prose of Markdown without code, the docstrings, comments and strings of Python,
the comments of every other file. It does not import the package.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/cases/vocabulary.toml"

CHECKED = (
    "*.md",
    "references/*.md",
    "examples/*.toml",
    "hooks/*",
    "bin/*",
    ".ci/run",
    ".pre-commit-hooks.yaml",
    "Makefile",
    "pyproject.toml",
    ".editorconfig",
    "pueue_skill/agents/**/*.py",
    "pueue_skill/batches/*.py",
    "pueue_skill/cli/**/*.py",
    "pueue_skill/configuration/*.py",
    "pueue_skill/hosts/**/*.py",
    "pueue_skill/hosts/sh/*.sh",
    "pueue_skill/jobs/*.py",
    "pueue_skill/lint/*.py",
    "pueue_skill/notify/*.py",
    "pueue_skill/plan/*.py",
    "pueue_skill/queues/pueue/*.py",
    "pueue_skill/queues/pueue/sh/**/*",
    "pueue_skill/queues/*.py",
    "pueue_skill/queues/sh/**/*.sh",
    "pueue_skill/queues/slurm/**/*",
    "pueue_skill/rules/*.py",
    "pueue_skill/shell/**/*.py",
    "pueue_skill/startup/*.py",
    "pueue_skill/state/*.py",
    "pueue_skill/views/*.py",
    "tests/*.py",
    "tests/agents/*.py",
    "tests/batches/*.py",
    "tests/cases/agents/guards.toml",
    "tests/cases/[a-u]*.toml",
    "tests/cases/fidelity/*.toml",
    "tests/cli/*.py",
    "tests/configuration/*.py",
    "tests/e2e/*.py",
    "tests/hosts/*.py",
    "tests/jobs/*.py",
    "tests/lint/*.py",
    "tests/plan/*.py",
    "tests/queues/*.py",
    "tests/rules/*.py",
    "tests/shell/*.py",
    "tests/startup/*.py",
    "tests/support/**/*.py",
    "tests/views/*.py",
    "tools/*.py",
    "tools/setup.sh",
)
"""Globs of the files whose texts are checked, relative to the repository."""

EXEMPT = {
    "tests/e2e/test_contract.py",  # names of variables are examples of words
    "tests/e2e/test_doctor_connection.py",  # `mend` is a field of the report
    "tests/e2e/test_doctor_daemon.py",
    "tests/e2e/test_doctor_jobs.py",
    "tests/test_vocabulary.py",  # quotes the phrases
}
"""Files that are not checked, with the reason."""


class Rule(NamedTuple):
    """A row of the table; `pattern` is compiled."""

    pattern: re.Pattern[str]
    write: str
    bad: str
    good: str
    exceptions: tuple[str, ...]

    def hits(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches in `text` outside the exceptions."""
        excepted = [m.span() for phrase in self.exceptions for m in re.finditer(blanks(re.escape(phrase)), text)]
        for match in self.pattern.finditer(text):
            if not any(start <= match.start() and match.end() <= end for start, end in excepted):
                yield match


def blanks(pattern: str) -> str:
    """`pattern`, with each blank matching white space that holds at most one line end."""
    return re.sub(r"\\? ", lambda _: r"(?:[ \t]+|[ \t]*\n[ \t]*)", pattern)


def rules() -> list[Rule]:
    """Return the rows of the table."""
    return [
        Rule(
            re.compile(blanks(row["pattern"]), re.IGNORECASE),
            row["write"],
            row["bad"],
            row["good"],
            tuple(row.get("except", ())),
        )
        for row in tomllib.loads(TABLE.read_text("utf-8"))["words"]
    ]


def checked() -> list[Path]:
    """Return the files of CHECKED, without EXEMPT and bytecode."""
    paths = {path for glob in CHECKED for path in ROOT.glob(glob) if path.is_file() and path.suffix != ".pyc"}
    return sorted(path for path in paths if path.relative_to(ROOT).as_posix() not in EXEMPT)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts for people in a file, with the number of their first line, counted from 1."""
    content = path.read_text("utf-8")
    if path.suffix == ".md":
        return of_markdown(content)
    if path.suffix == ".py":
        return of_python(content)
    return joined(comments(content, "//" if path.suffix == ".js" else "#"))


FENCE = re.compile(r"^ *```(\w*).*\n((?:.*\n)*?) *```$", re.MULTILINE)
GENERATED_PART = re.compile(r"<!-- (\w+) -->\n(?:.*\n)*?<!-- /\1 -->")
CODE = re.compile(r"`[^`\n]+`|\]\([^)\n]*\)")


def of_markdown(content: str) -> Iterator[tuple[int, str]]:
    """Yield the prose, without code and generated parts, and the comments of code blocks."""
    for match in FENCE.finditer(content):
        if match[1] in ("bash", "toml"):
            first = content.count("\n", 0, match.start(2)) + 1
            yield from ((first + line - 1, text) for line, text in joined(comments(match[2], "#")))
    for pattern in (GENERATED_PART, FENCE, CODE):
        content = pattern.sub(lambda match: "`…`" + "\n" * match[0].count("\n"), content)
    yield 1, content


def of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings and other strings, with … for the values of f-strings, and comments."""
    tree = ast.parse(source)
    inside = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join([str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.lineno, node.value
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from joined((token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT)


def comments(content: str, mark: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a file in which `mark` begins one, at the start of a line or after a blank."""
    for number, line in enumerate(content.splitlines(), 1):
        match = re.search(rf"(?:^|\s){mark}+(?:\s(.*))?$", line)
        if match and not line.startswith("#!"):
            yield number, match[1] or ""


def joined(found: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield comments of successive lines as one text."""
    first, lines = 0, list[str]()
    for number, text in found:
        if lines and number != first + len(lines):
            yield first, "\n".join(lines)
            lines = []
        first = first if lines else number
        lines.append(text)
    if lines:
        yield first, "\n".join(lines)


def hits(path: Path, table: Iterable[Rule]) -> list[tuple[int, str, str]]:
    """Return the hits in a file: line, phrase, and suggestion."""
    return sorted(
        (first + text.count("\n", 0, match.start()), " ".join(match[0].split()), rule.write)
        for first, text in texts(path)
        for rule in table
        for match in rule.hits(text)
    )


def main() -> int:
    table = rules()
    found = 0
    for path in [Path(name).resolve() for name in sys.argv[1:]] or checked():
        for line, phrase, write in hits(path, table):
            found += 1
            print(f"{path.relative_to(ROOT)}:{line}: {phrase!r}: write {write}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
