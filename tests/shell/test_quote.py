"""Quoting: real shells read a quoted value unchanged."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real import real

from pueue_skill.shell import quote

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)
HOSTILE = st.text(st.sampled_from("ab '\"$`\\!*?[]{}()<>|&;#~=%\n\t-"), max_size=30)
WORDS = st.lists(TEXT | HOSTILE, max_size=4)
# Shells themselves are slow to start, and a shrinking failure starts many.
few = settings(max_examples=60, deadline=None)


def read_by(shell: str, text: str) -> list[str]:
    """Return the words that `shell` reads from `text`."""
    show = f"printf '%s\\0' {text}"
    out = subprocess.run([real(shell), "-c", show], capture_output=True, check=True).stdout
    return out.decode("utf-8", "surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@given(words=WORDS)
@few
def test_a_quoted_line_splits_into_its_words(shell: str, words: list[str]) -> None:
    assert read_by(shell, f"x {quote.line(words)}") == ["x", *words]


@given(value=TEXT | HOSTILE)
@few
def test_a_nested_quoted_value_survives_three_shells(value: str) -> None:
    inner = f"printf %s {quote.word(value)}"
    outer = f"bash -c {quote.word(f'sh -c {quote.word(inner)}')}"
    assert subprocess.run(["sh", "-c", outer], capture_output=True, check=True).stdout == value.encode()
    assert quote.nested(value, 2) == quote.word(quote.word(value))


@given(raw=st.binary(max_size=40).filter(lambda raw: b"\0" not in raw))
@few
def test_ansi_c_quoting_keeps_any_bytes(raw: bytes) -> None:
    text = quote.ansi_c(raw.decode("utf-8", "surrogateescape"))
    assert text.isascii()
    assert quote.from_ansi_c(text).encode("utf-8", "surrogateescape") == raw
    assert subprocess.run(["bash", "-c", f"printf %s {text}"], capture_output=True, check=True).stdout == raw


@given(body=TEXT | HOSTILE | st.just("PUEUE\nPUEUE_\n"))
@few
def test_a_heredoc_keeps_its_body(body: str) -> None:
    # A heredoc's lines end with newlines; the last one is added.
    expected = body if not body or body.endswith("\n") else body + "\n"
    out = subprocess.run(["bash", "-c", quote.heredoc("cat", body)], capture_output=True, check=True).stdout
    assert out == (expected or "\n").encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain-1.0/x=y,z:a@b%c+d", "plain-1.0/x=y,z:a@b%c+d"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", '"it\'s"'),
        ("it's $HOME", "'it'\\''s $HOME'"),
        ("don't!", "'don'\\''t!'"),
        ("ä", "'ä'"),
        ("~/x", "'~/x'"),
    ],
)
def test_the_shortest_readable_form_is_used(value: str, text: str) -> None:
    assert quote.word(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [("~/a b/x", "~/'a b/x'"), ("~/bin/pueue", "~/bin/pueue"), ("~", "'~'"), ("a~", "'a~'")]
)
def test_the_tilde_of_a_path_still_expands(value: str, text: str) -> None:
    assert quote.path(value) == text


def test_a_word_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote.word("a\0b")


def test_a_quoted_word_can_be_pasted_into_an_interactive_shell() -> None:
    """Interactive shells expand history (`!`), in double quotes too."""
    words = ["don't!", "!!", "a'!b", "!$"]
    text = "set -H; printf '%s\\n' " + quote.line(words) + "\n" + quote.heredoc("cat", "!! it's !x\n")
    done = subprocess.run(["bash", "--norc", "-i"], input=text, capture_output=True, text=True, timeout=20)
    assert done.stdout.splitlines() == [*words, "!! it's !x"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="ab '\"$`\\!\n;", max_size=12), min_size=10, max_size=10))
def test_a_quoted_text_is_one_word_of_that_value(values: list[str]) -> None:
    script = "".join([f"printf '%s\\0' {quote.text(value)}\n" for value in values])
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-s"], input=script.encode(), capture_output=True)
        assert done.stdout.decode().split("\0")[:-1] == values


def test_quoted_text_is_readable() -> None:
    assert quote.text("a \"$SHELL\" -c 'cd p'") == '"a \\"\\$SHELL\\" -c \'cd p\'"'
    assert quote.text("a 'b\nc'") == quote.word("a 'b\nc'")
