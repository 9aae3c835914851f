"""Round people so that every total stays within one of what was planned.

A fractional plan spreads few people over many groups that are as good; rounded group by group, the
people of a place or a programme drift. Here the people of each assignment are rounded down or up,
and so are all totals they count in: of their group, of its people on sites, of their link, of
their programme in a place and of the place. Such a rounding always exists, for the totals are
nested on either side, groups on one and places on the other: a flow in a network, whose vertices
are whole (Cox, "A constructive procedure for unbiased controlled rounding", JASA 1987). Of all
such roundings the cheapest is taken.
"""

from __future__ import annotations

import numpy as np

from releve.plan.lp import Floats, Ints, LinearProgram, solve_lp
from releve.plan.problem import DayProblem

__all__ = ["round_controlled"]

HAIR = 1e-6
"""Less than this of a person is the solver's noise."""
NEARNESS = 0.1
"""Price of rounding to the farther whole number, in agent-intervals: breaks ties."""


def round_controlled(problem: DayProblem, assigned: Floats, price: Floats) -> Ints:
    """Return whole people per assignment, each and all totals rounded down or up.

    ``assigned[j]`` people, fractions; ``price[j]`` of one more person there.
    """
    whole = np.floor(assigned + HAIR)
    part = np.clip(assigned - whole, 0.0, 1.0)
    free = np.nonzero(part > HAIR)[0]
    if not len(free):
        return whole.astype(np.int64)
    lp = LinearProgram()
    up = lp.columns(len(free), price[free] + NEARNESS * (1.0 - 2.0 * part[free]), upper=1.0)
    for total in _index_totals(problem):
        _add_total_rows(lp, up, total[free], part[free])
    x = solve_lp(lp, method="simplex").x
    whole[free] += np.rint(x[up])
    return whole.astype(np.int64)


def _index_totals(problem: DayProblem) -> list[Ints]:
    """Return, per kind of total, which one each assignment counts in (-1 = in none)."""
    on_site = problem.place != problem.home
    return [
        problem.group,
        np.where(on_site, problem.group, -1),
        problem.link,
        problem.place * len(problem.programmes) + problem.programme,
        problem.place,
    ]


def _add_total_rows(lp: LinearProgram, up: Ints, total: Ints, part: Floats) -> None:
    """Keep what is rounded up within one of the sum of the parts, total by total."""
    counted = np.nonzero(total >= 0)[0]
    _, row_of = np.unique(total[counted], return_inverse=True)
    sums = np.bincount(row_of, weights=part[counted])
    rows = lp.rows(len(sums), np.floor(sums + HAIR), np.ceil(sums - HAIR))
    lp.add(rows[row_of], up[counted])
