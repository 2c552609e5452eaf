"""Answers of hosts: read whole or not at all."""

from __future__ import annotations

import pytest
from memory_host import Memory, cut, late, queue_down, refused

from pueue_skill.hosts import client, transport
from pueue_skill.hosts.client import Unreachable
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell.model import Host


def states(memory: Memory) -> list[JobState]:
    return list(client.fetch_queue(memory.far.host).states)


def test_a_queue_that_was_cut_off_anywhere_is_no_queue(memory: Memory) -> None:
    memory.far.add(label="a")
    whole = len(memory.far.answer('{"ask": "status"}'))
    for count in range(whole):
        memory.far.faults.append(cut(count))
        with pytest.raises(Unreachable, match="far cannot be reached"):
            client.fetch_queue(memory.far.host)
    assert [state.label for state in states(memory)] == ["a"]


def test_ends_of_outputs_that_were_cut_off_anywhere_are_none(memory: Memory) -> None:
    for i in range(3):
        memory.far.write(memory.far.add().id, b"output %d\n" % i)
    jobs = states(memory)
    found = client.fetch_tails(memory.far.host, jobs, 4)
    assert found == {"m1": b"t 0\n", "m2": b"t 1\n", "m3": b"t 2\n"}
    whole = len(memory.far.answer('{"ask": "tails", "ids": ["m1", "m2", "m3"], "count": 4}'))
    for count in range(whole):
        memory.far.faults.append(cut(count))
        with pytest.raises(Unreachable, match="far cannot be reached"):
            client.fetch_tails(memory.far.host, jobs, 4)
    memory.far.faults.append(queue_down)
    with pytest.raises(Unreachable, match="no daemon"):
        client.fetch_tails(memory.far.host, jobs, 4)
    assert client.fetch_tails(memory.far.host, [], 4) == {}


def test_hosts_answer_for_themselves(memory: Memory) -> None:
    memory.far.add()
    memory.far.faults.append(refused)
    memory.host("slow", ssh="slow").faults.append(late(b""))
    found = {host.name: answer for host, answer in client.fetch_queues(list(memory.hosts.values()))}
    assert isinstance(found["near"], Queue)
    assert "cannot be reached" in str(found["far"])
    assert "did not answer within" in str(found["slow"])


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (b"ssh: Could not resolve hostname h: Name or service not known\n", "Could not resolve hostname h: Name or service not known"),
        (b"", "ssh gave no reason (exit code 255)"),
    ],
)  # fmt: skip
def test_a_host_without_connection_is_reported_with_the_reason_that_ssh_gave(stderr: bytes, reason: str) -> None:
    done = transport.Done(transport.SSH_FAILED, b"", stderr)
    assert client.explain_failure(Host("h", "h"), done) == f"h cannot be reached: {reason}\nTry: ssh h true"


@pytest.mark.parametrize("backend", ["pueue", "slurm"])
def test_an_empty_stderr_leaves_no_colon_behind(backend: str) -> None:
    first, *_ = client.explain_failure(Host("h", "h", backend=backend), transport.Done(1, b"", b"")).splitlines()
    assert first.endswith("gave no answer (exit code 1)")
