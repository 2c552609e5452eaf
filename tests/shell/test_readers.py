"""The two readers, compared with each other, with tables of expected commands, and with bash.

bash is the oracle: `bash -n` accepts or rejects a text, `declare -f` prints how bash parsed it, and printf the value of a word.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from shell_texts import CONSTRUCTS, CORPUS, compositions, mutations

from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import BASHLEX_DEPTH, LIMIT, bashlex_reader, parse, treesitter_reader
from pueue_skill.shell.parse.source import DEPTH, Refused
from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Script, Simple, Unparsed, Word


def argvs(nodes: Iterable[Node]) -> Iterator[list[str]]:
    """Return the words of every simple command: those of substitutions before the command that contains them, conditions first."""
    for node in nodes:
        redirects: tuple[Redirect, ...] = ()
        if isinstance(node, Simple):
            yield from in_words((*node.assigns, *node.words))
            redirects = node.redirects
        elif isinstance(node, Pipeline | Chain):
            yield from argvs(node.parts)
        else:
            yield from in_words(node.words)
            yield from argvs((*node.test, *node.body))
            redirects = node.redirects
        for redirect in redirects:
            yield from in_words([word for word in (redirect.target, redirect.body) if word])
        if isinstance(node, Simple) and node.words:
            yield [word.value for word in node.words]


def in_words(words: Iterable[Word]) -> Iterator[list[str]]:
    for word in words:
        yield from argvs(word.programs)


def reading(reader: Any, text: str) -> Script | None:
    try:
        script: Script = reader.read(text)
    except Refused:
        return None
    return script


def bash(*args: str, text: str = "", **env: str) -> subprocess.CompletedProcess[bytes]:
    raw = text.encode("utf-8", "surrogateescape")
    return subprocess.run(["/bin/bash", *args], input=raw, capture_output=True, env={"LC_ALL": "C.UTF-8", **env})


@cache
def accepts(text: str) -> bool:
    """Return whether `bash -n` accepts a text. It exits 0 for errors in `[[ ]]`, and for a heredoc without an end."""
    done = bash("-n", text=text)
    return done.returncode == 0 and not re.search(rb"unexpected|expected|syntax error|here-document", done.stderr)


def accepted(texts: Iterable[str]) -> list[str]:
    texts = list(texts)
    with ThreadPoolExecutor(4) as pool:
        return [text for text, good in zip(texts, pool.map(accepts, texts), strict=True) if good]


# Both readers


@pytest.mark.parametrize(
    "texts",
    [CORPUS, [row["text"] for row in CONSTRUCTS], [outer for _, outer in compositions()]],
    ids=["corpus", "constructs", "compositions"],
)
@pytest.mark.long
def test_both_readers_agree_on_texts_that_both_read(texts: list[str]) -> None:
    both = 0
    for text in texts:
        first, second = reading(bashlex_reader, text), reading(treesitter_reader, text)
        if first and second:
            both += 1
            assert first.nodes == second.nodes, text
            assert first.comments == second.comments, text
            assert commands(first) == commands(second), text
    assert both > len(texts) // 3


@pytest.mark.long
def test_every_corpus_command_that_bash_accepts_is_read() -> None:
    texts = accepted(CORPUS)
    refused = [(text, script.reason) for text in texts if isinstance(script := parse(text), Unparsed)]
    alone = sum([reading(treesitter_reader, text) is not None for text in texts])
    print(f"{len(texts)} accepted by bash, {len(refused)} unparsed, {alone} read by tree-sitter alone")
    assert refused == []
    assert alone == len(texts)


@pytest.mark.long
def test_a_command_is_found_in_every_construct() -> None:
    for inner, outer in compositions():
        script, alone = reading(treesitter_reader, outer), reading(treesitter_reader, inner)
        assert script, outer
        assert alone, inner
        found = [argv for argv in argvs(script.nodes) if argv[:1] not in (["a:"], ["b:"], ["z:"])]
        assert found == list(argvs(alone.nodes)), outer


def test_bash_accepts_the_compositions() -> None:
    outers = [outer for _, outer in compositions()][::7]
    assert set(accepted(outers)) == set(outers)


@pytest.mark.parametrize("row", CONSTRUCTS, ids=lambda row: row["text"][:40])
def test_constructs(row: dict[str, Any]) -> None:
    script = reading(treesitter_reader, row["text"])
    assert script
    assert list(argvs(script.nodes)) == row["commands"]
    first = reading(bashlex_reader, row["text"])
    assert first is None or list(argvs(first.nodes)) == row["commands"]
    assert isinstance(parse(row["text"]), Script)


def test_bash_accepts_the_constructs() -> None:
    texts = [row["text"] for row in CONSTRUCTS]
    assert len(texts) > 200
    assert set(accepted(texts)) == set(texts)


MISREAD = (
    "((i++))", "if (( x > 3 )); then a; fi", "echo ${x:-$(date)}", 'echo "${x:-`date`}"', "cat ${x:-<(a)}",
    "f() { cat <<E\nrm\nE\n}", "{ cat <<E\nrm\nE\nb\n}", "cat <<E\n$(date)\nE", "cat <<E\n`date`\nE", "cat <<E\na\\\nE\nE",
    "echo $(a\nb)", "alias x='a $(b)'", "echo 'a'$(b; c\n d)", "a[0]=b c", "a > f {fd}> g", "> f x=1 a", "echo `a \\`b\\``",
    "é=1 a", "echo ${ a; }", 'echo "${x+\'a}"', "a\\", "a; \\\nb",
)  # fmt: skip


@pytest.mark.parametrize("text", MISREAD)
def test_texts_that_bashlex_misreads_are_left_to_tree_sitter(text: str) -> None:
    assert reading(bashlex_reader, text) is None


PARTED = (
    "a {\\\nd}> f", "a {d}\\\n> f", "a 2\\\n> f", "2\\\n> f a", "a 1\\\n2> f", "a >\\\n> f", "a &\\\n> f", "a &>\\\n> f", "a 2>\\\n&1", "a <\\\n<E\nb\nE",
    "a <<\\\n-E\n\tb\n\tE", "a <<\\\n<b", "a &\\\n& b", "a |\\\n| b", "a |\\\n& b", "a >\\\n| f", "a <\\\n> f", "a <\\\n(b)", "a >\\\n(b)", "case x in a) b;\\\n; esac",
    "case x in a) b;;\\\n& c) d;; esac", "(\\\n(i++))", "a <<E\n\\\nb\nE", "a 2>&\\\n1", "a >&\\\n-", "a &&\\\n(b)", "a |\\\n(b)", "a;\\\nb", "a \\\n2>f", "a 2\\\n", "a x\\\n>f",
)  # fmt: skip


@pytest.mark.parametrize("text", PARTED)
def test_a_word_split_by_a_line_continuation_is_one_word_or_unparsed(text: str) -> None:
    joined = reading(treesitter_reader, text.replace("\\\n", ""))
    assert joined
    for reader in (bashlex_reader, treesitter_reader):
        script = reading(reader, text)
        assert script is None or shape(script.nodes) == shape(joined.nodes)
        assert script is None or commands(script) == commands(parse(text))  # type: ignore[arg-type]


# bash


def test_words_equal_those_of_bash() -> None:
    words: dict[str, str] = {}
    texts = [*CORPUS, *[row["text"] for row in CONSTRUCTS]]
    for script in [reading(treesitter_reader, text) for text in texts]:
        for word in static_words(script.nodes if script else ()):
            words[word.text] = word.value
    assert len(words) > 2000
    # A text from between backticks is not in the document literally: it has lost its escapes.
    done = bash("--norc", "-r", "-s", text="printf '%s\\0' " + " ".join(words))
    assert done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1] == list(words.values())


def static_words(nodes: Iterable[Node]) -> Iterator[Word]:
    for node in nodes:
        if isinstance(node, Simple):
            for word in node.words:
                yield from static_words(word.programs)
                if word.static:
                    yield word
        elif isinstance(node, Pipeline | Chain):
            yield from static_words(node.parts)
        else:
            yield from static_words((*node.test, *node.body))


def shape(nodes: Iterable[Node]) -> tuple[Any, ...]:
    """Return a script in the form that bash prints: no positions, one kind of line end, `elif` as an if inside else."""
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, Chain):
            for part, operator in zip(node.parts, node.operators, strict=True):
                found += [*shape([part])[:1], ";" if operator in ("", "\n") else operator]
        else:
            found += [shape_of(node), ";"]
    return tuple(found)


def shape_of(node: Node) -> Any:
    if isinstance(node, Simple):
        redirects = [shape_of_redirect(redirect) for redirect in node.redirects]
        return [[shape_of_word(word) for word in node.assigns], [shape_of_word(word) for word in node.words], redirects]
    if isinstance(node, Pipeline):
        # `a |& b` is printed as `a 2>&1 | b`; of two `!` none is left.
        bangs = node.prefix.count("!") % 2
        return ["|", bangs, any(word != "!" for word in node.prefix), [shape_of(part) for part in node.parts]]
    assert isinstance(node, Compound)
    redirects = [shape_of_redirect(redirect) for redirect in node.redirects]
    words = [shape_of_word(word) for word in node.words]
    if node.kind == "if" and len(node.test) > 1:
        rest = node._replace(test=node.test[1:], body=node.body[1:], redirects=())
        return ["if", [], [shape(node.test[:1])], [shape(node.body[:1]), (shape_of(rest), ";")], redirects]
    if node.kind in ("for", "select") and len(words) == 1 and not node.words[0].text.startswith("(("):
        words.append("$@")
    if node.kind == "test":
        words = [word for word in words if word != "-n"]
    if node.kind == "coproc":
        words = words or ["COPROC"]
    body = [shape([part]) for part in node.body]
    if node.kind == "function" and isinstance(node.body[0], Compound) and node.body[0].kind != "group":
        body = [(["group", [], [], body, []], ";")]
    return [node.kind, words, [shape([part]) for part in node.test], body, redirects]


def shape_of_word(word: Word) -> Any:
    if word.programs:
        return [shape([program]) for program in word.programs]
    spaced = word.value.startswith("((") or "=(" in word.value
    return re.sub(r"\s+", "", word.value) if spaced else word.value


def shape_of_redirect(redirect: Redirect) -> Any:
    operator, fd = redirect.op, redirect.fd
    assert redirect.target
    target = shape_of_word(redirect.target)
    if operator == "<&" and target == "-":
        operator, fd = ">&", fd or "0"
    if fd == ("0" if operator[0] == "<" else "1"):
        fd = None
    body = redirect.body and shape_of_word(redirect.body._replace(value=redirect.body.value.replace("\\\n", "")))
    return [operator.replace("<<-", "<<"), fd, target, body]


def printed(text: str) -> str | None:
    """Return a text as bash prints it, from the body of a function that is never called."""
    function = f"as_read() {{\n{text}\n}}\n"
    if not (accepts(text) and accepts(function)):
        return None
    return bash("--norc", "-r", "-c", function + "declare -f as_read", PATH="/nonexistent").stdout.decode()


# What bash prints back otherwise than it read it: `|&`, coproc's name, an escaped newline, `$'…'` in an expansion.
REPRINTED = re.compile(r"\|&|;;?\)|\(\( ?;|\bcoproc\b|! !")


@pytest.mark.timeout(180)
@pytest.mark.long
def test_the_tree_equals_the_one_of_the_text_that_bash_prints() -> None:
    texts = [text for text in (*CORPUS, *[row["text"] for row in CONSTRUCTS]) if not REPRINTED.search(text)]
    compared = 0
    with ThreadPoolExecutor(4) as pool:
        for text, back in zip(texts, pool.map(printed, texts), strict=True):
            script = reading(treesitter_reader, text)
            if not back or not script or not script.nodes:
                continue
            again = reading(treesitter_reader, back)
            assert again, back
            function = again.nodes[0]
            assert isinstance(function, Compound)
            group = function.body[0]
            assert isinstance(group, Compound)
            assert shape(group.body) == shape(script.nodes), (text, back)
            compared += 1
    assert compared > 0.9 * len(texts)


REJECTED = (
    "; a", "a ;; b", "a & ; b", "a ; ; b", "a &&", "&& a", "| a", "a | | b", "a\n& b", "a & && b", "a | ! b",
    "(", ")", "( )", "{ }", "{ a }", "{a; }", "a; }", "} a", "a )", "( a; }", "{ a; )", "(a) b", "(a) > b c", "{ a; } b",
    "if a; then fi", "if a then b; fi", "if a; then b", "if; then a; fi", "if a; then b; fi c", "fi", "then", "done", "do a", "in",
    "while a; do done", "while a; do b; done done", "while a; do b; do c; done", "for i in a; do b; do c; done", "for i { a; }",
    "for i in a; b; done", "for i in a & do b; done", "for i in a b do c; done", "for ((i=0; i<3)); do a; done", "else", "esac",
    "case x in a b) c;; esac", "case x in a) b esac", "case x in |a) b;; esac", "case x a) b;; esac", "case x in a) b;;", "a;;",
    "f() echo", "function f echo", "function", "a=1 f() { b; }", "echo f() { a; }", "a() b() { c; }", "f() { }", "f()", "coproc",
    "echo (a)", "echo a=(b)", "\\declare a=(b)", "a=(b;c)", "a[b c", "a=(b", "echo !(a)", "a $$(b)", "(( 1 +", "$((1", "((1)",
    "[[ a b ]]", "[[ -f ]]", "[[ a == b c ]]", "[[ a\n&& b ]]", "[[ a ]] b", "[[", "[[ a == ]]", "]]", "]] a", "[[ (a ]]",
    "a >", "a > ; b", "a > > b", "a < 2> b", "a >>", "a 2>&", "a <<", "a > (b)", ">># a", "echo 'a", 'echo "a', "echo `a", "$(a", "${a",
    "echo \"${x:-it's}\"", "echo ${x/'/y}", "$(if a; then b)", "$(a; ; b)", "<(a", "echo $(a b ))", "{ a; } if b; then c; fi", "time | a",
    "! | a", "select", "select i in a b; c; done", "until a; do b", "a || && b", "a &| b", "(a))", "((a) b", "fi fi", "! fi",
    "a <<E\nb\nE\n)", "if a <<E; then\nx\nE\n", "a && # b\n", "a |\n# b\n", "case x in esac esac", "echo a | do b", "{ ; }", "(;)",
)  # fmt: skip


@pytest.mark.parametrize("text", REJECTED)
def test_texts_that_bash_rejects_are_unparsed(text: str) -> None:
    assert not accepts(text)
    script = parse(text)
    assert isinstance(script, Unparsed)
    assert script.reason


@pytest.mark.long
def test_mutated_texts_that_bash_rejects_are_unparsed() -> None:
    texts = list(mutations(4))
    good = set(accepted(texts))
    read = {text for text in texts if isinstance(parse(text), Script)}
    assert read - good == set()
    assert len(read & good) > 0.9 * len(good)


# Comments, limits, hostile texts


@pytest.mark.parametrize("text", ["# a", "# a\n# b\n", "\n  # a # b\n", "#", "#!/bin/sh", "\t# pueue: skip"])
def test_a_text_of_comments_is_a_script_without_nodes(text: str) -> None:
    first, second = bashlex_reader.read(text), treesitter_reader.read(text)
    assert first.nodes == second.nodes == ()
    assert first.comments == second.comments
    assert [comment.text for comment in first.comments] == re.findall("#.*", text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("a\0b", "NUL"),
        ("a \udcff", "UTF-8"),
        ("a\r\nb\r\n", "line ends of Windows"),
        ("echo 'a", "the quote at character 5 is not closed"),
        ('echo "a', "the double quote at character 5 is not closed"),
        ("cat <<E\na", "the heredoc at character 4 does not end"),
        ("cat <<E", "the heredoc at character 4 does not end"),
        ("echo $(a", "not closed"),
        ("echo `a", "the backtick at character 5 is not closed"),
        ("a | | b", "'|' at character 4 is not expected there"),
        ("if a; then b", "the `if` at character 0 is not closed"),
        ("a" * (LIMIT + 1), f"longer than {LIMIT} characters"),
        ("a " * 500_000, f"longer than {LIMIT} characters"),
        ("$(" * 10_000, f"more than {DEPTH} levels deep"),
        ("{ " * 10_000 + "a;" + " }" * 10_000, f"more than {DEPTH} levels deep"),
        ("if a; then " * 2_000 + "b; " + "fi; " * 2_000, f"more than {DEPTH} levels deep"),
        ("echo ${ a; }", "some versions of bash"),
    ],
)
def test_an_unparsed_text_has_a_reason(text: str, reason: str) -> None:
    script = parse(text)
    assert isinstance(script, Unparsed)
    assert reason in script.reason


def full(piece: str, before: str = "", after: str = "") -> str:
    return before + piece * ((LIMIT - len(before) - len(after)) // len(piece)) + after


DEEP = 10_000
CHARACTERS = [char for char in map(chr, range(33, 127)) if not char.isalnum() or char in "aZ0"]
"""Printable characters; one lower-case letter, one capital and one digit represent all of them."""
HOSTILE = [
    *[opener * DEEP for opener in ("(", "((", "{ ", "$(", "$((", "${", "`", "[[ (", "<(", "$[", "a=(", "a[", '"$(', "if ", "! ", "time ")],
    *["a" + closer * DEEP for closer in (")", "}", " ]]", "; fi", "; done", ";;", "`", '"', "'")],
    *["echo " + a * 5_000 + "a" + b * 5_000 for a, b in [("$(", ")"), ("${x:-", "}"), ("$((", "))"), ("<(", ")"), ("{a,", "}")]],
    *["echo " + a * 90 + "a " * 10_000 + b * 90 for a, b in [("$(", ")"), ('"$(', ')"'), ("${x:-", "}"), ('"${x:-', '}"')]],
    *[full(piece) + "a" for piece in ("a && ", "a | ", "a; ", "a\n", "a & ", "> f ", "a[0]=1 ", "# b\n", "\\\n", "a\\\n", "(a)\n", "! ")],
    *[full(piece, "echo ") for piece in ("$(a) ", "`a` ", '"$(a)" ', "<(a) ", "$x ", "'a'", '"', "$", "\\", "*", "~", "{1..2} ", "[")],
    full("$(a) `b` $((1)) ${c}\n", "cat <<E\n", "E"), full("\t\tx\n", "cat <<-E\n", "E"), full("\\\n", "cat <<E\n", "\nE"),
    "cat " + "<<E " * DEEP, "cat " + "<<E " * 5_000 + "\n" + "E\n" * 5_000, '"$(cat <<E\n' * 3_000, "a(" * DEEP, "echo '" + ")" * DEEP + "'; " + "(" * DEEP,
    full("a|", "case a in ", "a) b;; esac"), full("case a in b) "), full("for a in b; do "), full("f() { a; }\n"), full("a) b;; ", "case x in ", "esac"),
    "echo " + "$((" * 60 + "a" + ") )" * 60, full("$((1))", "echo "), "((" * 45 + "a" + ") )" * 45, full("# b\n", "a=(", ")"),
    full(",", "echo {"), full("{,", "echo "), full(".", "echo {"), full(":", "a=~"), full("]", "a["), full("[", "a"),
    *[full(char, "a ") for char in [" ", *CHARACTERS]], *[full(f"{char} ") for char in CHARACTERS],
    "bash -c '" * 7 + "a" * 50 + "'" * 7, 'eval "' * 200 + "a" + '"' * 200, full("[[ a ]] && "), full("&& a ", "[[ a ", "]]"), full("\\`", "echo `", "`"),
]  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.long
@pytest.mark.parametrize("part", range(3))
def test_hostile_texts_are_read_in_time(part: int) -> None:
    slowest = (0.0, "")
    texts = HOSTILE[part::3]
    for text in texts:
        begun = time.process_time()
        script = parse(text)
        took = time.process_time() - begun
        slowest = max(slowest, (took, text[:30]))
        assert took < 10, text[:30]
        assert isinstance(script, Script) or script.reason
        if isinstance(script, Script):
            commands(script)
    print(f"slowest of {len(texts)}: {slowest}")


@pytest.mark.parametrize("reader", [bashlex_reader, treesitter_reader])
def test_commands_are_found_at_any_depth_that_is_read(reader: Any) -> None:
    deep = DEPTH - 1 if reader is treesitter_reader else BASHLEX_DEPTH
    for opener, closer in (
        ("( ", ")"),
        ("{ ", "; }"),
        ("if a; then ", "; fi"),
        ("echo $(", ")"),
        ("f() { a | ", "; }"),
    ):
        script = reader.read(opener * deep + "b" + closer * deep)
        assert len(commands(script)) >= 1


def test_odd_strings_do_not_crash_a_reader() -> None:
    for text in (
        "echo \udcff \U0010ffff",
        "a\x01\x7f\x0b\x0c\x85\u2028b c",
        "\ufeffecho a",
        "echo\xa0a",
        "é() { ü; }",
    ):
        script = treesitter_reader.read(text)
        assert accepts(text)
        assert script.nodes


def test_tree_sitter_is_loaded_only_for_texts_that_bashlex_cannot_read() -> None:
    probe = "import sys; from pueue_skill.shell.parse import parse; print(parse(sys.argv[1]).parser, 'tree_sitter' in sys.modules)"
    for text, expected in (("ls -l | wc", "bashlex False"), ("[[ a ]] && b", "tree-sitter True")):
        done = subprocess.run([sys.executable, "-c", probe, text], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
