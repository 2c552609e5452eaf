"""Database clients, judged by their SQL: text in, the Weight of its last command out."""

from __future__ import annotations

import time

import pytest

from pueue_skill.rules.cost import weigh
from pueue_skill.rules.sql import statements, weigh_statement
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
    # the verb, behind what may precede it
    ("psql -c 'explain analyze insert into a select * from b'", "long", "high"),
    ("psql -c 'EXPLAIN (ANALYZE, BUFFERS) CREATE TABLE a AS (SELECT * FROM b)'", "long", "high"),
    ("psql -c 'with c as (select max(i) from b) insert into a (x, y) select * from c'", "long", "high"),
    ("psql -c 'WITH old AS (DELETE FROM a RETURNING *) SELECT count(*) FROM old'", "long", "medium"),
    ("psql -c '-- all of it\nREINDEX TABLE a'", "long", "high"),
    ("psql -c 'select 1; /* now */ cluster a'", "long", "high"),
    ("psql -c 'copy(select * from a) to stdout'", "long", "high"),
    ("psql -c 'COPY \"a\" FROM stdin'", "long", "high"),
    ("psql -c \"\\\\copy a from 'a.csv'\"", "long", "high"),
    ("mysql -e 'select * from a into outfile \"/tmp/a\"'", "long", "high"),
    ("psql -c 'ALTER TABLE ONLY a ALTER COLUMN b TYPE bigint'", "long", "high"),
    ("psql -c 'ALTER TABLE IF EXISTS ONLY a ADD CONSTRAINT c CHECK (b > 0)'", "long", "medium"),
    ("psql -c 'update a as x set b = 1'", "long", "medium"),
    ("psql -c 'update a set b = 1 where id in (select id from c where d = 1)'", "long", "medium"),
    ("sqlite3 a.db <<E\n.mode csv\n.import a.csv a\nE", "long", "medium"),
    ("psql -c 'explain insert into a select * from b'", "quick", "high"),
    ("psql -c 'ALTER TABLE IF EXISTS ONLY a ADD COLUMN b int'", "quick", "high"),
    ("clickhouse-client -q 'ALTER TABLE a ON CLUSTER main ADD COLUMN b Int8'", "quick", "high"),
    # names, strings and comments that contain a verb
    ("psql -c 'select * from clusters limit 5'", "quick", "high"),
    ("psql -c 'select copyright from books where id=3'", "quick", "high"),
    ("psql -c 'explain select cluster_id from t'", "quick", "high"),
    ("psql -c 'select cluster, copy from t'", "quick", "high"),
    ("psql -c \"update t set note='reindexed' where id=3\"", "quick", "high"),
    ("psql -c \"select 1 from t where note = 'copy of x'\"", "quick", "high"),
    ("psql -c \"select 'a; vacuum full; b'\"", "quick", "high"),
    ("psql -c \"update t set note='it''s; reindex' where id=3\"", "quick", "high"),
    ("mysql -e \"select 'it\\\\'s; reindex'\"", "quick", "high"),
    ("psql -c \"update t set note='a < b' where id=3\"", "quick", "high"),
    ("mysql -e 'show tables like \"cluster_nodes\"'", "quick", "high"),
    ("mysql -e 'select `optimize table` from t'", "quick", "high"),
    ("psql -c 'select 1 -- ; reindex'", "quick", "high"),
    ("psql -c 'select 1 /* ; reindex */'", "quick", "high"),
    (
        "psql -c 'create function f() returns int as $$ begin insert into a select * from b; return 1; end $$'",
        "quick",
        "high",
    ),
]


@pytest.mark.parametrize(("text", "size", "confidence"), CASES)
def test_a_statement_is_long_if_it_reads_or_writes_whole_tables(text: str, size: str, confidence: str) -> None:
    script = parse(text)
    assert isinstance(script, Script)
    weight = weigh(commands(script)[-1])
    assert (weight.size, weight.confidence) == (size, confidence)


HOSTILE = [
    "INSERT INTO t ", "CREATE TABLE x AS y ", "WITH a AS (INSERT INTO t ", "WITH ", "EXPLAIN (ANALYZE ", "UPDATE a SET b WHERE c < ", "DELETE FROM a WHERE ",
    "VACUUM ", "SELECT INTO ", "ALTER TABLE IF EXISTS ", "/*", "*/", "--", "'", "\\'", "'\\", '"', "`", "$$", "$", ";", "\n", "\n.", " ", "(", "a",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("before", ["", *HOSTILE[:5], HOSTILE[5], "'"])
def test_hostile_sql_is_read_in_time(before: str, piece: str) -> None:
    """100 kB take 10 to 200 ms; a quadratic search takes half a minute."""
    begun = time.process_time()
    for statement in statements(before + piece * (100_000 // len(piece))):
        weigh_statement(statement, "psql")
    assert time.process_time() - begun < 2
