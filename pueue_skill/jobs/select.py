"""Names of jobs: a name as it is typed and the queues in, the jobs that bear it out, newest first.

A name is HOST:ID, a label or a key; a label and a key may stand behind `HOST:` too, and a bare id is a job of this machine. When
several jobs bear a label or key, the name means the newest; NAME~1 is the one before it, NAME~2 the one before that. Nothing here asks
a queue.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.queues.model import Queue, State
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, Host
from pueue_skill.startup.errors import UsageError
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

GENERATED = regex(r"[0-9a-f]{12}(?:-\d+)?")
"""The keys that plans and `run` make themselves."""

OLDER = regex(r"(.+)~([0-9]+)")


class Bearers(NamedTuple):
    """The jobs that a name may mean, newest first, as (host, state); `back`: how many of them are newer than the one it means."""

    jobs: tuple[tuple[str, State], ...]
    back: int = 0

    @property
    def meant(self) -> tuple[str, State] | None:
        return self.jobs[self.back] if self.back < len(self.jobs) else None


def is_id(text: str) -> bool:
    """Whether `text` is an id of a job of some queue, rather than a label."""
    return any(kind.ID.fullmatch(text) for kind in KINDS.values())


def host_of(name: str, hosts: Mapping[str, Host]) -> str:
    """The only host that can have the job called `name`, by that name alone; empty when any host may have it."""
    older = OLDER.fullmatch(name)
    host, colon, rest = (older[1] if older else name).partition(":")
    if colon and host and (host in hosts or is_id(rest) or GENERATED.fullmatch(rest)):
        return host
    return LOCAL if is_id(name) else ""


def bearers(name: str, queues: Mapping[str, Queue]) -> Bearers:
    """The jobs of `queues` that are called `name`. A job with exactly that name goes before the older job that NAME~1 would be.

    Raises UsageError where `name` is the bare id of one job of this machine and the label or key of others of it.
    """
    found = bearing(name, queues)
    older = OLDER.fullmatch(name)
    if not found and older:
        # A job has one id: what is older has a label.
        named = labelled(older[1], queues) if is_id(older[1]) else ()
        return Bearers(named or bearing(older[1], queues), int(older[2]))
    return Bearers(found)


def bearing(name: str, queues: Mapping[str, Queue]) -> tuple[tuple[str, State], ...]:
    host, colon, rest = name.partition(":")
    if colon and host in queues:
        found = with_id(rest, host, queues[host])
        if is_id(rest) and not GENERATED.fullmatch(rest):  # a key that was made may look like an id
            return found  # where it is gone, nothing takes its place
        found = found or labelled(rest, {host: queues[host]})
        if found:
            return found
    elif is_id(name) and LOCAL in queues:
        found = with_id(name, LOCAL, queues[LOCAL])
        if found:
            others = [f"{LOCAL}:{state.id}" for _, state in labelled(name, {LOCAL: queues[LOCAL]}) if state.id != name]
            if others:
                known = ", ".join(others[:3]) + (" …" if others[3:] else "")
                raise UsageError(f"{name} is the id of {LOCAL}:{name} and the label or key of {known}: write HOST:ID")
            return found
    return labelled(name, queues)


def with_id(id: str, host: str, queue: Queue) -> tuple[tuple[str, State], ...]:
    return tuple([(host, state) for state in queue.states if state.id == id])


def labelled(name: str, queues: Mapping[str, Queue]) -> tuple[tuple[str, State], ...]:
    """The jobs whose label or key is `name`, newest first."""
    found = [
        (moment(state), place, host, state)
        for host, queue in queues.items()
        for place, state in enumerate(queue.states)
        if name in (state.label, state.key)
    ]
    return tuple([(host, state) for _, _, host, state in sorted(found, key=lambda one: one[:2], reverse=True)])


def near(name: str, queues: Mapping[str, Queue]) -> list[str]:
    """Labels and keys of jobs that `name` may be a slip of, the nearest first."""
    import difflib  # not at every start

    host, colon, rest = name.partition(":")
    meant = rest if colon and host in queues else name
    known = {
        text.lower(): text
        for queue in queues.values()
        for state in queue.states
        for text in (state.label, state.key)
        if text and not is_id(text)
    }
    return [] if is_id(meant) else [known[text] for text in difflib.get_close_matches(meant.lower(), known, 5)]


def some_are(name: str, queues: Mapping[str, Queue]) -> str:
    """The end of a message that no job is called `name`: the names near it, as they are typed; empty where there are none."""
    found = near(name, queues)
    return f"; some are: {', '.join(map(quote.word, found))}" if found else ""


def moment(state: State) -> datetime:
    """When a job was created; jobs of which that is not known are the oldest."""
    import datetime as dt  # not at the start of `run`

    return dt.datetime.fromisoformat(state.created) if state.created else dt.datetime.min.replace(tzinfo=dt.UTC)
