"""A kind of queue without a program: its scripts are lines of JSON, which memory_host.py executes in this process.

The module meets the Protocol Kind. A script names a request and its inputs. An answer is REPLY, one JSON value a line, and `end`, so that
every truncated answer is recognized; outputs are framed as those of every kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pueue_skill.plan.model import Job
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import Group, JobState, Queue, Submission
from pueue_skill.queues.protocol import (
    ActionReply,
    BatchRequest,
    BatchStatus,
    Capacity,
    Pack,
    Reader,
    RestartRequest,
    SubmittedItem,
    Units,
)
from pueue_skill.queues.scripts import lines_by_host, reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

END = "end"
ADD = "memory-queue add "

ALLOCATORS: tuple[str, ...] = ()
MANAGED = False
RECORDS_OUTCOMES = True
ID = re.compile(r"m\d+")
UNSUPPORTED: Mapping[str, str] = {}
GROUP_VERBS = ("kill", "pause", "start")
PACKS = False
RESTARTS_IN_PLACE = True


def script(ask: str, **inputs: Any) -> str:
    return json.dumps({"ask": ask, **inputs}) + "\n"


def values(answer: str) -> list[Any]:
    """Return the values of an answer. Raises ValueError if it is truncated."""
    *lines, end, rest = ["", *reply(answer).split("\n")]
    if (end, rest) != (END, ""):
        raise ValueError("the answer was cut off")
    return [json.loads(line) for line in lines[1:]]


def described(job: Job) -> dict[str, Any]:
    """Return a job as scripts describe it."""
    return {
        "key": job.key, "group": job.group or "default", "label": job.label, "cwd": job.cwd, "command": job.command,
        "after": job.after, "if_failed": job.if_failed, "split": job.split_output, "priority": job.priority,
    }  # fmt: skip


def state_in(value: Mapping[str, Any]) -> JobState:
    return JobState(**{name: tuple(field) if isinstance(field, list) else field for name, field in value.items()})


def queue_in(value: Mapping[str, Any]) -> Queue:
    return Queue(tuple([Group(*one) for one in value["groups"]]), tuple(map(state_in, value["states"])), value["load"])


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    if any(job.each for job in jobs):
        raise ValueError("a loop that only the shell knows is no job here")
    lines = "".join([ADD + quote.word(json.dumps(described(job))) + "\n" for job in jobs])
    return quote.heredoc(f"ssh {host.ssh} 'sh -s'", lines) if host.ssh else lines


def submissions(text: str) -> list[tuple[str, str, str]]:
    found = []
    for ssh, line in lines_by_host(text):
        words = quote.split(line.removeprefix(ADD)) if line.startswith(ADD) else None
        if words:
            found.append((ssh, json.loads(words[0])["key"], line))
    return found


def submit_script(job: Job, host: Host) -> str:
    return script("submit", job=described(job), stdin=job.stdin)


def read_submission(answer: str, job: Job) -> Submission:
    (found,) = values(answer)
    state = state_in(found["state"]) if found["state"] else None
    group = Group(*found["group"]) if found["group"] else None
    return Submission(state, found["new"], found["error"], group, tuple(found["differs"]))


def status_script(host: Host) -> str:
    return script("status")


def read_status(answer: str) -> Queue:
    (found,) = values(answer)
    return queue_in(found)


def follow_script(state: JobState, host: Host, offset: int, errors_offset: int) -> str:
    return script("follow", id=state.id, offset=offset, errors_offset=errors_offset)


def read_state(answer: str) -> JobState | None:
    found = json.loads(answer)
    return state_in(found) if found else None


def tails_script(states: Sequence[JobState], host: Host, count: int) -> str:
    return script("tails", ids=[state.id for state in states], count=count)


def failures_script(host: Host, jobs: int, count: int) -> str:
    return script("failures", jobs=jobs, count=count)


def versions_script(host: Host) -> str:
    return script("versions")


def data_folder() -> str:
    return "data=/memory\n"


def explain_failure(host: Host, code: int, stderr: str) -> str:
    return f"{host.name} gave no answer (exit code {code}): {stderr}"


def with_advice(error: str, host: Host) -> str:
    return error


def action_script(host: Host, actions: Sequence[Action], group: str = "", verb: str = "") -> str:
    wanted = [[act.call, act.state.id, act.state.created, act.state.status, act.requires] for act in actions]
    return script("act", acts=wanted, group=group, verb=verb)


def read_actions(answer: str) -> ActionReply:
    before, after, more = values(answer)
    return ActionReply(queue_in(before), queue_in(after), more["survivors"], more["files"])


def preflight_script(host: Host) -> str:
    return script("known")


def read_preflight(answer: str) -> int:
    """Return the number of submissions."""
    (count,) = values(answer)
    return int(count)


def submission(request: BatchRequest) -> tuple[str, Reader]:
    assert not any(isinstance(job, Pack) for job in request.jobs)
    jobs = [described(job) for job in request.jobs if isinstance(job, Job)]
    text = script(
        "batch",
        jobs=jobs,
        limits=request.limits,
        replace=request.replace,
        known=request.preflight,
        again=request.restarts,
    )

    def read(answer: str) -> tuple[list[SubmittedItem], bool]:
        found = []
        for line in reply(answer).split("\n")[:-1]:
            if line == END:
                return found, True
            found.append(SubmittedItem(*json.loads(line)))
        return found, False

    return text, read


def batch_script(host: Host, name: str, units: bool) -> str:
    return script("standings", name=name)


def read_batch(answer: str, units: bool) -> BatchStatus:
    queue, ended = values(answer)
    return BatchStatus(queue_in(queue), ended, set(), Units({}, set()))


def restart_script(request: RestartRequest) -> str:
    return script("restart", ids=[id for id, _ in request.tasks], from_scratch=request.from_scratch)


def read_restart(answer: str) -> tuple[dict[str, str], bool]:
    (found,) = values(answer)
    return found["survivors"], found["whole"]


def item_tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    raise NotImplementedError("there are no units here")


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    return script("cancel", ids=ids)


def capacity_script(host: Host) -> str:
    return script("capacity")


def read_capacity(answer: str) -> Capacity:
    (found,) = values(answer)
    return Capacity(found["memory"], found["limits"])
