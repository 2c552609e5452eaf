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
MOVES_TABLES = regex(
    r"\b(OPTIMIZE\s+TABLE|VACUUM\b(?=.*\bFULL\b)|REINDEX|CLUSTER|INSERT\s+INTO\s(?!.*\bVALUES\b).*\b(SELECT|FROM|FORMAT)\b|INTO\s+OUTFILE|COPY\s*[\w.(\"]|ALTER\s+TABLE\s+\S+\s+(?!(ADD|RENAME|DROP|COMMENT|OWNER|ENABLE|DISABLE|SET|MODIFY\s+COMMENT)\b)"
    r"|REFRESH\s+MATERIALIZED|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|MATERIALIZED\s+VIEW)\b.*\bAS\s*\(?\s*(SELECT|WITH|FROM)\b|MERGE\s+INTO|LOAD\s+DATA|EXPORT\s+DATABASE|IMPORT\s+INTO|MATERIALIZE|BACKUP\s+(DATABASE|TABLE|TO)|RESTORE\s+(DATABASE|TABLE|FROM))|\\copy",
    re.IGNORECASE | re.DOTALL,
)
READS_TABLE = regex(
    r"\b(VACUUM|CREATE\s+(UNIQUE\s+)?INDEX|ALTER\s+TABLE\s+\S+\s+ADD\s+(CONSTRAINT|PRIMARY|FOREIGN|INDEX)|UPDATE\s+\S+\s+SET|DELETE\s+FROM)|^\s*\.(import|dump|backup|clone)\b",
    re.IGNORECASE | re.DOTALL,
)
SOME_ROWS = regex(r"^\s*(UPDATE|DELETE)\b.*\bWHERE\b(?!.*(BETWEEN|<|>|\bIN\s*\(\s*SELECT))", re.IGNORECASE | re.DOTALL)
ONE_TABLE = regex(r"^\s*\.dump\s+\w", re.IGNORECASE)
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
    weights = [weigh_statement(statement, command.name) for text in texts for statement in text.split(";")]
    weights += [weigh_file(file) for file in files]
    long = [weight for weight in weights if weight.size == "long"]
    if long:
        return next((weight for weight in long if weight.confidence == "high"), long[0])
    if weights:
        return weights[0]
    if command.pipe[0] > 0 and command.name not in EMBEDDED:
        return Weight("long", "a load from a pipe", confidence="medium")
    return None


def weigh_statement(statement: str, client: str) -> Weight:
    """The Weight of one statement."""
    if MOVES_TABLES.search(statement):
        return Weight("long", "SQL that moves a whole table", confidence="medium" if client in EMBEDDED else "high")
    if READS_TABLE.search(statement) and not SOME_ROWS.search(statement) and not ONE_TABLE.search(statement):
        return Weight("long", "SQL that reads or changes a whole table", confidence="medium")
    return Weight("quick", "SQL that names its rows or changes definitions")


def weigh_file(file: str) -> Weight:
    """The Weight of an SQL script, by its name: a schema is quick, a dump is not."""
    words = split_name(file.rpartition("/")[2])
    if reason_in_name(file.rpartition("/")[2]) or {"dump", "full", "backup", "import"} & set(words):
        return Weight("long", "a load from a file")
    if DEFINITIONS & set(words):
        return Weight("quick", f"{file} defines tables or asks for few rows")
    return Weight("long", "an SQL script", confidence="medium")
