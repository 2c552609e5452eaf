"""The scripts for Slurm, run by every shell that a host may have, with stubs of sbatch, squeue, scontrol and scancel."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from stubbed import SHELLS, Stubbed

from pueue_skill.plan.model import Job
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import JobState, Submission
from pueue_skill.queues.protocol import BatchRequest, RestartRequest
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import read_tails
from pueue_skill.queues.slurm.state import parse_snapshot
from pueue_skill.shell.model import Host

SLURM = KINDS["slurm"]
HOST = Host("h", backend="slurm", path=("~/own tools",), groups=(("few", 2),), options=("--partition=it's",))
JOB = Job("k1", "h", "slurm", None, "a label", None, 'echo "it\'s"; echo oops >&2; exit 3')
CONFIG = "echo 'ClusterName = lab'; echo 'MaxArraySize = 1001'; echo 'MaxJobCount = 10'"
# Ids count from 1. The stub stores the submitted script; squeue prints its comment while the job is in the queue.
SBATCH = r"""pq_n=$(($(cat "$STUB/n" 2>/dev/null) + 1))
echo "$pq_n" >"$STUB/n"
cat >"$STUB/job.$pq_n"
for pq_word; do
    case $pq_word in --comment=*) pq_comment=${pq_word#--comment=} ;; --job-name=*) pq_job=${pq_word#--job-name=} ;; esac
done
echo "$pq_n|PENDING|None|0|100|||(null)|$pq_comment|$pq_job|" >>"$STUB/queue"
if [ -e "$STUB/no answer" ]; then exit 1; fi
echo "$pq_n"
"""
SQUEUE = r"""pq_id=
for pq_word; do case $pq_word in --jobs=*) pq_id=${pq_word#--jobs=} ;; --format=%i) exit ;; esac; done
if [ -z "$pq_id" ]; then cat "$STUB/queue" 2>/dev/null; exit 0; fi
grep "^$pq_id|" "$STUB/queue" && exit
echo 'slurm_load_jobs error: Invalid job id specified' >&2
exit 1
"""


class Site(Stubbed):
    """A cluster of stubs."""

    def __init__(self, shell: str, folder: Path) -> None:
        super().__init__(shell, folder, "sbatch", "squeue", "scontrol", "scancel", "sinfo", by_word="unused")
        for name, text in (("scontrol", CONFIG), ("sbatch", SBATCH), ("squeue", SQUEUE)):
            (self.stub / name).write_text(text)
        self.data = self.home / ".local/share/pueue-skill/slurm/lab"
        (self.home / "work").mkdir()
        self.more: dict[str, str] = {}

    @property
    def env(self) -> Mapping[str, str]:
        return {**super().env, **self.more}

    def submit(self, job: Job) -> Submission:
        return SLURM.read_submission(self(SLURM.submit_script(job, HOST)).stdout, job)

    def feed(self, job: Job, stdin: bytes) -> Submission:
        """Submits a job with its stdin, as transport.feed does."""
        text = SLURM.submit_script(job, HOST).encode()
        command = [*self.shell, "-c", f'eval "$(dd bs=1 count={len(text)} 2>/dev/null)"']
        done = subprocess.run(command, input=text + stdin, env=self.env, capture_output=True, timeout=20)
        return SLURM.read_submission(done.stdout.decode(), job)

    def called(self, program: str) -> list[str]:
        return [line.partition(" ")[2] for line in self.calls if line.startswith(f"{program} ")]

    def runs(self, id: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a submitted job, as slurmd does."""
        slurm = {"SLURM_CLUSTER_NAME": "lab", "SLURM_JOB_ID": id, "SLURMD_NODENAME": "n1"}
        text = (self.stub / f"job.{id.partition('_')[0]}").read_text()
        assert text.startswith("#!/bin/sh\npq_token=")
        queue = self.stub / "queue"
        lines = [line for line in queue.read_text().splitlines(True) if not line.startswith(f"{id}|")]
        queue.write_text("".join(lines))
        return subprocess.run(
            [*self.shell, "-c", text], env={**self.env, **slurm, **env}, capture_output=True, text=True, timeout=20
        )

    def states(self) -> dict[str, tuple[str, str | None, int | None]]:
        done = self(SLURM.status_script(HOST))
        assert done.returncode == 0, done.stderr
        return {one.id: (one.status, one.result, one.exit_code) for one in SLURM.read_status(done.stdout).states}


@pytest.fixture(params=SHELLS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(request.param, tmp_path)


def test_a_job_is_submitted_once(site: Site) -> None:
    made = site.submit(JOB._replace(cwd="~/work"))
    assert (made.state and made.state.id, made.new) == ("1", True)
    (call,) = site.called("sbatch")
    folder = site.data / "jobs"
    assert f"--chdir={site.home}/work --output={folder}/%j.out --export=ALL --job-name=a label --no-requeue" in call
    assert "--partition=it's --parsable --comment=pueue-skill k1#" in call
    assert site.states() == {"1": ("queued", None, None)}
    again = site.submit(JOB._replace(cwd="~/work"))
    assert (again.state and again.state.id, again.new, again.differs) == ("1", False, ())
    other = site.submit(JOB._replace(cwd="/", command="false", group="few"))
    assert other.differs[0] == "runs another command"
    assert [text.split(",")[0] for text in other.differs[1:]] == [
        f"has the folder {site.home}/work",
        "has the group default",
    ]
    assert len(site.called("sbatch")) == 1


def test_a_job_runs_and_records_its_exit_code(site: Site) -> None:
    site.submit(JOB)
    done = site.runs("1")
    assert (done.stdout, done.stderr, done.returncode) == ("it's\n", "oops\n", 3)
    assert site.states() == {"1": ("done", "failed", 3)}
    site.submit(JOB._replace(key="k2", cwd=str(site.home), command="true"))
    job = site.stub / "job.2"
    job.write_text(job.read_text().replace(f"pq_folder='{site.home}'", "pq_folder=/gone"))
    assert site.runs("2").returncode == 126
    assert site.states()["2"] == ("done", "spawn", None)


@pytest.mark.parametrize("work", ["printf 'a\udcffb'", "printf 'a\\r\rb'", "echo " + "x" * 140_000])
def test_work_that_sbatch_refuses(work: str, site: Site) -> None:
    site.submit(JOB._replace(command=work))
    raw = work.encode("utf-8", "surrogateescape")
    expected = subprocess.run(["bash"], input=raw, capture_output=True, check=True)
    text = (site.stub / "job.1").read_bytes()
    assert b"\r" not in text
    slurm = {"SLURM_CLUSTER_NAME": "lab", "SLURM_JOB_ID": "1", "SLURMD_NODENAME": "n1"}
    done = subprocess.run([*site.shell, "-c", text], env={**site.env, **slurm}, capture_output=True, timeout=20)
    assert (done.stdout, done.returncode) == (expected.stdout, 0)


def test_stdin(site: Site) -> None:
    job = JOB._replace(command="cat", stdin=True)
    end = b"pueue-skill end k1\n"
    assert site.feed(job, b"cut off").state is None
    made = site.feed(job, b"a\0b\n" + end)
    assert (made.state and made.state.id) == "1"
    assert (site.data / "jobs/k1.in").read_bytes() == b"a\0b\n"
    assert site.runs("1").stdout == "a\0b\n"
    assert site.feed(job, b"a\0b\n" + end).differs == ()
    assert site.feed(job, b"other" + end).differs == ("reads another input",)


def test_a_submission_whose_answer_was_lost(site: Site) -> None:
    (site.stub / "no answer").touch()
    made = site.submit(JOB)
    assert (made.state and made.state.id, made.new) == ("1", True)
    journal = site.data / "journal"
    journal.write_text(journal.read_text().partition("id|")[0])
    assert site.submit(JOB).new is False
    assert len(site.called("sbatch")) == 1


def test_dependencies_and_lanes(site: Site) -> None:
    site.submit(JOB)
    site.submit(JOB._replace(key="k2", after=("1",), group="few"))
    assert "--dependency=afterok:1,singleton --job-name=few.1" in site.called("sbatch")[1]
    site.submit(JOB._replace(key="k3", after=("1", "2"), if_failed=True, group="few"))
    assert "--dependency=afterany:1,afterany:2,singleton --job-name=few.2" in site.called("sbatch")[2]
    site.runs("1")
    done = site(SLURM.submit_script(JOB._replace(key="k4", after=("1",)), HOST))
    assert "its dependency, job 1, has failed or does not exist" in done.stderr
    assert SLURM.read_submission(done.stdout, JOB).error == "sbatch failed with exit code 65"


def test_a_folder_that_does_not_exist(site: Site) -> None:
    done = site(SLURM.submit_script(JOB._replace(cwd="~/not here"), HOST))
    assert f"there is no folder {site.home}/not here" in done.stderr
    assert SLURM.read_submission(done.stdout, JOB).state is None
    assert site.called("sbatch") == []


def state(id: str, *after: str) -> JobState:
    return JobState(id, "k", "done", "failed", 1, "", "default", None, "/", "x", after, "", None, None)


def test_actions(site: Site) -> None:
    for key in ("k1", "k2"):
        site.submit(JOB._replace(key=key, command="exit 1", cwd="~/work", after=("1",) if key == "k2" else ()))
    acts = [
        Action(state(id), call) for id, call in (("11", "kill"), ("12", "withdraw"), ("13", "stash"), ("14", "stash"))
    ]
    done = site(SLURM.action_script(HOST, [*acts, Action(state("15"), "enqueue")]))
    assert done.returncode == 0, done.stderr
    assert site.called("scancel") == ["--state=RUNNING 11", "--state=SUSPENDED 11", "--state=PENDING 12"]
    assert site.called("scontrol")[-2:] == ["hold 13,14", "release 15"]
    for id in ("1", "2"):
        site.runs(id)
    done = site(SLURM.action_script(HOST, [Action(state("1"), "restart"), Action(state("2", "1"), "restart")]))
    looked = SLURM.read_actions(done.stdout)
    assert [one.id for one in looked.before.states] == ["1", "2"]
    assert [(one.id, one.key, one.after) for one in looked.after.states] == [("3", "k1", ()), ("4", "k2", ("3",))]
    (site.data / "jobs/3.out").touch()
    done = site(SLURM.action_script(HOST, [Action(state("3"), "remove")]))
    assert [one.id for one in SLURM.read_actions(done.stdout).after.states] == ["4"]
    assert not (site.data / "jobs/3.out").exists()


def item(key: str, *after: str) -> Job:
    return Job(
        f"b:{key}:d", "h", "slurm", "few", key, "~/work", f"echo {key}; exit 4", tuple([f"b:{one}:d" for one in after])
    )


def test_a_batch(site: Site) -> None:
    jobs = [item("a:1"), item("a:2")._replace(command="echo " + "y" * 110_000), item("b:1", "a:1", "a:2")]

    def submitted() -> list[tuple[str, str, str]]:
        known = SLURM.read_preflight(site(SLURM.preflight_script(HOST)).stdout)
        text, read = SLURM.submission(BatchRequest(jobs, HOST, "b", {"few": 3}, ("KEPT*", "STUB"), False, 20, known))
        done = site(text)
        assert done.returncode == 0, done.stderr
        found, whole = read(done.stdout)
        assert whole
        return [(one.key, one.what, one.detail) for one in found]

    site.more = {"KEPT_ONE": "1", "SECRET": "2"}
    assert submitted() == [("b:a:1:d", "new", "1_0"), ("b:a:2:d", "new", "1_1"), ("b:b:1:d", "new", "2_0")]
    first, second = site.called("sbatch")
    given, _, names = first.partition(" --export=")
    assert given == f"--chdir={site.home}/work --output={site.data}/jobs/%A_%a.out"
    kept = set(names.partition(" ")[0].split(","))
    assert kept - {"LOGNAME"} == {"HOME", "KEPT_ONE", "PATH", "STUB", "XDG_RUNTIME_DIR"}, "zsh sets LOGNAME itself"
    assert first.endswith(" --array=0-1%3")
    assert " --dependency=afterok:1 --array=0%3" in second
    assert [what for _, what, _ in submitted()] == ["old"] * 3
    for task, output in (("0", "a:1\n"), ("1", "y" * 110_000 + "\n")):
        done = site.runs("1", SLURM_ARRAY_JOB_ID="1", SLURM_ARRAY_TASK_ID=task)
        assert (done.stdout, done.returncode) == (output, 4 if task == "0" else 0)
    assert site.states()["1_0"] == ("done", "failed", 4)
    done = site(SLURM.action_script(HOST, [Action(state("1_0"), "restart")]))
    assert done.returncode == 0, done.stderr
    assert site.called("sbatch")[2].endswith(" --array=0")
    assert site.runs("3", SLURM_ARRAY_JOB_ID="3", SLURM_ARRAY_TASK_ID="0").stdout == "a:1\n"


def test_a_batch_does_nothing_if_anything_was_submitted_meanwhile(site: Site) -> None:
    known = SLURM.read_preflight(site(SLURM.preflight_script(HOST)).stdout)
    site.submit(JOB)
    text, read = SLURM.submission(BatchRequest([item("a:1")], HOST, "b", {}, (), False, 20, known))
    assert read(site(text).stdout) == ([], False)
    assert len(site.called("sbatch")) == 1


def test_follow_to_the_end(site: Site) -> None:
    site.submit(JOB._replace(split_output=True))
    site.runs("1")
    (site.data / "jobs/1.out").write_text("0123456789")
    (site.data / "jobs/1.err").write_text("oops")
    one = state("1")._replace(errors="jobs/1.err")
    done = site(SLURM.follow_script(one, HOST, 4, 0))
    _, _, answer = done.stdout.partition("pueue-skill reply\n")
    assert answer.startswith("output 4 6\n456789error 0 4\noopsstate try|k1#")
    found = SLURM.read_state(answer.partition("state ")[2].rstrip("\n"))
    assert found
    assert (found.result, found.exit_code, found.errors) == ("failed", 3, "jobs/1.err")


def test_follow_a_job_that_slurm_has_ended(site: Site) -> None:
    site.submit(JOB)
    queue = site.stub / "queue"
    queue.write_text(queue.read_text().replace("PENDING", "CANCELLED"))
    done = site(SLURM.follow_script(state("1"), HOST, 0, 0))
    assert "|CANCELLED|" in done.stdout
    assert done.returncode == 0
    done = site(SLURM.follow_script(state("1"), HOST, 0, 0), squeue="echo 'no answer' >&2; exit 1")
    assert (done.returncode, done.stderr) == (69, "no answer\n")


def test_ends_of_outputs(site: Site) -> None:
    site.submit(JOB)
    site.runs("1")
    (site.data / "jobs/1.out").write_text("0123456789")
    (site.data / "jobs/2.err").write_text("oops")
    two = state("2")._replace(errors="jobs/2.err")
    done = site(SLURM.tails_script([state("1"), two], HOST, 4))
    assert read_tails(done.stdout.encode()) == {"1": b"6789", "2": b"oops"}
    done = site(SLURM.failures_script(HOST, 5, 4))
    assert read_tails(done.stdout.encode()) == {"1": b"6789"}


def test_the_outcome_that_slurm_reports_is_stored(site: Site) -> None:
    site.submit(JOB)
    queue = site.stub / "queue"
    queue.write_text(queue.read_text().replace("PENDING|None", "TIMEOUT|TimeLimit"))
    assert site.states() == {"1": ("done", "killed", None)}
    queue.unlink()
    assert site.states() == {"1": ("done", "killed", None)}


def test_the_accounts_are_asked_for_forgotten_jobs(site: Site) -> None:
    site.submit(JOB)
    (site.stub / "queue").unlink()
    assert site.states() == {"1": ("done", "unknown", None)}
    site.put("sacct", "#!/bin/sh\necho '1|OUT_OF_MEMORY|0:125|100|101|102|n1'\n")
    (site.stub / "scontrol").write_text(f"{CONFIG}; echo 'AccountingStorageType = accounting_storage/slurmdbd'")
    assert site.states() == {"1": ("done", "killed", None)}


def test_cancel_refresh_and_capacity(site: Site) -> None:
    assert site(SLURM.cancel_script(HOST, ["3", "4_1"])).stdout == "pueue-skill reply\n0\n"
    assert site.called("scancel") == ["3 4_1"]
    assert (site.data / "journal").read_text() == "gone|3\ngone|4_1\n"
    assert site(SLURM.restart_script(RestartRequest(HOST, "b", (), ("k1", "k2")))).stdout == "pueue-skill reply\n"
    assert (site.home / ".local/share/pueue-skill/batches/b.refresh").read_text() == "k1\nk2\n"
    partition = r"echo 'partition|main*|up|1:00:00|2|8|64000|(null)'"
    found = SLURM.read_capacity(site(SLURM.capacity_script(HOST), sinfo=partition).stdout)
    assert found == (
        0,
        ["partition main* (up): 2 nodes of 8 CPUs and 64000 MB; 1:00:00 at most", "MaxArraySize: 1001", "MaxJobCount: 10"],
    )  # fmt: skip


def test_versions(site: Site) -> None:
    assert site(SLURM.versions_script(HOST), sbatch="echo slurm-wlm 22.05").stdout == "slurm-wlm 22.05\n"


def test_a_controller_that_does_not_answer(site: Site) -> None:
    assert site(SLURM.status_script(HOST), scontrol="exit 1").returncode == 69
    done = site(SLURM.status_script(HOST), scontrol=CONFIG, squeue="exit 1")
    assert (done.returncode, done.stdout) == (69, "")


def test_an_invocation_needs_only_bash_and_sbatch(site: Site) -> None:
    text = SLURM.invocation((JOB, JOB._replace(key="k2", after=("k1",))), HOST)
    assert "#" not in text.replace("#!/bin/sh\n", "").replace("#*", "").replace("##", "").replace("%%#", "")
    done = subprocess.run(["bash", "-c", text], env=site.env, cwd=site.home, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("1\n2\n", "")
    assert "--comment=pueue-skill k2 --dependency=afterok:1" in site.called("sbatch")[1]
    assert [key for _, key, _ in SLURM.submissions(text)] == ["k1", "k2"]
    done = site.runs("1", SLURM_SUBMIT_DIR=str(site.home))
    assert (done.stdout, done.returncode) == ("it's\n", 3)
    assert parse_snapshot((site.data / "ended.n1").read_text()).exit_codes == {"k1": [3]}
