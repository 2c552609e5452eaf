"""Options and operands of programs that mix them: Words in, (options, operands) out."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.shell.arguments import ArgSpec, parse_options
from pueue_skill.shell.syntax import Word


def split_arguments(words: Sequence[Word], spec: ArgSpec) -> tuple[list[tuple[str, Word | None]], list[Word]]:
    """The options of `words` with their values, and the other words; all words after `--` are others."""
    found: list[tuple[str, Word | None]] = []
    operands: list[Word] = []
    while words:
        options, used = parse_options(words, spec)
        found += options
        if used and words[used - 1].value == "--":
            return found, [*operands, *words[used:]]
        operands += words[used : used + 1]
        words = words[used + 1 :]
    return found, operands
