"""A queue of any size as pueue 4.0.4 prints it, for tests of speed with many jobs."""

from __future__ import annotations

import datetime as dt
from typing import Any

RUNNING = 8


def sample(count: int, ended: int | None = None) -> dict[str, Any]:
    """Return `count` tasks in two groups: of the first `ended` (default: half) every tenth failed, the next 8 run, the rest are queued."""
    ended = count // 2 if ended is None else ended
    begin = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
    tasks = {}
    for id in range(count):
        start, end = (
            f"{begin + dt.timedelta(seconds=2 * (id + more)):%Y-%m-%dT%H:%M:%S}.123456789Z" for more in (0, 3)
        )
        times = {"enqueued_at": start, "start": start}
        if id < ended:
            status: Any = {"Done": times | {"end": end, "result": {"Failed": 3} if id % 10 == 0 else "Success"}}
        else:
            status = {"Running": times} if id < ended + RUNNING else {"Queued": {"enqueued_at": start}}
        work = f"env PUEUE_SKILL_KEY=key{id} bash -c 'uv run python populate.py --symbol S{id}' </dev/null; exit"
        tasks[str(id)] = {
            "id": id, "created_at": start, "original_command": work, "command": work, "path": "/home/dev/project", "envs": {},
            "group": ("p1", "p2")[id % 2], "dependencies": [], "priority": 0, "label": f"S{id}@250", "status": status,
        }  # fmt: skip
    groups = {name: {"status": "Running", "parallel_tasks": 4} for name in ("p1", "p2")}
    return {"tasks": tasks, "groups": groups}
