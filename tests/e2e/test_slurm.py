"""Features of Slurm that other queues lack, on a real cluster."""

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
from pueue_skill.queues.registry import KINDS
from pueue_skill.shell.model import Host

pytestmark = pytest.mark.timeout(240)
slurm = KINDS["slurm"]
HERE = Host("local", backend="slurm")


@pytest.fixture
def client(cluster: Cluster, tmp_path: Path) -> Client:
    return Client(cluster, tmp_path)


def test_the_outcome_of_a_job_is_kept_after_slurm_forgets_it(client: Client, cluster: Cluster) -> None:
    """Exit code, signal, scancel, a lost node, and a failed dependency: in Slurm's words while it knows the job, and afterwards."""
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


@pytest.mark.long
def test_a_job_that_exceeds_its_time_limit(client: Client, cluster: Cluster) -> None:
    """A limit has at least a minute, so an administrator moves the job's end; Slurm checks for such ends every half minute."""
    client.options("--time=1")
    id = client.queue("trap '' TERM; sleep 200")
    client.runs(id)
    cluster.run("scontrol", "update", f"JobId={id}", "EndTime=now+1")
    assert client.done(id, 90) == ("killed", None, "its time limit was reached")


def test_a_submission_whose_answer_was_lost_is_found_by_its_comment(client: Client, cluster: Cluster) -> None:
    key = "k" + os.urandom(4).hex()
    id = client.queue("echo ran >> ran; sleep 1", "--key", key)
    (journal,) = cluster.home.glob(".local/share/pueue-skill/slurm/*/journal")
    text = journal.read_text()
    journal.write_text(text.replace(text[text.rindex(f"id|{key}") :], ""))
    assert client.queue("echo ran >> ran; sleep 1", "--key", key) == id
    assert client.done(id)[0] == "success"
    assert (client.folder / "ran").read_text() == "ran\n"


def test_each_job_of_a_repeated_invocation_is_reported(client: Client) -> None:
    """The key means the newest job, KEY~1 the one before it, and no job hides another."""
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


def test_a_key_that_an_invocation_has_used_is_not_submitted_again(client: Client) -> None:
    """It is not submitted again either after it was recorded, and another job of the key was created meanwhile."""
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


def test_errors_of_slurm_come_with_advice(client: Client) -> None:
    client.options("--partition=nosuch")
    done = client("run", "--", "true")
    assert done.returncode == 125
    assert "invalid partition specified: nosuch" in done.stderr
    assert "set hosts.local.options to a partition that `sinfo` lists" in done.stderr
    client.options("--partition=short", "--time=300")
    id = client.queue("true")
    until(lambda: client.job(id)["detail"] == "PartitionTimeLimit", "Slurm's reason", 20)
    assert "the queue reports PartitionTimeLimit" in client("status", "local").stdout
    assert client("kill", f"local:{id}").returncode == 0


def test_a_host_without_slurm_is_an_error(client: Client) -> None:
    tools = client.folder / "bin"
    tools.mkdir()
    host = HERE._replace(name="h")
    done = run(host, slurm.status_script(host).replace("for pq_folder in ", "PATH=/nowhere; for folder in /nowhere; do :; done; for folder in /nowhere; do break; done; for x in "), timeout=30, env=client.env)  # fmt: skip
    assert done.code == 127
    assert "hosts.h.path" in slurm.explain_failure(host, done.code, done.stderr.decode())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause"], "Slurm lets only operators suspend running jobs"),
        (["setup", "--dry-run"], "its operators"),
    ],
)
def test_unsupported_features_are_reported(client: Client, words: list[str], said: str) -> None:
    if words[0] == "setup":
        done = client(*words, "local")
    else:
        id = client.queue("sleep 100")
        client.runs(id)
        done = client(*words, f"local:{id}")
        client("kill", f"local:{id}")
    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_queued_jobs_can_be_cancelled(client: Client) -> None:
    client.options("--begin=now+1hour")
    id = client.queue("true")
    until(lambda: client.job(id)["status"] == "stashed", "Slurm's reason", 20)
    assert client("kill", f"local:{id}").returncode == 0
    assert client.done(id) == ("killed", None, "cancelled")


def test_doctor_and_audit_examine_the_cluster(client: Client) -> None:
    assert "slurm of local" in client("doctor").stdout
    done = client("audit", "local", "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert "slurm-wlm" in report["versions"]


@pytest.fixture(autouse=True)
def nothing_left(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.run("scancel", "--state=PENDING", "--me")
