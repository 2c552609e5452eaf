"""Variables of a manifest: the values of each, and their combinations for a phase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from pueue_skill.batches.model import BatchError, LocalFiles
from pueue_skill.batches.templates import fill, variables_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest
    from pueue_skill.batches.model import Values

MAX_ITEMS = 1_000_000
"""Limit on the number of jobs of a batch."""


class ValueFilter:
    """Whether the values of a job match a table of the manifest: `exclude`, or `when` of an override."""

    def __init__(self, key_path: str, table: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        for name in table:
            if name.partition(".")[0] not in variables:
                raise BatchError(unknown_variable(key_path, name, variables))
        self.table = table

    def matches(self, values: Values) -> bool:
        return all(
            str(values.get(name)) in [str(value) for value in (allowed if isinstance(allowed, list) else [allowed])]
            for name, allowed in self.table.items()
        )


def unknown_variable(key_path: str, name: str, variables: Mapping[str, Any]) -> str:
    return f"{key_path}: unknown variable {name}; variables: {', '.join(variables) or 'none'}"


def combinations(manifest: Manifest, name: str, files: LocalFiles) -> Iterator[Values]:
    """Yield the values of each job of the phase `name`: the product of its variables, without `exclude`. Raises BatchError."""
    phase = manifest.phases[name]
    variables = {**manifest.vars, **phase.vars}
    used = variables_used(manifest, name)
    excluded = [ValueFilter(f"phases.{name}.exclude", table, variables) for table in phase.exclude]
    if not phase.exclude:  # an early error, before files are read
        lower_bound = 1
        for variable in used:
            lower_bound *= known_count(variable, variables[variable])
        if lower_bound > MAX_ITEMS:
            raise BatchError(
                f"phases.{name}: {lower_bound:,} combinations of values, more than {MAX_ITEMS:,}. Split the batch"
            )
    count = 0
    for values in product([(variable, variables[variable]) for variable in variables if variable in used], files):
        if not any(value_filter.matches(values) for value_filter in excluded):
            count += 1
            if count > MAX_ITEMS:
                raise BatchError(f"phases.{name}: more than {MAX_ITEMS:,} combinations of values. Split the batch")
            yield values


def variables_used(manifest: Manifest, name: str) -> set[str]:
    """Return the variables of the phase `name`: those in its templates, its own, those of `each`, and those in their dates."""
    phase = manifest.phases[name]
    variables = {**manifest.vars, **phase.vars}
    used = {*phase.each, *phase.vars}
    for field in ("command", "label", "group"):
        used |= {*variables_in(getattr(phase, field), f"phases.{name}.{field}")}
    for variable in sorted(used - set(variables)):
        raise BatchError(unknown_variable(f"phases.{name}", f"{{{variable}}}", variables))
    for variable in list(used):
        for text in getattr(variables[variable], "dates", ()):
            used |= {other for other in variables_in(text, f"vars.{variable}.dates") if other in variables}
    return used


def known_count(name: str, definition: Any) -> int:
    """Return the number of values of a list or range; 1 for a variable whose values are not known yet."""
    if isinstance(definition, list):
        return len(definition)
    return len(number_range(definition.range, name)) if hasattr(definition, "range") else 1


def product(variables: list[tuple[str, Any]], files: LocalFiles, fixed: Values | None = None) -> Iterator[Values]:
    """Yield the combinations of the values of `variables`, added to `fixed`; dates may refer to earlier variables."""
    fixed = fixed or {}
    if not variables:
        yield fixed
        return
    (name, definition), *others = variables
    for value in values_of(name, definition, files, fixed):
        yield from product(others, files, {**fixed, **value})


def values_of(name: str, definition: Any, files: LocalFiles, fixed: Values) -> Iterator[Values]:
    """Yield each value of a variable, as NAME and, for rows and dates, NAME.FIELD. Raises BatchError if there are none."""
    values: Sequence[Any]
    if hasattr(definition, "dates"):
        yield from date_spans(name, definition, fixed)
        return
    if isinstance(definition, list):
        values = definition
    elif hasattr(definition, "range"):
        values = number_range(definition.range, name)
    elif hasattr(definition, "files"):
        values = files.paths(definition.files)
    else:
        values = files.rows(definition.rows)
    if not values:
        raise BatchError(f"vars.{name}: no values")
    for value in values:
        if isinstance(value, Mapping):
            if not value:
                raise BatchError(f"vars.{name}: a row without fields")
            fields = {f"{name}.{field}": content for field, content in value.items()}
            yield {name: next(iter(value.values())), **fields}
        else:
            yield {name: value}


def number_range(bounds: Sequence[int], name: str) -> range:
    """Return the range from the first to the last number, both included; `bounds` may have a step as third number."""
    first, last, *steps = bounds
    step = steps[0] if steps else 1
    if step == 0:
        raise BatchError(f"vars.{name}.range: the step is 0")
    return range(first, last + (1 if step > 0 else -1), step)


def date_spans(name: str, definition: Any, fixed: Values) -> Iterator[Values]:
    """Yield each day, month or year from the first date to the last, the first and last span cut to these dates."""
    day, end = [parse_date(fill(text, fixed, f"vars.{name}.dates"), name) for text in definition.dates]
    if day > end:
        raise BatchError(f"vars.{name}.dates: {day} is after {end}")
    while day <= end:
        if definition.step == "day":
            last, span = day, day.isoformat()
        elif definition.step == "month":
            last = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
            span = f"{day:%Y-%m}"
        else:
            last, span = dt.date(day.year, 12, 31), str(day.year)
        last = min(last, end)
        yield {name: span, f"{name}.start": day.isoformat(), f"{name}.end": last.isoformat()}
        day = last + dt.timedelta(days=1)


def parse_date(text: str, name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BatchError(f"vars.{name}.dates: expected a date as YYYY-MM-DD, found {text!r}") from None
