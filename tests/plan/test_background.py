"""Whether a text waits for its background work: the texts of cases/fidelity/background.toml and background_left.toml."""

from __future__ import annotations

import pytest
from fidelity_cases import Case, analysed, cases

from pueue_skill.plan.background import waits_for_background

WORK = [case for case in cases() if case.row == "background work"]


@pytest.mark.parametrize("case", WORK, ids=[case.text for case in WORK])
def test_a_text_is_queued_unless_work_continues_after_it(case: Case) -> None:
    script, commands, _, plan = analysed(case.text)
    assert waits_for_background(script, commands) == (case.leave is None and not case.detached)
    assert bool(plan.jobs or plan.in_place) == (case.leave is None)
