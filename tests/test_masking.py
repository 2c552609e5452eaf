"""What looks like a secret, and what does not."""

from __future__ import annotations

import pytest

from pueue_skill.masking import masked, secret


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("psql postgres://joe:hunter2@db/x", "psql postgres://joe:***@db/x"),
        ("--password hunter2 --host db", "--password *** --host db"),
        ("--api-key=abc123 run", "--api-key=*** run"),
        ("DB_PASSWORD='a b' cmd", "DB_PASSWORD=*** cmd"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("mysql -u root -phunter2 db", "mysql -u root -p*** db"),
        ("ghp_0123456789abcdefghij0123", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("token: eyJhbGciOi.eyJzdWIiOiIx.c2ln", "token: ***"),
    ],
)
def test_masked(text: str, becomes: str) -> None:
    assert masked(text) == becomes
    assert secret(text)


@pytest.mark.parametrize(
    "text", ["BTCUSDT", "data/a.csv", "2024-01-01", "passwordless run", "tokens.txt", "https://host/path", "-p 22"]
)
def test_not_masked(text: str) -> None:
    assert masked(text) == text
    assert not secret(text)


@pytest.mark.parametrize("name", ["TOKEN", "api_key", "DB_PASSWORD", "secret"])
def test_the_names_of_secrets(name: str) -> None:
    assert secret(name)


def test_json_and_what_is_cut_off() -> None:
    assert masked('{"password": "a b c", "n": 1}') == '{"password": ***, "n": 1}'
    assert masked('{"n": 1, "api_key": "abc') == '{"n": 1, "api_key": ***'
    assert masked('echo "enter your password" && true') == 'echo "enter your password" && true'
