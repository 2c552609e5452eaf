"""Resolves names of jobs: a name as typed and the queues in, the jobs with that name out, newest first. Nothing here asks a queue.

A name is HOST:ID, a label or a key; labels and keys may follow `HOST:` too, and a bare id is a job of this machine. If several jobs have a
label or key, the name means the newest; NAME~1 is the one before it, NAME~2 the one before that.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.queues.model import JobState, Queue
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
"""The keys that plans and `run` generate."""

OLDER = regex(r"(.+)~([0-9]{1,18})")


class Matches(NamedTuple):
    """The jobs that a name matches, newest first, as (host, state). `back`: how many of them are newer than the job that it means."""

    jobs: tuple[tuple[str, JobState], ...]
    back: int = 0

    @property
    def meant(self) -> tuple[str, JobState] | None:
        """The job that the name means; None if there is none."""
        return self.jobs[self.back] if self.back < len(self.jobs) else None


def is_id(text: str) -> bool:
    """Return whether `text` has the form of a job id of some kind of queue."""
    return any(kind.ID.fullmatch(text) for kind in KINDS.values())


def is_host_name(text: str) -> bool:
    """Return whether ssh can take `text` as the name of a host: it is not blank, and no option."""
    return bool(text.strip()) and not text.startswith("-")


def host_of(name: str, hosts: Mapping[str, Host]) -> str:
    """Return the host that a name determines; empty if the job may be on any host."""
    older = OLDER.fullmatch(name)
    host, colon, local_name = (older[1] if older else name).partition(":")
    if colon and host and (host in hosts or is_id(local_name) or GENERATED.fullmatch(local_name)):
        return host
    return LOCAL if is_id(name) else ""


def jobs_named(name: str, queues: Mapping[str, Queue]) -> Matches:
    """Return the jobs of `queues` called `name`. A job with exactly that name takes precedence over the older job that NAME~1 means.

    Raises UsageError if `name` is the bare id of one job of this machine and the label or key of others.
    """
    matches = newest_first(name, queues)
    older = OLDER.fullmatch(name)
    if not matches and older:
        # Only one job has an id: an older one can only have that text as its label or key.
        named = with_label_or_key(older[1], queues) if is_id(older[1]) else ()
        return Matches(named or newest_first(older[1], queues), int(older[2]))
    return Matches(matches)


def newest_first(name: str, queues: Mapping[str, Queue]) -> tuple[tuple[str, JobState], ...]:
    """Return the jobs called `name`, which does not end in ~N. Raises UsageError as jobs_named does."""
    host, colon, local_name = name.partition(":")
    if colon and host in queues:
        matches = with_id(local_name, host, queues[host])
        if is_id(local_name) and not GENERATED.fullmatch(local_name):  # a generated key may look like an id
            return matches  # no other job may take the place of an id that is gone
        matches = matches or with_label_or_key(local_name, {host: queues[host]})
        if matches:
            return matches
    elif is_id(name) and LOCAL in queues:
        matches = with_id(name, LOCAL, queues[LOCAL])
        if matches:
            others = [
                f"{LOCAL}:{state.id}"
                for _, state in with_label_or_key(name, {LOCAL: queues[LOCAL]})
                if state.id != name
            ]
            if others:
                known = ", ".join(others[:3]) + (" …" if others[3:] else "")
                raise UsageError(f"{name} is the id of {LOCAL}:{name} and the label or key of {known}: write HOST:ID")
            return matches
    return with_label_or_key(name, queues)


def with_id(id: str, host: str, queue: Queue) -> tuple[tuple[str, JobState], ...]:
    return tuple([(host, state) for state in queue.states if state.id == id])


def with_label_or_key(name: str, queues: Mapping[str, Queue]) -> tuple[tuple[str, JobState], ...]:
    """Return the jobs whose label or key is `name`, newest first."""
    matches = [
        (created_at(state), place, host, state)
        for host, queue in queues.items()
        for place, state in enumerate(queue.states)
        if name in (state.label, state.key)
    ]
    return tuple([(host, state) for _, _, host, state in sorted(matches, key=lambda row: row[:2], reverse=True)])


def similar_names(name: str, queues: Mapping[str, Queue]) -> list[str]:
    """Return labels and keys that are similar to `name`, the most similar first."""
    import difflib  # not at every start

    host, colon, local_name = name.partition(":")
    meant = local_name if colon and host in queues else name
    known = {
        text.lower(): text
        for queue in queues.values()
        for state in queue.states
        for text in (state.label, state.key)
        if text and not is_id(text)
    }
    return [] if is_id(meant) else [known[text] for text in difflib.get_close_matches(meant.lower(), known, 5)]


def suggest_similar(name: str, queues: Mapping[str, Queue]) -> str:
    """Return similar names, quoted for a shell, as the end of a message that no job is called `name`; empty if there are none."""
    matches = similar_names(name, queues)
    return f"; similar names: {', '.join(map(quote.word, matches))}" if matches else ""


def created_at(state: JobState) -> datetime:
    """Return when a job was created; the earliest possible time if that is unknown."""
    import datetime as dt  # not at the start of `run`

    return dt.datetime.fromisoformat(state.created) if state.created else dt.datetime.min.replace(tzinfo=dt.UTC)
