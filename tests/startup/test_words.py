"""Words of messages."""

from __future__ import annotations

from pueue_skill.startup.words import brief_reason, counted, first_names


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(count, "job") for count in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]


def test_first_names() -> None:
    assert [first_names(["a", "b", "c"], most, ", ") for most in (1, 3)] == ["a and 2 more", "a, b, c"]


def test_a_brief_reason_has_the_words_of_the_first_reader() -> None:
    reason = "the `if` at character 0 is not closed; bashlex does not read this: unexpected EOF (position 15)"
    assert brief_reason(reason) == "the `if` at character 0 is not closed"
    assert brief_reason("the command is empty") == "the command is empty"
