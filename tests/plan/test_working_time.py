"""Nothing that a plan proposes breaks a row of working time: reliefs, days without a roster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import numpy as np
import pytest

from releve.demand.requirement import Requirement
from releve.network import Agent, Operator, day_bounds
from releve.network.worktime import WorkingTime, WorkPeriod
from releve.plan import Placement, Plan, PlanSettings
from releve.plan.checker.working_time import find_working_time_faults
from releve.plan.free_week import FreeWeek
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.week.days import name_days, solve_days
from tests.plan.planner_parts import apply_relief, clock, list_site_losses, plan_case, running_day
from tests.plan.tiny_operators import DAY, HALF_HOUR, Tiny, agent, operator_of, programme, requirement_of, shift, site

Work = Mapping[str, Sequence[WorkPeriod]]


def read_work(rows: Iterable[Placement]) -> dict[str, WorkPeriod]:
    return {row.agent: WorkPeriod(row.start, row.end, row.break_start, row.break_end) for row in rows}


def place_scenario(plan: Plan, name: str) -> list[Placement]:
    """Return the placements of the base plan or of a relief."""
    moved = {move.agent: move.after for move in plan.scenarios[name].moves}
    stay = [row for row in plan.placements if row.agent not in moved]
    return [*stay, *(row for row in moved.values() if row is not None)]


def replace_shift(rostered: Work, placed: Mapping[str, WorkPeriod]) -> Work:
    """Return everybody's roster with the shift of a day as it was placed."""
    out = {}
    for name, period in placed.items():
        kept = [one for one in rostered[name] if one.end <= period.start or one.start >= period.end]
        out[name] = [*kept, period]
    return out


# Reliefs keep to the hours of the roster ----------------------------------------------------------


@pytest.mark.slow
def test_no_relief_of_a_plan_breaks_a_row() -> None:
    case, plan = running_day(80)
    rostered = WorkingTime(case.operator).rostered
    for name in plan.scenarios:
        moved = {move.agent for move in plan.scenarios[name].moves}
        placed = [row for row in place_scenario(plan, name) if name == "base" or row.agent in moved]
        work = replace_shift(rostered, read_work(placed))
        assert tuple(find_working_time_faults(case.operator, work, rostered)) == ()


@pytest.mark.slow
@pytest.mark.parametrize("hour", ["10:30", "15:00"])
def test_no_relief_of_a_running_day_breaks_a_row(hour: str) -> None:
    case, plan = running_day(80)
    rostered, when = WorkingTime(case.operator).rostered, clock(case, hour)
    day = build_running_day(case.operator, plan, case.requirement, when, case.settings)
    for lost in list_site_losses(case.operator):
        found = solve_intraday_relief(day, lost, case.settings, curve=False)
        moved = {move.agent for move in found.moves}
        placed = read_work(row for row in apply_relief(plan, when, found).values() if row.agent in moved)
        for name, period in placed.items():
            assert any(own.start <= period.start and period.end <= own.end for own in rostered[name])
        work = replace_shift(rostered, placed)
        assert tuple(find_working_time_faults(case.operator, work, rostered)) == ()


# Days without a roster ---------------------------------------------------------------------------


def free_operator(people: Sequence[Agent]) -> Operator:
    return operator_of(
        [site("a", "MA"), site("b", "FR", 33.6, -7.5), site("c", "BE", 33.6, -7.4)],
        {"a": (40, 2.0), "b": (40, 2.0), "c": (40, 2.0)},
        [programme("p", "k")],
        people,
        [],
    )


def require_days(
    first: date, count: int, open_from: float, open_to: float, zone: str = "Europe/Paris"
) -> list[Requirement]:
    """Return the requirement of days that need people from an hour to an hour of the clock."""
    needs = []
    for i in range(count):
        day = first + timedelta(days=i)
        midnight, following = day_bounds(day, zone)
        starts = tuple(midnight + j * HALF_HOUR for j in range((following - midnight) // HALF_HOUR))
        hours = [j / 2 for j in range(len(starts))]
        agents = np.array([[3.0 if open_from <= hour < open_to else 0.0] for hour in hours])
        needs.append(Requirement(day, ("p",), starts, agents, agents, agents * 5, np.full(agents.shape, 300.0), {}))
    return needs


def plan_free_days(operator: Operator, needs: Sequence[Requirement], free: FreeWeek | None) -> list[Plan]:
    return name_days(operator, solve_days(operator, needs, PlanSettings(), free_week=free))


FORWARD, BACK = (date(2027, 3, 25), 7, (0.0, 24.0)), (date(2026, 10, 22), 7, (6.0, 24.0))
"""Weeks at whose end the clocks change, by day and night."""
OTHER_WEEKS = (
    (date(2026, 11, 30), 7, (8.0, 20.0)),
    (date(2026, 11, 30), 7, (0.0, 24.0)),
    (date(2026, 12, 3), 10, (5.0, 23.5)),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "count", "hours"), [FORWARD, BACK, *(OTHER_WEEKS if os.environ.get("RELEVE_ALL_DRAWS") else ())]
)
def test_no_choice_of_days_without_a_roster_breaks_a_row(first: date, count: int, hours: tuple[float, float]) -> None:
    people = [
        agent(f"{where}{i}", where, "p", contract_hours=hours_a_week, own_transport=True)
        for where in "abc"
        for i, hours_a_week in enumerate((40.0, 44.0, 30.0, 40.0, 60.0, 40.0, 40.0, 35.0))
    ]
    operator = free_operator(people)
    needs = require_days(first, count, *hours)
    plans = plan_free_days(operator, needs, FreeWeek.build(operator, needs))
    assert all(plan.violations == () for plan in plans)
    draws = Random(1)
    for _ in range(6):
        work: dict[str, list[WorkPeriod]] = {}
        for plan in plans:
            for name, period in read_work(place_scenario(plan, draws.choice(list(plan.scenarios)))).items():
                work.setdefault(name, []).append(period)
        assert tuple(find_working_time_faults(operator, work)) == ()


def test_without_turns_of_days_off_a_week_without_a_roster_breaks_rows() -> None:
    operator = free_operator([agent(f"a{i}", "a", "p") for i in range(3)])
    needs = require_days(date(2026, 11, 30), 7, 8.0, 18.0)
    work: dict[str, list[WorkPeriod]] = {}
    for plan in plan_free_days(operator, needs, None):
        for name, period in read_work(plan.placements).items():
            work.setdefault(name, []).append(period)
    said = "\n".join(find_working_time_faults(operator, work))
    assert "MA-WEEK" in said
    assert "MA-FREE" in said


def test_a_day_alone_and_a_roster_have_no_turns() -> None:
    operator = free_operator([agent("a0", "a", "p")])
    needs = require_days(DAY, 2, 8.0, 18.0)
    assert FreeWeek.build(operator, needs[:1]) is None
    assert FreeWeek.build(replace(operator, shifts=(shift("a0", "08:00", "16:00"),)), needs) is None


# What a roster breaks itself ---------------------------------------------------------------------


def long_day() -> Operator:
    """Return an operator whose only agent works twelve hours."""
    people, shifts = [agent("a1", "a", "p")], [shift("a1", "06:00", "18:00")]
    return operator_of([site("a")], {"a": (9, 2.0)}, [programme("p", "k")], people, shifts)


def test_the_recount_names_what_a_plan_would_break_and_not_what_the_roster_has_already() -> None:
    operator = long_day()
    rostered = WorkingTime(operator).rostered
    assert tuple(find_working_time_faults(operator, rostered, rostered)) == ()
    longer = {"a1": [WorkPeriod(rostered["a1"][0].start, rostered["a1"][0].end + HALF_HOUR)]}
    first, *_ = find_working_time_faults(operator, longer, rostered)
    assert first.startswith(f"Working time: agent a1 on {DAY}: 12.50 h of work in a day, at most 10 h (MA-DAY).")


def test_the_case_of_a_plan_is_planned_as_before() -> None:
    """A roster is planned on its shifts, whatever rows it breaks: they are said, and stop no plan."""
    operator = long_day()
    case = Tiny(operator, requirement_of(operator, {("p", "08:00"): 1}), PlanSettings())
    plan = plan_case(case)
    assert plan.violations == ()
    assert [row.agent for row in plan.placements] == ["a1"]
    assert "MA-DAY" in {one.row.id for one in WorkingTime(operator).check_roster()}
