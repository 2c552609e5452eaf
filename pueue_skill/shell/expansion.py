"""Shell expansion as far as the text itself determines it: Words and known variables in, fields or source text out.

The expansions are those of the bash manual (Shell Expansions) with the default IFS. What only the shell can know
(globs, unknown variables, other substitutions) is None, never a guess. Nothing here knows what the fields are for.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pueue_skill.shell import quote
from pueue_skill.shell.arguments import ArgSpec, parse_options
from pueue_skill.shell.parse import parse
from pueue_skill.shell.parse.words import read_word
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Script, Simple, Word
from pueue_skill.shell.walk import has_heredoc, redirects
from pueue_skill.startup.numbers import MOST_DIGITS
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

Value: TypeAlias = "str | tuple[str, ...]"
"""The value of a variable: a scalar or an indexed array."""

MAX_FIELDS = 10_000
"""Fields that one expansion may produce; a longer list is treated as unknown."""

NAME = r"[A-Za-z_]\w*"
ATOM = regex(
    r"\\(?s:.)"  # an escaped character
    r"|'[^']*'|\$'(?:[^'\\]|\\(?s:.))*'"
    r'|\$?"(?:[^"\\$`]|\\(?s:.)|\$(?![({])|\$\{[^{}"]*\})*"'
    rf"|\$\{{[^{{}}'\"]*\}}|\$(?:{NAME}|[0-9@*#?$!-])"
    r"|\$\((?!\()[^()'\"`]*\)|`[^`'\"()]*`"
    r"|(?s:.)"
)
PARAMETER = regex(rf"\$(?:({NAME})|\{{({NAME})\}}|\{{({NAME})\[([@*]|[0-9]{{1,18}})\]\}})")
SEQUENCE = regex(r"(-?[0-9]+|[A-Za-z])\.\.(-?[0-9]+|[A-Za-z])(?:\.\.(-?[0-9]+))?")
GLOB = regex(r"[*?\[]")
BARE = regex(r"[A-Za-z0-9_@%+:./-]+", re.ASCII)
SEQ = regex(r"(?:\$\(|`)\s*seq((?:\s+(?:-w|-?[0-9]{1,18}))+)\s*(?:\)|`)")
RESERVED = {"if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in", "function",
            "time", "select", "coproc"}  # fmt: skip
INDIRECT = regex(r"\$\{!|\b(?:declare|typeset|local)\s+-\w*n|\btrap\b|\s-v\s")
"""Text that reads a variable whose name is not written as an expansion."""

DECLARING_BUILTINS = {"export", "declare", "typeset", "readonly", "local"}
READING_BUILTINS = {"read": "dinNptu", "mapfile": "dnOsuCc", "readarray": "dnOsuCc"}


class UnknownValue(Exception):
    """Only the shell knows the value."""


class Fragment(NamedTuple):
    """A part of a word after expansion. A quoted one is neither split nor globbed; `more` begins a new field."""

    text: str
    quoted: bool
    more: bool = False


def expand_words(words: Sequence[Word], known: Mapping[str, Value]) -> tuple[str, ...] | None:
    """The fields that `words` expand to in bash, or None if only the shell knows them."""
    found: list[str] = []
    try:
        for word in words:
            for text in braces(ATOM.findall(word.text)):
                found += expand_word(ATOM.findall(text), known)
                if len(found) > MAX_FIELDS:
                    return None
    except UnknownValue:
        return None
    return tuple(found)


def braces(atoms: list[str]) -> list[str]:
    """Brace expansion (bash manual 3.5.1) on the atoms of a word: texts, for `{1,$x}y` makes `$xy`. Raises UnknownValue."""
    if atoms.count("{") > 50:
        raise UnknownValue
    for i, atom in enumerate(atoms):
        if atom != "{":
            continue
        depth, commas = 0, [i]
        for j in range(i, len(atoms)):
            depth += {"{": 1, "}": -1}.get(atoms[j], 0)
            if atoms[j] == "," and depth == 1:
                commas.append(j)
            if depth == 0:
                break
        else:
            raise UnknownValue  # bash has special rules for unbalanced braces
        inner = atoms[i + 1 : j]
        counted = sequence("".join(inner)) if len(commas) == 1 else None
        if len(commas) == 1 and counted is None and ".." in "".join(inner):
            raise UnknownValue
        if len(commas) == 1 and counted is None:
            rest = atoms[j + 1 :]
            depths = itertools.accumulate([{"{": 1, "}": -1}.get(atom, 0) for atom in rest])
            if ("," in rest or ".." in "".join(rest)) and any([depth < 0 for depth in depths]):
                raise UnknownValue  # `x{},y}`: bash takes a later brace as the closing one
            continue  # `{word}` is not a brace expansion
        parts = (
            [part for a, b in itertools.pairwise([*commas, j]) for part in braces(atoms[a + 1 : b])]
            if counted is None
            else counted
        )
        tails = braces(atoms[j + 1 :])
        if len(parts) * len(tails) > MAX_FIELDS:
            raise UnknownValue
        return ["".join(atoms[:i]) + part + tail for part in parts for tail in tails]
    return ["".join(atoms)]


def sequence(text: str) -> list[str] | None:
    """The values of `1..10`, `01..10..3` or `a..e`; None for other text. Raises UnknownValue."""
    match = SEQUENCE.fullmatch(text)
    if not match:
        return None
    first, last, step = match.groups()
    letters = first.isalpha()
    if max(len(first), len(last), len(step or "")) > MOST_DIGITS:
        raise UnknownValue
    if letters != last.isalpha() or (letters and first.isupper() != last.isupper()):
        raise UnknownValue
    a, b = (ord(first), ord(last)) if letters else (int(first), int(last))
    by = abs(int(step or 1)) or 1
    if abs(a - b) // by > MAX_FIELDS:
        raise UnknownValue
    numbers = range(a, b + 1, by) if a <= b else range(a, b - 1, -by)
    if letters:
        return [chr(number) for number in numbers]
    padded = any(re.fullmatch(r"-?0\d+", end) for end in (first, last))
    width = max(len(first), len(last)) if padded else 0
    return [f"{number:0{width}d}" for number in numbers]


def expand_word(atoms: list[str], known: Mapping[str, Value]) -> list[str]:
    """The fields of one word after parameter expansion, command substitution, word splitting and quote removal.

    Raises UnknownValue.
    """
    pieces: list[Fragment] = []
    for atom in atoms:
        pieces += expand_atom(atom, known)
    found: list[str] = []
    current: str | None = None
    for piece in pieces:
        if piece.more and current is not None:
            found.append(current)
            current = None
        if piece.quoted:
            current = (current or "") + piece.text
            continue
        if GLOB.search(piece.text):
            raise UnknownValue
        for i, part in enumerate(re.split(r"[ \t\n]+", piece.text)):
            if i and current is not None:
                found.append(current)
                current = None
            if part:
                current = (current or "") + part
    return found if current is None else [*found, current]


def expand_atom(atom: str, known: Mapping[str, Value]) -> list[Fragment]:
    """The fragments of one atom of a word. Raises UnknownValue."""
    if len(atom) == 1:
        if atom in "`$<>()~" or GLOB.match(atom):
            raise UnknownValue
        return [Fragment(atom, True)]
    counted = SEQ.fullmatch(atom)
    if counted:
        return [Fragment("\n".join(count(counted[1].split())), False)]
    if atom[0] == "$" and atom[1] not in "'\"":
        values, every = parameter_values(atom, known)
        if every:
            return [Fragment(value, False, i > 0) for i, value in enumerate(values)]
        return [Fragment(values[0], False)]
    if atom[0] == "`":
        raise UnknownValue
    if atom[0] == '"' or atom[:2] == '$"':
        return expand_double_quoted(atom.removeprefix("$")[1:-1], known)
    return [Fragment(read_word(atom, 0, len(atom)).value, True)]


def expand_double_quoted(text: str, known: Mapping[str, Value]) -> list[Fragment]:
    """The fragments of a text in double quotes. Raises UnknownValue."""
    pieces = [Fragment("", True)]
    for part in re.findall(rf"\\(?s:.)|\$\{{[^{{}}]*\}}|\$(?:{NAME}|[0-9@*#?$!-])|[^\\$]+|\$", text):
        if part[0] == "\\":
            pieces.append(Fragment(part[1] if part[1] in '$`"\\' else "" if part[1] == "\n" else part, True))
        elif part[0] == "$" and len(part) > 1:
            values, every = parameter_values(part, known)
            if every and not values and text == part:
                return []
            pieces += [Fragment(value, True, every and i > 0) for i, value in enumerate(values)]
        elif "`" in part:
            raise UnknownValue
        else:
            pieces.append(Fragment(part, True))
    return pieces


def parameter_values(expansion: str, known: Mapping[str, Value]) -> tuple[tuple[str, ...], bool]:
    """The values of `$x` or `${a[@]}`, and whether these are all elements of an array. Raises UnknownValue."""
    match = PARAMETER.fullmatch(expansion)
    name = match and (match[1] or match[2] or match[3])
    if match is None or name not in known:
        raise UnknownValue
    value = known[str(name)]
    if match[4] is None:
        return ((value,) if isinstance(value, str) else value[:1] or ("",)), False
    elements = (value,) if isinstance(value, str) else value
    if match[4] == "*":
        raise UnknownValue
    if match[4] == "@":
        return elements, True
    index = int(match[4])
    return (elements[index] if index < len(elements) else "",), False


def seq(words: Sequence[str]) -> list[str] | None:
    """The lines that seq prints for its arguments, or None if that is not certain."""
    if not all(re.fullmatch(r"-w|-?[0-9]{1,18}", word) for word in words):
        return None
    try:
        return count(list(words))
    except UnknownValue:
        return None


def count(words: list[str]) -> list[str]:
    """The lines that seq prints for integers. Raises UnknownValue."""
    wide = "-w" in words
    numbers = [int(word) for word in words if word != "-w"]
    if not 1 <= len(numbers) <= 3 or words.count("-w") > 1 or (wide and words[0] != "-w"):
        raise UnknownValue
    first, step, last = (1, 1, numbers[0]) if len(numbers) == 1 else (numbers[0], 1, numbers[-1])
    if len(numbers) == 3:
        step = numbers[1]
    if (len(numbers) < 3 and first > last) or max(map(abs, numbers)) >= 1_000_000:
        raise UnknownValue  # GNU's seq and BSD's differ
    if (
        step == 0
        or any(word.startswith("0") and len(word) > 1 for word in words)
        or abs(last - first) // abs(step) > MAX_FIELDS
    ):
        raise UnknownValue
    made = [str(number) for number in range(first, last + (1 if step > 0 else -1), step)]
    if wide:
        width = max(len(str(first)), len(str(last)))
        made = [f"{int(number):0{width}d}" for number in made]
    return made


def after_assignments(node: Node, known: Mapping[str, Value]) -> dict[str, Value] | None:
    """`known` after a simple command that only assigns variables, or None for another node. Unknown values are
    removed."""
    if not isinstance(node, Simple):
        return None
    assigns: Sequence[Word] = node.assigns
    if node.words:
        if node.words[0].value not in DECLARING_BUILTINS or node.assigns:
            return None
        assigns = [word for word in node.words[1:] if word.value[:1] != "-"]
    after = dict(known)
    for word in assigns:
        match = re.match(rf"({NAME})(\+?)=", word.text)
        if not match:
            after.pop(word.value.partition("=")[0].partition("[")[0].rstrip("+"), None)
            continue
        value = assigned_value(word.text[match.end() :], after)
        before = after.get(match[1])
        if match[2]:
            same = isinstance(before, tuple) and isinstance(value, tuple)
            value = (*before, *value) if same and before is not None and value is not None else None
        if value is None:
            after.pop(match[1], None)
        else:
            after[match[1]] = value
    return after


def assigned_value(source: str, known: Mapping[str, Value]) -> Value | None:
    """The value of the text after the `=` of an assignment: an unsplit word, or an array; None if unknown."""
    array = re.fullmatch(r"\((.*)\)", source, re.DOTALL)
    script = parse("x " + (array[1].replace("\n", " ") if array else source)) if source else None
    if script is None:
        return ""
    node = script.nodes[0] if isinstance(script, Script) and len(script.nodes) == 1 else None
    if not isinstance(node, Simple) or node.redirects:
        return None
    if array:
        if any(re.match(r"\[[^\]]*\]=", word.text) for word in node.words):
            return None
        return expand_words(node.words[1:], known)
    if len(node.words) != 2:
        return None
    atoms = ATOM.findall(node.words[1].text)
    if "{" in atoms or "~" in atoms:
        return None
    try:
        pieces = [piece for atom in atoms for piece in expand_atom(atom, known)]
    except UnknownValue:
        return None
    return None if any(piece.more for piece in pieces) else "".join([piece.text for piece in pieces])


def assigned_names(nodes: Iterable[Node]) -> set[str]:
    """The variables that `nodes` may assign; `*` for any."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Chain | Pipeline):
            found |= assigned_names(node.parts)
            continue
        words = [*node.words, *[w for r in node.redirects for w in (r.target, r.body) if w]]
        if isinstance(node, Compound):
            found |= assigned_names((*node.test, *node.body))
            if node.kind in ("for", "select") and node.words and node.words[0].text.isidentifier():
                found |= {node.words[0].text} | ({"REPLY"} if node.kind == "select" else set())
            if node.kind == "coproc":
                found.add("COPROC")
        else:
            found |= names_set_by(node)
            words += node.assigns
        for word in words:
            found |= set(re.findall(rf"\$\{{({NAME}):?=", word.text))
            if "((" in word.text or "$[" in word.text:
                arithmetic = re.split(r"\(\(|\$\[", word.text, maxsplit=1)[1]  # names_set_by reads the text before it
                found |= set(re.findall(rf"({NAME})(?:\[[^\]]*\])?\s*(?:[-+*/%&|^]|<<|>>)?=(?!=)", arithmetic))
                steps = re.findall(rf"(?:\+\+|--)\s*({NAME})|({NAME})\s*(?:\+\+|--)", arithmetic)
                found |= {before or after for before, after in steps}
        redirected = [r.fd for r in node.redirects if r.fd and r.fd.startswith("{")]
        found |= {fd.strip("{}") for fd in redirected}
    return found


def names_set_by(node: Simple) -> set[str]:
    """The variables that a simple command assigns; `*` for any."""
    names = {re.split(r"[=+\[]", word.text)[0] for word in node.assigns} if not node.words else set()
    if not node.words:
        return names
    name, args = node.words[0].value, node.words[1:]
    if name in ("eval", "source", "."):
        return {"*"}
    if name in DECLARING_BUILTINS or name in ("unset", "let"):
        return {match[0] for word in args for match in [re.match(NAME, word.value.lstrip("+-"))] if match}
    if name == "getopts":
        return {"OPTARG", "OPTIND", *[word.value for word in args[1:2]]}
    if name in READING_BUILTINS:
        found, used = parse_options(args, ArgSpec(READING_BUILTINS[name] + "a"))
        rest = [word.value for word in args[used:]]
        rest += [value.value for option, value in found if option == "-a" and value is not None]
        return {*rest} or {"REPLY" if name == "read" else "MAPFILE"}
    if name == "printf" and args and args[0].value == "-v":
        return {args[1].value} if len(args) > 1 else set()
    if name in ("wait",) and any(word.value == "-p" for word in args):
        return {args[-1].value}
    return names


def mentioned_names(text: str, nodes: Iterable[Node]) -> set[str]:
    """The variables that `nodes` may read, and possibly more: names in single quotes count too."""
    found: set[str] = set()
    for node in nodes:
        stop = max([node.end, *[redirect.body.end for redirect in redirects(node) if redirect.body]])
        source = text[node.start : stop]
        found |= set(re.findall(rf"\$\{{?[#!]?({NAME})", source))
        found |= set(re.findall(rf"\b({NAME})(?:\[[^\]\n]*\]\+?=|\+=)", source))  # the old value is read too
        if re.search(r"\(\(|\[\[|\$\[|\blet\b|\[-|-v\b|\{[^}]*\[", source):
            found |= set(re.findall(NAME, source))
    return found


def substitute(text: str, node: Node, values: Mapping[str, str]) -> str | None:
    """The source of `node` with `values` in place of variables, to be parsed again; None if that is not safe."""
    if has_heredoc(node) or {*values, "*"} & assigned_names([node]) or INDIRECT.search(text, node.start, node.end):
        return None
    out: list[tuple[int, int, str]] = []
    try:
        for word, role in words_with_roles(node):
            replaced = substitute_in_word(word, role, values)
            if replaced != word.text:
                if replaced.isdigit() and text[word.end : word.end + 1] in ("<", ">"):
                    replaced = f"'{replaced}'"
                out.append((word.start, word.end, replaced))
    except UnknownValue:
        return None
    source, at = "", node.start
    for start, end, replaced in sorted(out):
        source += text[at:start] + replaced
        at = end
    return source + text[at : node.end]


def words_with_roles(node: Node) -> Iterator[tuple[Word, str]]:
    """The words of a node, each with its role: command, word, redirect, fixed (not split), or none (not to be
    changed).

    Raises UnknownValue for a function definition.
    """
    if isinstance(node, Chain | Pipeline):
        for inner in node.parts:
            yield from words_with_roles(inner)
        return
    for redirect in node.redirects:
        if redirect.target:
            yield redirect.target, "redirect"
    if isinstance(node, Simple):
        yield from ((word, "fixed") for word in node.assigns)
        yield from ((word, "command" if word is node.words[0] else "word") for word in node.words)
        return
    if node.kind == "function":
        raise UnknownValue
    role = "word" if node.kind in ("for", "select") else "none"  # patterns and tests do not read values as words
    yield from ((word, "none" if word.text.startswith("((") else role) for word in node.words)
    for inner in (*node.test, *node.body):
        yield from words_with_roles(inner)


def substitute_in_word(word: Word, role: str, values: Mapping[str, str]) -> str:
    """The source of a word with the values in it. Raises UnknownValue."""
    if not mentions_any(word.text, values):
        return word.text
    atoms = ATOM.findall(word.text)
    # Brace and tilde expansion would run first; a lone quote or bracket belongs to a substitution with quotes.
    if role == "none" or {"{", "`", "(", '"'} & {*atoms} or (role == "fixed" and "~" in atoms):
        raise UnknownValue
    out = ""
    for atom in atoms:
        match = PARAMETER.fullmatch(atom)
        name = match and (match[1] or match[2])
        if name in values:
            out += separated(out, substitute_unquoted(values[str(name)], role, len(atoms) == 1))
        elif atom[0] == '"' or atom[:2] == '$"':
            out += substitute_double_quoted(atom, values)
        elif atom[0] == "'" or atom[:2] == "$'" or atom[0] == "\\":
            out += atom
        elif len(atom) > 1 and mentions_any(atom, values):
            raise UnknownValue
        else:
            out += atom
    if role == "command" and re.match(rf"{NAME}(?:\[.*\])?\+?=", out, re.DOTALL):
        raise UnknownValue  # the value would become an assignment
    return f"'{out}'" if role == "command" and out in RESERVED else out


def separated(before: str, value: str) -> str:
    """`value`, unless it would extend the name of an expansion before it: then raises UnknownValue."""
    if re.search(rf"\$(?:{NAME})?$", before) and re.match(r"[\w{(]", value):
        raise UnknownValue
    return value


def mentions_any(text: str, values: Mapping[str, str]) -> bool:
    """Whether `text` contains one of the names in `values`."""
    return any(re.search(rf"\b{name}\b", text) for name in values)


def substitute_unquoted(value: str, role: str, alone: bool) -> str:
    """The source of a value outside quotes, where bash splits and globs it. Raises UnknownValue."""
    if BARE.fullmatch(value):
        return value
    if role == "fixed":
        if "'" in value or "\\" in value:
            raise UnknownValue
        return f"'{value}'"
    if not alone or role == "redirect" or not value.strip(" \t\n") or GLOB.search(value) or role == "command":
        raise UnknownValue
    return " ".join([quote.word(part) if BARE.fullmatch(part) else "'" + part.replace("'", "'\\''") + "'"
                     for part in re.split(r"[ \t\n]+", value) if part])  # fmt: skip


def substitute_double_quoted(atom: str, values: Mapping[str, str]) -> str:
    """The source of a double-quoted atom with the values in it. Raises UnknownValue."""

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return match[0]
        name = match[2] or match[3]
        if name in values:
            return separated(atom[: match.start()], re.sub(r'([\\"$`])', r"\\\1", values[name]))
        if match[0].startswith("${") and mentions_any(match[0], values):
            raise UnknownValue
        return match[0]

    return re.sub(rf"(\\(?s:.))|\$({NAME})|\$\{{({NAME})\}}|\$\{{[^{{}}]*\}}", put, atom)
