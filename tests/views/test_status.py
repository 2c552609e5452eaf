"""The lines of `status` below its table."""

from __future__ import annotations

from typing import Any

import pytest

from pueue_skill.views import status


@pytest.mark.parametrize(
    ("jobs", "states", "shown"),
    [
        (["h:7"], ["done"], "h:7 was skipped because h:6 (b) was killed. Try: pueue-skill restart h:6"),
        (["h:7", "h:8"], ["done", "done"], "2 jobs were skipped because h:6 (b) was killed. Try: pueue-skill restart h:6"),
        (["h:7", "h:8"], ["done", "queued"], "2 jobs do not run because h:6 (b) was killed. Try: pueue-skill restart h:6"),
        (["h:7"], ["queued"], "h:7 does not run because h:6 (b) was killed. Try: pueue-skill restart h:6"),
    ],
)  # fmt: skip
def test_jobs_with_a_failed_dependency(jobs: list[str], states: list[str], shown: str) -> None:
    host: Any = {"jobs": [{"name": name, "status": state} for name, state in zip(jobs, states, strict=True)]}
    stuck: Any = {"kind": "dependency", "why": "h:6 (b) was killed", "fix": "pueue-skill restart h:6", "jobs": jobs}
    assert status.describe_stuck(stuck, host) == shown


def test_the_reason_of_a_host_without_answer_names_the_host_once() -> None:
    reasons = {"far": "far cannot be reached: no route", "near": "the daemon of near is not running"}
    hosts = [{"host": name, "reachable": False, "reason": reason} for name, reason in reasons.items()]
    report: Any = {"version": 1, "hosts": hosts}
    lines = [cell.text for cell in status.host_cells(report)]
    assert lines == ["far cannot be reached: no route", "near: the daemon of near is not running"]
