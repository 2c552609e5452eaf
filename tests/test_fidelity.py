"""What is rewritten does the same work: the cases below cases/fidelity, and that a wrong rewriting is noticed.

The engine is fidelity.py. By default the plain shapes and some of each row are run; all of them, and 200 made-up ones, are long.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fidelity import Case, Rewriting, Stage, cases, made_up, stage
from real import real

ALL = cases()
SHAPES = [case for case in ALL if case.row == "a local line, by shape"]


@pytest.fixture(scope="module")
def theatre() -> Iterator[Stage]:
    for program in ("sshd", "pueued"):
        real(program)
    with stage() as one:
        yield one


def proven(theatre: Stage, wanted: list[Case]) -> None:
    different = [outcome.case for outcome in theatre.outcomes(wanted) if outcome.kind == "different"]
    # By itself, once more: on a machine that does too much at once a queue can be later than anyone waits.
    wrong = [again.report() for case in different for again in theatre.outcomes([case]) if again.kind == "different"]
    assert not wrong, "\n\n".join(wrong)


def test_there_are_enough_cases() -> None:
    assert len(ALL) >= 400
    assert len(SHAPES) >= 32


def test_the_plain_shapes(theatre: Stage) -> None:
    proven(theatre, SHAPES)


def test_some_of_each_row(theatre: Stage) -> None:
    two = {case.row: [one for one in ALL if one.row == case.row and "HOST" not in one.text][:2] for case in ALL}
    proven(
        theatre, [case for found in two.values() for case in found if not any(name in case.text for name in FOREIGN)]
    )


FOREIGN = ("tmux", "screen", "parallel", "dashbox", "zshbox", "fishbox", "tcshbox")
"""What the cases of a row need beside sshd and pueued."""


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_all_cases(theatre: Stage) -> None:
    for program in ("zsh", "fish", "tcsh", "dash", "tmux", "screen", "parallel"):
        real(program)
    proven(theatre, ALL)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_made_up_cases(theatre: Stage) -> None:
    proven(theatre, made_up(200))


ADD = "pueue add --print-task-id -- "


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("rec 'a b'", ADD + "'rec a b </dev/null'", "arguments of rec"),
        ("rec a", f"{ADD}'rec a </dev/null'; {ADD}'rec a </dev/null'", "2 as rewritten"),
        ("rec a", "true", "0 as rewritten"),
        ("cd data && rec a", ADD + "'rec a </dev/null'", "folder of rec"),
        ("A=1 rec a", ADD + "'rec a </dev/null'", "variable A"),
        ("rec-in < in.txt", ADD + "'rec-in </dev/null'", "stdin of rec-in"),
        ("rec a > out", ADD + "'rec a </dev/null'", "file local/it's here/out"),
        ("rec a; exit 3", ADD + "'rec a </dev/null'", "status: 3 as written, 0 as rewritten"),
    ],
)
def test_a_wrong_rewriting_is_noticed(theatre: Stage, text: str, wrong: str, says: str) -> None:
    (outcome,) = theatre.outcomes([Case(text)], by=lambda _: Rewriting("made wrong", wrong, None, 1))
    assert outcome.kind == "different"
    assert says in outcome.report()
