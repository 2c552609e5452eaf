"""Variables of a manifest: which values each has, and the combinations of a phase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from pueue_skill.batches.model import BatchError, Sources
from pueue_skill.batches.templates import filled, roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest
    from pueue_skill.batches.model import Values

MAX_ITEMS = 1_000_000
"""Items of one batch."""


def combinations(manifest: Manifest, name: str, sources: Sources) -> Iterator[Values]:
    """The values of each item of a phase: the product of its variables, without what is excluded."""
    phase = manifest.phases[name]
    known = {**manifest.vars, **phase.vars}
    named = [
        root
        for field in ("command", "label", "group")
        for root in roots(getattr(phase, field), f"phases.{name}.{field}")
    ]
    wanted = {*named, *phase.each, *phase.vars}
    for variable in sorted(wanted - set(known)):
        raise BatchError(f"phases.{name}: {{{variable}}} is no variable; variables: {', '.join(known) or 'none'}")
    for variable in list(wanted):  # what a span of dates reaches into
        wanted |= {root for root in needs(known[variable]) if root in known}
    excluded = [Matcher(f"phases.{name}.exclude", table, known) for table in phase.exclude]
    least = 1  # as far as it can be told without making them
    for variable in wanted:
        said = known[variable]
        least *= (
            len(said) if isinstance(said, list) else len(numbers(said.range, variable)) if hasattr(said, "range") else 1
        )
    if least > MAX_ITEMS and not phase.exclude:
        raise BatchError(f"phases.{name}: {least:,} combinations of values, more than {MAX_ITEMS:,}; split the batch")
    count = 0
    for values in product([(variable, known[variable]) for variable in known if variable in wanted], sources):
        if not any(matcher(values) for matcher in excluded):
            count += 1
            if count > MAX_ITEMS:
                raise BatchError(f"phases.{name}: more than {MAX_ITEMS:,} combinations of values")
            yield values


def needs(values: Any) -> list[str]:
    return [root for text in getattr(values, "dates", ()) for root in roots(text, "dates")]


def product(variables: list[tuple[str, Any]], sources: Sources, fixed: Values | None = None) -> Iterator[Values]:
    fixed = fixed or {}
    if not variables:
        yield fixed
        return
    (name, values), *rest = variables
    for value in one_by_one(name, values, sources, fixed):
        yield from product(rest, sources, {**fixed, **value})


def one_by_one(name: str, values: Any, sources: Sources, fixed: Values) -> Iterator[Values]:
    """The values of one variable, each as the fields that it gives."""
    if isinstance(values, list):
        found: Sequence[Any] = values
    elif hasattr(values, "range"):
        found = numbers(values.range, name)
    elif hasattr(values, "dates"):
        yield from spans(name, values, fixed)
        return
    elif hasattr(values, "files"):
        found = sources.files(values.files)
    else:
        found = sources.rows(values.rows)
    if not found:
        raise BatchError(f"vars.{name}: there are no values")
    for value in found:
        if isinstance(value, Mapping):
            if not value:
                raise BatchError(f"vars.{name}: a row without fields")
            yield {name: next(iter(value.values())), **{f"{name}.{field}": one for field, one in value.items()}}
        else:
            yield {name: value}


def numbers(said: Sequence[int], name: str) -> range:
    first, last, *step = said
    if step and step[0] == 0:
        raise BatchError(f"vars.{name}.range: a step of 0")
    by = step[0] if step else 1
    return range(first, last + (1 if by > 0 else -1), by)


def spans(name: str, values: Any, fixed: Values) -> Iterator[Values]:
    """Days, months or years from the first day to the last; the first and the last may be cut short."""
    day, end = [date(filled(text, fixed, f"vars.{name}.dates"), name) for text in values.dates]
    if day > end:
        raise BatchError(f"vars.{name}.dates: {day} is after {end}")
    while day <= end:
        if values.step == "day":
            last, called = day, day.isoformat()
        elif values.step == "month":
            last = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
            called = f"{day:%Y-%m}"
        else:
            last, called = dt.date(day.year, 12, 31), str(day.year)
        last = min(last, end)
        yield {name: called, f"{name}.start": day.isoformat(), f"{name}.end": last.isoformat()}
        day = last + dt.timedelta(days=1)


def date(text: str, name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BatchError(f"vars.{name}.dates: {text!r} is no day; write YYYY-MM-DD") from None


class Matcher:
    """Whether values are those of a table of the manifest."""

    def __init__(self, where: str, table: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        for name in table:
            if name.partition(".")[0] not in known:
                raise BatchError(f"{where}: {name} is no variable; variables: {', '.join(known) or 'none'}")
        self.table = table

    def __call__(self, values: Values) -> bool:
        return all(
            str(values.get(name)) in [str(one) for one in (said if isinstance(said, list) else [said])]
            for name, said in self.table.items()
        )
