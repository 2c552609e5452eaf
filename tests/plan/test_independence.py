"""Which iterations of a loop become separate jobs. The table is cases/independence.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pueue_skill.plan.analysis import analyse
from pueue_skill.plan.model import Plan
from pueue_skill.shell.model import LOCAL, Host

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/independence.toml").read_text("utf-8"))
HOSTS = {LOCAL: Host(LOCAL), "bigblack": Host("bigblack", "bigblack", "~/.local/bin/pueue")}


def plan(text: str) -> Plan:
    return analyse(text, HOSTS).plan


@pytest.mark.parametrize(("text", "reason"), CASES["dependent"].items())
def test_dependent_iterations_are_one_job(text: str, reason: str) -> None:
    made = plan(text)
    (job,) = made.jobs
    assert (job.command, job.each) == (text, None)
    assert reason in made.reason.partition("it stays one job: ")[2]


@pytest.mark.parametrize(("text", "count"), CASES["independent"].items())
def test_independent_iterations_are_several_jobs(text: str, count: int) -> None:
    made = plan(text)
    assert "it stays one job" not in made.reason
    if count:
        assert len(made.jobs) == count
    else:
        assert [job.each is not None for job in made.jobs] == [True]


@pytest.mark.parametrize(("text", "detached"), CASES["in_place"].items())
def test_only_independent_iterations_are_detached_over_ssh(text: str, detached: bool) -> None:
    made = plan(text)
    assert made.in_place is not None
    assert (" --detach " in made.in_place) == detached


OWN = ["--symbol {}", "--in data/{}.csv", "{}", "--out {}.pt", "--state=state/{}.json", "< in/{}", "2> {}.err"]
"""Texts that differ between iterations; `{}` is the value of the iteration."""
ALIKE = ["--epochs 5", "--config c.yaml", "--data data/all.parquet", "--lr 0.1", "--verbose", "--model base", "2>&1"]
SHARED = [
    "--out m.pt",
    "--state s.json",
    "-o r.csv",
    "--db=x.sqlite",
    "--weird w.bin",
    ">> all.log",
    "| tee all.log",
    "&> all.log",
]
"""A text that makes iterations dependent by itself."""
LOOPS = [
    "for s in a b c; do WORK; done", "for s in data/*.csv; do WORK; done", "while read -r s; do WORK; done < list", "for s in $(cat list); do (WORK); done",
    "f() { s=$1; WORK; }; for x in a b; do f $x; done", "for s in a b; do if true; then WORK; fi; done", "for s in a b; do { WORK; }; done",
    'for s in a b; do bash -c "WORK"; done', "cat list | xargs -I% sh -c 'WORK'", "for x in a b; do s=x$x; WORK; done",
]  # fmt: skip


def told(loop: str, words: list[str]) -> str:
    """Return the loop with the words in it, redirects last."""
    ordered = sorted(words, key=lambda word: word[0] in "<>2&|")
    work = " ".join(["python train.py", *ordered]).replace("{}", "%" if "xargs" in loop else "${s}")
    return loop.replace("WORK", work)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(LOOPS),
    st.lists(st.sampled_from(ALIKE), unique=True),
    st.sampled_from(OWN[:4]),
    st.sampled_from(SHARED),
)
def test_one_shared_file_makes_iterations_dependent(loop: str, alike: list[str], own: str, shared: str) -> None:
    made = plan(told(loop, [*[word for word in alike if word != "2>&1"], own, shared]))
    assert "it stays one job: every iteration" in made.reason


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(LOOPS), st.lists(st.sampled_from(ALIKE), unique=True))
def test_iterations_with_equal_words_are_not_taken_for_independent(loop: str, alike: list[str]) -> None:
    assert "it stays one job" in plan(told(loop, alike)).reason


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(LOOPS[:4] + LOOPS[5:]),
    st.lists(st.sampled_from(ALIKE), unique=True),
    st.lists(st.sampled_from(OWN[:4]), min_size=1, unique=True),
)
def test_iterations_with_distinct_words_are_several_jobs(loop: str, alike: list[str], own: list[str]) -> None:
    assert "it stays one job" not in plan(told(loop, [*alike, *own])).reason
