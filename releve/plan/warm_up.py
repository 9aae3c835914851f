"""Compile the kernels that a plan needs into their cache: ``python -m releve.plan.warm_up``.

``scripts/demo`` does this on the other core while it makes its operator; with a filled cache it
takes seconds. The kernels are compiled by planning for a small operator, so that their argument
types are those of every plan.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from releve.demand import INTERVAL, Requirement, warm_up
from releve.network import day_bounds, sample_operator
from releve.plan.planner import solve_day
from releve.plan.settings import PlanSettings

_AGENTS, _SITES, _SEED = 50, 2, 1
_DAY = date(2026, 11, 30)


def compile_kernels() -> None:
    """Find the least agents of a queue, and plan a day on which every programme needs two."""
    warm_up()
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


if __name__ == "__main__":
    compile_kernels()
