"""Fixtures of several modules with real hosts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doctor import configure, end
from provision import bare_names
from real import Daemon, Host, Lab

counter = itertools.count()


@pytest.fixture
def make(lab: Lab, pueued: Daemon) -> Iterator[Callable[..., Host]]:
    """Return a function that creates hosts without pueue; this machine has a pueue that can be copied to them."""
    made: list[Host] = []

    def host(**options: Any) -> Host:
        made.append(Host(lab, next(bare_names), {}, empty=True, **options))
        return made[-1]

    yield host
    for one in made:
        one.stop()


@pytest.fixture
def bare(make: Callable[..., Host]) -> Host:
    return make()


@pytest.fixture
def ill(lab: Lab) -> Iterator[Host]:
    """A separate host for one test, with groups default=2 and p1=4."""
    host = Host(lab, f"ill{next(counter)}", {"default": 2, "p1": 4})
    yield host
    end(host)


@pytest.fixture
def env(lab: Lab, ill: Host, tmp_path: Path) -> dict[str, str]:
    """The environment of a client that knows only the host `ill`."""
    configure(tmp_path, f"[hosts.{ill.name}]\n")
    return lab.env | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
