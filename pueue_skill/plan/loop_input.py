"""Finds a command that would read its loop's input: the body of a `while read` in, the command's name out.

Only programs that read stdin without a file operand are known here. Any other program (python) may read stdin too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pueue_skill.shell.arguments import ArgSpec, basename, parse_options
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_arguments import SSH_PROGRAMS, parse_ssh
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Script, Simple, Word
from pueue_skill.shell.wrappers import unwrap
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

MAX_DEPTH = 4
"""Depth of nested functions and shells."""


class Reader(NamedTuple):
    """A program that reads stdin without a file operand.

    The first `operands` operands are not files. `options` are its options with a value. With an option in `elsewhere`
    the first operands are files too; with one in `never` it does not read stdin. `always`: it reads stdin even with
    operands.
    """

    operands: int = 0
    options: ArgSpec = ArgSpec()
    elsewhere: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    always: bool = False


CHECKSUM_PROGRAMS = "cksum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum shasum sum"
PLAIN_READERS = "cat tac nl rev less more zless gzip gunzip zcat bzip2 bunzip2 bzcat xz unxz xzcat zstd zstdcat lz4 tsort bc dc hexdump hd"
GREP = Reader(1, ArgSpec("efmABCd", "regexp file max-count after-context before-context context"), ("-e", "-f", "--regexp", "--file"), ("-r", "-R", "--recursive"))  # fmt: skip
AWK = Reader(1, ArgSpec("vFf", "assign field-separator file"), ("-f", "--file"))
READERS: Mapping[str, Reader] = {
    **dict.fromkeys(f"{CHECKSUM_PROGRAMS} {PLAIN_READERS}".split(), Reader()),
    **dict.fromkeys(("grep", "egrep", "fgrep", "zgrep"), GREP),
    **dict.fromkeys(("rg", "ag"), Reader(1, never=("--files",))),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), AWK),
    **dict.fromkeys(("tr", "tee", "sponge", "pv", "select"), Reader(always=True)),
    **dict.fromkeys(("head", "tail"), Reader(0, ArgSpec("nc", "lines bytes"))),
    **dict.fromkeys(("sed", "gsed"), Reader(1, ArgSpec("efl", "expression file"), ("-e", "-f", "--expression", "--file"))),
    **dict.fromkeys(("base64", "base32", "fold", "fmt"), Reader(0, ArgSpec("w", "wrap width"))),
    **dict.fromkeys(("jq", "yq"), Reader(1, ArgSpec("fL", "from-file indent"), ("-f", "--from-file"), ("-n", "--null-input", "--arg", "--argjson", "--args"))),
    **dict.fromkeys(("mapfile", "readarray"), Reader(options=ArgSpec("dnOsuCc"), never=("-u",), always=True)),
    "read": Reader(options=ArgSpec("adinNptu"), never=("-u",), always=True),
    "wc": Reader(never=("--files0-from",)),
    "sort": Reader(0, ArgSpec("koStT", "key output buffer-size field-separator temporary-directory parallel"), never=("--files0-from",)),
    "uniq": Reader(0, ArgSpec("fsw", "skip-fields skip-chars check-chars")),
    "cut": Reader(0, ArgSpec("bcdf", "bytes characters delimiter fields output-delimiter")),
    "paste": Reader(0, ArgSpec("d", "delimiters")),
    "column": Reader(0, ArgSpec("cstoN", "separator output-separator table-columns")),
    "od": Reader(0, ArgSpec("AjNtwS", "format read-bytes skip-bytes address-radix")),
    "xxd": Reader(0, ArgSpec("clsgon")),
    "split": Reader(0, ArgSpec("abCln", "bytes lines number suffix-length")),
    "xargs": Reader(options=ArgSpec("adEILnPs", "arg-file"), never=("-a", "--arg-file"), always=True),
    "parallel": Reader(options=ArgSpec("ajP", "arg-file"), never=("-a", "--arg-file"), always=True),
}  # fmt: skip
"""By program."""

STDIN_PATHS = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
ONLY_BEGIN = regex(r"\s*(?:BEGIN\s*\{[^{}]*\}\s*)+")
"""An awk program that reads no input."""


def first_input_reader(nodes: tuple[Node, ...], functions: Mapping[str, Compound]) -> str:
    """The name of the first command in `nodes` that reads their stdin; empty without one."""
    return next(input_readers(nodes, functions, 0), "")


def input_readers(nodes: tuple[Node, ...], functions: Mapping[str, Compound], depth: int) -> Iterator[str]:
    """The names of the commands in `nodes` that read their stdin."""
    for node in nodes:
        if isinstance(node, Chain):
            yield from input_readers(node.parts, functions, depth)
        elif isinstance(node, Pipeline):
            yield from input_readers(node.parts[:1], functions, depth)
        else:
            words = [*node.words, *(node.assigns if isinstance(node, Simple) else ())]
            words += [redirect.target for redirect in node.redirects if redirect.target]
            for word in words:
                yield from input_readers(word.programs, functions, depth)
            if has_own_input(node) or (isinstance(node, Compound) and node.kind == "function"):
                continue
            if isinstance(node, Simple):
                yield from command_readers(node, functions, depth)
            else:
                yield from ("select",) if node.kind == "select" else ()
                yield from input_readers((*node.test, *node.body), functions, depth)


def has_own_input(node: Simple | Compound) -> bool:
    """Whether a redirect replaces stdin."""
    return any(
        redirect.op[:1] == "<" and redirect.fd in (None, "0")
        and not (redirect.target and (redirect.target.value in STDIN_PATHS - {"-"} or (redirect.op == "<&" and redirect.target.value == "0")))
        for redirect in node.redirects
    )  # fmt: skip


def command_readers(node: Simple, functions: Mapping[str, Compound], depth: int) -> Iterator[str]:
    """The names of the commands that a simple command runs and that read its stdin."""
    words = unwrap(node.words)[2] if node.words else ()
    if not words:
        return
    name = basename(words[0].value)
    function = functions.get(name)
    text = shell_text(words) if name in SHELLS else None
    if function is not None:
        yield from input_readers(function.body, functions, depth + 1) if depth < MAX_DEPTH else ()
    elif text is not None or name == "eval":
        script = parse(text.value if text else " ".join([word.value for word in words[1:]]))
        if isinstance(script, Script) and depth < MAX_DEPTH:
            yield from input_readers(script.nodes, functions, depth + 1)
    elif reads_input(name, words):
        yield name


def reads_input(name: str, words: tuple[Word, ...]) -> bool:
    """Whether a program with these words reads stdin."""
    values = [word.value for word in words[1:]]
    if name in SSH_PROGRAMS:
        ssh = parse_ssh(words)
        return ssh is not None and not {"-n", "-f"} & {option for option, _ in ssh.options}
    if name in SHELLS:
        return "-s" in values or not [value for value in values if value[:1] not in ("-", "+")]
    if name == "dd":
        return not any(value.startswith("if=") for value in values)
    row = READERS.get(name)
    if row is None:
        return False
    given, files = row.elsewhere, list[str]()
    found: set[str] = set()
    rest = words[1:]
    while rest:
        named, used = parse_options(rest, row.options)
        found |= {
            option for option, value in named if not (option == "-u" and value is not None and value.value == "0")
        }
        closed = used > 0 and rest[used - 1].value == "--"
        files += [word.value for word in (rest[used:] if closed or row.always else rest[used : used + 1])]
        rest = () if closed or row.always else rest[used + 1 :]
    if found & {*row.never} or (name == "parallel" and any(re.fullmatch(r"::::?\+?", value) for value in files)):
        return False
    if row.always:
        return True
    if name in ("awk", "gawk", "mawk", "nawk") and files and not found & {*given} and ONLY_BEGIN.fullmatch(files[0]):
        return False
    files = files if found & {*given} else files[row.operands :]
    return not files or bool(STDIN_PATHS & {*files})
