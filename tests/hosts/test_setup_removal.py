"""The lines about a setup that was undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pueue_skill.hosts import client, transport
from pueue_skill.hosts.provision import setup
from pueue_skill.queues.scripts import REPLY
from pueue_skill.shell.model import Host


@pytest.mark.parametrize(
    ("lines", "removed"),
    [
        (["undone removed ~/a", "undone removed ~/b", "undone restored ~/b", "left ~/c", "whole"], (("removed ~/a", "restored ~/b"), ("~/c",))),
        (["nothing"], ((), ())),
    ],
)  # fmt: skip
def test_a_file_with_an_original_is_only_restored(
    lines: list[str], removed: tuple[tuple[str, ...], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = transport.Done(0, "\n".join([REPLY, *lines, ""]).encode(), b"")

    def ask(host: Host, script: str, read: Callable[[transport.Done], list[str]], limit: float) -> list[str]:
        return read(done)

    monkeypatch.setattr(client, "ask", ask)
    assert setup.remove(Host("h", "h")) == removed
