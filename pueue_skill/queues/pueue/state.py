"""The state of a pueue 4: the sh script that prints it, and its JSON as a Queue."""

from __future__ import annotations

import json

from pueue_skill.queues.model import Group, JobState, Queue
from pueue_skill.queues.pueue.task import WAITS, parse_task, stderr_file
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import whole_reply
from pueue_skill.shell.model import Host
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.queues.literals import Result, Status


def status_script(host: Host) -> str:
    """Return the sh script that prints the queue; read_status parses its answer."""
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
"""The form of a job id."""

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
    """Return the state of a task in pueue's JSON, without its environment."""
    key, command = parse_task(entry["command"])
    (name, times), *_ = entry["status"].items()
    if name == "Locked":
        (name, times), *_ = times["previous_status"].items()
    result: Result | None = None
    exit_code, detail = None, ""
    if name == "Done":
        outcome = times["result"]
        kind, value = next(iter(outcome.items())) if isinstance(outcome, dict) else (outcome, None)
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
        errors=stderr_file(entry["command"]),
        due=times.get("enqueue_at"),
        waits=tuple(waits["ids"].split()) if (waits := WAITS.match(entry["command"])) else (),
    )
