"""Answers of each kind of queue's scripts, with the member that parses them: a table for the contract."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import memory
from memory_host import MemoryHost

from pueue_skill.plan.model import Job
from pueue_skill.queues.pueue.task import task
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.slurm.submit import metadata_of
from pueue_skill.shell.model import Host

REPLY = "pueue-skill reply"
END = "pueue-skill end"


class Sample(NamedTuple):
    """A complete answer about two jobs, k1 (exit code 3) and k2, and the member that parses it."""

    answer: str
    read: Callable[[str], Any]


def job(kind: str) -> Job:
    return Job("k1", "h", kind, None, "one", "/work", "echo 1")


def lines(*texts: str) -> str:
    return "".join([text + "\n" for text in texts])


def pueue() -> dict[str, Sample]:
    def entry(id: int, key: str, status: dict[str, Any]) -> dict[str, Any]:
        command = task(job("pueue")._replace(key=key))[0]
        return {
            "id": id, "created_at": f"2026-01-01T00:00:0{id}Z", "original_command": command, "command": command,
            "path": "/work", "envs": {"LANG": "C"}, "group": "default", "dependencies": [], "priority": 0, "label": "one",
            "status": status,
        }  # fmt: skip

    done = {"Done": {"enqueued_at": "x", "start": "x", "end": "x", "result": {"Failed": 3}}}
    tasks = {"1": entry(1, "k1", done), "2": entry(2, "k2", {"Running": {"enqueued_at": "x", "start": "x"}})}
    groups = {"default": {"status": "Running", "parallel_tasks": 2}}
    queue = json.dumps({"tasks": tasks, "groups": groups}, separators=(",", ":"))
    folder = base64.b64encode(b"/work").decode()
    kind = KINDS["pueue"]
    return {
        "read_submission": Sample(
            lines(REPLY, "0", queue, queue, folder, "LANG=C", "HOME=/home", END),
            lambda answer: kind.read_submission(answer, job("pueue")),
        ),
        "read_status": Sample(lines(REPLY, queue, "0.50", END), kind.read_status),
        "read_actions": Sample(lines(REPLY, "survivor 4711 k3", "files 2", queue, queue, END), kind.read_actions),
        "read_batch": Sample(
            lines(REPLY, queue, "ended k1 3 1767225600", "ended k3 0 1767225600", "", END),
            lambda answer: kind.read_batch(answer, False),
        ),
        "read_capacity": Sample(lines(REPLY, "8589934592", END), kind.read_capacity),
    }


def slurm() -> dict[str, Sample]:
    kind = KINDS["slurm"]
    tries = [
        f"try|{key}#1|10{id}|1|-||L3dvcms=|{metadata_of(job('slurm')._replace(key=key), 2)}\nid|{key}#1|{id}"
        for id, key in ((1, "k1"), (2, "k2"))
    ]
    look = [*tries, "ended|1|k1|3|100|101|k1#1", "job|2|RUNNING|None||102|103||n1|pueue-skill k2#1|one|"]
    again, environment = "pueue-skill there before", ("LANG=C", "HOME=/home")
    submitted = lines(REPLY, "old 0 1", *look, again, "L3dvcms=", *environment, again, *environment, END)
    return {
        "read_submission": Sample(submitted, lambda answer: kind.read_submission(answer, job("slurm"))),
        "read_status": Sample(lines(REPLY, "load|0.50", *look, END), kind.read_status),
        "read_actions": Sample(lines(REPLY, "files 0", *look, "AFTER", *look, END), kind.read_actions),
        "read_preflight": Sample(lines(REPLY, "1001", *look, END), kind.read_preflight),
        "read_batch": Sample(lines(REPLY, "load|", *look, END), lambda answer: kind.read_batch(answer, False)),
        "read_capacity": Sample(lines(REPLY, "limit|MaxArraySize|1001", END), kind.read_capacity),
    }


def of_memory() -> dict[str, Sample]:
    host = MemoryHost(Host("h", backend="memory"))
    kind = memory
    first = job("memory")
    asked = {"read_submission": kind.submit_script(first, host.host)}
    asked["read_submission"] = answer = host.answer(asked["read_submission"]).decode()
    host.end("k1", 3)
    host.add(key="k2")
    acts = kind.action_script(host.host, [])
    return {
        "read_submission": Sample(answer, lambda answer: kind.read_submission(answer, first)),
        **{
            name: Sample(host.answer(script).decode(), read)
            for name, script, read in [
                ("read_status", kind.status_script(host.host), kind.read_status),
                ("read_actions", acts, kind.read_actions),
                ("read_preflight", kind.preflight_script(host.host), kind.read_preflight),
                (
                    "read_batch",
                    kind.batch_script(host.host, "b", False),
                    lambda answer: kind.read_batch(answer, False),
                ),
                ("read_capacity", kind.capacity_script(host.host), kind.read_capacity),
            ]
        },
    }


SAMPLES: dict[str, Callable[[], dict[str, Sample]]] = {"pueue": pueue, "slurm": slurm, "memory": of_memory}
