"""A batch's TOML, YAML or JSON file in, a Manifest out.

Raises ManifestError, which names the file, the line, the key, what was expected and the nearest key. What the phases, variables and checks
mean is known by items.py.
"""

from __future__ import annotations

import csv
import glob
import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pueue_skill.configuration import diagnostics, formats
from pueue_skill.configuration.diagnostics import own_mistake

ALL_KEYS = "All keys: pueue-skill schema batch"

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$",
        json_schema_extra={"patternErrorMessage": "expected a name of letters, digits, ., _ and - (at most 61)"},
    ),
]
Scalar = str | int | float | bool
Row = dict[str, Scalar]


class ManifestError(Exception):
    """A manifest cannot be used; the message is for people."""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeValues(Table):
    """Numbers from the first to the last, both included."""

    range: Annotated[list[int], Field(min_length=2, max_length=3, description="first, last and, if not 1, the step")]


class DateValues(Table):
    """Spans of dates: {NAME} is the span's name (2024, 2024-03, 2024-03-01), {NAME.start} and {NAME.end} its days."""

    dates: Annotated[
        list[str],
        Field(min_length=2, max_length=2, description="first and last day; may name values, as {symbol.start}"),
    ]
    step: Literal["day", "month", "year"] = "year"


class FileValues(Table):
    """The files that a pattern matches on this machine; {NAME} is a path."""

    files: str = Field(description="a pattern, relative to the manifest, ** for all folders below")


class RowValues(Table):
    """Rows of a CSV file (with a head) or a JSONL file on this machine; {NAME} is the first field, {NAME.FIELD} any."""

    rows: str = Field(description="a file, relative to the manifest")


Values = list[Scalar | Row] | RangeValues | DateValues | FileValues | RowValues


class Retry(Table):
    """Tries again, within the job, what ended with one of these exit codes."""

    codes: Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1)]
    times: Annotated[int, Field(ge=1, le=100)] = 2
    wait: Annotated[float, Field(ge=0)] = Field(10, description="seconds before each")


class After(Table):
    """What comes first: a phase, or of each job only those jobs of it that have the same values."""

    phase: Name
    same: list[str] = Field([], description="variables that must be the same")


class Check(Table):
    """A job after the phase that fails, and holds what comes after it, unless its output is as expected."""

    name: Name
    run: str = Field("", description="a command; its output is looked at")
    sql: str = Field("", description="in its place, a query that the batch's sql is given")
    expect: Literal["empty", "zero"] | Row = Field(
        "empty", description='empty (no output), zero, or a table with "equals", "min" or "max"'
    )

    @model_validator(mode="after")
    def one_of_them(self) -> Check:
        if bool(self.run) == bool(self.sql):
            raise own_mistake(f"{self.name}: expected either run or sql, found {'both' if self.run else 'neither'}")
        return self


class Override(Table):
    """What is otherwise for some jobs."""

    when: dict[str, Scalar | list[Scalar]] = Field(description="values that a job must have")
    group: str | None = None
    priority: int | None = None
    timeout: float | None = None
    memory: str | None = None
    cpus: int | None = None
    gpus: int | None = None
    command: str | None = None


class Phase(Table):
    """Jobs of one kind: one for each combination of the values of the variables that its command names."""

    command: str = Field(description="a command of bash; {NAME} is a value, quoted for it; {{ and }} are braces")
    vars: dict[str, Values] = Field({}, description="variables of this phase, beside those of the batch")
    each: list[str] = Field([], description="further variables to go over, that the command does not name")
    exclude: list[dict[str, Scalar | list[Scalar]]] = Field([], description="combinations that are left out")
    override: list[Override] = []
    label: str = Field("", description="a name for each job; may hold {NAME} (default: the phase and its values)")
    group: str = Field("default", description="may hold {NAME}")
    after: list[Name | After] = Field([], description="phases that must succeed first")
    checks: list[Check] = []
    priority: int = 0
    timeout: Annotated[float, Field(gt=0)] | None = Field(None, description="seconds after which a job is ended")
    memory: str = Field("", description="what a job needs at its peak, as 5G; for the cost, and asked of Slurm")
    cpus: Annotated[int, Field(ge=0)] = Field(0, description="CPUs that a job needs; asked of Slurm")
    gpus: Annotated[int, Field(ge=0)] = Field(0, description="GPUs that a job needs; for the cost, and asked of Slurm")
    retry: Retry | None = None
    slots: Annotated[int, Field(ge=1)] = Field(
        1, description="from 2,000 jobs on, which units work through: how many of a unit run at once"
    )
    env: dict[str, str] = {}


class Manifest(Table):
    """A batch of jobs in phases."""

    name: Name = Field("batch", description="default: the file's name without its ending")
    hosts: Annotated[list[Name], Field(min_length=1)] = ["local"]
    spread: str = Field("", description="with several hosts: the variable whose values are dealt out to them")
    cwd: str = Field("", description="the folder that all jobs run in")
    env: dict[str, str] = Field({}, description="variables that all jobs get")
    keep: list[str] = Field([], description="variables of yours that jobs get too, beside PATH, HOME and the locale")
    groups: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="groups, and how many jobs each runs at once"
    )
    sql: str = Field("", description="a command that answers a query of a check, as clickhouse-client --query {query}")
    vars: dict[str, Values] = {}
    phases: Annotated[dict[Name, Phase], Field(min_length=1)]
    refresh: str = Field("", description="what is added to a command that is to begin anew, as --force-refresh")
    siblings: str = Field(
        "", description="the variable whose jobs must not be begun anew while others of the same value run"
    )
    tries: Annotated[int, Field(ge=1)] = Field(3, description="how often resume starts a job, the first time included")

    @model_validator(mode="after")
    def refers_to_what_exists(self) -> Manifest:
        for name, phase in self.phases.items():
            for position, after in enumerate(phase.after):
                wanted = after if isinstance(after, str) else after.phase
                if wanted not in self.phases:
                    near = diagnostics.nearest(wanted, self.phases)
                    hint = f"Did you mean {diagnostics.listed(near)}?" if near else f"Phases: {', '.join(self.phases)}"
                    raise own_mistake(f"there is no phase {wanted}. {hint}", "phases", name, "after", position)
            for position, check in enumerate(phase.checks):
                if check.sql and "{query}" not in self.sql:
                    raise own_mistake(
                        "no command answers the query. Before the phases, write for example"
                        ' sql = "clickhouse-client --query {query}"',
                        *("phases", name, "checks", position, "sql"),
                    )
        if len(self.hosts) > 1 and not self.spread:
            raise own_mistake(
                "with several hosts, spread must name the variable whose values are divided among them", "hosts"
            )
        return self


def load(file: Path) -> Manifest:
    """The manifest in `file`, of the format that its name says. Raises ManifestError."""
    name = str(file)
    try:
        text = file.read_text("utf-8")
        content = formats.parse(name, text)
    except UnicodeDecodeError as error:
        raise ManifestError(f"{name}: not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise ManifestError(f"{name}: {error.strerror}") from None
    except formats.FormatError as error:
        raise ManifestError(f"{name}{f':{error.line}' if error.line else ''}: {error}") from None
    if not isinstance(content, dict):
        raise ManifestError(f"{name}: expected a table of keys, found {diagnostics.shown(content)}")
    content.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).lstrip("._-") or "batch")
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        problems = diagnostics.problems_of_model(error, content, Manifest)
        raise ManifestError(
            "\n".join([*diagnostics.report(name, problems, formats.locator(name, text)), ALL_KEYS])
        ) from None


def rows_of(file: Path) -> list[Row]:
    """The rows of a CSV or JSONL file. Raises ManifestError."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: {error}") from None
    if file.suffix == ".csv":
        found = list(csv.DictReader(text.splitlines()))
        for i, row in enumerate(found):
            if None in row or None in row.values():
                raise ManifestError(f"{file}:{i + 2}: this row has not as many fields as the head")
        return [dict(row) for row in found]
    rows: list[Row] = []
    for i, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ManifestError(f"{file}:{i + 1}: {error}") from None
        if not isinstance(row, dict) or not all(isinstance(value, str | int | float | bool) for value in row.values()):
            raise ManifestError(f"{file}:{i + 1}: a table of plain values was expected")
        rows.append(row)
    return rows


def files_of(pattern: str, folder: Path) -> list[str]:
    """The paths that a pattern matches, sorted; relative to `folder`, as the pattern is."""
    return sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 Path.glob takes no absolute pattern
