"""The Protocol `Kind` for every kind of queue: its members, complete answers only, and invocations that can be read back."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import memory
import pytest
from answers import SAMPLES, Sample, job

from pueue_skill.plan.model import Each, Job
from pueue_skill.queues import protocol
from pueue_skill.queues.actions import UNSUPPORTED, VERBS
from pueue_skill.queues.model import Queue, Submission
from pueue_skill.queues.registry import KINDS, MODULES
from pueue_skill.shell.model import Host

ALL: dict[str, Any] = {**KINDS, "memory": memory}


def kind_of_protocol() -> Any:
    """The Protocol as the type checker sees it: at run time its module leaves it out."""
    text = Path(protocol.__file__).read_text().replace("TYPE_CHECKING = False", "TYPE_CHECKING = True")
    names: dict[str, Any] = {"__name__": "protocol"}
    exec(compile(text, protocol.__file__, "exec"), names)  # noqa: S102
    return names["Kind"]


KIND = kind_of_protocol()
MEMBERS = {name: member for name, member in vars(KIND).items() if not name.startswith("_")}


def test_each_member_lies_in_one_module() -> None:
    members = [name for names in MODULES.values() for name in names]
    assert sorted(members) == sorted(MEMBERS)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("kind", ALL)
def test_a_kind_has_the_members_of_the_protocol(kind: str, name: str) -> None:
    wanted, found = MEMBERS[name], getattr(ALL[kind], name)
    if isinstance(wanted, property):
        types = {"bool": bool, "tuple[str, ...]": tuple, "Mapping[str, str]": object, "Pattern[str]": object}
        assert isinstance(found, types[inspect.get_annotations(wanted.fget)["return"]])  # type: ignore[arg-type]
        return
    signature = inspect.signature(wanted)
    parameters = [one.replace() for one in signature.parameters.values() if one.name != "self"]
    given = list(inspect.signature(found).parameters.values())
    assert [(one.name, one.default, one.annotation) for one in given] == [
        (one.name, one.default, one.annotation) for one in parameters
    ]


@pytest.mark.parametrize("kind", ALL)
def test_unsupported_calls_exist(kind: str) -> None:
    calls = {"kill", "cancel", "withdraw", "pause", "stash", "start", "enqueue", "restart", "remove"}
    assert calls >= UNSUPPORTED.keys()
    assert calls >= ALL[kind].UNSUPPORTED.keys()
    assert set(VERBS) >= set(ALL[kind].GROUP_VERBS)


def test_every_kind_has_samples() -> None:
    reads = {name for name in MEMBERS if name.startswith("read_")}
    # read_state reads a frame, read_restart says itself whether all was done.
    for kind in ALL:
        known = {"read_preflight"} if ALL[kind].preflight_script(Host("h", backend=kind)) == "" else set()
        assert SAMPLES[kind]().keys() == reads - known - {"read_state", "read_restart"}


READS = [(kind, name) for kind, samples in SAMPLES.items() for name in samples()]


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    kind, name = request.param
    return SAMPLES[kind]()[name]


@pytest.mark.parametrize("sample", READS, indirect=True, ids="-".join)
def test_an_answer_that_is_cut_off_is_refused(sample: Sample) -> None:
    """At each line, and a byte before its end; text before the reply line is ignored."""
    sample.read(sample.answer)
    assert sample.read("motd\npueue-skill\n" + sample.answer) == sample.read(sample.answer)
    ends = [place for place, char in enumerate(sample.answer) if char == "\n"]
    for place in [0, *ends[:-1]]:
        for cut in {place, max(place - 1, 0), place + 1}:
            with pytest.raises(ValueError):  # noqa: PT011 the message is the queue's
                sample.read(sample.answer[:cut])


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_queue_is_read(kind: str) -> None:
    sample = SAMPLES[kind]()["read_status"]
    queue = sample.read(sample.answer)
    assert isinstance(queue, Queue)
    assert {state.key: (state.status, state.result, state.exit_code) for state in queue.states} == {
        "k1": ("done", "failed", 3), "k2": ("running", None, None)
    }  # fmt: skip
    assert all(ALL[kind].ID.fullmatch(state.id) for state in queue.states)
    assert [group.name for group in queue.groups] == ["default"]


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_submission_is_read(kind: str) -> None:
    sample = SAMPLES[kind]()["read_submission"]
    found = sample.read(sample.answer)
    assert isinstance(found, Submission)
    assert found.state
    assert found.state.key == "k1"


@pytest.mark.parametrize("kind", ALL)
def test_an_id_is_nothing_that_sh_would_read(kind: str) -> None:
    for text in ("", "1;x", "$(x)", "1 2", "-1", "1\n", "a b"):
        assert not ALL[kind].ID.fullmatch(text)


@pytest.mark.parametrize("ssh", ["", "h", "-p 2222 me@h"])
@pytest.mark.parametrize("kind", ALL)
def test_an_invocation_is_read_back(kind: str, ssh: str) -> None:
    host = Host("h", ssh, backend=kind)
    jobs = [
        job(kind)._replace(key=key, command=command, label=label)
        for key, command, label in (("k1", "echo it's", "one"), ("k2", "echo 'a\nb'", None), ("k.3:x-1", "true", "a b"))
    ]
    text = ALL[kind].invocation(tuple(jobs), host)
    assert [(where, key) for where, key, _ in ALL[kind].submissions(text)] == [(ssh, one.key) for one in jobs]
    assert all(line in text for _, _, line in ALL[kind].submissions(text))
    assert ALL[kind].submissions("echo nothing\nls -la\n") == []


def test_a_loop_that_only_the_shell_knows_is_submitted_by_pueue_alone() -> None:
    for kind in ALL:
        loop = job(kind)._replace(each=Each("for x in $(seq 9); do", "done", ("x",)))
        if kind == "pueue":
            assert ALL[kind].submissions(ALL[kind].invocation((loop,), Host("h", backend=kind)))
            continue
        with pytest.raises(ValueError, match="loop"):
            ALL[kind].invocation((loop,), Host("h", backend=kind))


HOSTILE = ["x'; touch /tmp/bad; '", "$(touch /tmp/bad)", "a\nb", "-x", "\udcff"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", HOSTILE)
def test_scripts_of_hostile_jobs_are_made(kind: str, word: str) -> None:
    """A member returns text or raises ValueError with the reason, and nothing else."""
    host = Host("h", "h", backend=kind)
    for one in (Job("k", "h", kind, None, word, None, word), Job("k", "h", kind, word, "l", word, "x")):
        try:
            assert ALL[kind].submit_script(one, host)
        except ValueError:
            pass
