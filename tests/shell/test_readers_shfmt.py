"""The readers, compared with shfmt, which has a separate parser of bash: the same words, redirects and programs, at the same positions.

If the two differ, bash is right, and cases/shfmt.toml explains shfmt's error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import shfmt
from shell_texts import CASES, CONSTRUCTS, CORPUS, compositions, mutations

from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

KNOWN = tomllib.loads((CASES / "shfmt.toml").read_text())


def listed(kind: str, text: str) -> bool:
    """Return whether a row of cases/shfmt.toml says that shfmt `differs` for such a text, or `refuses` it."""
    return any(re.search(row["pattern"], text) for row in KNOWN[kind])


def compared(texts: Iterable[str]) -> tuple[list[str], list[str], int]:
    """Return the texts that shfmt reads differently, those that only shfmt refuses, and the number of equal results."""
    ours = {text: script for text in texts if isinstance(script := parse(text), Script)}
    with ThreadPoolExecutor(4) as pool:
        theirs = dict(zip(ours, pool.map(shfmt.read, ours), strict=True))
    refused = [text for text, lists in theirs.items() if lists is None]
    different = [
        text for text, lists in theirs.items() if lists is not None and lists != shfmt.list_of(ours[text].nodes)
    ]
    return different, refused, len(ours) - len(refused) - len(different)


@pytest.mark.parametrize(
    ("texts", "at_least"),
    [
        pytest.param(CORPUS, 2800, id="corpus"),
        pytest.param([row["text"] for row in CONSTRUCTS], 390, id="constructs"),
        pytest.param([outer for _, outer in compositions()][::5], 1500, id="compositions"),
    ],
)
@pytest.mark.long
def test_shfmt_reads_the_same_words(texts: list[str], at_least: int) -> None:
    different, refused, alike = compared(texts)
    assert [text for text in different if not listed("differs", text)] == []
    assert [text for text in refused if not listed("refuses", text)] == []
    assert alike >= at_least


@pytest.mark.long
def test_shfmt_agrees_on_mutated_texts_that_it_accepts() -> None:
    different, _, alike = compared(mutations(4))
    assert [text for text in different if not listed("differs", text)] == []
    assert alike > 500


@pytest.mark.parametrize("row", KNOWN["differs"], ids=lambda row: row["reason"])
def test_each_listed_difference_still_exists(row: dict[str, Any]) -> None:
    assert re.search(row["pattern"], row["example"])
    assert compared([row["example"]]) == ([row["example"]], [], 0)


@pytest.mark.parametrize("row", KNOWN["refuses"], ids=lambda row: row["reason"])
def test_each_listed_refusal_still_exists(row: dict[str, Any]) -> None:
    assert re.search(row["pattern"], row["example"])
    assert compared([row["example"]]) == ([], [row["example"]], 0)
