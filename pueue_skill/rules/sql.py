"""Database clients, judged by their SQL: a Command in, a Weight or None out.

A statement is long if it reads or writes whole tables; one that names its rows or changes only definitions is quick.
"""

from __future__ import annotations

import re

from pueue_skill.rules.model import Weight
from pueue_skill.rules.names import reason_in_name, split_name
from pueue_skill.shell.model import Command
from pueue_skill.startup.regex import regex

SQL_CLIENTS = {"psql", "mysql", "mariadb", "clickhouse-client", "clickhouse", "clickhouse-local", "duckdb", "sqlite3", "cqlsh", "snowsql", "bq", "trino", "presto", "mongosh", "sqlcmd", "beeline"}  # fmt: skip
EMBEDDED = {"duckdb", "sqlite3", "clickhouse-local"}
"""Clients of a local file, whose tables are often small."""
SQL_OPTIONS = {"-c", "-e", "-q", "--query", "--command", "--execute", "--multiquery", "-Q"}
SQL_FILES = {"-f", "--file", "--queries-file", "--init-file"}
LITERAL = regex(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|\$\$.*?(?:\$\$|\Z)|'(?:\\.|[^'])*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|`[^`]*(?:`|\Z)", re.DOTALL
)
"""A comment, a string or a quoted name; one that is not closed reaches to the end, so that no text is searched twice."""
SEPARATOR = regex(r";|^[ \t]*([\\.].*)$", re.MULTILINE)
"""The end of a statement, or a line that the client itself reads, such as `.import`."""
BEFORE_VERB = regex(
    r"(?:EXPLAIN (?:ANALY[SZ]E (?:VERBOSE )?|\((?=[^)]*ANALY[SZ]E)[^)]*\) ?))?(?:WITH\b.*?[()] ?(?=(?:INSERT|UPDATE|DELETE|MERGE)\b))?"
)
"""What precedes the verb of a statement that is executed. Empty before any other verb."""

# Both match at the verb of a statement in upper case, with single blanks and without literals.
ALTERED = r"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(?!IF |ONLY )\S+ (?:ON CLUSTER \S+ )?(?!ON CLUSTER )"
MOVES_TABLES = regex(
    r"OPTIMIZE TABLE\b|VACUUM\b.*\bFULL\b|REINDEX\b|CLUSTER\b|INSERT INTO\b(?!.*\bVALUES\b).*\b(?:SELECT|FROM|FORMAT)\b|SELECT\b.*\bINTO OUTFILE\b|COPY[ (\"]"
    rf"|{ALTERED}(?!(?:ADD|RENAME|DROP|COMMENT|OWNER|ENABLE|DISABLE|SET|MODIFY COMMENT)\b)|REFRESH MATERIALIZED\b|CREATE (?:OR REPLACE )?(?:TABLE|MATERIALIZED VIEW)\b.*\bAS ?\(? ?(?:SELECT|WITH|FROM)\b"
    r"|MERGE INTO\b|LOAD DATA\b|EXPORT DATABASE\b|IMPORT INTO\b|BACKUP (?:DATABASE|TABLE|TO)\b|RESTORE (?:DATABASE|TABLE|FROM)\b|\\COPY\b"
)
READS_TABLE = regex(
    rf"VACUUM\b|CREATE (?:UNIQUE )?INDEX\b|{ALTERED}ADD (?:CONSTRAINT|PRIMARY|FOREIGN|INDEX)\b|UPDATE\b.*\bSET\b|DELETE FROM\b|\.(?:IMPORT|DUMP(?! \w)|BACKUP|CLONE)\b"
)
CHANGES_ROWS = regex(r"(?:UPDATE|DELETE)\b")
WHERE = regex(r"\bWHERE\b")
MANY_ROWS = regex(r"\bBETWEEN\b|[<>]|\bIN ?\( ?SELECT\b")
DEFINITIONS = set("schema schemas init ddl create add alter rename migration migrations migrate grants grant roles role views view functions function setup check query queries report test tests explain select drop cleanup".split())  # fmt: skip


def weigh_sql(command: Command, args: tuple[str, ...]) -> Weight | None:
    """The Weight of a database client, by its SQL or the name of its script."""
    if command.name not in SQL_CLIENTS:
        return None
    texts = [redirect.body.value for redirect in command.redirects if redirect.body]
    files = [redirect.target.value for redirect in command.redirects if redirect.op == "<" and redirect.target]
    for i, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in SQL_OPTIONS and equals:
            texts.append(value)
        elif option in SQL_OPTIONS or (re.fullmatch(r"-\w*[ceqQ]", option)):
            texts += args[i + 1 : i + 2]
        elif option in SQL_FILES or re.fullmatch(r"-\w*f", option):
            files += [value] if equals else args[i + 1 : i + 2]
    texts += [arg for arg in args if (" " in arg or arg[:1] == ".") and arg[:1] != "-"]
    weights = [weigh_statement(statement, command.name) for text in texts for statement in statements(text)]
    weights += [weigh_file(file) for file in files]
    long = [weight for weight in weights if weight.size == "long"]
    if long:
        return next((weight for weight in long if weight.confidence == "high"), long[0])
    if weights:
        return weights[0]
    if command.pipe[0] > 0 and command.name not in EMBEDDED:
        return Weight("long", "a load from a pipe", confidence="medium")
    return None


def statements(text: str) -> list[str]:
    """The statements of SQL text, each from its verb on, in upper case, with single blanks and without comments and literals: a
    string is `''`, a quoted name `""`."""
    plain = LITERAL.sub(lambda found: {"'": "''", "$": "''", '"': '""', "`": '""'}.get(found[0][0], " "), text)
    parts = [" ".join(part.upper().split()) for part in SEPARATOR.split(plain) if part]
    return [BEFORE_VERB.sub("", part, count=1) for part in parts]


def weigh_statement(statement: str, client: str) -> Weight:
    """The Weight of one of the `statements`."""
    if MOVES_TABLES.match(statement):
        return Weight("long", "SQL that moves a whole table", confidence="medium" if client in EMBEDDED else "high")
    if READS_TABLE.match(statement) and not names_rows(statement):
        return Weight("long", "SQL that reads or changes a whole table", confidence="medium")
    return Weight("quick", "SQL that names its rows or changes definitions")


def names_rows(statement: str) -> bool:
    """Whether a statement changes only rows that its condition names."""
    _, *condition = WHERE.split(statement, maxsplit=1)
    return bool(CHANGES_ROWS.match(statement) and condition and not MANY_ROWS.search(condition[0]))


def weigh_file(file: str) -> Weight:
    """The Weight of an SQL script, by its name: a schema is quick, a dump is not."""
    words = split_name(file.rpartition("/")[2])
    if reason_in_name(file.rpartition("/")[2]) or {"dump", "full", "backup", "import"} & set(words):
        return Weight("long", "a load from a file")
    if DEFINITIONS & set(words):
        return Weight("quick", f"{file} defines tables or asks for few rows")
    return Weight("long", "an SQL script", confidence="medium")
