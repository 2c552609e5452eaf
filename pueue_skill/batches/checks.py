"""Checks of a phase: the items that compare the output of a command with what is expected."""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.batches.jobs import work
from pueue_skill.batches.model import BatchError, Item, keyed
from pueue_skill.batches.templates import filled
from pueue_skill.shell import quote
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Check, Manifest, Phase


def of_check(manifest: Manifest, name: str, phase: Phase, check: Check, host: str, made: list[Item]) -> Item:
    """The job of a check, after all of its phase on a host."""
    here = [item for item in made if item.host == host]
    run = check.run or filled(manifest.sql, {"query": check.sql}, "sql", quoted=True)
    command = f"found=$(\n{run}\n) || exit\n{expectation(check, name)}"
    item = Item(
        "", name, "check", host, f"{name}:{check.name}", here[0].group, work(manifest, phase, command),
        after=tuple([one.key for one in here]),
    )  # fmt: skip
    return keyed(manifest, item, digest(f"check {check.name}".encode(), 8))


def expectation(check: Check, name: str) -> str:
    """bash text that fails, and says why, unless $found is as expected."""
    said = check.expect
    printed = 'printf "%s\\n" "$found" | head -n 20'
    if said == "empty":
        return f'[ -z "$found" ] || {{ echo {quote.word(f"{name}:{check.name}: nothing was expected, found:")}; {printed}; exit 1; }}'
    table: Mapping[str, Any] = {"equals": 0} if said == "zero" else said
    unknown = set(table) - {"equals", "min", "max"}
    if unknown or not table:
        raise BatchError(
            f"phases.{name}.checks.{check.name}.expect: equals, min or max were expected, not {', '.join(unknown) or 'nothing'}"
        )
    tests = []
    for key, sign in (("equals", "=="), ("min", ">="), ("max", "<=")):
        if key in table:
            value = table[key]
            if isinstance(value, str):
                if key != "equals":
                    raise BatchError(f"phases.{name}.checks.{check.name}.expect.{key}: a number was expected")
                tests.append(f'[ "$found" = {quote.word(value)} ]')
            else:
                # What is no number at all is not 0 either.
                number = r"[[ $found =~ ^[[:space:]]*[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?[[:space:]]*$ ]]"
                tests.append(f"{number} && awk -v found=\"$found\" 'BEGIN {{ exit !(found {sign} {value!r}) }}'")
    wanted = ", ".join([f"{key} {table[key]}" for key in table])
    complaint = quote.word(f"{name}:{check.name}: {wanted} was expected, found:")
    return f"{' && '.join(tests)} || {{ echo {complaint}; {printed}; exit 1; }}"
