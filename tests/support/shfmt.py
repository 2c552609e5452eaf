"""The trees of shfmt and of our readers in one form: words, redirects and programs with their positions and nesting.

A list is a tuple of (background, operators, pipelines); a pipeline is (prefix, commands); a command is (kind, assignments, words,
conditions, bodies, redirects); a word is (start, end, the lists in it); a redirect is (descriptor, operator, target, start of the
heredoc's body, the lists in that). Facts that one of the two does not report are omitted: the operator of a pipe, the end of a heredoc,
empty clauses of a case.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pueue_skill.shell.syntax import Chain, Compound, Node, Pipeline, Redirect, Simple, Word

SHFMT = Path(sys.executable).parent / "shfmt"


def read(text: str) -> tuple[Any, ...] | None:
    """Return the list of `text` according to shfmt, or None for a syntax error."""
    raw = text.encode()
    done = subprocess.run([SHFMT, "--to-json", "-ln", "bash"], input=raw, capture_output=True)
    return None if done.returncode else list_of_shfmt(in_characters(json.loads(done.stdout), raw).get("Stmts"))


def in_characters(value: Any, raw: bytes) -> Any:
    """Return the tree with offsets as positions; line continuations after a word are not part of the word."""
    if isinstance(value, list):
        return [in_characters(item, raw) for item in value]
    if isinstance(value, dict) and "Line" in value:
        return len(raw[: value["Offset"]].decode("utf-8", "ignore"))
    if isinstance(value, dict):
        found = {name: in_characters(item, raw) for name, item in value.items()}
        while isinstance(found.get("End"), int) and raw.decode()[: found["End"]].endswith("\\\n"):
            found["End"] -= 2
        return found
    return value


# shfmt


def list_of_shfmt(statements: Iterable[dict[str, Any]] | None) -> tuple[Any, ...]:
    found = []
    for statement in statements or ():
        operators, pipelines = and_or(statement)
        found.append((statement.get("Background", False), tuple(operators), tuple(pipelines)))
    return tuple(found)


def and_or(statement: dict[str, Any]) -> tuple[list[str], list[Any]]:
    command = statement.get("Cmd") or {}
    if command.get("Type") != "BinaryCmd" or command["Op"] not in ("&&", "||"):
        return [], [pipeline_of_shfmt(statement)]
    (left, before), (right, behind) = and_or(command["X"]), and_or(command["Y"])
    return [*left, command["Op"], *right], [*before, *behind]


def pipeline_of_shfmt(statement: dict[str, Any]) -> tuple[Any, ...]:
    prefix = ["!"] if statement.get("Negated") else []
    command = statement.get("Cmd") or {}
    if command.get("Type") == "TimeClause":
        prefix.append("time -p" if command.get("PosixFormat") else "time")
        inner = pipeline_of_shfmt(command["Stmt"]) if command.get("Stmt") else ((), ())
        return ((*prefix, *inner[0]), inner[1])
    return (tuple(prefix), tuple(commands_of_shfmt(statement)))


def commands_of_shfmt(statement: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    command = statement.get("Cmd") or {}
    if command.get("Type") == "BinaryCmd":
        yield from commands_of_shfmt(command["X"])
        yield from commands_of_shfmt(command["Y"])
        return
    redirects = tuple([redirect_of_shfmt(redirect) for redirect in statement.get("Redirs", ())])
    convert = COMMANDS[command.get("Type", "CallExpr")]
    yield (*convert(command), redirects)


def simple_of_shfmt(command: dict[str, Any]) -> tuple[Any, ...]:
    return ("simple", words_of_shfmt(command.get("Assigns")), words_of_shfmt(command.get("Args")), (), ())


def declaration(command: dict[str, Any]) -> tuple[Any, ...]:
    return ("simple", (), words_of_shfmt([command["Variant"], *command.get("Args", ())]), (), ())


def let(command: dict[str, Any]) -> tuple[Any, ...]:
    first = (command["Let"], command["Let"] + len("let"), ())
    return ("simple", (), (first, *words_of_shfmt(command["Exprs"])), (), ())


def conditional(command: dict[str, Any]) -> tuple[Any, ...]:
    clauses, rest = [], command
    while rest:
        clauses.append(rest)
        rest = rest.get("Else")
    tests = [list_of_shfmt(clause["Cond"]) for clause in clauses if "Cond" in clause]
    return ("if", (), (), tuple(tests), tuple([list_of_shfmt(clause["Then"]) for clause in clauses]))


def while_loop(command: dict[str, Any]) -> tuple[Any, ...]:
    kind = "until" if command.get("Until") else "while"
    return (kind, (), (), (list_of_shfmt(command["Cond"]),), (list_of_shfmt(command["Do"]),))


def for_loop(command: dict[str, Any]) -> tuple[Any, ...]:
    loop = command["Loop"]
    if loop["Type"] == "CStyleLoop":
        words: tuple[Any, ...] = (word_of_shfmt(loop),)
    else:
        words = words_of_shfmt([loop["Name"], *loop.get("Items", ())])
    return ("select" if command.get("Select") else "for", (), words, (), (list_of_shfmt(command["Do"]),))


def case(command: dict[str, Any]) -> tuple[Any, ...]:
    items = command.get("Items", ())
    words = [command["Word"], *[pattern for item in items for pattern in item["Patterns"]]]
    bodies = [list_of_shfmt(item["Stmts"]) for item in items if item.get("Stmts")]
    return ("case", (), words_of_shfmt(words), (), tuple(bodies))


def test(command: dict[str, Any]) -> tuple[Any, ...]:
    return ("test", (), tuple(test_words(command["X"])), (), ())


def test_words(expression: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    operator = expression.get("Op")
    mark = (expression["OpPos"], expression["OpPos"] + len(operator), ()) if operator else None
    if expression["Type"] == "Word":
        yield word_of_shfmt(expression)
    elif expression["Type"] == "BinaryTest":
        yield from [*test_words(expression["X"]), mark, *test_words(expression["Y"])]  # type: ignore[misc]
    else:
        yield from [*([mark] if mark else []), *test_words(expression["X"])]


def coprocess(command: dict[str, Any]) -> tuple[Any, ...]:
    name = [command["Name"]] if command.get("Name") else []
    return ("coproc", (), words_of_shfmt(name), (), (list_of_shfmt([command["Stmt"]]),))


COMMANDS = {
    "CallExpr": simple_of_shfmt,
    "DeclClause": declaration,
    "LetClause": let,
    "Block": lambda command: ("group", (), (), (), (list_of_shfmt(command["Stmts"]),)),
    "Subshell": lambda command: ("subshell", (), (), (), (list_of_shfmt(command["Stmts"]),)),
    "IfClause": conditional,
    "WhileClause": while_loop,
    "ForClause": for_loop,
    "CaseClause": case,
    "TestClause": test,
    "ArithmCmd": lambda command: ("arith", (), (word_of_shfmt(command),), (), ()),
    "FuncDecl": lambda c: ("function", (), words_of_shfmt([c["Name"]]), (), (list_of_shfmt([c["Body"]]),)),
    "CoprocClause": coprocess,
    "TimeClause": lambda command: (
        "time",
        (),
        (),
        (),
        (list_of_shfmt([command["Stmt"]] if "Stmt" in command else ()),),
    ),
}


def redirect_of_shfmt(redirect: dict[str, Any]) -> tuple[Any, ...]:
    fd = redirect["N"]["Value"] if redirect.get("N") else None
    body = redirect.get("Hdoc")
    where = (body["Pos"], programs_of_shfmt(body)) if body else (None, ())
    return (fd, redirect["Op"], word_of_shfmt(redirect["Word"]), *where)


def words_of_shfmt(words: Iterable[dict[str, Any]] | None) -> tuple[Any, ...]:
    return tuple([word_of_shfmt(word) for word in words or ()])


def word_of_shfmt(word: dict[str, Any]) -> tuple[Any, ...]:
    return (word["Pos"], word["End"], programs_of_shfmt(word))


def programs_of_shfmt(value: Any) -> tuple[Any, ...]:
    """Return the lists in the substitutions of a word, in order."""
    lists = sorted(substitutions(value), key=lambda found: found[0])
    return tuple([item for _, found in lists for item in found])


def substitutions(value: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(value, dict) and value.get("Type") in ("CmdSubst", "ProcSubst"):
        yield value["Pos"], list_of_shfmt(value.get("Stmts"))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from substitutions(item)


# Ours


def list_of(nodes: Iterable[Node]) -> tuple[Any, ...]:
    found = []
    operators: list[str] = []
    pipelines: list[Any] = []
    for node in nodes:
        chain = node if isinstance(node, Chain) else Chain((node,), ("",), node.start, node.end)
        for part, operator in zip(chain.parts, chain.operators, strict=True):
            pipelines.append(pipeline_of(part))
            if operator in ("&&", "||"):
                operators.append(operator)
                continue
            found.append((operator == "&", tuple(operators), tuple(pipelines)))
            operators, pipelines = [], []
    return tuple(found)


def pipeline_of(node: Node) -> tuple[Any, ...]:
    if isinstance(node, Pipeline):
        return (node.prefix, tuple([command_of(part) for part in node.parts]))
    return ((), (command_of(node),))


def command_of(node: Node) -> tuple[Any, ...]:
    assert isinstance(node, Simple | Compound)
    redirects = tuple([redirect_of(redirect) for redirect in node.redirects])
    if isinstance(node, Simple):
        return ("simple", words_of(node.assigns), words_of(node.words), (), (), redirects)
    tests, bodies = [tuple([list_of([part]) for part in parts]) for parts in (node.test, node.body)]
    return (node.kind, (), words_of(node.words), tests, bodies, redirects)


def redirect_of(redirect: Redirect) -> tuple[Any, ...]:
    assert redirect.target
    body = redirect.body
    where = (body.start, programs_of(body)) if body and body.text else (None, ())
    return (redirect.fd, redirect.op, *words_of([redirect.target]), *where)


def words_of(words: Iterable[Word]) -> tuple[Any, ...]:
    return tuple([(word.start, word.end, programs_of(word)) for word in words])


def programs_of(word: Word) -> tuple[Any, ...]:
    return list_of(word.programs)
