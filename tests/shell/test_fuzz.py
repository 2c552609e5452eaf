"""Any text: no exception, no hang, and no finding with a wrong span. `make fuzz` runs 100,000 inputs."""

from __future__ import annotations

import random

import fuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = fuzz.corpus()
PIECES = st.lists(st.sampled_from(fuzz.PIECES), max_size=20).map("".join)


@given(st.text(max_size=200) | PIECES)
@settings(max_examples=200, deadline=None)
def test_generated_text(text: str) -> None:
    fuzz.prove(text)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_commands(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 reproducible, not secret
    for _ in range(250):
        fuzz.prove(fuzz.mutated(rng.choice(CORPUS), rng.choice(CORPUS), rng))


SPECIAL = "#'\"\\$`(){}[]<>|&;!*?~=:/-+@,.% \t\na0é"
"""Characters for runs: regular expressions that can split them in many ways would never end."""


@pytest.mark.parametrize("char", SPECIAL)
def test_runs_of_characters_end_soon(char: str) -> None:
    for other in ["", *SPECIAL]:
        for text in (
            (char + other) * 400 + "\npython train.py",
            "python train.py " + (char + other) * 400,
            "ls\n" + char * 70 + other,
        ):
            fuzz.prove(text)
