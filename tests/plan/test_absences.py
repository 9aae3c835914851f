"""Known absences: people are placed, counted and relieved for what an absence leaves of their work, and no more."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from releve.files.plan_folder import write_plans
from releve.network import Operator, PlannedAbsence, Shift
from releve.plan import BASE, Plan, check_plan
from releve.plan.plan_json import plan_to_json
from releve.plan.result import read_agent
from releve.plan.settings import PlanSettings
from tests.plan.night_operators import HALF_HOUR, need_of, night_operator, plan_chain
from tests.plan.test_nights import DAY, count_from_files
from tests.plan.tiny_operators import agent, operator_of, programme, site

WEEK = timedelta(days=7)


def with_absences(operator: Operator, seed: int) -> Operator:
    """Return the operator with one person away all week, and others for a part of a shift, at odd minutes too."""
    draw = random.Random(seed)
    rows = [PlannedAbsence(operator.agents[0].id, operator.shifts[0].start - WEEK, operator.shifts[0].start + 2 * WEEK)]
    for shift in operator.shifts:
        if shift.agent != operator.agents[0].id and draw.random() < 0.4:
            minutes = int((shift.end - shift.start).total_seconds() // 60)
            start = shift.start + timedelta(minutes=draw.randrange(-60, minutes))
            rows.append(
                PlannedAbsence(shift.agent, start, start + timedelta(minutes=draw.randrange(15, 240)), "meeting")
            )
    return replace(operator, absences=tuple(rows))


def count_there(operator: Operator, name: str, at: datetime) -> bool:
    """Return whether the roster has an agent there at an instant and no absence has them away, row by row."""
    rostered = any(row.agent == name and row.start <= at < row.end for row in operator.shifts)
    return rostered and not any(row.agent == name and row.start <= at < row.end for row in operator.absences)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("day_starts", ["00:00", "04:00"])
def test_absent_people_are_placed_and_counted_for_the_rest_alone(tmp_path: Path, seed: int, day_starts: str) -> None:
    operator = with_absences(night_operator(seed, DAY - timedelta(days=2), 5), seed)
    operator = replace(operator, row=replace(operator.row, day_starts=day_starts))
    plans = plan_chain(operator, [need_of(operator, DAY + timedelta(days=n), seed) for n in (-1, 0, 1)])
    assert [plan.violations for plan in plans] == [(), (), ()]
    write_plans(tmp_path / "plan", plans, stamp=datetime(2026, 11, 1, tzinfo=UTC))
    counted = count_from_files(tmp_path / "plan", operator)
    for plan in plans:
        placed = plan.scenarios[BASE].placed
        names = [name for name, _, _ in plan.programmes]
        again = [[counted[str(plan.day), start, name] for name in names] for start in plan.starts]
        np.testing.assert_allclose(placed, again, atol=1e-9)
        reserve = {read_agent(key) for key in plan.reserve}
        assert operator.agents[0].id not in {row.agent for row in plan.placements} | reserve
        for minute in range(0, len(plan.starts) * 30, 5):
            at = plan.starts[0] + timedelta(minutes=minute)
            there = {row.agent for row in plan.placements if row.is_present(at)}
            due = {row.id for row in operator.agents if count_there(operator, row.id, at)}
            assert there <= due
            assert due - there <= reserve
        assert not _find_moved_while_away(operator, plan)


def _find_moved_while_away(operator: Operator, plan: Plan) -> list[str]:
    moved = [move.after for scenario in plan.scenarios.values() for move in scenario.moves if move.after is not None]
    return [
        row.agent
        for row in moved
        for start, end in row.list_periods()
        for away in operator.absences
        if away.agent == row.agent and away.start < end and away.end > start
    ]


def test_the_checker_finds_people_who_are_placed_while_they_are_away() -> None:
    operator = night_operator(2, DAY - timedelta(days=1), 3)
    need = need_of(operator, DAY, 2)
    (plan,) = plan_chain(operator, [need])
    assert check_plan(operator, plan, PlanSettings(), need.aht_s) == ()
    placed = next(row for row in plan.placements if not row.carried)
    whole = PlannedAbsence(placed.agent, placed.start - HALF_HOUR, placed.end + HALF_HOUR, "leave")
    found = check_plan(replace(operator, absences=(whole,)), plan, PlanSettings(), need.aht_s)
    assert any(f"agent {placed.agent} " in one and "no shift that starts on" in one for one in found)
    late = replace(whole, end=placed.start + HALF_HOUR)
    found = check_plan(replace(operator, absences=(late,)), plan, PlanSettings(), need.aht_s)
    assert any(f"agent {placed.agent} " in one and "but the shift is" in one for one in found)


def test_a_meeting_inside_a_shift_frees_the_seat_and_counts_for_no_call() -> None:
    operator = replace(_two_people(), absences=(PlannedAbsence("a1", _at(10), _at(11, 30), "meeting"),))
    (plan,) = plan_chain(operator, [need_of(operator, DAY, agents=2.0)])
    assert plan.violations == ()
    row = next(one for one in plan.placements if one.agent == "a1")
    assert row.list_periods() == ((_at(8), _at(10)), (_at(11, 30), _at(16)))
    placed = plan.scenarios[BASE].placed[:, 0]
    there = {start: placed[t] for t, start in enumerate(plan.starts)}
    assert [there[_at(hour)] for hour in (9, 10, 11)] == [2.0, 1.0, 1.0]


def test_absences_outside_the_planned_hours_change_no_bit_of_a_plan() -> None:
    operator = night_operator(3, DAY - timedelta(days=1), 3)
    away = tuple(PlannedAbsence(row.agent, row.end, row.end + timedelta(minutes=5)) for row in operator.shifts)
    need = need_of(operator, DAY, 3)
    plain, same = (plan_chain(one, [need])[0] for one in (operator, replace(operator, absences=away)))
    assert plan_to_json(plain) == plan_to_json(same)


def test_without_a_roster_those_away_that_day_get_no_shift() -> None:
    operator = replace(_two_people(), shifts=())
    need = need_of(operator, DAY, agents=1.0)
    away = PlannedAbsence("a1", _at(0), _at(24), "training")
    (plan,) = plan_chain(replace(operator, absences=(away,)), [need])
    assert plan.violations == ()
    assert {row.agent for row in plan.placements} | set(plan.reserve) == {"a0"}
    (later,) = plan_chain(replace(operator, absences=(replace(away, start=_at(24), end=_at(48)),)), [need])
    assert {row.agent for row in later.placements} | set(later.reserve) == {"a0", "a1"}


def _at(hour: int, minute: int = 0) -> datetime:
    first = datetime.combine(date(2026, 12, 2), datetime.min.time(), UTC)
    return first + timedelta(hours=hour, minutes=minute)


def _two_people() -> Operator:
    people = [agent(f"a{n}", "a", "p") for n in range(2)]
    shifts = [Shift(row.id, _at(8), _at(16), 0.0) for row in people]
    operator = operator_of([site("a")], {"a": (3, 2.0)}, [programme("p", "k")], people, shifts)
    return replace(operator, row=replace(operator.row, time_zone="UTC"))
