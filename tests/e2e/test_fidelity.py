"""Rewrites do the same work: the cases in cases/fidelity, and wrong rewrites, which the test reports.

The engine is fidelity.py; generated.py generates cases. By default the plain shapes and some cases of each row run. The long tests are
all cases, in parts of a row that xdist's workers share; 200 generated cases of each kind; and an eighth of the cases with Slurm as the
target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fidelity import Stage, stage
from fidelity_cases import Case, cases, cases_of
from fidelity_runs import Rewriting
from generated import dynamic, hostile, made_up
from hypothesis.strategies import SearchStrategy
from real import real

ALL = cases()
SHAPES = [case for case in ALL if case.row == "shapes of local commands"]
PART_SIZE = 40
"""The most cases of one test, which take some 10 s."""


def parts() -> Iterator[tuple[str, list[Case]]]:
    """Yield all cases in parts of at most PART_SIZE, each of one row, with names."""
    for row in dict.fromkeys([case.row for case in ALL]):
        here = [case for case in ALL if case.row == row]
        for start in range(0, len(here), PART_SIZE):
            yield f"{row} from {start}", here[start : start + PART_SIZE]


PARTS = dict(parts())


@pytest.fixture(scope="module")
def theatre() -> Iterator[Stage]:
    for program in ("sshd", "pueued"):
        real(program)
    with stage() as one:
        yield one


def proven(theatre: Stage, wanted: list[Case], run: bool = True) -> None:
    wrong = [outcome.report() for outcome in theatre.outcomes(wanted, run=run) if outcome.kind == "different"]
    assert not wrong, "\n\n".join(wrong)


def test_there_are_enough_cases() -> None:
    assert len(ALL) >= 400
    assert len(SHAPES) >= 32


def test_the_plain_shapes(theatre: Stage) -> None:
    proven(theatre, SHAPES)


def test_some_of_each_row(theatre: Stage) -> None:
    here = [case for case in ALL if not any(name in case.text for name in FOREIGN)]
    two = [case for row in dict.fromkeys([case.row for case in here]) for case in [c for c in here if c.row == row][:2]]
    proven(theatre, two, run=False)


@pytest.fixture(scope="module")
def slurm_theatre() -> Iterator[Stage]:
    for program in ("sshd", "pueued", "slurmctld", "munged"):
        real(program)
    with stage(slurm=True) as one:
        yield one


def test_some_of_each_row_with_slurm_as_the_target(slurm_theatre: Stage) -> None:
    here = [case for case in ALL if not any(name in case.text for name in FOREIGN)]
    wanted = [
        case for row in dict.fromkeys([case.row for case in here]) for case in [c for c in here if c.row == row][:1]
    ]
    proven(slurm_theatre, SHAPES[:4])
    proven(slurm_theatre, [*SHAPES[4:8], *wanted], run=False)


FOREIGN = ("tmux", "screen", "parallel", "dashbox", "zshbox", "fishbox", "tcshbox")
"""The programs that cases of a row need in addition to sshd and pueued."""


def test_every_case_is_in_a_part() -> None:
    assert sorted(repr(case) for part in PARTS.values() for case in part) == sorted(map(repr, ALL))


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", PARTS)
def test_all_cases(theatre: Stage, part: str) -> None:
    for program in ("zsh", "fish", "tcsh", "dash", "tmux", "screen", "parallel"):
        real(program)
    proven(theatre, PARTS[part])


EIGHTH = ALL[::8]


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", range(0, len(EIGHTH), PART_SIZE))
def test_every_eighth_case_with_slurm_as_the_target(slurm_theatre: Stage, start: int) -> None:
    """`make fidelity ARGS=--slurm` runs all cases."""
    proven(slurm_theatre, EIGHTH[start : start + PART_SIZE])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [hostile, dynamic], ids=["hostile", "dynamic"])
def test_generated_cases(theatre: Stage, kind: Callable[[], SearchStrategy[Case]]) -> None:
    proven(theatre, made_up(200, kind()), run=False)


def test_cases_of_a_file(theatre: Stage) -> None:
    texts = (
        "nohup rec a > log 2>&1 &\n====\nrec-slow a &\nrec b; wait\n====\n\n====\nls\n=====\nssh bigblack rec-kill 9\n"
    )
    found = cases_of(texts)
    assert [case.text for case in found] == [
        "nohup rec a > log 2>&1 &", "rec-slow a &\nrec b; wait", "ls", "ssh bigblack rec-kill 9",
    ]  # fmt: skip
    assert [outcome.kind for outcome in theatre.outcomes(found)] == ["identical", "identical", "left", "identical"]


ADD = "pueue add --print-task-id -- "
WRONG = {
    "rec 'a b'": (ADD + "'rec a b </dev/null'", "arguments of rec"),
    "rec a": (f"{ADD}'rec a </dev/null'; {ADD}'rec a </dev/null'", "2 as rewritten"),
    "rec b": ("true", "0 as rewritten"),
    "cd data && rec a": (ADD + "'rec a </dev/null'", "folder of rec"),
    "A=1 rec a": (ADD + "'rec a </dev/null'", "variable A"),
    "rec-in < in.txt": (ADD + "'rec-in </dev/null'", "stdin of rec-in"),
    "rec a > out": (ADD + "'rec a </dev/null'", "file local/it's here/out"),
    "rec a; exit 3": (ADD + "'rec a </dev/null'", "status: 3 as written, 0 as rewritten"),
    "rec a; rec b": (f"{ADD}'(rec b; rec a) </dev/null'", "order: "),
    "rec-slow a; rec b": (f"{ADD}'rec-slow a </dev/null'; {ADD}'rec b </dev/null'", "too early"),
    "rec c": (f"{ADD}'rec c </dev/null' >&2", "says"),
    "rec d": (f"{ADD}'rec d </dev/null'; exit 1", "ends with 1"),
    "rec e": (f"{ADD}'rec e </dev/null'; touch x", "file local/it's here/x"),
    "umask 077; rec a > out": (ADD + "'umask 077; rec a </dev/null > out; chmod 644 out'", "-rw-r--r--"),
    "rec f": (ADD + "'umask 0; rec f </dev/null'", "limits of rec"),
    "ssh bigblack rec a": (ADD + "'rec a </dev/null'", "variable PQ_HOST of rec: 'bigblack'"),
}
"""Wrong invocations of texts, each with a part of the expected report."""
WRONG_IN_PLACE = {
    "rec a": ("rec a; echo more", "stdout: 'out a"),
    "rec-err a": ("rec-err a 2>&1", "stderr: 'err a"),
    "rec-exit 3": ("rec-exit 3 || true", "status: 3 as written, 0 as rewritten"),
    "rec-in < in.txt": ("head -n 1 in.txt | rec-in", "stdin of rec-in"),
    "cd data; rec a": ("cd data; rec a; cd ..; rec b", "1 executions as written, 2 as rewritten"),
    "rec a > out": ("rec a > out; echo >> out", "file local/it's here/out"),
}
"""Wrong rewrites in place, each with a part of the expected report."""


def test_wrong_invocations_are_reported(theatre: Stage) -> None:
    cases = [Case(text, ordered=True, last="rec-slow" in text) for text in WRONG]
    for outcome in theatre.outcomes(cases, by=lambda text: Rewriting("made wrong", WRONG[text][0], None, 1)):
        assert outcome.kind == "different", outcome.case.text
        assert WRONG[outcome.case.text][1] in outcome.report()


def test_wrong_rewrites_in_place_are_reported(theatre: Stage) -> None:
    cases = [Case(text) for text in WRONG_IN_PLACE]
    for outcome in theatre.outcomes(cases, by=lambda text: Rewriting("made wrong", None, WRONG_IN_PLACE[text][0])):
        assert outcome.kind == "different", outcome.case.text
        assert WRONG_IN_PLACE[outcome.case.text][1] in outcome.report()


def test_a_correct_invocation_is_accepted(theatre: Stage) -> None:
    right = ADD + "'exec bash -c \"cd data; rec a; exit 3\" </dev/null'"
    (outcome,) = theatre.outcomes([Case("cd data; rec a; exit 3")], by=lambda _: Rewriting("made", right, None, 1))
    assert outcome.kind == "identical", outcome.report()


def test_an_unexpected_rewrite_is_reported(theatre: Stage) -> None:
    cases = [Case("ls"), Case("rec a", leave="never"), Case("ls", leave="another reason")]
    assert [outcome.kind for outcome in theatre.outcomes(cases)] == ["different"] * 3
