"""Hosts with queues in memory: replacements of transport.run, feed and stream that execute the scripts of memory.py.

A job ends when the test says so. A fault applies to one call: it gets a function that executes the call's script, and returns the answer
itself. There is no process, no clock and no sleep.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import memory

from pueue_skill.hosts.transport import Done, Timeout
from pueue_skill.queues.scripts import ADDS, REPLY, end_mark
from pueue_skill.shell.model import Host

Fault = Callable[[Callable[[], bytes]], Done]

MAX_IDLE = 1000
"""The number of empty reads of a follower after which the test has forgotten to end the job."""


def refused(carry_out: Callable[[], bytes]) -> Done:
    """Fail as ssh does when it cannot connect."""
    return Done(255, b"", b"ssh: connect to host far port 22: Connection refused")


def turned_away(carry_out: Callable[[], bytes]) -> Done:
    """Fail as ssh does when the server has too many unauthenticated connections."""
    return Done(255, b"", b"kex_exchange_identification: Connection closed by remote host")


def queue_down(carry_out: Callable[[], bytes]) -> Done:
    return Done(69, b"", b"no daemon")


def cut(count: int) -> Fault:
    """Return a fault: the script is executed, and the connection breaks after `count` bytes of its answer."""
    return lambda carry_out: Done(255, carry_out()[:count], b"client_loop: send disconnect: Broken pipe")


def late(said: bytes) -> Fault:
    """Return a fault: the host has sent `said` when the timeout expires; the script is executed nevertheless."""

    def fault(carry_out: Callable[[], bytes]) -> Done:
        carry_out()
        raise Timeout("far did not answer within 30 s", said)

    return fault


class Task:
    """A job in the queue, as memory.described describes it, with its state."""

    def __init__(self, id: str, job: Mapping[str, Any], created: str, env: Mapping[str, str], stdin: bytes) -> None:
        self.id, self.job, self.created, self.env, self.stdin = id, job, created, dict(env), stdin
        self.output, self.errors = b"", b""
        self.reset()

    def reset(self) -> None:
        self.status, self.detail = "queued", ""
        self.result: str | None = None
        self.exit_code: int | None = None
        self.started: str | None = None
        self.ended: str | None = None
        self.output = self.errors = b""

    @property
    def state(self) -> dict[str, Any]:
        job = self.job
        return {
            "id": self.id, "key": job["key"], "status": self.status, "result": self.result, "exit_code": self.exit_code,
            "detail": self.detail, "group": job["group"], "label": job["label"], "cwd": job["cwd"] or "/home",
            "command": job["command"], "after": job["after"], "created": self.created, "started": self.started,
            "ended": self.ended, "errors": "errors" if job["split"] else "",
        }  # fmt: skip


class MemoryHost:
    """A host and its queue. `faults` apply to the next calls, None to none; `calls` lists the requests."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.tasks: dict[str, Task] = {}
        self.groups: dict[str, list[Any]] = {"default": ["default", 4, "running"]}
        self.groups |= {name: [name, limit, "running"] for name, limit in host.groups}
        self.exits: dict[str, list[int]] = {}
        self.survivors: dict[str, str] = {}
        self.faults: list[Fault | None] = []
        self.calls: list[str] = []
        self.idle: Callable[[], object] | None = None
        """Called whenever a follower has nothing new."""
        self.work: Callable[[], object] | None = None
        """Called before and after each call: the work of the jobs."""
        self.room: int | None = None
        """The number of a batch's jobs that are submitted before its script is stopped, once."""
        self.ids = self.ticks = self.submissions = 0

    # What a test does with the queue.

    def task(self, name: str) -> Task:
        """Return the newest job with this ID, key or label."""
        return [one for one in self.tasks.values() if name in (one.id, one.job["key"], one.job["label"])][-1]

    def add(self, command: str = "x", **more: Any) -> Task:
        """Return a new job that somebody else queued."""
        job = {
            "key": f"key{self.ids}", "group": "default", "label": None, "cwd": None, "command": command, "after": (),
            "if_failed": False, "split": False, "priority": 0, **more,
        }  # fmt: skip
        task = self.added(job)
        self.settle()
        return task

    def write(self, name: str, output: bytes = b"", errors: bytes = b"") -> None:
        task = self.task(name)
        task.output += output
        task.errors += errors

    def end(self, name: str, code: int = 0) -> None:
        """End the job with this exit code."""
        self.ends(self.task(name), "failed" if code else "success", code)

    def kill(self, name: str) -> None:
        """End the job by a signal from outside the queue."""
        self.ends(self.task(name), "killed")

    def lose(self, name: str) -> None:
        """Remove the job from the queue."""
        del self.tasks[self.task(name).id]
        self.settle()

    def statuses(self) -> dict[str, str]:
        """Return the result or status of each job, by label or key."""
        return {one.job["label"] or one.job["key"]: one.result or one.status for one in self.tasks.values()}

    # How the queue works.

    def now(self) -> str:
        self.ticks += 1
        return f"2026-01-01T{self.ticks // 3600:02}:{self.ticks // 60 % 60:02}:{self.ticks % 60:02}Z"

    def added(self, job: Mapping[str, Any], env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Task:
        self.ids += 1
        task = Task(f"m{self.ids}", job, self.now(), env or {}, stdin)
        self.tasks[task.id] = task
        self.groups.setdefault(job["group"], [job["group"], 1, "running"])
        return task

    def ends(self, task: Task, result: str, code: int | None = None) -> None:
        task.status, task.result, task.exit_code, task.ended = "done", result, code, self.now()
        if code is not None:
            self.exits.setdefault(task.job["key"], []).append(code)
        self.settle()

    def settle(self) -> None:
        """Start the jobs that may start, and skip jobs whose dependency failed."""
        for task in sorted(self.tasks.values(), key=lambda one: -one.job["priority"]):
            parents = [self.tasks[id] for id in task.job["after"] if id in self.tasks]
            if task.status != "queued":
                continue
            if not task.job["if_failed"] and any(one.result not in (None, "success") for one in parents):
                self.ends(task, "dependency")
                continue
            if not all(one.status == "done" for one in parents):
                continue
            _, limit, status = self.groups[task.job["group"]]
            taken = sum(
                one.status in ("running", "paused") and one.job["group"] == task.job["group"]
                for one in self.tasks.values()
            )
            if status == "running" and (not limit or taken < limit):
                task.status, task.started = "running", self.now()

    def queue(self) -> dict[str, Any]:
        return {
            "groups": list(self.groups.values()),
            "states": [one.state for one in self.tasks.values()],
            "load": "0.5",
        }

    # What scripts ask for.

    def answer(self, text: str, env: Mapping[str, str] | None = None, given: bytes | None = None) -> bytes:
        work = self.work or (lambda: None)
        work()
        asked = json.loads(text)
        ask = asked.pop("ask")
        if ask in ("submit", "batch", "tails", "failures"):
            answer = bytes(getattr(self, ask)(asked, env or {}, given))
        else:
            answer = answered(getattr(self, f"answer_{ask}")(**asked))
        work()
        return answer

    def submit(self, asked: Any, env: Mapping[str, str], given: bytes | None) -> bytes:
        job, mark = asked["job"], end_mark(asked["job"]["key"])
        whole = not asked["stdin"] or (given or b"").endswith(mark)
        stdin = (given or b"").removesuffix(mark)
        self.submissions += 1
        said, error, new, differs = b"", "", False, []
        there = [one for one in self.tasks.values() if one.job["key"] == job["key"]]
        if there:
            old = there[-1]
            differs = [f"has the group {old.job['group']}, not {job['group']}"] * (old.job["group"] != job["group"])
            if old.env != dict(env):
                differs.insert(0, "has another environment")
            if old.job["command"] != job["command"]:
                differs.insert(0, "runs another command")
            if asked["stdin"] and whole and stdin != old.stdin:
                differs.insert(0, "reads another input")
        elif not whole:
            error = "stdin was cut off"
        else:
            said, new = f"{ADDS}\n".encode(), True
            there = [self.added(job, env, stdin)]
            self.settle()
        group = self.groups.get(job["group"])
        state = there[-1].state if there else None
        return said + answered([{"state": state, "new": new, "error": error, "group": group, "differs": differs}])

    def answer_status(self) -> list[Any]:
        return [self.queue()]

    def tails(self, asked: Any, *_: object) -> bytes:
        written = [(id, (self.tasks[id].output + self.tasks[id].errors)[-asked["count"] :]) for id in asked["ids"]]
        frames = [b"tail %s\n%s.\n" % (id.encode(), base64.encodebytes(data)) for id, data in written]
        return f"{REPLY}\n".encode() + b"".join(frames)

    def failures(self, asked: Any, *_: object) -> bytes:
        failed = [one.id for one in self.tasks.values() if one.status == "done" and one.result != "success"]
        return self.tails({"ids": failed[-asked["jobs"] :], "count": asked["count"]})

    def answer_versions(self) -> list[Any]:
        return ["memory 1"]

    def answer_act(self, acts: list[Any], group: str, verb: str) -> list[Any]:
        before = self.queue()
        wanted = [
            (call, self.tasks[id], with_)
            for call, id, created, status, with_ in acts
            if id in self.tasks and (self.tasks[id].created, self.tasks[id].status) == (created, status)
        ]
        if group:
            self.groups[group][2] = "running" if verb == "start" else "paused"
            inside = [one for one in self.tasks.values() if one.job["group"] == group]
            wanted = [(verb, one, ()) for one in inside if one.status in ("running", "paused")]
        done: set[str] = set()
        chosen = {task.id for _, task, _ in wanted}
        for call, task, with_ in wanted:
            held = any(id not in self.tasks or (id in chosen and id not in done) for id in with_)
            if not held and not (call == "restart" and task.job["key"] in self.survivors):
                done.add(task.id)
                self.act(call, task)
        self.settle()
        return [before, self.queue(), {"survivors": self.survivors, "files": 0}]

    def act(self, call: str, task: Task) -> None:
        match call:
            case "kill" | "cancel" | "withdraw":
                self.ends(task, "killed")
            case "remove":
                del self.tasks[task.id]
            case "restart":
                task.reset()
            case "pause" | "stash":
                task.status = "paused" if call == "pause" else "stashed"
            case "start" | "enqueue":
                task.status = "running" if call == "start" else "queued"
            case _:
                raise AssertionError(call)

    def answer_known(self) -> list[Any]:
        return [self.submissions]

    def batch(self, asked: Any, env: Mapping[str, str], given: bytes | None) -> bytes:
        if asked["known"] != self.submissions:
            return f"{REPLY}\n".encode()
        self.submissions += 1
        for name, limit in asked["limits"].items():
            self.groups.setdefault(name, [name, limit, "running"])
        room, self.room = self.room, None
        there = {one.job["key"]: one for one in self.tasks.values()}
        lines = [json.dumps([job["key"], *self.item(job, asked, there)]) for job in asked["jobs"][:room]]
        self.settle()
        return "\n".join([REPLY, *lines, *([memory.END] if room is None else []), ""]).encode()

    def item(self, job: Mapping[str, Any], asked: Any, there: dict[str, Task]) -> tuple[str, str]:
        """Add a job of a batch unless its key is in `there`; return the outcome, and the ID or the reason."""
        key = job["key"]
        was = next((one for other, one in there.items() if other.rpartition(":")[0] == key.rpartition(":")[0]), None)
        if key in there:
            return "old", there[key].id
        if was and not (asked["replace"] and was.status not in ("running", "paused")):
            there[key] = was  # what depends on it, depends on this one
            return "changed", was.id
        if was:
            del self.tasks[was.id]
        elif key in self.exits:
            return "ended", str(self.exits[key][-1])
        held = [parent for parent in job["after"] if parent not in there and self.exits.get(parent, [1])[-1]]
        if held:
            return "held", held[0]
        there[key] = self.added({**job, "after": [there[one].id for one in job["after"] if one in there]})
        return "new", there[key].id

    def answer_standings(self, name: str) -> list[Any]:
        return [self.queue(), self.exits]

    def answer_restart(self, ids: list[str], from_scratch: list[str]) -> list[Any]:
        survivors = {
            key: pid for key, pid in self.survivors.items() if key in {self.tasks[id].job["key"] for id in ids}
        }
        if not survivors:
            for id in ids:
                self.tasks[id].reset()
            self.settle()
        return [{"survivors": survivors, "whole": True}]

    def answer_cancel(self, ids: list[str]) -> list[Any]:
        for id in ids:
            del self.tasks[id]
        self.settle()
        return []

    def answer_capacity(self) -> list[Any]:
        return [{"memory": 8 << 30, "limits": ["8 GB"]}]

    def frames(self, asked: Any) -> Iterator[bytes | None]:
        """Yield the output of a follow script in pieces; None if there is nothing new."""
        id, last, idle = asked["id"], "", 0
        at = {"output": asked["offset"], "error": asked["errors_offset"]}
        yield f"{REPLY}\n".encode()
        while True:
            task = self.tasks.get(id)
            state = json.dumps(task.state if task else None)
            piece = b""
            for kind, data in (("output", task.output), ("error", task.errors)) if task else ():
                begin = at[kind] if at[kind] <= len(data) else 0  # emptied by a restart
                new = data[begin:]
                at[kind] = begin + len(new)
                piece += f"{kind} {begin} {len(new)}\n".encode() + new if new else b""
            piece += f"state {state}\n".encode() if state != last else b""
            last = state
            if piece:
                yield piece
            if not task or task.status == "done":
                return
            if not piece:
                idle += 1
                assert idle < MAX_IDLE, f"nothing ends {id}"
                yield None
                if self.idle:
                    self.idle()


def answered(lines: Iterable[Any]) -> bytes:
    return "\n".join([REPLY, *map(json.dumps, lines), memory.END, ""]).encode()


class MemoryStream:
    """A running follow script; it ends with its pieces, or after `left` bytes of them if its connection breaks."""

    def __init__(self, pieces: Iterator[bytes | None], left: int | None, code: int, stderr: bytes) -> None:
        self.pieces, self.left, self.done = pieces, left, Done(code, b"", stderr)

    def read(self, timeout: float) -> bytes | None:
        if self.left == 0:
            return b""
        piece = next(self.pieces, b"")
        if self.left is not None and piece:
            piece = piece[: self.left]
            self.left -= len(piece)
        return piece

    def finish(self) -> Done:
        return self.done


class Memory:
    """All hosts of a test. `far` is reached by ssh, `near` is local."""

    def __init__(self) -> None:
        self.by_name: dict[str, MemoryHost] = {}
        self.near = self.host("near")
        self.far = self.host("far", ssh="far")

    def host(self, name: str, **more: Any) -> MemoryHost:
        self.by_name[name] = MemoryHost(Host(name, backend="memory", **more))
        return self.by_name[name]

    @property
    def hosts(self) -> dict[str, Host]:
        return {name: one.host for name, one in self.by_name.items()}

    def run(
        self,
        host: Host,
        script: str,
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        read_only: bool = False,
        new_connection: bool = False,
        on_output: Callable[[bytes], bool] | None = None,
    ) -> Done:
        """Replaces transport.run."""
        return self.call(host, script, env)

    def feed(
        self,
        host: Host,
        script: str,
        data: Iterable[bytes],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_output: Callable[[bytes], bool],
    ) -> Done:
        """Replaces transport.feed."""
        return self.call(host, script, env, b"".join(data))

    def call(self, host: Host, script: str, env: Mapping[str, str] | None, given: bytes | None = None) -> Done:
        here = self.by_name[host.name]
        here.calls.append(json.loads(script)["ask"])
        fault = here.faults.pop(0) if here.faults else None
        if fault:
            return fault(lambda: here.answer(script, env, given))
        return Done(0, here.answer(script, env, given), b"")

    @contextmanager
    def stream(self, host: Host, script: str) -> Iterator[MemoryStream]:
        """Replaces transport.stream; a fault limits the output, and says how the connection ends."""
        here = self.by_name[host.name]
        asked = json.loads(script)
        here.calls.append(asked.pop("ask"))
        fault = here.faults.pop(0) if here.faults else None
        if not fault:
            yield MemoryStream(here.frames(asked), None, 0, b"")
            return
        done = fault(lambda: b"." * (1 << 20))
        yield MemoryStream(here.frames(asked), len(done.stdout), done.code, done.stderr)
