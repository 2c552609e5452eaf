"""What the tests of scripts share: a stub of a queue's client, for each shell of a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from stubbed import SHELLS, Stubbed


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Stubbed:
    return Stubbed(request.param, tmp_path)
