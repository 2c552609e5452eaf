"""Imports bashlex with its parser tables from a cache.

bashlex 0.18 builds its LALR tables at every import, which takes 85 of the 95 ms of the import. The tables depend only on bashlex's
source, so they are stored, marshalled, in the user's cache folder; the file's name contains the size and time of that source and the
Python version. Without a valid cache, bashlex is imported as usual, and the cache is written. A test proves that both ways give the same
trees.
"""

from __future__ import annotations

import marshal
import os
import sys
from types import ModuleType, SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load() -> Any:
    """Return the module bashlex.parser, imported with cached tables if possible."""
    if "bashlex.parser" in sys.modules:
        return sys.modules["bashlex.parser"]
    folder = source_folder()
    cache = cache_file(folder) if folder else None
    tables = read(cache) if cache else None
    if folder and tables is not None:
        try:
            return guarded(with_tables(folder, tables))
        except Exception:  # the file contained no tables: remove the half-imported modules
            for name in [name for name in sys.modules if name.partition(".")[0] == "bashlex"]:
                del sys.modules[name]
    import bashlex.parser  # type: ignore[import-untyped]

    if cache:
        write(cache, bashlex.parser)
    return guarded(bashlex.parser)


def guarded(parser: Any) -> Any:
    """Return bashlex.parser without its endless loop: at a `${` without `}` it goes back to the start of the word."""
    subst = parser.subst
    expand = subst._paramexpand

    def paramexpand(context: Any, string: str, start: int) -> Any:
        if string.startswith("{", start + 1) and "}" not in string[start + 2 :]:
            raise parser.errors.ParsingError("a parameter expansion does not end", string, start)
        return expand(context, string, start)

    subst._paramexpand = paramexpand
    return parser


def source_folder() -> str | None:
    for entry in sys.path:
        folder = os.path.join(entry or ".", "bashlex")
        if os.path.isfile(os.path.join(folder, "parser.py")):
            return folder
    return None


def cache_file(folder: str) -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    stamp = []
    for name in ("parser.py", "tokenizer.py", "yacc.py"):
        stat = os.stat(os.path.join(folder, name))
        stamp.append(f"{stat.st_size}.{int(stat.st_mtime)}")
    return os.path.join(base, "pueue-skill", f"bashlex-{'-'.join(stamp)}-{sys.implementation.cache_tag}.marshal")


def read(cache: str) -> Any:
    """Return the tables in `cache`, or None. The file must belong to this user: marshal is not safe for the bytes of others."""
    try:
        with open(cache, "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            tables = marshal.loads(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return tables if isinstance(tables, tuple) and len(tables) == 4 else None


def write(cache: str, parser: Any) -> None:
    """Store the tables of a parser. A folder that cannot be written is no error."""
    built = parser.yaccparser
    tables = (
        {state: dict(row) for state, row in built.action.items()},
        {state: dict(row) for state, row in built.goto.items()},
        dict(built.defaulted_states),
        [(p.name, p.len, p.func) for p in built.productions],
    )
    try:
        from pueue_skill.startup.files import write_atomic

        write_atomic(cache, marshal.dumps(tables))
    except OSError:
        pass


class Production:
    """The members of bashlex.yacc.Production that its LRParser uses."""

    __slots__ = ("callable", "len", "name")

    def __init__(self, name: str, length: int, call: Any) -> None:
        self.name, self.len, self.callable = name, length, call


def with_tables(folder: str, tables: Any) -> Any:
    """Import bashlex.parser with `tables` as the result of its call of yacc.yacc()."""
    package = ModuleType("bashlex")
    package.__path__ = [folder]
    sys.modules["bashlex"] = package
    # yacc inspects its caller only to build tables; the import of inspect would take half of the import of yacc.
    without_inspect = "inspect" not in sys.modules
    if without_inspect:
        sys.modules["inspect"] = ModuleType("inspect")
    try:
        from bashlex import yacc
    finally:
        if without_inspect:
            del sys.modules["inspect"]

    action, goto, defaulted_states, productions = tables

    def from_tables(**_: Any) -> Any:
        grammar = sys._getframe(1).f_globals
        lr = SimpleNamespace(
            lr_action=action,
            lr_goto=goto,
            lr_productions=[Production(name, length, grammar.get(func)) for name, length, func in productions],
        )
        parser = yacc.LRParser(lr, grammar["p_error"])
        # Recomputed ones would differ: the tables were stored after bashlex had corrected some states.
        parser.defaulted_states = defaulted_states
        return parser

    slow, yacc.yacc = yacc.yacc, from_tables
    try:
        from bashlex import parser
    finally:
        yacc.yacc = slow
    package.parser, package.parse = parser, parser.parse  # type: ignore[attr-defined]
    return parser
