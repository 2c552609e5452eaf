"""Slurm by itself: what only it can do to a job, told apart on a real cluster; and the text of it, in tables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import until
from slurm import Client, Cluster

from pueue_skill.hosts.transport import run
from pueue_skill.queues.slurm import submit as slurm
from pueue_skill.shell.model import Host, Job, Needs

pytestmark = pytest.mark.timeout(240)
HERE = Host("local", backend="slurm")


@pytest.fixture
def client(cluster: Cluster, tmp_path: Path) -> Client:
    return Client(cluster, tmp_path)


def test_what_ended_a_job_is_told_and_kept_when_slurm_has_forgotten_it(client: Client, cluster: Cluster) -> None:
    """Exit code, signal, somebody's scancel, a lost node, and what comes after a failure: as Slurm has them, and without."""
    failed = client.queue("exit 7")
    child = client.queue("echo never", "--after", client.queue("until [ -e go ]; do sleep 0.1; done; exit 3"))
    (client.folder / "go").touch()
    signalled = client.queue("kill -SEGV $$")
    cancelled = client.queue("sleep 100")
    client.runs(cancelled)
    cluster.run("scancel", cancelled)
    client.options("--nodelist=n2")
    lost = client.queue("sleep 100")
    client.runs(lost)
    cluster.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test")
    expected = {
        failed: ("failed", 7, ""),
        child: ("dependency", None, ""),
        signalled: ("failed", 139, ""),
        cancelled: ("killed", None, "cancelled"),
        lost: ("killed", None, "its node failed (n2)"),
    }
    try:
        assert {id: client.done(id) for id in expected} == expected
    finally:
        cluster.run("scontrol", "update", "NodeName=n2", "State=RESUME")
    answer = run(HERE, slurm.status_script(HERE), timeout=30, env=client.env).text
    forgotten = "\n".join(line for line in answer.split("\n") if not line.startswith("job|"))
    kept = {state.id: (state.result, state.exit_code, state.detail) for state in slurm.read_status(forgotten).states}
    assert {id: kept[id] for id in expected} == expected
    assert "its node failed (n2)" in client("wait", f"local:{lost}").stderr


@pytest.mark.parametrize(
    ("state", "reason", "raw", "own", "expected"),
    [
        ("COMPLETED", "None", 0, "", ("done", "success", 0, "")),
        ("FAILED", "NonZeroExitCode", 7 * 256, "", ("done", "failed", 7, "")),
        ("FAILED", "JobLaunchFailure", 9, "", ("done", "failed", 137, "")),
        ("FAILED", "NonZeroExitCode", 7 * 256, "7", ("done", "failed", 7, "")),
        ("COMPLETING", "None", 0, "7", ("done", "failed", 7, "")),
        ("COMPLETING", "None", 0, "143", ("running", None, None, "")),
        ("OUT_OF_MEMORY", "OutOfMemory", 125 * 256, "", ("done", "killed", None, "out of memory")),
        ("OUT_OF_MEMORY", "OutOfMemory", 125 * 256, "137", ("done", "killed", None, "out of memory")),
        ("TIMEOUT", "TimeLimit", 0, "143", ("done", "killed", None, "its time limit was reached")),
        ("NODE_FAIL", "NodeDown", 1, "", ("done", "killed", None, "its node failed (n1)")),
        ("PREEMPTED", "None", 15, "", ("done", "killed", None, "preempted by other work")),
        ("CANCELLED", "None", 15, "", ("done", "killed", None, "cancelled")),
        ("CANCELLED", "None", 15, "0", ("done", "success", 0, "")),
        ("CANCELLED", "DependencyNeverSatisfied", 0, "", ("done", "dependency", None, "")),
        ("RUNNING", "None", 0, "spawn", ("done", "spawn", None, "No such file or directory")),
        ("PENDING", "Dependency", 0, "", ("queued", None, None, "")),
        ("PENDING", "QOSMaxJobsPerUserLimit", 0, "", ("queued", None, None, "QOSMaxJobsPerUserLimit")),
        ("PENDING", "JobHeldUser", 0, "", ("stashed", None, None, "")),
        ("SUSPENDED", "None", 0, "", ("paused", None, None, "")),
    ],
)
def test_what_slurm_and_the_job_say(state: str, reason: str, raw: int, own: str, expected: tuple[object, ...]) -> None:
    """Without cgroups Slurm has no word for memory, so that OUT_OF_MEMORY stands here alone."""
    live = slurm.Live(state, reason, raw, "1", "2", "3", "n1", "", "")
    assert slurm.standing(live, slurm.Ended("k", own, "1", "2", "t") if own else None) == expected


@pytest.mark.long
def test_a_time_limit_is_told(client: Client) -> None:
    client.options("--time=1")
    id = client.queue("trap '' TERM; sleep 200")
    assert client.done(id, 150) == ("killed", None, "its time limit was reached")


def test_what_is_forgotten_unseen_is_derived_or_unknown() -> None:
    told = slurm.told_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    lines = [
        "job|cut",
        "try|a#1|100|1|-||L3g=|" + told,
        "id|a#1|5",
        "try|b#1|101|1|-|afterok:5|L3g=|" + told,
        "id|b#1|6",
    ]
    lines += ["ended|5|a|3|100|101|a#1", "try|c#1|102|1|-||L3g=|" + told, "id|c#1|7"]
    states = slurm.read_look("\n".join(lines)).queue.states
    assert [(state.id, state.key, state.result, state.exit_code) for state in states] == [
        ("5", "a", "failed", 3), ("6", "b", "dependency", None), ("7", "c", "unknown", None),
    ]  # fmt: skip
    assert states[0].cwd == "/x"


def test_a_submission_whose_answer_was_lost_is_found_by_its_comment(client: Client, cluster: Cluster) -> None:
    key = "k" + os.urandom(4).hex()
    id = client.queue("echo ran >> ran; sleep 1", "--key", key)
    (journal,) = cluster.home.glob(".local/share/pueue-skill/slurm/*/journal")
    text = journal.read_text()
    journal.write_text(text.replace(text[text.rindex(f"id|{key}") :], ""))
    assert client.queue("echo ran >> ran; sleep 1", "--key", key) == id
    assert client.done(id)[0] == "success"
    assert (client.folder / "ran").read_text() == "ran\n"


def test_each_job_of_an_invocation_that_is_typed_again_is_told(client: Client) -> None:
    """The newest is meant by its key, the one before it is KEY~1, and none hides another."""
    (client.folder / "train.py").write_text("import os, sys; sys.exit(int(os.environ['CODE']))\n")
    text = client("suggest", "CODE=$CODE nohup python3 train.py &").stdout
    key = text.partition("--comment='pueue-skill ")[2].partition("'")[0]
    assert key, text
    ids = []
    for code in ("3", "4"):
        run = subprocess.run(
            ["bash", "-c", text], env=client.env | {"CODE": code}, cwd=client.folder, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        ids.append(run.stdout.split()[0])
        assert client.done(ids[-1]) == ("failed", int(code), "")
    assert client.done(ids[0]) == ("failed", 3, "")
    assert [client("wait", name).returncode for name in (key, f"{key}~1", f"local:{ids[0]}")] == [4, 3, 3]


def test_what_an_invocation_has_made_is_hidden_by_nothing() -> None:
    """Of what was submitted by `run`, a restart hides the job before it."""
    told = slurm.told_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    typed = ["ended|5|k|3|100|101|k", "ended|8|k|4|102|103|k"]
    again = [
        f"{what}|k#{turn}|{rest}"
        for turn in (1, 2)
        for what, rest in (("try", f"10{turn}|1|-||L3g=|{told}"), ("id", f"{5 + turn}"))
    ]
    for lines, ids in ((typed, ["5", "8"]), (again, ["7"]), ([*again, *typed], ["5", "7", "8"])):
        states = slurm.read_look("\n".join(lines)).queue.states
        assert [state.id for state in states] == ids
        assert all(state.created > "1970-01-01T00:01" for state in states), "which of them is the newest is known"


def test_a_key_that_an_invocation_has_used_is_not_submitted_again(client: Client) -> None:
    """Nor once it is written down, while another job of the key was made meanwhile."""
    key = "k" + os.urandom(4).hex()
    sbatch = ["sbatch", "--parsable", "--output=/dev/null", f"--comment=pueue-skill {key}", "--wrap=sleep 100"]
    first = client.cluster.run(*sbatch).strip()
    assert client.queue("sleep 100", "--key", key) == first
    second = client.cluster.run(*sbatch).strip()
    assert client.queue("sleep 100", "--key", key) in (first, second)
    client.cluster.run("scancel", first, second)


def test_other_jobs_of_yours_are_shown(client: Client, cluster: Cluster) -> None:
    id = cluster.run(
        "sbatch", "--parsable", "--output=/dev/null", "--job-name=by hand", "--array=3,5", "--wrap=exit 4"
    ).strip()
    assert client.done(f"{id}_5") == ("failed", 4, "")
    assert (client.job(f"{id}_3")["label"], client.job(f"{id}_3")["key"]) == ("by hand", None)


def test_errors_of_slurm_come_with_what_to_do(client: Client) -> None:
    client.options("--partition=nosuch")
    done = client("run", "--", "true")
    assert done.returncode == 125
    assert "invalid partition specified: nosuch" in done.stderr
    assert "set hosts.local.options to a partition of `sinfo`" in done.stderr
    client.options("--partition=short", "--time=300")
    id = client.queue("true")
    until(lambda: client.job(id)["detail"] == "PartitionTimeLimit", "Slurm's reason", 20)
    assert "the queue says PartitionTimeLimit" in client("status", "local").stdout
    assert client("kill", f"local:{id}").returncode == 0


def test_a_host_without_slurm_says_so(client: Client) -> None:
    tools = client.folder / "bin"
    tools.mkdir()
    host = HERE._replace(name="h")
    done = run(host, slurm.status_script(host).replace("for pq_folder in ", "PATH=/nowhere; for folder in /nowhere; do :; done; for folder in /nowhere; do break; done; for x in "), timeout=30, env=client.env)  # fmt: skip
    assert done.code == 127
    assert "hosts.h.path" in slurm.trouble(host, done.code, done.stderr.decode())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause"], "Slurm suspends what runs for its operators only"),
        (["setup", "--dry-run"], "its operators"),
    ],
)
def test_what_slurm_does_not_do_is_said(client: Client, words: list[str], said: str) -> None:
    if words[0] == "setup":
        done = client(*words, "local")
    else:
        id = client.queue("sleep 100")
        client.runs(id)
        done = client(*words, f"local:{id}")
        client("kill", f"local:{id}")
    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_what_waits_can_be_cancelled(client: Client) -> None:
    client.options("--begin=now+1hour")
    id = client.queue("true")
    assert client("kill", f"local:{id}").returncode == 0
    assert client.done(id) == ("killed", None, "cancelled")


def test_doctor_and_audit_look_at_the_cluster(client: Client) -> None:
    assert "slurm of local" in client("doctor").stdout
    done = client("audit", "local", "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert "slurm-wlm" in report["versions"]


def test_needs_are_options_of_sbatch() -> None:
    assert slurm.resources(Needs(5 * 2**30 + 1, 4, 2, 90)) == [
        "--cpus-per-task=4",
        "--mem=5121M",
        "--gpus=2",
        "--time=3",
    ]
    assert slurm.resources(Needs()) == []


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        ("7", ["7"]),
        ("7_2", ["7_2"]),
        ("7_[0-2,5%2]", ["7_0", "7_1", "7_2", "7_5"]),
        ("7_[1-5:2]", ["7_1", "7_3", "7_5"]),
    ],
)
def test_ids_of_arrays(listed: str, ids: list[str]) -> None:
    assert list(slurm.expanded(listed)) == ids


@pytest.fixture(autouse=True)
def nothing_left(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.run("scancel", "--state=PENDING", "--me")


ACCOUNTED = """seen|9|TIMEOUT||0|100|101|161|n1|||
seen|8_1|FAILED||512|100|101|161|n1|||
"""
"""What is kept of an answer of `sacct`, which test_slurm_accounts.py asks of a real one."""


def test_the_word_of_the_accounts() -> None:
    told = slurm.told_of(Job("k", "h", "slurm", None, None, None, "x"), 0)
    lines = ["try|a#1|100|1|-||L3g=|" + told, "id|a#1|9", "try|=i#1|100|2|=i||L3g=|" + told, "id|=i#1|8"]
    lines += ["items|=i#1", "item|0|k0|bGI=", "item|1|k1|bGI=", *ACCOUNTED.split()]
    found = {state.id: (state.result, state.exit_code) for state in slurm.read_look("\n".join(lines)).queue.states}
    assert found == {"9": ("killed", None), "8_0": ("unknown", None), "8_1": ("failed", 2)}
