"""A job is submitted exactly once, no matter where its connection breaks and who else submits it."""

from __future__ import annotations

import pytest
from memory_host import Fault, Memory, MemoryHost, cut, late, queue_down, refused, turned_away

from pueue_skill.hosts.client import RETRIES, NoConnection, Unreachable
from pueue_skill.jobs import submission
from pueue_skill.jobs.submission import NotSubmitted, Queued
from pueue_skill.plan.model import Job
from pueue_skill.queues.registry import KINDS
from pueue_skill.queues.scripts import ADDS, REPLY, end_mark

JOB = Job("k1", "far", "memory", None, "train", None, "python train.py")


class Submitter:
    """Submits to one host, and records pauses and messages."""

    def __init__(self, on: MemoryHost) -> None:
        self.on = on
        self.pauses: list[float] = []
        self.said: list[str] = []

    def __call__(self, job: Job = JOB, *faults: Fault, stdin: list[bytes] | None = None, **env: str) -> Queued:
        self.on.faults += faults
        return submission.submit(job, self.on.host, env, None, stdin, notice=self.said.append, sleep=self.pauses.append)

    @property
    def keys(self) -> list[str]:
        return [one.job["key"] for one in self.on.tasks.values()]


@pytest.fixture
def far(memory: Memory) -> Submitter:
    return Submitter(memory.far)


@pytest.fixture
def near(memory: Memory) -> Submitter:
    return Submitter(memory.near)


def test_a_job_is_queued(far: Submitter) -> None:
    queued = far()
    assert (queued.state.id, queued.state.key, queued.state.status, queued.new) == ("m1", "k1", "running", True)
    assert queued.group
    assert (queued.group.name, queued.group.limit) == ("default", 4)
    assert (far.pauses, far.said) == ([], [])


def test_the_same_key_is_the_same_job(far: Submitter) -> None:
    first, second = far(), far()
    assert (first.new, second.new) == (True, False)
    assert first.state == second.state
    assert far.keys == ["k1"]


@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("stdin", [False, True], ids=["plain", "input"])
def test_a_submission_whose_answer_is_cut_off_anywhere_is_retried(far: Submitter, stdin: bool, part: int) -> None:
    """Then it is unknown whether the job was added. It is added once, and counts as new for this caller."""
    job = JOB._replace(stdin=stdin)
    script = KINDS["memory"].submit_script(job, far.on.host)
    given = b"given" if stdin else b""
    whole = len(far.on.answer(script, {}, given + end_mark(job.key)))
    assert whole > 300
    for count in range(part, whole + 1, 8):
        far.on.tasks.clear()
        queued = far(job, cut(count), stdin=[given] if stdin else None)
        assert far.keys == ["k1"], count
        assert queued.state.key == "k1"
        assert queued.new == (count >= len(ADDS)), "it was not there before, once its host has said that it adds it"
        assert far.on.task("k1").stdin == given


@pytest.mark.parametrize(
    ("more", "env", "says"),
    [
        ({"command": "python other.py"}, {}, "it runs another command"),
        ({"group": "p1"}, {}, "it has the group default, not p1"),
        ({}, {"SEED": "2"}, "it has another environment"),
    ],
)
def test_a_key_of_another_job_is_refused(far: Submitter, more: dict[str, str], env: dict[str, str], says: str) -> None:
    far()
    with pytest.raises(NotSubmitted) as error:
        far(JOB._replace(**more), **env)  # type: ignore[arg-type]
    lines = str(error.value).splitlines()
    assert lines == [f"the key k1 belongs to far:m1, which is running; {says}", "Try: pueue-skill log far:m1, or another --key"]  # fmt: skip
    assert far.keys == ["k1"]


def test_a_key_of_a_job_that_has_ended_is_refused_with_its_outcome(far: Submitter) -> None:
    far()
    far.on.end("k1", 3)
    with pytest.raises(NotSubmitted, match=r"far:m1, which ended at .* \(failed, exit 3\); it runs another command"):
        far(JOB._replace(command="other"))


def test_another_input_under_the_same_key_is_refused(far: Submitter) -> None:
    job = JOB._replace(stdin=True)
    assert far(job, stdin=[b"a", b"b"]).new
    assert not far(job, stdin=[b"ab"]).new
    with pytest.raises(NotSubmitted, match="it reads another input"):
        far(job, stdin=[b"ab", b"c"])


def test_an_unreachable_host_is_retried_once(far: Submitter) -> None:
    assert far(JOB, refused).new
    assert len(far.pauses) == 1
    assert far.said == ["far cannot be reached: connect to host far port 22: Connection refused; trying again"]  # fmt: skip


def test_an_unreachable_host_gets_no_job(far: Submitter) -> None:
    with pytest.raises(NoConnection, match="Try: ssh far true"):
        far(JOB, refused, refused)
    assert far.keys == []


def test_a_server_with_too_many_connections_is_retried_with_growing_pauses(far: Submitter) -> None:
    assert far(JOB, *[turned_away] * RETRIES).new
    ratios = [round(later / earlier, 3) for earlier, later in zip(far.pauses, far.pauses[1:], strict=False)]
    assert ratios == [2, 2, 2, 2, 1]  # 0.5 to 8 seconds, times a factor that depends on the process
    assert 0.25 <= far.pauses[0] <= 0.75


def test_a_queue_whose_daemon_is_down_is_retried_three_times(far: Submitter) -> None:
    assert far(JOB, *[queue_down] * 3).new
    far.on.tasks.clear()
    with pytest.raises(NotSubmitted, match="no daemon"):
        far(JOB, *[queue_down] * 4)
    assert far.keys == []


def test_stdin_is_not_sent_twice_to_a_queue_whose_daemon_is_down(far: Submitter) -> None:
    with pytest.raises(NotSubmitted, match="no daemon"):
        far(JOB._replace(stdin=True), queue_down, stdin=[b"given"])
    assert far.pauses == []


def test_stdin_that_was_cut_off_is_not_submitted(far: Submitter) -> None:
    with pytest.raises(NotSubmitted, match="stdin was cut off"):
        far(JOB._replace(stdin=True), refused, stdin=[b"given"])
    assert far.keys == []


def test_an_unknown_result_is_reported(far: Submitter, near: Submitter) -> None:
    adding = f"{ADDS}\n{REPLY}\n".encode()
    with pytest.raises(Unreachable, match="It is unknown whether the job was queued"):
        far(JOB, *[cut(len(adding))] * (RETRIES + 1))
    assert far.keys == ["k1"]
    with pytest.raises(Unreachable, match="with --key k1, which queues it only once"):
        far(JOB, late(b""))
    with pytest.raises(Unreachable, match="with --key k1, which queues it only once"):
        near(JOB, late(adding))
    with pytest.raises(NotSubmitted, match="did not answer"):
        near(JOB._replace(key="k2"), late(b""))  # the script ended with its client, before it submitted
    assert not far().new


def test_names_of_dependencies(memory: Memory, far: Submitter) -> None:
    ids = [memory.far.add(label=label).id for label in ("a", "b", "a")]
    found = submission.dependencies(["a", "far:b", "far:m1", "a~1"], memory.far.host, memory.hosts)
    assert found == (ids[2], ids[1], ids[0])
    for name, says in (("c", "far has no job of that name"), ("near:m1", "m1 is a job of near"), ("far:m9", "no job")):
        with pytest.raises(NotSubmitted, match=says):
            submission.dependencies([name], memory.far.host, memory.hosts)
