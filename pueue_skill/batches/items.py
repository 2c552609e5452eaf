"""A batch taken apart: a Manifest in, Items out, each with its key, its job, and what it comes after.

Computes only: files and rows that a manifest names are handed in by whoever read them. Raises BatchError, which names the key of the
manifest and what is wrong with it, before anything is submitted.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from pueue_skill.plan.model import Job, Needs
from pueue_skill.shell import quote
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pueue_skill.batches.manifest import Check, Manifest, Phase

    Scalar: TypeAlias = "str | int | float | bool"
    Values: TypeAlias = "dict[str, Scalar]"

MAX_ITEMS = 1_000_000
"""Items of one batch."""

MAX_DEPENDENCIES_BETWEEN_PHASES = 64
"""Dependencies between two phases from which on a job of its own stands between them."""

MIN_PACKED_ITEMS = 2000
"""Items of a phase on a host from which on they are no queue tasks of their own: units work through them."""

MAX_UNIT_ITEMS = 1000
"""Items of a unit at most."""

MAX_PACKS = 64
"""Packs of a phase on a host at most, where others wait for those of the same values only."""

PLACE = regex(r"\{\{|\}\}|\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}|[{}]")
JOURNAL = "$HOME/.local/share/pueue-skill/batches"
"""The folder, on the host, of what its jobs write down when they end: a file a batch, a line a job."""


class BatchError(Exception):
    """The manifest does not make a batch."""


class Item(NamedTuple):
    """One job of a batch. `key` without its last part is what it is, its last part what defines it.

    `after` are keys of items on the same host. `kind` is item, check, end (what stands between two phases) or pack: `members` are then
    items that units work through, `slots` of a unit at once. `memory` is in bytes.
    """

    key: str
    phase: str
    kind: str
    host: str
    label: str
    group: str
    command: str
    values: tuple[tuple[str, Scalar], ...] = ()
    after: tuple[str, ...] = ()
    priority: int = 0
    timeout: float | None = None
    memory: int = 0
    gpus: int = 0
    slots: int = 1
    cpus: int = 0
    members: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        return self.key.rpartition(":")[0]

    @property
    def each(self) -> tuple[Item, ...]:
        """The items that this stands for."""
        return self.members or (self,)


class Sources(NamedTuple):
    """What a manifest names on this machine: pattern -> paths, file -> rows."""

    files: Callable[[str], Sequence[str]]
    rows: Callable[[str], Sequence[Mapping[str, Scalar]]]


def items(manifest: Manifest, sources: Sources, unpacked: Collection[str] = ()) -> tuple[Item, ...]:
    """All items, those of a phase after those of the phases that it comes after. Raises BatchError.

    `unpacked` are hosts whose queue takes any number of jobs.
    """
    found: list[Item] = []
    by_phase: dict[str, list[Item]] = {}
    last: dict[str, list[Item]] = {}  # what a later phase waits for
    count = 0
    for name in order(manifest):
        phase = manifest.phases[name]
        overrides = overrides_of(manifest, name, phase)
        made = [
            item
            for values in combinations(manifest, name, sources)
            for item in of(manifest, name, phase, overrides, values)
        ]
        if not made:
            raise BatchError(f"phases.{name}: no combination of values is left")
        count += len(made)
        if count > MAX_ITEMS:
            raise BatchError(f"phases.{name}: more than {MAX_ITEMS:,} jobs; split the batch")
        made, between = waiting(manifest, name, phase, packed(manifest, name, phase, made, unpacked), by_phase, last)
        by_phase[name] = made
        checks = [
            of_check(manifest, name, phase, check, host, made) for check in phase.checks for host in hosts_of(made)
        ]
        last[name] = checks or made
        found += [*between, *made, *checks]
    clashes(found)
    return tuple(found)


def order(manifest: Manifest) -> list[str]:
    """The phases, each after those that it comes after."""
    done: list[str] = []
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in open_:
            raise BatchError(
                f"phases.{name}.after: it comes after itself: {' → '.join([*open_[open_.index(name) :], name])}"
            )
        open_.append(name)
        for after in manifest.phases[name].after:
            visit(after if isinstance(after, str) else after.phase)
        open_.pop()
        done.append(name)

    for name in manifest.phases:
        visit(name)
    return done


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


def roots(template: str, where: str) -> list[str]:
    """The variables that a template names."""
    found = []
    for match in PLACE.finditer(template):
        if match[0] in ("{", "}"):
            raise BatchError(
                f"{where}: a single {match[0]} at character {match.start()}; a brace itself is written twice"
            )
        if match[1] and match[1] != "refresh":
            found.append(match[1].partition(".")[0])
    return found


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


def filled(template: str, values: Values, where: str, quoted: bool = False) -> str:
    """A template with its values filled in, each quoted as a word of a command where `quoted`."""

    def value(match: Any) -> str:
        if match[0] in ("{{", "}}"):
            return str(match[0][0])
        if match[1] == "refresh":
            return "$PUEUE_SKILL_REFRESH"
        if match[1] not in values:
            raise BatchError(f"{where}: there is no value {match[0]}; values: {', '.join(values) or 'none'}")
        found = values[match[1]]
        text = str(found).lower() if isinstance(found, bool) else str(found)
        if not quoted:
            return text
        plain = quote.BARE.fullmatch(text)
        if match.start() in in_words(template):
            return f"'{text}'" if plain and "=" in text else quote.word(text)  # bare, it could be an assignment
        if not plain:
            raise BatchError(
                f"{where}: {match[0]} stands where its value {text!r} cannot be quoted (within quotes, a heredoc, a comment, or after $); "
                f"write it outside: as {match[0]} it is one word of the command, whatever it holds"
            )
        return text

    return str(PLACE.sub(value, template))


TOKEN = regex(
    r"""\\.|\$'(?:\\.|[^'\\])*'|'[^']*'|"(?:\\.|[^"\\`$]|\$(?![({]))*"|(?<![^\s;&|()])\#[^\n]*|<<<|<(?!<)|\((?!\()|[^'"`\\<(]""",
    re.DOTALL,
)
"""What bash reads in one go. None matches a quote that is not closed or that holds commands, arithmetic, or the beginning of a heredoc."""


@functools.lru_cache(256)
def in_words(template: str) -> frozenset[int]:
    """Where the places of a command begin that are part of a plain word, in which a value can be quoted."""
    found = set()
    at = 0
    while at < len(template):
        place = PLACE.match(template, at)
        if place and template[at - 1 : at] != "$":
            found.add(at)
        token = place or TOKEN.match(template, at)
        if token is None:
            break
        at = token.end()
    return frozenset(found)


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


def overrides_of(manifest: Manifest, name: str, phase: Phase) -> list[tuple[Matcher, dict[str, Any]]]:
    """Which values have it otherwise, and what."""
    known = {**manifest.vars, **phase.vars}
    return [
        (
            Matcher(f"phases.{name}.override", override.when, known),
            override.model_dump(exclude={"when"}, exclude_none=True),
        )
        for override in phase.override
    ]


def of(
    manifest: Manifest, name: str, phase: Phase, overrides: list[tuple[Matcher, dict[str, Any]]], values: Values
) -> list[Item]:
    """The item of some values, on its host; on every host, where its values do not say which."""
    said = phase
    for matcher, changes in overrides:
        if matcher(values):
            said = said.model_copy(update=changes)
    where = f"phases.{name}"
    own = {key: value for key, value in values.items() if "." not in key}
    label = filled(said.label, values, f"{where}.label") if said.label else ":".join([name, *map(str, own.values())])
    command = work(manifest, said, filled(said.command, values, f"{where}.command", quoted=True))
    group = filled(said.group, values, f"{where}.group")
    made = Item(
        "", name, "item", "", label, group, command, tuple(values.items()), (),
        said.priority, said.timeout, size(said.memory, f"{where}.memory"), said.gpus, cpus=said.cpus,
    )  # fmt: skip
    identity = digest(repr(sorted(own.items())).encode("utf-8", "surrogateescape"), 16)
    return [keyed(manifest, made._replace(host=host), identity) for host in hosts_for(manifest, values)]


def hosts_for(manifest: Manifest, values: Values) -> list[str]:
    if len(manifest.hosts) == 1 or manifest.spread not in values:
        return list(manifest.hosts)
    # By the value alone, so that a batch that grows moves nothing.
    return [manifest.hosts[int(digest(str(values[manifest.spread]).encode(), 8), 16) % len(manifest.hosts)]]


def keyed(manifest: Manifest, item: Item, identity: str) -> Item:
    defined = digest("\0".join([item.command, manifest.cwd, str(item.timeout)]).encode("utf-8", "surrogateescape"), 8)
    return item._replace(key=f"{manifest.name}:{item.phase}:{identity}:{defined}")


def work(manifest: Manifest, phase: Phase, command: str) -> str:
    """The bash text of a job, but for what writes its end down."""
    lines = [f"export {name}={quote.word(value)}" for name, value in {**manifest.env, **phase.env}.items()]
    run = f"(\n{command}\n)"
    if phase.timeout is not None:
        run = f"timeout --kill-after=30 {phase.timeout:g} bash -c {quote.word(command)}"
    if phase.retry:
        codes = "|".join([str(code) for code in phase.retry.codes])
        run = (
            f"tries=0\nwhile :; do\n{run}\nstatus=$?\ntries=$((tries + 1))\n"
            f'case $status in {codes}) [ "$tries" -lt {phase.retry.times} ] || break ;; *) break ;; esac\n'
            f"sleep {phase.retry.wait:g}\ndone\n(exit $status)"
        )
    return "\n".join([*lines, run])


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


def waiting(
    manifest: Manifest,
    name: str,
    phase: Phase,
    made: list[Item],
    by_phase: Mapping[str, list[Item]],
    last: dict[str, list[Item]],
) -> tuple[list[Item], list[Item]]:
    """The items of a phase with what they come after, and the jobs that stand between it and the phases before."""
    between: list[Item] = []

    def barrier(before: str, host: str, keys: Sequence[str], group: str) -> str:
        """The key of the job that stands between all of a phase on a host and those that come after it."""
        end = keyed(
            manifest, Item("", before, "end", host, f"{before}:end", group, ":", after=tuple(keys)), digest(b"end", 16)
        )
        if end.key not in [item.key for item in (*between, *last[before])]:
            between.append(end)
        last[before] = [item for item in last[before] if item.host != host] + [end]  # for the phases to come
        return end.key

    for after in phase.after:
        before, same = (after, []) if isinstance(after, str) else (after.phase, after.same)
        for variable in same:
            for items_of, what in ((made, name), (by_phase[before], before)):
                if items_of and variable not in dict(items_of[0].each[0].values):
                    raise BatchError(f"phases.{name}.after: phase {what} does not go over {variable}")
        pool: dict[tuple[Any, ...], list[str]] = {}
        for item in by_phase[before] if same else last[before]:
            for where in places(item, same):
                pool.setdefault(where, []).append(item.key)
        if same:  # the checks of the phase hold them too
            for item in last[before]:
                if item.kind == "check":
                    for where, keys in pool.items():
                        if where[0] == item.host:
                            keys.append(item.key)
        for host in hosts_of(made):
            mine = [item for item in made if item.host == host]
            keys = pool.get((host,), [])
            if not same and len(keys) * len(mine) > MAX_DEPENDENCIES_BETWEEN_PHASES and len(keys) > 1 and len(mine) > 1:
                pool[(host,)] = [barrier(before, host, keys, mine[0].group)]
        waited = []
        for item in made:
            wanted: dict[str, None] = {}
            for where in places(item, same):
                if same and where not in pool:
                    label = next(one.label for one in item.each if place(one, same) == where)
                    raise BatchError(
                        f"phases.{name}.after: {label} finds nothing in {before} with the same {', '.join(same)}"
                    )
                wanted |= dict.fromkeys(pool.get(where, []))
            if (
                item.members and len(wanted) > MAX_DEPENDENCIES_BETWEEN_PHASES
            ):  # each of its units waits for all of them
                here = [one.key for one in last[before] if one.host == item.host]
                wanted = {barrier(before, item.host, here, item.group): None}
            waited.append(item._replace(after=tuple(dict.fromkeys((*item.after, *wanted)))))
        made = waited
    return made, between


def packed(manifest: Manifest, name: str, phase: Phase, made: list[Item], unpacked: Collection[str] = ()) -> list[Item]:
    """The items of a phase, in packs on hosts where they are too many for tasks of their own.

    A pack is of one group; and of one value of each variable that others wait for, where that does not make too many packs.
    """
    same = [
        variable
        for other, later in manifest.phases.items()
        for after in later.after
        if not isinstance(after, str) and name in (other, after.phase)
        for variable in after.same
    ]
    found: list[Item] = []
    for host in hosts_of(made):
        here = [item for item in made if item.host == host]
        if len(here) < MIN_PACKED_ITEMS or host in unpacked:
            found += here
            continue
        for variables in (dict.fromkeys(same), {}):
            packs: dict[tuple[Any, ...], list[Item]] = {}
            for item in here:
                values = dict(item.values)
                key = (item.group, item.priority, *[values.get(variable) for variable in variables])
                packs.setdefault(key, []).append(item)
            if len(packs) <= MAX_PACKS:
                break
        for key, members in packs.items():
            label = ":".join([name, *[str(value) for value in (key[0], *key[2:])]])
            pack = Item(
                "", name, "pack", host, label, members[0].group, "", priority=members[0].priority,
                memory=max([item.memory for item in members]), gpus=max([item.gpus for item in members]),
                slots=phase.slots, members=tuple(members),
            )  # fmt: skip
            found.append(keyed(manifest, pack, digest(f"pack {key!r}".encode("utf-8", "surrogateescape"), 16)))
    return found


def share_of(count: int, limit: int) -> int:
    """How many items a unit gets: few enough that all slots of the group have work to the end."""
    return max(1, min(MAX_UNIT_ITEMS, -(-count // (8 * limit)))) if limit else MAX_UNIT_ITEMS


def places(item: Item, same: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys([place(one, same) for one in item.each])) if same else [(item.host,)]


def place(item: Item, same: Sequence[str]) -> tuple[Any, ...]:
    values = dict(item.values)
    return (item.host, *[values.get(variable) for variable in same])


def hosts_of(made: list[Item]) -> list[str]:
    return list(dict.fromkeys([item.host for item in made]))


def clashes(found: list[Item]) -> None:
    """Raises BatchError when two items could not be told apart."""
    for what in ("label", "name"):
        seen: dict[tuple[str, str], Item] = {}
        for item in [one for stands in found for one in stands.each]:
            other = seen.setdefault((item.host, getattr(item, what)), item)
            if other is not item:
                raise BatchError(
                    f"phases.{item.phase}: two jobs are called {item.label} (the other is of phase {other.phase}); let the label name what differs"
                )


def limit_of(manifest: Manifest, group: str, configured: Mapping[str, int]) -> int | None:
    """How many jobs a group runs at once, by the manifest (whose names may be patterns) or the host's configuration."""
    for pattern, limit in manifest.groups.items():
        if fnmatchcase(group, pattern):
            return limit
    return configured.get(group)


SIZE = regex(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", 2)  # re.IGNORECASE


def size(text: str, where: str) -> int:
    """Bytes, of `5G` and its like; 0 of nothing."""
    if not text:
        return 0
    match = SIZE.fullmatch(text.strip())
    if not match:
        raise BatchError(f"{where}: {text!r} is no size; write 5G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def job_of(manifest: Manifest, item: Item, backend: str, queue_keeps_ends: bool = False) -> Job:
    """Return the job of an item. Unless the queue's own scripts keep how jobs ended, the job writes its end into a file on its host, which
    neither a clean nor a reboot removes."""
    needs = Needs(item.memory, item.cpus, item.gpus, (item.timeout or 0) and (item.timeout or 0) + 60)
    if queue_keeps_ends:
        return Job(
            item.key, item.host, backend, item.group, item.label, manifest.cwd or None, text_of(manifest, item), item.after,
            priority=item.priority, needs=needs,
        )  # fmt: skip
    end = (
        f'printf \'ended %s %s %s\\n\' {item.key} "$status" "$(date +%s)" >>"{JOURNAL}/{manifest.name}"\nexit "$status"'
    )
    return Job(
        item.key, item.host, backend, item.group, item.label, manifest.cwd or None,
        f"{text_of(manifest, item)}\nstatus=$?\n{end}", item.after, priority=item.priority, needs=needs,
    )  # fmt: skip


def text_of(manifest: Manifest, item: Item) -> str:
    """The bash text of an item's work, told whether it is to begin anew."""
    if "$PUEUE_SKILL_REFRESH" not in item.command:
        return item.command
    wanted = f'grep -qxF {item.key} "{JOURNAL}/{manifest.name}.refresh" 2>/dev/null'
    return f"PUEUE_SKILL_REFRESH=\nif {wanted}; then PUEUE_SKILL_REFRESH={quote.word(manifest.refresh)}; fi\nexport PUEUE_SKILL_REFRESH\n{item.command}"
