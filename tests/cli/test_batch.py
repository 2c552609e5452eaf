"""The actions of `batch` on hosts in memory: what they print, for people and as JSON, and their exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from memory_host import Memory, refused

from pueue_skill.cli import main
from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.configuration import settings

TEXT = """
name = "b"
hosts = ["far"]
refresh = "--from-scratch"
siblings = "s"
[phases.load]
command = "load {n} {refresh}"
label = "load-{n}"
vars.s = ["x"]
vars.n = [1, 2]
checks = [{ name = "empty", run = "true" }]
[phases.last]
command = "last"
label = "last"
after = ["load"]
"""


class Batch:
    """A manifest on hosts in memory, and the command line in this process."""

    def __init__(self, memory: Memory, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.memory, self.far, self.file, self.capsys = memory, memory.far, folder / "b.toml", capsys
        self.file.write_text(TEXT)

    def __call__(self, action: str, *words: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        return main.main(["batch", action, str(self.file), *words]), *self.capsys.readouterr()

    def json(self, schema: str, code: int, action: str, *words: str) -> dict[str, Any]:
        """Return the document that an action prints, which fits its schema."""
        status, out, err = self(action, *words, "--json")
        assert status == code, err
        document: dict[str, Any] = json.loads(out)
        assert document["version"] == 1
        jsonschema.validate(document, SCHEMAS[schema]())
        return document

    def acts(self, code: int, action: str, *words: str) -> dict[str, tuple[str, str]]:
        """Return what an action did with each job, and why, by label."""
        document = self.json("batch-acts", code, action, *words)
        assert (document["batch"], document["verb"]) == ("b", action)
        return {job["label"]: (job["did"], job["why"]) for host in document["hosts"] for job in host["jobs"]}


@pytest.fixture
def batch(
    memory: Memory, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Batch:
    known = settings.current()
    monkeypatch.setattr(settings, "current", lambda: known._replace(hosts=memory.hosts))
    return Batch(memory, tmp_path, capsys)


def test_check(batch: Batch) -> None:
    assert batch.json("batch-check", 0, "check") == {
        "version": 1,
        "file": str(batch.file),
        "batch": "b",
        "hosts": ["far"],
        "jobs": 4,
        "phases": [
            {"phase": "load", "jobs": 2, "checks": 1, "after": []},
            {"phase": "last", "jobs": 1, "checks": 0, "after": ["load"]},
        ],
        "errors": [],
    }
    assert batch("check") == (0, "", f"pueue-skill: {batch.file}: 4 jobs in 2 phases on far\n")
    batch.file.write_text('name = "b"\nhosts = ["far"]\n[phases.load]\ncommand = "load"\nlabel = "load"\n')
    assert batch("check") == (0, "", f"pueue-skill: {batch.file}: 1 job in 1 phase on far\n")


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("[phases.a]\ncommand = 'x {y}'", ["{file}: phases.a: unknown variable {y}; variables: none"]),
        (
            "[phases.a]\ncommand = 3\nafter = 4",
            [
                "{file}:2: phases.a.command: expected a string, found 3",
                "{file}:3: phases.a.after: expected a list, found 4",
                "All keys: pueue-skill schema batch",
            ],
        ),
    ],
)
def test_errors_of_a_manifest_are_in_the_document_of_check(batch: Batch, text: str, errors: list[str]) -> None:
    batch.file.write_text(text)
    errors = [error.replace("{file}", str(batch.file)) for error in errors]
    found = batch.json("batch-check", 2, "check")
    assert (found["batch"], found["phases"], found["errors"]) == (None, [], errors)
    code, out, err = batch("check")
    assert (code, out, err.removeprefix("pueue-skill: ").splitlines()) == (2, "", errors)
    assert batch("submit", "--json") == (2, "", err)


def test_submit(batch: Batch) -> None:
    labels = ["load-1", "load-2", "load:empty", "last"]
    found = batch.json("batch-acts", 0, "submit")["hosts"]
    assert [(host["host"], host["reachable"], host["reason"]) for host in found] == [("far", True, "")]
    jobs = found[0]["jobs"]
    assert [(job["label"], job["did"], job["count"]) for job in jobs] == [(label, "added", 1) for label in labels]
    assert {job["name"] for job in jobs} == {f"far:{id}" for id in batch.far.tasks}
    assert batch.acts(0, "submit") == dict.fromkeys(labels, ("present", ""))
    assert batch("submit") == (0, "far: 4 already in the queue\n", "")
    batch.far.end("load-1")
    batch.far.end("load-2", 3)
    batch.far.tasks.clear()
    assert batch.acts(1, "submit") == {
        "load-1": ("ended", "exit code 0"),
        "load-2": ("ended", "exit code 3"),
        "load:empty": ("blocked", "a dependency failed and is no longer in the queue"),
        "last": ("blocked", "a dependency failed and is no longer in the queue"),
    }
    code, out, err = batch("submit")
    assert (code, out) == (1, "far: 2 already ended, 2 blocked\n")
    assert "far: last was not added: a dependency failed and is no longer in the queue\n" in err


def test_submit_lists_changed_definitions(batch: Batch) -> None:
    batch("submit")
    batch.file.write_text(TEXT.replace('"last"\n', '"last --more"\n', 1))
    assert batch.acts(1, "submit")["last"] == ("changed", "the queue has a job with another definition")
    code, _, err = batch("submit")
    id = batch.far.task("last").id
    assert (code, err) == (
        1,
        f"pueue-skill: far: the definition of last (far:{id}) has changed. --replace resubmits it, unless it runs\n",
    )
    assert batch.acts(0, "submit", "--replace")["last"] == ("added", "")


@pytest.mark.parametrize("action", ["submit", "resume", "cancel"])
def test_a_host_that_does_not_answer_is_in_the_document(batch: Batch, action: str) -> None:
    batch.far.faults += [refused] * 8
    code, out, err = batch(action, "--json")
    (host,) = json.loads(out)["hosts"]
    assert (code, host["reachable"], host["jobs"]) == (4, False, [])
    assert host["reason"]
    assert host["reason"] in err


def failed(batch: Batch) -> None:
    """Submit the batch; load-1 fails, load-2 is killed."""
    batch("submit")
    batch.far.end("load-1", 3)
    batch.far.kill("load-2")


def test_resume(batch: Batch) -> None:
    failed(batch)
    found = batch.json("batch-acts", 1, "resume", "--dry-run")
    assert found["dry_run"]
    expected = {
        "load-1": ("left", "exit code 3: it would fail again until its cause is fixed"),
        "load-2": ("planned", "it was killed"),
        "load:empty": ("left", "a dependency is not restarted"),
        "last": ("left", "a dependency is not restarted"),
    }
    assert {job["label"]: (job["did"], job["why"]) for job in found["hosts"][0]["jobs"]} == expected
    batch.far.write("load-1", b"no column\n")
    code, out, err = batch("resume", "--dry-run")
    assert (code, out.splitlines()) == (
        1,
        [
            "far load-1: left as is: exit code 3: it would fail again until its cause is fixed",
            "far load-2: restart: it was killed",
            "far load:empty: left as is: a dependency is not restarted",
            "far last: left as is: a dependency is not restarted",
        ],
    )
    assert "far load-1: the end of its output:\nno column\n" in err
    again = f"pueue-skill: once the cause is fixed: pueue-skill batch resume {batch.file} --because internal-fix"
    assert again in err
    assert again not in batch("resume", "--dry-run", "--because", "internal-fix")[2]
    assert batch.far.task("load-2").status == "done"
    expected["load-2"] = ("restarted", "it was killed")
    assert batch.acts(1, "resume") == expected
    assert batch.far.task("load-2").status == "running"
    batch.far.end("load-2")
    assert batch.acts(0, "resume", "--because", "internal-fix") == {
        "load-1": ("restarted", "exit code 3, and its cause is fixed"),
        "load:empty": ("restarted", "its dependencies are restarted"),
        "last": ("restarted", "its dependencies are restarted"),
    }
    assert batch.acts(0, "resume") == {}
    assert batch("resume") == (0, "", "pueue-skill: no job to restart\n")


def test_resume_leaves_jobs_whose_sibling_runs(batch: Batch) -> None:
    batch("submit")
    batch.far.end("load-1", 3)
    why = "load-2 with the same s runs. Resume it afterwards"
    assert batch.acts(1, "resume", "--because", "output-fix")["load-1"] == ("left", why)
    assert f"far load-1: left as is: {why}\n" in batch("resume", "--because", "output-fix")[2]


def test_resume_counts_the_tries(batch: Batch) -> None:
    batch.file.write_text(TEXT.replace("refresh", "tries = 1\nrefresh", 1))
    failed(batch)
    assert batch.acts(1, "resume")["load-2"] == ("left", "it was started 1 time (tries)")


def test_resume_names_jobs_that_still_run(batch: Batch) -> None:
    failed(batch)
    batch.far.survivors[batch.far.task("load-2").job["key"]] = "4711"
    assert batch.acts(1, "resume")["load-2"] == ("failed", "its process 4711 still runs")
    assert "far load-2: not restarted: its process 4711 still runs. Kill it first\n" in batch("resume")[2]


def test_cancel(batch: Batch) -> None:
    batch("submit")
    batch.far.end("load-1")
    assert batch.acts(0, "cancel") == dict.fromkeys(["load-2", "load:empty", "last"], ("cancelled", ""))
    assert batch.far.statuses() == {"load-1": "success"}
    assert batch("cancel") == (0, "far: 0 jobs cancelled, 4 left as is (ended or not submitted)\n", "")


def test_cancel_includes_jobs_with_an_older_definition(batch: Batch) -> None:
    batch("submit")
    batch.far.end("load-1")
    batch.file.write_text(TEXT.replace('command = "load ', 'command = "load --more '))
    assert batch("cancel") == (0, "far: 3 jobs cancelled, 1 left as is (ended or not submitted)\n", "")
    assert batch.far.statuses() == {"load-1": "success"}


def test_log(batch: Batch) -> None:
    batch("submit")
    batch.far.end("load-1", 3)
    (job,) = batch.json("batch-status", 0, "log", "load-1")["jobs"]
    assert (job["label"], job["standing"], job["exit_code"]) == ("load-1", "failed", 3)
    assert batch("log", "load-1")[2] == "pueue-skill: far load-1: failed, exit 3\n"
    assert batch("log", "load-1", "--bytes", "5", "--json") == (
        2,
        "",
        "pueue-skill: --bytes does nothing with --json\n",
    )
    code, _, err = batch("log", "load-3")
    assert code == 2
    assert "no job is called load-3; similar names: load-2, load-1" in err


def test_watch_prints_a_document_per_change(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    batch("submit")
    steps: list[Callable[[], object]] = [
        lambda: None,  # nothing changes
        lambda: batch.far.end("load-1"),
        lambda: batch.far.end("load-2"),
        lambda: batch.far.end("load:empty", 1),
    ]
    monkeypatch.setattr("time.sleep", lambda seconds: steps.pop(0)())
    code, out, _ = batch("watch", "--json")
    documents = [json.loads(line) for line in out.splitlines()]
    for document in documents:
        jsonschema.validate(document, SCHEMAS["batch-status"]())
    assert code == 1
    assert [[job["standing"] for job in document["jobs"]] for document in documents] == [
        ["running", "running", "queued", "queued"],
        ["success", "running", "queued", "queued"],
        ["success", "success", "running", "queued"],
        ["success", "success", "failed", "dependency"],
    ]


def test_watch_prints_a_line_per_change(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    batch("submit")
    steps: list[Callable[[], object]] = [
        lambda: batch.far.end("load-1"),
        lambda: batch.far.end("load-2", 3),
    ]
    monkeypatch.setattr("time.sleep", lambda seconds: steps.pop(0)())
    assert batch("watch", "--events") == (
        1,
        "far load-1: running\nfar load-2: running\nfar load-1: succeeded\nfar load-2: failed, exit 3\n"
        "far load:empty: skipped: a dependency failed\nfar last: skipped: a dependency failed\n",
        "",
    )


def test_plan_compares_the_memory_of_jobs_with_the_host(batch: Batch) -> None:
    batch.file.write_text(
        TEXT.replace('label = "load-{n}"', 'label = "load-{n}"\nmemory = "6G"') + "[groups]\ndefault = 4\n"
    )
    _, _, err = batch("plan")
    assert err == (
        "pueue-skill: far: 4 jobs, at most 4 at once, which need 12.0 GiB of memory; the host has 8.0 GiB,"
        " enough for 1 of the largest jobs. That is 4.0 GiB too little: lower the limits of the groups\n"
        "pueue-skill: far: 8 GB\n"
    )


def test_plan_does_not_ask_a_host_without_answer_again(batch: Batch) -> None:
    batch.far.faults += [refused] * 8
    code, _, err = batch("plan")
    assert (code, err.count("cannot be reached"), "far: 4 jobs, at most 1 at once\n" in err) == (4, 1, True)
    assert "capacity" not in batch.far.calls


def test_an_unknown_phase(batch: Batch) -> None:
    code, _, err = batch("plan", "nosuch")
    assert code == 2
    assert re.fullmatch(r"pueue-skill: .*/b\.toml: unknown phase nosuch; phases: load, last\n", err)
