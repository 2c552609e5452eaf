"""Each submission is reported once: the same text submitted again is another job with the same key."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from real import Daemon, until

from pueue_skill.jobs import news
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell.model import Host
from pueue_skill.state import database, sessions
from pueue_skill.state.sessions import Submitted

NOW = 1_800_000_000.0
TRAIN = "python train.py --seed 1"


def at(seconds: float) -> str:
    return news.stamp(NOW + seconds)


def task(id: str, key: str = "k", seconds: float = 0, status: str = "running") -> JobState:
    return JobState(id, key, status, None, None, "", "default", None, "/", "true", (), at(seconds), None, None)  # type: ignore[arg-type]


def submission(number: int, key: str = "k", seconds: float = 0, **changes: Any) -> Submitted:
    made = Submitted("local", key, "", "", "pueue", "s", "/p", "x", NOW + seconds, number=number)
    return made._replace(**changes)


def job(number: int, id: str, key: str = "k", seconds: float = 0) -> Submitted:
    return submission(number, key, seconds, id=id, created=at(seconds))


CASES: dict[str, tuple[list[Submitted], list[JobState], list[JobState], list[str], set[int]]] = {
    # what is open, what is in the queue, which of it was known before; what is found as NUMBER>ID, who is served
    "one": ([submission(1)], [task("0")], [], ["0>0"], {1}),
    "not there yet": ([submission(1)], [], [], ["1>-"], set()),
    "twice": ([submission(1), submission(2, seconds=9)], [task("0"), task("1", seconds=9)], [], ["0>0", "0>1"], {1, 2}),
    "twice in one command": ([submission(1)], [task("0"), task("1")], [], ["0>0", "0>1"], {1}),
    "submitted, but not noted yet": ([submission(1)], [task("0"), task("1", seconds=9)], [], ["0>0"], {1}),
    "again": ([submission(2, seconds=9)], [task("0"), task("1", seconds=9)], [task("0")], ["0>1"], {2}),
    "again, the first one open": (
        [job(1, "0"), submission(2, seconds=9)], [task("0"), task("1", seconds=9)], [task("0")], ["1>0", "0>1"], {2},
    ),
    "again, not there yet": ([submission(2, seconds=9)], [task("0")], [task("0")], ["2>-"], set()),
    "an id that was used again": (
        [submission(2, seconds=9)], [task("0", seconds=9)], [task("0", seconds=1)], ["0>0"], {2},
    ),
    "told by two hooks": ([submission(2, seconds=-200)], [task("0", seconds=-201)], [task("0", seconds=-201)], [], {2}),
    "told by two hooks at once": ([submission(1), submission(2)], [task("0")], [], ["0>0", "2>-"], {1}),
    "lost": ([submission(1, seconds=-200)], [], [], ["1>-"], set()),
    "what somebody did long ago": ([submission(1)], [task("0", seconds=-9000)], [], ["1>-"], set()),
    "the iterations of a loop": ([submission(1)], [task("0", "k-1"), task("1", "k-2")], [], ["0>0", "0>1"], {1}),
    "the loop again": (
        [submission(2, seconds=9)], [task("0", "k-1"), task("1", "k-1", 9)], [task("0", "k-1")], ["0>1"], {2},
    ),
    "a job whose key looks like a turn": (
        [submission(1), submission(2, "k-2")], [task("0"), task("1", "k-2")], [], ["0>0", "0>1"], {1, 2},
    ),
    "a job that is gone": ([job(1, "0")], [task("1", "other")], [task("0")], ["1>-"], set()),
    "a job that was started again by hand": ([job(1, "0")], [task("4", seconds=9)], [task("0")], ["1>4"], set()),
    "another's job": ([submission(1)], [task("0", "other")], [], ["1>-"], set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_jobs_of_a_submission(case: str) -> None:
    jobs, queue, known, expected, served = CASES[case]
    found, done = news.match_states(jobs, Queue((), tuple(queue)), {news.identity(one) for one in known}, NOW + 10)
    assert [f"{one.number}>{state.id if state else '-'}" for one, state in found] == expected
    assert done == served


class Session:
    """A session of an agent that runs commands on a real daemon, and its hooks."""

    def __init__(self, daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.heard: list[str] = []
        for name, value in daemon.env.items():
            if name != "HOME":
                monkeypatch.setenv(name, value)

    def hook(self, event: str, **fields: Any) -> str:
        payload = {
            "hook_event_name": event,
            "session_id": "s",
            "cwd": str(self.folder),
            "transcript_path": "/t",
            **fields,
        }
        done = subprocess.run(["pueue-skill", "hook", event], input=json.dumps(payload), capture_output=True, text=True, timeout=60)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def runs(self, text: str) -> list[str]:
        """Runs a command as the agent's shell does; the ids that it printed."""
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, cwd=self.folder, check=True)
        said = self.hook("PostToolUse", tool_name="Bash", tool_input={"command": text}, tool_response={}, duration_ms=5)
        self.heard += re.findall(r"(?:^|- )(local:\d+)", said)  # of earlier jobs
        return done.stdout.split()

    def told(self, count: int) -> list[str]:
        """Wait until the session has been notified of `count` jobs, and return their names. Fails if there are more."""

        def asked() -> bool:
            silent = news.refresh({"local": Host("local")}, sessions.open_jobs())
            new = sessions.claim("s", str(self.folder))
            sessions.confirm("s", new)
            self.heard += [one.name for one in new]
            return not silent and len(self.heard) >= count

        until(asked, f"{count} ends, not {self.heard}", 30)
        assert sessions.claim("s", str(self.folder)) == []
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
def session(pueued: Daemon, queues_as_before: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(pueued, tmp_path, monkeypatch)


def suggested(text: str) -> str:
    done = subprocess.run(["pueue-skill", "suggest", text], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_repeated_invocation_is_reported_again(session: Session) -> None:
    text = suggested(TRAIN)
    (first,) = session.runs(text)
    assert session.told(1) == [f"local:{first}"]
    (second,) = session.runs(text)
    assert second != first
    assert session.told(1) == [f"local:{second}"]
    assert not sessions.open_jobs()


def test_two_submissions_before_the_first_query(session: Session) -> None:
    text = suggested(TRAIN)
    ids = [*session.runs(text), *session.runs(text), *session.runs(text * 2)]
    assert len(ids) == 4
    assert sorted(session.told(4)) == sorted([f"local:{id}" for id in ids])
    assert not sessions.open_jobs()


def test_an_id_is_used_again_after_a_clean(session: Session, pueued: Daemon) -> None:
    text = suggested(TRAIN)
    (first,) = session.runs(text)
    session.told(1)
    pueued.pueue("remove", first)
    (second,) = session.runs(text)
    assert second == first
    assert session.told(1) == [f"local:{second}"]


def test_a_repeated_loop(session: Session) -> None:
    text = suggested("for s in $(printf '1 2'); do python train.py $s; done")
    for _ in range(2):
        ids = session.runs(text)
        assert sorted(session.told(2)) == sorted([f"local:{id}" for id in ids])


def test_log_and_wait_by_the_key_of_both(session: Session) -> None:
    text = suggested(TRAIN)
    (key,) = {line.split("PUEUE_SKILL_KEY=")[1].split()[0] for line in text.splitlines() if "PUEUE_SKILL_KEY=" in line}
    ids = [*session.runs(text), *session.runs(text)]
    for name, id in ((key, ids[1]), (f"{key}~1", ids[0]), (f"local:{key}", ids[1])):
        shown = subprocess.run(["pueue-skill", "log", "--json", name], capture_output=True, text=True, check=True)
        assert json.loads(shown.stdout)["jobs"][0]["name"] == f"local:{id}"


def test_jobs_that_the_session_waited_for_are_not_reported(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nobody has asked the queue since it was submitted; the other job of the key is."""
    monkeypatch.setenv("PUEUE_SKILL_SESSION", "s")
    (session.folder / "train.py").write_text(
        "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)\nexit(2)"
    )
    text = suggested(TRAIN)
    first, second = [*session.runs(text), *session.runs(text)]
    (session.folder / "go").touch()
    done = subprocess.run(["pueue-skill", "wait", f"local:{second}"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "")
    assert session.told(1) == [f"local:{first}"]


def test_a_second_run_of_a_key_reports_nothing_new(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUEUE_SKILL_SESSION", "s")
    run = ["pueue-skill", "run", "--key", "once-" + session.folder.name, "--detach", "--", "exit 5"]
    names = [subprocess.run(run, capture_output=True, text=True, check=True, cwd=session.folder).stdout.strip() for _ in range(2)]  # fmt: skip
    assert names[0] == names[1]
    assert session.told(1) == names[:1]
    subprocess.run(run, capture_output=True, check=True, cwd=session.folder)
    assert not sessions.open_jobs()
    assert sessions.claim("s", str(session.folder)) == []


def test_a_restarted_job_is_reported_again_and_its_twin_is_not(session: Session) -> None:
    text = suggested(TRAIN)
    first, second = [*session.runs(text), *session.runs(text)]
    assert len(session.told(2)) == 2
    subprocess.run(["pueue-skill", "restart", f"local:{first}"], check=True, capture_output=True, timeout=60)
    assert session.told(1) == [f"local:{first}"]
    subprocess.run(["pueue-skill", "clean", f"local:{first}"], check=True, capture_output=True, timeout=60)
    done = subprocess.run(["pueue-skill", "status", "--json"], capture_output=True, text=True, check=True)
    assert [one["name"] for one in json.loads(done.stdout)["hosts"][0]["jobs"] if one["command"] == TRAIN] == [f"local:{second}"]  # fmt: skip


def test_a_key_on_another_host_is_refused(pueued: Daemon, bigblack: object, tmp_path: Path, home: Path) -> None:
    env = pueued.env | {"XDG_DATA_HOME": str(home / "data")}
    key = f"where-{tmp_path.name}-{time.monotonic_ns()}"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["pueue-skill", "run", *words, "--key", key, "--follow", "--", "exit 6"]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    first = run("--host", "bigblack")
    assert first.returncode == 6, first.stderr
    refused = run()
    assert refused.returncode == 125
    assert f"the key {key} belongs to bigblack:" in refused.stderr
    assert "(failed, exit 6); it is on bigblack, not local" in refused.stderr
    assert run("--host", "bigblack").returncode == 6
    name = refused.stderr.split("belongs to ")[1].split(",")[0]
    subprocess.run(["pueue-skill", "clean", name], env=env, check=True, capture_output=True, timeout=60)
    assert run().returncode == 6  # the queue is what remembers


def test_a_store_of_an_older_version_is_kept(home: Path) -> None:
    file = database.path()
    file.parent.mkdir(parents=True)
    columns = [name for name in Submitted._fields if name != "number"]
    rows = [submission(0, f"k{i}")._replace(id=str(i), created="c", state=state) for i, state in enumerate(("open", "failed", "success"))]  # fmt: skip
    with closing(sqlite3.connect(file)) as connection, connection:
        names = ", ".join([f'"{name}"' for name in columns])
        connection.execute(f"create table jobs ({names}, primary key (host, key)) without rowid")
        connection.execute("create index jobs_by_state on jobs (state)")
        connection.execute("create table told (session, host, key, what, pid, at, primary key (session, host, key, what)) without rowid")  # fmt: skip
        connection.executemany(f"insert into jobs values ({', '.join('?' * len(columns))})", [row[:-1] for row in rows])  # noqa: S608
        connection.execute("insert into told values ('s', 'local', 'k2', 'end', null, 1)")
        connection.execute("pragma user_version = 5")
    assert [one.key for one in sessions.open_jobs()] == ["k0"]
    assert [one.key for one in sessions.claim("s", "/p")] == ["k1"]
    sessions.record_submission(submission(0, "k0"))
    assert [one.key for one in sessions.open_jobs()] == ["k0", "k0"]
