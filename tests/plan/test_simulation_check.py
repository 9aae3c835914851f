"""A plan simulated, and the loop of simulation and planning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from releve.demand import Requirement, metrics
from releve.demand.queue import predict_by_erlang
from releve.network import Operator
from releve.plan import BASE, Plan, SolvedDay, name_plan
from releve.plan.simulation_check import (
    SimulatedDay,
    compute_client_figures,
    find_relief_error,
    group_equal_scenarios,
    simulate_plan,
    tighten_requirement,
)
from releve.plan.week import VerificationProgress, VerifiedDay, verify_days
from tests.plan.wave_day import LOANS, OPEN, build_demand, operator, scale_calls, solve_unprotected, verify_wave

ENOUGH, SCARCE = 30, 14


def name_case_plan(of: Operator) -> Plan:
    return name_plan(of, solve_unprotected(of, build_demand(of)[1]))


def simulate(of: Operator, plan: Plan, scenario: str = BASE, calls: float = 1.0) -> SimulatedDay:
    forecast, need = build_demand(of)
    return simulate_plan(of, plan, need, scale_calls(forecast, calls), scenario=scenario, replications=100)


@pytest.fixture(scope="module")
def enough() -> SimulatedDay:
    of = operator(ENOUGH)
    return simulate(of, name_case_plan(of))


@pytest.fixture(scope="module")
def scarce() -> SimulatedDay:
    of = operator(SCARCE)
    return simulate(of, name_case_plan(of))


def test_the_agents_simulated_are_those_that_the_plan_places(enough: SimulatedDay) -> None:
    placed = enough.plan.scenarios[BASE].placed[:, 0]
    assert np.array_equal(enough.found.on_phone[:, 0], np.floor(placed * 0.9 + 1e-9))


def test_promised_is_erlang_of_each_half_hour_by_itself(enough: SimulatedDay) -> None:
    erlang, found = predict_by_erlang(enough.found), enough.found
    for i in OPEN:
        exact = metrics(found.calls[i, 0], 1800, 900, 120, found.on_phone[i, 0], 20)
        assert erlang[i, 0] == pytest.approx(float(exact.service_offered))
    assert np.all(erlang[: OPEN.start] == 1.0)
    assert np.all(erlang[:, 1] == 1.0)  # nothing queues at the mail


def test_without_agents_nothing_is_promised_and_an_unknown_level_stays_unknown(enough: SimulatedDay) -> None:
    found = enough.found
    no_agent, volume = found.on_phone.copy(), found.service.value.copy()
    no_agent[20, 0], volume[21, 0] = 0.0, math.nan
    changed = replace(found, on_phone=no_agent, service=replace(found.service, value=volume))
    erlang = predict_by_erlang(changed)
    assert erlang[20, 0] == 0.0
    assert np.isnan(erlang[21, 0])


def test_the_figures_of_a_client_are_means_over_its_calls(enough: SimulatedDay) -> None:
    (row,) = compute_client_figures(enough)  # the mail's client has no calls
    calls, missed = enough.found.calls[:, 0], enough.misses()[:, 0]
    service = enough.found.service.value[:, 0]
    assert row.client == "k"
    assert row.found == pytest.approx(np.average(service, weights=calls))
    assert row.promised == pytest.approx(np.average(predict_by_erlang(enough.found)[:, 0], weights=calls))
    assert row.missed == missed.sum() > 0
    answered = enough.found.answer_rate.value[:, 0]
    gap = np.maximum(LOANS.service_target - service, LOANS.answer_rate - answered)
    assert gap[row.worst_interval] == gap[missed].max()
    assert (row.worst, row.worst_answered) == (service[row.worst_interval], answered[row.worst_interval])
    assert row.short == 0
    need = build_demand(operator(ENOUGH))[1]
    assert row.required_hours == pytest.approx(need.agents[:, 0].sum() / 2)
    assert row.placed_hours == enough.plan.scenarios[BASE].placed[:, 0].sum() / 2


def test_more_is_asked_only_where_it_misses(enough: SimulatedDay) -> None:
    asked = tighten_requirement(enough)
    assert asked is not None
    more = asked.on_phone > enough.found.requirement.on_phone
    assert more.any()
    assert np.all(enough.misses()[more])
    assert enough.badness == (int(enough.misses().sum()), pytest.approx(enough.badness[1]))
    assert enough.badness[1] > 0


def test_nothing_more_is_asked_of_a_day_that_holds(enough: SimulatedDay) -> None:
    held = simulate(operator(ENOUGH), enough.plan, calls=0.5)
    assert not held.misses().any()
    assert tighten_requirement(held) is None
    assert held.badness == (0, 0.0)
    assert compute_client_figures(held)[0].worst_interval == -1


def test_half_hours_without_the_people_required_are_counted_as_short(scarce: SimulatedDay) -> None:
    (row,) = compute_client_figures(scarce)
    short = scarce.found.on_phone[:, 0] < scarce.found.requirement.on_phone[:, 0]
    assert row.short == (short & scarce.misses()[:, 0]).sum() > 0
    assert row.missed >= row.short


def test_nothing_more_is_asked_where_no_agent_is_left_to_place(scarce: SimulatedDay) -> None:
    """Of a requirement that is already what the calls behave like, people are all that lacks."""
    need = scarce.found.requirement
    higher = replace(need, on_phone=need.on_phone * 2, agents=need.agents * 2)
    assert tighten_requirement(replace(scarce, found=replace(scarce.found, requirement=higher))) is None


def test_a_relief_in_which_erlang_errs_is_named_with_its_worst_half_hour() -> None:
    of = operator(ENOUGH)
    plan = name_case_plan(of)
    day = simulate(of, plan, "site:a")
    assert np.array_equal(day.found.on_phone[:, 0], np.floor(plan.scenarios["site:a"].placed[:, 0] * 0.9 + 1e-9))
    error = find_relief_error(day, ("site:a", "named:x"))
    assert error is not None
    assert error.scenarios == ("site:a", "named:x")
    assert error.programme == LOANS.id
    off = np.abs(predict_by_erlang(day.found)[OPEN, 0] - day.found.service.value[OPEN, 0])
    assert error.half_hours <= (off > 0.05).sum()
    assert abs(error.promised - error.found) > 0.05
    assert error.promised == predict_by_erlang(day.found)[error.interval, 0]
    assert find_relief_error(day, ("site:a",), by=0.9) is None


def test_scenarios_that_place_the_same_are_simulated_once(enough: SimulatedDay) -> None:
    plan = enough.plan
    scenarios = {**plan.scenarios, "named:calm": plan.scenarios[BASE]}
    groups = group_equal_scenarios(replace(plan, scenarios=scenarios))
    assert groups[0][0] == BASE
    assert "named:calm" in groups[0]
    assert all(BASE not in names for names in groups if "site:a" in names)
    assert sorted(name for names in groups for name in names) == sorted(scenarios)


@pytest.fixture(scope="module")
def held() -> VerifiedDay:
    return verify_wave(30)


def test_planned_again_until_every_half_hour_holds(held: VerifiedDay) -> None:
    assert held.why == "held"
    assert 1 <= held.round <= 5
    assert held.before.misses().any()
    assert not held.after.misses().any()
    need = held.solved.need
    assert (need.on_phone >= held.before.found.requirement.on_phone).all()
    assert held.after.found.requirement is need


def test_a_plan_that_gets_no_better_is_not_kept() -> None:
    of = operator(14)
    worse = solve_unprotected(of, build_demand(of)[1])
    found = verify_wave(30, solved=worse)
    assert (found.round, found.why) == (0, "no better")
    assert found.solved is not worse
    assert found.after is found.before


def test_each_day_has_its_own_end() -> None:
    of = operator(30)
    forecast, need = build_demand(of)
    calm = replace(forecast, mean=forecast.mean / 2)
    asked: list[int] = []

    def again(needs: Sequence[Requirement]) -> list[SolvedDay]:
        asked.append(len(needs))
        return [solve_unprotected(of, one) for one in needs]

    solved = solve_unprotected(of, need)
    first, second = verify_days(of, [calm, forecast], [solved, solved], again, rounds=3, replications=100)
    assert (first.round, first.why) == (0, "held")
    assert second.round >= 1
    assert set(asked) == {1}


class Recorder(VerificationProgress):
    """Records what a verification reports."""

    def __init__(self) -> None:
        self.rounds: list[tuple[int, tuple[int, float]]] = []
        self.days: dict[int, list[int]] = {}
        self.reliefs: list[tuple[int, int]] = []

    def simulate(self, day: date, number: int, done: int, of: int) -> None:
        assert 0 <= done <= of == 100
        self.days.setdefault(number, []).append(done)

    def finish_round(self, number: int, day: SimulatedDay) -> None:
        self.rounds.append((number, day.badness))

    def simulate_reliefs(self, plan: Plan, done: int, of: int) -> None:
        self.reliefs.append((done, of))


def test_progress_reports_every_round_and_relief() -> None:
    seen = Recorder()
    found = verify_wave(30, rounds=1, progress=seen)
    assert seen.rounds == [(0, found.before.badness), (1, found.after.badness)]
    assert all(done[0] == 0 and done[-1] == 100 for done in seen.days.values())
    total = seen.reliefs[-1][1]
    assert seen.reliefs == [(done, total) for done in range(total + 1)]
