"""The contract of every kind of queue: tests for modules with a fixture `place`, which use real queues in e2e/ and one in memory."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import jsonschema
from real import until

from pueue_skill.cli.schemas import SCHEMAS

__all__ = [
    "test_a_job_comes_after_another",
    "test_a_job_is_found_by_label_and_its_end_and_output_by_its_name",
    "test_dependencies_by_label_and_key",
    "test_json_of_jobs_that_are_submitted_and_waited_for",
    "test_killed_started_again_and_cleaned",
    "test_the_last_lines_of_an_output",
    "test_the_newest_job_of_a_name_is_meant",
    "test_what_comes_after_a_failure_does_not_run",
    "test_what_waits_is_put_aside_and_taken_up_again",
]


class Place(Protocol):
    """A host with a queue, and its client's command line. Jobs may use `echo`, `exit`, `sleep`, and wait for a file."""

    name: str
    folder: Path
    """The working directory of the jobs."""

    def __call__(self, *words: str) -> subprocess.CompletedProcess[bytes]: ...

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]: ...

    def queue(self, *words: str, label: str, command: str) -> str:
        """Return the ID of a new job that nobody waits for."""
        ...

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return the jobs of the host by their ids."""
        ...

    def reaches(self, id: str, status: str, result: str | None = None) -> dict[str, Any]:
        """Return the job once it has this status and result."""
        ...

    def named(self, label: str) -> list[dict[str, Any]]: ...


def test_a_job_is_found_by_label_and_its_end_and_output_by_its_name(place: Place) -> None:
    label = "l" + os.urandom(4).hex()
    id = place.queue(label=label, command="echo out; echo err >&2; exit 5")
    job = place.reaches(id, "done", "failed")
    assert (job["exit_code"], job["label"], job["cwd"]) == (5, label, str(place.folder))
    assert job["command"] == "echo out; echo err >&2; exit 5"
    assert place("wait", "--host", place.name, "--label", label).returncode in (1, 5)
    assert place("wait", f"{place.name}:{id}").returncode == 5
    assert place("log", f"{place.name}:{id}").stdout == b"out\nerr\n"


def test_a_job_comes_after_another(place: Place) -> None:
    first = place.queue(label="first", command="sleep 1; echo 1 >> ran")
    second = place.queue("--after", f"{place.name}:{first}", label="second", command="echo 2 >> ran")
    place.reaches(second, "done", "success")
    assert (place.folder / "ran").read_text() == "1\n2\n"


def test_dependencies_by_label_and_key(place: Place) -> None:
    """A label means its newest job, NAME~1 the one before it. An unknown name keeps the job out of the queue."""
    label, key = "l" + os.urandom(4).hex(), "k" + os.urandom(4).hex()
    ids = [place.queue(label=label, command=f"sleep 0.5; echo {i} >> ran") for i in (1, 2)]
    keyed = place.queue("--key", key, label="keyed", command="echo 3 >> ran")
    after = ["--after", label, "--after", f"{label}~1", "--after", key]
    last = place.queue(*after, label="last", command="echo last >> ran")
    job = place.reaches(last, "done", "success")
    assert sorted(job["after"]) == sorted([f"{place.name}:{id}" for id in (*ids, keyed)])
    assert (place.folder / "ran").read_text().split()[-1] == "last"
    count = len(place.jobs())
    for unknown in (f"{label}~2", "no-such-label", f"{place.name}:99999", f"elsewhere:{ids[0]}"):
        done = place.run("--after", unknown, "--detach", "--", "echo never >> ran")
        assert (done.returncode, done.stdout) == (125, b""), done.stderr
        assert f"not queued: --after {unknown}".encode() in done.stderr
    assert len(place.jobs()) == count


def test_the_newest_job_of_a_name_is_meant(place: Place) -> None:
    label = "l" + os.urandom(4).hex()
    codes = (3, 4, 5)
    ids = [place.queue(label=label, command=f"echo {code}; exit {code}") for code in codes]
    for id in ids:
        place.reaches(id, "done", "failed")
    assert [place("wait", name).returncode for name in (label, f"{label}~1", f"{label}~2")] == [5, 4, 3]
    assert place("log", f"{place.name}:{label}~1").stdout == b"4\n"
    assert place("clean", f"{place.name}:{label}~1").returncode == 0
    assert [place("log", name).stdout for name in (label, f"{label}~1")] == [b"5\n", b"3\n"]


def test_what_comes_after_a_failure_does_not_run(place: Place) -> None:
    first = place.queue(label="first", command="until [ -e go ]; do sleep 0.1; done; exit 3")
    second = place.queue("--after", f"{place.name}:{first}", label="second", command="echo 2 >> ran")
    third = place.queue("--after", f"{place.name}:{second}", label="third", command="echo 3 >> ran")
    assert place.jobs()[third]["status"] == "queued"
    (place.folder / "go").touch()
    place.reaches(third, "done", "dependency")
    place.reaches(second, "done", "dependency")
    assert not (place.folder / "ran").exists()


def test_killed_started_again_and_cleaned(place: Place) -> None:
    label = "l" + os.urandom(4).hex()
    id = place.queue(label=label, command="echo ran >> ran; until [ -e go ]; do sleep 0.1; done; echo end")
    until((place.folder / "ran").exists, "the job", 20)
    name = f"{place.name}:{id}"
    assert place("clean", name).returncode == 1  # it runs
    assert place("restart", name).returncode == 1
    done = place("kill", name)
    assert done.returncode == 0, done.stderr
    place.reaches(id, "done", "killed")
    assert place("wait", name).returncode == 137
    (place.folder / "go").touch()
    chosen = ["--host", place.name, "--label", label]
    done = place("restart", *chosen)
    assert (done.returncode, len(place.named(label))) == (0, 1), done.stderr
    until(lambda: place.named(label)[0]["result"] == "success", "the second run", 30)
    (job,) = place.named(label)
    assert place("log", job["name"]).stdout == b"end\n"
    assert (place.folder / "ran").read_text() == "ran\nran\n"
    assert place("clean", *chosen).returncode == 0
    assert place.named(label) == []


def test_what_waits_is_put_aside_and_taken_up_again(place: Place) -> None:
    first = place.queue(label="first", command="until [ -e go ]; do sleep 0.1; done")
    id = place.queue("--after", f"{place.name}:{first}", label="second", command="echo ran >> ran")
    assert place("pause", f"{place.name}:{id}").returncode == 0
    assert place.jobs()[id]["status"] == "stashed"
    (place.folder / "go").touch()
    place.reaches(first, "done", "success")
    assert place.jobs()[id]["status"] == "stashed"
    assert place("start", f"{place.name}:{id}").returncode == 0
    place.reaches(id, "done", "success")


def document(done: subprocess.CompletedProcess[bytes], schema: str) -> dict[str, Any]:
    """Return what a command printed with --json, after it was validated."""
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMAS[schema]())
    return found


def test_json_of_jobs_that_are_submitted_and_waited_for(place: Place) -> None:
    label, key = "l" + os.urandom(4).hex(), "k" + os.urandom(4).hex()
    command = ["--key", key, "--label", label, "--", "until [ -e go ]; do sleep 0.1; done; echo out; exit 3"]
    submitted = place.run("--detach", "--json", *command)
    first = document(submitted, "run")
    assert (submitted.returncode, first["host"], first["already_queued"]) == (0, place.name, False)
    assert (first["job"]["name"], first["job"]["key"]) == (f"{place.name}:{first['id']}", key)
    stopped = place.run("--wait", "0", "--json", "--quiet", *command)
    assert stopped.returncode == 75, stopped.stderr
    again = document(stopped, "run")
    assert (again["id"], again["already_queued"]) == (first["id"], True)
    assert stopped.stderr.count(b"\n") == 1
    assert b" is still " in stopped.stderr
    assert again["job"]["status"] in ("queued", "running")
    other = place.queue(label=label, command="echo other")
    (place.folder / "go").touch()
    ended = place.run("--follow", "--json", *command)
    assert ended.returncode == 3
    assert b"out\n" in ended.stderr
    job = document(ended, "run")["job"]
    assert (job["status"], job["result"], job["exit_code"], job["label"]) == ("done", "failed", 3, label)
    one = place("wait", "--json", job["name"])
    assert (one.returncode, document(one, "jobs")["jobs"]) == (3, [job])
    both = place("wait", "--json", "--host", place.name, "--label", label)
    results = {job["name"]: job["result"] for job in document(both, "jobs")["jobs"]}
    assert (both.returncode, results) == (1, {job["name"]: "failed", f"{place.name}:{other}": "success"})
    assert place("wait", "--quiet", "--host", place.name, "--label", label).stdout == b""


def test_the_last_lines_of_an_output(place: Place) -> None:
    label = "l" + os.urandom(4).hex()
    id = place.queue(
        label=label, command="echo one; echo two; echo three; until [ -e go ]; do sleep 0.1; done; echo four"
    )
    name = f"{place.name}:{id}"
    until(lambda: place("log", name).stdout.count(b"\n") == 3, "the output", 20)
    assert place("log", "-n", "2", name).stdout == b"two\nthree\n"
    assert place("log", "-n", "9", name).stdout == b"one\ntwo\nthree\n"
    (place.folder / "go").touch()
    place.reaches(id, "done", "success")
    assert place("log", "--follow", "--lines", "1", name).stdout == b"four\n"
    assert place("log", "--lines", "3", name).stdout == b"two\nthree\nfour\n"
