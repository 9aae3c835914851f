"""A relief that whole people miss by a hair is tried again, and is the better for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from releve.network import sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import PlanSettings, list_contingencies, solve_day
from releve.plan import relief as reliefs
from releve.plan.scenario_lp import sum_client_requirement
from releve.plan.week import require_day


@pytest.mark.slow
def test_trying_again_leaves_fewer_clients_a_hair_over_their_limit() -> None:
    settings = PlanSettings()
    operator = sample_operator(300, 4, 4)
    sites = [one for one in list_contingencies(operator) if one.kind == "site"]
    planning = solve_day(
        operator, require_day(operator, FIRST_DAY + timedelta(days=3)), settings, contingencies=sites
    ).planning
    problem = planning.problem

    def over(tries: int) -> float:
        found = 0.0
        for row, lost in enumerate(planning.contingencies, start=1):
            limit = np.maximum(settings.target, planning.floors[row])
            limit = np.maximum(limit, planning.secure.share[lost.id])
            relief = reliefs.solve_relief(
                problem, planning.layout, lost, planning.base, limit=limit,
                isolated=settings.isolated, move_price=settings.relief_move_price,
                target=settings.target, effort=replace(reliefs.QUICK, tries=tries),
            )  # fmt: skip
            share = relief.plan.missing / sum_client_requirement(problem)
            found += float(np.maximum(0.0, share - limit).sum())
        return found

    assert over(3) < over(1)
