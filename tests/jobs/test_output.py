"""The output and states of a job arrive completely and once, over connections that break anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from memory_host import Fault, Memory, MemoryHost, cut, queue_down, refused

from pueue_skill.hosts.client import RETRIES, Unreachable
from pueue_skill.jobs import output
from pueue_skill.jobs.output import ConnectionLost, Event, Frames, Output
from pueue_skill.queues.model import JobState
from pueue_skill.queues.registry import KINDS

WRITTEN = b"one\nstate null\noutput 0 99\n\xff\0pueue-skill reply\nlast"
"""Output that looks like the frames around it."""


@pytest.fixture
def far(memory: Memory) -> MemoryHost:
    return memory.far


class Follower:
    """Follows a job, and records events by kind, and pauses."""

    def __init__(self, on: MemoryHost, name: str, *faults: Fault, offset: int = 0) -> None:
        self.pauses: list[float] = []
        self.events: list[Event] = []
        self.state = KINDS["memory"].read_status(on.answer('{"ask": "status"}').decode()).states[-1]
        on.faults += faults
        for event in output.follow(self.state, on.host, self.pauses.append, offset):
            self.events.append(event)

    def written(self, error: bool = False) -> bytes:
        return b"".join([one.data for one in self.events if isinstance(one, Output) and one.error == error])

    @property
    def last(self) -> tuple[str, str | None, int | None]:
        state = self.events[-1]
        assert isinstance(state, JobState)
        return state.status, state.result, state.exit_code

    @property
    def lost(self) -> list[str]:
        return [one.reason for one in self.events if isinstance(one, ConnectionLost)]


def test_the_output_of_a_job_that_has_ended(far: MemoryHost) -> None:
    far.add()
    far.write("m1", WRITTEN)
    far.end("m1", 3)
    seen = Follower(far, "m1")
    assert (seen.written(), seen.last) == (WRITTEN, ("done", "failed", 3))
    assert Follower(far, "m1", offset=4).written() == WRITTEN[4:]
    assert Follower(far, "m1", offset=len(WRITTEN)).written() == b""


@pytest.mark.parametrize("part", range(8))
def test_a_connection_that_breaks_at_any_byte_is_resumed_at_the_right_one(far: MemoryHost, part: int) -> None:
    far.add(split=True)
    far.write("m1", WRITTEN, b"bad\n" + WRITTEN)
    far.end("m1")
    frames = b"".join(filter(None, far.frames({"id": "m1", "offset": 0, "errors_offset": 0})))
    for count in range(part, len(frames), 8):
        seen = Follower(far, "m1", cut(count), cut(count // 2))
        assert seen.written() == WRITTEN, count
        assert seen.written(error=True) == b"bad\n" + WRITTEN, count
        assert seen.last == ("done", "success", 0)
        assert len(seen.lost) == len(seen.pauses) == 2


def steps(*calls: Callable[[], object]) -> Callable[[], object]:
    """Runs the next call whenever nothing new has arrived."""
    left = list(calls)
    return lambda: left.pop(0)() if left else None


def test_output_arrives_as_it_is_written(far: MemoryHost) -> None:
    far.add()
    far.idle = steps(
        lambda: far.write("m1", b"a"), lambda: far.write("m1", b"b", b"e"), lambda: far.end("m1", 2), lambda: None
    )
    seen = Follower(far, "m1")
    kinds = [event.status if isinstance(event, JobState) else event and event.data for event in seen.events]  # type: ignore[union-attr]
    assert kinds == ["running", None, b"a", None, b"b", b"e", None, "done"]


def test_output_written_while_disconnected_arrives_later(far: MemoryHost) -> None:
    far.add()
    far.write("m1", b"before ")

    def meanwhile(carry_out: Callable[[], bytes]) -> object:
        far.write("m1", b"meanwhile ")
        far.end("m1")
        return refused(carry_out)

    seen = Follower(far, "m1", cut(60), meanwhile)  # type: ignore[arg-type]
    assert seen.written() == b"before meanwhile "
    assert seen.last == ("done", "success", 0)


def test_the_output_of_a_restarted_job_is_read_from_its_beginning(far: MemoryHost) -> None:
    task = far.add()
    far.write("m1", b"first run")

    def anew() -> None:
        task.reset()
        far.settle()
        far.write("m1", b"again")

    far.idle = steps(anew, lambda: far.end("m1"))
    seen = Follower(far, "m1")
    assert seen.written() == b"first runagain"
    assert seen.last == ("done", "success", 0)


def test_pauses_grow_until_the_host_is_given_up(far: MemoryHost) -> None:
    far.add()
    pauses: list[float] = []
    state = KINDS["memory"].read_status(far.answer('{"ask": "status"}').decode()).states[0]
    far.faults += [refused] * (RETRIES + 1)
    with pytest.raises(Unreachable, match="far cannot be reached"):
        list(output.follow(state, far.host, pauses.append))
    assert pauses == [0.5, 1, 2, 4, 8, 8]


def test_retries_are_counted_from_the_last_frame(far: MemoryHost) -> None:
    far.add()
    far.write("m1", b"x" * 9)
    far.idle = steps(lambda: far.end("m1"))
    away: list[Fault] = [queue_down] * RETRIES
    seen = Follower(far, "m1", *away, cut(40), *away[1:])
    assert seen.written() == b"x" * 9
    assert seen.pauses.count(0.5) == 2
    assert set(seen.lost) == {
        "far gave no answer (exit code 69): no daemon",
        "far cannot be reached: client_loop: send disconnect: Broken pipe",
    }


def test_a_removed_job_is_not_another_job_with_its_id(far: MemoryHost) -> None:
    far.add()
    far.idle = steps(lambda: far.lose("m1"))
    with pytest.raises(Unreachable, match="far:m1 is no longer in the queue"):
        Follower(far, "m1")

    def taken() -> None:
        far.lose("m2")
        far.ids = 1
        far.add("other")

    far.add()
    far.idle = steps(taken)
    with pytest.raises(Unreachable, match="far:m2 is no longer in the queue"):
        Follower(far, "m2")


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_of_any_size_are_put_together(size: int) -> None:
    text = b"motd: output 0 3\npueue-skill reply\noutput 5 4\nab\ncstate {}\nerror 0 1\ndoutput 9 0\nstate null\n"
    frames = Frames()
    found = [frame for at in range(0, len(text), size) for frame in frames.feed(text[at : at + size])]
    assert b"".join([one.data for one in found if one.kind == "output"]) == b"ab\nc"
    assert [(one.data, one.end) for one in found if one.kind == "error"] == [(b"d", 1)]
    assert [one.data for one in found if one.kind == "state"] == [b"{}", b"null"]
    assert [one.end for one in found if one.kind == "output"][-1] == 9
