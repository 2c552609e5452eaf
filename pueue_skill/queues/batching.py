"""What batches are to every kind of queue: the values of the Protocol Batching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pueue_skill.startup.record import NamedTuple


class Outcome(NamedTuple):
    """What became of a job of a batch in one submission.

    `what` is new, old (it is in the queue), ended (it is no longer there, and `detail` is its exit code), changed (another
    definition of it is there, of id `detail`), held (a job that it comes after has failed and is gone) or failed. Of a pack it is
    pack: `detail` says how many of its items are new, old, ended and changed; and new, held or failed for each of its units.
    """

    key: str
    what: str
    detail: str


Reader = Callable[[str], tuple[list[Outcome], bool]]
"""Reads what became of each job that a submission came to, and whether it came to its end. Raises ValueError without an answer."""

Known = Any
"""What a submission has to know beforehand, by its queue's own account."""
