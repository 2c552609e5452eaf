"""The manifest: a batch's TOML, YAML or JSON file in, a Manifest out.

A file that is no manifest raises ManifestError, which names file, line, key, the expected value and the nearest known key.
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
ValueRow = dict[str, Scalar]


class ManifestError(Exception):
    """A manifest, or a file that it names, is missing or invalid."""


class ManifestTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeValues(ManifestTable):
    """Numbers from the first to the last, including both."""

    range: Annotated[
        list[int],
        Field(min_length=2, max_length=3, description="first number, last number and, unless it is 1, the step"),
    ]


class DateValues(ManifestTable):
    """Spans of days, months or years: {NAME} is the span (2024-03-01, 2024-03, 2024), {NAME.start} and {NAME.end} its first and last day."""

    dates: Annotated[
        list[str],
        Field(
            min_length=2,
            max_length=2,
            description="first and last day; may contain values of other variables, such as {symbol.start}",
        ),
    ]
    step: Literal["day", "month", "year"] = "year"


class FileValues(ManifestTable):
    """Paths on this machine that match a pattern; {NAME} is a path."""

    files: str = Field(description="a pattern, relative to the folder of the manifest; ** matches all folders below")


class RowValues(ManifestTable):
    """Rows of a CSV file with a header line, or of a JSONL file, on this machine; {NAME} is the first field, {NAME.FIELD} any field."""

    rows: str = Field(description="a path, relative to the folder of the manifest")


Variable = list[Scalar | ValueRow] | RangeValues | DateValues | FileValues | RowValues


class Retry(ManifestTable):
    """Retries of a command within its job, if it fails with one of these exit codes."""

    codes: Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1)]
    times: Annotated[int, Field(ge=1, le=100)] = Field(2, description="runs of the command, including the first")
    wait: Annotated[float, Field(ge=0)] = Field(10, description="seconds before each retry")


class PhaseDependency(ManifestTable):
    """A dependency on all jobs of a phase, or only on those with the same values."""

    phase: Name
    same: list[str] = Field([], description="variables whose values must be the same")


class PhaseCheck(ManifestTable):
    """A job after the jobs of its phase. It fails, and blocks dependent phases, unless the output of its command is as expected."""

    name: Name
    run: str = Field("", description="a command whose output is compared")
    sql: str = Field("", description="instead of run: a query for the command in the batch's sql")
    expect: Literal["empty", "zero"] | ValueRow = Field(
        "empty", description='"empty" (no output), "zero", or a table with equals, min or max'
    )

    @model_validator(mode="after")
    def has_run_or_sql(self) -> PhaseCheck:
        if bool(self.run) == bool(self.sql):
            raise own_mistake(f"{self.name}: expected either run or sql, found {'both' if self.run else 'neither'}")
        return self


class Override(ManifestTable):
    """Settings of some jobs of a phase."""

    when: dict[str, Scalar | list[Scalar]] = Field(description="applies to jobs with these values")
    group: str | None = None
    priority: int | None = None
    timeout: float | None = None
    memory: str | None = None
    cpus: int | None = None
    gpus: int | None = None
    command: str | None = None


class Phase(ManifestTable):
    """Jobs of one kind: one for each combination of values of the variables in its command, label and group."""

    command: str = Field(description="a bash command; {NAME} is a value, quoted for bash; {{ and }} are literal braces")
    vars: dict[str, Variable] = Field({}, description="variables of this phase, in addition to those of the batch")
    each: list[str] = Field([], description="more variables to combine, which the command does not contain")
    exclude: list[dict[str, Scalar | list[Scalar]]] = Field([], description="combinations of values without a job")
    override: list[Override] = []
    label: str = Field("", description="the name of each job; may contain {NAME} (default: the phase and its values)")
    group: str = Field("default", description="the group of each job; may contain {NAME}")
    after: list[Name | PhaseDependency] = Field([], description="dependencies: phases whose jobs must succeed first")
    checks: list[PhaseCheck] = []
    priority: int = 0
    timeout: Annotated[float, Field(gt=0)] | None = Field(None, description="timeout of a job in seconds")
    memory: str = Field("", description="peak memory of a job, such as 5G; used by batch plan and Slurm")
    cpus: Annotated[int, Field(ge=0)] = Field(0, description="CPUs of a job; used by Slurm")
    gpus: Annotated[int, Field(ge=0)] = Field(0, description="GPUs of a job; used by Slurm")
    retry: Retry | None = None
    slots: Annotated[int, Field(ge=1)] = Field(
        1, description="in phases of 2,000 jobs or more, which run in units: how many jobs of a unit run at once"
    )
    env: dict[str, str] = Field({}, description="environment variables of the jobs of this phase")


class Manifest(ManifestTable):
    """A batch of jobs in phases."""

    name: Name = Field("batch", description="default: the name of the file without its suffix")
    hosts: Annotated[list[Name], Field(min_length=1)] = ["local"]
    spread: str = Field("", description="with several hosts: the variable whose values are distributed over them")
    cwd: str = Field("", description="the working directory of all jobs")
    env: dict[str, str] = Field({}, description="environment variables of all jobs")
    keep: list[str] = Field(
        [],
        description="names of environment variables that jobs get from your environment, in addition to PATH, HOME and the locale",
    )
    groups: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="how many jobs of each group run at once; a name may be a pattern"
    )
    sql: str = Field(
        "", description="the command that runs the queries of checks, such as clickhouse-client --query {query}"
    )
    vars: dict[str, Variable] = {}
    phases: Annotated[dict[Name, Phase], Field(min_length=1)]
    refresh: str = Field(
        "", description="the value of {refresh} in a command that starts from scratch, such as --force-refresh"
    )
    siblings: str = Field(
        "", description="a variable: no job starts from scratch while another job with the same value runs"
    )
    tries: Annotated[int, Field(ge=1)] = Field(
        3, description="how often a job is started at most, including the first time"
    )

    @model_validator(mode="after")
    def references_exist(self) -> Manifest:
        for name, phase in self.phases.items():
            for position, after in enumerate(phase.after):
                wanted = after if isinstance(after, str) else after.phase
                if wanted not in self.phases:
                    near = diagnostics.nearest(wanted, self.phases)
                    hint = f"Did you mean {diagnostics.listed(near)}?" if near else f"Phases: {', '.join(self.phases)}"
                    raise own_mistake(f"unknown phase {wanted}. {hint}", "phases", name, "after", position)
            for position, check in enumerate(phase.checks):
                if check.sql and "{query}" not in self.sql:
                    raise own_mistake(
                        "sql has no command for the query. Add before the phases, for example:"
                        ' sql = "clickhouse-client --query {query}"',
                        *("phases", name, "checks", position, "sql"),
                    )
        if len(self.hosts) > 1 and not self.spread:
            raise own_mistake(
                "with several hosts, spread must name the variable whose values are divided among them", "hosts"
            )
        return self


def load(file: Path) -> Manifest:
    """Return the manifest in `file`, whose suffix gives the format. Raises ManifestError."""
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


def read_rows(file: Path) -> list[ValueRow]:
    """Return the rows of a CSV or JSONL file. Raises ManifestError."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: {error}") from None
    if file.suffix == ".csv":
        table = list(csv.DictReader(text.splitlines()))
        for i, row in enumerate(table):
            if None in row or None in row.values():
                raise ManifestError(f"{file}:{i + 2}: the number of fields differs from that of the header")
        return [dict(row) for row in table]
    rows: list[ValueRow] = []
    for i, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ManifestError(f"{file}:{i + 1}: {error}") from None
        if not isinstance(row, dict) or not all(isinstance(value, str | int | float | bool) for value in row.values()):
            raise ManifestError(f"{file}:{i + 1}: expected an object of strings, numbers and booleans")
        rows.append(row)
    return rows


def matching_paths(pattern: str, folder: Path) -> list[str]:
    """Return the paths that match a pattern, sorted; both are relative to `folder`."""
    return sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 Path.glob takes no absolute pattern
