"""Exceptions of a command in; message, exit code and, for an unexpected one, the report out."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pueue_skill.cli import main
from pueue_skill.cli.commands import rules
from pueue_skill.cli.console import ExitCode
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.hosts.client import Unreachable
from pueue_skill.jobs.submission import NotSubmitted
from pueue_skill.startup.errors import UsageError

SECRET = "hunter2hunter2"  # noqa: S105


@pytest.fixture
def reports(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    return home / "data/pueue-skill/reports"


def raising(error: BaseException) -> Callable[[object], int]:
    def raise_it(_: object) -> int:
        raise error

    return raise_it


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no such thing"), ExitCode.USAGE, "no such thing"),
        (UsageError("no such thing", "pueue-skill rules"), ExitCode.USAGE, "no such thing\nTry: pueue-skill rules"),
        (ConfigError("c.toml:1: x"), ExitCode.USAGE, "c.toml:1: x"),
        (Unreachable("h cannot be reached"), ExitCode.UNREACHABLE, "h cannot be reached"),
        (Unreachable("h is down", "i is down"), ExitCode.UNREACHABLE, "h is down\npueue-skill: i is down"),
        (NotSubmitted("the key is taken"), ExitCode.NOT_RUN, "not queued: the key is taken"),
        (PermissionError(13, "Permission denied", "/x"), ExitCode.INTERNAL, "[Errno 13] Permission denied: '/x'"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
    ],
)
def test_an_expected_error_is_one_message(
    error: BaseException, code: int, message: str, reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.setattr(rules, "main", raising(error))
    assert main.main(["rules"]) == code
    assert capsys.readouterr() == ("", f"pueue-skill: {message}\n")
    assert not reports.exists()


def test_a_database_error_names_the_file(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rules, "main", raising(sqlite3.OperationalError("disk I/O error")))
    assert main.main(["rules"]) == ExitCode.INTERNAL
    assert capsys.readouterr().err.endswith("store.db: disk I/O error\n")
    assert not reports.exists()


@pytest.mark.parametrize(
    "error", [KeyError("host"), IndexError("3"), AttributeError("x"), RecursionError("deep"), ValueError(f"token={SECRET}")], ids=repr
)  # fmt: skip
def test_an_unexpected_error_exits_3_and_leaves_a_report(
    error: Exception, reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not 1 (findings) and not 2 (usage), not even a KeyError."""
    monkeypatch.setattr(rules, "main", raising(error))
    assert main.main(["rules"]) == ExitCode.INTERNAL
    (file,) = reports.iterdir()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pueue-skill: internal error: {type(error).__name__}: ")
    assert err.endswith(f". Attach this file to a report: {file}\n")
    assert err.count("\n") == 1
    text = file.read_text()
    assert text.startswith("pueue-skill ")
    assert "call: pueue-skill rules\n" in text
    assert "Traceback (most recent call last)" in text
    assert SECRET not in text + err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--", f"PGPASSWORD={SECRET} psql"],
        ["run", "--", "env", f"TOKEN={SECRET}", "make"],
        ["run", "curl", "-H", f"Authorization: Bearer {SECRET}", "https://example.org"],
        ["ssh", "h", f"mysql --password={SECRET}"],
    ],
    ids=" ".join,
)
def test_a_report_masks_secrets_of_the_call(arguments: list[str]) -> None:
    from pueue_skill.cli import crash_report

    text = crash_report.compose(arguments, KeyError(f"--password={SECRET}"))
    assert SECRET not in text
    assert f"call: pueue-skill {arguments[0]}" in text


def test_a_report_that_cannot_be_written_is_printed(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports.parent.mkdir(parents=True)
    reports.write_text("a file in its place")
    monkeypatch.setattr(rules, "main", raising(KeyError("host")))
    assert main.main(["rules"]) == ExitCode.INTERNAL
    err = capsys.readouterr().err
    assert "The report cannot be written" in err
    assert "Traceback (most recent call last)" in err


def test_an_import_error_of_a_command_is_reported(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "module_of", raising(ImportError("no rich here")))
    assert main.main(["rules"]) == ExitCode.INTERNAL
    assert len(list(reports.iterdir())) == 1
