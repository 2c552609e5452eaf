"""Programs judged by their subcommand and options: a Command in, a Weight or None out.

The knowledge is in the files of tools/, which `make gen` compiles into known.py. A pattern is a short text that is compared with the
structure of a command: `sync|copy --checksum !--interactive -n>100`. Plain words are the subcommand; other options may precede it. Options
must be given, or not (`!`), with any value, one of several (`=a|b`), or a number above or below a limit (`>`, `<`). `|` separates
alternatives, and `*` stands for any characters of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pueue_skill.rules.known import ENTRIES, TOOLS
from pueue_skill.rules.model import Weight
from pueue_skill.shell import quote
from pueue_skill.shell.model import Command
from pueue_skill.shell.syntax import Word
from pueue_skill.startup.numbers import number
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.literals import Confidence, Size

TABLE = TOOLS
"""The places of a program's entries in ENTRIES, by its name; by `-m NAME` for a Python module."""

SIZES = ("quick", "wait", "server", "long")
"""Of two patterns that fit equally well, the one whose size comes first counts."""

TOKEN = regex(r"(!?)([^!=<>]+)(?:([=<>])(.*))?")
UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
"""Units of numbers and durations: `m` is a minute, and `M` a million."""
CLOCK = regex(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]*)?)")
BUNDLE = regex(r"-[A-Za-z0-9]{2,}")
LONG_NAME = regex(r"-[a-z]+[a-z_]{4,}(=.*)?")
"""An option that is a word after one dash: the program has such options, and does not bundle letters."""


class Row(NamedTuple):
    """A pattern as text, the size of the commands that it fits, and its line in the file."""

    size: Size
    pattern: str
    line: int


class Entry(NamedTuple):
    """A [[tools]] table of a file.

    `noun` completes "this is …". `launches` is `python` for a program that runs the Python script among its arguments, `command` for one
    that runs a command, in both cases after one of the subcommands `launching`, if there are any. `valued` are options that take a value, without dashes. `letters`: the first word is a bundle of letters (`tar xzf`).
    `computes`: long runs only compute; they remove, overwrite or send nothing.
    """

    file: str
    noun: str
    confidence: Confidence
    launches: str
    launching: tuple[str, ...]
    valued: tuple[str, ...]
    letters: bool
    computes: bool
    rows: tuple[tuple[Size, str, int], ...]


class Term(NamedTuple):
    """An option, or the name of a NAME=VALUE word: alternatives of its name, and what its value must be."""

    names: tuple[str, ...]
    operator: str
    values: tuple[str, ...]


class Pattern(NamedTuple):
    """A parsed pattern: the alternatives for each word of the subcommand, and the terms that must or must not fit."""

    words: tuple[tuple[str, ...], ...]
    required: tuple[Term, ...]
    excluded: tuple[Term, ...]


class Argument(NamedTuple):
    """An argument; `may_be_value`: it follows an option and may be the value of that option."""

    value: str
    may_be_value: bool


class Match(NamedTuple):
    """The pattern that fits a command best, and its entry."""

    entry: Entry
    row: Row
    pattern: Pattern

    @property
    def source(self) -> str:
        """The file and line."""
        return f"{self.entry.file}:{self.row.line}"


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern. Raises ValueError with a sentence about the wrong part."""
    words: list[tuple[str, ...]] = []
    required: list[Term] = []
    excluded: list[Term] = []
    for token in text.split():
        match = TOKEN.fullmatch(token)
        if match is None:
            raise ValueError(f"{token} is neither a word nor an option")
        negated, name, operator, value = match.groups()
        names = tuple(name.split("|"))
        if "" in names or (operator and not value):
            raise ValueError(f"{token} has an empty alternative or value")
        if operator in ("<", ">") and amount(value) is None:
            raise ValueError(f"{token} compares with {value}, which is not a number")
        if not negated and not operator and name[0] != "-":
            if required or excluded:
                raise ValueError(f"{token} is a word of the subcommand, and must precede all options")
            words.append(names)
            continue
        values = tuple(value.split("|")) if operator else ()
        (excluded if negated else required).append(Term(tuple(map(bare, names)), operator or "", values))
    return Pattern(tuple(words), tuple(required), tuple(excluded))


def bare(name: str) -> str:
    """The name of an option as it is compared, with one dash before it and dashes for underscores; a word as it is."""
    return f"-{name.lstrip('-').replace('_', '-')}" if name[:1] == "-" else name


def entries_of(name: str) -> tuple[Entry, ...]:
    """The entries of a program."""
    return tuple([unpack(ENTRIES[int(index)]) for index in TABLE.get(name).split()])


def pack(entry: Entry) -> str:
    """The entry as a text for known.py: one field after the other, then the rows."""
    fields = [
        entry.file,
        entry.noun,
        entry.confidence,
        entry.launches,
        " ".join(entry.launching),
        " ".join(entry.valued),
    ]
    fields += ["yes" if flag else "" for flag in (entry.letters, entry.computes)]
    return "\t".join([*fields, *[f"{size}\t{line}\t{pattern}" for size, pattern, line in entry.rows]])


def unpack(text: str) -> Entry:
    """The entry of a text that `pack` returned."""
    file, noun, confidence, launches, launching, valued, letters, computes, *rest = text.split("\t")
    rows = tuple([(rest[i], rest[i + 2], int(rest[i + 1])) for i in range(0, len(rest), 3)])
    return Entry(
        file,
        noun,
        confidence,  # type: ignore[arg-type] # as packed
        launches,
        tuple(launching.split()),
        tuple(valued.split()),
        bool(letters),
        bool(computes),
        rows,  # type: ignore[arg-type] # as packed
    )


def key_and_arguments(command: Command) -> tuple[str, tuple[str, ...]]:
    """The key of a command in TABLE, and the arguments of the program or module that the key names."""
    args = command.args
    if command.name.startswith(("python", "pypy")):
        at = next((i for i, arg in enumerate(args) if arg[:1] != "-" or arg in ("-m", "-c", "-")), len(args))
        if args[at : at + 1] == ("-m",) and len(args) > at + 1:
            return f"-m {args[at + 1]}", args[at + 2 :]
    return command.name, args


def best_match(entries: Iterable[Entry], args: Sequence[str]) -> Match | None:
    """The match with the most words and options; None without a match."""
    best: Match | None = None
    rank = (-1, 0)
    entries = tuple(entries)
    valued = frozenset([option for entry in entries for option in entry.valued])
    if args and any(entry.letters for entry in entries) and args[0].isalpha():
        args = ("-" + args[0], *args[1:])
    operands = operands_of(args, valued)
    bundles = not any(LONG_NAME.fullmatch(arg) for arg in args)
    for entry in entries:
        for row in entry.rows:
            pattern = parse_pattern(row[1])
            if fits(pattern, args, operands, bundles):
                this = (len(pattern.words) + len(pattern.required), -SIZES.index(row[0]))
                if this > rank:
                    best, rank = Match(entry, Row(*row), pattern), this
    return best


def fits(pattern: Pattern, args: Sequence[str], operands: list[Argument], bundles: bool) -> bool:
    """Whether the arguments have the pattern's subcommand and options."""
    return (
        has_words(pattern.words, operands)
        and all(has_term(args, term, bundles) for term in pattern.required)
        and not any(has_term(args, term, bundles) for term in pattern.excluded)
    )


def operands_of(args: Sequence[str], valued: frozenset[str]) -> list[Argument]:
    """The arguments that are not options, nor the values of the options `valued`."""
    found: list[Argument] = []
    previous = ""
    for arg in args:
        if arg[:1] in ("-", "+"):
            previous = "" if "=" in arg or arg[0] == "+" or arg == "--" else arg
            continue
        if not previous or bare(previous) not in valued:
            found.append(Argument(arg, bool(previous)))
        previous = ""
    return found


def has_words(words: tuple[tuple[str, ...], ...], operands: list[Argument]) -> bool:
    """Whether the operands begin with the words. What may be the value of an option may be left out."""
    if not words or not operands:
        return not words
    if any(equals(glob, operands[0].value) for glob in words[0]) and has_words(words[1:], operands[1:]):
        return True
    return operands[0].may_be_value and has_words(words, operands[1:])


def begins_with(words: tuple[tuple[str, ...], ...], args: Sequence[str]) -> bool:
    """Whether the arguments begin with the words of a pattern, without options before them."""
    given = args[: len(words)]
    return len(given) == len(words) and all(
        any(equals(glob, word) for glob in globs) for globs, word in zip(words, given, strict=True)
    )


def equals(glob: str, word: str) -> bool:
    """Whether `glob`, in which `*` stands for any characters, is the word."""
    return glob == word or ("*" in glob and re.fullmatch(re.escape(glob).replace(r"\*", ".*"), word) is not None)


def has_term(args: Sequence[str], term: Term, bundles: bool) -> bool:
    """Whether an argument is the option, or the word, with a value that the term permits."""
    for i, arg in enumerate(args):
        for name in term.names:
            value = value_of(arg, name, bundles)
            if value is None:
                continue
            if not term.operator:
                return True
            if not value and arg[:1] == "-" and i + 1 < len(args):
                value = args[i + 1]
            if has_value(value, term) or (len(name) == 2 and has_value(arg[2:], term)):  # -Tclean
                return True
    return False


def value_of(arg: str, name: str, bundles: bool) -> str | None:
    """The value that `arg` has itself if it is the option or word `name`, empty without one; None if it is not."""
    own, equals_sign, value = arg.partition("=")
    if len(name) != 2 or name[0] != "-":
        return value if bare(own) == name else None
    if own == name:
        return value
    if arg[:2] == name and not arg[2].isalpha():
        return arg[2:]
    return "" if bundles and not equals_sign and name[1] in arg[1:] and BUNDLE.fullmatch(arg) else None


def has_value(value: str, term: Term) -> bool:
    """Whether the value is one of the term's, or above or below its limit. What only the shell knows is above each."""
    if term.operator == "=":
        return any(equals(glob, value) for glob in term.values)
    size = amount(value)
    limit = amount(term.values[0]) or 0
    if size is None:
        return term.operator == ">" and "$" in value
    return size > limit if term.operator == ">" else size < limit


def amount(text: str) -> float | None:
    """The number in a text, in seconds for a duration (`10m`, `1:30`); None for other texts."""
    clock = CLOCK.fullmatch(text)
    if clock:
        return 3600 * float(clock[1] or 0) + 60 * float(clock[2]) + float(clock[3])
    return number(text, UNITS)


def find_match(command: Command, own: Mapping[str, tuple[Entry, ...]] | None = None) -> Match | None:
    """The pattern for a command among the entries `own`, by default the built-in ones; None without one."""
    name, args = key_and_arguments(command)
    return best_match(entries_of(name) if own is None else own.get(name, ()), args)


def weigh_by_table(command: Command, args: tuple[str, ...] = ()) -> Weight | None:
    """The Weight from the tools' files, or None."""
    return weight_of(find_match(command))


def weight_of(match: Match | None) -> Weight | None:
    """The Weight of what a pattern fits."""
    if match is None:
        return None
    size, entry = match.row.size, match.entry
    why = {"quick": "quick with these arguments", "wait": "a wait for something else"}.get(size, entry.noun)
    if size == "server" and any(row[0] == "long" for row in entry.rows):
        why = "a server"  # the noun is about the long runs
    return Weight(size, why, confidence=entry.confidence, source=match.source)


def launched(command: Command, own: Mapping[str, tuple[Entry, ...]]) -> Command | None:
    """The command that a launcher runs, such as the script of `torchrun`; None if the program is no launcher."""
    name, args = key_and_arguments(command)
    entries = (*own.get(name, ()), *entries_of(name))
    launcher = next((entry for entry in entries if entry.launches), None)
    if launcher is None:
        return None
    valued = {option for entry in entries for option in entry.valued}
    inner = after_options(command.words[len(command.words) - len(args) :], valued)
    if launcher.launching:
        if not inner or inner[0].value not in launcher.launching:
            return None
        inner = after_options(inner[1:], valued)
    if not inner:
        return None
    if launcher.launches == "python":
        inner = (python_word(inner[0]), *inner)
    return command._replace(name=inner[0].value.rpartition("/")[2], words=inner)


def after_options(words: tuple[Word, ...], valued: set[str]) -> tuple[Word, ...]:
    """The words after the options that `words` begin with; `-m` of Python is no such option."""
    i = 0
    while i < len(words) and words[i].value[:1] == "-" and words[i].value != "-m":
        arg = words[i].value
        i += 2 if "=" not in arg and bare(arg) in valued else 1
        if arg == "--":
            break
    return words[i:]


def python_word(before: Word) -> Word:
    """The word `python` where `before` begins."""
    return before._replace(text=quote.word("python"), value="python")


def has_argument(args: tuple[str, ...], wanted: str) -> bool:
    """Whether an option (also in a bundle, `-avn`) or a word is in `args`."""
    return has_term(args, Term((bare(wanted),), "", ()), not any(LONG_NAME.fullmatch(arg) for arg in args))


def operands(args: tuple[str, ...]) -> list[str]:
    """The arguments that are not options."""
    return [arg for arg in args if arg[:1] not in ("-", "+")]


def anchors(sizes: tuple[str, ...] = ("long",)) -> set[str]:
    """Every text with a program that has one of these sizes by its table contains one of these: the program, with one word
    or option that its pattern requires; alone if a pattern requires none."""
    found: set[str] = set()
    for name in TABLE:
        program = name.removeprefix("-m ")
        for entry in entries_of(name):
            for size, text, _ in entry.rows:
                if size in sizes:
                    needed = required_texts(parse_pattern(text))
                    found |= {f"{program} {other}".rstrip() for other in needed}
    return found


def required_texts(pattern: Pattern) -> set[str]:
    """Texts of which one is in every command that the pattern fits; an empty text if nothing is sure to be there."""
    found = [{""}]
    for alternatives in [*pattern.words, *[term.names for term in pattern.required]]:
        found.append({max(re.split(r"[-*_]+", name), key=len) for name in alternatives})
    return max(found, key=lambda texts: min(map(len, texts)) / len(texts))  # few long texts are in few other commands
