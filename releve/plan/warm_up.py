"""Compile the kernels that a plan and a closure need, or load them from their folder.

They are compiled by planning for a small operator, so that their argument types are those of every
plan and relief. What processes do together about it stands in :mod:`releve.files.kernel_cache`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from releve.demand import INTERVAL, Requirement, warm_up
from releve.network import day_bounds, sample_operator
from releve.plan.planner import solve_day
from releve.plan.settings import PlanSettings

_AGENTS, _SITES, _SEED = 50, 2, 1
_DAY = date(2026, 11, 30)


def compile_kernels(progress: Callable[[str], None] = lambda step: None) -> None:
    """Find the least agents of a queue, and plan a day on which every programme needs two.

    ``progress`` receives the name of each step before it begins.
    """
    warm_up(progress)
    progress("Plans and reliefs in whole people")
    operator = sample_operator(_AGENTS, _SITES, _SEED, start=_DAY, weeks_of_history=0)
    first, last = day_bounds(_DAY, operator.row.time_zone)
    count = (last - first) // INTERVAL
    shape = (count, len(operator.programmes))
    agents = np.zeros(shape)
    agents[count // 3 : 3 * count // 4] = 2.0
    need = Requirement(
        day=_DAY,
        programmes=tuple(row.id for row in operator.programmes),
        starts=tuple(first + timedelta(minutes=30 * i) for i in range(count)),
        agents=agents,
        on_phone=agents,
        calls=10 * agents,
        aht_s=np.full(shape, 180.0),
        unknown={},
    )
    solve_day(operator, need, PlanSettings())
