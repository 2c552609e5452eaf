"""What doctor says about the client of a queue."""

from __future__ import annotations

import pytest

from pueue_skill.hosts.doctor.daemon import client_check
from pueue_skill.hosts.doctor.health_check import Fixes
from pueue_skill.queues.pueue.health import HealthReport
from pueue_skill.shell.model import Host

OTHER = HealthReport(client="/opt/pueue/bin/pueue", version="4.0.4", found_by_default=False)


@pytest.mark.parametrize(
    ("host", "facts", "what"),
    [
        (Host("local"), OTHER, "pueue 4.0.4 is at /opt/pueue/bin/pueue, which is not on your PATH"),
        (Host("local", pueue="/none/pueue"), OTHER, "the configured path /none/pueue does not exist; pueue 4.0.4 is at /opt/pueue/bin/pueue"),
        (Host("local", pueue="/none/pueue"), HealthReport(), "the configured path /none/pueue does not exist, and pueue is neither on PATH nor in the usual folders"),
    ],
)  # fmt: skip
def test_a_configured_client_that_does_not_exist_is_named(host: Host, facts: HealthReport, what: str) -> None:
    check = client_check(Fixes(host, "/c"), facts)
    assert (check.result, check.what) == ("failure", what)
