"""Checks: jobs after a phase that compare the output of a command or query with the expected output.

The bash text is part of a check's definition, and so of its key: any change to it makes submitted checks `changed`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.batches.jobs import command_text
from pueue_skill.batches.model import BatchError, Item, with_key
from pueue_skill.batches.templates import fill
from pueue_skill.shell import quote
from pueue_skill.startup.digest import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.manifest import Manifest, Phase, PhaseCheck

IS_NUMBER = r"[[ $found =~ ^[[:space:]]*[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?[[:space:]]*$ ]]"
"""Fails for output that is no number, which awk would read as 0."""


def check_item(manifest: Manifest, name: str, phase: Phase, check: PhaseCheck, host: str, items: list[Item]) -> Item:
    """Return the job of a check, which depends on all `items` of its phase on the host."""
    host_items = [item for item in items if item.host == host]
    run = check.run or fill(manifest.sql, {"query": check.sql}, "sql", quoted=True)
    command = f"found=$(\n{run}\n) || exit\n{comparison(check, name)}"
    item = Item(
        "", name, "check", host, f"{name}:{check.name}", host_items[0].group, command_text(manifest, phase, command),
        after=tuple([item.key for item in host_items]),
    )  # fmt: skip
    return with_key(manifest, item, digest(f"check {check.name}".encode(), 8))


def comparison(check: PhaseCheck, name: str) -> str:
    """Return bash text that prints $found and fails unless it is as expected. Raises BatchError for an unknown expectation."""
    key_path = f"phases.{name}.checks.{check.name}.expect"
    printed = 'printf "%s\\n" "$found" | head -n 20'
    if check.expect == "empty":
        return f'[ -z "$found" ] || {{ echo {quote.word(f"{name}:{check.name}: nothing was expected, found:")}; {printed}; exit 1; }}'
    expected: Mapping[str, Any] = {"equals": 0} if check.expect == "zero" else check.expect
    unknown = set(expected) - {"equals", "min", "max"}
    if unknown or not expected:
        raise BatchError(f"{key_path}: expected equals, min or max, found {', '.join(unknown) or 'an empty table'}")
    tests = []
    for key, operator in (("equals", "=="), ("min", ">="), ("max", "<=")):
        if key not in expected:
            continue
        value = expected[key]
        if not isinstance(value, str):
            tests.append(f"{IS_NUMBER} && awk -v found=\"$found\" 'BEGIN {{ exit !(found {operator} {value!r}) }}'")
        elif key == "equals":
            tests.append(f'[ "$found" = {quote.word(value)} ]')
        else:
            raise BatchError(f"{key_path}.{key}: expected a number, found {value!r}")
    values = ", ".join([f"{key} {expected[key]}" for key in expected])
    complaint = quote.word(f"{name}:{check.name}: {values} was expected, found:")
    return f"{' && '.join(tests)} || {{ echo {complaint}; {printed}; exit 1; }}"
