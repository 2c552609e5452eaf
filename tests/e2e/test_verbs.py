"""`kill`, `restart`, `clean`, `pause`, `start`, and the selection of `log` and `wait`: on real queues, local and over ssh.

Each test has a separate group on every host, so tests do not affect each other.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from real import Daemon, Host, strays, until

from pueue_skill.hosts.transport import run
from pueue_skill.jobs import actions as job_actions
from pueue_skill.jobs.actions import Selector
from pueue_skill.queues.actions import Action
from pueue_skill.queues.literals import Status
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.queues.protocol import ActionReply
from pueue_skill.queues.pueue.actions import action_script, read_actions
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.shell import model

CONFIG = """
[hosts.bigblack]
[hosts.littleblack]
"""
DOWN = '[hosts.nowhere]\nssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"\n'
numbers = itertools.count()


class Stage:
    """The two hosts with an empty group for the test, and the command line."""

    def __init__(self, local: Daemon, hosts: dict[str, Host], folder: Path) -> None:
        self.hosts, self.group = hosts, f"v{next(numbers)}"
        self.config = folder / "pueue-skill/config.toml"
        self.config.parent.mkdir()
        self.config.write_text(CONFIG)
        self.env = local.env | {"XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder), "COLUMNS": "100"}
        for host in hosts.values():
            host.pueue("group", "add", "--parallel", "2", self.group)

    def __call__(self, *words: str, code: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pueue-skill", *words],
            env=self.env | options.pop("env", {}),
            capture_output=True,
            text=True,
            timeout=60,  # type: ignore[operator]
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def add(self, host: str, command: str, *options: str) -> int:
        return int(self.hosts[host].pueue("add", "-p", "-g", self.group, *options, "--", command))

    def status(self, host: str, id: int) -> str:
        return self.hosts[host].status(id)

    def reaches(self, host: str, id: int, status: str) -> None:
        self.hosts[host].reaches(id, status)

    def close(self) -> None:
        for host in self.hosts.values():
            host.remove_group(self.group)


@pytest.fixture
def stage(pueued: Daemon, bigblack: Host, littleblack: Host, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(pueued, {"bigblack": bigblack, "littleblack": littleblack}, tmp_path)
    yield stage
    stage.close()


def test_kill_ends_a_running_job_and_the_next_job_starts(stage: Stage) -> None:
    first, second = stage.add("bigblack", "sleep 100", "-l", "first"), stage.add("bigblack", "sleep 100")
    third = stage.add("bigblack", "sleep 100")
    stage.reaches("bigblack", second, "Running")
    done = stage("kill", f"bigblack:{first}")
    assert done.stdout == f"bigblack:{first} (first) killed\n"
    assert stage.hosts["bigblack"].result(first) == "Killed"
    stage.reaches("bigblack", third, "Running")
    assert stage("kill", f"bigblack:{first}").stderr.endswith("is left as is: it has already ended\n")


def test_killing_a_group_reports_that_it_stays_paused(stage: Stage) -> None:
    jobs = {host: [stage.add(host, "sleep 100") for _ in range(3)] for host in stage.hosts}
    for host, (_, second, _) in jobs.items():
        stage.reaches(host, second, "Running")
    done = stage("kill", "--group", stage.group)
    for host, (first, second, third) in jobs.items():
        assert f"{host}: group {stage.group} paused" in done.stdout
        assert f"{host}:{first} killed" in done.stdout
        assert f"{host}:{second} killed" in done.stdout
        assert stage.status(host, third) == "Queued"
        offer = f"pueue-skill start --host {host} --group {stage.group}"
        assert f"group {stage.group} of {host} is paused: 1 queued job waits; start it with: {offer}\n" in done.stderr
    stage("start", "--host", "bigblack", "--group", stage.group)
    stage.reaches("bigblack", jobs["bigblack"][2], "Running")
    assert stage.status("littleblack", jobs["littleblack"][2]) == "Queued"
    done = stage("kill", "--host", "littleblack", "--group", stage.group, code=2)
    assert "there is nothing to kill among the selected jobs. There is:\n  littleblack: group default: " in done.stderr
    assert f"group {stage.group}: 2 ended, 1 queued" in done.stderr


def test_a_label_selects_jobs_on_all_hosts(stage: Stage) -> None:
    ids = {host: [stage.add(host, "sleep 100", "-l", f"btc@{year}") for year in (2023, 2024)] for host in stage.hosts}
    other = stage.add("bigblack", "sleep 100", "-l", "eth@2024")
    for host, (_, second) in ids.items():
        stage.reaches(host, second, "Running")
    assert stage("kill", "--label", "btc@202?", "--dry-run").stdout.count("would be killed") == 4
    assert stage.status("bigblack", ids["bigblack"][0]) == "Running"
    done = stage("kill", "--label", "btc@202?", "--host", "bigblack")
    assert done.stdout.count("killed") == 2
    stage.reaches("bigblack", other, "Running")
    assert stage.status("littleblack", ids["littleblack"][0]) == "Running"


def test_restart_keeps_ids_and_the_order_of_dependencies(stage: Stage, tmp_path: Path) -> None:
    fixed, trace = tmp_path / "fixed", tmp_path / "trace"
    parent = stage.add("bigblack", f"echo parent >> {trace}; [ -e {fixed} ]", "-l", "load")
    child = stage.add("bigblack", f"echo child >> {trace}", "-a", str(parent))
    until(lambda: stage.status("bigblack", child) == "Done", "the child's end")
    created = stage.hosts["bigblack"].tasks()[parent]["created_at"]

    refused = stage("restart", f"bigblack:{child}", code=1)
    line = f"pueue-skill restart bigblack:{parent} bigblack:{child}"
    assert (
        f"it depends on bigblack:{parent} (load), which failed with exit code 1; restart both: {line}\n"
        in refused.stderr
    )
    assert stage.hosts["bigblack"].result(child) == "DependencyFailed"

    fixed.touch()
    done = stage(*line.split()[1:])
    assert done.stdout == f"bigblack:{parent} (load) restarted\nbigblack:{child} restarted\n"
    assert until(lambda: stage.hosts["bigblack"].result(child) == "Success", "the child's success")
    assert trace.read_text() == "parent\nparent\nchild\n"
    assert stage.hosts["bigblack"].tasks()[parent]["created_at"] == created


def test_running_jobs_are_not_restarted(stage: Stage) -> None:
    id = stage.add("littleblack", "sleep 100")
    stage.reaches("littleblack", id, "Running")
    before = stage.hosts["littleblack"].tasks()[id]["status"]
    done = stage("restart", f"littleblack:{id}", code=1)
    assert f"it is still running; kill it first with: pueue-skill kill littleblack:{id}" in done.stderr
    assert stage.hosts["littleblack"].tasks()[id]["status"] == before


@pytest.mark.long
def test_a_job_that_outlived_its_daemon_is_not_started_twice(stage: Stage, pueued: Daemon) -> None:
    """A job leaves a process behind, as a killed daemon does."""
    left = "(bash -c 'exec -a left-behind sleep 100' &); exit 3"
    done = stage(
        "run", "--host", "bigblack", "--group", stage.group, "--label", "left", "--wait", "5", "--", left, code=3
    )
    (id,) = [id for id, task in stage.hosts["bigblack"].tasks().items() if task["label"] == "left"]
    done = stage("restart", f"bigblack:{id}", code=1)
    pid = int(done.stderr.partition("process ")[2].split()[0])
    assert "is still running on the host; kill it first" in done.stderr
    assert Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"left-behind\0")
    assert stage.hosts["bigblack"].result(id) == {"Failed": 3}
    os.kill(pid, 9)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the remaining process")
    assert "restarted" in stage("restart", f"bigblack:{id}").stdout
    (pid,) = until(lambda: left_behind(stage.hosts["bigblack"]), "what the job leaves behind")
    os.kill(pid, 9)


def left_behind(host: Host) -> list[int]:
    return [pid for pid in strays(host.home) if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"left-behind\0")]


@pytest.mark.long
def test_clean_removes_only_ended_jobs(stage: Stage) -> None:
    ok, bad = stage.add("bigblack", "true", "-l", "ok"), stage.add("bigblack", "exit 3", "-l", "bad")
    for id in (ok, bad):
        stage.hosts["bigblack"].result(id)
    runs = stage.add("bigblack", "sleep 100")
    needed = stage.add("bigblack", "true")
    stage.hosts["bigblack"].result(needed)
    waits = stage.add("bigblack", "true", "-s", "-a", str(needed))
    stage.reaches("bigblack", runs, "Running")
    done = stage("clean", "--group", stage.group, "--host", "bigblack", "--successful-only", code=1)
    assert done.stdout == f"bigblack:{ok} (ok) removed\n"
    assert f"bigblack:{needed} is left as is: bigblack:{waits} depends on it, and has not run\n" in done.stderr
    assert stage("clean", f"bigblack:{runs}", code=1).stderr.endswith("clean removes only ended jobs\n")
    stage("clean", "--label", "bad")
    assert set(stage.hosts["bigblack"].tasks()) & {ok, bad, runs, needed, waits} == {runs, needed, waits}


@pytest.mark.long
def test_clean_stores_outcomes_first(stage: Stage, tmp_path: Path) -> None:
    session = {"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": "s1"}
    name = stage(
        "run", "--host", "bigblack", "--group", stage.group, "--detach", "--", "echo result is 42; exit 3", env=session
    ).stdout.strip()  # fmt: skip
    id = int(name.partition(":")[2])
    stage.hosts["bigblack"].result(id)
    stage("clean", name)
    assert id not in stage.hosts["bigblack"].tasks()
    (line,) = stage("watch", "--session", "s1", "--json", code=1).stdout.splitlines()
    outcome = json.loads(line)
    jsonschema.validate(outcome, json.loads(stage("schema", "outcome").stdout))
    assert (outcome["host"], outcome["id"], outcome["result"], outcome["exit_code"]) == (
        "bigblack",
        str(id),
        "failed",
        3,
    )
    assert outcome["tail"] == "result is 42"


@pytest.mark.long
def test_the_outcome_of_a_restarted_job_is_reported_again(stage: Stage, tmp_path: Path) -> None:
    session = {"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": "s2"}
    work = f"[ -e {tmp_path}/fixed ] && echo second || {{ echo first; exit 3; }}"
    name = stage(
        "run", "--host", "bigblack", "--group", stage.group, "--detach", "--", work, env=session
    ).stdout.strip()
    assert "first" in stage("watch", "--session", "s2", code=1).stdout
    assert stage("watch", "--session", "s2").stdout == ""
    (tmp_path / "fixed").touch()
    stage("restart", name)
    told = stage("watch", "--session", "s2").stdout
    assert "second" in told
    assert "first" not in told


@pytest.mark.long
def test_clean_removes_files_of_removed_jobs(stage: Stage) -> None:
    """The files of existing jobs, and of jobs that may still be submitted, remain."""
    folder = stage.hosts["bigblack"].home / ".local/share/pueue-skill/jobs"
    on_bigblack = ["run", "--host", "bigblack", "--group", stage.group, "--stdin"]
    before = set(folder.glob("*"))
    for text in ("gone", "stays"):
        subprocess.run(
            ["pueue-skill", *on_bigblack, "--label", text, "--follow", "--", "cat; cat >&2 <<< err"],
            env=stage.env, input=text.encode(), check=True, capture_output=True,
        )  # fmt: skip
    files = {file.read_text(): file for file in set(folder.glob("*")) - before}
    assert set(files) == {"gone", "stays"}
    left_over, on_its_way = folder / "abc.err", folder / "def.123"
    left_over.touch()
    try:
        for file in [*files.values(), left_over]:
            os.utime(file, (1, 1))
        on_its_way.touch()
        done = stage("clean", "--label", "gone")
        assert "bigblack: 2 files of removed jobs deleted" in done.stdout
        assert [file.exists() for file in (files["gone"], left_over, files["stays"], on_its_way)] == [
            False,
            False,
            True,
            True,
        ]
        stage("restart", "stays")
        on_its_way.unlink()
        assert stage("wait", "stays").stdout == ""
    finally:  # the job that stays is removed by its id, which leaves its file
        for file in [*files.values(), left_over, on_its_way]:
            file.unlink(missing_ok=True)


@pytest.mark.long
def test_pause_stash_and_resume_jobs(stage: Stage) -> None:
    first, second, third = (stage.add("littleblack", "sleep 100") for _ in range(3))
    stage.reaches("littleblack", second, "Running")
    names = [f"littleblack:{id}" for id in (first, third)]
    assert stage("pause", *names).stdout == f"{names[0]} paused\n{names[1]} stashed\n"
    assert [stage.status("littleblack", id) for id in (first, third)] == ["Paused", "Stashed"]
    assert stage("start", *names).stdout == f"{names[0]} resumed\n{names[1]} queued\n"
    assert [stage.status("littleblack", id) for id in (first, third)] == ["Running", "Queued"]
    done = stage("start", names[1], code=1)  # `pueue start` would run it in addition to the two
    assert f"it is queued: 2 of 2 slots of {stage.group} are taken" in done.stderr
    assert stage.status("littleblack", third) == "Queued"


@pytest.mark.long
def test_pause_and_start_a_group(stage: Stage) -> None:
    id = stage.add("bigblack", "sleep 100")
    stage.reaches("bigblack", id, "Running")
    done = stage("pause", "--group", stage.group)
    assert f"bigblack: group {stage.group} paused\nbigblack:{id} paused\n" in done.stdout
    assert f"littleblack: group {stage.group} paused\n" in done.stdout
    waits = stage.add("bigblack", "sleep 100")
    done = stage("start", "--group", stage.group)
    assert f"bigblack:{id} resumed" in done.stdout
    stage.reaches("bigblack", waits, "Running")


def test_a_reused_id_is_another_job(stage: Stage, lab: object) -> None:
    """Between the query and the action, the first job is removed, and another job gets its ID."""
    id = stage.add("bigblack", "false")
    stage.hosts["bigblack"].result(id)
    hosts = {"bigblack": model.Host("bigblack", f"-F {stage.hosts['bigblack'].config} bigblack")}
    choice = Selector((f"bigblack:{id}",))
    chosen, *_ = job_actions.select_jobs(choice, hosts)
    planned = job_actions.plan_actions("restart", choice, chosen)
    stage.hosts["bigblack"].pueue("remove", str(id))
    assert stage.add("bigblack", "exit 7") == id
    stage.hosts["bigblack"].result(id)
    (outcome,) = job_actions.act("restart", choice, planned)["bigblack"].results  # type: ignore[union-attr]
    assert (outcome.status, outcome.why) == ("changed", "it is no longer in the queue; nothing was done")
    ended = stage.hosts["bigblack"].tasks()[id]["status"]
    assert ended["Done"]["result"] == {"Failed": 7}


def test_a_dependent_job_does_not_run_after_its_dependency_was_removed(stage: Stage, tmp_path: Path) -> None:
    """pueue itself starts a job whose dependencies are no longer in the queue."""
    bigblack = stage.hosts["bigblack"]
    parent = stage.add("bigblack", "false")
    child = stage.add("bigblack", f"touch {tmp_path}/ran", "-a", str(parent))
    grandchild = stage.add("bigblack", f"touch {tmp_path}/ran", "-a", str(child))
    until(lambda: stage.status("bigblack", grandchild) == "Done", "the end of all")
    hosts = {"bigblack": model.Host("bigblack", f"-F {bigblack.config} bigblack")}
    choice = Selector(tuple([f"bigblack:{id}" for id in (parent, child, grandchild)]))
    planned = job_actions.plan_actions("restart", choice, job_actions.select_jobs(choice, hosts)[0])
    bigblack.pueue("remove", str(parent))
    outcomes = job_actions.act("restart", choice, planned)["bigblack"].results  # type: ignore[union-attr]
    assert [one.status for one in outcomes] == ["changed", "failed", "failed"]
    assert outcomes[2].why == "its dependency was not restarted"
    assert [bigblack.result(id) for id in (child, grandchild)] == ["DependencyFailed"] * 2
    assert not (tmp_path / "ran").exists()


def test_a_job_that_has_just_started_is_not_stashed(stage: Stage) -> None:
    host = model.Host("bigblack", f"-F {stage.hosts['bigblack'].config} bigblack")
    id = stage.add("bigblack", "sleep 100", "-s")
    (state,) = [s for s in read_queue(stage.hosts["bigblack"].pueue("status", "-j")).states if s.id == str(id)]
    stage.hosts["bigblack"].pueue("start", str(id))
    stage.reaches("bigblack", id, "Running")
    looked = read_actions(
        run(host, action_script(host, [Action(state, "remove"), Action(state, "enqueue")]), timeout=30).text
    )
    assert {one.id: one.status for one in looked.after.states}[str(id)] == "running"


@pytest.mark.long
def test_a_host_that_is_down_does_not_stop_actions_on_others(stage: Stage) -> None:
    stage.config.write_text(CONFIG + DOWN)
    id = stage.add("bigblack", "sleep 100", "-l", f"mine-{stage.group}")
    stage.reaches("bigblack", id, "Running")
    done = stage("kill", "--label", f"mine-{stage.group}", "--json", code=4)
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads(stage("schema", "acts").stdout))
    assert [(host["host"], host["reachable"]) for host in report["hosts"]] == [("bigblack", True), ("nowhere", False)]
    (job,) = report["hosts"][0]["jobs"]
    assert (job["name"], job["call"], job["did"], job["status"]) == (f"bigblack:{id}", "kill", "done", "done")
    assert "nowhere cannot be reached" in done.stderr
    assert stage("kill", "no-such-job", code=4).stdout == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["kill"],
            "no job is selected: give HOST:ID, --label PATTERN or --group NAME. There is:\n  local: group default: ",
        ),
        (["clean", "--host", "bigblack"], "no job is selected"),
        (["restart", "no-such-job"], "no job is called no-such-job. There is:\n  local: group default"),
        (["pause", "--label", "no*"], "no job has a label like 'no*'. There is:"),
        (["start", "--group", "nope"], "no job has the group nope. There is:"),
        (
            ["kill", "--label", "x", "--host", "elsewhere"],
            "no host is called elsewhere; configured: local, bigblack, littleblack",
        ),
        (["kill", "local:1", "--group", "g"], "select jobs by name, or by --label and --group, not both"),
        (["kill", "bigblack:99999"], "no job is called bigblack:99999. There is:\n  bigblack: group default"),
        (["wait"], "no job is selected"),
        (["wait", "--group", "OWN", "--host", "bigblack"], "no job is selected. There is:\n  bigblack: group default"),
    ],
)
def test_an_empty_selection_lists_the_jobs(stage: Stage, words: list[str], says: str) -> None:
    words = [stage.group if word == "OWN" else word for word in words]
    assert says in stage(*words, code=2).stderr


@pytest.mark.long
def test_wait_and_log_accept_several_jobs(stage: Stage) -> None:
    for host, command in (("bigblack", "echo one"), ("littleblack", "echo two; exit 3")):
        stage.add(host, command, "-l", f"several-{stage.group}")
    done = stage("wait", "--label", "several-*", code=1)
    assert sorted(line.partition(" ")[2] for line in done.stdout.splitlines()) == [
        f"(several-{stage.group}) failed with exit code 3", f"(several-{stage.group}) succeeded",
    ]  # fmt: skip
    done = stage("log", "--group", stage.group)
    assert done.stdout == "one\ntwo\n"
    assert done.stderr.count("==> ") == 2
    assert stage("log", "--group", stage.group, "--host", "littleblack").stdout == "two\n"
    assert (
        "--follow takes one job, and 2 are selected" in stage("log", "--follow", "--group", stage.group, code=2).stderr
    )


@pytest.mark.parametrize(
    ("before", "after", "out"),
    [
        ("queued", None, True),
        ("stashed", None, True),
        ("queued", "running", False),
        ("done", "done", False),
        (None, None, False),  # it ended, and was cleaned
        ("running", None, False),
    ],
)
def test_a_job_is_withdrawn_only_while_it_waits(
    before: Status | None, after: Status | None, out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = JobState("1", None, "queued", None, None, "", "g", None, "/", "x", (), "2026-01-01", None, None)
    queues = [Queue((), () if status is None else (state._replace(status=status),), "") for status in (before, after)]
    monkeypatch.setattr(job_actions.client, "ask", lambda *_: ActionReply(*queues, {}, 0))
    assert job_actions.withdraw(model.Host("local"), state) == out
