"""Values of arithmetic expressions, as bash computes them."""

from __future__ import annotations

import pytest

from pueue_skill.plan.values import expand


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("-7/2", "-3"),
        ("7/-2", "-3"),
        ("-7%3", "-1"),
        ("-2**2", "4"),
        ("2**3**2", "512"),
        ("2-3-1", "-2"),
        ("-(1+2)*2", "-6"),
        ("010+1", "9"),
        ("10#010", "10"),
        ("9223372036854775806+1", "9223372036854775807"),
    ],
)
def test_arithmetic_equals_that_of_bash(expression: str, value: str) -> None:
    assert expand(f"$(({expression}))", {}) == value


@pytest.mark.parametrize("expression", ["08", "9223372036854775807+1", "1+" + "9" * 5000, "1/0"])
def test_arithmetic_that_bash_rejects_or_wraps_is_unknown(expression: str) -> None:
    assert expand(f"$(({expression}))", {}) == f"$(({expression}))"


def test_an_operator_of_a_parameter_is_unknown() -> None:
    assert expand("${x@L}", {"x": "A"}) == "${A@L}"
