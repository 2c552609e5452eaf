"""Texts that look like a secret, and texts that do not: tests/cases/secrets.toml."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pueue_skill.shell.secrets import MASK, holds_secret, masked
from pueue_skill.state import database, sessions

CASES = tomllib.loads((Path(__file__).parent.parent / "cases/secrets.toml").read_text("utf-8"))
SECRET = re.compile("«([^»]*)»?")


@pytest.mark.parametrize("case", CASES["secrets"])
def test_masked(case: str) -> None:
    text = case.replace("«", "").replace("»", "")
    becomes = masked(text)
    assert MASK in becomes
    for hidden in SECRET.findall(case):
        assert hidden not in becomes
        assert [word for word in re.split(r"\W+", hidden) if len(word) > 3 and word in becomes] == []
    for kept in re.split(r"\s+", SECRET.sub(" ", case)):
        assert kept.strip("\"'") in text  # the case itself is well written
    assert [word for word in SECRET.split(case)[0].split()[:-1] if word not in becomes] == []
    assert holds_secret(text)
    assert masked(becomes) == becomes


@pytest.mark.parametrize("text", CASES["plain"])
def test_not_masked(text: str) -> None:
    assert masked(text) == text
    assert not holds_secret(text)


@pytest.mark.parametrize("name", ["TOKEN", "api_key", "DB_PASSWORD", "secret"])
def test_names_that_mark_a_secret(name: str) -> None:
    assert holds_secret(name)


def test_the_text_around_a_secret_is_unchanged() -> None:
    assert masked("psql postgres://joe:hunter2@db/x") == "psql postgres://joe:***@db/x"
    assert masked("--password hunter2 --host db") == "--password *** --host db"
    assert masked("DB_PASSWORD='a b' cmd") == "DB_PASSWORD=*** cmd"
    assert masked("Authorization: Bearer abcdefgh12345") == "Authorization: Bearer ***"
    assert masked("mysql -u root -phunter2 db") == "mysql -u root -p*** db"
    assert masked("mysql -pA; mysql -pB") == "mysql -p***; mysql -p***"
    assert masked("ssh h 'curl -u a:b x' && ls") == "ssh h 'curl -u *** x' && ls"
    assert masked('{"password": "a b c", "n": 1}') == '{"password": ***, "n": 1}'
    assert masked('{"n": 1, "api_key": "abc') == '{"n": 1, "api_key": ***'
    assert masked("echo hunter2 | docker login --password-stdin x") == "echo *** | docker login --password-stdin x"


LONG = 50_000
HOSTILE = [
    "a.", "a-", "aa", "://", "://a:", "://a:b", "sk-", "sk-a", "ghp_", "eyJ", "mysql ", "mysql -p ", "curl -u ", "'", '"', "\\", "\\'",
    "password", "password=", 'password="', "--password ", "--a-", "-", "token: ", "?a", "?token=", "&a=", "<<<", "echo a | ", "'a ", "\"a '",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "authorization: ", "cookie: ", "x-", "x-key", "/hooks/", "/hooks/a", "hooks", "read ",
    "read a", "sudo ", "sudo -S", "bearer ", "basic ", "identified by ", "\n", " ", "$(", "a'b ", "{}", "max_", "é", "\0", "secret_key",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_masking_takes_linear_time(part: str) -> None:
    """Quadratic time would exceed the time limit of a test here."""
    for text in (
        part * (LONG // len(part)),
        "curl -u " + part * (LONG // len(part)) + " x@",
        part * (LONG // len(part)) + "\nlogin <<< x",
    ):
        assert len(masked(text)) <= LONG + 20


@given(st.lists(st.sampled_from([*HOSTILE, *" ab1=:@/\n|;&()"]), max_size=12).map("".join))
def test_masking_any_text_ends_and_is_idempotent(text: str) -> None:
    once = masked(text)
    assert masked(once).count(MASK) >= once.count(MASK)


def test_the_store_holds_no_secret(home: Path) -> None:
    """A denied command is recognized by its digest; the text that an older version stored is removed."""
    file = database.path()
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(
            "create table denied (session text not null, command text not null, primary key (session, command)) without rowid;"
            "insert into denied values ('s', 'tool hunter1'); pragma user_version = 4;"
        )
    assert sessions.is_first_denial("s", "tool --password hunter2")
    assert not sessions.is_first_denial("s", "tool --password hunter2")
    assert sessions.is_first_denial("s", "tool --password hunter3")
    with closing(sqlite3.connect(file)) as connection:
        assert "hunter" not in "".join(connection.iterdump())
