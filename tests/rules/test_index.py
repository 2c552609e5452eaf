"""The mapping inside a text: names in, the rest of their lines out."""

from __future__ import annotations

from pueue_skill.rules.index import FEW, Index

ROWS = {"a": "1 2", "ab": "", "b": "x\ty", "g++": "3"}


def test_an_index_answers_alike_before_and_after_it_has_a_dictionary() -> None:
    index = Index("\n" + "".join([f"{name}\t{value}\n" for name, value in ROWS.items()]))
    assert list(index) == list(ROWS)
    for _ in range(FEW):
        assert {name: index.get(name) for name in index} == ROWS
        assert [name in index for name in ("ab", "bc", "", "1 2", "y")] == [True, False, False, False, False]
        assert index.get("abc") == ""
    assert index.rows == ROWS
