"""The observations of two runs of a case, and their differences."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fidelity_cases import Case

EXTRA = re.compile(
    r"(PUEUE|PARALLEL|SLURM|SLURMD)_\w+|SHLVL|_|OLDPWD|SSH_CLIENT|SSH_CONNECTION|SSHPASS|TMPDIR|TMUX\w*|TERM\w*|STY|WINDOW|COLUMNS|LINES"
)
"""Variables that may differ: those of a queue, of each shell and connection, of parallel, and of the terminals of tmux and screen."""


SEEN = ("program", "arguments", "folder", "stdin", "limits")


class Call(NamedTuple):
    """One execution of the recorder."""

    program: str
    arguments: tuple[bytes, ...]
    folder: bytes
    variables: Mapping[bytes, bytes]
    stdin: bytes | None
    limits: bytes
    started: float
    ended: float

    @property
    def host(self) -> str:
        return self.variables.get(b"PQ_HOST", b"?").decode()

    def seen(self) -> tuple[object, ...]:
        """The fields that must be equal in both runs, as named in SEEN."""
        return (self.program, self.arguments, self.folder, self.stdin, self.limits)

    def kept(self) -> dict[str, bytes]:
        """The variables that must be equal in both runs."""
        found = {os.fsdecode(name): value for name, value in self.variables.items()}
        return {name: value for name, value in found.items() if not EXTRA.fullmatch(name)}

    def __str__(self) -> str:
        words = " ".join([shown(word) for word in self.arguments])
        fed = "" if self.stdin is None else f" <- {shown(self.stdin)}"
        return f"{self.host}: {self.program} {words} in {shown(self.folder)}{fed}"


class Run(NamedTuple):
    """The observations of one run; None if its way does not show them. `places` has a job's position in the queue by key."""

    status: int | str | None
    stdout: bytes | None
    stderr: bytes | None
    calls: tuple[Call, ...]
    files: Mapping[str, object]
    places: Mapping[str, int] = {}
    trouble: tuple[str, ...] = ()


class Rewriting(NamedTuple):
    """The rewrite of a text: an invocation, or a text in place of it; or neither, with a reason.

    With `each`, a loop over items that only the shell knows submits a job for each iteration.
    """

    reason: str
    invocation: str | None = None
    in_place: str | None = None
    jobs: int = 0
    each: bool = False


class Outcome(NamedTuple):
    """The result of a case; `kind` is identical, left (as is) or different."""

    case: Case
    kind: str
    rewriting: Rewriting
    differences: tuple[str, ...] = ()

    def report(self) -> str:
        became = self.rewriting.in_place or self.rewriting.invocation or f"left as is: {self.rewriting.reason}"
        parts = [f"── {self.case.row}", indented(self.case.text), "became", indented(became), *self.differences]
        return "\n".join(parts)


def shown(value: object) -> str:
    text = repr(value).removeprefix("b")
    return text if len(text) <= 300 else f"{text[:200]}…{text[-60:]} ({len(text)})"


def indented(text: str) -> str:
    lines = text.rstrip("\n").encode("utf-8", "backslashreplace").decode().split("\n")
    return "\n".join([f"  │ {line if len(line) <= 600 else line[:600] + '…'}" for line in lines[:40]])


def differences(written: Run, other: Run, case: Case) -> Iterator[str]:
    """Yield the differences between two runs of a case."""
    yield from other.trouble
    mine, its = unlike(written.calls, other.calls), unlike(other.calls, written.calls)
    if len(mine) != len(its):
        yield f"{len(written.calls)} executions as written, {len(other.calls)} as rewritten"
        mine = its = []
    for a, b in zip(mine, its, strict=True):
        for name, x, y in zip(SEEN, a.seen(), b.seen(), strict=True):
            if x != y:
                yield f"{name} of {a.program}: {shown(x)} as written, {shown(y)} as rewritten"
        kept, found = a.kept(), b.kept()
        for variable in sorted({*kept, *found} - {*case.except_variables}):
            x, y = kept.get(variable), found.get(variable)
            if x != y:
                yield f"variable {variable} of {a.program}: {shown(x)} as written, {shown(y)} as rewritten"
    if case.ordered and sequences(written) != sequences(other, other.places):
        yield f"order: {shown(sequences(written))} as written, {shown(sequences(other, other.places))} as rewritten"
    if case.last:
        yield from too_early(written, other, case.last)
    for name in ("status", "stdout", "stderr"):
        x, y = getattr(written, name), getattr(other, name)
        if x is not None and y is not None and loose(x, case) != loose(y, case):
            yield f"{name}: {shown(x)} as written, {shown(y)} as rewritten"
    for file in sorted({*written.files, *other.files}):
        x, y = written.files.get(file), other.files.get(file)
        if loose(x, case) != loose(y, case):
            yield f"file {file}: {shown(x)} as written, {shown(y)} as rewritten"


def loose(value: object, case: Case) -> object:
    """Return `value`, with its lines sorted if parts of the case run concurrently."""
    if isinstance(value, tuple):
        return tuple([loose(one, case) for one in value])
    return sorted(value.splitlines(keepends=True)) if case.parallel and isinstance(value, bytes) else value


def unlike(calls: Iterable[Call], others: Iterable[Call]) -> list[Call]:
    """Return the calls that have no equal among `others`."""
    left = [(call.seen(), call.kept()) for call in others]
    found = []
    for call in sorted(calls, key=by_looks):
        if (call.seen(), call.kept()) in left:
            left.remove((call.seen(), call.kept()))
        else:
            found.append(call)
    return found


def by_looks(call: Call) -> str:
    return repr(call.seen())


def sequences(run: Run, places: Mapping[str, int] | None = None) -> dict[str, list[tuple[bytes, ...]]]:
    """Return the executions on each host, ordered by their jobs' positions in the queue, or by time."""
    keys = [os.fsdecode(call.variables.get(b"PUEUE_SKILL_KEY", b"")) for call in run.calls]
    placed = places and all(key in places for key in keys)
    order = [(places[key] if places and placed else 0, call.started) for key, call in zip(keys, run.calls, strict=True)]
    found: dict[str, list[tuple[bytes, ...]]] = {}
    for _, call in sorted(zip(order, run.calls, strict=True), key=lambda pair: pair[0]):
        found.setdefault(call.host, []).append((call.program.encode(), *call.arguments))
    return found


def too_early(written: Run, other: Run, count: int) -> Iterator[str]:
    """Yield the last executions that began, as rewritten, before all others had ended."""
    last = [call.seen() for call in sorted(written.calls, key=lambda call: call.started)[-count:]]
    before = max([call.ended for call in other.calls if call.seen() not in last], default=0.0)
    for call in other.calls:
        if call.seen() in last and call.started < before:
            yield f"too early: {call} began {before - call.started:.3f} s before the end of its dependencies"
