"""Database clients, judged by their SQL: text in, the Weight of its last command out."""

from __future__ import annotations

import pytest

from pueue_skill.rules.cost import weigh
from pueue_skill.shell.commands import commands
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

CASES = [
    ("psql -c 'VACUUM FULL'", "long", "high"),
    ("psql -c 'INSERT INTO a SELECT * FROM b'", "long", "high"),
    ("psql -c 'REFRESH MATERIALIZED VIEW daily'", "long", "high"),
    ("psql -c 'CREATE TABLE a AS SELECT * FROM b'", "long", "high"),
    ("psql shop < shop_dump.sql", "long", "high"),
    ("psql -c 'CREATE INDEX i ON a (b)'", "long", "medium"),
    ("psql -c 'UPDATE users SET active = false'", "long", "medium"),
    ("psql -c 'DELETE FROM visits WHERE seen < now()'", "long", "medium"),
    ("psql -f prices.sql", "long", "medium"),
    ("zcat a.sql.gz | psql shop", "long", "medium"),
    ("sqlite3 a.db .dump", "long", "medium"),
    ("duckdb -c 'CREATE TABLE a AS SELECT * FROM b'", "long", "medium"),
    ("psql -f schema.sql", "quick", "high"),
    ("mysql shop < create_views.sql", "quick", "high"),
    ("psql -c 'UPDATE users SET active = false WHERE id = 3'", "quick", "high"),
    ("psql -c 'DELETE FROM users WHERE id IN (1, 2)'", "quick", "high"),
    ("psql -c 'CREATE TABLE a (b int)'", "quick", "high"),
    ("psql -c 'ALTER TABLE a ADD COLUMN b int'", "quick", "high"),
    ("psql -c 'TRUNCATE visits'", "quick", "high"),
    ("psql -c 'ANALYZE visits'", "quick", "high"),
    ("sqlite3 a.db '.dump users'", "quick", "high"),
    ("sqlite3 a.db 'INSERT INTO a VALUES (1)'", "quick", "high"),
    ("echo 'select 1' | sqlite3 a.db", "quick", "high"),
]


@pytest.mark.parametrize(("text", "size", "confidence"), CASES)
def test_a_statement_is_long_if_it_reads_or_writes_whole_tables(text: str, size: str, confidence: str) -> None:
    script = parse(text)
    assert isinstance(script, Script)
    weight = weigh(commands(script)[-1])
    assert (weight.size, weight.confidence) == (size, confidence)
