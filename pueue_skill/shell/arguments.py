"""How programs read their arguments: words and an ArgSpec in, options with their values out."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.shell import quote
from pueue_skill.shell.detaching import ALWAYS, OPERAND
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.record import NamedTuple

FALSE_VALUES = ("false", "False", "FALSE", "f", "F", "0")
"""Values that turn off a boolean option of a Go program (`--detach=false`)."""


class ArgSpec(NamedTuple):
    """The options of a program that take a value, and, for a wrapper, where the wrapped command begins.

    `short` are one-letter options with a value; `optional` are those whose value, if any, is in the same word. `long`
    are long options with a value, separated by blanks. A wrapper has `skip` words between its options and the command;
    `assigns` allows NAME=value words there, and `late` more options.
    """

    short: str = ""
    long: str = ""
    skip: int = 0
    assigns: bool = False
    late: bool = False
    optional: str = ""


def parse_options(words: Sequence[Word], spec: ArgSpec) -> tuple[list[tuple[str, Word | None]], int]:
    """The options that `words` begin with, as (name, value) pairs, and the number of words they use.

    Reads clusters (`-avn`), values in the same word (`-n5`, `--jobs=5`) and `--`, as getopt_long does.
    """
    valued_long = spec.long.split()
    found: list[tuple[str, Word | None]] = []
    i = 0
    while i < len(words):
        value = words[i].value
        if value == "--":
            return found, i + 1
        if value.startswith("--"):
            name, equals, _ = value.partition("=")
            if equals or name[2:] not in valued_long:
                rest = value[len(name) + 1 :]
                found.append((name, without_start(words[i], rest) if equals else None))
                i += 1
            else:
                found.append((name, words[i + 1] if i + 1 < len(words) else None))
                i += 2
            continue
        if len(value) < 2 or value[0] != "-":
            break
        i += 1
        for at, letter in enumerate(value[1:], 1):
            valued = letter in spec.short or (letter in spec.optional and at + 1 < len(value))
            if not valued and value[at + 1 : at + 2] == "=":  # a boolean of a Go program: -d=false
                rest = value[at + 2 :]
                found.append((f"-{letter}", without_start(words[i - 1], rest)))
                break
            if not valued:
                found.append((f"-{letter}", None))
            elif at + 1 < len(value):
                found.append((f"-{letter}", without_start(words[i - 1], value[at + 1 :])))
                break
            else:
                found.append((f"-{letter}", words[i] if i < len(words) else None))
                i += 1
                break
    return found, min(i, len(words))


def without_start(word: Word, rest: str) -> Word:
    """The word for `rest`, the end of the value of `word`."""
    return word._replace(text=quote.word(rest), value=rest, origin=word.origin[len(word.value) - len(rest) :])


def option_names(words: Sequence[Word], spec: ArgSpec) -> set[str]:
    """The names of the options in `words`, anywhere; OPERAND if there are other words. `--tty=false` does not count."""
    found: set[str] = set()
    while words:
        options, used = parse_options(words, spec)
        found |= {option for option, value in options if value is None or value.value not in FALSE_VALUES}
        for word in words[:used]:  # long options with one dash
            name, _, value = word.value.partition("=")
            found |= {name} if name[:1] == "-" and len(name) > 2 and value not in FALSE_VALUES else set()
        if words[used:]:
            found.add(OPERAND)
        if used and words[used - 1].value == "--":
            break
        words = words[used + 1 :]
    return found


def first_option(names: str, found: set[str]) -> str | None:
    """The first of `names` (separated by blanks) that is in `found`; empty if `names` contains ALWAYS; else None."""
    return next((name for name in names.split() if name in found), "" if ALWAYS in names.split() else None)


def option_value(words: Sequence[Word], names: set[str]) -> Word | None:
    """The word after the first of the options `names`, or None."""
    for i, word in enumerate(words[:-1]):
        if word.value in names:
            return words[i + 1]
    return None


def basename(path: str) -> str:
    """The last component of a path."""
    return path.rpartition("/")[2]
