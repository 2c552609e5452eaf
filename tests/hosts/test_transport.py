"""Scripts with input on stdin."""

from __future__ import annotations

import errno

import pytest

from pueue_skill.hosts.transport import feed
from pueue_skill.shell.model import Host


def test_input_is_passed_on_if_pipes_may_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user over pipe-user-pages-soft gets EPERM."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("fcntl.fcntl", refused)
    done = feed(Host("local"), "wc -c", [b"x" * 300_000], timeout=30, on_output=bool)
    assert (done.code, done.text.strip()) == (0, "300000")
