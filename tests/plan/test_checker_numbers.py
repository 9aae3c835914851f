"""Figures that are no numbers, and figures so large that only their size can be compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.checker_plans import faults, plan_of
from tests.plan.test_checker_figures import TEAM, cell_changed, made, only, scenario_changed
from tests.plan.tiny_operators import requirement_of


@pytest.mark.parametrize("field", ["shortfall", "regret", "worst_coverage", "floor", "calls_lost"])
def test_figures_of_a_known_client_may_not_be_left_open(field: str) -> None:
    case, plan = made()
    found = faults(case, cell_changed(plan, "l", "site:a", **{field: float("nan")}))
    assert any(text.startswith("Cell l under site:a: ") and "nan" in text for text in found)


def test_large_figures_are_compared_by_their_size() -> None:
    case, _ = made()
    case = replace(case, requirement=requirement_of(case.operator, {("q", "08:00"): 1e6}))
    plan = plan_of(case, TEAM)
    near = scenario_changed(plan, "site:a", penalty=plan.scenarios["site:a"].penalty + 0.5)
    far = scenario_changed(plan, "site:a", penalty=plan.scenarios["site:a"].penalty + 5.0)
    assert faults(case, near) == ()
    only(faults(case, far), "Contingency site:a: penalty is 1")
