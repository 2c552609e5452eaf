"""startup/record.py: its NamedTuple behaves as typing's does."""

from __future__ import annotations

import copy
import typing
from typing import Any

import pytest

from pueue_skill.startup import record


class Ours(record.NamedTuple):
    """A value."""

    first: int
    second: str
    third: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first} {self.second}"


class Typings(typing.NamedTuple):
    """A value."""

    first: int
    second: str
    third: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first} {self.second}"


class Single(record.NamedTuple):
    only: int


def test_values_behave_as_those_of_typing() -> None:
    ours, typings = Ours(1, second="b"), Typings(1, second="b")
    assert tuple(ours) == tuple(typings) == (1, "b", ())
    assert repr(ours) == repr(typings).replace("Typings", "Ours")
    assert ours.both == typings.both
    assert tuple(ours._replace(third=(2,))) == tuple(typings._replace(third=(2,)))
    assert ours._asdict() == typings._asdict()
    assert hash(ours) == hash(typings)
    assert copy.copy(ours) == ours
    assert not hasattr(ours, "__dict__")
    match ours:
        case Ours(first, second):
            assert (first, second) == (1, "b")
    assert Single(3) == (3,)


@pytest.mark.parametrize("name", ["_fields", "_field_defaults", "__match_args__", "__doc__", "__module__"])
def test_classes_have_the_attributes_of_those_of_typing(name: str) -> None:
    assert getattr(Ours, name) == getattr(Typings, name)


@pytest.mark.parametrize(
    ("arguments", "named"), [((1,), {}), ((1, "b", (), 4), {}), ((1, "b"), {"other": 1}), ((1, "b"), {"first": 2})]
)
def test_wrong_arguments_give_the_errors_of_typing(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as typings:
        Typings(*arguments, **named)
    with pytest.raises(TypeError) as ours:
        Ours(*arguments, **named)
    assert str(ours.value) == str(typings.value).replace("Typings", "Ours")


def test_wrong_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="unexpected field names"):
        Ours(1, "b")._replace(other=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
        Ours._make([1])
