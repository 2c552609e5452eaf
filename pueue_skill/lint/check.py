"""Checks files with the rules: paths of files and folders in, findings for each file out, as text, JSON or SARIF.

A file that cannot be opened or is malformed is an error; a text in it that no reader can parse is a note, because it
may or may not contain a problem. A comment `# pueue: skip` silences the statement on its line, or the next line, and
nothing else. `sources` knows which files contain which shell text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote as percent

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from pueue_skill import __version__
from pueue_skill.lint import sources
from pueue_skill.lint.folders import files_below
from pueue_skill.plan.planner import MARKER
from pueue_skill.rules.literals import Confidence
from pueue_skill.rules.model import Preferences
from pueue_skill.rules.registry import BY_ID, RULES, findings
from pueue_skill.rules.rule import Rule
from pueue_skill.shell import printable
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Host
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Script
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.words import brief_reason


class Span(TypedDict):
    """Lines and columns from 1, in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class FileFinding(Span):
    """A rule's finding for a span of a file."""

    file: str
    rule: str
    name: str
    message: str
    confidence: Confidence


class Note(TypedDict):
    """A text or file that was not read, and why; `line` is null for a whole file."""

    file: str
    line: int | None
    reason: str


class LintReport(TypedDict):
    """`notes` are texts that no reader can parse, `errors` files that cannot be read."""

    version: Literal[1]
    findings: list[FileFinding]
    notes: list[Note]
    errors: list[Note]


class FileReport(NamedTuple):
    """The result for one file; `lines` are needed to display its findings."""

    lines: Sequence[str]
    findings: tuple[FileFinding, ...] = ()
    notes: tuple[Note, ...] = ()
    errors: tuple[Note, ...] = ()


def check_files(paths: Iterable[str], hosts: Mapping[str, Host], preferences: Preferences) -> list[FileReport]:
    """The reports of the files, and of the files below the folders, in order, duplicates removed."""
    files = [file for path in paths for file in files_of(path)]
    return [check_file(file, hosts, preferences) for file in dict.fromkeys(files)]


def files_of(path: str) -> list[str]:
    """The files with shell text below a folder; the path itself for a file, and for a folder that cannot be read."""
    try:
        return list(files_below(path)) if Path(path).is_dir() else [path]
    except (OSError, ValueError):
        return [path]


def check_file(path: str, hosts: Mapping[str, Host], preferences: Preferences) -> FileReport:
    """The report of one file."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return FileReport((), errors=({"file": path, "line": None, "reason": reason},))
    if b"\0" in content:
        return FileReport((), errors=({"file": path, "line": None, "reason": "it is not text: it contains NUL bytes"},))
    # Nothing is rewritten here: an invalid byte, perhaps in a comment, must not hide the rest.
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    return check_text(path, text, hosts, preferences)


def check_text(path: str, text: str, hosts: Mapping[str, Host], preferences: Preferences) -> FileReport:
    r"""The report of the file at `path` with the content `text`, whose line ends are "\n"."""
    lines = text.split("\n")
    try:
        # A workflow is recognized by its folder, even if the given path begins in it.
        place = Path(path).absolute().as_posix()
        shell_texts = sources.shell_texts(place, text)
    except sources.Unreadable as error:
        return FileReport(lines, errors=({"file": path, "line": error.line, "reason": str(error)},))
    except sources.NoShell as error:
        return FileReport(lines, notes=({"file": path, "line": None, "reason": str(error)},))
    places = LineIndex(text)
    markers = SkipMarkers(places, lines, shell_texts)
    unattended = sources.runs_unattended(place, text)
    found: dict[tuple[str, int, int], FileFinding] = {}
    notes: list[Note] = []
    for shell_text in shell_texts:
        script = parse(shell_text.text)
        if not isinstance(script, Script):
            at = shell_text.head if shell_text.head is not None else shell_text.origin[0]
            notes.append({"file": path, "line": places.of(at)[0], "reason": script.reason})
            continue
        markers.read(script, shell_text)
        for finding in findings(commands(script), hosts, preferences):
            if unattended and BY_ID[finding.rule].attended:
                continue
            if not markers.silence(script, shell_text, finding.start, finding.end):
                start, end = shell_text.origin[finding.start], shell_text.origin[finding.end - 1] + 1
                message = PLACEHOLDER.sub(partial(written_text, shell_text, text), finding.message)
                found[finding.rule, start, end] = {
                    "file": path,
                    **places.span(start, end),
                    "rule": finding.rule,
                    "name": finding.name,
                    "message": message,
                    "confidence": finding.confidence,
                }
    ordered = sorted(found.values(), key=lambda finding: (finding["line"], finding["column"], finding["rule"]))
    return FileReport(lines, tuple(ordered), tuple(notes))


PLACEHOLDER = re.compile(r"\$\{_+\}")


def written_text(shell_text: sources.ShellText, text: str, mask: re.Match[str]) -> str:
    """The text of the file at the placeholder in `mask`; an ellipsis if it occurs with several texts."""
    spans = [
        shell_text.origin[match.start() : match.end()] for match in re.finditer(re.escape(mask[0]), shell_text.text)
    ]
    written = {text[span[0] : span[-1] + 1] for span in spans}
    return written.pop() if len(written) == 1 else "…"


class LineIndex:
    """Line and column, both from 1, of each character of a text."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *[match.end() for match in re.finditer("\n", text)]]

    def of(self, offset: int) -> tuple[int, int]:
        """The (line, column) of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The Span between two offsets."""
        (line, column), (end_line, end_column) = self.of(start), self.of(end)
        return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


MARKER_LINE = re.compile(r"[\s@+-]*#+\s*pueue:\s*skip\b")
MARKER_ANYWHERE = re.compile(r"(?:^|\s)#+\s*pueue:\s*skip\b")


class SkipMarkers:
    """The lines of a file with `# pueue: skip`: `alone` on the line, or `behind` other text."""

    def __init__(self, places: LineIndex, lines: Sequence[str], shell_texts: Sequence[sources.ShellText]) -> None:
        self.places = places
        self.alone = {i for i, line in enumerate(lines, 1) if MARKER_LINE.match(line)}
        # Inside a shell text the shell decides what a comment is; outside, `#` is one in make, YAML, TOML and just.
        marked = [i for i, line in enumerate(lines, 1) if MARKER_ANYWHERE.search(line)]
        shell = {offset for shell_text in shell_texts for offset in shell_text.origin} if marked else set()
        self.behind = set()
        for i in marked:
            match = MARKER_ANYWHERE.search(lines[i - 1])
            if match and places.starts[i - 1] + match.end() - 1 not in shell:
                self.behind.add(i)

    def read(self, script: Script, shell_text: sources.ShellText) -> None:
        """Adds the markers in the comments of a parsed text."""
        for comment in script.comments:
            match = MARKER.match(comment.text)
            if match and match[1] == "skip":
                self.behind.add(self.places.of(shell_text.origin[comment.start])[0])

    def silence(self, script: Script, shell_text: sources.ShellText, start: int, end: int) -> bool:
        """Whether a marker is next to the span, its statement, or the beginning of the shell text."""
        first, last = enclosing_statement(script.nodes, start) or (start, end)
        lines = {self.places.of(shell_text.origin[at])[0] for at in (start, end - 1, first, last - 1)}
        begins = {self.places.of(shell_text.origin[at])[0] for at in (start, first)}
        if shell_text.head is not None:
            line = self.places.of(shell_text.head)[0]
            lines.add(line)
            begins.add(line)
        return not self.behind.isdisjoint(lines) or not self.alone.isdisjoint({line - 1 for line in begins})


def enclosing_statement(nodes: Iterable[Node], at: int) -> tuple[int, int] | None:
    """The span of the innermost and-or list that contains the character, possibly in a heredoc; None without one."""
    node = last_before(nodes, at)
    if isinstance(node, Chain):
        parts = [node.parts[0]]
        for operator, part in zip(node.operators, node.parts[1:], strict=False):
            if operator not in ("&&", "||"):
                if part.start > at:
                    break
                parts = []
            parts.append(part)
    elif node is not None:
        parts = [node]
    else:
        return None
    return enclosing_inner(parts, at) or (parts[0].start, parts[-1].end)


def enclosing_inner(parts: Iterable[Node], at: int) -> tuple[int, int] | None:
    """The same, inside a compound command that contains the character; None without one."""
    node = last_before(parts, at)
    if isinstance(node, Pipeline):
        return enclosing_inner(node.parts, at)
    return enclosing_statement((*node.test, *node.body), at) if isinstance(node, Compound) else None


def last_before(nodes: Iterable[Node], at: int) -> Node | None:
    """The last node that begins at or before the character."""
    return max((node for node in nodes if node.start <= at), key=lambda node: node.start, default=None)


# Output


def report(checked: Iterable[FileReport]) -> LintReport:
    """The JSON document of `check --json`."""
    everything = list(checked)
    return {
        "version": 1,
        "findings": [finding for file in everything for finding in file.findings],
        "notes": [note for file in everything for note in file.notes],
        "errors": [error for file in everything for error in file.errors],
    }


def findings_text(checked: FileReport) -> str:
    """The findings of a file with position, source line and underline."""
    return "".join(
        [
            f"{printable.line(finding['file'])}:{finding['line']}:{finding['column']}: {finding['rule']} {finding['name']}"
            f" ({finding['confidence']}): {printable_text(finding['message'])}\n{underlined(checked.lines, finding)}"
            for finding in checked.findings
        ]
    )


def underlined(lines: Sequence[str], finding: FileFinding) -> str:
    """The source line of a finding, with the span underlined up to the end of the line."""
    line = lines[finding["line"] - 1]
    end = finding["end_column"] - 1 if finding["end_line"] == finding["line"] else len(line)
    start = finding["column"] - 1
    return f"  {printable_text(line)}\n  {' ' * start}{'^' * max(1, end - start)}\n"


def printable_text(text: str) -> str:
    """`text` with a blank for each unprintable character."""
    return "".join([char if char.isprintable() else " " for char in text])


def unread_lines(checked: FileReport) -> Iterator[str]:
    """A line of text for each note and error."""
    for what, those in (("not read", checked.notes), ("cannot be read", checked.errors)):
        for note in those:
            file = printable.line(note["file"])
            place = f"{file}:{note['line']}" if note["line"] is not None else file
            yield f"{place}: {what}: {printable_text(brief_reason(note['reason']))}"


def sarif(everything: LintReport) -> dict[str, Any]:
    """The report as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""
    index = {rule.id: i for i, rule in enumerate(RULES)}
    notes = [notification(note, "note") for note in everything["notes"]]
    errors = [notification(error, "error") for error in everything["errors"]]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pueue-skill",
                        "version": __version__,
                        "rules": [descriptor(rule) for rule in RULES],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": not errors, "toolExecutionNotifications": notes + errors}],
                "results": [
                    {
                        "ruleId": finding["rule"],
                        "ruleIndex": index[finding["rule"]],
                        "level": level(finding["confidence"]),
                        "message": {"text": printable_text(finding["message"])},
                        "locations": [
                            location(
                                finding["file"],
                                {
                                    "startLine": finding["line"],
                                    "startColumn": finding["column"],
                                    "endLine": finding["end_line"],
                                    "endColumn": finding["end_column"],
                                },
                            )
                        ],
                    }
                    for finding in everything["findings"]
                ],
            }
        ],
    }


def level(confidence: Confidence) -> str:
    """The SARIF level of a confidence."""
    return "warning" if confidence == "high" else "note"


def descriptor(rule: Rule) -> dict[str, Any]:
    """The SARIF descriptor of a rule."""
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.instead, "markdown": rule.page()},
        "defaultConfiguration": {"level": level(rule.confidence)},
    }


def notification(note: Note, level: str) -> dict[str, Any]:
    """The SARIF notification of a note or error."""
    region = {"startLine": note["line"]} if note["line"] is not None else {}
    return {
        "level": level,
        "message": {"text": printable_text(note["reason"])},
        "locations": [location(note["file"], region)],
    }


def location(file: str, region: Mapping[str, int | None]) -> dict[str, Any]:
    """The SARIF location of a file and region."""
    path = Path(file)
    # A name may contain any byte, a URI may not; relative URIs are relative to the working directory of the check.
    uri = percent(bytes(path), safe="/~")
    place: dict[str, Any] = {"artifactLocation": {"uri": f"file://{uri}" if path.is_absolute() else uri}}
    if region:
        place["region"] = dict(region)
    return {"physicalLocation": place}
