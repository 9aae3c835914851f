"""Several days made together agree at each border, alone, side by side, hybrid and with vehicles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from releve.network import Operator
from releve.plan import BASE, Plan, PlanSettings, name_plan, solve_day
from releve.plan.day_fleet import build_day_fleet, route_plan
from releve.plan.plan_json import plan_to_json
from releve.plan.roster import list_carried
from releve.plan.week import PlannedDays, PlanRequest, plan_days
from releve.plan.week.hybrid import name_hybrid_days, plan_hybrid_week
from releve.plan.week.verification import check_hybrid_week
from tests.plan import test_rides as rides
from tests.plan.night_operators import HALF_HOUR, need_of, night_operator, plan_chain
from tests.plan.test_nights import DAY, ten_by_night

DAYS = tuple(DAY + timedelta(days=offset) for offset in range(3))


def forecast_table(operator: Operator) -> pl.DataFrame:
    first, last = operator.day_bounds(DAYS[0])[0], operator.day_bounds(DAYS[-1])[1]
    starts = [first + n * HALF_HOUR for n in range((last - first) // HALF_HOUR)]
    rows = [
        {"start": at.isoformat(), "programme": row.id, "calls": float(4 + 3 * ((at.hour + n) % 4))}
        for at in starts
        for n, row in enumerate(operator.programmes)
    ]
    return pl.DataFrame(rows)


def plan_week(operator: Operator, run: Any = map, **request: Any) -> PlannedDays:
    settings = {"days": DAYS, "table": forecast_table(operator), "missing": False, **request}
    return plan_days(operator, PlanRequest(**settings), run=run)


def side_by_side(work: Callable[[Any], Any], given: Iterable[Any]) -> Iterator[Any]:
    return iter([work(one) for one in reversed(list(given))][::-1])


def assert_agrees(plans: Iterable[Plan]) -> None:
    for before, after in pairwise(plans):
        held = {row.agent: replace(row, duty="") for row in after.placements if row.carried}
        over = list_carried(before)
        assert over
        assert over == {name: held[name] for name in over}


@pytest.mark.parametrize("seed", [2, 4])
def test_days_made_together_agree_at_each_border_whatever_solves_them(seed: int) -> None:
    operator = night_operator(seed, DAYS[0] - timedelta(days=1), 5)
    found = plan_week(operator)
    assert [plan.violations for plan in found.plans] == [()] * 3
    assert_agrees(found.plans)
    apart = plan_week(operator, side_by_side)
    assert [plan_to_json(plan) for plan in apart.plans] == [plan_to_json(plan) for plan in found.plans]


def test_a_day_planned_after_one_that_stands_keeps_its_places_and_breaks() -> None:
    operator = night_operator(2, DAYS[0] - timedelta(days=1), 5)
    first, *_ = plan_week(operator).plans
    (second,) = plan_week(operator, days=DAYS[1:2], before=first).plans
    assert second.violations == ()
    assert_agrees([first, second])


def test_what_is_missing_is_found_on_a_day_with_people_carried_in() -> None:
    operator = ten_by_night()
    found = plan_week(operator, days=DAYS[:2], missing=True)
    assert [plan.violations for plan in found.plans] == [(), ()]
    for plan in found.plans:
        assert plan.missing is not None
        bought = {name for row in plan.missing.purchases for name in row.agents}
        assert bought <= set(operator.agent)


def test_a_hybrid_week_with_nights_counts_a_night_on_the_day_on_which_it_starts() -> None:
    operator = ten_by_night()
    agents = tuple(replace(row, home_days_min=2, home_days_max=4) for row in operator.agents)
    operator = replace(operator, agents=agents)
    needs = [need_of(operator, day, agents=3.0) for day in DAYS[:2]]
    found = plan_hybrid_week(operator, needs)
    plans = name_hybrid_days(operator, found)
    assert check_hybrid_week(operator, found.week, plans) == ()
    assert [plan.violations for plan in plans] == [(), ()]
    assert_agrees(plans)


def by_night(operator: Operator) -> Operator:
    """Return an operator whose shifts are ten hours later: most go on beyond midnight."""
    later = timedelta(hours=10)
    shifts = tuple(replace(row, start=row.start + later, end=row.end + later) for row in operator.shifts)
    return replace(operator, shifts=shifts, authorisations=())


def test_those_who_came_the_day_before_need_no_run_and_the_others_have_one() -> None:
    operator = by_night(rides.build_operator(6))
    first = rides.require().day
    needs = [need_of(operator, first + timedelta(days=n), agents=1.0) for n in (0, 1)]
    plans = plan_chain(operator, needs)
    assert [plan.violations for plan in plans] == [(), ()]
    fleet = build_day_fleet(operator, plans[1].day, PlanSettings())
    assert fleet is not None
    riders, _ = route_plan(operator, plans[1], BASE, fleet)
    begun = {row.agent for row in plans[1].placements if row.carried}
    again = {row.agent for row in plans[1].placements if not row.carried}
    assert begun
    assert {rider.agent for rider in riders} <= again
    assert all(rider.wave.at >= plans[1].starts[0] for rider in riders)


def test_a_day_alone_with_vehicles_is_planned() -> None:
    operator = by_night(rides.build_operator(6))
    need = need_of(operator, rides.require().day + timedelta(days=1), agents=1.0)
    plan = name_plan(operator, solve_day(operator, need))
    assert plan.violations == ()
    assert isinstance(plan.day, date)
