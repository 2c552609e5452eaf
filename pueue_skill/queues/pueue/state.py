"""The state of a pueue 4: a sh script that asks for it, and what pueue prints to States."""

from __future__ import annotations

import json

from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.queues.pueue.task import WAITS, errors_of, proposed
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.shell.model import Host
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.queues.literals import Result, Status


def status_script(host: Host) -> str:
    """A sh script that answers for read_status."""
    return script("queues/pueue/status", PQ_PUEUE=host.pueue or "")


def read_status(answer: str) -> Queue:
    state, load, *_ = whole_reply(answer).split("\n")
    return read_queue(state)._replace(load=load)


def read_queue(text: str) -> Queue:
    answer = json.loads(text)
    groups = [Group(name, group["parallel_tasks"], group["status"].lower()) for name, group in answer["groups"].items()]
    states = [read_task(task) for task in answer["tasks"].values()]
    return Queue(tuple(groups), tuple(sorted(states, key=lambda state: int(state.id))))


ID = regex(r"\d+")
"""What an id of a job looks like."""

RESULTS: dict[str, Result] = {
    "Success": "success",
    "Failed": "failed",
    "Killed": "killed",
    "DependencyFailed": "dependency",
    "FailedToSpawn": "spawn",
}
STATUSES: dict[str, Status] = {
    "Queued": "queued", "Stashed": "stashed", "Running": "running", "Paused": "paused", "Done": "done",
}  # fmt: skip


def read_task(entry: dict[str, Any]) -> JobState:
    """One task of pueue's JSON (its environment is not looked at)."""
    key, command = proposed(entry["command"])
    (name, times), *_ = entry["status"].items()
    if name == "Locked":
        (name, times), *_ = times["previous_status"].items()
    result: Result | None = None
    exit_code, detail = None, ""
    if name == "Done":
        said = times["result"]
        kind, value = next(iter(said.items())) if isinstance(said, dict) else (said, None)
        result = RESULTS.get(kind, "unknown")
        if kind == "Success":
            exit_code = 0
        elif kind == "Failed":
            exit_code = value
        elif kind == "FailedToSpawn":
            detail = str(value)
    return JobState(
        id=str(entry["id"]),
        key=key,
        status=STATUSES[name],
        result=result,
        exit_code=exit_code,
        detail=detail,
        group=entry["group"],
        label=entry["label"],
        cwd=entry["path"],
        command=command,
        after=tuple([str(id) for id in entry["dependencies"]]),
        created=entry["created_at"],
        started=times.get("start"),
        ended=times.get("end"),
        errors=errors_of(entry["command"]),
        due=times.get("enqueue_at"),
        waits=tuple(waits["ids"].split()) if (waits := WAITS.match(entry["command"])) else (),
    )
