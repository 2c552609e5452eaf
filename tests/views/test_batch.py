"""Tables of batches: jobs of a batch in, cells and words out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pueue_skill.views import batch as batch_view
from pueue_skill.views.reports import BatchJobReport, BatchReport


def job(key: str, phase: str, standing: str, *after: str, host: str = "h") -> BatchJobReport:
    return {
        "key": key, "pack": "", "name": "", "host": host, "phase": phase, "kind": "job", "label": f"label-{key}", "group": "g",
        "standing": standing, "exit_code": 3 if standing == "failed" else None, "tries": 1, "after": list(after),
    }  # fmt: skip


def report(*jobs: BatchJobReport) -> BatchReport:
    return {"version": 1, "batch": "b", "unreachable": {}, "phases": [], "jobs": list(jobs)}


def printed(renderable: object) -> str:
    console = Console(width=160, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("counts", "bar"),
    [
        ((0, 0, 0, 10), "··········"),
        ((10, 0, 0, 10), "██████████"),
        ((5, 1, 2, 10), "█████!▒▒··"),
        ((998, 1, 1, 1000), "██████████"),
        ((0, 1, 1, 1000), "!▒········"),
        ((0, 0, 0, 0), "··········"),
    ],
)
def test_progress_bar(counts: tuple[int, int, int, int], bar: str) -> None:
    assert batch_view.progress_bar(*counts) == bar


def test_a_failed_job_is_listed_with_the_phases_that_it_blocks() -> None:
    failed = job("a", "load", "failed")
    skipped = job("b", "check", "dependency", "a"), job("c", "merge", "dependency", "b")
    elsewhere = job("d", "other", "dependency", "a", host="h2")
    text = printed(batch_view.status(report(failed, *skipped, elsewhere)))
    assert "h label-a: failed, exit 3; it blocks check, merge\n" in text


def test_a_long_phase_is_cut() -> None:
    parents = [job(f"p{n}", "first", "success") for n in range(5)]
    many = [job(f"{n}", "second", "dependency", *[parent["key"] for parent in parents]) for n in range(60)]
    text = printed(batch_view.table(report(*parents, *many)))
    assert text.count("label-p0, label-p1, label-p2 and 2 more") == batch_view.MAX_ROWS
    assert "and 10 more (--json shows all)" in text
    assert "skipped: a dependency" in text
